"""Evidences against closed forms, a grid, and what has none."""

from pathlib import Path

import numpy as np
import pymc as pm
import pytest
from scipy import stats

from bayes_onoff.errors import InputError
from bayes_onoff.inference import (
    BackgroundModel,
    CompiledAnalysis,
    Posterior,
    SamplerSettings,
    Systematics,
    bridge_evidence,
    compile_analysis,
    compute_evidence,
    log_likelihood_of,
    refit,
    require_evidence,
    smc_evidence,
)
from bayes_onoff.inference.bridge import bridge_integral
from bayes_onoff.inference.fit_data import FitData
from bayes_onoff.inference.marginal_density import MarginalDensity
from bayes_onoff.inference.pymc_model import BandSignal, build_model
from bayes_onoff.inference.rates import prior_background_draws
from bayes_onoff.inference.sampling import CompiledModel, compile_model
from bayes_onoff.models import LogNormal, LogUniform, Prior, SpectralModel, TruncatedNormal, Uniform
from bayes_onoff.spectra import Spectra, read_ogip_files, with_fit_range

SHAPE, RATE, COUNTS = 2.5, 0.4, np.array([3, 7, 5])
GRID_EVIDENCE = -437.0238
"""Grid integration of the three H.E.S.S. runs, priors as below: a frozen reference value."""


@pytest.fixture(scope="module")
def gamma_poisson() -> CompiledModel:
    with pm.Model() as model:
        counts = pm.Data("n", COUNTS.astype(float))
        rate = pm.Gamma("rate", SHAPE, RATE)
        pm.Potential("counts", pm.logp(pm.Poisson.dist(rate), counts).sum())
    return compile_model(model)


def log_evidence_of_gamma_poisson() -> float:
    """The integral of a product of Poisson terms with a Gamma prior; predictive distributions one after the other."""
    total, shape, rate = 0.0, SHAPE, RATE
    for n in COUNTS:
        total += stats.nbinom(shape, rate / (rate + 1)).logpmf(n)
        shape, rate = shape + n, rate + 1
    return float(total)


def test_bridge_of_a_conjugate_model(gamma_poisson: CompiledModel) -> None:
    rng = np.random.default_rng(3)
    draws = {"rate": rng.gamma(SHAPE + COUNTS.sum(), 1 / (RATE + len(COUNTS)), (4, 500))}
    found = bridge_evidence(gamma_poisson, draws, seed=1)
    assert found.error < 0.01
    assert found.log_evidence == pytest.approx(log_evidence_of_gamma_poisson(), abs=4 * found.error)
    assert found == bridge_evidence(gamma_poisson, draws, seed=1)


def test_smc_of_a_conjugate_model(gamma_poisson: CompiledModel) -> None:
    found = smc_evidence(gamma_poisson.model, draws=500, seed=1)
    assert len(found.estimates) == 4
    assert 0 < found.error < 0.1
    assert found.log_evidence == pytest.approx(log_evidence_of_gamma_poisson(), abs=4 * found.error)


def test_smc_needs_runs_enough_for_an_error(gamma_poisson: CompiledModel) -> None:
    with pytest.raises(InputError, match="too few runs to tell the error from their scatter"):
        smc_evidence(gamma_poisson.model, runs=3)


def test_smc_starts_from_the_prior_whatever_the_initial_values() -> None:
    with pm.Model() as model:
        value = pm.Normal("value", 0.0, 10.0, initval=0.0)
        pm.Potential("counts", pm.logp(pm.Normal.dist(value, 1.0), 12.0))
    found = smc_evidence(model, draws=500, seed=2)
    assert found.log_evidence == pytest.approx(stats.norm(0, np.sqrt(101)).logpdf(12), abs=4 * found.error)


@pytest.fixture(scope="module")
def hess(gammapy_data: Path) -> Spectra:
    folder = gammapy_data / "joint-crab/spectra/hess"
    runs = read_ogip_files([folder / f"pha_obs{obs_id}.fits" for obs_id in (23526, 23559, 23592)])
    return with_fit_range(runs, 0.66, 30.0)


@pytest.fixture(scope="module")
def hess_analysis(hess: Spectra) -> CompiledAnalysis:
    model = SpectralModel("power-law", 1.0, {"amplitude": LogUniform(1e-12, 1e-10), "index": Uniform(1, 5)})
    return compile_analysis(hess, model, BackgroundModel("independent", 0.5, 0.05, marginal=True))


@pytest.fixture(scope="module")
def hess_posterior(hess: Spectra, hess_analysis: CompiledAnalysis) -> Posterior:
    return hess_analysis.fit(hess, SamplerSettings(draws=500, tune=500, seed=1), progress=False)


def test_bridge_agrees_with_the_grid(hess_posterior: Posterior) -> None:
    found = compute_evidence(hess_posterior, seed=1)
    assert found.error < 0.05
    assert found.log_evidence == pytest.approx(GRID_EVIDENCE, abs=3 * found.error)


def test_smc_agrees_with_the_grid(hess_posterior: Posterior) -> None:
    found = compute_evidence(hess_posterior, "smc", seed=1, smc_draws=500)
    assert found.error < 0.2
    assert found.log_evidence == pytest.approx(GRID_EVIDENCE, abs=3 * found.error)


