"""The likelihood of each band's norm with the latent background rates integrated out."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayes_onoff.inference import pooled
from bayes_onoff.inference.acceptance import log_shift_prior, shifted_alpha
from bayes_onoff.inference.bands import BandPosterior
from bayes_onoff.inference.fit_data import FitData
from bayes_onoff.inference.marginal import gamma_table, log_marginal_gamma, log_marginal_lognormal, table_at_alpha
from bayes_onoff.inference.settings import BackgroundModel
from bayes_onoff.products.norm_density import NormDensity, log_evidence, norm_density, norm_grid

__all__ = [
    "N_DRAWS_WITH_SHIFTS",
    "N_HYPERPARAMETER_DRAWS",
    "BandLikelihoods",
    "band_densities",
    "band_likelihoods",
    "chosen_draws",
]

N_HYPERPARAMETER_DRAWS = 200
N_DRAWS_WITH_SHIFTS = 50
"""Fewer where the acceptance ratio is uncertain: each is then moved to 16 common shifts."""
SHIFT_REACH = 8
"""In posterior standard deviations of the common shift, to both sides in steps of one."""

type BinLikelihood = Callable[[int, int, NDArray[np.float64]], Any]
"""From run, bin and expected signal (grid,) to ln likelihood (conditional, grid)."""


@dataclass(frozen=True, eq=False, slots=True)
class _Conditionals:
    """What the density of a norm is conditional on, before it is averaged.

    `parameters`, the background's, are of the shape (conditional, ...); `alpha` (conditional or 1, run, energy);
    `log_prior` (draw, step) of the shifts of alpha: conditionals are draws times steps, one step where it is certain.
    """

    parameters: Mapping[str, NDArray[np.float64]]
    alpha: NDArray[np.float64]
    log_prior: NDArray[np.float64]


def chosen_draws(n_all: int, n_draws: int) -> NDArray[np.int64]:
    """At most `n_draws` of `n_all`, evenly spread."""
    return np.linspace(0, n_all - 1, min(n_draws, n_all)).astype(np.int64)


def _evenly(draws: NDArray[np.float64], n_draws: int) -> NDArray[np.float64]:
    """At most `n_draws` draws spread over all chains: (chain, draw, ...) to (draw, ...)."""
    flat = draws.reshape(-1, *draws.shape[2:])
    evenly: NDArray[np.float64] = flat[chosen_draws(len(flat), n_draws)]
    return evenly


def _conditionals(bands: BandPosterior, data: FitData) -> _Conditionals:
    """Choose draws of the background, and move each to a grid of shifts common to all runs if alpha is uncertain.

    Without moving them no draw would hold the shift that an absent source needs, and a source that is significant
    beside the statistical error alone would seem to be so beside the systematic one.
    """
    group = bands.tree["posterior"]
    names = ("level", "slope", "coefficient", "deviation_scale") if bands.background.prior == "pooled" else ()
    if "log_alpha_shift" not in group:
        chosen = {name: _evenly(group[name].to_numpy(), N_HYPERPARAMETER_DRAWS) for name in names}
        n_draws = len(chosen["slope"]) if chosen else 1
        return _Conditionals(chosen, data.alpha[None], np.zeros((n_draws, 1)))
    steps = np.arange(-SHIFT_REACH, SHIFT_REACH)
    names = (*names, *(name for name in ("alpha_scatter",) if name in group))
    chosen = {name: _evenly(group[name].to_numpy(), N_DRAWS_WITH_SHIFTS) for name in names}
    shift = _evenly(group["log_alpha_shift"].to_numpy(), N_DRAWS_WITH_SHIFTS)
    common = group["log_alpha_shift"].to_numpy().mean(axis=-1)
    # Each draw has its own offset between the steps: together the draws cover the shifts densely.
    offset = (np.arange(len(shift)) * (np.sqrt(5) - 1) / 2) % 1
    target = common.mean() + common.std() * (steps + offset[:, None])
    moved = shift[:, None, :] + (target - shift.mean(axis=-1)[:, None])[..., None]
    repeated = {name: np.repeat(values, len(steps), axis=0) for name, values in chosen.items()}
    repeated["log_alpha_shift"] = moved.reshape(-1, len(data.runs))
    log_prior = log_shift_prior(data, bands.background, repeated).reshape(target.shape)
    return _Conditionals(repeated, shifted_alpha(data, repeated), log_prior)


def _pooled_likelihood(background: BackgroundModel, data: FitData, given: _Conditionals) -> BinLikelihood:
    """Given level, shape and scale the rate of a bin is log-normal: integrated by quadrature."""
    from scipy.special import gammaln

    scale = given.parameters["deviation_scale"][:, None]
    log_mean = pooled.log_mean_rate(given.parameters, pooled.background_design(data, background))

    def log_likelihood(run: int, energy: int, signal: NDArray[np.float64]) -> Any:
        n_on, n_off = float(data.n_on[run, energy]), float(data.n_off[run, energy])
        shape = (len(log_mean), len(signal))
        return log_marginal_lognormal(
            n_on,
            n_off,
            given.alpha[:, run, energy, None],
            np.broadcast_to(signal, shape),
            np.broadcast_to(log_mean[:, run, energy, None], shape),
            np.broadcast_to(scale, shape),
            gammaln(n_on + 1) + gammaln(n_off + 1),
        )

    return log_likelihood


def _independent_likelihood(background: BackgroundModel, data: FitData, given: _Conditionals) -> BinLikelihood:
    """There are no hyperparameters: one exact conditional density, or one for each shift of alpha."""
    prior = (background.shape, background.rate)
    table = gamma_table(data.n_on, data.n_off, data.alpha, *prior)

    def log_likelihood(run: int, energy: int, signal: NDArray[np.float64]) -> Any:
        counts = (data.n_on[run, energy], data.n_off[run, energy], data.alpha[run, energy])
        shifted = table_at_alpha(table[run, energy], *counts, given.alpha[:, run, energy], *prior)
        return log_marginal_gamma(signal, shifted[:, None])

    return log_likelihood


@dataclass(frozen=True, eq=False, slots=True)
class BandLikelihoods:
    """Likelihoods of norms, conditional on posterior draws of the background; see `band_likelihoods`.

    Parameters
    ----------
    of_members : callable
        From bins (energy,) and norms (grid,) that multiply the reference spectrum in all of these bins to ln likelihood
        (draw, step, grid).
    rest : ndarray, shape (draw, step)
        ln prior of the shift of the acceptance ratio and ln likelihood of the bins outside all bands.
    grids : tuple of ndarray, shape (grid,), one a band
        Norms that cover the posterior of each band.
    totals : tuple of ndarray, shape (draw, step, grid), one a band
        ln likelihood on these grids.
    evidences : tuple of ndarray, shape (draw, step), one a band
        Their integrals over the norm.
    """

    of_members: Callable[[NDArray[np.bool_], NDArray[np.float64]], NDArray[np.float64]]
    rest: NDArray[np.float64]
    grids: tuple[NDArray[np.float64], ...]
    totals: tuple[NDArray[np.float64], ...]
    evidences: tuple[NDArray[np.float64], ...]

    @property
    def weight(self) -> NDArray[np.float64]:
        """Ln of the posterior weight of each step, all norms integrated out under flat priors, shape (draw, step)."""
        weight: NDArray[np.float64] = self.rest + sum(self.evidences)
        return weight


def band_likelihoods(bands: BandPosterior) -> BandLikelihoods:
    """Integrate the latent rates out, for posterior draws of the background's hyperparameters.

    An uncertain acceptance ratio couples the bands: what a common shift of all ratios costs in the other bands, their
    norms integrated out, weights it.

    Parameters
    ----------
    bands : BandPosterior
    """
    data = FitData.from_spectra(bands.spectra)
    given = _conditionals(bands, data)
    pooled_background = bands.background.prior == "pooled"
    likelihood = (
        _pooled_likelihood(bands.background, data, given)
        if pooled_background
        else _independent_likelihood(bands.background, data, given)
    )
    reference = bands.reference_counts

    def joint(members: NDArray[np.bool_], norm: NDArray[np.float64]) -> NDArray[np.float64]:
        runs, bins = np.nonzero(data.mask & members)
        total = sum(likelihood(r, e, norm * reference[r, e]) for r, e in zip(runs.tolist(), bins.tolist(), strict=True))
        return np.broadcast_to(total, (given.log_prior.size, len(norm))).reshape(*given.log_prior.shape, len(norm))

    # A shift of alpha moves the norms: where it is uncertain the grid has no gap between zero and the draws.
    uncertain = bands.background.alpha_uncertainty is not None
    grids = tuple(
        norm_grid(np.asarray(bands.norm)[..., band], down_to_zero=uncertain) for band in range(bands.norm.shape[-1])
    )
    totals = tuple(joint(bands.band_of_bin == band, grid) for band, grid in enumerate(grids))
    evidences = tuple(log_evidence(grid, total) for grid, total in zip(grids, totals, strict=True))
    rest = given.log_prior + joint(bands.band_of_bin < 0, np.ones(1))[..., 0]
    return BandLikelihoods(joint, rest, grids, totals, evidences)


def band_densities(bands: BandPosterior, found: BandLikelihoods | None = None) -> tuple[NormDensity, ...]:
    """Marginal posterior density of the norm in every band (see `norm_density`).

    Parameters
    ----------
    bands : BandPosterior
    found : BandLikelihoods, optional
        Its likelihoods, where they are known already.

    Returns
    -------
    tuple of NormDensity, one a band
    """
    from scipy.special import logsumexp

    found = found or band_likelihoods(bands)
    return tuple(
        norm_density(grid, logsumexp((found.weight - evidence)[..., None] + total, axis=1))
        for grid, total, evidence in zip(found.grids, found.totals, found.evidences, strict=True)
    )
