import numpy as np
import pytest

from bayes_onoff.axes import EnergyAxis
from bayes_onoff.reduction.safe_range import aeff_threshold, bias_threshold, bins_inside

ENERGY = np.geomspace(0.1, 10, 5)


def test_only_complete_bins_are_safe() -> None:
    axis = EnergyAxis(np.array([1.0, 2.0, 4.0, 8.0]))
    assert bins_inside(axis, 1.0, 8.0).tolist() == [True, True, True]
    assert bins_inside(axis, 1.001, 7.999).tolist() == [False, True, False]
    assert bins_inside(axis, None, 2.0).tolist() == [True, False, False]
    assert bins_inside(axis, None, None).all()


def test_a_power_law_area_crosses_where_it_should() -> None:
    assert aeff_threshold(ENERGY, ENERGY**2, 0.1) == pytest.approx(10 * np.sqrt(0.1), rel=1e-12)


def test_an_area_that_starts_high_is_safe_from_its_first_positive_node() -> None:
    assert aeff_threshold(ENERGY, np.array([0, 2.0, 3, 4, 5]), 0.1) == ENERGY[1]
    falling = np.array([0, 5.0, 4, 3, 0.1])  # gammapy would take the crossing at high energies
    assert aeff_threshold(ENERGY, falling, 0.1) == ENERGY[1]


def test_a_threshold_on_a_node() -> None:
    assert aeff_threshold(ENERGY, np.array([0.5, 1.0, 2, 5, 10]), 0.1) == pytest.approx(ENERGY[1], rel=1e-12)


def diagonal(bias: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Reconstructed energies and a kernel that shifts each true energy by its bias."""
    return ENERGY * (1 + bias), np.eye(len(ENERGY))


def test_bias_is_searched_from_its_peak() -> None:
    bias = np.array([0.05, 0.8, 0.2, 0.05, 0.01])
    energy, kernel = diagonal(bias)
    # linear in log-log between 0.2 at node 2 and 0.05 at node 3: half-way
    assert bias_threshold(ENERGY, energy, kernel, 0.1) == pytest.approx(np.sqrt(ENERGY[2] * ENERGY[3]) * 1.1)


def test_without_a_crossing_the_peak_is_the_threshold() -> None:
    energy, kernel = diagonal(np.array([0.3, 0.8, 0.7, 0.6, 0.5]))
    assert bias_threshold(ENERGY, energy, kernel, 0.1) == pytest.approx(ENERGY[1] * 1.1)
    energy, kernel = diagonal(np.array([0.03, 0.08, 0.07, 0.06, 0.05]))
    assert bias_threshold(ENERGY, energy, kernel, 0.1) == pytest.approx(ENERGY[1] * 1.1)
