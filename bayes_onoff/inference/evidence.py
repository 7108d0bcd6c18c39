"""The evidence of a model: the probability of the counts, everything else integrated out.

The background rates are integrated out in closed form (or by quadrature); what is left, spectral parameters and those
of the pooled background, is integrated by bridge sampling or sequential Monte Carlo. The likelihood is normalised, with
n_on! and n_off!, so evidences of models of the same counts are compared as they are.
"""

import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import numpy as np
import pymc as pm
from numpy.typing import NDArray
from pymc.distributions.continuous import FlatRV, HalfFlatRV
from pymc.initial_point import make_initial_point_expression

from bayes_onoff.errors import InputError
from bayes_onoff.inference import rates
from bayes_onoff.inference.analysis import CompiledAnalysis
from bayes_onoff.inference.bridge import bridge_integral
from bayes_onoff.inference.fit_data import FitData
from bayes_onoff.inference.instrument import SEPARATOR
from bayes_onoff.inference.marginal_density import MarginalDensity
from bayes_onoff.inference.posterior import Posterior
from bayes_onoff.inference.pymc_model import LIKELIHOODS, build_model
from bayes_onoff.inference.sampling import CompiledModel
from bayes_onoff.inference.settings import SamplerSettings
from bayes_onoff.inference.systematics import expected_signal, systematics_of

__all__ = [
    "Evidence",
    "EvidenceMethod",
    "Refitted",
    "bridge_evidence",
    "compute_evidence",
    "log_likelihood_of",
    "refit",
    "require_evidence",
    "smc_evidence",
    "unconstrained_points",
]

EvidenceMethod = Literal["bridge", "smc"]

LEAST_RUNS = 4
"""Independent runs of SMC; their scatter is the error."""

type Draws = Mapping[str, NDArray[np.float64]]


