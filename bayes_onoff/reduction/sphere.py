"""Positions on the sphere as unit vectors: exact at every distance, and rotated by a matrix product.

All vectors are in the ICRS; a rotation is counter-clockwise on the sky, from north to east.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from astropy.coordinates import SkyCoord
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "TangentFrame",
    "cap_solid_angle",
    "lon_lat",
    "north_at",
    "north_of",
    "rotation",
    "separation",
    "sky_coord",
    "unit_vector",
    "unit_vectors",
]

Vectors = NDArray[np.float64]


def unit_vectors(lon: ArrayLike, lat: ArrayLike) -> Vectors:
    """Convert positions in deg to unit vectors.

    Parameters
    ----------
    lon, lat : array, shape (...)
        Right ascension and declination, deg.

    Returns
    -------
    ndarray, shape (..., 3)
    """
    lon, lat = np.deg2rad(np.asarray(lon, dtype=float)), np.deg2rad(np.asarray(lat, dtype=float))
    return np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], axis=-1)


def unit_vector(position: SkyCoord) -> Vectors:
    """Convert a coordinate in any frame to unit vectors, shape (..., 3)."""
    icrs = position.icrs
    return unit_vectors(icrs.ra.deg, icrs.dec.deg)


def lon_lat(vectors: Vectors) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Right ascension in [0, 360) and declination in deg, each of shape (...)."""
    x, y, z = np.moveaxis(vectors, -1, 0)
    return np.rad2deg(np.arctan2(y, x)) % 360, np.rad2deg(np.arctan2(z, np.hypot(x, y)))


def sky_coord(vectors: Vectors) -> SkyCoord:
    """Convert unit vectors to an ICRS coordinate."""
    lon, lat = lon_lat(vectors)
    return SkyCoord(lon, lat, unit="deg", frame="icrs")


def separation(a: Vectors, b: Vectors) -> NDArray[np.float64]:
    """Angular separation in rad, shape (...).

    From the chord, ``2 asin(|a - b| / 2)``, which keeps its precision at small separations.
    """
    chord = np.sqrt(np.sum((a - b) ** 2, axis=-1))
    return 2 * np.arcsin(np.minimum(chord / 2, 1.0))


def cap_solid_angle(radius: ArrayLike) -> NDArray[np.float64]:
    """Solid angle, sr, of circles with these angular radii, rad."""
    return np.asarray(4 * np.pi * np.sin(np.asarray(radius) / 2) ** 2)


def rotation(axis: Vectors, angle: float) -> NDArray[np.float64]:
    """Matrix that turns the sky by `angle` (rad) about the position `axis`, from north to east.

    Rodrigues' formula. From north to east is clockwise about the outward axis, hence the sign.
    """
    x, y, z = axis
    cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    return np.asarray(np.eye(3) - np.sin(angle) * cross + (1 - np.cos(angle)) * (cross @ cross))


def north_at(position: SkyCoord) -> Vectors:
    """Find the unit tangent vector at one position along its meridian to the north of its frame, shape (3,).

    At a pole the longitude still tells the meridian.
    """
    lon, lat = position.spherical.lon.deg, position.spherical.lat.deg
    quarter_turn = (lon + 180, 90 - lat) if lat > 0 else (lon, lat + 90)
    frame = position.frame.replicate_without_data()
    center, north = unit_vector(position), unit_vector(SkyCoord(*quarter_turn, unit="deg", frame=frame))
    tangent = north - (north @ center) * center
    return np.asarray(tangent / np.linalg.norm(tangent))


def north_of(position: Vectors, pole: Vectors) -> Vectors:
    """Find the unit tangent vector at `position` that points to `pole`, shape (3,).

    At the pole itself every direction is the same; then some tangent vector is returned.
    """
    tangent = pole - (pole @ position) * position
    if np.linalg.norm(tangent) < 1e-12:
        tangent = np.cross(position, np.eye(3)[np.argmin(np.abs(position))])
    return np.asarray(tangent / np.linalg.norm(tangent))


@dataclass(frozen=True, eq=False, slots=True)
class TangentFrame:
    """Gnomonic projection about a position: great circles are straight lines.

    Calabretta & Greisen 2002, A&A 395, 1077, section 5.1.3, with the axes in any direction.

    Parameters
    ----------
    center, x_axis, y_axis : ndarray, shape (3,)
        Orthonormal vectors: the position, and the directions of the axes there.
    """

    center: Vectors
    x_axis: Vectors
    y_axis: Vectors

    @classmethod
    def at(cls, position: SkyCoord, angle: float = 0.0) -> Self:
        """Build the frame whose x axis points west at the position, or is turned from there to the north by `angle`.

        West and north are those of the frame of the position; the angle (rad) is that of sky regions.
        """
        center, north = unit_vector(position), north_at(position)
        west = np.cross(center, north)
        cos, sin = np.cos(angle), np.sin(angle)
        return cls(center, cos * west + sin * north, cos * north - sin * west)

    def rotated(self, matrix: NDArray[np.float64]) -> Self:
        """Turn the frame by a rotation matrix (3, 3)."""
        center, x_axis, y_axis = matrix @ self.center, matrix @ self.x_axis, matrix @ self.y_axis
        return type(self)(*(vector / np.linalg.norm(vector) for vector in (center, x_axis, y_axis)))

    @property
    def position(self) -> SkyCoord:
        """The centre, ICRS."""
        return sky_coord(self.center)

    @property
    def angle(self) -> float:
        """Angle in rad of the x axis from west to north, in the ICRS."""
        north = north_at(self.position)
        return float(np.arctan2(self.x_axis @ north, self.x_axis @ np.cross(self.center, north)))

    def to_plane(self, points: Vectors) -> NDArray[np.float64]:
        """Coordinates (..., 2) of positions (..., 3); NaN where they are 90 deg or more away."""
        depth = points @ self.center
        depth = np.where(depth > 0, depth, np.nan)
        return np.stack([points @ self.x_axis / depth, points @ self.y_axis / depth], axis=-1)

    def to_sphere(self, xy: NDArray[np.float64]) -> Vectors:
        """Positions (..., 3) of coordinates (..., 2)."""
        points = self.center + xy[..., :1] * self.x_axis + xy[..., 1:] * self.y_axis
        return np.asarray(points / np.linalg.norm(points, axis=-1, keepdims=True))
