"""One round of a calibration: a truth, counts made from it, their posterior, and where the truth lies in it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from time import perf_counter
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from bayes_onoff.calibration.prior import CalibrationPrior
from bayes_onoff.inference import SamplerSettings
from bayes_onoff.inference.acceptance import replicated_regions, shifted_alpha
from bayes_onoff.inference.fit_data import FitData
from bayes_onoff.inference.marginal import TINY
from bayes_onoff.inference.rates import background_draws, prior_background_draws, replicated_counts
from bayes_onoff.inference.systematics import expected_signal, prior_systematics_draws, systematics_of
from bayes_onoff.models import photons

if TYPE_CHECKING:
    from bayes_onoff.inference import CompiledAnalysis

__all__ = ["Refit", "draw_truth", "refit"]

LEAST_ESS = 100
LARGEST_R_HAT = 1.05
LARGEST_DIVERGENT_SHARE = 0.01
LONGER = 4
"""A refit that is not sampled well enough is repeated once, this many times longer."""
_N_RANKED = 200

type Draws = dict[str, NDArray[np.float64]]


@dataclass(frozen=True, slots=True)
class Refit:
    """Where the truth lies in the posterior of one simulated data set.

    Parameters
    ----------
    number : int
        Which of the simulated data sets.
    truth, below, pit : dict of str to float
        Of each quantity: its true value; the fraction of all draws below it; the same over 200 draws spread
        over the chains, randomised so that it is uniform where the posterior is right.
    divergences : int
    r_hat, ess : float
        Worst over the quantities.
    converged : bool
        R-hat at most 1.05, 100 effective draws and at most 1 % divergences, at the second try if need be.
    tries : int
    seconds : float
    """

    number: int
    truth: dict[str, float]
    below: dict[str, float]
    pit: dict[str, float]
    divergences: int
    r_hat: float
    ess: float
    converged: bool
    tries: int
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Read what `to_dict` wrote."""
        return cls(**values)


def draw_truth(
    analysis: "CompiledAnalysis", prior: CalibrationPrior, rng: np.random.Generator
) -> tuple[Draws, FitData]:
    """Draw spectral parameters and background rates, and counts from them.

    Returns
    -------
    draws : dict
        One chain of one draw: spectral parameters (1, 1), `npred_signal` and `npred_off` (1, 1, run, energy), ...
    data : FitData
        The analysis' data with new counts.
    """
    data, model = analysis.data, prior.model
    values = {name: stated.draw(rng, (1, 1)) for name, stated in model.priors.items()}
    systematics, edges = analysis.systematics, data.energy_true.edges
    values |= prior_systematics_draws(systematics, len(data.runs), edges, 1, rng)
    signal = expected_signal(model, systematics, values, edges, data.response)
    background = prior_background_draws(data, analysis.background, 1, rng, prior.background)
    counts = replicated_counts(signal, background, data, rng)
    n_off = counts["n_off"][0, 0]
    regions = data.off_regions
    if "alpha_scatter" in background:
        regions = replicated_regions(data, n_off, float(background["alpha_scatter"][0, 0]), rng)
    simulated = replace(data, n_on=counts["n_on"][0, 0], n_off=n_off, off_regions=regions)
    return {**values, **background, "npred_signal": signal}, simulated


def quantities(draws: Mapping[str, Any], data: FitData, prior: CalibrationPrior) -> Draws:
    """List what is ranked, (chain, draw) each: parameters, integral flux, total background, log-likelihood."""
    values = {name: draws[name] for name in prior.model.parameter_names}
    range_edges = data.energy.edges[[0, -1]]
    on_background = np.where(data.mask, shifted_alpha(data, draws) * draws["npred_off"], 0.0)
    expected_on, expected_off = draws["npred_signal"] + on_background, draws["npred_off"]
    log_likelihood = (
        data.n_on * np.log(np.maximum(expected_on, TINY))
        - expected_on
        + data.n_off * np.log(np.maximum(expected_off, TINY))
        - expected_off
    )
    return {
        **values,
        "flux": photons(prior.model, values, range_edges)[..., 0],
        "background": on_background.sum(axis=(-2, -1)),
        "log_likelihood": np.where(data.mask, log_likelihood, 0.0).sum(axis=(-2, -1)),
    }


def refit(
    analysis: "CompiledAnalysis", prior: CalibrationPrior, settings: SamplerSettings, seed: int, number: int
) -> Refit:
    """Run one round.

    Parameters
    ----------
    analysis : CompiledAnalysis
        Compiled with ``prior.model``.
    prior : CalibrationPrior
    settings : SamplerSettings
        Of the refit; its seed is not used.
    seed : int
        Of the calibration.
    number : int
        With `seed` it decides on everything random in this round.
    """
    begin = perf_counter()
    truth_seed, fit_seed, draw_seed, rank_seed = np.random.SeedSequence([seed, number]).spawn(4)
    truth, data = draw_truth(analysis, prior, np.random.default_rng(truth_seed))
    true_values = {name: float(value[0, 0]) for name, value in quantities(truth, data, prior).items()}
    seeds = fit_seed.generate_state(2)
    for tries in (1, 2):
        longer = 1 if tries == 1 else LONGER
        settings = replace(
            settings, draws=settings.draws * longer, tune=settings.tune * longer, seed=int(seeds[tries - 1])
        )
        found, divergences = _sampled(analysis, prior, data, settings, np.random.default_rng(draw_seed))
        r_hat, ess = _worst(found)
        share = divergences / (settings.draws * settings.chains)
        converged = r_hat <= LARGEST_R_HAT and ess >= LEAST_ESS and share <= LARGEST_DIVERGENT_SHARE
        if converged:
            break
    rng = np.random.default_rng(rank_seed)
    return Refit(
        number=number,
        truth=true_values,
        below={name: float(np.mean(values < true_values[name])) for name, values in found.items()},
        pit={name: _randomised_pit(values, true_values[name], rng) for name, values in found.items()},
        divergences=divergences,
        r_hat=r_hat,
        ess=ess,
        converged=bool(converged),
        tries=tries,
        seconds=perf_counter() - begin,
    )


def _sampled(
    analysis: "CompiledAnalysis",
    prior: CalibrationPrior,
    data: FitData,
    settings: SamplerSettings,
    rng: np.random.Generator,
) -> tuple[Draws, int]:
    samples = analysis.sample(data, settings, priors=prior.background, progress=False)
    values = {name: samples.variables[name] for name in prior.model.parameter_names}
    systematics = analysis.systematics
    values |= systematics_of(systematics, samples.variables)
    signal = expected_signal(prior.model, systematics, values, data.energy_true.edges, data.response)
    background = background_draws(samples.variables, signal, data, analysis.background, rng, prior.background)
    draws = {**values, **background, "npred_signal": signal}
    return quantities(draws, data, prior), int(samples.sample_stats["diverging"].sum())


def _worst(found: Draws) -> tuple[float, float]:
    from arviz_stats import ess, rhat

    return max(float(rhat(values)) for values in found.values()), min(float(ess(values)) for values in found.values())


def _randomised_pit(values: NDArray[np.float64], truth: float, rng: np.random.Generator) -> float:
    """Rank of the truth among draws spread evenly over the chains, at random inside its step: uniform, not discrete."""
    flat = values.ravel()
    chosen = flat[np.linspace(0, len(flat) - 1, min(_N_RANKED, len(flat))).astype(int)]
    below, ties = np.sum(chosen < truth), np.sum(chosen == truth)
    return float((below + rng.uniform() * (ties + 1)) / (len(chosen) + 1))
