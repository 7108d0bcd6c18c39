"""The ON/OFF likelihood of one bin with its latent background rate integrated out, for NumPy and PyTensor.

Every function gives ln p(n_on, n_off | signal, ...) with all normalisations, elementwise over any leading shape.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "draw_gamma_rate",
    "draw_lognormal_rate",
    "expected_log_gamma_prior",
    "gamma_table",
    "log_marginal_gamma",
    "log_marginal_lognormal",
    "table_at_alpha",
]

TINY = 1e-300
"""Floor inside logarithms: below it an expected count is 0 to double precision, and 0 ln 0 must be 0."""

N_NEWTON = 12
_HERMITE_NODES, _HERMITE_WEIGHTS = np.polynomial.hermite.hermgauss(21)


def gamma_table(
    n_on: NDArray[np.int64], n_off: NDArray[np.int64], alpha: NDArray[np.float64], shape: float, rate: float
) -> NDArray[np.float64]:
    """Logarithms of the terms of the marginal likelihood that do not depend on the signal.

    b ~ Gamma(shape, rate), n_off ~ Poisson(b), n_on ~ Poisson(s + alpha b). Expanding (s + alpha b)**n_on gives
    ``L(s) = exp(-s) sum_k exp(table[..., k]) s**k`` (finite, exact: Loredo 1992, eq. 12.18, for shape 1, rate 0;
    also XSPEC's lstat), where k of the n_on events are signal.

    Returns
    -------
    ndarray, shape (..., k) with k = 0 .. max(n_on)
        Minus infinity for k > n_on.
    """
    from scipy.special import gammaln, xlogy

    n_on, n_off, alpha = np.broadcast_arrays(np.asarray(n_on), np.asarray(n_off), np.asarray(alpha, dtype=float))
    k = np.arange(n_on.max(initial=0) + 1)
    background = n_on[..., None] - k
    inside = background >= 0
    background = np.where(inside, background, 0)
    total = n_off[..., None] + background + shape
    table = (
        xlogy(background, alpha[..., None])
        - gammaln(background + 1)
        - gammaln(k + 1)
        + gammaln(total)
        - total * np.log(1 + alpha[..., None] + rate)
        + shape * np.log(rate)
        - gammaln(shape)
        - gammaln(n_off[..., None] + 1)
    )
    return np.where(inside, table, -np.inf)


def table_at_alpha(
    table: Any, n_on: Any, n_off: Any, alpha: Any, new_alpha: Any, shape: float, rate: float, xp: Any = np
) -> Any:
    """Turn a table of `gamma_table` into that of another acceptance ratio.

    Parameters
    ----------
    table : array, shape (..., k)
        At `alpha`.
    n_on, n_off, alpha : array, shape (...)
    new_alpha : array
        Broadcasts against them.
    shape, rate : float
    xp : module
        ``numpy`` or ``pytensor.tensor``.
    """
    k = np.arange(table.shape[-1]) if xp is np else xp.arange(table.shape[-1])
    background = n_on[..., None] - k
    ratio = (1 + new_alpha + rate) / (1 + alpha + rate)
    change = background * xp.log(new_alpha / alpha)[..., None]
    return table + change - (n_off[..., None] + background + shape) * xp.log(ratio)[..., None]


def _log_sum_exp(xp: Any, values: Any) -> Any:
    largest = values.max(axis=-1)
    return largest + xp.log(xp.exp(values - largest[..., None]).sum(axis=-1))


def log_marginal_gamma(signal: Any, table: Any, xp: Any = np) -> Any:
    """Evaluate the closed form for a Gamma prior on the rate.

    Parameters
    ----------
    signal : array, shape (...)
        Expected signal counts.
    table : array, shape (..., k)
        From `gamma_table`.
    xp : module
        ``numpy`` or ``pytensor.tensor``.
    """
    k = np.arange(table.shape[-1]) if xp is np else xp.arange(table.shape[-1])
    log_signal = xp.log(xp.maximum(signal, TINY))
    return _log_sum_exp(xp, table + k * log_signal[..., None]) - signal


def expected_log_gamma_prior(
    signal: NDArray[np.float64],
    n_on: NDArray[np.int64],
    n_off: NDArray[np.int64],
    alpha: NDArray[np.float64],
    shape: float,
    rate: float,
) -> NDArray[np.float64]:
    """Average ln Gamma(b | shape, rate) over the conditional of b given counts and signal, in the shape of `signal`.

    The conditional is a mixture of Gamma(n_off + n_on - k + shape, 1 + alpha + rate) with the weights of
    `gamma_table`. NumPy only.
    """
    from scipy.special import gammaln, psi

    table = gamma_table(n_on, n_off, alpha, shape, rate)
    k = np.arange(table.shape[-1])
    total = np.maximum(n_off[..., None] + n_on[..., None] - k, 0) + shape
    scale = (1 + alpha + rate)[..., None]
    terms = (shape - 1) * (psi(total) - np.log(scale)) - rate * total / scale
    log_weights = table + k * np.log(np.maximum(signal, TINY))[..., None]
    weights = np.exp(log_weights - log_weights.max(axis=-1, keepdims=True))
    average = (weights * terms).sum(axis=-1) / weights.sum(axis=-1)
    return np.asarray(average + shape * np.log(rate) - gammaln(shape))


def _log_joint(xp: Any, n_on: Any, n_off: Any, alpha: Any, signal: Any, log_rate: Any) -> Any:
    """Ln of both Poisson terms without the factorials."""
    rate = xp.exp(log_rate)
    return n_off * log_rate - (1 + alpha) * rate + n_on * xp.log(xp.maximum(signal + alpha * rate, TINY)) - signal


def _deviation_peak(
    xp: Any, n_on: Any, n_off: Any, alpha: Any, signal: Any, log_mean: Any, scale: Any
) -> tuple[Any, Any]:
    """Peak and width of the integrand over ln(rate), by damped Newton steps (fixed number: a static graph)."""
    prior_mean = log_mean - scale**2 / 2
    precision = scale**-2.0
    # Starts between the prior and the OFF counts, weighted by their information.
    counts = n_off + 0.5
    log_rate = (prior_mean * precision + xp.log(counts) * counts) / (precision + counts)
    for _ in range(N_NEWTON):
        rate = xp.exp(log_rate)
        background = alpha * rate
        expected = xp.maximum(signal + background, TINY)
        slope = n_off - (1 + alpha) * rate + n_on * background / expected - (log_rate - prior_mean) * precision
        # Leaving out the positive part of the curvature (ON events shared with the signal) keeps every step uphill.
        curvature = (1 + alpha) * rate + precision
        step = slope / curvature
        log_rate = log_rate + step / xp.maximum(1.0, xp.abs(step))
    rate = xp.exp(log_rate)
    background = alpha * rate
    expected = xp.maximum(signal + background, TINY)
    sharing = n_on * background * signal / expected**2
    curvature = (1 + alpha) * rate + precision - sharing
    return log_rate, xp.maximum(curvature, 0.25 * precision) ** -0.5


def log_marginal_lognormal(
    n_on: Any,
    n_off: Any,
    alpha: Any,
    signal: Any,
    log_mean: Any,
    scale: Any,
    log_factorials: Any,
    xp: Any = np,
) -> Any:
    """Gauss-Hermite quadrature for a log-normal scatter of the rate around its mean.

    ln b ~ N(log_mean - scale**2/2, scale). The nodes sit around each bin's own peak (Laplace-centred): centred on the
    prior they miss the peak as soon as counts are high.

    Parameters
    ----------
    n_on, n_off, alpha, signal, log_mean : array, shape (...)
    scale : array, broadcasts against them
        Standard deviation of ln b.
    log_factorials : array, shape (...)
        ln(n_on! n_off!).
    xp : module
        ``numpy`` or ``pytensor.tensor``.
    """
    peak, width = _deviation_peak(xp, n_on, n_off, alpha, signal, log_mean, scale)
    if xp is not np:
        from pytensor.gradient import disconnected_grad

        # The integral does not depend on where the nodes sit; not following them halves the gradient's cost.
        peak, width = disconnected_grad(peak), disconnected_grad(width)
    log_rate = peak[..., None] + np.sqrt(2) * width[..., None] * _HERMITE_NODES

    def expand(array: Any) -> Any:
        return (array if hasattr(array, "ndim") else np.asarray(array))[..., None]

    scale = expand(scale)
    pull = (log_rate - expand(log_mean) + scale**2 / 2) / scale
    exponent = (
        _log_joint(xp, expand(n_on), expand(n_off), expand(alpha), expand(signal), log_rate)
        - pull**2 / 2
        + (_HERMITE_NODES**2 + np.log(_HERMITE_WEIGHTS))
    )
    normalisation = xp.log(width) - xp.log(scale[..., 0]) - 0.5 * np.log(np.pi)
    return _log_sum_exp(xp, exponent) + normalisation - log_factorials


def draw_gamma_rate(
    n_on: NDArray[np.int64],
    n_off: NDArray[np.int64],
    alpha: NDArray[np.float64],
    signal: NDArray[np.float64],
    shape: float,
    rate: float,
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """Draw b from its conditional given the signal (Gamma prior), shape of `signal` (..., run, energy).

    `alpha` broadcasts against the signal. First k, the number of signal events, with the weights of `gamma_table`;
    then b ~ Gamma.
    """
    table = gamma_table(n_on, n_off, alpha, shape, rate)
    k = np.arange(table.shape[-1])
    log_weights = table + k * np.log(np.maximum(signal, TINY))[..., None]
    # The largest of Gumbel-perturbed log weights is a draw from the categorical distribution.
    k = (log_weights + rng.gumbel(size=log_weights.shape)).argmax(axis=-1)
    draws: NDArray[np.float64] = rng.gamma(n_off + n_on - k + shape) / (1 + alpha + rate)
    return draws


def draw_lognormal_rate(
    n_on: NDArray[np.int64],
    n_off: NDArray[np.int64],
    alpha: NDArray[np.float64],
    signal: NDArray[np.float64],
    log_mean: NDArray[np.float64],
    scale: NDArray[np.float64],
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """Draw b from its conditional given the signal (log-normal prior), shape of `signal`.

    `alpha` broadcasts against the signal. Inverse of the cumulative distribution on a grid of +-6 widths around the
    peak, linear between grid points.
    """
    peak, width = _deviation_peak(np, n_on, n_off, alpha, signal, log_mean, scale)
    alpha = np.broadcast_to(alpha, np.shape(peak))
    grid = np.linspace(-6, 6, 121)
    result = np.empty(np.shape(peak))
    for index in range(result.shape[0]):  # one draw at a time: the grid times all draws would not fit in memory
        log_rate = peak[index][..., None] + width[index][..., None] * grid
        spread = np.broadcast_to(scale[index], peak[index].shape)[..., None]
        pull = (log_rate - log_mean[index][..., None] + spread**2 / 2) / spread
        exponent = (
            _log_joint(
                np, n_on[..., None], n_off[..., None], alpha[index][..., None], signal[index][..., None], log_rate
            )
            - pull**2 / 2
        )
        density = np.exp(exponent - exponent.max(axis=-1, keepdims=True))
        cumulative = np.concatenate(
            [np.zeros((*density.shape[:-1], 1)), np.cumsum((density[..., 1:] + density[..., :-1]) / 2, axis=-1)], -1
        )
        target = rng.uniform(size=cumulative.shape[:-1])[..., None] * cumulative[..., -1:]
        upper = np.clip((cumulative < target).sum(axis=-1, keepdims=True), 1, len(grid) - 1)
        below = np.take_along_axis(cumulative, upper - 1, -1)
        above = np.take_along_axis(cumulative, upper, -1)
        position = upper - 1 + (target - below) / np.maximum(above - below, TINY)
        result[index] = np.exp(peak[index] + width[index] * (grid[0] + position[..., 0] * (grid[1] - grid[0])))
    return result
