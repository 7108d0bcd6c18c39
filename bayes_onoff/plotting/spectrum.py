"""The spectral energy distribution: posterior band, flux points and their residuals, published references."""

from collections.abc import Callable, Mapping

import numpy as np
from astropy.table import QTable
from matplotlib.axes import Axes
from matplotlib.figure import FigureBase
from numpy.typing import NDArray

from bayes_onoff.plotting.flux_points import (
    LIMIT_LABEL,
    POINT_LABEL,
    SED_LABEL,
    draw_ordered_legend,
    draw_points,
    flux_values,
    plot_flux_points,
)
from bayes_onoff.plotting.style import (
    GREY,
    SERIES,
    draw_legend,
    energy_axis,
    ink,
    mark_convergence,
    new_axes,
    new_figure,
)
from bayes_onoff.products.spectral_band import SpectralBand
from bayes_onoff.units import ENERGY, ENERGY_FLUX, FLUX_DENSITY, to_array

__all__ = ["plot_band", "plot_flux_point_residuals", "plot_spectrum"]

Reference = Callable[[NDArray[np.float64]], NDArray[np.float64]]
_OPACITY = {"eti95": 0.18, "eti68": 0.35}
_LINES = ("--", ":", "-.", (0, (5, 1, 1, 1, 1, 1)))


def plot_band(
    band: SpectralBand,
    *,
    color: str = SERIES[0],
    label: str = "posterior",
    filled: bool = True,
    ax: Axes | None = None,
) -> Axes:
    """Draw E² dN/dE: posterior median, 68 % and 95 % pointwise credible intervals.

    Parameters
    ----------
    band : SpectralBand
    color, label : str
    filled : bool
        Whether the intervals are areas; otherwise they are dashed lines, for a second band upon another.
    ax : Axes, optional
    """
    made_here = ax is None
    ax = new_axes() if ax is None else ax
    energy = to_array(band.energy, ENERGY, "energy")
    for interval, opacity in _OPACITY.items():
        lower, upper = (_sed(band, f"{interval}_{end}") for end in ("lower", "upper"))
        if filled:
            ax.fill_between(energy, lower, upper, color=color, alpha=opacity, linewidth=0)
        else:
            ax.plot(energy, lower, energy, upper, color=color, linewidth=0.9, linestyle="--")
    ax.plot(energy, _sed(band, "median"), color=color, linewidth=1.5, label=f"{label}: median, 68 % and 95 %")
    ax.set_yscale("log")
    ax.set_ylabel(SED_LABEL)
    mark_convergence(ax, _converged(band))
    if made_here:
        energy_axis(ax, energy[0], energy[-1])
        draw_legend(ax, loc="lower left")
    return ax


def plot_flux_point_residuals(
    table: QTable, band: SpectralBand, *, color: str = SERIES[0], ax: Axes | None = None
) -> Axes:
    """Draw ``(dN/dE - median) / median`` of flux points on the relative credible band of the spectrum.

    The median of the band is interpolated between its energies in log-log; an upper limit is drawn as an arrow.

    Parameters
    ----------
    table : QTable
        Flux points, as for `plot_flux_points`.
    band : SpectralBand
    color : str
        Of the band.
    ax : Axes, optional
    """
    ax = new_axes(height=2.4) if ax is None else ax
    energy = to_array(band.energy, ENERGY, "energy")
    median = _sed(band, "median")
    for interval, opacity in _OPACITY.items():
        lower, upper = (_sed(band, f"{interval}_{end}") / median - 1 for end in ("lower", "upper"))
        ax.fill_between(energy, lower, upper, color=color, alpha=opacity, linewidth=0)
    ax.axhline(0, color=GREY, linewidth=1)
    points = flux_values(table)
    expected = np.exp(np.interp(np.log(points.energy), np.log(energy), np.log(median)))
    relative = points.relative_to(expected)
    drawn = np.where(relative.is_limit, relative.limit, relative.high)
    top = float(np.clip(1.2 * np.nanmax(drawn, initial=0.3), 0.3, 4.0))
    draw_points(ax, relative, color=ink(ax), arrow=0.35 * top)
    lowest = float(np.nanmin(np.where(relative.is_limit, relative.limit - 0.35 * top, relative.low), initial=-0.3))
    ax.set_ylim(lowest - 0.1 * (top - lowest), top)
    ax.set_ylabel("(points − band)\n/ band")
    mark_convergence(ax, _converged(band))
    return ax


