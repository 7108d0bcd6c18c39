"""Analyses of a toy that need no sampling: the likelihood of the one norm on a grid, exact to the grid's step."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayes_onoff.inference.marginal import gamma_table, log_marginal_gamma
from bayes_onoff.inference.pooled import LEVEL_PRIOR
from bayes_onoff.spectra import wstat

__all__ = [
    "Bins",
    "independent_posterior",
    "known_posterior",
    "posterior_summary",
    "profile_summary",
    "shape_posterior",
]

type LogLikelihood = Callable[[NDArray[np.float64]], NDArray[np.float64]]

UPPER_LIMIT = 0.95
GAMMA_RATE = 1e-3
"""The package's own default, 1/counts."""
N_LEVELS = 121
PROFILE_68 = 1.0
PROFILE_95 = 2.705543454095404
"""Rise of W at the ends of the 68.3 % interval and at the one-sided 95 % limit: chi2 of one degree of freedom."""


class Bins:
    """The counts of one set; bins alike in everything are kept once with their multiplicity.

    Parameters
    ----------
    n_on, n_off : ndarray of int, shape (run, energy)
    signal, background : ndarray, shape (run, energy)
        Expected signal counts at norm 1; the true expected OFF counts.
    alpha : float
    """

    def __init__(self, n_on: Any, n_off: Any, signal: Any, background: Any, alpha: float) -> None:
        columns = np.stack([np.ravel(values).astype(float) for values in (n_on, n_off, signal, background)], axis=1)
        distinct, self.multiplicity = np.unique(columns, axis=0, return_counts=True)
        self.n_on, self.n_off = distinct[:, :2].T.astype(int)
        self.signal, self.background = distinct[:, 2:].T
        self.alpha = alpha
        total = float(np.sum(n_on))
        # Were every ON event signal, the posterior of their number would end here, six standard deviations out.
        self.norm_max = (total + 6 * total**0.5 + 12) / float(np.sum(signal))

    def total(self, per_bin: NDArray[np.float64]) -> NDArray[np.float64]:
        """Add up over the bins, shape (point, bin) to (point,)."""
        summed: NDArray[np.float64] = per_bin @ self.multiplicity
        return summed


def known_posterior(bins: Bins) -> dict[str, float]:
    """Analyse with the true background: ``n_on ~ Poisson(norm s + alpha b)``."""
    from scipy.special import xlogy

    def log_likelihood(norm: NDArray[np.float64]) -> NDArray[np.float64]:
        expected = norm[:, None] * bins.signal + bins.alpha * bins.background
        return bins.total(xlogy(bins.n_on, expected) - expected)

    return posterior_summary(log_likelihood, bins.norm_max)


def shape_posterior(runs: Sequence[Bins]) -> dict[str, float]:
    """Analyse with the true shape of the background, its level in each run free: the best that pooling can do.

    The prior of a run's level, ln of the counts per ON-sized region in its typical bin, is the package's.
    """
    from scipy.special import xlogy

    def log_likelihood_of_run(bins: Bins, norm: NDArray[np.float64]) -> NDArray[np.float64]:
        n_off, total = bins.total(bins.n_off[None])[0], bins.total(bins.background[None])[0]
        width = (n_off + 0.5) ** -0.5
        log_level = np.log((n_off + 0.5) / total) + width * np.linspace(-8, 5, N_LEVELS)
        typical = np.log(bins.alpha) + np.average(np.log(bins.background), weights=bins.multiplicity)
        prior = LEVEL_PRIOR.log_density(typical + log_level) + n_off * log_level - total * np.exp(log_level)
        off = bins.alpha * np.exp(log_level)[:, None] * bins.background
        values = np.empty((len(norm), N_LEVELS))
        for index, value in enumerate(norm):
            expected = value * bins.signal + off
            values[index] = bins.total(xlogy(bins.n_on, expected) - expected) + prior
        largest = values.max(axis=1)
        total_over_levels: NDArray[np.float64] = np.log(np.exp(values - largest[:, None]).sum(axis=1)) + largest
        return total_over_levels

    def log_likelihood(norm: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.sum([log_likelihood_of_run(bins, norm) for bins in runs], axis=0)

    return posterior_summary(log_likelihood, max(bins.norm_max for bins in runs))


def independent_posterior(bins: Bins, shape: float) -> dict[str, float]:
    """Analyse with an independent prior Gamma(shape, 0.001) on each OFF rate, integrated out in closed form."""
    alpha = np.full(bins.n_on.shape, bins.alpha)
    table = gamma_table(bins.n_on, bins.n_off, alpha, shape, GAMMA_RATE)

    def log_likelihood(norm: NDArray[np.float64]) -> NDArray[np.float64]:
        return bins.total(log_marginal_gamma(norm[:, None] * bins.signal, table))

    return posterior_summary(log_likelihood, bins.norm_max)


def posterior_summary(log_likelihood: LogLikelihood, norm_max: float) -> dict[str, float]:
    """Median, mean, standard deviation, 16 % and 84 % quantiles and 95 % limit under a flat prior from 0."""
    coarse = np.linspace(0, norm_max, 400)
    values = log_likelihood(coarse)
    likely = np.flatnonzero(values > values.max() - 18)
    norm = np.linspace(coarse[max(likely[0] - 1, 0)], coarse[min(likely[-1] + 1, len(coarse) - 1)], 800)
    values = log_likelihood(norm)
    density = np.exp(values - values.max())
    cumulative = np.concatenate([[0], np.cumsum(density[1:] + density[:-1])])
    lower, median, upper, limit = np.interp([0.16, 0.5, 0.84, UPPER_LIMIT], cumulative / cumulative[-1], norm)
    mean = float(np.average(norm, weights=density))
    sd = float(np.average((norm - mean) ** 2, weights=density)) ** 0.5
    summary = {"value": median, "mean": mean, "sd": sd, "lower": lower, "upper": upper, "limit": limit}
    return {key: float(value) for key, value in summary.items()}


def profile_summary(bins: Bins) -> dict[str, float]:
    """Best norm, not negative, its profile interval and one-sided limit: WSTAT."""
    from scipy.optimize import brentq, minimize_scalar

    def statistic(norm: Any) -> NDArray[np.float64]:
        signal = np.atleast_1d(norm)[:, None] * bins.signal
        return bins.total(wstat(bins.n_on, bins.n_off, bins.alpha, signal))

    norm = np.linspace(0, norm_max := bins.norm_max, 400)
    values = statistic(norm)
    at = int(values.argmin())
    around = (norm[max(at - 1, 0)], norm[min(at + 1, len(norm) - 1)])
    found = minimize_scalar(lambda x: float(statistic(x)[0]), bounds=around, method="bounded", options={"xatol": 1e-5})
    best, least = (float(found.x), float(found.fun)) if found.fun < values[at] else (float(norm[at]), float(values[at]))

    def crossing(rise: float, above: bool) -> float:
        """Find the outermost place where W is `rise` above its least value: W may have several minima."""

        def excess(x: float) -> float:
            return float(statistic(x)[0]) - least - rise

        inside = np.append(norm[values - least < rise], best)
        edge = float(inside.max() if above else inside.min())
        beyond = min(edge + norm[1], norm_max) if above else max(edge - norm[1], 0.0)
        return beyond if excess(beyond) <= 0 else float(brentq(excess, edge, beyond))

    lower, upper, limit = crossing(PROFILE_68, False), crossing(PROFILE_68, True), crossing(PROFILE_95, True)
    return {"value": best, "lower": lower, "upper": upper, "limit": limit}
