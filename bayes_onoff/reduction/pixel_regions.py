"""Sky regions in pixels and back, as `regions` 0.11 converts them.

Later versions of `regions` measure the scale of a projection in another way, which moves events across borders;
published numbers, and gammapy 2.1, come from this one: sizes are scaled by the pixel size to the north of the centre.
"""

import astropy.units as u
import numpy as np
import regions
from astropy.coordinates import Angle, SkyCoord
from astropy.wcs import WCS
from regions import PixCoord, PixelRegion, PolygonPixelRegion, PolygonSkyRegion, SkyRegion

from bayes_onoff.units import ANGLE, to_float

__all__ = ["to_pixel", "to_sky"]

_NORTH_STEP = 1 * u.arcsec
_SIZES = {
    "Circle": ("radius",),
    "Ellipse": ("width", "height"),
    "Rectangle": ("width", "height"),
    "CircleAnnulus": ("inner_radius", "outer_radius"),
    "EllipseAnnulus": ("inner_width", "outer_width", "inner_height", "outer_height"),
    "RectangleAnnulus": ("inner_width", "outer_width", "inner_height", "outer_height"),
}


def to_pixel(region: SkyRegion, wcs: WCS) -> PixelRegion:
    """Convert a region on the sky to one in pixels: any shape with an inside."""
    if isinstance(region, PolygonSkyRegion):
        return PolygonPixelRegion(PixCoord.from_sky(region.vertices, wcs))
    name = type(region).__name__.removesuffix("SkyRegion")
    scale, north = _scale_and_north(region.center, wcs)
    sizes = {size: to_float(getattr(region, size), ANGLE, size) / scale for size in _SIZES[name]}
    if hasattr(region, "angle"):
        sizes["angle"] = region.angle + north
    return getattr(regions, f"{name}PixelRegion")(PixCoord.from_sky(region.center, wcs), **sizes)


def to_sky(region: PixelRegion, wcs: WCS) -> SkyRegion:
    """Convert a region in pixels to one on the sky, the inverse of `to_pixel`."""
    if isinstance(region, PolygonPixelRegion):
        return PolygonSkyRegion(region.vertices.to_sky(wcs))
    name = type(region).__name__.removesuffix("PixelRegion")
    center = region.center.to_sky(wcs)
    scale, north = _scale_and_north(center, wcs)
    sizes = {size: Angle(getattr(region, size) * scale, unit=ANGLE) for size in _SIZES[name]}
    if hasattr(region, "angle"):
        sizes["angle"] = region.angle - north
    return getattr(regions, f"{name}SkyRegion")(center, **sizes)


def _scale_and_north(position: SkyCoord, wcs: WCS) -> tuple[float, Angle]:
    """Size of a pixel in deg, and how far north is from the pixels' y axis, counter-clockwise."""
    x, y = wcs.world_to_pixel(position)
    x_north, y_north = wcs.world_to_pixel(position.directional_offset_by(0 * u.deg, _NORTH_STEP))
    scale = to_float(_NORTH_STEP, ANGLE, "step") / np.hypot(x_north - x, y_north - y)
    return float(scale), Angle(np.arctan2(y_north - y, x_north - x) - np.pi / 2, unit="rad")