def plot_spectrum(
    bands: Mapping[str, SpectralBand],
    *,
    flux_points: QTable | None = None,
    references: Mapping[str, Reference] | None = None,
    figure: FigureBase | None = None,
) -> tuple[Axes, ...]:
    """Draw spectral bands together, with flux points, their residuals to the first band, and published references.

    Parameters
    ----------
    bands : mapping of str to SpectralBand
        At least one, by its label, for example ``{"joint": ..., "stacked": ...}``.
    flux_points : QTable, optional
        Flux points, as for `plot_flux_points`.
    references : mapping of str to callable, optional
        Published spectra by their label: energy (TeV) to dN/dE (cm-2 s-1 TeV-1).
    figure : Figure or SubFigure, optional
        An empty figure to draw into.

    Returns
    -------
    tuple of Axes
        The spectrum, and the residuals where there are flux points.
    """
    figure = new_figure(7.4, 6.0 if flux_points is not None else 4.8) if figure is None else figure
    if flux_points is None:
        ax = new_axes(figure)
    else:
        grid = figure.add_gridspec(2, 1, height_ratios=(3, 1))
        ax = new_axes(figure, position=grid[0])
    for number, (label, band) in enumerate(bands.items()):
        plot_band(band, color=SERIES[number % len(SERIES)], label=label, filled=number == 0, ax=ax)
    first = next(iter(bands.values()))
    energies = np.concatenate([to_array(band.energy, ENERGY, "energy") for band in bands.values()])
    lo, hi = float(energies.min()), float(energies.max())
    if flux_points is not None:
        plot_flux_points(flux_points, label=POINT_LABEL, ax=ax)
        lo = min(lo, float(to_array(flux_points["e_min"], ENERGY, "e_min").min()))
        hi = max(hi, float(to_array(flux_points["e_max"], ENERGY, "e_max").max()))
    _draw_references(ax, references or {}, lo, hi)
    mark_convergence(ax, all(_converged(band) for band in bands.values()))
    ax.set_ylim(*_sed_limits(bands, flux_points))
    draw_ordered_legend(ax, (), [POINT_LABEL, LIMIT_LABEL, *(references or {})])
    energy_axis(ax, lo, hi)
    if flux_points is None:
        return (ax,)
    residuals = new_axes(figure, position=grid[1], sharex=ax)
    plot_flux_point_residuals(flux_points, first, ax=residuals)
    residuals.set_title("", loc="right")
    energy_axis(residuals, lo, hi)
    ax.tick_params(labelbottom=False)
    ax.set_xlabel("")
    return ax, residuals


def _draw_references(ax: Axes, references: Mapping[str, Reference], lo: float, hi: float) -> None:
    energy = np.geomspace(lo, hi, 200)
    for (label, dnde), line in zip(references.items(), _LINES, strict=False):
        sed = to_array(energy**2 * dnde(energy) * ENERGY**2 * FLUX_DENSITY, ENERGY_FLUX, label)
        ax.plot(energy, sed, linestyle=line, color=ink(ax), linewidth=1.1, label=label)


def _sed_limits(bands: Mapping[str, SpectralBand], table: QTable | None) -> tuple[float, float]:
    """Limits of the axis that show bands and points; a published cutoff far below them must not stretch it."""
    lowest = [float(_sed(band, "eti95_lower").min()) for band in bands.values()]
    highest = [float(_sed(band, "eti95_upper").max()) for band in bands.values()]
    if table is not None:
        points = flux_values(table)
        seen = np.maximum(points.low, points.value / 4)
        lowest.append(float(np.where(points.is_limit, points.limit / 3, seen).min()))
        highest.append(float(np.where(points.is_limit, points.limit, points.high).max()))
    return min(lowest) / 3, max(highest) * 1.6


def _sed(band: SpectralBand, name: str) -> NDArray[np.float64]:
    return to_array(band.energy**2 * getattr(band, name), ENERGY_FLUX, name)


def _converged(band: SpectralBand) -> bool:
    return bool(band.meta.get("converged", True))
