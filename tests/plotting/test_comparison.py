import numpy as np
from astropy.table import QTable

from bayes_onoff.plotting import plot_comparison


def make_table(converged: bool) -> QTable:
    columns = {
        "model": ["log-parabola", "power-law"],
        "elpd_diff": [0.0, -2.9],
        "diff_se": [0.0, 2.5],
        "weight": [0.9, 0.1],
    }
    return QTable(columns, meta={"converged": converged})


def test_differences_and_their_errors_are_drawn_best_on_top() -> None:
    ax = plot_comparison(make_table(True))
    points, _, (bars,) = ax.containers[0].lines
    np.testing.assert_allclose(points.get_xydata(), [[0, 0], [-2.9, 1]])
    np.testing.assert_allclose(bars.get_segments()[1][:, 0], [-5.4, -0.4])
    assert [label.get_text() for label in ax.get_yticklabels()] == [
        "log-parabola\nweight 0.90",
        "power-law\nweight 0.10",
    ]
    assert ax.yaxis_inverted()
    assert ax.get_title(loc="right") == ""


def test_a_comparison_of_unconverged_models_says_so() -> None:
    assert plot_comparison(make_table(False)).get_title(loc="right") == "did not converge"
