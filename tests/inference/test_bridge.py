"""Bridge sampling of integrals that are known."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from bayes_onoff.errors import InputError
from bayes_onoff.inference.bridge import bridge_integral

CORRELATED = stats.multivariate_normal(mean=[1.0, -2.0, 30.0], cov=[[1, 0.8, 0], [0.8, 1, 0], [0, 0, 100]])
SKEWED = stats.gamma(2.5, scale=0.3)


def skewed_log_density(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Four independent ln(gamma) variables times e^7; the Jacobian of the logarithm is included."""
    density: NDArray[np.float64] = (SKEWED.logpdf(np.exp(points)) + points).sum(axis=1) + 7.0
    return density


def skewed(seed: int, *, n_draws: int = 500) -> tuple[float, float]:
    rng = np.random.default_rng(seed)
    points = np.log(SKEWED.rvs((4, n_draws, 4), random_state=rng))
    log_at_points = skewed_log_density(points.reshape(-1, 4)).reshape(4, n_draws)
    return bridge_integral(skewed_log_density, points, log_at_points, rng)


def test_normal_density_is_integrated_almost_exactly() -> None:
    rng = np.random.default_rng(1)
    points = CORRELATED.rvs((4, 500), random_state=rng)
    found, error = bridge_integral(lambda x: CORRELATED.logpdf(x) - 437.0, points, CORRELATED.logpdf(points) - 437, rng)
    assert error < 0.01
    assert found == pytest.approx(-437, abs=4 * error)


def test_errors_are_as_large_as_the_scatter() -> None:
    results = np.array([skewed(seed) for seed in range(40)])
    pulls = (results[:, 0] - 7) / results[:, 1]
    assert abs(pulls.mean()) < 0.5
    assert 0.6 < pulls.std() < 1.3
    assert results[:, 1].max() < 0.04


def test_error_falls_with_the_number_of_draws() -> None:
    assert skewed(3, n_draws=4000)[1] < 0.5 * np.median([skewed(seed)[1] for seed in range(5)])


def test_density_with_an_edge() -> None:
    """The proposal reaches where the density is 0."""
    rng = np.random.default_rng(2)

    def log_density(points: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.where(np.abs(points[:, 0]) < 1, np.log(3.0), -np.inf)

    points = rng.uniform(-1, 1, (4, 1000, 1))
    found, error = bridge_integral(log_density, points, np.full((4, 1000), np.log(3.0)), rng)
    assert found == pytest.approx(np.log(6), abs=4 * error)
    assert error < 0.05


def test_correlated_draws_have_a_larger_error() -> None:
    rng = np.random.default_rng(4)
    noise = rng.standard_normal((4, 2000))
    walk = np.zeros((4, 2000))
    for step in range(1, 2000):
        walk[:, step] = 0.98 * walk[:, step - 1] + np.sqrt(1 - 0.98**2) * noise[:, step]

    def log_density(points: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(stats.t(5).logpdf(points[:, 0]))

    # Draws of a Student distribution by its quantiles, correlated and not.
    errors = []
    for normal in (noise, walk):
        points = stats.t(5).ppf(stats.norm.cdf(normal))[..., None]
        log_at_points = log_density(points.reshape(-1, 1)).reshape(4, 2000)
        found, error = bridge_integral(log_density, points, log_at_points, rng)
        assert found == pytest.approx(0, abs=4 * error)
        errors.append(error)
    assert errors[1] > 1.5 * errors[0]


def test_too_few_draws_are_refused() -> None:
    points = np.zeros((2, 30, 4))
    with pytest.raises(InputError, match="too few draws for bridge sampling; found '60 draws in 4 dimensions'"):
        bridge_integral(lambda x: x[:, 0], points, np.zeros((2, 30)), np.random.default_rng(0))


def test_a_draw_outside_the_density_is_refused() -> None:
    points = np.zeros((2, 100, 1))
    with pytest.raises(InputError, match="a draw has a density of 0"):
        bridge_integral(lambda x: x[:, 0], points, np.full((2, 100), -np.inf), np.random.default_rng(0))
