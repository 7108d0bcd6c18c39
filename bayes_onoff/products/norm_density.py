"""The marginal posterior density of one band's norm, and what is read off it.

Under a flat prior the posterior density of a norm is proportional to its marginal likelihood. Given the background's
hyperparameters the bands are independent and the latent rates integrate out bin by bin, so the density is the average
over posterior draws of the hyperparameters of normalised conditional densities (Rao-Blackwell): smooth where draws of
the norm are few, and the only way to know it at zero when zero is many standard deviations away.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["NormDensity", "log_evidence", "norm_density", "norm_grid"]

N_GRID = 80


@dataclass(frozen=True, eq=False, slots=True)
class NormDensity:
    """Posterior density of a non-negative norm under a flat prior.

    Parameters
    ----------
    norm : ndarray, shape (grid,)
        Increasing; the first is 0.
    log_density : ndarray, shape (grid,)
        Natural logarithm; `density` integrates to 1 by the trapezoidal rule.
    """

    norm: NDArray[np.float64]
    log_density: NDArray[np.float64]

    @property
    def density(self) -> NDArray[np.float64]:
        """Probability per unit norm, shape (grid,)."""
        return np.exp(self.log_density)

    @property
    def sqrt_ts(self) -> float:
        """Square root of twice the marginal log-likelihood ratio between the best norm and zero."""
        return float(np.sqrt(2 * (self.log_density.max() - self.log_density[0])))

    def quantile(self, probability: float) -> float:
        """Find the norm below which the posterior holds `probability`."""
        density, widths = self.density, np.diff(self.norm)
        cumulative = np.concatenate([[0.0], np.cumsum(widths * (density[1:] + density[:-1]) / 2)])
        target = probability * cumulative[-1]
        step = min(int(np.searchsorted(cumulative, target, side="right")) - 1, len(widths) - 1)
        # The density is linear in a step, and the probability in it quadratic.
        missing, low, slope = (
            target - cumulative[step],
            density[step],
            (density[step + 1] - density[step]) / widths[step],
        )
        root = np.sqrt(max(low**2 + 2 * slope * missing, 0.0))
        return float(self.norm[step] + (2 * missing / (low + root) if low + root > 0 else 0.0))


def norm_grid(draws: NDArray[np.float64], *, down_to_zero: bool = False) -> NDArray[np.float64]:
    """Choose `N_GRID` norms: zero, then equal steps over the range of the draws and 40 % of it again at both ends.

    Between zero and that range there are none, or `N_GRID` more if the grid shall reach `down_to_zero`.
    """
    low, high = float(draws.min()), float(draws.max())
    margin = 0.4 * (high - low)
    if low <= margin:
        return np.linspace(0.0, high + margin, N_GRID)
    below = np.linspace(0.0, low - margin, N_GRID, endpoint=False) if down_to_zero else np.zeros(1)
    return np.concatenate([below, np.linspace(low - margin, high + margin, N_GRID - 1)])


def log_evidence(norm: NDArray[np.float64], log_likelihood: NDArray[np.float64]) -> NDArray[np.float64]:
    """Integrate likelihoods over the norm by the trapezoidal rule: ln, (..., grid) to (...)."""
    from scipy.special import logsumexp

    weights = np.empty_like(norm)
    weights[1:-1] = (norm[2:] - norm[:-2]) / 2
    weights[0], weights[-1] = (norm[1] - norm[0]) / 2, (norm[-1] - norm[-2]) / 2
    evidence: NDArray[np.float64] = logsumexp(log_likelihood + np.log(weights), axis=-1)
    return evidence


def norm_density(norm: NDArray[np.float64], log_likelihood: NDArray[np.float64]) -> NormDensity:
    """Average normalised conditional densities.

    Parameters
    ----------
    norm : ndarray, shape (grid,)
        From `norm_grid`.
    log_likelihood : ndarray, shape (draw, grid)
        ln of the conditional likelihood of the norm for each draw of the hyperparameters; a constant per draw does
        not matter.
    """
    from scipy.special import logsumexp

    evidence = log_evidence(norm, log_likelihood)[:, None]
    return NormDensity(norm, logsumexp(log_likelihood - evidence, axis=0) - np.log(len(log_likelihood)))
