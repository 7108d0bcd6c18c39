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
    bridge_evidence,
    compile_analysis,
    compile_evidence,
    require_evidence,
    smc_evidence,
)
from bayes_onoff.inference.evidence import CompiledEvidence, sampled_values, unconstrained_points
from bayes_onoff.inference.fit_data import FitData
from bayes_onoff.inference.pooled_coordinates import (
    coefficient_conditional,
    level_conditional,
    pooled_geometry,
    slope_conditional,
)
from bayes_onoff.inference.pymc_model import BandSignal, build_model
from bayes_onoff.inference.sampling import CompiledModel, compile_model
from bayes_onoff.models import LogUniform, SpectralModel, Uniform
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


def test_bridge_agrees_with_the_grid(hess_analysis: CompiledAnalysis, hess_posterior: Posterior) -> None:
    found = CompiledEvidence(hess_analysis).evidence(hess_posterior, seed=1)
    assert found.error < 0.05
    assert found.log_evidence == pytest.approx(GRID_EVIDENCE, abs=3 * found.error)


def test_smc_agrees_with_the_grid(hess_analysis: CompiledAnalysis, hess_posterior: Posterior) -> None:
    found = CompiledEvidence(hess_analysis).evidence(hess_posterior, "smc", seed=1, smc_draws=500)
    assert found.error < 0.2
    assert found.log_evidence == pytest.approx(GRID_EVIDENCE, abs=3 * found.error)


@pytest.fixture(scope="module")
def pooled_posterior(spectra: Spectra) -> Posterior:
    """With latent rates, and acceptance ratios that are uncertain."""
    background = BackgroundModel("pooled", alpha_uncertainty=0.02)
    analysis = compile_analysis(spectra, SpectralModel("power-law"), background)
    return analysis.fit(spectra, SamplerSettings(draws=300, tune=500, seed=3), progress=False)


@pytest.fixture(scope="module")
def pooled_evidence(pooled_posterior: Posterior) -> CompiledEvidence:
    return compile_evidence(pooled_posterior)


def test_density_is_likelihood_times_prior_times_jacobian(
    pooled_posterior: Posterior, pooled_evidence: CompiledEvidence
) -> None:
    data = FitData.from_spectra(pooled_posterior.spectra)
    sampled = sampled_values(pooled_posterior, data)
    points = unconstrained_points(pooled_evidence.analysis.compiled.model, sampled)[:, ::50]
    found = pooled_evidence.analysis.compiled.density.log_densities(points.reshape(-1, points.shape[-1]))

    tree = pooled_posterior.tree
    expected = tree["log_likelihood"]["counts"].to_numpy().sum(axis=-1)
    for name, values in tree["log_prior"].data_vars.items():
        array = values.to_numpy()
        expected = expected + array.reshape(*array.shape[:2], -1).sum(axis=-1)
        assert name in ("amplitude", "index", "level", "slope", "coefficient", "shape_scale", "deviation_scale") or (
            name == "acceptance_ratios"
        )
    draws = {name: tree["posterior"][name].to_numpy() for name in ("shape_scale", "deviation_scale", "slope")}
    for name in ("amplitude", "shape_scale", "deviation_scale"):
        expected = expected + np.log(tree["posterior"][name].to_numpy())
    pooled = pooled_geometry(data, pooled_posterior.background)
    geometry, scale = pooled.arrays(), draws["deviation_scale"]
    coefficient = tree["posterior"]["coefficient"].to_numpy() @ pooled.rotation
    for conditional in (
        coefficient_conditional(draws["shape_scale"], scale, geometry),
        level_conditional(coefficient, draws["slope"], scale, geometry),
    ):
        expected = expected + np.log(conditional.sd).sum(axis=-1)
    expected = expected + np.log(slope_conditional(coefficient, scale, geometry).sd)
    expected = expected + len(data.runs) * np.log(0.02)
    np.testing.assert_allclose(found, expected[:, ::50].ravel(), rtol=0, atol=1e-6)


def test_pooled_evidence_is_precise(pooled_posterior: Posterior, pooled_evidence: CompiledEvidence) -> None:
    first, second = (pooled_evidence.evidence(pooled_posterior, seed=seed) for seed in (1, 2))
    assert max(first.error, second.error) < 0.1
    assert first.log_evidence == pytest.approx(second.log_evidence, abs=4 * np.hypot(first.error, second.error))


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
