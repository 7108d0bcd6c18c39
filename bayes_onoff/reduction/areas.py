"""Whether two areas of the sky overlap: their borders as great-circle arcs, compared on the sphere.

No projection is involved, so the answer does not depend on where in the field of view the areas lie. A curved border is
replaced by a polygon around the area; an overlap is therefore never missed.
"""

from dataclasses import dataclass
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from bayes_onoff.reduction.sphere import separation

__all__ = ["BORDER_VERTICES", "Arcs", "Area", "meetings", "share_area"]

BORDER_VERTICES = 256
"""Vertices of the polygon around a curved border; it reaches beyond the border by 0.0075 % of the radius."""

# What is closer than this (rad, 0.2 microarcseconds) counts as touching: rounding must not hide an overlap.
_TOUCHING = 1e-12
_BEYOND_BORDER = 1 / np.cos(np.pi / BORDER_VERTICES)


@dataclass(frozen=True, eq=False, slots=True)
class Arcs:
    """Great-circle arcs, each shorter than half a circle.

    Parameters
    ----------
    start, stop : ndarray, shape (arc, 3)
        Unit vectors of the ends.
    """

    start: NDArray[np.float64]
    stop: NDArray[np.float64]

    @classmethod
    def around(cls, *rings: NDArray[np.float64]) -> Self:
        """Join the vertices (n, 3) of each polygon, and the last one with the first."""
        return cls(np.concatenate(rings), np.concatenate([np.roll(ring, -1, axis=0) for ring in rings]))

    @property
    def middle(self) -> NDArray[np.float64]:
        """Unit vectors of the middles, shape (arc, 3)."""
        total = self.start + self.stop
        return np.asarray(total / np.linalg.norm(total, axis=-1, keepdims=True))

    @property
    def length(self) -> NDArray[np.float64]:
        """Length in rad, shape (arc,)."""
        return separation(self.start, self.stop)

    @property
    def normal(self) -> NDArray[np.float64]:
        """Unit vectors of the poles of the great circles, shape (arc, 3); zero for an arc without length."""
        cross = np.cross(self.start, self.stop - self.start)
        norm = np.linalg.norm(cross, axis=-1, keepdims=True)
        return np.asarray(np.divide(cross, norm, out=np.zeros_like(cross), where=norm > 0))

    def near(self, center: NDArray[np.float64], radius: float) -> Self:
        """Keep the arcs that may come within a radius (rad) of a position (3,)."""
        close = separation(self.middle, center) <= radius * _BEYOND_BORDER + self.length / 2 + _TOUCHING
        return type(self)(self.start[close], self.stop[close])


class Area(Protocol):
    """Part of the sky that an OFF region can overlap: a shape, or the excluded pixels of a mask."""

    @property
    def center(self) -> NDArray[np.float64]:
        """Unit vector of the centre, shape (3,)."""

    @property
    def outer_radius(self) -> float:
        """Radius in rad of a circle about the centre that holds the whole area."""

    @property
    def outline(self) -> Arcs:
        """Border of a polygonal area that holds this one, and is hardly larger."""

    def covers(self, points: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Which positions (n, 3) lie inside the outline."""

    def contains(self, points: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Which positions (..., 3) lie inside; the border is outside, up to rounding."""

    def overlaps(self, other: "Area") -> bool:
        """Whether the two share any area."""


def meetings(a: Arcs, b: Arcs) -> NDArray[np.bool_]:
    """Find the arcs that cross or touch.

    Two arcs meet if the ends of each lie on different sides of the other's great circle, and the arcs are close enough
    to reach each other (which also settles arcs on the same great circle).

    Returns
    -------
    ndarray of bool, shape (arc of a, arc of b)
    """
    reach = (a.length[:, None] + b.length) / 2 + _TOUCHING
    meet = separation(a.middle[:, None], b.middle) <= reach
    i, j = np.nonzero(meet)
    meet[i, j] = _straddle(a, i, b, j) & _straddle(b, j, a, i)
    return meet


def _straddle(a: Arcs, i: NDArray[np.intp], b: Arcs, j: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Whether the ends of the arcs `j` of `b` lie on different sides of the great circles of the arcs `i` of `a`."""
    normal = a.normal[i]
    first, second = np.sum(normal * b.start[j], axis=-1), np.sum(normal * b.stop[j], axis=-1)
    return np.asarray((np.minimum(first, second) <= _TOUCHING) & (np.maximum(first, second) >= -_TOUCHING))


def share_area(a: Area, b: Area) -> bool:
    """Whether two areas overlap or touch, by their outlines.

    They do if their outlines meet; if not, a piece of outline is inside the other area or outside of it as a whole, so
    its ends tell.
    """
    if separation(a.center, b.center) > a.outer_radius + b.outer_radius:
        return False
    of_a, of_b = a.outline.near(b.center, b.outer_radius), b.outline.near(a.center, a.outer_radius)
    return bool(meetings(of_a, of_b).any() or b.covers(of_a.start).any() or a.covers(of_b.start).any())
