"""OFF counts around the mean rates of the pooled background: what the predictive checks see."""

from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import FigureBase
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from numpy.typing import NDArray

from bayes_onoff.inference.posterior import Posterior
from bayes_onoff.plotting.style import (
    GREY,
    INK,
    VERMILLION,
    draw_legend,
    energy_axis,
    ink,
    mark_convergence,
    new_axes,
    new_figure,
)
from bayes_onoff.products.background_checks import FLAGGED_BELOW, OffResiduals, replicate_off_counts
from bayes_onoff.products.intervals import posterior_quantiles

__all__ = ["plot_background_checks"]

MAX_RUNS = 12
# Any: matplotlib's lines ask for a dict with literal keys.
_RING: Any = {"marker": "o", "markersize": 10, "fillstyle": "none", "markeredgewidth": 1.5}
_BAND_OPACITY = {"eti95": 0.2, "eti68": 0.35}


def plot_background_checks(
    posterior: Posterior, *, seed: int = 0, figure: FigureBase | None = None
) -> tuple[Axes, ...]:
    """Draw the standardised residuals of the OFF counts around their mean rates, run by run.

    The points are medians over the draws, the bands the 68 % and 95 % of the replicated sets, whose deviations are
    drawn anew. A bin or a run that `background_checks` flags is marked. Of more than 12 runs those that stand out most
    are drawn.

    Parameters
    ----------
    posterior : Posterior
        With a pooled background.
    seed : int
        Of the replicated sets.
    figure : Figure or SubFigure, optional
        An empty figure to draw into.

    Returns
    -------
    tuple of Axes
        One a run.

    Raises
    ------
    InputError
        If the background is not pooled.
    """
    residuals = replicate_off_counts(posterior, seed=seed)
    flagged = {name for name, p_value in residuals.p_values().items() if p_value < FLAGGED_BELOW}
    shown = _runs_shown(residuals)
    columns = 1 if len(shown) <= 3 else 2 if len(shown) <= 8 else 3
    rows = -(-len(shown) // columns)
    figure = new_figure(4.4 * columns if columns > 1 else 7.0, 1.7 * rows + 1.0) if figure is None else figure
    grid = figure.add_gridspec(rows, columns)
    axes: list[Axes] = []
    for place, run in enumerate(shown):
        first = axes[0] if axes else None
        ax = new_axes(figure, position=grid[place // columns, place % columns], sharex=first, sharey=first)
        axes.append(ax)
        _draw_run(ax, residuals, run, flagged)
        bottom, left = place + columns >= len(shown), place % columns == 0
        ax.tick_params(labelbottom=bottom, labelleft=left)
    axes[0].set_ylim(*_limits(residuals, shown))
    figure.supxlabel("Reconstructed energy [TeV]", fontsize=10, color=INK)
    figure.supylabel("Residual of the OFF counts [σ]", fontsize=10, color=INK)
    _draw_key(figure, "largest" in flagged)
    # Not the figure: its title and the key would lie on each other.
    mark_convergence(axes[0], posterior.convergence.converged)
    return tuple(axes)


def _runs_shown(residuals: OffResiduals) -> list[int]:
    """Choose the runs, in order; where they are too many, those with the largest residuals."""
    largest = np.abs(np.median(residuals.observed, axis=0)).max(axis=1)
    # The run of the slope check must not be missing.
    largest[residuals.steepest] = np.inf
    return sorted(np.argsort(-largest, kind="stable")[:MAX_RUNS].tolist())


def _quantiles(residuals: OffResiduals, run: int) -> dict[str, NDArray[np.float64]]:
    """Quantiles of the replicated residuals of a run; NaN where nothing was analysed."""
    quantiles = posterior_quantiles(residuals.replicated[None, :, run])
    return {name: np.where(residuals.data.mask[run], values, np.nan) for name, values in quantiles.items()}


def _draw_run(ax: Axes, residuals: OffResiduals, run: int, flagged: set[str]) -> None:
    data = residuals.data
    edges = data.energy.edges
    quantiles = _quantiles(residuals, run)
    for interval, opacity in _BAND_OPACITY.items():
        lower, upper = (quantiles[f"{interval}_{end}"] for end in ("lower", "upper"))
        ax.stairs(upper, edges, baseline=lower, fill=True, color=GREY, alpha=opacity, linewidth=0)
    ax.axhline(0, color=GREY, linewidth=1)
    points = np.where(data.mask[run], np.median(residuals.observed[:, run], axis=0), np.nan)
    ax.plot(data.energy.centers, points, "o", color=ink(ax), markersize=3.5)
    largest_run, bin_ = residuals.largest
    if "largest" in flagged and run == largest_run:
        ax.plot(data.energy.centers[bin_], points[bin_], color=VERMILLION, **_RING)
    slope = "slope" in flagged and run == residuals.steepest
    ax.set_title(f"run {data.runs[run]}" + (": another slope" if slope else ""), loc="left")
    energy_axis(ax, edges[0], edges[-1], "")


def _limits(residuals: OffResiduals, shown: list[int]) -> tuple[float, float]:
    """Leave room for every point and band, the same in all panels."""
    points = np.median(residuals.observed[:, shown], axis=0)
    bands = [_quantiles(residuals, run)[f"eti95_{end}"] for run in shown for end in ("lower", "upper")]
    low, high = min(points.min(), np.nanmin(bands)), max(points.max(), np.nanmax(bands))
    margin = 0.08 * (high - low)
    return float(low - margin), float(high + margin)


def _draw_key(figure: FigureBase, with_largest: bool) -> None:
    key: list[Artist] = [
        Line2D([], [], color=INK, marker="o", linestyle="", markersize=3.5, label="counted"),
        Patch(color=GREY, alpha=0.55, linewidth=0, label="replicated, 68 %"),
        Patch(color=GREY, alpha=0.2, linewidth=0, label="95 %"),
    ]
    if with_largest:
        key.append(Line2D([], [], color=VERMILLION, linestyle="", label="outside the family", **_RING))
    draw_legend(figure, handles=key, loc="outside upper center", ncols=len(key))
