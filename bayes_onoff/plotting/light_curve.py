"""A light curve with and without its population, and the posterior of the fractional variability."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import FigureBase
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from bayes_onoff.plotting.style import (
    BLUE,
    GREY,
    ORANGE,
    draw_legend,
    ink,
    mark_convergence,
    new_axes,
    new_figure,
)
from bayes_onoff.products.intervals import posterior_quantiles
from bayes_onoff.products.light_curve import LightCurve
from bayes_onoff.units import ENERGY, FLUX, to_array

__all__ = ["plot_light_curve", "plot_variability"]

_LONG_GAP = 10.0  # in units of the median distance between points: a longer gap is cut out of the axis
_MAX_BLOCKS = 8
_CUT = 0.06  # of the axis, for each gap that is cut out
_BESIDE = 0.007  # of the axis, by which shrunk and unshrunk points stand beside each other


@dataclass(frozen=True, eq=False, slots=True)
class _Blocks:
    """Times without the long gaps between them: where each block of observations begins and ends, MJD and axis."""

    start: NDArray[np.float64]
    stop: NDArray[np.float64]
    left: NDArray[np.float64]
    right: NDArray[np.float64]

    @classmethod
    def of(cls, time_min: NDArray[np.float64], time_max: NDArray[np.float64]) -> "_Blocks":
        middle = (time_min + time_max) / 2
        steps = np.diff(middle)
        gaps = time_min[1:] - time_max[:-1]
        cuts = np.flatnonzero(gaps > _LONG_GAP * np.median(steps)) if len(steps) else np.empty(0, dtype=int)
        if len(cuts) >= _MAX_BLOCKS:
            cuts = np.empty(0, dtype=int)
        first, last = np.append(0, cuts + 1), np.append(cuts, len(middle) - 1)
        start, stop = time_min[first], time_max[last]
        # No block is so short beside the others that its points fall on one another.
        width = np.maximum(stop - start, 0.15 * (stop - start).sum())
        scale = (1 - _CUT * len(cuts)) / width.sum()
        right = np.cumsum(width * scale + _CUT) - _CUT
        return cls(start, stop, right - width * scale, right)

    def place(self, time: NDArray[np.float64]) -> NDArray[np.float64]:
        """Where times inside the blocks are on the axis, between 0 and 1."""
        block = np.clip(np.searchsorted(self.start, time, side="right") - 1, 0, len(self.start) - 1)
        share = (time - self.start[block]) / np.maximum(self.stop - self.start, 1e-9)[block]
        placed: NDArray[np.float64] = self.left[block] + share * (self.right - self.left)[block]
        return placed


def _draw_axis(ax: Axes, blocks: _Blocks) -> None:
    """Label times at ticks of every block, and mark the gaps that are cut out."""
    zero = np.floor(blocks.start[0])
    ticks: list[float] = []
    for start, stop, width in zip(blocks.start, blocks.stop, blocks.right - blocks.left, strict=True):
        found = MaxNLocator(max(2, round(9 * width)), min_n_ticks=2).tick_values(start - zero, stop - zero)
        inside = found[(found >= start - zero) & (found <= stop - zero)]
        ticks += inside.tolist() if len(inside) else [round((start + stop) / 2 - zero, 2)]
    places = blocks.place(np.array(ticks) + zero)
    ax.set_xticks(places, [f"{tick:.4g}" for tick in ticks])
    ax.set_xlim(-0.04, 1.04)
    ax.set_xlabel(f"MJD − {zero:.0f} (TT)")
    for left, right in zip(blocks.right[:-1], blocks.left[1:], strict=True):
        middle = (left + right) / 2
        ends = (middle - _CUT / 6, middle + _CUT / 6)
        ax.axvspan(*ends, ymax=0.84, facecolor="none", edgecolor=GREY, hatch="////", linewidth=0)


def plot_light_curve(curve: LightCurve, *, figure: FigureBase | None = None) -> tuple[Axes, Axes]:
    """Draw the fluxes over time, with and without their population, and beside them the posterior of F_var.

    Long gaps are cut out of the time axis and hatched; where times are not known, the groups stand side by side.

    Parameters
    ----------
    curve : LightCurve
    figure : Figure or SubFigure, optional
        An empty figure to draw into.

    Returns
    -------
    tuple of Axes
        Fluxes, F_var.
    """
    figure = new_figure(9.0, 4.0) if figure is None else figure
    grid = figure.add_gridspec(1, 2, width_ratios=[2.6, 1.0])
    ax = new_axes(figure, position=grid[0])
    _draw_fluxes(ax, curve)
    other = plot_variability(curve, ax=new_axes(figure, position=grid[1]))
    mark_convergence(figure, bool(curve.table.meta.get("converged", True)))
    return ax, other


def _draw_fluxes(ax: Axes, curve: LightCurve) -> None:
    table = curve.table
    flux = {name: to_array(table[name], FLUX, name)[:, 0] for name in table.colnames if name.startswith("flux")}
    power = np.floor(np.log10(np.nanmax(flux["flux_ul"])))
    flux = {name: values / 10**power for name, values in flux.items()}
    time_min, time_max = np.asarray(table["time_min"]), np.asarray(table["time_max"])
    if np.isnan(time_min).any():
        x = (np.arange(len(table)) + 0.5) / len(table)
        half = np.zeros(len(table))
        ax.set_xticks(x, list(table["name"]), rotation=30, ha="right", rotation_mode="anchor")
        ax.set_xlim(0, 1)
    else:
        blocks = _Blocks.of(time_min, time_max)
        x, half = blocks.place((time_min + time_max) / 2), (blocks.place(time_max) - blocks.place(time_min)) / 2
        _draw_axis(ax, blocks)
    mean = posterior_quantiles(curve.shrunk.mean(axis=-1) / 10**power)
    ax.axhspan(float(mean["eti68_lower"]), float(mean["eti68_upper"]), color=BLUE, alpha=0.15, linewidth=0)
    limit = np.asarray(table["is_ul"])[:, 0] & np.isfinite(flux["flux_ul"])
    seen = ~limit & np.isfinite(flux["flux"])
    alone: Any = {"color": GREY, "linewidth": 1.1, "zorder": 3}
    bars = np.stack([flux["flux_errn"], flux["flux_errp"]])
    left = x - _BESIDE
    ax.errorbar(left[seen], flux["flux"][seen], yerr=bars[:, seen], fmt="o", markersize=4.5, mfc="white", **alone)
    ax.errorbar(left[limit], flux["flux_ul"][limit], yerr=0.35 * flux["flux_ul"][limit], uplims=True, fmt="_", **alone)
    bars = np.stack([flux["flux_shrunk_errn"], flux["flux_shrunk_errp"]])
    ax.errorbar(
        x + _BESIDE, flux["flux_shrunk"], xerr=half, yerr=bars, fmt="o", markersize=4.5, color=BLUE, zorder=4, lw=1.1
    )
    ax.plot([], [], "o", color=BLUE, markersize=4.5, label="drawn from a population")
    ax.plot([], [], "o", color=GREY, mfc="white", markersize=4.5, label="each alone")
    if limit.any():
        ax.plot([], [], color=GREY, marker=r"$\downarrow$", markersize=8, linestyle="none", label="95 % upper limit")
    ax.fill_between([], [], color=BLUE, alpha=0.15, linewidth=0, label="their mean, 68 %")
    top = max(
        np.nanmax((flux["flux"] + flux["flux_errp"])[seen], initial=0), np.nanmax(flux["flux_ul"][limit], initial=0)
    )
    ax.set_ylim(0, 1.25 * top)
    low, high = (to_array(table[key], ENERGY, key)[0, 0] for key in ("e_min", "e_max"))
    ax.set_ylabel(rf"Flux, {low:.3g}–{high:.3g} TeV [10$^{{{power:.0f}}}$ cm$^{{-2}}$ s$^{{-1}}$]")
    draw_legend(ax, loc="upper center", ncols=2)


def plot_variability(curve: LightCurve, *, ax: Axes | None = None) -> Axes:
    """Draw the posterior of the fractional variability of the population and of these groups.

    Parameters
    ----------
    curve : LightCurve
    ax : Axes, optional
    """
    ax = new_axes(width=4.0, height=4.0) if ax is None else ax
    meta = curve.table.meta
    upper = max(float(np.quantile(draws, 0.99)) for draws in curve.variability.values())
    edges = np.linspace(0, upper, 41)
    population, sample = (curve.variability[f"fvar_{kind}"].ravel() for kind in ("population", "sample"))
    density = {
        name: np.histogram(draws, edges)[0] / len(draws) / np.diff(edges)
        for name, draws in (("population", population), ("sample", sample))
    }
    ax.stairs(density["population"], edges, fill=True, color=BLUE, alpha=0.35, label="of the population")
    ax.stairs(density["sample"], edges, color=ORANGE, linewidth=1.4, label="of these fluxes")
    top = max(values.max() for values in density.values())
    limit = meta["fvar_population_ul95"]
    ax.plot([limit, limit], [0, top], color=BLUE, linestyle="--", linewidth=1.2, label="its 95 % limit")
    ax.set_xlim(0, upper)
    ax.set_ylim(0, 1.35 * top)
    ax.set_yticks([])
    ax.set_xlabel(r"$F_\mathrm{var}$")
    ax.set_ylabel("Posterior density", color=ink(ax))
    draw_legend(ax, loc="upper right")
    return ax
