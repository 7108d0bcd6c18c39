"""Model comparison at a glance."""

import numpy as np
from astropy.table import QTable
from matplotlib.axes import Axes

from bayes_onoff.plotting.style import BLUE, GREY, mark_convergence, new_axes

__all__ = ["plot_comparison"]


def plot_comparison(table: QTable, *, ax: Axes | None = None) -> Axes:
    """Draw how much worse than the best model each model predicts the data.

    Parameters
    ----------
    table : QTable
        From `bayes_onoff.products.compare`: ``model``, ``elpd_diff`` (not positive), ``diff_se``, ``weight``; best
        first.
    ax : Axes, optional
    """
    n_models = len(table)
    ax = new_axes(height=1.2 + 0.5 * n_models) if ax is None else ax
    rows = np.arange(n_models)
    difference = np.asarray(table["elpd_diff"], dtype=float)
    ax.axvline(0, color=GREY, linewidth=1)
    ax.errorbar(difference, rows, xerr=np.asarray(table["diff_se"], dtype=float), fmt="o", color=BLUE, markersize=6)
    names = [f"{row['model']}\nweight {row['weight']:.2f}" for row in table]
    ax.set_yticks(rows, names)
    ax.set_ylim(n_models - 0.5, -0.6)
    ax.tick_params(axis="y", which="both", length=0)
    ax.set_xlabel("Expected log predictive density, difference to the best ± standard error")
    mark_convergence(ax, bool(table.meta.get("converged", True)))
    return ax