def test_evidence_of_fewer_runs_needs_no_new_model(hess: Spectra, hess_analysis: CompiledAnalysis) -> None:
    """Left out of the fit through the mask, or never read: the same evidence."""
    data = FitData.from_spectra(hess)
    left_out = np.zeros(data.mask.shape, dtype=bool)
    left_out[1] = True
    settings = SamplerSettings(draws=500, tune=500, seed=2)
    found = refit(hess_analysis, data.without(left_out), settings)
    values = {name: found.draws[name] for name in ("amplitude", "index")}
    two = FitData.from_spectra(Spectra((hess.runs[0], hess.runs[2])))
    density = MarginalDensity(two, hess_analysis.model, hess_analysis.background)
    points = density.points(values)
    log_at_points = density.log_density(points.reshape(-1, 2)).reshape(points.shape[:2])
    log_evidence, error = bridge_integral(density.log_density, points, log_at_points, np.random.default_rng(1))
    assert found.evidence.log_evidence == pytest.approx(log_evidence, abs=4 * np.hypot(error, found.evidence.error))
    assert log_likelihood_of(found, hess_analysis, data).shape == (4, 500, 94)


BACKGROUND = BackgroundModel("pooled", alpha_uncertainty=0.02, marginal=True)
SYSTEMATICS = Systematics(0.1, 0.1, energy_scale_of="run")


@pytest.fixture(scope="module")
def pooled_posterior(spectra: Spectra) -> Posterior:
    """With acceptance ratios, energy scales and effective areas that are uncertain."""
    analysis = compile_analysis(spectra, SpectralModel("power-law"), BACKGROUND, SYSTEMATICS)
    return analysis.fit(spectra, SamplerSettings(draws=300, tune=500, seed=3), progress=False)


def test_density_is_that_of_the_sampler(pooled_posterior: Posterior) -> None:
    """The sampler records the density at its draws, of other coordinates for the amplitude: its logarithm in both."""
    data = FitData.from_spectra(pooled_posterior.spectra)
    density = MarginalDensity(data, pooled_posterior.model, BACKGROUND, SYSTEMATICS)
    group = pooled_posterior.tree["posterior"]
    points = density.points({name: values.to_numpy() for name, values in group.data_vars.items()})[:, ::30]
    found = density.log_density(points.reshape(-1, points.shape[-1]))
    recorded = pooled_posterior.tree["sample_stats"]["logp"].to_numpy()[:, ::30].ravel()
    np.testing.assert_allclose(found, recorded, rtol=0, atol=1e-6)


def test_pooled_evidence_is_precise(pooled_posterior: Posterior) -> None:
    first, second = (compute_evidence(pooled_posterior, seed=seed) for seed in (1, 2))
    assert max(first.error, second.error) < 0.1
    assert first.log_evidence == pytest.approx(second.log_evidence, abs=4 * np.hypot(first.error, second.error))


@pytest.mark.parametrize(
    "prior", [LogUniform(1e-12, 1e-10), LogNormal(1e-11, 0.5), TruncatedNormal(1e-11, 1e-11, 0, 1)]
)
@pytest.mark.parametrize("background", [BackgroundModel("independent"), BackgroundModel(alpha_uncertainty="learned")])
def test_coordinates_keep_the_volume(prior: Prior, background: BackgroundModel, spectra: Spectra) -> None:
    """The ln density changes by the ln of the numerical Jacobian between coordinates and natural parameters."""
    data = FitData.from_spectra(spectra)
    density = MarginalDensity(data, SpectralModel("power-law", 1.0, {"amplitude": prior}), background)
    rng = np.random.default_rng(5)
    draws = {"amplitude": prior.draw(rng, (1, 1)), "index": np.full((1, 1), 2.3)}
    draws |= prior_background_draws(data, background, 1, rng)
    point = density.points(draws)[0]
    back, log_jacobian = density._natural(point)
    for name, values in back.items():
        np.testing.assert_allclose(values, draws[name], rtol=1e-10)

    def natural(x: np.ndarray) -> np.ndarray:
        found = density._natural(x[None])[0]
        return np.concatenate([np.ravel(found[name]) for name in back])

    steps = np.eye(point.shape[1]) * 1e-5
    jacobian = np.array([(natural(point[0] + step) - natural(point[0] - step)) / 2e-5 for step in steps])
    # The amplitude is 1e-11: scaled, so that the determinant is well conditioned.
    scale = np.maximum(np.abs(jacobian).max(axis=0), 1e-300)
    _, log_determinant = np.linalg.slogdet(jacobian / scale)
    assert log_determinant + np.log(scale).sum() == pytest.approx(log_jacobian[0], abs=1e-4)


def test_improper_prior_is_refused(spectra: Spectra) -> None:
    data = FitData.from_spectra(spectra)
    signal = BandSignal(np.zeros(data.energy.n_bins, dtype=int), 1, np.ones(data.mask.shape))
    model = build_model(data, signal, BackgroundModel("independent", marginal=True))
    with pytest.raises(InputError, match=r"flat without limits has no normalisation.*found 'improper prior of norm'"):
        require_evidence(model)


def test_prior_written_as_a_potential_is_refused() -> None:
    with pm.Model() as model:
        value = pm.Normal("value")
        pm.Potential("counts", -(value**2))
        pm.Potential("smooth", -(value**2) / 2)
    for compute in (require_evidence, smc_evidence):
        with pytest.raises(InputError, match=r"prior that is written as a Potential.*found 'Potential smooth'"):
            compute(model)


def test_latent_rates_are_refused(spectra: Spectra) -> None:
    model = build_model(FitData.from_spectra(spectra), SpectralModel("power-law"), BackgroundModel())
    with pytest.raises(InputError, match="with the background rates integrated out; found 'a latent rate"):
        require_evidence(model)
