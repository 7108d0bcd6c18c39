"""Fluxes drawn from a population: coordinates, priors and posteriors."""

import numpy as np
import pytest

from bayes_onoff.errors import InputError
from bayes_onoff.inference import LightCurvePosterior, Population, SamplerSettings, compile_light_curve
from bayes_onoff.inference.fit_data import FitData
from bayes_onoff.inference.population import (
    PopulationSignal,
    counts_at_mean,
    factor_conditional,
    photons_of_groups,
    population_geometry,
    shift_conditional,
)
from bayes_onoff.inference.run_groups import RunGroups
from bayes_onoff.models import HalfNormal, Normal, SpectralModel, photons
from tests.proofs.light_curves import LEVELS, MODEL, N_GROUPS, TRUTH, compiled_curve, toy_runs, toy_with_counts

SETTINGS = SamplerSettings(chains=4, tune=500, draws=500, seed=3)
FACTORS = np.array([0.4, 0.7, 1.0, 1.3, 1.8, 0.8])


def fitted(level: str, factors: np.ndarray, seed: int = 1) -> LightCurvePosterior:
    spectra = toy_with_counts(LEVELS[level], factors, np.random.default_rng(seed))
    return compiled_curve().fit(spectra, SETTINGS, progress=False)


@pytest.fixture(scope="module")
def bright() -> LightCurvePosterior:
    return fitted("very many", FACTORS)


@pytest.fixture(scope="module")
def constant() -> LightCurvePosterior:
    return fitted("very many", np.ones(N_GROUPS))


@pytest.fixture(scope="module")
def faint() -> LightCurvePosterior:
    return fitted("few", np.ones(N_GROUPS))


def test_many_counts_measure_every_flux(bright: LightCurvePosterior) -> None:
    factor = bright.draws("factor")
    relative = factor / factor.mean(axis=-1, keepdims=True)
    assert relative.mean(axis=(0, 1)) == pytest.approx(FACTORS / FACTORS.mean(), rel=0.05)
    assert np.log(factor).std(axis=(0, 1)).max() > 0.1  # the mean of six fluxes says little of the population's
    spread = np.std(np.log(FACTORS), ddof=1)
    low, high = np.quantile(bright.draws("scatter"), [0.16, 0.84])
    assert low < spread < high


def test_a_constant_source_has_no_scatter(constant: LightCurvePosterior) -> None:
    assert np.quantile(constant.draws("scatter"), 0.95) < 0.06
    assert constant.medians["amplitude"] == pytest.approx(TRUTH["amplitude"], rel=0.05)


def test_few_counts_leave_the_prior(faint: LightCurvePosterior) -> None:
    assert 0.2 < np.quantile(faint.draws("scatter"), 0.95) < 1.4


@pytest.mark.parametrize("regime", ["bright", "constant", "faint"])
def test_samples_well_in_every_regime(regime: str, request: pytest.FixtureRequest) -> None:
    convergence = request.getfixturevalue(regime).convergence
    assert convergence.divergences <= convergence.draws / 1000
    assert convergence.ess_bulk_min > 400


def test_signal_is_the_folded_spectrum_times_the_factor(faint: LightCurvePosterior) -> None:
    draw = {name: values[0, 7] for name, values in faint.values.items()}
    data = FitData.from_spectra(faint.spectra)
    counts = data.response @ photons(MODEL, draw, data.energy_true.edges)
    expected = counts * faint.draws("factor")[0, 7][:, None]
    assert faint.draws("npred_signal")[0, 7] == pytest.approx(expected)


def test_fluxes_are_the_integral_times_the_factor(faint: LightCurvePosterior) -> None:
    edges = np.array([1.0, 10.0])
    integral = photons(MODEL, faint.values, edges)
    assert faint.flux(edges) == pytest.approx(integral * faint.draws("factor"))


