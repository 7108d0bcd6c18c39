"""The averaged density of a norm against closed forms of the ON/OFF problem."""

import numpy as np
import pytest
from scipy.special import gammaincc, ndtri

from bayes_onoff.inference.marginal import gamma_table, log_marginal_gamma
from bayes_onoff.products.norm_density import NormDensity, norm_density, norm_grid

# Counts n_on, n_off, acceptance ratio; mean, q16, q50, q84, q95 of the signal under flat priors on signal and
# background rate (Loredo 1992): an exact finite mixture of Gamma distributions.
LOREDO = [
    (0, 5, 0.5, 1.000000, 0.174353, 0.693147, 1.832581, 2.995732),
    (1, 2, 1.0, 1.400000, 0.280802, 1.041370, 2.532135, 3.942332),
    (5, 5, 0.2, 4.823988, 2.416665, 4.499792, 7.221358, 9.380247),
    (10, 23, 0.1, 8.601232, 5.316063, 8.277100, 11.880731, 14.610595),
    (29, 34, 0.2, 23.00000, 17.456802, 22.685242, 28.537616, 32.721471),
]


def flat_density(n_on: int, n_off: int, alpha: float, largest: float) -> NormDensity:
    """Density of the signal counts on the grid that draws between 0 and `largest` would get."""
    grid = norm_grid(np.array([0.0, largest]))
    table = gamma_table(np.array(n_on), np.array(n_off), np.array(alpha), 1.0, 1e-9)
    return norm_density(grid, log_marginal_gamma(grid, table)[None])


@pytest.mark.parametrize(("n_on", "n_off", "alpha", "mean", "q16", "q50", "q84", "q95"), LOREDO)
def test_density_has_the_closed_form_moments(
    n_on: int, n_off: int, alpha: float, mean: float, q16: float, q50: float, q84: float, q95: float
) -> None:
    density = flat_density(n_on, n_off, alpha, 2.5 * q95)
    assert np.trapezoid(density.density, density.norm) == pytest.approx(1, abs=1e-12)
    assert np.trapezoid(density.norm * density.density, density.norm) == pytest.approx(mean, rel=4e-3)
    found = [density.quantile(p) for p in (0.16, 0.5, 0.84, 0.95)]
    np.testing.assert_allclose(found, [q16, q50, q84, q95], rtol=5e-3, atol=2e-3)


def test_no_on_event_gives_no_significance_and_three_counts() -> None:
    density = flat_density(0, 12, 0.1, 8.0)
    assert density.sqrt_ts == 0
    assert density.quantile(0.95) == pytest.approx(2.9957, rel=3e-3)


def test_significance_is_the_marginal_likelihood_ratio() -> None:
    grid = np.linspace(0, 9, 1000)
    density = norm_density(grid, -0.5 * (grid[None] - 3) ** 2)
    assert density.sqrt_ts == pytest.approx(3, abs=1e-4)


def test_average_is_over_normalised_densities() -> None:
    """A draw of the hyperparameters is already a posterior draw: its evidence must not weigh it again."""
    grid = np.linspace(0, 40, 4001)
    one, other = -0.5 * (grid - 10) ** 2, -0.5 * (grid - 30) ** 2 - 100.0
    density = norm_density(grid, np.stack([one, other]))
    assert np.trapezoid(grid * density.density, grid) == pytest.approx(20, rel=1e-6)


def test_grid_starts_at_zero_and_covers_the_draws_finely() -> None:
    draws = np.random.default_rng(3).normal(1.0, 0.04, size=4000)
    grid = norm_grid(draws)
    assert grid[0] == 0
    assert grid[1] < draws.min() - 2 * 0.04
    assert grid[-1] > draws.max() + 2 * 0.04
    assert np.diff(grid[1:]).max() < 0.2 * 0.04
    assert norm_grid(np.array([0.01, 3.0]))[0] == 0


def test_far_detection_is_resolved_at_zero() -> None:
    """Zero lies 25 standard deviations below the mode; the grid has one point there and it is exact."""
    grid = norm_grid(np.random.default_rng(4).normal(1.0, 0.04, size=4000))
    density = norm_density(grid, -0.5 * ((grid[None] - 1) / 0.04) ** 2)
    assert density.sqrt_ts == pytest.approx(25, abs=0.01)
    assert density.quantile(0.95) == pytest.approx(1 + 0.04 * ndtri(0.95), abs=5e-4)


def test_quantile_of_the_exponential_limit() -> None:
    grid = np.linspace(0, 20, 2001)
    density = norm_density(grid, -grid[None])
    for probability in (0.1, 0.5, 0.95):
        assert gammaincc(1, density.quantile(probability)) == pytest.approx(1 - probability, abs=1e-4)
