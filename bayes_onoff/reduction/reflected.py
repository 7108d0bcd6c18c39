"""Reflected OFF regions: the ON region turned about the pointing, on the sphere."""

from collections.abc import Callable, Iterable, Sequence, Sized
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from astropy.coordinates import SkyCoord
from numpy.typing import NDArray
from regions import SkyRegion

from bayes_onoff.errors import ReductionError
from bayes_onoff.reduction.areas import Area
from bayes_onoff.reduction.settings import ReductionSettings
from bayes_onoff.reduction.shapes import Shape
from bayes_onoff.reduction.sphere import rotation, separation, unit_vector

__all__ = ["ExactPlacement", "Placement", "place_exactly", "rotation_angles"]

# A gap of about 0.2 milliarcseconds, so that touching regions do not overlap by rounding.
_ROUNDING = 1e-9


class Placement(Protocol):
    """The ON and OFF regions of one run, and which positions they hold."""

    @property
    def off_regions(self) -> tuple[SkyRegion, ...]:
        """The OFF regions on the sky."""

    def in_on(self, points: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Which positions (n, 3) lie in the ON region."""

    def in_off(self, points: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Which positions (n, 3) lie in each OFF region, shape (off_region, n)."""


@dataclass(frozen=True, eq=False, slots=True)
class ExactPlacement:
    """Regions on the sphere; OFF regions are disjoint from the ON region, from each other and from exclusions."""

    on: Shape
    off: tuple[Shape, ...]

    @property
    def off_regions(self) -> tuple[SkyRegion, ...]:
        """The OFF regions on the sky."""
        return tuple(shape.to_sky() for shape in self.off)

    def in_on(self, points: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Which positions (n, 3) lie in the ON region."""
        return self.on.contains(points)

    def in_off(self, points: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Which positions (n, 3) lie in each OFF region, shape (off_region, n)."""
        return np.stack([shape.contains(points) for shape in self.off])


def rotation_angles(size: float, is_free: Callable[[float], bool], settings: ReductionSettings) -> Iterable[float]:
    """Angles from the ON region at which an OFF region finds room.

    The first candidate lies one `size` and ``min_distance_input`` away. A region that is accepted moves the search on
    by its size, one that touches an exclusion region by ``angle_increment``.

    Parameters
    ----------
    size : float
        Angular size of the region as seen from the pointing, rad.
    is_free : callable
        Whether the region turned by an angle (rad) avoids the exclusion regions.
    settings : ReductionSettings
        Steps and distances.

    Yields
    ------
    float
        Angle in rad, increasing.
    """
    step = size + settings.min_distance
    angle, last, found = step + settings.min_distance_input, 2 * np.pi - step - settings.min_distance_input, 0
    while angle < last and found < settings.max_region_number:
        if is_free(angle):
            found += 1
            yield angle
            angle += step
        else:
            angle += settings.angle_increment


def place_exactly(
    on: Shape, pointing: SkyCoord, exclusion: Sequence[Area], settings: ReductionSettings, place: str
) -> ExactPlacement:
    """Turn the ON region about the pointing as often as it fits.

    Every OFF region has the form of the ON region and the same distance from the pointing. Regions turned by the ON
    region's angular size or more lie in different wedges of azimuth, so they cannot overlap, whatever their shape.

    Parameters
    ----------
    on : Shape
        The ON region.
    pointing : SkyCoord
        Centre of the field of view.
    exclusion : sequence of Area
        Shapes and masks no OFF region may touch.
    settings : ReductionSettings
        Steps and distances.
    place : str
        The run to blame.

    Raises
    ------
    ReductionError
        If the ON region overlaps the pointing or lies around it, or there is no room for an OFF region.
    """
    pivot = unit_vector(pointing)
    check_reflectable(on, pivot, place)

    def is_free(angle: float) -> bool:
        turned = on.rotated(rotation(pivot, angle))
        return not any(turned.overlaps(shape) for shape in exclusion)

    angles = rotation_angles(on.angular_size(pivot) + _ROUNDING, is_free, settings)
    off = tuple(on.rotated(rotation(pivot, angle)) for angle in angles)
    check_any(off, bool(exclusion), place)
    return ExactPlacement(on, off)


def check_reflectable(on: Shape, pivot: NDArray[np.float64], place: str) -> None:
    """Refuse an ON region that overlaps the pointing or lies all around it.

    Raises
    ------
    ReductionError
        If it does: then no rotation about the pointing leaves the ON region.
    """
    if not on.encloses(pivot):
        return
    distance = float(np.rad2deg(separation(on.center, pivot)))
    lies = "overlaps" if on.contains(pivot) else "lies around"
    raise ReductionError(
        f"the ON region {lies} the pointing, so no OFF region can be reflected",
        place=place,
        found=f"ON centre {distance:.4g} deg from the pointing, outer radius {np.rad2deg(on.outer_radius):.4g} deg",
        allowed="a pointing outside the ON region",
    )


def check_any(off: Sized, has_exclusion: bool, place: str) -> None:
    """Refuse a run without OFF region.

    Raises
    ------
    ReductionError
        If `off` is empty.
    """
    if len(off) == 0:
        reason = "outside the exclusion regions" if has_exclusion else "beside the ON region"
        raise ReductionError(
            f"no reflected OFF region finds room {reason}",
            place=place,
            found="0 OFF regions",
            allowed="a smaller ON region, one farther from the pointing, or smaller exclusion regions",
        )
