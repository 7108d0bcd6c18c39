"""The sky around the source: ON, OFF and exclusion regions, pointings, and a map of the events."""

from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np
from astropy.coordinates import SkyCoord
from astropy.visualization.wcsaxes import WCSAxes
from astropy.wcs import WCS
from matplotlib.artist import Artist
from matplotlib.colors import PowerNorm
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from regions import PointSkyRegion, SkyRegion

from bayes_onoff.errors import InputError
from bayes_onoff.plotting.sky_regions import (
    NEARBY,
    PIXEL,
    Exclusion,
    RunRegions,
    check_sky_axes,
    distinct,
    draw_exclusion,
    draw_region,
    draw_regions_faintly,
    gathered,
    is_nearby,
    region_center,
    region_limits,
    tangential,
    with_radii,
)
from bayes_onoff.plotting.style import BLUE, GREY, INK, VERMILLION, draw_legend, fading, ink, new_axes, run_colors

__all__ = ["plot_sky"]

_MARGIN = 1.08
_MAX_GROUPS = 12
_MAX_NAMES = 3
_SAME_POINTING = 1e-3  # deg


def plot_sky(
    geometries: Sequence[RunRegions],
    *,
    events: SkyCoord | None = None,
    bin_size: float = 0.05,
    ax: WCSAxes | None = None,
) -> WCSAxes:
    """Draw the regions of all runs in a gnomonic projection centred between them.

    Runs of the same pointing are drawn as one. Up to twelve pointings have a colour and a line of the legend each; of
    more, the OFF regions are laid over each other in one colour, the darker the more often a position serves.

    Parameters
    ----------
    geometries : sequence of RunGeometry
        One per run: name, pointing, ON, OFF and exclusion regions or masks. Points are crosses, with the largest and
        smallest circle in which events were counted about them.
    events : SkyCoord, optional
        Event directions, drawn as a map of counts.
    bin_size : float
        Bin width of that map, deg.
    ax : WCSAxes, optional
        Axes with a celestial projection, their limits are left alone; made here if None.

    Returns
    -------
    WCSAxes

    Raises
    ------
    InputError
        If there is no run, or `ax` has no celestial projection.
    """
    if not geometries:
        raise InputError("no run to draw", place="geometries", allowed="at least one run")
    made_here = ax is None
    if ax is None:
        ax = _sky_axes(geometries)
    check_sky_axes(ax)
    on_region = geometries[0].on_region
    exclusion = draw_exclusion(ax, chain.from_iterable(geometry.exclusion for geometry in geometries), on_region)
    if events is not None:
        _draw_counts(ax, events, bin_size)
    groups = _alike(geometries)
    if len(groups) <= _MAX_GROUPS:
        _draw_each_group(ax, groups)
    else:
        _draw_runs_together(ax, geometries)
    for geometry in {str(geometry.on_region): geometry for geometry in geometries}.values():
        for region in with_radii([geometry.on_region], geometry.rad_max):
            draw_region(ax, region, color=ink(ax), linewidth=2.2, zorder=3)
    key = _key(groups, ink(ax), exclusion)
    if made_here:
        draw_legend(ax.figure, handles=key, loc="outside right upper")
    else:
        draw_legend(ax, handles=key, loc="best")
    return ax


def _alike(geometries: Sequence[RunRegions]) -> list[list[RunRegions]]:
    """Group runs whose regions would hide each other: same pointing, ON region and number of OFF regions."""
    groups: dict[object, list[RunRegions]] = {}
    for geometry in geometries:
        pointing = geometry.pointing.icrs
        where = round(pointing.ra.deg / _SAME_POINTING), round(pointing.dec.deg / _SAME_POINTING)
        groups.setdefault((where, str(geometry.on_region), len(geometry.off_regions)), []).append(geometry)
    return list(groups.values())


def _draw_each_group(ax: WCSAxes, groups: Sequence[Sequence[RunRegions]]) -> None:
    for (geometry, *_), color in zip(groups, run_colors(len(groups)), strict=True):
        for region in with_radii(geometry.off_regions, geometry.rad_max):
            draw_region(ax, region, color=color, linewidth=1.1)
        x, y = ax.wcs.world_to_pixel(geometry.pointing)
        ax.plot(x, y, marker="+", markersize=9, markeredgewidth=1.8, color=color, linestyle="none")


def _draw_runs_together(ax: WCSAxes, geometries: Sequence[RunRegions]) -> None:
    regions = [region for geometry in geometries for region in with_radii(geometry.off_regions, geometry.rad_max)]
    draw_regions_faintly(ax, regions, color=BLUE)
    x, y = ax.wcs.world_to_pixel(gathered(geometry.pointing for geometry in geometries))
    ax.plot(x, y, marker=".", markersize=4, markeredgewidth=0, color=VERMILLION, linestyle="none")


