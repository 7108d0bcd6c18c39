"""The sky around the source: ON, OFF and exclusion regions, pointings, and a map of the events."""

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

import astropy.units as u
import numpy as np
from astropy.coordinates import SkyCoord, UnitSphericalRepresentation
from astropy.visualization.wcsaxes import WCSAxes
from astropy.wcs import WCS
from matplotlib.artist import Artist
from matplotlib.colors import PowerNorm
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from regions import SkyRegion

from bayes_onoff.errors import InputError
from bayes_onoff.plotting.style import GREY, INK, draw_legend, fading, ink, new_axes, run_colors

__all__ = ["RunRegions", "plot_sky"]

_PIXEL = 0.01  # deg; regions are drawn as vectors, so this only sets the numbers inside the WCS
_MARGIN = 1.08
_NEARBY = 5.0  # deg; an exclusion region farther from the ON region does not widen the frame
_MAX_RUNS_NAMED = 12


class RunRegions(Protocol):
    """What the plot needs to know of a run; `bayes_onoff.reduction.RunGeometry` has it."""

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def pointing(self) -> SkyCoord: ...  # noqa: D102
    @property
    def on_region(self) -> SkyRegion: ...  # noqa: D102
    @property
    def off_regions(self) -> tuple[SkyRegion, ...]: ...  # noqa: D102
    @property
    def exclusion(self) -> tuple[SkyRegion, ...]: ...  # noqa: D102


def plot_sky(
    geometries: Sequence[RunRegions],
    *,
    events: SkyCoord | None = None,
    bin_size: float = 0.05,
    ax: WCSAxes | None = None,
) -> WCSAxes:
    """Draw the regions of all runs in a tangential projection centred between them.

    Parameters
    ----------
    geometries : sequence of RunGeometry
        One per run: name, pointing, ON, OFF and exclusion regions.
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
    elif not isinstance(ax, WCSAxes):
        raise InputError("axes without a sky projection", place="ax", allowed="axes made with projection=a WCS")
    wcs = ax.wcs
    exclusion = _distinct(region for geometry in geometries for region in geometry.exclusion)
    for region in exclusion:
        _draw(ax, wcs, region, color=GREY, hatch="///", linewidth=0.8)
    if events is not None:
        _draw_counts(ax, wcs, events, bin_size)
    colors = run_colors(len(geometries))
    for geometry, color in zip(geometries, colors, strict=True):
        for region in geometry.off_regions:
            _draw(ax, wcs, region, color=color, linewidth=1.1)
        x, y = wcs.world_to_pixel(geometry.pointing)
        ax.plot(x, y, marker="+", markersize=9, markeredgewidth=1.8, color=color, linestyle="none")
    for region in _distinct(geometry.on_region for geometry in geometries):
        _draw(ax, wcs, region, color=ink(ax), linewidth=2.2, zorder=3)
    key = _key(geometries, colors, ink(ax), exclusion)
    if made_here:
        draw_legend(ax.figure, handles=key, loc="outside right upper")
    else:
        draw_legend(ax, handles=key, loc="best")
    return ax


def _sky_axes(geometries: Sequence[RunRegions]) -> WCSAxes:
    """Axes around the ON region that show every region and pointing."""
    wcs = _tangential(_center(geometries[0].on_region).icrs)
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


def _tangential(center: SkyCoord) -> WCS:
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crval = [center.ra.deg, center.dec.deg]
    wcs.wcs.crpix = [0.5, 0.5]
    wcs.wcs.cdelt = [-_PIXEL, _PIXEL]
    return wcs


def _frame(geometries: Sequence[RunRegions], wcs: WCS) -> tuple[float, float, float, float]:
    """Pixel limits x_lo, x_hi, y_lo, y_hi that hold every region and pointing, and exclusion regions nearby."""
    boxes = []
    for geometry in geometries:
        x, y = wcs.world_to_pixel(geometry.pointing)
        boxes.append((x, x, y, y))
        shown = [r for r in geometry.exclusion if _is_nearby(r, geometry.on_region)]
        for region in (geometry.on_region, *geometry.off_regions, *shown):
            box = region.to_pixel(wcs).bounding_box
            boxes.append((box.ixmin, box.ixmax, box.iymin, box.iymax))
    limits = np.array(boxes, dtype=float)
    lowest, highest = limits.min(axis=0), limits.max(axis=0)
    return lowest[0], highest[1], lowest[2], highest[3]


def _center(region: SkyRegion) -> SkyCoord:
    """Centre of a region; of a polygon the mean direction of its vertices."""
    if hasattr(region, "center"):
        return region.center
    mean = region.vertices.cartesian.mean().represent_as(UnitSphericalRepresentation)
    return SkyCoord(region.vertices.frame.realize_frame(mean))


def _is_nearby(region: SkyRegion, on_region: SkyRegion) -> bool:
    return bool(_center(region).separation(_center(on_region)) < _NEARBY * u.deg)


def _distinct(regions: Iterable[SkyRegion]) -> list[SkyRegion]:
    """Drop repetitions: runs mostly share theirs."""
    return list({str(region): region for region in regions}.values())


def _draw(ax: WCSAxes, wcs: WCS, region: SkyRegion, *, color: str, **style: Any) -> None:
    artist = region.to_pixel(wcs).as_artist()
    artist.set(facecolor="none", edgecolor=color, **style)
    ax.add_artist(artist)


def _draw_counts(ax: WCSAxes, wcs: WCS, events: SkyCoord, bin_size: float) -> None:
    x, y = wcs.world_to_pixel(events)
    step = bin_size / _PIXEL
    edges = [np.arange(lo, hi + step, step) for lo, hi in (ax.get_xlim(), ax.get_ylim())]
    counts, _, _ = np.histogram2d(x, y, bins=edges)
    image = ax.pcolormesh(*edges, counts.T, cmap=fading(GREY, 0.9), norm=PowerNorm(0.5), rasterized=True, zorder=0)
    bar = ax.figure.colorbar(image, ax=ax, orientation="horizontal", shrink=0.6, aspect=40, pad=0.02)
    bar.set_label(f"Events per {bin_size:g}° × {bin_size:g}° bin", color=ink(ax))
    bar.ax.tick_params(color=ink(ax), labelcolor=ink(ax), labelsize=9)


def _key(
    geometries: Sequence[RunRegions], colors: Sequence[str], color: str, exclusion: Sequence[SkyRegion]
) -> list[Artist]:
    """Make the entries of the legend; `color` is that of text."""

    def ring(color: str, width: float, label: str) -> Line2D:
        return Line2D([], [], color="none", marker="o", markersize=9, markeredgecolor=color, mew=width, label=label)

    key: list[Artist] = [ring(color, 2.2, "ON region")]
    if len(geometries) <= _MAX_RUNS_NAMED:
        for geometry, run_color in zip(geometries, colors, strict=True):
            key.append(ring(run_color, 1.1, f"run {geometry.name}: {len(geometry.off_regions)} OFF"))
    else:
        n_off = sum(len(geometry.off_regions) for geometry in geometries)
        key.append(ring(colors[0], 1.1, f"{len(geometries)} runs: {n_off} OFF"))
    key.append(Line2D([], [], color=color, marker="+", markersize=9, mew=1.8, linestyle="none", label="pointing"))
    if exclusion:
        far = sum(not _is_nearby(region, geometries[0].on_region) for region in exclusion)
        label = "exclusion" if not far else f"exclusion ({far} more than {_NEARBY:g}° away)"
        key.append(Patch(facecolor="none", edgecolor=GREY, hatch="///", label=label))
    return key
