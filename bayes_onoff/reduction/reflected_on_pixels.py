"""Reflected OFF regions as gammapy 2.1 places them: on the pixels of a tangential projection.

The angular size comes from pixel centres and is too small, so neighbouring OFF regions overlap slightly. Kept to
reproduce published numbers.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import astropy.units as u
import numpy as np
from astropy.coordinates import SkyCoord
from astropy.wcs import WCS
from numpy.typing import NDArray
from regions import PixCoord, PixelRegion, PolygonSkyRegion, SkyRegion

from bayes_onoff.errors import ConfigError
from bayes_onoff.reduction.pixel_regions import to_pixel, to_sky
from bayes_onoff.reduction.projection import tangent_wcs
from bayes_onoff.reduction.reflected import check_any, check_reflectable, rotation_angles
from bayes_onoff.reduction.settings import ReductionSettings
from bayes_onoff.reduction.shapes import Area, Point, shape_of
from bayes_onoff.reduction.sphere import separation, sky_coord, unit_vector

__all__ = ["PixelPlacement", "place_on_pixels"]

_BIN_SIZE = 0.01  # deg, gammapy's reference map
_ON_BIN_SIZE = 0.1  # deg, of gammapy's projection about the ON region


@dataclass(frozen=True, eq=False, slots=True)
class PixelPlacement:
    """ON region on the tangent plane at its own centre, OFF regions on that at the pointing.

    Parameters
    ----------
    on_wcs, off_wcs : WCS
        Projections.
    on, off : PixelRegion, tuple of PixelRegion
        The regions in pixels of the two projections.
    """

    on_wcs: WCS
    off_wcs: WCS
    on: PixelRegion
    off: tuple[PixelRegion, ...]

    @property
    def off_regions(self) -> tuple[SkyRegion, ...]:
        """The OFF regions on the sky; their sizes differ by the distortion of the projection."""
        return tuple(to_sky(region, self.off_wcs) for region in self.off)

    def in_on(self, points: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Which positions (n, 3) lie in the ON region."""
        return np.asarray(self.on.contains(PixCoord.from_sky(sky_coord(points), self.on_wcs)))

    def in_off(self, points: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Which positions (n, 3) lie in each OFF region, shape (off_region, n)."""
        pixels = PixCoord.from_sky(sky_coord(points), self.off_wcs)
        return np.stack([region.contains(pixels) for region in self.off])


def place_on_pixels(
    on_region: SkyRegion, pointing: SkyCoord, exclusion: Sequence[Area], settings: ReductionSettings, place: str
) -> PixelPlacement:
    """Turn the ON region about the pointing as gammapy 2.1 does.

    Parameters
    ----------
    on_region : SkyRegion
        The ON region; the pixels lie along the galactic frame if its centre does, else along the ICRS.
    pointing, exclusion, settings, place
        As for `place_exactly`.

    Raises
    ------
    ConfigError
        If the ON region's shape is not supported, or a point.
    ReductionError
        If the ON region overlaps the pointing or lies around it, or there is no room for an OFF region.
    """
    on = shape_of(on_region, "on_region")
    if isinstance(on, Point):
        raise ConfigError(
            "a point cannot be placed on pixels", place="reduction.off_regions.placement", allowed="exact"
        )
    pivot = unit_vector(pointing)
    check_reflectable(on, pivot, place)
    n_pixels = round((4 * np.rad2deg(float(separation(on.center, pivot))) + 0.3) / _BIN_SIZE)
    wcs = _wcs(pivot, on_region, _BIN_SIZE, n_pixels)
    region, center = to_pixel(on_region, wcs), PixCoord.from_sky(pointing, wcs)
    excluded = _excluded(region, center, wcs, n_pixels, exclusion)

    def is_free(angle: float) -> bool:
        return not np.any(region.rotate(center, angle * u.rad).contains(excluded))

    size = _angular_size(region, center, n_pixels)
    angles = rotation_angles(size, is_free if len(excluded.x) else lambda _: True, settings)
    off = tuple(region.rotate(center, angle * u.rad) for angle in angles)
    check_any(off, bool(exclusion), place)
    on_wcs = _wcs(on.center, on_region, _ON_BIN_SIZE, 1)
    return PixelPlacement(on_wcs, wcs, to_pixel(on_region, on_wcs), off)


def _wcs(center: NDArray[np.float64], frame_of: SkyRegion, bin_size: float, n_pixels: int) -> WCS:
    """Project `n_pixels` times `n_pixels` about a position (3,), along the frame of a region."""
    position = sky_coord(center)
    along = frame_of.vertices if isinstance(frame_of, PolygonSkyRegion) else frame_of.center
    return tangent_wcs(position.galactic if along.frame.name == "galactic" else position, bin_size, (n_pixels,) * 2)


def _excluded(region: PixelRegion, center: PixCoord, wcs: WCS, n_pixels: int, exclusion: Sequence[Area]) -> PixCoord:
    """Excluded pixel centres of the reference map, of those that the turned region can reach."""
    box = region.bounding_box
    sides = np.array([[box.ixmin - center.x, box.ixmax - center.x], [box.iymin - center.y, box.iymax - center.y]])
    nearest = np.hypot(*np.where(sides.prod(axis=1) < 0, 0, np.abs(sides).min(axis=1)))
    farthest = np.hypot(*np.abs(sides).max(axis=1))
    x, y = np.meshgrid(np.arange(n_pixels), np.arange(n_pixels))
    distance = np.hypot(x - center.x, y - center.y)
    within_reach = (distance >= nearest) & (distance <= farthest)
    x, y = x[within_reach], y[within_reach]
    points = unit_vector(wcs.pixel_to_world(x, y))
    mask = np.zeros(len(x), dtype=bool)
    for area in exclusion:
        mask |= area.contains(points)
    return PixCoord(x[mask], y[mask])


def _angular_size(region: PixelRegion, center: PixCoord, n_pixels: int) -> float:
    """Extent in rad, in azimuth about a pixel, of the pixel centres inside a region.

    One pixel or none has no extent.
    """
    box = region.bounding_box
    x, y = np.meshgrid(
        np.arange(max(box.ixmin, 0), min(box.ixmax, n_pixels)), np.arange(max(box.iymin, 0), min(box.iymax, n_pixels))
    )
    inside = region.contains(PixCoord(x, y))
    if not np.any(inside):
        return 0.0
    azimuth = np.arctan2(center.x - x[inside], center.y - y[inside])
    size = np.ptp(azimuth)
    if size > np.pi:
        size = np.ptp(np.where(azimuth < 0, azimuth + 2 * np.pi, azimuth))
    return float(size)
