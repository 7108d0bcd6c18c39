"""Regions and exclusion masks drawn on axes with a celestial projection."""

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

import astropy.units as u
import numpy as np
from astropy.coordinates import SkyCoord, UnitSphericalRepresentation
from astropy.visualization.wcsaxes import WCSAxes
from astropy.wcs import WCS
from matplotlib.collections import PatchCollection
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Polygon
from numpy.typing import NDArray
from regions import CircleSkyRegion, PointSkyRegion, SkyRegion

from bayes_onoff.errors import InputError
from bayes_onoff.plotting.style import GREY

__all__ = [
    "Exclusion",
    "PixelMask",
    "RunRegions",
    "check_sky_axes",
    "distinct",
    "draw_exclusion",
    "draw_region",
    "draw_regions_faintly",
    "gathered",
    "is_nearby",
    "region_center",
    "region_limits",
    "tangential",
    "with_radii",
]

PIXEL = 0.01  # deg; regions are drawn as vectors, so this only sets the numbers inside the WCS
NEARBY = 5.0  # deg; an exclusion region farther from the ON region does not widen the frame
_IN_PROJECTION = 45.0  # deg; what is farther from the ON region is off every frame, or beyond its projection
_N_SAMPLES = 500
_N_OUTLINE = 48


class PixelMask(Protocol):
    """Excluded pixels of an image; `bayes_onoff.reduction.ExclusionMask` is one."""

    @property
    def wcs(self) -> WCS: ...  # noqa: D102
    @property
    def excluded(self) -> NDArray[np.bool_]: ...  # noqa: D102


type Exclusion = SkyRegion | PixelMask


class RunRegions(Protocol):
    """What a plot needs to know of a run; `bayes_onoff.reduction.RunGeometry` has it."""

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def pointing(self) -> SkyCoord: ...  # noqa: D102
    @property
    def on_region(self) -> SkyRegion: ...  # noqa: D102
    @property
    def off_regions(self) -> tuple[SkyRegion, ...]: ...  # noqa: D102
    @property
    def exclusion(self) -> Sequence[Exclusion]: ...  # noqa: D102
    @property
    def rad_max(self) -> tuple[float, float] | None: ...  # noqa: D102


def check_sky_axes(ax: object) -> None:
    """Refuse axes without a celestial projection.

    Raises
    ------
    InputError
        If they have none.
    """
    if not isinstance(ax, WCSAxes):
        raise InputError("axes without a sky projection", place="ax", allowed="axes made with projection=a WCS")


def tangential(center: SkyCoord) -> WCS:
    """Make a gnomonic projection with north up."""
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crval = [center.icrs.ra.deg, center.icrs.dec.deg]
    wcs.wcs.crpix = [0.5, 0.5]
    wcs.wcs.cdelt = [-PIXEL, PIXEL]
    return wcs


def region_center(region: SkyRegion) -> SkyCoord:
    """Find the centre of a region; of a polygon the mean direction of its vertices."""
    if hasattr(region, "center"):
        return region.center
    mean = region.vertices.cartesian.mean().represent_as(UnitSphericalRepresentation)
    return SkyCoord(region.vertices.frame.realize_frame(mean))


def is_nearby(region: SkyRegion, on_region: SkyRegion, limit: float = NEARBY) -> bool:
    """Whether the centres of two regions are closer than a limit in deg."""
    return bool(region_center(region).separation(region_center(on_region)) < limit * u.deg)


def distinct(regions: Iterable[Exclusion]) -> list[Any]:
    """Drop repetitions: runs mostly share theirs."""
    return list({str(r) if isinstance(r, SkyRegion) else id(r): r for r in regions}.values())


def with_radii(regions: Iterable[SkyRegion], radii: tuple[float, float] | None) -> list[SkyRegion]:
    """Add to each point the largest and, if it differs, the smallest circle in which events are counted.

    Parameters
    ----------
    regions : iterable of SkyRegion
        Points and others; only points gain circles.
    radii : (float, float) or None
        Smallest and largest radius, deg.
    """
    drawn: list[SkyRegion] = []
    for region in regions:
        drawn.append(region)
        if radii is not None and isinstance(region, PointSkyRegion):
            drawn += [CircleSkyRegion(region.center, radius * u.deg) for radius in sorted(set(radii), reverse=True)]
    return drawn


def gathered(positions: Iterable[SkyCoord]) -> SkyCoord:
    """Make one ICRS coordinate of many: hundreds of times quicker to project than one after the other."""
    pairs = [(sphere.lon.deg, sphere.lat.deg) for sphere in (position.icrs.spherical for position in positions)]
    return SkyCoord(np.array(pairs) * u.deg, frame="icrs")


