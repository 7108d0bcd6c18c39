"""Residuals of counts with a known predictive distribution."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from bayes_onoff.products.residuals import randomised_quantile_residuals, standardised_residuals


def mixture(rng: np.random.Generator, mean: float, n_bins: int) -> tuple[np.ndarray, np.ndarray]:
    """Counts drawn from a Gamma-Poisson mixture, and evenly spaced quantiles of the Gamma as its draws."""
    counts = rng.poisson(rng.gamma(2.0, mean / 2, size=n_bins))
    means = stats.gamma.ppf((np.arange(500) + 0.5) / 500, 2.0, scale=mean / 2)
    return counts, np.broadcast_to(means[:, None], (500, n_bins))


@pytest.mark.parametrize("mean", [0.05, 0.7, 4.0, 60.0])
def test_quantile_residuals_are_standard_normal_if_the_predictive_is_right(mean: float) -> None:
    rng = np.random.default_rng(11)
    counts, expected = mixture(rng, mean, 1500)
    residuals = randomised_quantile_residuals(counts, expected, rng)
    assert stats.kstest(residuals, "norm").pvalue > 0.01


def test_quantile_residuals_show_a_wrong_mean() -> None:
    rng = np.random.default_rng(12)
    counts, expected = mixture(rng, 4.0, 1500)
    residuals = randomised_quantile_residuals(counts, 1.3 * expected, rng)
    assert stats.kstest(residuals, "norm").pvalue < 1e-6


def test_standardised_residuals_have_the_mixture_variance() -> None:
    rng = np.random.default_rng(13)
    counts, expected = mixture(rng, 5.0, 6000)
    residuals = standardised_residuals(counts, expected)
    assert residuals.mean() == pytest.approx(0, abs=0.05)
    assert residuals.std() == pytest.approx(1, abs=0.05)
    # Gamma(2, mean 5): variance 12.5, plus the Poisson variance 5.
    assert standardised_residuals(np.array([10]), expected[:, :1])[0] == pytest.approx(5 / np.sqrt(17.5), rel=0.1)


def test_far_tails_stay_finite_and_ordered() -> None:
    counts = np.array([0, 0, 400, 900, 5000])
    expected = np.broadcast_to(np.array([300.0, 2000.0, 100.0, 100.0, 100.0]), (10, 5))
    residuals = randomised_quantile_residuals(counts, expected, np.random.default_rng(1))
    assert np.all(np.isfinite(residuals))
    assert residuals[1] < residuals[0] < -20
    assert 20 < residuals[2] < residuals[3]
    assert residuals[4] >= residuals[3]


def test_upper_tail_is_as_exact_as_the_lower() -> None:
    """P(N >= 60 | 20) is 2e-13: far below the rounding of 1 - F."""
    rng = np.random.default_rng(1)
    residual = randomised_quantile_residuals(np.array([60]), np.full((3, 1), 20.0), rng)[0]
    assert stats.norm.isf(stats.poisson.sf(59, 20)) < residual < stats.norm.isf(stats.poisson.sf(60, 20))


def test_nothing_expected_has_no_standardised_residual() -> None:
    assert np.isnan(standardised_residuals(np.array([0]), np.zeros((5, 1)))[0])


@given(
    count=st.integers(0, 200),
    mean=st.floats(0.01, 300),
    spread=st.floats(0, 1),
    seed=st.integers(0, 2**32 - 1),
)
def test_residual_lies_between_its_distribution_limits(count: int, mean: float, spread: float, seed: int) -> None:
    expected = mean * np.exp(spread * np.linspace(-1, 1, 7))[:, None]
    residual = randomised_quantile_residuals(np.array([count]), expected, np.random.default_rng(seed))[0]
    below = stats.poisson.cdf(count - 1, expected).mean()
    above = stats.poisson.cdf(count, expected).mean()
    if below < 1 - 1e-10:
        assert stats.norm.ppf(below) - 1e-6 <= residual
    if 1e-300 < above < 1 - 1e-10:
        assert residual <= stats.norm.ppf(above) + 1e-6
