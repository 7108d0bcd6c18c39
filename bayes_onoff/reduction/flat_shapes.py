"""Figures in the gnomonic projection about their own centre, as shapes on the sphere.

No projection of the field of view is involved: a shape keeps its form wherever it is turned to.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from astropy.coordinates import Angle
from numpy.typing import NDArray
from regions import (
    CircleAnnulusSkyRegion,
    EllipseAnnulusSkyRegion,
    EllipseSkyRegion,
    PolygonSkyRegion,
    RectangleAnnulusSkyRegion,
    RectangleSkyRegion,
    SkyRegion,
)

from bayes_onoff.reduction.areas import Arcs, Area, share_area
from bayes_onoff.reduction.figures import Ellipse, Figure, Polygon, Rectangle, Ring, inside_polygons
from bayes_onoff.reduction.sphere import TangentFrame, north_of, sky_coord

__all__ = ["FlatShape"]


@dataclass(frozen=True, eq=False, slots=True)
class FlatShape:
    """A figure in the gnomonic projection about its centre.

    Parameters
    ----------
    frame : TangentFrame
        Centre and axes.
    figure : Figure
        Ellipse, rectangle, ring or polygon in the plane of the frame.
    """

    frame: TangentFrame
    figure: Figure

    @property
    def center(self) -> NDArray[np.float64]:
        """Unit vector of the centre, shape (3,)."""
        return self.frame.center

    @property
    def outer_radius(self) -> float:
        """Distance of the farthest part from the centre, rad."""
        return float(np.arctan(self.figure.reach))

    @property
    def outline(self) -> Arcs:
        """The border; where it is curved, a polygon around the shape."""
        return Arcs.around(*(self.frame.to_sphere(border) for border in self.figure.borders))

    def covers(self, points: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Which positions (n, 3) lie inside the outline."""
        return inside_polygons(self.frame.to_plane(points), self.figure.borders)

    def contains(self, points: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Which positions (..., 3) lie inside; the border is outside, up to rounding."""
        return self.figure.contains(self.frame.to_plane(points))

    def encloses(self, position: NDArray[np.float64]) -> bool:
        """Whether the shape holds a position (3,) or has it in its hole."""
        return bool(inside_polygons(self.frame.to_plane(position), self.figure.borders[:1]))

    def rotated(self, matrix: NDArray[np.float64]) -> Self:
        """Turn the shape by a rotation matrix (3, 3)."""
        return type(self)(self.frame.rotated(matrix), self.figure)

    def angular_size(self, pivot: NDArray[np.float64]) -> float:
        """Extent in rad in azimuth about `pivot` (3,), which the shape does not enclose.

        Along a great-circle arc the azimuth only grows or only falls, so the vertices of the border hold its extremes;
        it is followed from vertex to vertex, so that it may exceed half a turn.
        """
        vertices = self.frame.to_sphere(self.figure.borders[0])
        north = north_of(pivot, np.array([0.0, 0.0, 1.0]))
        azimuth = np.arctan2(vertices @ np.cross(north, pivot), vertices @ north)
        return float(np.ptp(np.unwrap(azimuth)))

    def overlaps(self, other: Area) -> bool:
        """Whether the two share any area."""
        return share_area(self, other)

    def to_sky(self) -> SkyRegion:
        """Convert to an astropy region in the ICRS."""
        return _sky_region(self.figure, self.frame)


def _sky_region(figure: Figure, frame: TangentFrame) -> SkyRegion:
    """Convert a figure to an astropy region in the ICRS."""
    if isinstance(figure, Polygon):
        return PolygonSkyRegion(sky_coord(frame.to_sphere(figure.vertices)))
    center, angle = frame.position, Angle(np.rad2deg(frame.angle), unit="deg")
    if isinstance(figure, Ring):
        outer, inner = figure.outer, figure.inner
        if isinstance(outer, Ellipse) and outer.half_width == outer.half_height:
            return CircleAnnulusSkyRegion(center, _size(inner.half_width), _size(outer.half_width))
        widths = (2 * _size(half) for half in (inner.half_width, outer.half_width))
        heights = (2 * _size(half) for half in (inner.half_height, outer.half_height))
        ring = EllipseAnnulusSkyRegion if isinstance(outer, Ellipse) else RectangleAnnulusSkyRegion
        return ring(center, *widths, *heights, angle)
    if not isinstance(figure, Ellipse | Rectangle):
        raise TypeError(type(figure).__name__)
    kind = EllipseSkyRegion if isinstance(figure, Ellipse) else RectangleSkyRegion
    return kind(center, 2 * _size(figure.half_width), 2 * _size(figure.half_height), angle)


def _size(length: float) -> Angle:
    """Angular size of a length in the tangent plane."""
    return Angle(np.rad2deg(np.arctan(length)), unit="deg")