def signal_with_index() -> tuple[PopulationSignal, FitData]:
    rng = np.random.default_rng(5)
    shifts = np.array([-0.4, -0.2, 0.0, 0.2, 0.4, 0.0])
    spectra = toy_with_counts(LEVELS["very many"], FACTORS, rng, index_shifts=shifts)
    signal = PopulationSignal(MODEL, Population(index_scatter=HalfNormal(0.3)), RunGroups.of(spectra))
    return signal, FitData.from_spectra(spectra)


def test_coordinates_find_factors_and_shifts() -> None:
    """With many counts the approximation sits at the truth; it sets coordinates only."""
    signal, data = signal_with_index()
    arrays = population_geometry(data, signal) | {"response": data.response}
    edges = data.energy_true.edges
    counts = counts_at_mean(signal, TRUTH, None, arrays, edges)
    shift = shift_conditional(counts, np.array(0.3), arrays)
    assert shift.mean == pytest.approx([-0.4, -0.2, 0.0, 0.2, 0.4, 0.0], abs=0.1)
    counts = counts_at_mean(signal, TRUTH, np.asarray(shift.mean), arrays, edges)
    factor = factor_conditional(counts, np.array(0.5), arrays)
    assert np.exp(factor.mean) == pytest.approx(FACTORS, rel=0.06)


@pytest.mark.parametrize("scatter", [1e-6, 0.1, 2.0])
def test_prior_of_the_coordinate_is_the_prior_of_the_factor(scatter: float) -> None:
    """Mean 1, whatever the coordinates: exp of a normal of mean -s^2/2."""
    signal, data = signal_with_index()
    arrays = population_geometry(data, signal) | {"response": data.response}
    counts = counts_at_mean(signal, TRUTH, None, arrays, data.energy_true.edges)
    conditional = factor_conditional(counts, np.array(scatter), arrays)
    mean, sd = conditional.prior_of_raw()
    assert conditional.mean + conditional.sd * mean == pytest.approx(np.full(N_GROUPS, -(scatter**2) / 2), abs=1e-9)
    assert conditional.sd * sd == pytest.approx(np.full(N_GROUPS, scatter))


def test_groups_without_counts_keep_the_prior() -> None:
    spectra = toy_runs(LEVELS["few"])
    data = FitData.from_spectra(spectra)
    signal = PopulationSignal(MODEL, Population(), RunGroups.of(spectra))
    arrays = population_geometry(data, signal)
    assert all(np.isfinite(values).all() for values in arrays.values())


def test_a_shifted_index() -> None:
    edges = np.geomspace(0.3, 30, 121)
    shifted = photons_of_groups(MODEL, TRUTH, np.array([0.0, 0.5]), edges)
    steeper = photons(MODEL, {**TRUTH, "index": TRUTH["index"] + 0.5}, edges)
    assert shifted[0] == pytest.approx(photons(MODEL, TRUTH, edges))
    assert shifted[1] == pytest.approx(steeper, rel=1e-3)


def test_groups_of_runs() -> None:
    spectra = toy_runs(LEVELS["few"])
    names = spectra.names
    groups = RunGroups.of(spectra, {"first": names[:2], "second": names[2:]})
    assert groups.group_of_run.tolist() == [0, 0, 1, 1, 1, 1]
    assert groups.membership.sum(axis=0).tolist() == [2, 4]
    with pytest.raises(InputError, match="every run must belong to one group"):
        RunGroups.of(spectra, {"first": names[:2]})
    with pytest.raises(InputError, match="every run must belong to one group"):
        RunGroups.of(spectra, {"first": names, "second": ()})


def test_one_group_does_not_vary() -> None:
    spectra = toy_runs(LEVELS["few"])
    with pytest.raises(InputError, match="one group does not vary"):
        compile_light_curve(spectra, SpectralModel("power-law"), {"all": spectra.names})


def test_a_scatter_is_not_negative() -> None:
    with pytest.raises(InputError, match="a standard deviation is not negative"):
        Population(Normal(0.0, 1.0))
