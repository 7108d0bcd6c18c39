"""Reflected OFF regions as gammapy 2.1 places them: on the pixels of a tangential projection.

The angular size comes from pixel centres and is too small, so neighbouring OFF regions overlap slightly. Kept to
reproduce published numbers.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from astropy.coordinates import Angle, SkyCoord
from numpy.typing import NDArray
from regions import CircleSkyRegion, SkyRegion

from bayes_onoff.errors import ConfigError
from bayes_onoff.reduction.reflected import check_any, check_reflectable, rotation_angles
from bayes_onoff.reduction.settings import ReductionSettings
from bayes_onoff.reduction.shapes import Area, Circle, shape_of
from bayes_onoff.reduction.sphere import north_of, separation, sky_coord, unit_vector

__all__ = ["PixelPlacement", "TangentPlane", "place_on_pixels"]

_BIN_SIZE = 0.01  # deg, gammapy's reference map
_ARCSEC = np.deg2rad(1 / 3600)


@dataclass(frozen=True, eq=False, slots=True)
class TangentPlane:
    """Gnomonic (TAN) projection about a position, in pixels from that position: x to the west, y to the north.

    Calabretta & Greisen 2002, A&A 395, 1077, section 5.1.3.

    Parameters
    ----------
    center, east, north : ndarray, shape (3,)
        Orthonormal vectors at the tangent point.
    pole : ndarray, shape (3,)
        North pole of the frame that defines `north`.
    pixel : float
        Pixel size in rad.
    """

    center: NDArray[np.float64]
    east: NDArray[np.float64]
    north: NDArray[np.float64]
    pole: NDArray[np.float64]
    pixel: float

    @classmethod
    def at(cls, center: NDArray[np.float64], frame_of: SkyCoord, pixel_deg: float) -> Self:
        """Build the plane at `center` (3,), north being that of the frame of `frame_of`."""
        frame = frame_of.frame.replicate_without_data()
        pole = unit_vector(SkyCoord(0.0, 90.0, unit="deg", frame=frame))
        north = north_of(center, pole)
        return cls(center, np.cross(north, center), north, pole, float(np.deg2rad(pixel_deg)))

    def to_pixels(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Pixel coordinates (..., 2) of positions (..., 3); NaN behind the tangent point."""
        depth = points @ self.center
        depth = np.where(depth > 0, depth, np.nan)
        return np.stack([-(points @ self.east) / depth, points @ self.north / depth], axis=-1) / self.pixel

    def to_sphere(self, pixels: NDArray[np.float64]) -> NDArray[np.float64]:
        """Positions (..., 3) of pixel coordinates (..., 2)."""
        x, y = np.moveaxis(pixels * self.pixel, -1, 0)
        points = self.center - x[..., None] * self.east + y[..., None] * self.north
        return np.asarray(points / np.linalg.norm(points, axis=-1, keepdims=True))

    def scale(self, point: NDArray[np.float64]) -> float:
        """Size of a pixel in rad at a position (3,), measured over one arcsecond to the north."""
        step = np.cos(_ARCSEC) * point + np.sin(_ARCSEC) * north_of(point, self.pole)
        return float(_ARCSEC / np.linalg.norm(self.to_pixels(step) - self.to_pixels(point)))


