import astropy.units as u
import numpy as np
import pytest
from astropy.table import QTable

from bayes_onoff.plotting import plot_cumulative, plot_cumulative_excess


@pytest.fixture
def table() -> QTable:
    n_on, n_off = np.array([177, 353, 503, 632]), np.array([179, 375, 811, 1225])
    alpha = np.array([0.0833333333, 0.0833333333, 0.05164507, 0.0435789])
    return QTable(
        {
            "obs_id": [23523, 23526, 23559, 23592],
            "livetime": [1581.7, 3154.4, 4732.5, 6313.8] * u.s,
            "n_on": n_on,
            "n_off": n_off,
            "alpha": alpha,
            "excess": n_on - alpha * n_off,
            "significance": [21.1, 29.9, 37.4, 42.1],
        }
    )


def test_points_are_those_of_the_table(table: QTable) -> None:
    excess, significance = plot_cumulative(table)
    hours = table["livetime"].to_value("h")
    np.testing.assert_allclose(excess.containers[0].lines[0].get_xydata(), np.stack([hours, table["excess"]], axis=1))
    np.testing.assert_allclose(significance.lines[0].get_xydata(), np.stack([hours, table["significance"]], axis=1))
    assert [text.get_text() for text in excess.texts] == ["23523", "23526", "23559", "23592"]
    assert excess.get_xlabel() == "Livetime [h]"
    assert significance.get_ylabel() == "Cumulative significance [σ]"


def test_bars_are_the_poisson_error_of_the_excess(table: QTable) -> None:
    ax = plot_cumulative_excess(table)
    (bars,) = ax.containers[0].lines[2]
    half = np.array([np.ptp(segment[:, 1]) / 2 for segment in bars.get_segments()])
    np.testing.assert_allclose(half, np.sqrt(table["n_on"] + table["alpha"] ** 2 * table["n_off"]))


def test_the_guides_pass_through_the_last_point(table: QTable) -> None:
    excess, significance = plot_cumulative(table)
    guide = excess.lines[-1]
    np.testing.assert_allclose(guide.get_xydata()[-1], (6313.8 / 3600, table["excess"][-1]))
    np.testing.assert_allclose(np.diff(guide.get_ydata(), 2), 0, atol=1e-9)
    x, y = significance.lines[-1].get_data()
    np.testing.assert_allclose(y**2 / 42.1**2, x / (6313.8 / 3600))


def test_a_deficit_is_seen(table: QTable) -> None:
    table["excess"] = -table["excess"]
    ax = plot_cumulative_excess(table)
    assert ax.get_ylim()[0] < table["excess"].min()
