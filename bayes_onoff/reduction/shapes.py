"""What the reduction needs to know of a region on the sky, shape by shape.

A shape lives on the sphere: it is turned as a rigid body, asked for its angular extent seen from the pointing, and
tested against positions and other shapes. Another shape is another class with these methods, or another figure of
`FlatShape`, and one more entry in the table at the end of this module.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, Self

import numpy as np
from astropy.coordinates import Angle
from numpy.typing import NDArray
from regions import (
    CircleAnnulusSkyRegion,
    CircleSkyRegion,
    EllipseAnnulusSkyRegion,
    EllipseSkyRegion,
    PointSkyRegion,
    PolygonSkyRegion,
    RectangleAnnulusSkyRegion,
    RectangleSkyRegion,
    SkyRegion,
)

from bayes_onoff.errors import ConfigError
from bayes_onoff.reduction.areas import Arcs, Area, meetings, share_area
from bayes_onoff.reduction.figures import Ellipse, Polygon, Rectangle, Ring, centroid
from bayes_onoff.reduction.flat_shapes import FlatShape
from bayes_onoff.reduction.sphere import (
    TangentFrame,
    cap_solid_angle,
    north_of,
    separation,
    sky_coord,
    unit_vector,
)

__all__ = ["Area", "Circle", "Point", "Shape", "area_points", "shape_of", "solid_angle"]

_SAME_POSITION = 1e-10  # rad
_LEAST_AREA = 1e-9  # of a polygon, relative to the circle around it
_GOLDEN_ANGLE = np.pi * (3 - np.sqrt(5))
_MAX_POINTS = 4_000_000
_N_SOLID_ANGLE = 100_000


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

    @property
    def outline(self) -> Arcs:
        """A polygon around the circle."""
        return self._flat.outline

    def covers(self, points: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Which positions (n, 3) lie inside the outline."""
        return self._flat.covers(points)

    @property
    def _flat(self) -> FlatShape:
        axis = north_of(self.center, np.array([0.0, 0.0, 1.0]))
        size = float(np.tan(self.radius))
        return FlatShape(TangentFrame(self.center, axis, np.cross(self.center, axis)), Ellipse(size, size))

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
        return share_area(self, other)

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

    @property
    def outline(self) -> Arcs:
        """The point, as an arc without length."""
        return Arcs(self.center[None], self.center[None])

    def covers(self, points: NDArray[np.float64]) -> NDArray[np.bool_]:
        """None of the positions (n, 3)."""
        return self.contains(points)

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


