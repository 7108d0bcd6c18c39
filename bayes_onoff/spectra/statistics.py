"""Statistics of ON and OFF counts: the profile likelihood W and the significance of an excess."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bayes_onoff.errors import InputError

__all__ = ["combined_significance", "li_ma_significance", "profiled_background", "wstat"]


def profiled_background(
    n_on: ArrayLike, n_off: ArrayLike, alpha: ArrayLike, n_signal: ArrayLike
) -> NDArray[np.float64]:
    """Compute the expected OFF counts that make the observed ones most likely, given the signal.

    ``b = (C + D) / (2 alpha (1 + alpha))`` with ``C = alpha (n_on + n_off) - (1 + alpha) s`` and
    ``D^2 = C^2 + 4 alpha (1 + alpha) n_off s`` (XSPEC manual, appendix B). For ``C < 0`` the equal form
    ``b = 2 n_off s / (D - C)`` is taken, which subtracts no nearly equal numbers. Both hold when a count is 0.

    Parameters
    ----------
    n_on, n_off, alpha, n_signal : array_like
        As for `wstat`.

    Returns
    -------
    ndarray
        Expected counts in the OFF regions; 0 where `alpha` is 0.
    """
    n_on, n_off, alpha, signal = np.broadcast_arrays(
        *(np.asarray(values, dtype=float) for values in (n_on, n_off, alpha, n_signal))
    )
    scale = alpha * (1 + alpha)
    c = alpha * (n_on + n_off) - (1 + alpha) * signal
    d = np.sqrt(np.maximum(c**2 + 4 * scale * n_off * signal, 0))
    background = np.zeros(c.shape)
    np.divide(c + d, 2 * scale, out=background, where=(c >= 0) & (scale > 0))
    np.divide(2 * n_off * signal, d - c, out=background, where=(c < 0) & (scale > 0))
    return background


def _deviance(counts: NDArray[np.float64], expected: NDArray[np.float64]) -> NDArray[np.float64]:
    """Compute ``mu - n + n ln(n / mu)``: how far the Poisson ln likelihood lies below its maximum.

    Taken as ``n (x - ln(1 + x))`` with ``x = (mu - n) / n``, exact to rounding in ``mu - n`` rather than in ``n``.
    """
    seen = np.where(counts > 0, counts, 1)
    excess = (expected - seen) / seen
    with np.errstate(divide="ignore"):  # infinite where counts were seen and none expected
        log_ratio = np.where(excess > -0.5, np.log1p(np.maximum(excess, -0.5)), np.log(expected / seen))
    return np.where(counts > 0, seen * (excess - log_ratio), expected)


def wstat(n_on: ArrayLike, n_off: ArrayLike, alpha: ArrayLike, n_signal: ArrayLike) -> NDArray[np.float64]:
    """Compute the W statistic, element by element.

    ``W = -2 ln(L(s, b) / L_max)`` with ``n_on ~ Poisson(s + alpha b)`` and ``n_off ~ Poisson(b)``, at the `b` that
    makes W smallest; `L_max` is the likelihood of a model that meets both counts. W is 0 at best, and ``-W/2`` differs
    from the profiled ln likelihood by terms of the data alone. As the sum of two Poisson deviances it needs no special
    case for counts of 0 and keeps its digits where counts are large.

    Parameters
    ----------
    n_on, n_off : array_like
        Observed counts, whole numbers or expectations, not negative.
    alpha : array_like
        Acceptance ratio ON/OFF; 0 means that there is no OFF measurement, and W is 0: such a bin says nothing.
    n_signal : array_like
        Expected signal counts. Where negative, `b` is at least ``-n_signal / alpha``, so that the ON expectation is
        not negative.

    Returns
    -------
    ndarray, of the shape to which the arguments broadcast
        W.

    Raises
    ------
    InputError
        If a count or an acceptance ratio is negative, or anything is not finite.

    References
    ----------
    Arnaud et al., XSPEC manual, appendix B, "Poisson data with Poisson background".
    """
    arrays = [np.asarray(values, dtype=float) for values in (n_on, n_off, alpha, n_signal)]
    for name, values in zip(("n_on", "n_off", "alpha", "n_signal"), arrays, strict=True):
        wrong = ~np.isfinite(values) | ((values < 0) & (name != "n_signal"))
        if wrong.any():
            raise InputError("negative or not finite", place=name, found=float(values[wrong][0]), allowed="0 or more")
    on, off, ratio, signal = np.broadcast_arrays(*arrays)
    background = profiled_background(on, off, ratio, signal)
    expected_on = np.maximum(signal + ratio * background, 0)
    total = 2 * (_deviance(on, expected_on) + _deviance(off, background))
    return np.where(ratio > 0, total, 0.0)


def li_ma_significance(n_on: ArrayLike, n_off: ArrayLike, alpha: ArrayLike) -> NDArray[np.float64]:
    """Compute the significance of an excess, in standard deviations, negative for a deficit.

    The square root of W without signal, which is equation 17 of Li & Ma (1983, ApJ 272, 317).

    Parameters
    ----------
    n_on, n_off, alpha : array_like
        As for `wstat`.

    Returns
    -------
    ndarray
        Standard deviations; 0 where there is no OFF measurement (`alpha` 0).

    Raises
    ------
    InputError
        As for `wstat`.
    """
    excess = np.asarray(n_on, dtype=float) - np.asarray(alpha, dtype=float) * np.asarray(n_off, dtype=float)
    significance: NDArray[np.float64] = np.copysign(np.sqrt(wstat(n_on, n_off, alpha, 0.0)), excess)
    return significance


def combined_significance(n_on: ArrayLike, n_off: ArrayLike, alpha: ArrayLike, n_reference: ArrayLike) -> float:
    """Compute the significance of one source seen in several ON/OFF pairs, in standard deviations.

    Li & Ma's test for pairs of different acceptance ratio: the profile likelihood ratio of no source and of signals
    ``f n_reference`` with one common `f`, each pair with a background of its own. Pairs with the same acceptance ratio
    are added up first, so that the result is `li_ma_significance` of the sums where there is only one ratio.

    Parameters
    ----------
    n_on, n_off, alpha : array_like, shape (pair,)
        As for `wstat`.
    n_reference : array_like, shape (pair,)
        Signal counts of a reference source; only their ratios matter.

    Returns
    -------
    float
        Negative for a deficit; not a number where no pair expects signal or has an OFF measurement.

    Raises
    ------
    InputError
        As for `wstat`.
    """
    from scipy.optimize import minimize_scalar

    ratios = np.asarray(alpha, dtype=float)
    used = ratios > 0
    different, group = np.unique(np.round(ratios[used], 12), return_inverse=True)
    on, off, share = (
        np.bincount(group, weights=np.asarray(values, dtype=float)[used], minlength=len(different))
        for values in (n_on, n_off, n_reference)
    )
    seen = share > 0
    if not seen.any():
        return float("nan")
    on, off, share, different = on[seen], off[seen], share[seen] / share[seen].sum(), different[seen]
    without = float(wstat(on, off, different, 0.0).sum())
    if len(different) == 1:
        return float(li_ma_significance(on[0], off[0], different[0]))
    # W is convex in the common factor; beyond these bounds every pair pulls it back.
    bounds = (float((-different * (off + on + 1) / share).min()), float(((on + 1) / share).max()))
    best = minimize_scalar(
        lambda factor: float(wstat(on, off, different, factor * share).sum()),
        bounds=bounds,
        method="bounded",
        options={"xatol": 1e-9 * (bounds[1] - bounds[0])},
    )
    return float(np.copysign(np.sqrt(max(without - best.fun, 0.0)), best.x))
