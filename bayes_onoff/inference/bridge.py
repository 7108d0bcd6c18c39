"""Bridge sampling: the integral of an unnormalised density of which there are draws, with its Monte-Carlo error."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from bayes_onoff.errors import InputError

__all__ = ["bridge_integral"]

_N_ITERATIONS = 1000
_TOLERANCE = 1e-10
_LN_2PI = float(np.log(2 * np.pi))

type Array = NDArray[np.float64]


class _SymmetricNormal:
    """A normal density fitted to points; draws from it, and the fitted density made symmetric around its centre.

    Averaging the density that is integrated over a point and its mirror image does not change the integral, and takes
    the skewness away in which it differs from the normal ("warp III", Meng and Schilling 2002,
    doi:10.1198/106186002457).
    """

    def __init__(self, points: Array) -> None:
        self.center = np.median(points, axis=0)
        offsets = points - self.center
        # Around the centre of symmetry, not around the mean.
        self.root = np.linalg.cholesky(offsets.T @ offsets / len(points))

    def draw(self, n: int, rng: np.random.Generator) -> Array:
        points: Array = self.center + rng.standard_normal((n, len(self.center))) @ self.root.T
        return points

    def mirrored(self, points: Array) -> Array:
        return 2 * self.center - points

    def log_density(self, points: Array) -> Array:
        pulls = np.linalg.solve(self.root, (points - self.center).T)
        normalisation = np.log(np.diag(self.root)).sum() + 0.5 * len(self.center) * _LN_2PI
        density: Array = -0.5 * (pulls**2).sum(axis=0) - normalisation
        return density


def bridge_integral(
    log_density: Callable[[Array], Array], points: Array, log_at_points: Array, rng: np.random.Generator
) -> tuple[float, float]:
    """Integrate a density of which there are draws, by Meng and Wong's (1996, Statistica Sinica 6, 831) bridge.

    A normal proposal is fitted to one half of the draws and bridged to the other half with the optimal bridge
    function, iterated; then the halves change their roles. The result is the mean of both.

    Parameters
    ----------
    log_density : callable
        From points (n, dimension) to the ln of the unnormalised density (n,); minus infinity where it is 0.
    points : ndarray, shape (chain, draw, dimension)
        Draws from it.
    log_at_points : ndarray, shape (chain, draw)
        Its ln there.
    rng : Generator
        Of the proposal's draws: as many as there are points in a half.

    Returns
    -------
    log_integral, error : float
        The error (1 sigma) is that of Frühwirth-Schnatter (2004, doi:10.1111/j.1368-423X.2004.00125.x) with the
        autocorrelation of the draws, for the mean of both halves, or half their difference, whichever is larger.

    Raises
    ------
    InputError
        If there are fewer than 20 draws in a chain and dimension, or one of them has a density of 0.
    """
    n_chains, n_draws, dimension = points.shape
    if n_chains * n_draws < 20 * max(dimension, 5):
        raise InputError(
            "too few draws for bridge sampling",
            place="evidence",
            found=f"{n_chains * n_draws} draws in {dimension} dimensions",
            allowed=f"at least {20 * max(dimension, 5)}",
        )
    if not np.all(np.isfinite(log_at_points)):
        raise InputError("a draw has a density of 0: it is no draw of this posterior", place="evidence")
    half = n_draws // 2
    halves = (slice(0, half), slice(half, 2 * half))
    results = [
        _bridge(log_density, points[:, fitted], points[:, bridged], log_at_points[:, bridged], rng)
        for fitted, bridged in (halves, halves[::-1])
    ]
    estimates, errors = (np.array(column) for column in zip(*results, strict=True))
    scatter = abs(estimates[0] - estimates[1]) / 2
    return float(estimates.mean()), float(max(np.sqrt((errors**2).mean() / 2), scatter))


def _bridge(
    log_density: Callable[[Array], Array],
    fitted: Array,
    bridged: Array,
    log_at_bridged: Array,
    rng: np.random.Generator,
) -> tuple[float, float]:
    import arviz_stats
    from scipy.special import logsumexp

    n_chains, n_draws, dimension = bridged.shape
    proposal = _SymmetricNormal(fitted.reshape(-1, dimension))
    drawn = proposal.draw(n_chains * n_draws, rng)

    def log_ratio(points: Array, log_there: Array) -> Array:
        """Ln of (symmetrised density / proposal)."""
        both = np.logaddexp(log_there, log_density(proposal.mirrored(points)))
        return np.asarray(both - np.log(2) - proposal.log_density(points))

    at_draws = log_ratio(bridged.reshape(-1, dimension), log_at_bridged.ravel())
    at_proposals = log_ratio(drawn, log_density(drawn))
    effective = float(np.median([arviz_stats.ess(bridged[..., k], method="mean") for k in range(dimension)]))
    share = effective / (effective + len(drawn))
    log_share, log_rest = np.log(share), np.log1p(-share)

    def sides(log_integral: float) -> tuple[Array, Array]:
        """Ln of p / (share p + rest g) at the proposals and of g / (share p + rest g) at the draws, p normalised."""
        p_proposals, p_draws = at_proposals - log_integral, at_draws - log_integral
        upper = p_proposals - np.logaddexp(log_share + p_proposals, log_rest)
        return upper, -np.logaddexp(log_share + p_draws, log_rest)

    log_integral = float(np.median(at_draws))
    for _ in range(_N_ITERATIONS):
        upper, lower = sides(log_integral)
        step = float(logsumexp(upper) - np.log(len(upper)) - logsumexp(lower) + np.log(len(lower)))
        log_integral += step
        if abs(step) < _TOLERANCE:
            break
    upper, lower = (np.exp(side) for side in sides(log_integral))
    effective_lower = float(arviz_stats.ess(lower.reshape(n_chains, n_draws), method="mean"))
    squared = np.var(upper) / np.mean(upper) ** 2 / len(upper) + np.var(lower) / np.mean(lower) ** 2 / effective_lower
    return log_integral, float(np.sqrt(squared))
