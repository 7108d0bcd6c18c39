"""Wobble OFF regions: the ON region at equally spaced angles about the pointing."""

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from astropy.coordinates import SkyCoord

from bayes_onoff.errors import ReductionError
from bayes_onoff.reduction.areas import Area
from bayes_onoff.reduction.reflected import ExactPlacement, check_any, check_reflectable
from bayes_onoff.reduction.settings import ReductionSettings
from bayes_onoff.reduction.shapes import Point, Shape
from bayes_onoff.reduction.sphere import rotation, unit_vector

__all__ = ["place_wobble"]


def place_wobble(
    on: Shape, pointing: SkyCoord, exclusion: Sequence[Area], settings: ReductionSettings, place: str
) -> ExactPlacement:
    """Turn the ON region about the pointing by ``i 2 pi / (n_off_regions + 1)``, i = 1 ... n_off_regions.

    Positions that touch an exclusion are left out. For a `Point`, touching means that the point itself lies in the
    exclusion, and regions around the points may overlap: that is for the caller to check.

    Parameters
    ----------
    on : Shape
        The ON region.
    pointing : SkyCoord
        Centre of the field of view.
    exclusion : sequence of Area
        Shapes and masks no OFF region may touch.
    settings : ReductionSettings
        The number of positions, ``n_off_regions``.
    place : str
        The run to blame.

    Raises
    ------
    ReductionError
        If the ON region overlaps the pointing or lies around it, regions overlap, or every position touches an
        exclusion.
    """
    pivot, n_positions = unit_vector(pointing), settings.n_off_regions + 1
    check_reflectable(on, pivot, place)
    turned = (on.rotated(rotation(pivot, i * 2 * np.pi / n_positions)) for i in range(1, n_positions))
    off = tuple(shape for shape in turned if not any(shape.overlaps(area) for area in exclusion))
    check_any(off, bool(exclusion), place)
    if not isinstance(on, Point):
        _check_disjoint(on, off, settings.n_off_regions, place)
    return ExactPlacement(on, off)


def _check_disjoint(on: Shape, off: Sequence[Shape], n_off_regions: int, place: str) -> None:
    """Refuse regions that overlap: events would count twice, and the OFF acceptance would be wrong."""
    if any(a.overlaps(b) for a, b in combinations((on, *off), 2)):
        raise ReductionError(
            "the ON region and the wobble OFF regions overlap",
            place=place,
            found=f"n_off_regions: {n_off_regions}",
            allowed="fewer OFF regions (reduction.off_regions.n_off_regions), or a smaller ON region",
        )