@dataclass(frozen=True, eq=False, slots=True)
class PixelPlacement:
    """ON circle on its own tangent plane, OFF circles on that of the pointing.

    Parameters
    ----------
    on_plane, off_plane : TangentPlane
        Projections.
    on_radius, off_radius : float
        Radii in pixels of the two planes.
    off_centers : ndarray, shape (off_region, 2)
        Pixel coordinates on `off_plane`.
    """

    on_plane: TangentPlane
    off_plane: TangentPlane
    on_radius: float
    off_radius: float
    off_centers: NDArray[np.float64]

    @property
    def off_regions(self) -> tuple[SkyRegion, ...]:
        """The OFF regions on the sky; their radii differ by the distortion of the projection."""
        centers = self.off_plane.to_sphere(self.off_centers)
        radii = [np.rad2deg(self.off_radius * self.off_plane.scale(center)) for center in centers]
        return tuple(
            CircleSkyRegion(center=sky_coord(center), radius=Angle(radius, unit="deg"))
            for center, radius in zip(centers, radii, strict=True)
        )

    def in_on(self, points: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Which positions (n, 3) lie in the ON region."""
        return np.asarray(np.hypot(*self.on_plane.to_pixels(points).T) < self.on_radius)

    def in_off(self, points: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Which positions (n, 3) lie in each OFF region, shape (off_region, n)."""
        dx, dy = np.moveaxis(self.off_plane.to_pixels(points) - self.off_centers[:, None, :], -1, 0)
        return np.asarray(np.hypot(dx, dy) < self.off_radius)


def place_on_pixels(
    on_region: SkyRegion, pointing: SkyCoord, exclusion: Sequence[Area], settings: ReductionSettings, place: str
) -> PixelPlacement:
    """Turn the ON circle about the pointing as gammapy 2.1 does.

    Parameters
    ----------
    on_region : SkyRegion
        The ON region; the pixels lie along the frame of its centre.
    pointing, exclusion, settings, place
        As for `place_exactly`.

    Raises
    ------
    ConfigError
        If the ON region is not a circle.
    ReductionError
        If the ON region overlaps the pointing, or there is no room for an OFF region.
    """
    on, frame_of = shape_of(on_region, "on_region"), on_region.center
    if not isinstance(on, Circle):
        raise ConfigError(
            "only a circle can be placed on pixels", place="reduction.off_regions.placement", allowed="exact"
        )
    pivot = unit_vector(pointing)
    check_reflectable(on, pivot, place)
    plane = TangentPlane.at(pivot, frame_of, _BIN_SIZE)
    center, radius = plane.to_pixels(on.center), on.radius / plane.scale(on.center)
    grid = _pixel_centers(float(separation(on.center, pivot)), float(np.hypot(*center)), radius)
    excluded = _excluded(plane, grid, exclusion)

    def turned(angle: float) -> NDArray[np.float64]:
        cos, sin = np.cos(angle), np.sin(angle)
        return np.array([[cos, -sin], [sin, cos]]) @ center

    def is_free(angle: float) -> bool:
        return not np.any(np.hypot(*(excluded - turned(angle)).T) < radius)

    size = _angular_size(grid[np.hypot(*(grid - center).T) < radius])
    off_centers = np.array([turned(angle) for angle in rotation_angles(size, is_free, settings)])
    check_any(off_centers, bool(exclusion), place)
    on_plane = TangentPlane.at(on.center, frame_of, _BIN_SIZE)
    return PixelPlacement(on_plane, plane, on.radius / on_plane.scale(on.center), radius, off_centers)


def _pixel_centers(distance: float, distance_px: float, radius_px: float) -> NDArray[np.float64]:
    """Centres (n, 2) of the reference map's pixels that a turned ON region can reach."""
    n_pixels = round((4 * np.rad2deg(distance) + 0.3) / _BIN_SIZE)
    index = np.arange(n_pixels) - (n_pixels - 1) / 2
    grid = np.stack(np.meshgrid(index, index), axis=-1).reshape(-1, 2)
    return np.asarray(grid[np.abs(np.hypot(*grid.T) - distance_px) <= radius_px])


def _excluded(plane: TangentPlane, grid: NDArray[np.float64], exclusion: Sequence[Area]) -> NDArray[np.float64]:
    """Select the pixel centres (m, 2) inside an exclusion region."""
    points = plane.to_sphere(grid)
    mask = np.zeros(len(grid), dtype=bool)
    for shape in exclusion:
        mask |= shape.contains(points)
    return np.asarray(grid[mask])


def _angular_size(pixels: NDArray[np.float64]) -> float:
    """Extent in rad of pixel centres (n, 2) in azimuth about the origin."""
    if not len(pixels):
        return 0.0
    azimuth = np.arctan2(-pixels[:, 0], -pixels[:, 1])
    size = np.ptp(azimuth)
    if size > np.pi:
        size = np.ptp(np.where(azimuth < 0, azimuth + 2 * np.pi, azimuth))
    return float(size)
