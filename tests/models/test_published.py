import numpy as np
import pytest

from bayes_onoff.models import CRAB

# gammapy 2.1, create_crab_spectral_model, at 0.05 TeV, sqrt(5) TeV and 100 TeV; cm-2 s-1 TeV-1
GAMMAPY = {
    "hess_pl": (9.110201517581129e-08, 4.155980865610135e-12, 1.8959160148088055e-16),
    "hess_ecpl": (4.8209321848859744e-08, 4.699035876444984e-12, 5.730117082910687e-19),
    "hegra": (7.252454689212537e-08, 3.4366533667915833e-12, 1.6284950226641534e-16),
    "magic_lp": (2.0725434289756367e-08, 4.13676664426665e-12, 4.0663290800951564e-17),
    "magic_ecpl": (2.827748406681626e-08, 4.421501172595607e-12, 8.347227142421941e-23),
    "meyer": (2.709292243076604e-08, 4.151595782843434e-12, 9.312735884955106e-17),
}


@pytest.mark.parametrize("name", GAMMAPY)
def test_the_crab_is_as_published(name):
    np.testing.assert_allclose(CRAB[name].dnde([0.05, np.sqrt(5), 100]), GAMMAPY[name], rtol=1e-12)


def test_all_are_cited():
    assert set(CRAB) == set(GAMMAPY)
    for name, spectrum in CRAB.items():
        assert spectrum.name == name
        assert any(year in spectrum.citation for year in ("2000", "2006", "2010", "2015"))


def test_the_value_at_1_tev_is_the_amplitude():
    for spectrum in CRAB.values():
        amplitude = spectrum.values.get("amplitude", 3.3457201e-11)
        cut = np.exp(-spectrum.values.get("lambda_", 0))
        assert spectrum.dnde(1.0) == pytest.approx(amplitude * cut, rel=1e-7)
