"""What all instrument responses have in common: reading and checking the array of values."""

from collections.abc import Sequence

import astropy.units as u
import numpy as np
from numpy.typing import NDArray

from bayes_onoff.dl3.irf_axes import IrfAxis
from bayes_onoff.fits_table import FitsTable

__all__ = ["NEGATIVE_PROBABILITY", "check_not_negative", "check_probability", "is_point_like", "read_values"]

NEGATIVE_PROBABILITY = 0.01
"""Negative probability tolerated in a dispersion or point-spread table.

Published tables ring: H.E.S.S. DR1 reaches 0.6 % at one energy and offset. Values are kept as they are.
"""


def read_values(table: FitsTable, name: str, unit: u.UnitBase, axes: Sequence[IrfAxis]) -> NDArray[np.float64]:
    """Read the values of a response in `unit`, one dimension per axis in the order of the file's columns.

    FITS stores the first axis fastest; TDIM is not needed since the axes tell the shape.

    Raises
    ------
    FileError
        If the column is missing, damaged, has a unit of another kind, or the wrong number of values.
    """
    values = table.cell(name, unit)
    shape = tuple(len(axis) for axis in axes)
    if values.size != np.prod(shape):
        raise table.error(
            f"column {name} does not fit its axes", found=f"{values.size} values", allowed=" x ".join(map(str, shape))
        )
    result = np.ascontiguousarray(values.reshape(shape[::-1]).T)
    result.setflags(write=False)
    return result


def check_not_negative(table: FitsTable, name: str, values: NDArray[np.float64]) -> None:
    """Refuse a response with negative values.

    Raises
    ------
    FileError
        If a value is negative.
    """
    if np.any(values < 0):
        raise table.error(f"column {name} is negative", found=f"minimum {values.min():g}")


def check_probability(table: FitsTable, name: str, probability: NDArray[np.float64], axis: int) -> None:
    """Refuse a probability table with more negative probability than ringing explains.

    Parameters
    ----------
    table : FitsTable
        For the error.
    name : str
        The column.
    probability : ndarray
        Probability in each bin.
    axis : int
        The axis along which the probabilities add up to one.

    Raises
    ------
    FileError
        If the negative bins add up to more than `NEGATIVE_PROBABILITY` anywhere.
    """
    negative = -np.minimum(probability, 0).sum(axis=axis).min()
    if negative > NEGATIVE_PROBABILITY:
        raise table.error(
            f"column {name} is negative",
            found=f"negative probability {negative:.3g}",
            allowed=f"up to {NEGATIVE_PROBABILITY:g} at each energy and offset",
        )


def is_point_like(table: FitsTable) -> bool:
    """Whether a directional cut is part of the response (HDUCLAS3)."""
    return table.key_text("HDUCLAS3", "FULL-ENCLOSURE").upper() == "POINT-LIKE"
