"""Likelihoods with the latent rate integrated out: closed forms, adaptive quadrature, and NumPy = PyTensor."""

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats
from scipy.special import gammaln

from bayes_onoff.inference.marginal import (
    draw_gamma_rate,
    draw_lognormal_rate,
    gamma_table,
    log_marginal_gamma,
    log_marginal_lognormal,
)

# (s, n_on, n_off, alpha, shape, rate, ln L): with rate 0 the Gamma normalisation is left out.
CLOSED_FORMS = [
    (4.0, 10, 3, 0.5, 2.0, 0.7, -5.49924134677),
    (6.0, 12, 0, 0.1, 0.5, 0.3, -5.18009304010),
    (2.3, 5, 7, 0.3, 1.0, 0.0, -1.82262629304),
    (2.3, 5, 7, 0.3, 0.5, 0.0, -2.82448994340),
    (0.5, 0, 4, 0.2, 1.0, 0.0, -1.41160778397),
]


@pytest.mark.parametrize(("signal", "n_on", "n_off", "alpha", "shape", "rate", "expected"), CLOSED_FORMS)
def test_gamma_closed_forms(signal, n_on, n_off, alpha, shape, rate, expected):
    tiny = 1e-13 if rate == 0 else rate
    table = gamma_table(np.array(n_on), np.array(n_off), np.array(alpha), shape, tiny)
    normalisation = shape * np.log(tiny) - gammaln(shape) if rate == 0 else 0.0
    assert log_marginal_gamma(np.array(signal), table) - normalisation == pytest.approx(expected, abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(
    n_on=st.integers(0, 60),
    n_off=st.integers(0, 200),
    alpha=st.floats(0.01, 1.0),
    signal=st.floats(0.0, 60.0),
    shape=st.floats(0.3, 3.0),
)
def test_gamma_is_the_integral(n_on, n_off, alpha, signal, shape):
    rate = 0.2
    center = (n_off + shape) / (1 + rate)
    upper = 10 * (center + n_on / alpha + 10)

    def integrand(v):  # v = sqrt(b) takes the singularity of shape < 1 away
        b = v**2
        log_value = (
            stats.gamma.logpdf(b, shape, scale=1 / rate)
            + stats.poisson.logpmf(n_off, b)
            + stats.poisson.logpmf(n_on, signal + alpha * b)
        )
        return 2 * v * np.exp(log_value - reference)

    table = gamma_table(np.array(n_on), np.array(n_off), np.array(alpha), shape, rate)
    reference = float(log_marginal_gamma(np.array(signal), table))
    points = np.sqrt(np.linspace(0, upper, 60)[1:])
    total = sum(
        integrate.quad(integrand, lo, hi, epsabs=1e-12, epsrel=1e-10)[0]
        for lo, hi in zip(np.append(1e-9, points[:-1]), points, strict=True)
    )
    assert np.log(total) == pytest.approx(0, abs=1e-4)


def _lognormal_by_trapezoid(n_on, n_off, alpha, signal, log_mean, scale):
    z = np.linspace(-40, 40, 80_001)
    log_rate = log_mean - scale**2 / 2 + scale * z
    exponent = (
        stats.poisson.logpmf(n_off, np.exp(log_rate))
        + stats.poisson.logpmf(n_on, signal + alpha * np.exp(log_rate))
        + stats.norm.logpdf(z)
    )
    peak = exponent.max()
    return peak + np.log(np.sum(np.exp(exponent - peak)) * (z[1] - z[0]))


@pytest.mark.parametrize("scale", [0.02, 0.1, 0.3, 0.7])
@pytest.mark.parametrize(("n_on", "n_off"), [(0, 0), (3, 0), (0, 5), (12, 40), (300, 300), (1200, 10_000)])
@pytest.mark.parametrize("alpha", [0.03, 0.5])
def test_lognormal_quadrature_is_accurate(n_on, n_off, alpha, scale):
    for pull in (-2.0, 0.0, 2.0):
        log_mean = np.log(max(n_off, 0.3)) + pull * scale
        signal = max(n_on - alpha * n_off, 0.5)
        exact = _lognormal_by_trapezoid(n_on, n_off, alpha, signal, log_mean, scale)
        quick = log_marginal_lognormal(
            n_on,
            n_off,
            alpha,
            np.array(signal),
            np.array(log_mean),
            np.array(scale),
            gammaln(n_on + 1) + gammaln(n_off + 1),
        )
        assert quick == pytest.approx(exact, abs=1e-4)


def test_numpy_is_pytensor_in_value_and_gradient():
    n_on, n_off, alpha = np.array([0.0, 7.0, 12.0]), np.array([0.0, 3.0, 60.0]), np.array([0.1, 0.3, 0.05])
    factorials = gammaln(n_on + 1) + gammaln(n_off + 1)
    point = {"signal": np.array([0.5, 4.0, 9.0]), "log_mean": np.array([-0.5, 1.2, 4.0]), "scale": np.array(0.25)}

    def value(xp, signal, log_mean, scale):
        return log_marginal_lognormal(n_on, n_off, alpha, signal, log_mean, scale, factorials, xp=xp).sum()

    inputs = [pt.vector("signal"), pt.vector("log_mean"), pt.scalar("scale")]
    total = value(pt, *inputs)
    compiled = pytensor.function(inputs, [total, *pytensor.grad(total, inputs)], mode="FAST_COMPILE")
    symbolic, *gradients = compiled(*point.values())
    assert symbolic == pytest.approx(value(np, *point.values()), abs=1e-10)
    for name, gradient in zip(point, gradients, strict=True):
        for index in np.ndindex(point[name].shape):
            shift = np.zeros(point[name].shape)
            shift[index] = 1e-5
            up = value(np, **{**point, name: point[name] + shift})
            down = value(np, **{**point, name: point[name] - shift})
            assert gradient[index] == pytest.approx((up - down) / 2e-5, rel=1e-4, abs=1e-5)


def _moments(log_density, upper):
    v = np.linspace(1e-4, np.sqrt(upper), 200_001)  # b = v**2 takes the singularity of shape < 1 at 0 away
    b = v**2
    log_weights = log_density(b) + np.log(v)
    weights = np.exp(log_weights - log_weights.max())
    mean = np.sum(weights * b) / weights.sum()
    return mean, np.sqrt(np.sum(weights * (b - mean) ** 2) / weights.sum())


@pytest.mark.parametrize(("n_on", "n_off", "alpha", "signal"), [(3, 0, 0.5, 1.0), (9, 20, 0.2, 4.0)])
def test_rates_are_drawn_from_their_conditional(n_on, n_off, alpha, signal):
    rng = np.random.default_rng(5)
    n_draws = 40_000
    counts = (np.array([[n_on]]), np.array([[n_off]]), np.array([[alpha]]))
    many = np.full((n_draws, 1, 1), signal)

    def likelihood(b):
        return stats.poisson.logpmf(n_off, b) + stats.poisson.logpmf(n_on, signal + alpha * b)

    gamma = draw_gamma_rate(*counts, many, 0.5, 0.1, rng)
    mean, sd = _moments(lambda b: likelihood(b) + stats.gamma.logpdf(b, 0.5, scale=10), 120)
    assert gamma.mean() == pytest.approx(mean, abs=4 * sd / np.sqrt(n_draws))
    assert gamma.std() == pytest.approx(sd, rel=0.03)

    log_mean, scale = 1.5, 0.4
    lognormal = draw_lognormal_rate(*counts, many, np.full_like(many, log_mean), np.full_like(many, scale), rng)
    mean, sd = _moments(
        lambda b: likelihood(b) + stats.norm.logpdf(np.log(b), log_mean - scale**2 / 2, scale) - np.log(b), 120
    )
    assert lognormal.mean() == pytest.approx(mean, abs=4 * sd / np.sqrt(n_draws))
    assert lognormal.std() == pytest.approx(sd, rel=0.03)
