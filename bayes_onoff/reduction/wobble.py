"""Wobble OFF regions: the ON region at equally spaced angles about the pointing."""

from collections.abc import Sequence

from astropy.coordinates import SkyCoord

from bayes_onoff.reduction.reflected import ExactPlacement
from bayes_onoff.reduction.settings import ReductionSettings
from bayes_onoff.reduction.shapes import Area, Shape

__all__ = ["place_wobble"]


def place_wobble(
    on: Shape, pointing: SkyCoord, exclusion: Sequence[Area], settings: ReductionSettings, place: str
) -> ExactPlacement:
    """Turn the ON region about the pointing by ``i 2 pi / (n_off_regions + 1)``, i = 1 ... n_off_regions.

    Positions that touch an exclusion are left out. For a `Point`, touching means that the point itself lies in the
    exclusion, and regions around the points may overlap: that is for the caller to check.

    Raises
    ------
    ReductionError
        If the ON region lies around the pointing, regions overlap, or every position touches an exclusion.
    """
    raise NotImplementedError
