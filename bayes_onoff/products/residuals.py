"""Posterior-predictive residuals of ON and OFF counts.

Given a posterior draw the counts are Poisson, so the predictive distribution is the average of Poisson distributions
over the draws of the expected counts. It is evaluated exactly, not by counting replicates. It knows the data it
predicts: under an independent prior each OFF rate has been fitted to its own count, and the OFF residuals are
narrower than a standard normal.
"""

from typing import Literal

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from bayes_onoff.axes import ENERGY_DIM, RUN_DIM
from bayes_onoff.errors import InputError
from bayes_onoff.inference import Posterior
from bayes_onoff.inference.acceptance import shifted_alpha
from bayes_onoff.inference.fit_data import FitData

__all__ = ["expected_counts", "predictive_residuals", "randomised_quantile_residuals", "standardised_residuals"]

REGION = "region"
Summed = Literal["run", "energy"]


def standardised_residuals(counts: ArrayLike, expected: ArrayLike) -> NDArray[np.float64]:
    """Observed counts minus the predictive mean, over the predictive standard deviation.

    The predictive variance is the mean of the Poisson variances plus the variance of the Poisson means.

    Parameters
    ----------
    counts : array of int, shape (...)
    expected : array, shape (draw, ...)
        Posterior draws of the expected counts.

    Returns
    -------
    ndarray, shape (...)
        NaN where nothing is expected.
    """
    expected = np.asarray(expected, dtype=float)
    mean = expected.mean(axis=0)
    deviation = np.sqrt(mean + expected.var(axis=0))
    residuals = np.full(mean.shape, np.nan)
    np.divide(np.asarray(counts) - mean, deviation, out=residuals, where=deviation > 0)
    return residuals


def randomised_quantile_residuals(
    counts: ArrayLike, expected: ArrayLike, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Turn counts into standard normal deviates, if the predictive distribution is right (Dunn and Smyth 1996).

    u is drawn uniformly between F(n - 1) and F(n), F being the predictive distribution function; the residual is the
    standard normal quantile of u. doi:10.1080/10618600.1996.10474708

    Parameters
    ----------
    counts : array of int, shape (...)
    expected : array, shape (draw, ...)
        Posterior draws of the expected counts.
    rng : Generator
        Of the randomisation, which breaks the ties of discrete counts.

    Returns
    -------
    ndarray, shape (...)
    """
    from scipy.special import gammaln, ndtri, pdtr, pdtrc, xlogy

    counts = np.asarray(counts, dtype=float)
    expected = np.asarray(expected, dtype=float)
    probability = np.exp(xlogy(counts, expected) - expected - gammaln(counts + 1)).mean(axis=0)
    part = rng.uniform(size=counts.shape) * probability
    lower = pdtr(counts, expected).mean(axis=0) - part
    # The complement is added up separately: 1 - lower would lose the upper tail.
    upper = pdtrc(counts, expected).mean(axis=0) + part
    tiny = np.finfo(float).tiny
    residuals: NDArray[np.float64] = np.where(
        lower < 0.5, ndtri(np.maximum(lower, tiny)), -ndtri(np.maximum(upper, tiny))
    )
    return residuals


def _add_up(values: NDArray[np.float64], summed_over: Summed | None) -> NDArray[np.float64]:
    """Sum the last two axes (run, energy) as asked for; masked bins hold 0."""
    if summed_over is None:
        return values
    return values.sum(axis=-2 if summed_over == RUN_DIM else -1)


def expected_counts(posterior: Posterior) -> NDArray[np.float64]:
    """Collect the expected counts of all draws, shape (draw, region, run, energy), ON first; 0 in masked bins."""
    data = FitData.from_spectra(posterior.spectra)
    draws = posterior.tree["posterior"]
    signal, off = (
        np.where(data.mask, draws[name].to_numpy(), 0.0).reshape(-1, *data.mask.shape)
        for name in ("npred_signal", "npred_off")
    )
    alpha = shifted_alpha(data, draws).reshape(-1, *data.mask.shape)
    return np.stack([signal + alpha * off, off], axis=1)


def predictive_residuals(posterior: Posterior, *, summed_over: Summed | None = None, seed: int = 0) -> xr.Dataset:
    """Compare the counts with their posterior predictive distribution, ON and OFF.

    Parameters
    ----------
    posterior : Posterior
    summed_over : {"run", "energy"}, optional
        Add counts and expected counts up first: ``"run"`` gives the stacked spectrum, ``"energy"`` the runs' totals.
    seed : int
        Of the randomisation of the quantile residuals.

    Returns
    -------
    Dataset, dims (region, run, energy) without the summed one
        `region` is ``"on"`` and ``"off"``. `counts`; `expected` and `deviation`, mean and standard deviation of the
        predictive distribution; `standardised` and `quantile`, the residuals. NaN where nothing was analysed.

    Raises
    ------
    InputError
        If `summed_over` is no dimension of the counts.
    """
    if summed_over not in (None, RUN_DIM, ENERGY_DIM):
        raise InputError(
            "not a dimension of the counts", place="summed_over", found=summed_over, allowed="run, energy or None"
        )
    data = FitData.from_spectra(posterior.spectra)
    counts = _add_up(np.stack([data.n_on, data.n_off]).astype(float), summed_over)
    expected = _add_up(expected_counts(posterior), summed_over)
    analysed = _add_up(data.mask.astype(float), summed_over) > 0
    mean = expected.mean(axis=0)
    arrays = {
        "counts": counts,
        "expected": mean,
        "deviation": np.sqrt(mean + expected.var(axis=0)),
        "standardised": standardised_residuals(counts, expected),
        "quantile": randomised_quantile_residuals(counts, expected, np.random.default_rng(seed)),
    }
    dims = [REGION, *(dim for dim in (RUN_DIM, ENERGY_DIM) if dim != summed_over)]
    coords = {REGION: ["on", "off"], RUN_DIM: list(data.runs), ENERGY_DIM: data.energy.centers}
    return xr.Dataset(
        {name: (dims, np.where(analysed, values, np.nan)) for name, values in arrays.items()},
        coords={dim: coords[dim] for dim in dims},
        attrs={"seed": seed, "convergence": posterior.convergence.sentence},
    )
