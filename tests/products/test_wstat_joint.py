"""Profile-likelihood fits of several instruments, with and without systematics."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from bayes_onoff.errors import InputError
from bayes_onoff.inference import Instrument, Systematics
from bayes_onoff.models import SpectralModel
from bayes_onoff.products import fit_wstat, fit_wstat_joint
from bayes_onoff.spectra import Spectra, read_ogip_files, with_fit_range

LP = SpectralModel("log-parabola")
PL = SpectralModel("power-law")
RANGES = {"magic": (0.08, 30.0), "hess": (0.0, 30.0)}


@pytest.fixture(scope="module")
def joint_crab(gammapy_data: Path) -> Callable[[Systematics], dict[str, Instrument]]:
    def read(systematics: Systematics) -> dict[str, Instrument]:
        found = {}
        for name, energies in RANGES.items():
            files = sorted((gammapy_data / "joint-crab/spectra" / name).glob("pha_obs*.fits"))
            found[name] = Instrument(with_fit_range(read_ogip_files(files), *energies), systematics=systematics)
        return found

    return read


def assert_values(fit, expected):
    """Values and errors to the digits printed, curvature in log10."""
    assert fit.success, fit.message
    for name, (value, error) in expected.items():
        factor = {"beta": np.log(10), "amplitude": 1e11}.get(name, 1.0)
        digits = 0.006 if name == "amplitude" else 0.0006
        assert fit.values[name] * factor == pytest.approx(value, abs=digits), name
        assert fit.errors[name] * factor == pytest.approx(error, abs=digits + 0.003 * error), name


def test_joint_crab_is_the_reference(joint_crab):
    """MAGIC and H.E.S.S. as in Nigro et al. (2019), A&A 625, A10; both minima found with another program too."""
    without = fit_wstat_joint(joint_crab(Systematics()), LP)
    assert without.n_bins == 224
    assert without.stat == pytest.approx(235.50, abs=0.006)
    assert without.penalty == 0
    assert_values(without, {"amplitude": (4.43, 0.19)})
    with_scale = fit_wstat_joint(joint_crab(Systematics(energy_scale=0.15)), LP)
    assert with_scale.stat == pytest.approx(234.27, abs=0.006)
    assert_values(
        with_scale,
        {
            "amplitude": (4.40, 0.72),
            "alpha": (2.491, 0.054),
            "beta": (0.327, 0.058),
            "magic::energy_scale": (-0.033, 0.107),
            "hess::energy_scale": (0.031, 0.1125),
        },
    )
    pulls = [with_scale.values[f"{name}::energy_scale"] / 0.15 for name in RANGES]
    assert with_scale.penalty == pytest.approx(np.sum(np.square(pulls)))


def test_one_instrument_without_systematics_is_the_plain_fit(spectra: Spectra):
    plain, joint = fit_wstat(spectra, PL), fit_wstat_joint({"one": Instrument(spectra)}, PL)
    assert joint.values == pytest.approx(plain.values, rel=1e-9)
    assert joint.errors == pytest.approx(plain.errors, rel=1e-6)
    assert joint.stat == pytest.approx(plain.stat, rel=1e-12)


def test_five_instruments_with_every_systematic(spectra: Spectra):
    """Identical instruments: errors shrink as they must, and each keeps what only its prior knows."""
    systematics = Systematics(energy_scale=0.1)
    instruments = {f"telescope-{i}": Instrument(spectra, systematics=systematics) for i in range(5)}
    five, one = fit_wstat_joint(instruments, PL), fit_wstat(spectra, PL)
    assert five.success, five.message
    assert five.stat == pytest.approx(5 * one.stat, rel=1e-6)
    for name in PL.parameter_names:
        assert five.values[name] == pytest.approx(one.values[name], rel=1e-4)
    assert five.errors["index"] == pytest.approx(one.errors["index"] / np.sqrt(5), rel=0.01)
    # A scale common to all five cannot be told from the amplitude: what is left is a fifth of its prior's variance.
    scales = [name for name in five.values if "::" in name]
    assert len(scales) == 5
    index, rows = list(five.values).index, [list(five.values).index(name) for name in scales]
    common = five.covariance[np.ix_(rows, rows)].mean()
    assert common == pytest.approx(0.1**2 / 5, rel=0.01)
    slope = five.values["index"] - 1
    variance = one.covariance[index("amplitude"), index("amplitude")] / 5 / one.values["amplitude"] ** 2
    assert (five.errors["amplitude"] / five.values["amplitude"]) ** 2 == pytest.approx(
        variance + slope**2 * common, rel=0.02
    )


def test_runs_may_have_their_own_scales_and_areas_their_own_shapes(spectra: Spectra):
    each = Systematics(energy_scale=0.1, energy_scale_of="run")
    fit = fit_wstat_joint({"one": Instrument(spectra, systematics=each)}, PL)
    assert [name for name in fit.values if "::" in name] == [f"one::energy_scale[{run}]" for run in spectra.names]
    area = Systematics(effective_area=0.1, area_length=100)  # one factor: a tenth on the amplitude
    plain = fit_wstat(spectra, PL)
    fit = fit_wstat_joint({"one": Instrument(spectra, systematics=area)}, PL)
    assert fit.success, fit.message
    relative = [found.errors["amplitude"] / found.values["amplitude"] for found in (plain, fit)]
    assert relative[1] == pytest.approx(np.hypot(relative[0], 0.1), rel=0.02)
    assert fit.stat == pytest.approx(plain.stat, abs=0.02)


def test_what_cannot_be_fitted_is_refused(spectra: Spectra):
    with pytest.raises(InputError, match="instruments: no instrument"):
        fit_wstat_joint({}, PL)
    with pytest.raises(InputError, match="not a name for an instrument; found 'a::b'"):
        fit_wstat_joint({"a::b": Instrument(spectra)}, PL)
    with pytest.raises(InputError, match="no such parameter; found 'energy_scale'"):
        fit_wstat_joint({"a": Instrument(spectra)}, PL, start={"energy_scale": 0.1})