def _sky_axes(geometries: Sequence[RunRegions]) -> WCSAxes:
    """Axes around the ON region that show every region and pointing."""
    wcs = tangential(region_center(geometries[0].on_region))
    x_lo, x_hi, y_lo, y_hi = _frame(geometries, wcs)
    width = _MARGIN * max(x_hi - x_lo, (y_hi - y_lo) / 1.2)
    height = max(_MARGIN * (y_hi - y_lo), 0.6 * width)
    ax: WCSAxes = new_axes(width=8.2, height=6.0 * height / width + 0.6, projection=wcs)
    ax.set_aspect("equal")
    ax.set_xlim((x_lo + x_hi - width) / 2, (x_lo + x_hi + width) / 2)
    ax.set_ylim((y_lo + y_hi - height) / 2, (y_lo + y_hi + height) / 2)
    for axis, name in zip(ax.coords, ("Right ascension (ICRS)", "Declination (ICRS)"), strict=True):
        axis.set_axislabel(name, color=INK)
    ax.coords.grid(color=GREY, alpha=0.25, linewidth=0.6)
    return ax


def _frame(geometries: Sequence[RunRegions], wcs: WCS) -> tuple[float, float, float, float]:
    """Pixel limits x_lo, x_hi, y_lo, y_hi that hold every region and pointing, and exclusion regions nearby."""
    regions = list(chain.from_iterable(_counted_in(geometry) for geometry in geometries))
    on_region = geometries[0].on_region
    for region in distinct(chain.from_iterable(geometry.exclusion for geometry in geometries)):
        if isinstance(region, SkyRegion) and is_nearby(region, on_region):
            regions.append(region)
    x, y = wcs.world_to_pixel(gathered(geometry.pointing for geometry in geometries))
    boxes = [*zip(x, x, y, y, strict=True), *region_limits(regions, wcs)]
    limits = np.array(boxes, dtype=float)
    lowest, highest = limits.min(axis=0), limits.max(axis=0)
    return lowest[0], highest[1], lowest[2], highest[3]


def _counted_in(geometry: RunRegions) -> list[SkyRegion]:
    """ON and OFF regions, points with their circles."""
    return with_radii((geometry.on_region, *geometry.off_regions), geometry.rad_max)


def _draw_counts(ax: WCSAxes, events: SkyCoord, bin_size: float) -> None:
    x, y = ax.wcs.world_to_pixel(events)
    step = bin_size / PIXEL
    edges = [np.arange(lo, hi + step, step) for lo, hi in (ax.get_xlim(), ax.get_ylim())]
    counts, _, _ = np.histogram2d(x, y, bins=edges)
    image = ax.pcolormesh(*edges, counts.T, cmap=fading(GREY, 0.9), norm=PowerNorm(0.5), rasterized=True, zorder=0)
    bar = ax.figure.colorbar(image, ax=ax, orientation="horizontal", shrink=0.6, aspect=40, pad=0.02)
    bar.set_label(f"Events per {bin_size:g}° × {bin_size:g}° bin", color=ink(ax))
    bar.ax.tick_params(color=ink(ax), labelcolor=ink(ax), labelsize=9)


def _key(groups: Sequence[Sequence[RunRegions]], color: str, exclusion: Sequence[Exclusion]) -> list[Artist]:
    """Make the entries of the legend; `color` is that of text."""

    def ring(color: str, width: float, label: str) -> Line2D:
        return Line2D([], [], color="none", marker="o", markersize=9, markeredgecolor=color, mew=width, label=label)

    first = groups[0][0]
    is_named = len(groups) <= _MAX_GROUPS
    key: list[Artist] = [ring(color, 2.2, _name_of_on(first))]
    if is_named:
        key += [ring(c, 1.1, _name_of_runs(group)) for group, c in zip(groups, run_colors(len(groups)), strict=True)]
    else:
        n_off = sum(len(geometry.off_regions) for group in groups for geometry in group)
        key.append(ring(BLUE, 1.1, f"{sum(map(len, groups))} runs: {n_off} OFF"))
    mark: Any = {"marker": "+", "color": color, "mew": 1.8} if is_named else {"marker": ".", "color": VERMILLION}
    key.append(Line2D([], [], **mark, markersize=9, linestyle="none", label="pointing"))
    if exclusion:
        far = sum(isinstance(region, SkyRegion) and not is_nearby(region, first.on_region) for region in exclusion)
        label = "exclusion" if not far else f"exclusion ({far} more than {NEARBY:g}° away)"
        key.append(Patch(facecolor="none", edgecolor=GREY, hatch="///", label=label))
    return key


def _name_of_runs(group: Sequence[RunRegions]) -> str:
    n_off = len(group[0].off_regions)
    if len(group) == 1:
        return f"run {group[0].name}: {n_off} OFF"
    if len(group) > _MAX_NAMES:
        return f"{len(group)} runs: {n_off} OFF each"
    return f"runs {', '.join(geometry.name for geometry in group)}:\n{n_off} OFF each"


def _name_of_on(geometry: RunRegions) -> str:
    if not isinstance(geometry.on_region, PointSkyRegion):
        return "ON region"
    if geometry.rad_max is None:
        return "ON position"
    low, high = geometry.rad_max
    return f"ON, radius {low:.2g}°" if low == high else f"ON, radius {low:.2g}° to {high:.2g}°"