@dataclass(frozen=True, slots=True)
class Evidence:
    """The evidence of a model and how well it is known.

    Parameters
    ----------
    log_evidence : float
        ln p(counts | model), natural logarithm.
    error : float
        Its Monte-Carlo error, 1 sigma.
    method : {"bridge", "smc"}
    estimates : tuple of float
        The single estimates of ln p, where there are several: runs of SMC.
    """

    log_evidence: float
    error: float
    method: EvidenceMethod
    estimates: tuple[float, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


def require_evidence(model: pm.Model) -> None:
    """Refuse a model that has no evidence, or whose evidence would not be the probability of the counts.

    Raises
    ------
    InputError
        If a prior is improper; if the model has a Potential that is no likelihood of counts: a prior written so is not
        normalised, and sequential Monte Carlo would temper it like a likelihood; if it still has a latent rate for
        every bin.
    """
    improper = [rv.name for rv in model.free_RVs if isinstance(rv.owner.op, FlatRV | HalfFlatRV)]
    if improper:
        raise InputError(
            "the model has no evidence: a prior that is flat without limits has no normalisation, so the evidence "
            "would be an arbitrary number",
            place="evidence",
            found=f"improper prior of {', '.join(improper)}",
            allowed="proper priors",
        )
    potentials = [potential.name for potential in model.potentials]
    unknown = [name for name in potentials if name.split(SEPARATOR)[-1] not in LIKELIHOODS]
    if unknown:
        raise InputError(
            "no evidence of a model with a prior that is written as a Potential: its normalisation is not known",
            place="evidence",
            found=f"Potential {', '.join(unknown)}",
            allowed="priors that are distributions",
        )
    if model.observed_RVs:
        raise InputError(
            "the evidence is computed with the background rates integrated out",
            place="evidence",
            found="a latent rate for every bin",
            allowed="the marginal form of the background",
        )


def bridge_evidence(compiled: CompiledModel, draws: Draws, *, seed: int = 0) -> Evidence:
    """Compute the evidence by bridge sampling (`bridge.bridge_integral`).

    Parameters
    ----------
    compiled : CompiledModel
        Its density, of all sampled values in the unconstrained space, is the normalised joint density: likelihood,
        priors and the Jacobians of the transforms.
    draws : mapping
        Its random variables (chain, draw, ...), as they are named in it and in their natural space.
    seed : int
        Of the proposal's draws.

    Raises
    ------
    InputError
        If the model has no evidence (`require_evidence`), or there are too few draws.
    """
    require_evidence(compiled.model)
    points = unconstrained_points(compiled.model, draws)
    flat = points.reshape(-1, points.shape[-1])
    log_at_points = compiled.density.log_densities(flat).reshape(points.shape[:2])
    log_evidence, error = bridge_integral(
        compiled.density.log_densities, points, log_at_points, np.random.default_rng(seed)
    )
    return Evidence(log_evidence, error, "bridge")


def unconstrained_points(model: pm.Model, draws: Draws) -> NDArray[np.float64]:
    """Map draws of a model's random variables to the flat vectors of its density, (chain, draw, n)."""
    parts = []
    for variable in model.free_RVs:
        values = np.asarray(draws[variable.name], dtype=float)
        transform = model.rvs_to_transforms[variable]
        if transform is not None:
            values = transform.forward(values, *variable.owner.inputs).eval(mode="FAST_COMPILE")
        parts.append(values.reshape(*values.shape[:2], -1))
    return np.concatenate(parts, axis=-1)


def smc_evidence(model: pm.Model, *, draws: int = 2000, runs: int = LEAST_RUNS, seed: int = 0) -> Evidence:
    """Compute the evidence by sequential Monte Carlo from prior to posterior, several times.

    Parameters
    ----------
    model : pymc.Model
    draws : int
        Particles in a run.
    runs : int
        At least 4, independent of each other.
    seed : int

    Returns
    -------
    Evidence
        ln of the mean of the estimates; the error is the scatter of the single runs, not of their mean, because what
        is wrong with one (too few particles) is wrong with all.

    Raises
    ------
    InputError
        If the model has no evidence (`require_evidence`), or there are fewer than 4 runs.
    """
    require_evidence(model)
    if runs < LEAST_RUNS:
        raise InputError(
            "too few runs to tell the error from their scatter", place="evidence.runs", found=runs, allowed="4 or more"
        )
    start_seed, sampler_seed = np.random.SeedSequence(seed).generate_state(2)
    with _quiet(logging.getLogger("pymc")):
        tree = pm.sample_smc(
            draws,
            model=model,
            start=_prior_points(model, draws, runs, int(start_seed)),
            random_seed=int(sampler_seed),
            chains=runs,
            cores=1,
            progressbar=False,
            compute_convergence_checks=False,
            idata_kwargs={"log_likelihood": False},
        )
    stages = tree["sample_stats"]["log_marginal_likelihood"].to_numpy()
    estimates = np.array([[value for value in np.ravel(run).tolist() if np.isfinite(value)][-1] for run in stages])
    relative = np.exp(estimates - estimates.max())
    error = float(relative.std(ddof=1) / relative.mean())
    return Evidence(
        float(estimates.max() + np.log(relative.mean())), error, "smc", tuple(float(value) for value in estimates)
    )


@contextmanager
def _quiet(logger: logging.Logger) -> Iterator[None]:
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


def _prior_points(model: pm.Model, draws: int, runs: int, seed: int) -> list[dict[str, NDArray[np.float64]]]:
    """Draw the particles of every run from the prior.

    Left to itself PyMC starts all particles of a variable with an initial value at that value: not from the prior.
    """
    expressions = make_initial_point_expression(
        free_rvs=model.free_RVs,
        rvs_to_transforms=model.rvs_to_transforms,
        initval_strategies={},
        default_strategy="prior",
        return_transformed=True,
    )
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The effect of Potentials", category=UserWarning)
        values = pm.draw(expressions, draws=draws * runs, random_seed=seed)
    names = [model.rvs_to_values[variable].name for variable in model.free_RVs]
    return [
        {name: value[run * draws : (run + 1) * draws] for name, value in zip(names, values, strict=True)}
        for run in range(runs)
    ]


def compute_evidence(
    posterior: Posterior, method: EvidenceMethod = "bridge", *, seed: int = 0, smc_draws: int = 2000
) -> Evidence:
    """Compute the evidence of a posterior's model.

    Parameters
    ----------
    posterior : Posterior
        Whose rates are sampled or integrated out: the draws of everything else are the same, and so is the evidence.
    method : {"bridge", "smc"}
        Bridge sampling needs the posterior's draws and compiles nothing; SMC uses its model only, and compiles it.
    seed : int
    smc_draws : int
        Particles in each of four runs of SMC.

    Raises
    ------
    InputError
        If the posterior is not that of a spectral model with proper priors (norms of flux points have improper ones),
        has too few draws, or draws that know the data of other instruments.
    """
    if not isinstance(posterior, Posterior):
        raise InputError(
            "the model has no evidence: the flat prior of its norms has no limits, so no normalisation",
            place="evidence",
            found=type(posterior).__name__,
            allowed="the posterior of a spectral model",
        )
    if posterior.together_with:
        raise InputError(
            "no evidence of one instrument from draws that know the data of others",
            place="evidence",
            found=f"fitted together with {', '.join(posterior.together_with)}",
            allowed="a posterior from `fit`",
        )
    data = FitData.from_spectra(posterior.spectra)
    if method == "smc":
        model = build_model(data, posterior.model, replace(posterior.background, marginal=True), posterior.systematics)
        return smc_evidence(model, draws=smc_draws, seed=seed)
    group = posterior.tree["posterior"].data_vars.items()
    draws = {str(name): np.asarray(values) for name, values in group if not str(name).startswith("npred")}
    density = MarginalDensity(data, posterior.model, posterior.background, posterior.systematics)
    return _evidence_of_draws(draws, density, seed)


def _evidence_of_draws(draws: Draws, density: MarginalDensity, seed: int) -> Evidence:
    points = density.points(draws)
    log_at_points = density.log_density(points.reshape(-1, points.shape[-1])).reshape(points.shape[:2])
    rng = np.random.default_rng(seed)
    return Evidence(*bridge_integral(density.log_density, points, log_at_points, rng), "bridge")


@dataclass(frozen=True, eq=False, slots=True)
class Refitted:
    """What a refit found.

    Parameters
    ----------
    draws : dict
        Spectral parameters, those of systematics and of the background, in their natural space and without rates,
        (chain, draw, ...).
    evidence : Evidence
    divergences : int
    """

    draws: dict[str, NDArray[np.float64]]
    evidence: Evidence
    divergences: int


def refit(analysis: CompiledAnalysis, data: FitData, settings: SamplerSettings) -> Refitted:
    """Sample for other data of the same shape without compiling, and compute their evidence by bridge sampling.

    Raises
    ------
    InputError
        If the data differ in shape from those compiled for.
    """
    samples = analysis.sample(data, settings, progress=False)
    values = {name: samples.variables[name] for name in analysis.model.parameter_names}
    values |= systematics_of(analysis.systematics, samples.variables)
    draws = {**values, **rates.hyperparameter_draws(samples.variables, data, analysis.background)}
    density = MarginalDensity(data, analysis.model, analysis.background, analysis.systematics)
    found = _evidence_of_draws(draws, density, settings.seed)
    return Refitted(draws, found, int(samples.sample_stats["diverging"].sum()))


def log_likelihood_of(refitted: Refitted, analysis: CompiledAnalysis, data: FitData) -> NDArray[np.float64]:
    """Evaluate ln p(n_on, n_off) of every unmasked bin of `data` at the draws of a refit, (chain, draw, bin)."""
    edges = data.energy_true.edges
    signal = expected_signal(analysis.model, analysis.systematics, refitted.draws, edges, data.response)
    return rates.log_likelihood(signal, refitted.draws, data, analysis.background)
