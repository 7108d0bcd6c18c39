"""Leaving data out of a fit by importance sampling of its draws."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["psis_elpd"]


def psis_elpd(log_likelihood: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Estimate ln p(each datum | all others) by Pareto-smoothed importance sampling.

    Vehtari et al. (2024, JMLR 25(72)).

    Parameters
    ----------
    log_likelihood : ndarray, shape (chain, draw, datum)
        Of data that are independent given the draws.

    Returns
    -------
    elpd, k_hat : ndarray, shape (datum,)
        Pareto k: above 0.7 the estimate cannot be trusted. A datum of the same likelihood at all draws has none: 0.
    """
    from arviz_stats.base import array_stats
    from scipy.special import logsumexp

    flat = log_likelihood.reshape(-1, log_likelihood.shape[-1]).T
    elpd, k_hat = np.array(flat[:, 0]), np.zeros(len(flat))
    for index in np.flatnonzero(np.ptp(flat, axis=1) > 0):
        log_weights, k = array_stats.psislw(flat[index])  # takes the likelihood, and negates it
        elpd[index] = logsumexp(log_weights + flat[index]) - logsumexp(log_weights)
        k_hat[index] = float(k)
    return elpd, k_hat
