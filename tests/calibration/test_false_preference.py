"""How often the simpler model prefers the richer one: real refits of a small analysis, few of them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bayes_onoff.calibration import FalsePreference, PreferenceSettings, false_preference
from bayes_onoff.errors import InputError
from bayes_onoff.inference import BackgroundModel, Posterior, SamplerSettings, fit
from bayes_onoff.models import SpectralModel
from bayes_onoff.simulation import simulate_counts
from bayes_onoff.spectra import Spectra
from tests.calibration.one_run import empty_run

SETTINGS = PreferenceSettings(n_sets=4, seed=3, processes=1, sampling=SamplerSettings(200, 200, chains=2))


@pytest.fixture(scope="module")
def posteriors() -> tuple[Posterior, Posterior]:
    """A power law and a log-parabola of one run of six bins made with a power law."""
    run = empty_run(exposure=1e13)
    simpler, richer = SpectralModel("power-law"), SpectralModel("log-parabola")
    truth = {"amplitude": 2e-11, "index": 2.3}
    off = 6.0 * (run.energy.centers / 2) ** -1.5
    spectra = simulate_counts(Spectra((run,)), simpler, truth, npred_off=off[None], rng=np.random.default_rng(2))
    background = BackgroundModel("independent", 0.5, 0.05)
    one, other = (
        fit(spectra, model, background, SamplerSettings(seed=1), progress=False) for model in (simpler, richer)
    )
    return one, other


def test_sets_are_simulated_compared_and_resumed(posteriors: tuple[Posterior, Posterior], tmp_path: Path) -> None:
    simpler, richer = posteriors
    record = tmp_path / "sets.jsonl"
    found = false_preference(simpler, richer, SETTINGS, record=record)
    factors = found.simulated_log_bayes_factor
    assert len(factors) == 4
    assert len(np.unique(factors)) == 4
    assert np.all(factors < 6)
    assert found.evidence_rate >= 0.2
    lines = record.read_text().splitlines()
    record.write_text("\n".join(lines[:3]) + "\n" + lines[3][:40])  # interrupted while writing
    said: list[str] = []
    again = false_preference(simpler, richer, SETTINGS, record=record, on_progress=said.append)
    assert said[0] == "2 of 4 data sets are there already"
    np.testing.assert_allclose(again.simulated_log_bayes_factor, factors, rtol=1e-10)
    assert again.log_bayes_factor == found.log_bayes_factor


def test_rates_count_the_data_as_one_set() -> None:
    found = FalsePreference(2.0, 1.0, np.array([0.0, 1.0, 2.0, 3.0]), np.array([-3.0, -2.0, -1.0, 0.0]))
    assert found.evidence_rate == 3 / 5
    assert found.loo_rate == 1 / 5
    assert "in 60 % of cases by evidence (ln Bayes factor 2.0) and in 20 % by leave-one-out" in found.sentence
    assert "From 4 simulated data sets." in found.sentence


def test_refusals(posteriors: tuple[Posterior, Posterior]) -> None:
    simpler, richer = posteriors
    run = simpler.spectra.runs[0]
    tree = richer.tree.copy()
    from bayes_onoff.spectra.labelled import to_dataset

    tree["spectra"] = to_dataset(Spectra((run.replace(n_on=run.n_on + 1),)))
    with pytest.raises(InputError, match="false_preference: the models were fitted to different data"):
        false_preference(simpler, replace(richer, tree=tree), SETTINGS)
    with pytest.raises(InputError, match=r"preference\.n_sets: too few; found 0"):
        PreferenceSettings(n_sets=0)
