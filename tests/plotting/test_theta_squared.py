import astropy.units as u
import numpy as np
import pytest
from astropy.table import QTable

from bayes_onoff.plotting import plot_theta_squared


@pytest.fixture
def table() -> QTable:
    n_on, n_off = np.array([90, 40, 12, 0]), np.array([30, 33, 36, 0])
    return QTable(
        {
            "theta2_min": [0.0, 36.0, 72.0, 108.0] * u.arcmin**2,
            "theta2_max": [36.0, 72.0, 108.0, 144.0] * u.arcmin**2,
            "n_on": n_on,
            "n_off": n_off,
            "alpha": np.full(4, 1 / 3),
            "excess_error": np.sqrt(n_on + n_off / 9),
        }
    )


def test_points_and_background_are_those_of_the_table(table: QTable) -> None:
    ax = plot_theta_squared(table)
    (points,) = ax.containers
    np.testing.assert_allclose(
        points.lines[0].get_xydata(), np.stack([[0.005, 0.015, 0.025, 0.035], [90, 40, 12, 0]], axis=1)
    )
    filled, band, outline = ax.patches
    np.testing.assert_allclose(filled.get_data().values, [10, 11, 12, 0])
    np.testing.assert_allclose(outline.get_data().edges, [0, 0.01, 0.02, 0.03, 0.04])
    error = np.sqrt(np.array([30, 33, 36, 0])) / 3
    np.testing.assert_allclose(band.get_data().values, np.array([10, 11, 12, 0]) + error)
    np.testing.assert_allclose(band.get_data().baseline, np.array([10, 11, 12, 0]) - error)


def test_bars_are_the_root_of_the_counts(table: QTable) -> None:
    _, bars = plot_theta_squared(table).containers[0].lines[2]
    half = [np.ptp(segment[:, 1]) / 2 for segment in bars.get_segments()]
    np.testing.assert_allclose(half, np.sqrt([90, 40, 12, 0]))


def test_the_on_radius_is_marked_where_it_is_in_the_plot(table: QTable) -> None:
    ax = plot_theta_squared(table, on_radius=0.11)
    marks = [line for line in ax.lines if line.get_linestyle() == "--"]
    np.testing.assert_allclose(marks[0].get_xdata(), 0.0121)
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert "ON radius 0.11°" in labels
    assert not [line for line in plot_theta_squared(table, on_radius=0.5).lines if line.get_linestyle() == "--"]


def test_everything_is_inside_the_frame(table: QTable) -> None:
    ax = plot_theta_squared(table)
    assert ax.get_xlim() == (0, 0.04)
    assert ax.get_ylim()[0] == 0
    assert ax.get_ylim()[1] > 90 + np.sqrt(90)
    assert ax.get_xlabel() == r"$\theta^2$ [deg$^2$]"