def region_limits(regions: Iterable[SkyRegion], wcs: WCS) -> list[list[float]]:
    """Pixel limits of regions, each x_lo, x_hi, y_lo, y_hi."""
    circles, others = _parted(regions)
    limits: list[list[float]] = []
    if circles:
        outlines = _circle_outlines(circles, wcs)
        limits += np.stack([outlines.min(axis=1), outlines.max(axis=1)], axis=-1).reshape(-1, 4).tolist()
    for region in others:
        box = region.to_pixel(wcs).bounding_box
        limits.append([box.ixmin, box.ixmax, box.iymin, box.iymax])
    return limits


def _parted(regions: Iterable[SkyRegion]) -> tuple[list[CircleSkyRegion], list[SkyRegion]]:
    """Part circles and other regions."""
    circles: list[CircleSkyRegion] = []
    others: list[SkyRegion] = []
    for region in regions:
        (circles if isinstance(region, CircleSkyRegion) else others).append(region)
    return circles, others


def _circle_outlines(circles: Sequence[CircleSkyRegion], wcs: WCS) -> NDArray[np.float64]:
    """Positions along circles in pixels, shape (circle, point, 2)."""
    centers = gathered(circle.center for circle in circles)[:, None]
    radii = u.Quantity([circle.radius for circle in circles])[:, None]
    angles = np.linspace(0, 360, _N_OUTLINE, endpoint=False) * u.deg
    return np.stack(wcs.world_to_pixel(centers.directional_offset_by(angles, radii)), axis=-1)


def draw_region(ax: WCSAxes, region: SkyRegion, *, color: str, **style: Any) -> None:
    """Draw the outline of a region, a cross for a point."""
    artist = region.to_pixel(ax.wcs).as_artist()
    if isinstance(artist, Line2D):
        artist.set(marker="x", color=color, markersize=6, linestyle="none", zorder=style.get("zorder", 2))
        artist.set_markeredgewidth(style.get("linewidth", 1.0))
    else:
        artist.set(facecolor="none", edgecolor=color, **style)
    ax.add_artist(artist)


def draw_regions_faintly(ax: WCSAxes, regions: Sequence[SkyRegion], *, color: str) -> None:
    """Draw so many regions that outlines would cover each other: the more of them at a place, the darker it is."""
    circles, others = _parted(regions)
    artists = [region.to_pixel(ax.wcs).as_artist() for region in others]
    patches = [artist for artist in artists if isinstance(artist, Patch)]
    patches += [Polygon(outline) for outline in _circle_outlines(circles, ax.wcs)] if circles else []
    opacity = float(np.clip(8 / max(len(patches), 1), 0.02, 0.15))
    for face, edge, alpha in ((color, "none", opacity), ("none", color, min(6 * opacity, 0.4))):
        faint = PatchCollection(patches, facecolor=face, edgecolor=edge, alpha=alpha, linewidth=0.5, rasterized=True)
        ax.add_collection(faint, autolim=False)


def draw_exclusion(
    ax: WCSAxes, exclusion: Iterable[Exclusion], on_region: SkyRegion, *, hatch: str | None = "///"
) -> list[Exclusion]:
    """Outline and hatch exclusion regions and masks inside the limits of the axes.

    Returns
    -------
    list
        Them, each once.
    """
    different = distinct(exclusion)
    for item in different:
        if not isinstance(item, SkyRegion):
            _draw_mask(ax, item, hatch)
        elif is_nearby(item, on_region, _IN_PROJECTION):
            draw_region(ax, item, color=GREY, hatch=hatch, linewidth=0.9)
    return different


def _draw_mask(ax: WCSAxes, mask: PixelMask, hatch: str | None) -> None:
    limits = ax.get_xlim(), ax.get_ylim()
    x, y = np.meshgrid(*(np.linspace(min(pair), max(pair), _N_SAMPLES) for pair in limits))
    excluded = _looked_up(mask, ax.wcs.pixel_to_world(x, y))
    if excluded.any():
        shade = excluded.astype(float)
        if hatch is not None:
            filled = ax.contourf(x, y, shade, levels=[0.5, 1.5], colors="none", hatches=[hatch])
            filled.set(edgecolor=GREY, linewidth=0)
        if not excluded.all():
            ax.contour(x, y, shade, levels=[0.5], colors=GREY, linewidths=0.9)
        ax.set_xlim(limits[0])
        ax.set_ylim(limits[1])


def _looked_up(mask: PixelMask, positions: SkyCoord) -> NDArray[np.bool_]:
    """Which positions lie in an excluded pixel; none outside of the image."""
    x, y = (np.asarray(axis, dtype=float) for axis in mask.wcs.celestial.world_to_pixel(positions))
    n_y, n_x = mask.excluded.shape
    inside = (x > -0.5) & (x < n_x - 0.5) & (y > -0.5) & (y < n_y - 0.5)
    excluded = np.zeros(inside.shape, dtype=bool)
    excluded[inside] = mask.excluded[np.rint(y[inside]).astype(int), np.rint(x[inside]).astype(int)]
    return excluded
