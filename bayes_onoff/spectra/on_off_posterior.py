"""The posterior of the signal of one ON/OFF pair in closed form: what a whole analysis must agree with in its limits.

With ``n_on ~ Poisson(s + alpha b)`` and ``n_off ~ Poisson(b)`` the two expectations ``mu = s + alpha b`` and ``b``
have independent Gamma posteriors of shapes ``n_on + c`` and ``n_off + c`` under both priors here: flat in s and b
(c = 1), and Jeffreys' joint prior ``[b (s + alpha b)]**(-1/2)`` (c = 1/2). What couples them is that the signal is not
negative.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bayes_onoff.errors import InputError

__all__ = ["OnOffPosterior", "SignalPrior", "binomial_significance"]

type SignalPrior = Literal["flat", "jeffreys"]

_OFFSETS: dict[str, float] = {"flat": 1.0, "jeffreys": 0.5}
_RATE_NODES, _RATE_WEIGHTS = np.polynomial.legendre.leggauss(100)
_SIGNAL_NODES, _SIGNAL_WEIGHTS = np.polynomial.legendre.leggauss(16)
RATE_REACH = 12.0
"""Half the range of the integral over sqrt(b), in widths of its peak."""
ONE_SIGMA = 0.6826894921370859
"""Probability within one standard deviation of a Gaussian."""
N_PANELS, N_HALVINGS = 40, 40
"""Panels of the integral over the signal; at zero, where a density may be steep, the first is halved many times."""


def _log_upper_beta(a: float, b: float, x: float) -> float:
    """Ln of the probability that a Beta(a, b) variable exceeds x, with all its digits where it underflows."""
    from scipy.special import betainc, betaln

    tail = float(betainc(b, a, 1 - x))
    if tail > 1e-280:
        return float(np.log(tail))
    # 1 + (a+b)/(b+1) (1-x) + ...: the hypergeometric series of the incomplete function, in ratios of its terms.
    y, total, term, k = 1 - x, 1.0, 1.0, 0
    while term > 1e-17 * total:
        term *= (a + b + k) / (b + 1 + k) * y
        total += term
        k += 1
    return float(b * np.log(y) + a * np.log(x) - np.log(b) - betaln(a, b) + np.log(total))


def binomial_significance(n_on: ArrayLike, n_off: ArrayLike, alpha: ArrayLike) -> NDArray[np.float64]:
    """Compute the significance of an excess from the binomial split of all counts, in standard deviations (Z_Bi).

    Without a signal each of the ``n_on + n_off`` events is an ON event with probability ``alpha / (1 + alpha)``; the
    p-value is the probability of at least `n_on` of them, ``I(alpha / (1 + alpha); n_on, n_off + 1)`` with the
    regularised incomplete beta function. The same number is the prior-predictive tail with ``b ~ Gamma(n_off + 1, 1)``,
    which makes it a Bayesian p-value as well (Cousins, Linnemann & Tucker 2008, NIM A 595, 480, arXiv:physics/0702156).
    It never claims more than it should, and is smaller than `li_ma_significance`.

    Parameters
    ----------
    n_on, n_off : array_like
        Counts, whole numbers or expectations, not negative.
    alpha : array_like
        Acceptance ratio ON/OFF, positive.

    Returns
    -------
    ndarray, of the shape to which the arguments broadcast
        Negative where fewer than expected were seen; minus infinity where `n_on` is 0.

    Raises
    ------
    InputError
        If a count is negative, an acceptance ratio is not positive, or anything is not finite.
    """
    from scipy.special import ndtri_exp

    on, off, ratio = np.broadcast_arrays(*(np.asarray(values, dtype=float) for values in (n_on, n_off, alpha)))
    for name, values, wrong in (("n_on", on, on < 0), ("n_off", off, off < 0), ("alpha", ratio, ratio <= 0)):
        wrong = wrong | ~np.isfinite(values)
        if wrong.any():
            allowed = "a positive number" if name == "alpha" else "0 or more"
            raise InputError("not physical", place=name, found=float(values[wrong][0]), allowed=allowed)

    def significance(n: float, m: float, a: float) -> float:
        if n == 0:
            return -np.inf
        above = _log_upper_beta(m + 1, n, 1 / (1 + a))
        if above < np.log(0.5):
            return float(-ndtri_exp(above))
        return float(ndtri_exp(_log_upper_beta(n, m + 1, a / (1 + a))))

    result: NDArray[np.float64] = np.vectorize(significance, otypes=[float])(on, off, ratio)
    return result


def _whole(value: float, name: str) -> int:
    if not np.isfinite(value) or value < 0 or value != int(value):
        raise InputError("not a number of counts", place=name, found=value, allowed="a whole number, 0 or more")
    return int(value)


@dataclass(frozen=True)
class OnOffPosterior:
    """Posterior of the signal counts `s` of one ON/OFF pair, the background integrated out.

    Flat prior (Loredo 1992, "The promise of Bayesian inference for astrophysics", eq. 12.18)::

        p(s) = sum_i C_i s**i exp(-s) / i!,   C_i ~ (1 + 1/alpha)**i (n_on + n_off - i)! / (n_on - i)!

    Jeffreys' joint prior (Knoetig 2014, ApJ 790, 106)::

        p(s) ~ exp(-s) s**(n_on + n_off) U(n_off + 1/2, n_on + n_off + 1, s (1 + 1/alpha))

    Both are evaluated as the integral over b that they stand for, in logarithms and around its peak, so that counts of
    many millions cost no digits and no more time.

    Parameters
    ----------
    n_on, n_off : int
        Observed counts.
    alpha : float
        Acceptance ratio ON/OFF, positive.
    prior : {"flat", "jeffreys"}

    Raises
    ------
    InputError
        If a count is negative or no whole number, `alpha` is not positive, or the prior is unknown.
    """

    n_on: int
    n_off: int
    alpha: float
    prior: SignalPrior = "flat"

    def __post_init__(self) -> None:
        for name in ("n_on", "n_off"):
            object.__setattr__(self, name, _whole(getattr(self, name), name))
        if not (np.isfinite(self.alpha) and self.alpha > 0):
            raise InputError(
                "not an acceptance ratio", place="alpha", found=self.alpha, allowed="positive: there must be an OFF"
            )
        if self.prior not in _OFFSETS:
            allowed = ", ".join(get_args(SignalPrior.__value__))
            raise InputError("unknown prior", place="prior", found=str(self.prior), allowed=allowed)

    @property
    def _shapes(self) -> tuple[float, float]:
        """Shapes of the Gamma posteriors of the ON and the OFF expectation."""
        return self.n_on + _OFFSETS[self.prior], self.n_off + _OFFSETS[self.prior]

    @cached_property
    def _log_positive(self) -> float:
        """Ln of the probability that two unconstrained Gamma expectations leave a positive signal."""
        on, off = self._shapes
        return _log_upper_beta(on, off, self.alpha / (1 + self.alpha))

    def _over_rates(self, signal: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """ON expectations (signal, node) and ln weights of the integral over the OFF expectation ``b = beta**2``."""
        on, off = self._shapes
        s, alpha, rate = signal[:, None], self.alpha, 2 * (1 + self.alpha)
        power, shared = 2 * off - 1, 2 * (on - 1)
        # Where the slope in ln(beta) vanishes: a quadratic equation in beta**2.
        linear = rate * s - (power + shared) * alpha
        root = np.sqrt(np.maximum(linear**2 + 4 * rate * alpha * power * s, 0))
        with np.errstate(invalid="ignore", divide="ignore"):
            peak2 = np.where(linear > 0, 2 * power * s / (linear + root), (root - linear) / (2 * rate * alpha))
        peak2 = np.maximum(np.nan_to_num(peak2), 0)
        expected = s + alpha * peak2
        with np.errstate(invalid="ignore", divide="ignore"):
            curvature = rate + power / peak2 - shared * alpha * (s - alpha * peak2) / expected**2
        width = np.clip(np.nan_to_num(curvature, nan=rate), rate / 50, 2 * rate) ** -0.5
        low = np.maximum(np.sqrt(peak2) - RATE_REACH * width, 0)
        half = (np.sqrt(peak2) + RATE_REACH * width - low) / 2
        beta = low + half * (1 + _RATE_NODES)
        mean_on = s + alpha * beta**2
        log_weight = power * np.log(beta) + shared / 2 * np.log(mean_on) - rate / 2 * beta**2 - s
        return mean_on, log_weight + np.log(2 * half * _RATE_WEIGHTS)

    def log_density(self, signal: ArrayLike) -> NDArray[np.float64]:
        """Evaluate the normalised ln density.

        Parameters
        ----------
        signal : array_like
            Expected signal counts.

        Returns
        -------
        ndarray, shape of `signal`
            Minus infinity where the signal is negative. Infinite at 0 for Jeffreys' prior without any count.
        """
        from scipy.special import gammaln, k0e, logsumexp

        s = np.asarray(signal, dtype=float)
        flat = np.maximum(s.ravel(), 0)
        on, off = self._shapes
        if on + off == 1:  # no count, Jeffreys: U(1/2, 1, z) is a Bessel function
            with np.errstate(divide="ignore"):
                log_integral = np.log(k0e(flat * (1 + 1 / self.alpha) / 2) / np.sqrt(self.alpha)) - flat
        else:
            log_integral = logsumexp(self._over_rates(flat)[1], axis=-1)
        log_density = log_integral - gammaln(on) - gammaln(off) - self._log_positive
        return np.where(s < 0, -np.inf, log_density.reshape(s.shape))

    @cached_property
    def _panels(self) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Edges of the panels (panel + 1,), and signal and probability of every node (panel, node)."""
        on, off = self._shapes
        spread = np.sqrt(on + self.alpha**2 * off)
        center = max(on - self.alpha * off, 0.0)
        low = center - RATE_REACH * spread
        edges = np.linspace(max(low, 0.0), center + RATE_REACH * spread + 45, N_PANELS + 1)
        if low < 0:
            edges = np.concatenate([[0.0], edges[1] * 0.5 ** np.arange(N_HALVINGS, 0, -1), edges[1:]])
        half = np.diff(edges)[:, None] / 2
        nodes = edges[:-1, None] + half * (1 + _SIGNAL_NODES)
        mass = np.exp(self.log_density(nodes)) * half * _SIGNAL_WEIGHTS
        return edges, nodes, mass

    @cached_property
    def _cumulative(self) -> NDArray[np.float64]:
        """Probability below each edge of the panels, up to about 1."""
        return np.concatenate([[0.0], np.cumsum(self._panels[2].sum(axis=1))])

    def _within(self, low: float, high: float) -> float:
        """Probability between two signals of one panel."""
        half = (high - low) / 2
        density = np.exp(self.log_density(low + half * (1 + _SIGNAL_NODES)))
        return float((density * half * _SIGNAL_WEIGHTS).sum())

    @property
    def mean(self) -> float:
        """Posterior mean of the signal; near ``n_on + c - alpha (n_off + c)`` where that is far above zero."""
        _, nodes, mass = self._panels
        return float((mass * nodes).sum() / mass.sum())

    @property
    def sd(self) -> float:
        """Posterior standard deviation of the signal."""
        _, nodes, mass = self._panels
        return float(np.sqrt((mass * (nodes - self.mean) ** 2).sum() / mass.sum()))

    @cached_property
    def mode(self) -> float:
        """The most probable signal: where the average of ``(n_on + c - 1) / (s + alpha b)`` given s is 1."""
        from scipy.optimize import brentq
        from scipy.special import softmax

        on, _ = self._shapes
        if on <= 1:
            return 0.0

        def slope(signal: float) -> float:
            mean_on, log_weight = self._over_rates(np.array([signal]))
            return float(((on - 1) / mean_on * softmax(log_weight, axis=-1)).sum() - 1)

        edges = self._panels[0]
        lowest = max(float(edges[0]), 1e-12)
        return float(brentq(slope, lowest, edges[-1], xtol=1e-12)) if slope(lowest) > 0 else 0.0

    def cdf(self, signal: float) -> float:
        """Probability that the signal is at most `signal`."""
        edges, cumulative = self._panels[0], self._cumulative
        if not edges[0] < signal < edges[-1]:
            return float(signal >= edges[-1])
        panel = int(np.searchsorted(edges, signal, side="right")) - 1
        return float((cumulative[panel] + self._within(edges[panel], signal)) / cumulative[-1])

    def quantile(self, probability: float) -> float:
        """Find the signal below which the posterior holds `probability`.

        Raises
        ------
        InputError
            If `probability` does not lie between 0 and 1.
        """
        from scipy.optimize import brentq

        if not 0 < probability < 1:
            raise InputError("not a probability", place="probability", found=probability, allowed="between 0 and 1")
        edges, cumulative = self._panels[0], self._cumulative
        target = probability * cumulative[-1]
        panel = min(int(np.searchsorted(cumulative, target, side="right")) - 1, len(edges) - 2)
        low, high = float(edges[panel]), float(edges[panel + 1])
        missing = target - cumulative[panel]
        if missing >= self._within(low, high):
            return high
        return float(brentq(lambda signal: self._within(low, signal) - missing, low, high, xtol=1e-13, rtol=1e-13))

    def limit(self, confidence: float = 0.95) -> float:
        """One-sided upper limit: the `confidence` quantile. Flat prior, no ON event: ``-ln(1 - confidence)``."""
        return self.quantile(confidence)

    def hpd(self, mass: float = ONE_SIGMA) -> tuple[float, float]:
        """Find the shortest interval that holds `mass`; it begins at 0 where the density falls from there on.

        Raises
        ------
        InputError
            If `mass` does not lie between 0 and 1.
        """
        from scipy.optimize import brentq

        highest = self.quantile(mass)

        def falls(below: float) -> float:
            """Ln density at the lower end over that at the upper end of the interval that leaves `below` out."""
            low, high = self.quantile(below), self.quantile(below + mass)
            return float(self.log_density(low) - self.log_density(high))

        if self.mode == 0 or self.log_density(0.0) >= self.log_density(highest):
            return 0.0, highest
        least = 1e-12 * (1 - mass)
        below = brentq(falls, least, (1 - mass) * (1 - 1e-9), xtol=1e-14, rtol=1e-13)
        return self.quantile(below), self.quantile(below + mass)

    def signal_probabilities(self) -> NDArray[np.float64]:
        """Compute C_i, the probability that i of the ON events are signal, shape (n_on + 1,).

        Raises
        ------
        InputError
            If the prior is not flat: no other makes the posterior a mixture over the number of signal events.
        """
        from scipy.special import gammaln, softmax

        if self.prior != "flat":
            raise InputError(
                "the number of signal events has no closed form", place="prior", found=self.prior, allowed="flat"
            )
        i = np.arange(self.n_on + 1)
        log_odds = np.log1p(1 / self.alpha)
        terms = i * log_odds + gammaln(self.n_on + self.n_off - i + 1) - gammaln(self.n_on - i + 1)
        probabilities: NDArray[np.float64] = softmax(terms)
        return probabilities

    @property
    def log_bayes_factor(self) -> float:
        """Ln of the Bayes factor of background alone over background and signal (Knoetig 2014, eq. 15).

        Jeffreys' priors are improper, and their unknown constants are fixed so that no counts say nothing: it is 0 for
        ``n_on = n_off = 0``.

        Raises
        ------
        InputError
            If the prior is flat: its constant stays free, and any Bayes factor could be had.
        """
        from scipy.special import gammaln

        if self.prior != "jeffreys":
            raise InputError(
                "an improper prior of the signal has no Bayes factor: its constant is arbitrary",
                place="prior",
                found=self.prior,
                allowed="jeffreys, whose constants are fixed by the data set without counts",
            )
        n, m, a = self.n_on, self.n_off, self.alpha
        alone = n * np.log(a) + gammaln(n + m + 0.5) - (n + m) * np.log1p(a) + np.log(2 * np.arctan(a**-0.5))
        return float(alone - 0.5 * np.log(np.pi) - gammaln(n + 0.5) - gammaln(m + 0.5) - self._log_positive)

    @property
    def bayes_factor(self) -> float:
        """Bayes factor of background alone over background and signal: small where there is a source."""
        return float(np.exp(self.log_bayes_factor))

    @property
    def significance(self) -> float:
        """S_b of Knoetig (2014): the Bayes factor as a two-sided Gaussian tail, ``sqrt(2) erfinv(1 - B)``.

        Not a number where the counts favour the background alone (B > 1).
        """
        from scipy.special import ndtri_exp

        log_factor = self.log_bayes_factor
        return float(-ndtri_exp(log_factor - np.log(2))) if log_factor <= 0 else float("nan")
