"""Bayes factor of a model against the one that it becomes where a parameter has a certain value."""

import numpy as np
from numpy.typing import NDArray

from bayes_onoff.errors import InputError
from bayes_onoff.inference import Posterior

__all__ = ["savage_dickey"]

_N_BATCHES = 20
_LEAST_NEAR = 20
"""Draws within a bandwidth of the value: with fewer the density there is not known."""


def savage_dickey(posterior: Posterior, parameter: str, value: float = 0.0) -> tuple[float, float]:
    """Compute ln(evidence of the nested model / evidence of this one) by the Savage-Dickey density ratio.

    Posterior over prior density of the parameter at the value that nests the simpler model (Dickey 1971,
    doi:10.1214/aoms/1177693507), which is the Bayes factor if the priors of all other parameters are the same in both
    models. The posterior density is a Gaussian kernel estimate whose leading bias is taken away by a second one of
    twice the bandwidth.

    Parameters
    ----------
    posterior : Posterior
        For example of a log-parabola, nested at ``beta = 0``.
    parameter : str
    value : float
        Inside the parameter's support.

    Returns
    -------
    log_bayes_factor, error : float
        Positive: for the nested model. The error (1 sigma, Monte Carlo) is from batches of draws.

    Raises
    ------
    InputError
        If there is no such parameter, if the value is not inside its support (``lambda_ = 0``, no cutoff: the prior
        density there is 0, so there is no ratio; compare evidences instead), or if hardly a draw is near it.
    """
    place = f"savage_dickey: {parameter}"
    priors = posterior.model.priors
    if parameter not in priors:
        raise InputError("no such parameter", place=place, found=parameter, allowed=", ".join(priors))
    lower, upper = priors[parameter].support
    if not lower < value < upper:
        raise InputError(
            "the value is not inside the support of the parameter, the density there is no limit of draws; compare "
            "evidences instead",
            place=place,
            found=value,
            allowed=f"above {lower:g} and below {upper:g}",
        )
    draws = posterior.values[parameter]
    bandwidth = 0.9 * draws.std() * draws.size ** (-1 / 9)  # of a fourth-order estimate
    if np.sum(np.abs(draws - value) < bandwidth) < _LEAST_NEAR:
        raise InputError(
            "hardly a draw of the posterior is near the value; compare evidences instead",
            place=place,
            found=f"{value:g}, draws from {draws.min():.3g} to {draws.max():.3g}",
        )
    kernels = _kernel(draws - value, bandwidth)
    # Batches of neighbouring draws: their scatter holds the autocorrelation.
    batches = np.array([part.mean() for part in np.array_split(kernels.ravel(), _N_BATCHES)])
    density, error = kernels.mean(), batches.std(ddof=1) / np.sqrt(_N_BATCHES)
    return float(np.log(density) - priors[parameter].log_density(value)), float(error / density)


def _kernel(distance: NDArray[np.float64], bandwidth: float) -> NDArray[np.float64]:
    def normal(width: float) -> NDArray[np.float64]:
        kernel: NDArray[np.float64] = np.exp(-0.5 * (distance / width) ** 2) / (width * np.sqrt(2 * np.pi))
        return kernel

    return (4 * normal(bandwidth) - normal(2 * bandwidth)) / 3
