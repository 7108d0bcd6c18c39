"""Figures in a plane: what a shape on the sky looks like in the gnomonic projection about its own centre.

Lengths are those of that plane: the tangent of the angular distance from the centre.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from bayes_onoff.reduction.areas import BORDER_VERTICES

__all__ = ["Ellipse", "Figure", "Polygon", "Rectangle", "Ring", "centroid", "inside_polygons"]

_MAX_PAIRS = 1_000_000  # of a point and an edge, compared at once


class Figure(Protocol):
    """A figure about the origin."""

    @property
    def reach(self) -> float:
        """Largest distance from the origin."""

    def contains(self, xy: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Which points (..., 2) lie inside."""

    @property
    def borders(self) -> tuple[NDArray[np.float64], ...]:
        """Vertices (n, 2) of polygons that hold the figure: first around it, then of holes."""


@dataclass(frozen=True, slots=True)
class Ellipse:
    """An ellipse along the axes, with its two half axes."""

    half_width: float
    half_height: float

    @property
    def reach(self) -> float:
        """Largest distance from the origin."""
        return max(self.half_width, self.half_height)

    def contains(self, xy: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Which points (..., 2) lie inside."""
        return np.asarray((xy[..., 0] / self.half_width) ** 2 + (xy[..., 1] / self.half_height) ** 2 < 1)

    @property
    def borders(self) -> tuple[NDArray[np.float64], ...]:
        """Vertices (n, 2) of a polygon around the ellipse."""
        return (self.inscribed / np.cos(np.pi / BORDER_VERTICES),)

    @property
    def inscribed(self) -> NDArray[np.float64]:
        """Vertices (n, 2) of a polygon inside the ellipse."""
        angle = 2 * np.pi * np.arange(BORDER_VERTICES) / BORDER_VERTICES
        return np.stack([self.half_width * np.cos(angle), self.half_height * np.sin(angle)], axis=-1)


@dataclass(frozen=True, slots=True)
class Rectangle:
    """A rectangle along the axes, with half its sides."""

    half_width: float
    half_height: float

    @property
    def reach(self) -> float:
        """Largest distance from the origin."""
        return float(np.hypot(self.half_width, self.half_height))

    def contains(self, xy: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Which points (..., 2) lie inside."""
        return np.asarray((np.abs(xy[..., 0]) < self.half_width) & (np.abs(xy[..., 1]) < self.half_height))

    @property
    def borders(self) -> tuple[NDArray[np.float64], ...]:
        """Vertices (4, 2)."""
        return (self.inscribed,)

    @property
    def inscribed(self) -> NDArray[np.float64]:
        """Vertices (4, 2)."""
        return np.array([[1, 1], [-1, 1], [-1, -1], [1, -1]]) * [self.half_width, self.half_height]


@dataclass(frozen=True, slots=True)
class Ring:
    """What lies inside the outer and outside of the inner of two figures."""

    outer: Ellipse | Rectangle
    inner: Ellipse | Rectangle

    @property
    def reach(self) -> float:
        """Largest distance from the origin."""
        return self.outer.reach

    def contains(self, xy: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Which points (..., 2) lie inside."""
        return self.outer.contains(xy) & ~self.inner.contains(xy)

    @property
    def borders(self) -> tuple[NDArray[np.float64], ...]:
        """Vertices (n, 2) of a polygon around the outer figure and of one inside the inner figure."""
        return (*self.outer.borders, self.inner.inscribed)


@dataclass(frozen=True, eq=False, slots=True)
class Polygon:
    """A polygon without crossing edges, with its vertices (n, 2)."""

    vertices: NDArray[np.float64]

    @property
    def reach(self) -> float:
        """Largest distance from the origin."""
        return float(np.hypot(*self.vertices.T).max())

    def contains(self, xy: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Which points (..., 2) lie inside."""
        return inside_polygons(xy, self.borders)

    @property
    def borders(self) -> tuple[NDArray[np.float64], ...]:
        """The vertices (n, 2)."""
        return (self.vertices,)


def inside_polygons(xy: NDArray[np.float64], polygons: tuple[NDArray[np.float64], ...]) -> NDArray[np.bool_]:
    """Which points (..., 2) lie inside an odd number of polygons, each given by its vertices (n, 2).

    A ray from the point to the right crosses the edges of a polygon that holds it an odd number of times.
    """
    start = np.concatenate(polygons)
    stop = np.concatenate([np.roll(vertices, -1, axis=0) for vertices in polygons])
    flat = xy.reshape(-1, 2)
    n_chunks = max(1, flat.shape[0] * start.shape[0] // _MAX_PAIRS)
    inside = [_crossings_to_the_right(chunk, start, stop) % 2 == 1 for chunk in np.array_split(flat, n_chunks)]
    return np.concatenate(inside).reshape(xy.shape[:-1])


def _crossings_to_the_right(
    xy: NDArray[np.float64], start: NDArray[np.float64], stop: NDArray[np.float64]
) -> NDArray[np.intp]:
    """Count the edges (from `start` to `stop`, shape (n, 2)) to the right of each point (m, 2)."""
    x, y = xy[:, :1], xy[:, 1:]
    edge = stop - start
    passes = (start[:, 1] > y) != (stop[:, 1] > y)
    rise = np.where(edge[:, 1] == 0, 1, edge[:, 1])
    crossing = start[:, 0] + (y - start[:, 1]) / rise * edge[:, 0]
    return np.asarray(np.count_nonzero(passes & (x < crossing), axis=1))


def centroid(vertices: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
    """Area of a polygon with vertices (n, 2), negative if they run clockwise, and its centre of mass (2,).

    The centre is NaN for a polygon without area.
    """
    following = np.roll(vertices, -1, axis=0)
    cross = vertices[:, 0] * following[:, 1] - following[:, 0] * vertices[:, 1]
    area = float(cross.sum() / 2)
    if area == 0:
        return area, np.full(2, np.nan)
    return area, np.asarray(((vertices + following) * cross[:, None]).sum(axis=0) / (6 * area))
