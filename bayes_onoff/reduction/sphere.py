"""Positions on the sphere as unit vectors: exact at every distance, and rotated by a matrix product.

All vectors are in the ICRS; a rotation is counter-clockwise on the sky, from north to east.
"""

import numpy as np
from astropy.coordinates import SkyCoord
from numpy.typing import ArrayLike, NDArray

__all__ = ["lon_lat", "north_of", "rotation", "separation", "sky_coord", "unit_vector", "unit_vectors"]

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


def rotation(axis: Vectors, angle: float) -> NDArray[np.float64]:
    """Matrix that turns the sky by `angle` (rad) about the position `axis`, from north to east.

    Rodrigues' formula. From north to east is clockwise about the outward axis, hence the sign.
    """
    x, y, z = axis
    cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    return np.asarray(np.eye(3) - np.sin(angle) * cross + (1 - np.cos(angle)) * (cross @ cross))


def north_of(position: Vectors, pole: Vectors) -> Vectors:
    """Find the unit tangent vector at `position` that points to `pole`, shape (3,).

    At the pole itself every direction is the same; then some tangent vector is returned.
    """
    tangent = pole - (pole @ position) * position
    if np.linalg.norm(tangent) < 1e-12:
        tangent = np.cross(position, np.eye(3)[np.argmin(np.abs(position))])
    return np.asarray(tangent / np.linalg.norm(tangent))
