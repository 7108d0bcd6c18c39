"""What the reduction needs to know of a region on the sky, shape by shape.

A shape lives on the sphere (no projection): it can be rotated, asked for its angular extent seen from the pointing,
and tested against positions and other shapes. Another shape is another class with these methods and one more branch in
`shape_of`; nothing else changes.
"""

from dataclasses import dataclass
from typing import Protocol, Self

import numpy as np
from astropy.coordinates import Angle
from numpy.typing import NDArray
from regions import CircleSkyRegion, PointSkyRegion, SkyRegion

from bayes_onoff.errors import ConfigError
from bayes_onoff.reduction.sphere import separation, sky_coord, unit_vector

__all__ = ["Area", "Circle", "Point", "Shape", "area_points", "shape_of"]

_GOLDEN_ANGLE = np.pi * (3 - np.sqrt(5))


class Area(Protocol):
    """Part of the sky that an OFF region can overlap: a shape, or the excluded pixels of a mask."""

    @property
    def center(self) -> NDArray[np.float64]:
        """Unit vector of the centre, shape (3,)."""

    @property
    def outer_radius(self) -> float:
        """Radius in rad of a circle about the centre that holds the whole area."""

    def contains(self, points: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Which positions (..., 3) lie inside; the boundary is outside."""

    def overlaps(self, other: "Area") -> bool:
        """Whether the two share any area."""


class Shape(Area, Protocol):
    """A region on the sphere."""

    def encloses(self, position: NDArray[np.float64]) -> bool:
        """Whether the shape holds a position (3,) or lies all around it."""

    def rotated(self, matrix: NDArray[np.float64]) -> Self:
        """Turn the shape by a rotation matrix (3, 3)."""

    def angular_size(self, pivot: NDArray[np.float64]) -> float:
        """Extent in rad of the shape in azimuth about `pivot` (3,), which lies outside of it."""

    def to_sky(self) -> SkyRegion:
        """Convert to a region of the `regions` package, in the ICRS."""


@dataclass(frozen=True, eq=False, slots=True)
class Circle:
    """All positions closer to the centre than a radius.

    Parameters
    ----------
    center : ndarray, shape (3,)
        Unit vector.
    radius : float
        Radius in rad.
    """

    center: NDArray[np.float64]
    radius: float

    @property
    def outer_radius(self) -> float:
        """The radius, rad."""
        return self.radius

    def contains(self, points: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Which positions (..., 3) lie inside; the boundary is outside."""
        squared_chord = np.sum((points - self.center) ** 2, axis=-1)
        return np.asarray(squared_chord < (2 * np.sin(self.radius / 2)) ** 2)

    def rotated(self, matrix: NDArray[np.float64]) -> Self:
        """Turn the circle by a rotation matrix (3, 3)."""
        center = matrix @ self.center
        return type(self)(center / np.linalg.norm(center), self.radius)

    def angular_size(self, pivot: NDArray[np.float64]) -> float:
        """Extent in rad in azimuth about `pivot` (3,): ``2 asin(sin R / sin rho)``.

        The great circle through the pivot that touches the circle forms a right-angled spherical triangle with the
        radius R and the distance rho. Two circles so far apart in azimuth touch: their centres are 2 R apart.
        """
        ratio = np.sin(self.radius) / np.sin(separation(self.center, pivot))
        return float(2 * np.arcsin(min(ratio, 1.0)))

    def encloses(self, position: NDArray[np.float64]) -> bool:
        """Whether the circle holds a position (3,)."""
        return bool(self.contains(position))

    def overlaps(self, other: Area) -> bool:
        """Whether the two share any area."""
        if isinstance(other, Circle):
            return bool(separation(self.center, other.center) < self.radius + other.radius)
        return other.overlaps(self)

    def to_sky(self) -> CircleSkyRegion:
        """Convert to an astropy region in the ICRS."""
        return CircleSkyRegion(center=sky_coord(self.center), radius=Angle(np.rad2deg(self.radius), unit="deg"))


@dataclass(frozen=True, eq=False, slots=True)
class Point:
    """A position without area, for ON regions whose radius depends on the energy.

    It contains nothing, and overlaps what contains it.

    Parameters
    ----------
    center : ndarray, shape (3,)
        Unit vector.
    """

    center: NDArray[np.float64]

    @property
    def outer_radius(self) -> float:
        """Zero, rad."""
        return 0.0

    def contains(self, points: NDArray[np.float64]) -> NDArray[np.bool_]:
        """None of the positions (..., 3)."""
        return np.zeros(points.shape[:-1], dtype=bool)

    def encloses(self, position: NDArray[np.float64]) -> bool:
        """Whether it is the very position (3,)."""
        return bool(separation(self.center, position) == 0)

    def rotated(self, matrix: NDArray[np.float64]) -> Self:
        """Turn the point by a rotation matrix (3, 3)."""
        center = matrix @ self.center
        return type(self)(center / np.linalg.norm(center))

    def angular_size(self, pivot: NDArray[np.float64]) -> float:  # noqa: ARG002
        """Zero rad, seen from anywhere."""
        return 0.0

    def overlaps(self, other: Area) -> bool:
        """Whether the other area contains the point."""
        return bool(other.contains(self.center))

    def to_sky(self) -> PointSkyRegion:
        """Convert to an astropy region in the ICRS."""
        return PointSkyRegion(sky_coord(self.center))


def shape_of(region: SkyRegion, place: str) -> Shape:
    """Translate an astropy sky region.

    Parameters
    ----------
    region : SkyRegion
        The region, in any frame.
    place : str
        The configuration key to blame, such as ``"on_region"``.

    Raises
    ------
    ConfigError
        If the region's shape is not supported, or its size is not positive.
    """
    if isinstance(region, PointSkyRegion):
        return Point(unit_vector(region.center))
    if not isinstance(region, CircleSkyRegion):
        raise ConfigError(
            "this shape is not built yet",
            place=f"{place}.shape",
            found=type(region).__name__.removesuffix("SkyRegion").lower(),
            allowed="circle",
        )
    radius = Angle(region.radius).rad
    if not 0 < radius < np.pi / 2:
        raise ConfigError(
            "not a radius", place=f"{place}.radius", found=str(region.radius), allowed="above 0 deg, below 90 deg"
        )
    return Circle(unit_vector(region.center), float(radius))


def area_points(shape: Shape, n_points: int = 10000) -> NDArray[np.float64]:
    """Positions spread evenly over the area of a shape, for averages over it.

    A golden-angle spiral: `n_points` of equal solid angle on the circle around the shape, of which those inside it
    are kept.

    Returns
    -------
    ndarray, shape (point, 3)
    """
    cos = 1 - (1 - np.cos(shape.outer_radius)) * (np.arange(n_points) + 0.5) / n_points
    sin, phi = np.sqrt(1 - cos**2), _GOLDEN_ANGLE * np.arange(n_points)
    first = np.cross(shape.center, np.eye(3)[np.argmin(np.abs(shape.center))])
    first /= np.linalg.norm(first)
    second = np.cross(shape.center, first)
    points = cos[:, None] * shape.center + (sin * np.cos(phi))[:, None] * first + (sin * np.sin(phi))[:, None] * second
    return np.asarray(points[shape.contains(points)])