def area_points(shape: Shape, n_points: int = 10000) -> NDArray[np.float64]:
    """Positions spread evenly over the area of a shape, for averages over it.

    A golden-angle spiral of positions with equal solid angle on the circle around the shape, of which those inside it
    are kept. Where the shape fills less than half of the circle, the spiral is denser by as much.

    Parameters
    ----------
    shape : Shape
        Not a point.
    n_points : int
        Positions on the circle, and about as many inside a shape that is slim.

    Returns
    -------
    ndarray, shape (point, 3)
    """
    points = _spiral(shape, n_points)
    inside = points[shape.contains(points)]
    while len(inside) < n_points / 2 and len(points) < _MAX_POINTS:
        points = _spiral(shape, min(n_points * len(points) // max(len(inside), 1), _MAX_POINTS))
        inside = points[shape.contains(points)]
    return np.asarray(inside)


def solid_angle(shape: Shape) -> float:
    """Solid angle of a shape, sr: exact for a circle, else to about a per cent, from a spiral of positions."""
    around = cap_solid_angle(shape.outer_radius)
    if isinstance(shape, Circle):
        return float(around)
    return float(around * np.mean(shape.contains(_spiral(shape, _N_SOLID_ANGLE))))


def _spiral(shape: Shape, n_points: int) -> NDArray[np.float64]:
    """Positions (n_points, 3) spread evenly over the circle around a shape."""
    cos = 1 - (1 - np.cos(shape.outer_radius)) * (np.arange(n_points) + 0.5) / n_points
    sin, phi = np.sqrt(1 - cos**2), _GOLDEN_ANGLE * np.arange(n_points)
    first = np.cross(shape.center, np.eye(3)[np.argmin(np.abs(shape.center))])
    first /= np.linalg.norm(first)
    second = np.cross(shape.center, first)
    return np.asarray(
        cos[:, None] * shape.center + (sin * np.cos(phi))[:, None] * first + (sin * np.sin(phi))[:, None] * second
    )


def shape_of(region: SkyRegion, place: str) -> Shape:
    """Translate an astropy sky region.

    Sizes are angular distances from the centre along the axes: half a width, or a radius. Edges of rectangles and
    polygons are great circles.

    Parameters
    ----------
    region : SkyRegion
        Circle, ellipse, rectangle, annulus of one of these, polygon or point, in any frame.
    place : str
        The configuration key to blame, such as ``"on_region"``.

    Raises
    ------
    ConfigError
        If the region's shape is not supported, its sizes or vertices do not make an area, or it is marked as an
        excluded one.
    """
    translate = _TRANSLATIONS.get(type(region))
    if translate is None:
        raise ConfigError(
            "not a shape with an inside on the sky",
            place=f"{place}.shape",
            found=type(region).__name__.removesuffix("SkyRegion").lower(),
            allowed="circle, ellipse, rectangle, annulus, polygon or point",
        )
    if not region.meta.get("include", True):
        raise ConfigError(
            "the region stands for what is outside of it (a minus sign in a region file)",
            place=place,
            allowed="a region that stands for its inside",
        )
    return translate(region, place)


def _size(region: SkyRegion, name: str, place: str) -> float:
    """Tangent of a radius, or of half a width or height."""
    is_radius = name.endswith("radius")
    angle = float(Angle(getattr(region, name)).rad) / (1 if is_radius else 2)
    if not 0 < angle < np.pi / 2:
        raise ConfigError(
            f"not a {'radius' if is_radius else 'size'}",
            place=f"{place}.{name}",
            found=str(getattr(region, name)),
            allowed=f"above 0 deg, below {90 if is_radius else 180} deg",
        )
    return float(np.tan(angle))


def _frame(region: SkyRegion) -> TangentFrame:
    return TangentFrame.at(region.center, float(Angle(getattr(region, "angle", 0), unit="rad").rad))


def _circle(region: CircleSkyRegion, place: str) -> Circle:
    _size(region, "radius", place)
    return Circle(unit_vector(region.center), float(Angle(region.radius).rad))


def _point(region: PointSkyRegion, place: str) -> Point:  # noqa: ARG001
    return Point(unit_vector(region.center))


def _ellipse(region: EllipseSkyRegion, place: str) -> FlatShape:
    return FlatShape(_frame(region), Ellipse(_size(region, "width", place), _size(region, "height", place)))


def _rectangle(region: RectangleSkyRegion, place: str) -> FlatShape:
    return FlatShape(_frame(region), Rectangle(_size(region, "width", place), _size(region, "height", place)))


def _circle_annulus(region: CircleAnnulusSkyRegion, place: str) -> FlatShape:
    inner, outer = _size(region, "inner_radius", place), _size(region, "outer_radius", place)
    return FlatShape(_frame(region), Ring(Ellipse(outer, outer), Ellipse(inner, inner)))


def _annulus(region: EllipseAnnulusSkyRegion | RectangleAnnulusSkyRegion, place: str) -> FlatShape:
    figure = Ellipse if isinstance(region, EllipseAnnulusSkyRegion) else Rectangle
    outer, inner = (
        figure(_size(region, f"{which}_width", place), _size(region, f"{which}_height", place))
        for which in ("outer", "inner")
    )
    return FlatShape(_frame(region), Ring(outer, inner))


def _polygon(region: PolygonSkyRegion, place: str) -> FlatShape:
    """Centre a polygon on its centre of mass."""
    vertices = unit_vector(region.vertices)
    vertices = vertices[separation(vertices, np.roll(vertices, 1, axis=0)) > _SAME_POSITION]
    place = f"{place}.vertices"
    if len(vertices) < 3:
        raise ConfigError("too few vertices", place=place, found=len(vertices), allowed="3 or more different ones")
    mean = vertices.mean(axis=0)
    if np.min(vertices @ mean) <= 0:
        raise ConfigError("the polygon is wider than half the sky", place=place, allowed="vertices nearer together")
    frame = TangentFrame.at(sky_coord(mean))
    xy = frame.to_plane(vertices)
    area, middle = centroid(xy)
    if not abs(area) > _LEAST_AREA * np.pi * np.max(np.hypot(*xy.T)) ** 2:
        raise ConfigError("the polygon has no area", place=place, allowed="vertices that are not on one line")
    edges = Arcs.around(vertices)
    index = np.arange(len(vertices))
    apart = (index[:, None] - index) % len(vertices)
    if np.any(meetings(edges, edges) & (apart > 1) & (apart < len(vertices) - 1)):
        raise ConfigError("the polygon's edges cross or touch", place=place, allowed="a polygon with a single border")
    frame = TangentFrame.at(sky_coord(frame.to_sphere(middle)))
    if np.min(vertices @ frame.center) <= 0:
        raise ConfigError("the polygon is wider than half the sky", place=place, allowed="vertices nearer together")
    return FlatShape(frame, Polygon(frame.to_plane(vertices)))


_TRANSLATIONS: dict[type[SkyRegion], Callable[[SkyRegion, str], Shape]] = {
    CircleSkyRegion: _circle,
    PointSkyRegion: _point,
    EllipseSkyRegion: _ellipse,
    RectangleSkyRegion: _rectangle,
    CircleAnnulusSkyRegion: _circle_annulus,
    EllipseAnnulusSkyRegion: _annulus,
    RectangleAnnulusSkyRegion: _annulus,
    PolygonSkyRegion: _polygon,
}
