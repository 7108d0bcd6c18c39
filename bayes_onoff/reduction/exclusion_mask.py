"""Exclusion by an image: pixels no OFF region may touch."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from astropy.wcs import WCS
from numpy.typing import NDArray
from regions import SkyRegion

from bayes_onoff.reduction.shapes import Area, shape_of

__all__ = ["ExclusionMask", "excluded_area", "read_exclusion_mask"]


@dataclass(frozen=True, eq=False)
class ExclusionMask:
    """Pixels of an image of the sky that are excluded; what lies outside of the image is allowed.

    Parameters
    ----------
    wcs : WCS
        Celestial projection of the image, any frame.
    excluded : ndarray of bool, shape (y, x)
        The excluded pixels.
    """

    wcs: WCS
    excluded: NDArray[np.bool_]

    @property
    def center(self) -> NDArray[np.float64]:
        """Unit vector of a position, shape (3,)."""
        raise NotImplementedError

    @property
    def outer_radius(self) -> float:
        """The whole sky, rad."""
        return float(np.pi)

    def contains(self, points: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Which positions (..., 3) lie in an excluded pixel."""
        raise NotImplementedError

    def overlaps(self, other: Area) -> bool:
        """Whether the other area shares any part of an excluded pixel."""
        raise NotImplementedError


def read_exclusion_mask(path: str | Path) -> ExclusionMask:
    """Read an exclusion mask: a two-dimensional FITS image of the sky with 0 where excluded and 1 where allowed.

    Raises
    ------
    FileError
        If the file is no such image.
    """
    raise NotImplementedError


def excluded_area(exclusion: SkyRegion | ExclusionMask, place: str) -> Area:
    """Translate an exclusion region or mask to what OFF regions are compared with.

    Raises
    ------
    ConfigError
        As for `shape_of`.
    """
    return exclusion if isinstance(exclusion, ExclusionMask) else shape_of(exclusion, place)
