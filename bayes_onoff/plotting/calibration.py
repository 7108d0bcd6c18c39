"""Are the intervals true? Ranks and coverage of a simulation-based calibration."""

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import FigureBase
from numpy.typing import NDArray

from bayes_onoff.errors import InputError
from bayes_onoff.plotting.style import GREY, SERIES, draw_legend, ink, new_axes, new_figure
from bayes_onoff.plotting.uniformity import GRID, departure_from_uniform, draw_uniform_band

__all__ = ["plot_calibration", "plot_coverage", "plot_ranks"]

_LINES = ("-", "--", ":")


class RankedTruths(Protocol):
    """One round of a calibration; `bayes_onoff.calibration.Refit` has it."""

    @property
    def pit(self) -> Mapping[str, float]: ...
    @property
    def below(self) -> Mapping[str, float]: ...


def plot_calibration(refits: Sequence[RankedTruths], *, figure: FigureBase | None = None) -> tuple[Axes, Axes]:
    """Draw ranks and coverage side by side.

    Parameters
    ----------
    refits : sequence of Refit
        The rounds.
    figure : Figure or SubFigure, optional
        An empty figure to draw into.

    Returns
    -------
    tuple of Axes
        Ranks, coverage.

    Raises
    ------
    InputError
        If there is no round.
    """
    figure = new_figure(9.4, 3.9) if figure is None else figure
    ranks = plot_ranks(refits, ax=new_axes(figure, position=121))
    return ranks, plot_coverage(refits, ax=new_axes(figure, position=122))


def plot_ranks(refits: Sequence[RankedTruths], *, ax: Axes | None = None) -> Axes:
    """Draw the cumulative distribution of the truths' ranks, less that of a uniform distribution.

    The band holds a whole uniform curve in 95 % of calibrations (Kolmogorov's distribution).

    Parameters
    ----------
    refits : sequence of Refit
    ax : Axes, optional
        Made here if None.
    """
    ax = new_axes() if ax is None else ax
    draw_uniform_band(ax, len(refits))
    for color, line, name, pit in _series(refits, "pit"):
        ax.plot(GRID, departure_from_uniform(pit), line, color=color, linewidth=1.4, label=name)
    _finish(ax, "Rank of the truth in its posterior", "Cumulative distribution − uniform")
    return ax


def plot_coverage(refits: Sequence[RankedTruths], *, ax: Axes | None = None) -> Axes:
    """Draw how often central intervals hold the truth, less how often they should.

    The band is the central 95 % of a binomial distribution, at each probability by itself.

    Parameters
    ----------
    refits : sequence of Refit
    ax : Axes, optional
        Made here if None.
    """
    from scipy.stats import binom

    ax = new_axes() if ax is None else ax
    nominal = np.linspace(0.01, 0.99, 99)
    lower, upper = (binom.ppf(tail, len(refits), nominal) / max(len(refits), 1) - nominal for tail in (0.025, 0.975))
    ax.fill_between(nominal, lower, upper, color=GREY, alpha=0.25, linewidth=0)
    for color, line, name, below in _series(refits, "below"):
        held = 2 * np.abs(below - 0.5)
        coverage = np.searchsorted(np.sort(held), nominal, side="right") / len(held)
        ax.plot(nominal, coverage - nominal, line, color=color, linewidth=1.4, label=name)
    _finish(ax, "Probability of the central interval", "Coverage − probability")
    draw_legend(ax, loc="best", fontsize=8, ncols=2)
    return ax


def _series(refits: Sequence[RankedTruths], key: str) -> list[tuple[str, str, str, NDArray[np.float64]]]:
    if not refits:
        raise InputError("nothing to draw", place="refits", allowed="at least one")
    names = list(getattr(refits[0], key))
    values = {name: np.array([getattr(refit, key)[name] for refit in refits]) for name in names}
    styles = ((SERIES[i % len(SERIES)], _LINES[i // len(SERIES) % len(_LINES)]) for i in range(len(names)))
    return [(*style, name.replace("_", " "), values[name]) for style, name in zip(styles, names, strict=True)]


def _finish(ax: Axes, x_label: str, y_label: str) -> None:
    ax.axhline(0, color=ink(ax), linewidth=0.8)
    ax.set_xlim(0, 1)
    ax.set_xlabel(x_label)
    ax.set_ylabel(y_label)
