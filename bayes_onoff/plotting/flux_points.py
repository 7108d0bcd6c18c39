"""Flux points with the posterior density of each band, and the correlations between them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from astropy.table import QTable
from matplotlib.axes import Axes
from numpy.typing import ArrayLike, NDArray

from bayes_onoff.plotting.style import (
    DARK_TEXT,
    GREEN,
    draw_legend,
    energy_axis,
    fading,
    ink,
    mark_convergence,
    new_axes,
)
from bayes_onoff.products.norm_density import NormDensity
from bayes_onoff.units import ENERGY, ENERGY_FLUX, to_array

__all__ = [
    "LIMIT_LABEL",
    "POINT_LABEL",
    "SED_LABEL",
    "FluxValues",
    "draw_ordered_legend",
    "draw_points",
    "flux_values",
    "plot_correlation",
    "plot_flux_points",
]

SED_LABEL = r"$E^2\,\mathrm{d}N/\mathrm{d}E$ [erg cm$^{-2}$ s$^{-1}$]"
POINT_LABEL = "flux points"
LIMIT_LABEL = "95 % upper limit"
_MAX_BANDS_WITH_NUMBERS = 14
_ARROW_LENGTH = 0.45  # of the upper limit, downwards


@dataclass(frozen=True, eq=False, slots=True)
class FluxValues:
    """Flux points as plain arrays, shape (band,), ready to draw.

    Parameters
    ----------
    energy, energy_min, energy_max : ndarray
        TeV.
    value, low, high : ndarray
        Central value and 68 % interval.
    limit : ndarray
        Upper limit.
    is_limit : ndarray of bool
        Whether to draw the limit instead of the point.
    """

    energy: NDArray[np.float64]
    energy_min: NDArray[np.float64]
    energy_max: NDArray[np.float64]
    value: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    limit: NDArray[np.float64]
    is_limit: NDArray[np.bool_]

    def relative_to(self, expected: NDArray[np.float64]) -> Self:
        """Relative deviations from `expected`."""
        changed = {key: getattr(self, key) / expected - 1 for key in ("value", "low", "high", "limit")}
        return type(self)(self.energy, self.energy_min, self.energy_max, **changed, is_limit=self.is_limit)


def flux_values(table: QTable) -> FluxValues:
    """Read E² dN/dE (erg cm-2 s-1) from a GADF flux-point table of type ``dnde``."""
    energy = {key: to_array(table[key], ENERGY, key) for key in ("e_ref", "e_min", "e_max")}
    sed = {
        key: to_array(table["e_ref"] ** 2 * table[key], ENERGY_FLUX, key)
        for key in ("dnde", "dnde_errn", "dnde_errp", "dnde_ul")
    }
    return FluxValues(
        energy=energy["e_ref"],
        energy_min=energy["e_min"],
        energy_max=energy["e_max"],
        value=sed["dnde"],
        low=sed["dnde"] - sed["dnde_errn"],
        high=sed["dnde"] + sed["dnde_errp"],
        limit=sed["dnde_ul"],
        is_limit=np.asarray(table["is_ul"], dtype=bool),
    )


def draw_points(
    ax: Axes, points: FluxValues, *, color: str, label: str | None = None, arrow: float | None = None
) -> None:
    """Draw points with their bars, and upper limits as arrows of the length `arrow` (None: for a logarithmic axis)."""
    width = np.stack([points.energy - points.energy_min, points.energy_max - points.energy])
    bars = np.stack([points.value - points.low, points.high - points.value])
    style: dict[str, Any] = {"color": color, "linewidth": 1.2, "zorder": 4}
    seen, limit = ~points.is_limit, points.is_limit
    if seen.any():
        x, y = points.energy[seen], points.value[seen]
        ax.errorbar(x, y, xerr=width[:, seen], yerr=bars[:, seen], fmt="o", markersize=4.5, label=label, **style)
    if limit.any():
        x, y = points.energy[limit], points.limit[limit]
        drop = _ARROW_LENGTH * y if arrow is None else np.full(len(y), arrow)
        ax.errorbar(x, y, xerr=width[:, limit], yerr=drop, uplims=True, fmt="none", **style)
        if label is not None:
            ax.plot([], [], color=color, marker=r"$\downarrow$", markersize=9, linestyle="none", label=LIMIT_LABEL)


def draw_ordered_legend(ax: Axes, first: Sequence[str], last: Sequence[str] = ()) -> None:
    """Draw the legend with some labels first and others last; matplotlib would sort by the kind of artist."""
    handles, labels = ax.get_legend_handles_labels()
    named = dict(zip(labels, handles, strict=True))
    order = [*first, *(label for label in labels if label not in (*first, *last)), *last]
    draw_legend(ax, handles=[named[label] for label in order if label in named], loc="lower left")


def plot_flux_points(
    table: QTable,
    *,
    densities: Sequence[NormDensity] | None = None,
    color: str | None = None,
    density_color: str = GREEN,
    label: str = POINT_LABEL,
    ax: Axes | None = None,
) -> Axes:
    """Draw flux points in E² dN/dE, upper limits as arrows, each band's posterior density as a shade behind.

    The shade is the density per unit flux relative to its highest value in the band: under the flat prior of the
    norms the Bayesian form of a likelihood profile.

    Parameters
    ----------
    table : QTable
        GADF columns ``e_ref``, ``e_min``, ``e_max``, ``dnde``, ``dnde_errn``, ``dnde_errp``, ``dnde_ul``, ``is_ul``;
        for densities also ``ref_dnde``. ``meta["converged"]`` False marks the figure.
    densities : sequence of NormDensity, optional
        One a band, of the norm relative to ``ref_dnde``.
    color, density_color, label : str
    ax : Axes, optional
    """
    made_here = ax is None
    ax = new_axes() if ax is None else ax
    points = flux_values(table)
    ax.set_yscale("log")
    low = np.where(points.is_limit, points.limit / 4, np.maximum(points.low, points.value / 4))
    high = np.where(points.is_limit, points.limit, points.high)
    bottom, top = float(low.min()) / 2, 2 * float(high.max())
    if densities is not None:
        reference = to_array(table["e_ref"] ** 2 * table["ref_dnde"], ENERGY_FLUX, "ref_dnde")
        for band, density in enumerate(densities):
            edges = (points.energy_min[band], points.energy_max[band])
            _draw_density(ax, density, reference[band], edges, (bottom, top), density_color)
    draw_points(ax, points, color=ink(ax) if color is None else color, label=label)
    ax.set_ylabel(SED_LABEL)
    mark_convergence(ax, bool(table.meta.get("converged", True)))
    if made_here:
        ax.set_ylim(bottom, top)
        energy_axis(ax, float(points.energy_min.min()), float(points.energy_max.max()))
        if densities is not None:
            ax.fill_between([], [], color=density_color, alpha=0.6, linewidth=0, label="posterior density of each band")
        draw_ordered_legend(ax, [label, LIMIT_LABEL])
    return ax


def _draw_density(
    ax: Axes,
    density: NormDensity,
    reference: float,
    energy_edges: tuple[float, float],
    flux_range: tuple[float, float],
    color: str,
) -> None:
    """Shade one band from `fading` at 0 to full colour at its densest flux."""
    edges = np.geomspace(*flux_range, 301)
    flux = np.sqrt(edges[:-1] * edges[1:])
    relative = np.interp(flux / reference, density.norm, density.density / density.density.max(), right=0.0)
    ax.pcolormesh(
        list(energy_edges), edges, relative[:, None], cmap=fading(color), vmin=0, vmax=1, rasterized=True, zorder=0
    )


def plot_correlation(
    correlation: ArrayLike, table: QTable, *, converged: bool | None = None, ax: Axes | None = None
) -> Axes:
    """Draw the posterior correlation of the bands' norms as an image with numbers.

    Parameters
    ----------
    correlation : array, shape (band, band)
    table : QTable
        The flux points; ``e_min`` and ``e_max`` name the bands.
    converged : bool, optional
        By default what the table's metadata say.
    ax : Axes, optional
    """
    matrix = np.asarray(correlation, dtype=float)
    n_bands = len(matrix)
    size = max(2.0 + 0.42 * n_bands, 3.6)
    ax = new_axes(width=size + 1.0, height=size) if ax is None else ax
    image = ax.imshow(matrix, cmap="RdBu_r", vmin=-1, vmax=1)
    if n_bands <= _MAX_BANDS_WITH_NUMBERS:
        for row, column in np.ndindex(matrix.shape):
            value = float(matrix[row, column])
            number = f"{round(value, 2) + 0.0:.2f}".replace("-", "−")
            text_color = "white" if abs(value) > 0.7 else DARK_TEXT
            ax.text(column, row, number, ha="center", va="center", fontsize=7.5, color=text_color)
    low, high = (to_array(table[key], ENERGY, key) for key in ("e_min", "e_max"))
    names = [f"{a:.3g}–{b:.3g}" for a, b in zip(low, high, strict=True)]
    ax.set_xticks(range(n_bands), names, rotation=45, ha="right", rotation_mode="anchor")
    ax.set_yticks(range(n_bands), names)
    ax.tick_params(which="both", length=0)
    ax.set_xlabel("Band [TeV]")
    ax.set_ylabel("Band [TeV]")
    bar = ax.figure.colorbar(image, ax=ax, shrink=0.8)
    bar.set_label("Correlation coefficient", color=ink(ax))
    bar.ax.tick_params(color=ink(ax), labelcolor=ink(ax), labelsize=9)
    mark_convergence(ax, bool(table.meta.get("converged", True)) if converged is None else converged)
    return ax
