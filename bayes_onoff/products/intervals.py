"""Equal-tailed credible intervals, named once."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["INTERVAL_COLUMNS", "QUANTILES", "posterior_quantiles"]

QUANTILES = {
    "median": 0.5,
    "eti68_lower": 0.16,
    "eti68_upper": 0.84,
    "eti95_lower": 0.025,
    "eti95_upper": 0.975,
}
"""Equal-tailed intervals ("eti") of 68 % and 95 %."""

INTERVAL_COLUMNS = tuple(QUANTILES)


def posterior_quantiles(draws: ArrayLike) -> dict[str, NDArray[np.float64]]:
    """Median and limits of the 68 % and 95 % equal-tailed credible intervals.

    Parameters
    ----------
    draws : array, shape (chain, draw, ...)

    Returns
    -------
    dict of str to ndarray, shape (...)
        Keyed by `INTERVAL_COLUMNS`.
    """
    values = np.quantile(np.asarray(draws, dtype=float), list(QUANTILES.values()), axis=(0, 1))
    return dict(zip(QUANTILES, values, strict=True))
