"""Directional cut of point-like responses: RAD_MAX_2D."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bayes_onoff.dl3.irf_axes import IrfAxis, read_irf_axis
from bayes_onoff.dl3.responses import check_not_negative, read_values
from bayes_onoff.fits_table import FitsTable
from bayes_onoff.units import ANGLE, ENERGY

__all__ = ["RadMax", "rad_max_from_table"]


@dataclass(frozen=True, eq=False)
class RadMax:
    """Radius within which events of a point-like source were kept.

    Parameters
    ----------
    energy_axis, offset_axis : IrfAxis
        Reconstructed energy, TeV; offset from the pointing, deg.
    values : ndarray, shape (energy, offset)
        deg.
    """

    hdu_class: ClassVar[str] = "rad_max_2d"

    energy_axis: IrfAxis
    offset_axis: IrfAxis
    values: NDArray[np.float64]

    def evaluate(self, energy: ArrayLike, offset: ArrayLike) -> NDArray[np.float64]:
        """Radius at the nearest centre in ln(energy) and offset, deg, of the broadcast shape."""
        log_energy = np.log(self.energy_axis.centers)
        i = np.argmin(np.abs(np.log(np.asarray(energy, dtype=float))[..., None] - log_energy), axis=-1)
        j = np.argmin(np.abs(np.asarray(offset, dtype=float)[..., None] - self.offset_axis.centers), axis=-1)
        return np.asarray(self.values[i, j])


def rad_max_from_table(table: FitsTable) -> RadMax:
    """Decode a GADF RAD_MAX_2D table.

    Raises
    ------
    FileError
        If a column is missing, has a unit of the wrong kind, or a radius is negative or not finite.
    """
    energy = read_irf_axis(table, "ENERG", ENERGY, is_log=True)
    offset = read_irf_axis(table, "THETA", ANGLE)
    values = read_values(table, "RAD_MAX", ANGLE, (energy, offset))
    check_not_negative(table, "RAD_MAX", values)
    return RadMax(energy, offset, values)
