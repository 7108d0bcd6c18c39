"""How the excess and its significance grow with livetime."""

import astropy.units as u
import numpy as np
from astropy.table import QTable
from matplotlib.axes import Axes
from matplotlib.figure import FigureBase
from matplotlib.ticker import FuncFormatter
from numpy.typing import NDArray

from bayes_onoff.plotting.style import BLUE, GREY, VERMILLION, draw_legend, ink, new_axes, new_figure
from bayes_onoff.units import to_array

__all__ = ["plot_cumulative", "plot_cumulative_excess", "plot_cumulative_significance"]

_MAX_RUNS_NAMED = 12


def plot_cumulative(table: QTable, *, figure: FigureBase | None = None) -> tuple[Axes, Axes]:
    """Draw excess and significance against livetime, side by side.

    Parameters
    ----------
    table : QTable
        Cumulative table, one row a run: ``obs_id``, ``livetime``, ``n_on``, ``n_off``, ``alpha``, ``excess``,
        ``significance``.
    figure : Figure or SubFigure, optional
        An empty figure to draw into.

    Returns
    -------
    tuple of Axes
        Excess, significance.
    """
    figure = new_figure(9.0, 3.8) if figure is None else figure
    excess = plot_cumulative_excess(table, ax=new_axes(figure, position=121))
    significance = plot_cumulative_significance(table, ax=new_axes(figure, position=122))
    return excess, significance


def plot_cumulative_excess(table: QTable, *, ax: Axes | None = None) -> Axes:
    """Draw the cumulative excess against livetime; bars are sqrt(n_on + alpha^2 n_off).

    The dashed line is a constant rate through the last point.
    """
    ax = new_axes() if ax is None else ax
    error = np.sqrt(np.asarray(table["n_on"]) + np.asarray(table["alpha"]) ** 2 * np.asarray(table["n_off"]))
    hours, excess = _hours(table), np.asarray(table["excess"], dtype=float)
    ax.errorbar(hours, excess, yerr=error, fmt="o", color=BLUE, markersize=5, capsize=0)
    times = np.linspace(0, hours[-1], 100)
    ax.plot(times, excess[-1] * times / hours[-1], "--", color=GREY, linewidth=1, label="constant rate", zorder=0)
    _finish(ax, table, hours, excess, "Cumulative excess [counts]")
    return ax


def plot_cumulative_significance(table: QTable, *, ax: Axes | None = None) -> Axes:
    """Draw the cumulative significance (Li & Ma 1983, equation 17) against livetime.

    The dashed line grows with the square root of the time, as at a constant rate, through the last point.
    """
    ax = new_axes() if ax is None else ax
    hours, significance = _hours(table), np.asarray(table["significance"], dtype=float)
    ax.plot(hours, significance, "o", color=VERMILLION, markersize=5)
    times = np.linspace(0, hours[-1], 100)
    growth = significance[-1] * np.sqrt(times / hours[-1])
    ax.plot(times, growth, "--", color=GREY, linewidth=1, label=r"$\propto\sqrt{\mathrm{livetime}}$", zorder=0)
    _finish(ax, table, hours, significance, "Cumulative significance [σ]")
    return ax


def _hours(table: QTable) -> NDArray[np.float64]:
    return to_array(table["livetime"], u.h, "livetime")


def _finish(ax: Axes, table: QTable, x: NDArray[np.float64], y: NDArray[np.float64], label: str) -> None:
    if len(table) <= _MAX_RUNS_NAMED:
        for row, name in enumerate(table["obs_id"]):
            ax.annotate(
                str(name),
                (x[row], y[row]),
                xytext=(7, -4),
                textcoords="offset points",
                verticalalignment="top",
                fontsize=8,
                color=ink(ax),
            )
    ax.set_xlim(0, 1.18 * x[-1])
    ax.set_ylim(min(0.0, 1.15 * np.nanmin(y)), max(1.0, 1.15 * np.nanmax(y)))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ax.set_xlabel("Livetime [h]")
    ax.set_ylabel(label)
    draw_legend(ax, loc="upper left")
