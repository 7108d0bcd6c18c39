import numpy as np
import pytest

from bayes_onoff.axes import EnergyAxis
from bayes_onoff.errors import InputError
from bayes_onoff.models import SpectralModel, photons
from bayes_onoff.simulation import simulate_counts
from bayes_onoff.spectra import Spectra, SpectrumOnOff, fold

N_BINS = 300
MODEL = SpectralModel("power-law")
VALUES = {"amplitude": 3e-11, "index": 2.0}


def a_run(name: str, n_off_regions: int = 0) -> SpectrumOnOff:
    """Many bins, no dispersion, an exposure that rises so that all bins expect about as much signal."""
    axis = EnergyAxis(np.geomspace(0.1, 100, N_BINS + 1))
    by_region = np.zeros((n_off_regions, N_BINS)) if n_off_regions else None
    return SpectrumOnOff(
        name=name,
        energy=axis,
        energy_true=EnergyAxis(axis.edges, "energy_true"),
        n_on=np.zeros(N_BINS),
        n_off=np.zeros(N_BINS),
        acceptance=np.array(1.0),
        acceptance_off=np.array(4.0),
        exposure=6e12 * axis.centers,
        edisp=np.eye(N_BINS),
        livetime=1500.0,
        mask_safe=axis.centers > 0.5,
        n_off_by_region=by_region,
    )


@pytest.fixture
def spectra() -> Spectra:
    return Spectra((a_run("1"), a_run("2", n_off_regions=4)))


def assert_poisson(counts: np.ndarray, expected: np.ndarray) -> None:
    pull = (counts - expected) / np.sqrt(expected)
    assert abs(pull.mean()) < 4 / np.sqrt(pull.size)
    assert abs(pull.var() - 1) < 4 * np.sqrt((2 + np.mean(1 / expected)) / pull.size)


def test_on_and_off_are_poisson_about_signal_and_background(spectra: Spectra) -> None:
    npred_off = np.linspace(5, 50, 2 * N_BINS).reshape(2, N_BINS)
    new = simulate_counts(spectra, MODEL, VALUES, npred_off=npred_off, rng=np.random.default_rng(1))
    signal = fold(photons(MODEL, VALUES, spectra.energy_true.edges), spectra.response)
    assert 2 < signal.min() < signal.max() < 10
    assert_poisson(new.n_on, signal + npred_off / 4)
    assert_poisson(new.n_off, npred_off)
    assert (
        abs(
            np.corrcoef(
                new.n_on.ravel() - signal.ravel() - npred_off.ravel() / 4, new.n_off.ravel() - npred_off.ravel()
            )[0, 1]
        )
        < 0.2
    )


def test_each_off_region_gets_its_share_and_they_add_up(spectra: Spectra) -> None:
    npred_off = np.full((2, N_BINS), 40.0)
    run = simulate_counts(spectra, MODEL, VALUES, npred_off=npred_off, rng=np.random.default_rng(2))["2"]
    assert run.n_off_by_region is not None
    np.testing.assert_array_equal(run.n_off_by_region.sum(axis=0), run.n_off)
    assert_poisson(run.n_off_by_region, np.full((4, N_BINS), 10.0))


def test_only_the_counts_change(spectra: Spectra) -> None:
    new = simulate_counts(spectra, MODEL, VALUES, npred_off=np.ones((2, N_BINS)), rng=np.random.default_rng(3))
    assert new.names == spectra.names
    assert new["1"].n_off_by_region is None
    for key in ("response", "alpha", "mask"):
        np.testing.assert_array_equal(getattr(new, key), getattr(spectra, key))


def test_the_generator_decides(spectra: Spectra) -> None:
    def draw(seed: int) -> np.ndarray:
        npred_off = np.full((2, N_BINS), 3.0)
        return simulate_counts(spectra, MODEL, VALUES, npred_off=npred_off, rng=np.random.default_rng(seed)).n_on

    np.testing.assert_array_equal(draw(4), draw(4))
    assert np.any(draw(4) != draw(5))


def test_without_source_and_background_nothing_is_counted(spectra: Spectra) -> None:
    nothing = VALUES | {"amplitude": 0.0}
    new = simulate_counts(spectra, MODEL, nothing, npred_off=np.zeros((2, N_BINS)), rng=np.random.default_rng(6))
    assert new.n_on.sum() == new.n_off.sum() == 0


@pytest.mark.parametrize(
    ("npred_off", "values", "message"),
    [
        (
            np.ones((1, N_BINS)),
            VALUES,
            r"npred_off: wrong shape; found \(1, 300\); allowed: \(run, energy\): \(2, 300\)",
        ),
        (np.full((2, N_BINS), -1.0), VALUES, "npred_off: expected counts must be finite and not negative"),
        (np.full((2, N_BINS), np.nan), VALUES, "npred_off: expected counts must be finite and not negative"),
        (np.ones((2, N_BINS)), {"amplitude": 1e-11}, "values: a parameter has no value; found 'index'"),
        (
            np.ones((2, N_BINS)),
            VALUES | {"amplitude": -1e-11},
            "values: the model predicts negative or infinite counts",
        ),
    ],
)
def test_bad_input_is_refused(spectra: Spectra, npred_off: np.ndarray, values: dict[str, float], message: str) -> None:
    with pytest.raises(InputError, match=message):
        simulate_counts(spectra, MODEL, values, npred_off=npred_off, rng=np.random.default_rng(7))
