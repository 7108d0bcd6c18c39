import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bayes_onoff.dl3 import IrfAxis
from bayes_onoff.dl3.irf_axes import interpolate

finite = st.floats(-5, 5)


def test_a_logarithmic_axis_has_geometric_centres_and_a_linear_one_arithmetic() -> None:
    np.testing.assert_allclose(IrfAxis.from_edges([1, 4, 16], is_log=True).centers, [2, 8])
    np.testing.assert_allclose(IrfAxis.from_edges([1, 4, 16]).centers, [2.5, 10])


def test_a_node_axis_reaches_half_a_step_beyond_its_nodes() -> None:
    np.testing.assert_allclose(IrfAxis.from_nodes([0, 0.5, 1.5]).edges, [-0.25, 0.25, 1.0, 2.0])
    np.testing.assert_allclose(IrfAxis.from_nodes([1, 4], is_log=True).edges, [0.5, 2, 8])


def test_a_single_node_holds_everywhere_and_a_single_bin_within_its_edges() -> None:
    assert IrfAxis.from_nodes([0.4]).contains([-1, 0, 0.4, 9]).all()
    np.testing.assert_array_equal(IrfAxis.from_edges([0.39, 0.41]).contains([0.38, 0.39, 0.41, 0.42]), [0, 1, 1, 0])


@given(finite, finite, finite, finite, st.floats(-1, 4), st.floats(0.01, 50))
def test_a_function_linear_in_each_coordinate_is_met_exactly_inside_and_outside(
    a: float, b: float, c: float, d: float, x: float, energy: float
) -> None:
    def truth(log_energy: np.ndarray, offset: np.ndarray) -> np.ndarray:
        return a + b * log_energy + c * offset + d * log_energy * offset

    energies = IrfAxis.from_edges(np.geomspace(0.1, 10, 5), is_log=True)
    offsets = IrfAxis.from_nodes([0.0, 1.0, 2.5])
    values = truth(np.log(energies.centers)[:, None], offsets.centers[None, :])
    result = interpolate(values, (energies, offsets), (energy, x))
    np.testing.assert_allclose(result, truth(np.log(energy), np.asarray(x)), atol=1e-9)


def test_interpolation_agrees_with_scipy_in_three_dimensions() -> None:
    from scipy.interpolate import RegularGridInterpolator

    rng = np.random.default_rng(1)
    axes = [IrfAxis.from_nodes(np.sort(rng.uniform(size=n))) for n in (4, 5, 3)]
    values = rng.normal(size=(4, 5, 3))
    points = rng.uniform(-0.2, 1.2, size=(200, 3))
    reference = RegularGridInterpolator([axis.centers for axis in axes], values, bounds_error=False, fill_value=None)
    np.testing.assert_allclose(interpolate(values, axes, list(points.T)), reference(points), rtol=1e-9, atol=1e-9)


def test_an_axis_of_length_one_is_dropped() -> None:
    axes = (IrfAxis.from_edges([1, 4, 16], is_log=True), IrfAxis.from_nodes([0.4]))
    result = interpolate(np.array([[1.0], [3.0]]), axes, (np.array([2.0, 4.0, 8.0])[:, None], np.array([0.0, 7.0])))
    np.testing.assert_allclose(result, [[1, 1], [2, 2], [3, 3]])


@pytest.mark.parametrize("is_log", [True, False])
def test_bounds_as_written_tell_nodes_from_edges(is_log: bool) -> None:
    low, high = IrfAxis.from_nodes([1, 2, 4], is_log=is_log).bounds
    np.testing.assert_array_equal(low, high)
    low, high = IrfAxis.from_edges([1, 2, 4], is_log=is_log).bounds
    np.testing.assert_array_equal(low[1:], high[:-1])
