"""Effective area: AEFF_2D."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bayes_onoff.dl3.irf_axes import IrfAxis, interpolate, read_irf_axis
from bayes_onoff.dl3.responses import check_not_negative, is_point_like, read_values
from bayes_onoff.fits_table import FitsTable
from bayes_onoff.units import ANGLE, AREA, ENERGY

__all__ = ["EffectiveArea", "effective_area_from_table"]


@dataclass(frozen=True, eq=False)
class EffectiveArea:
    """Effective area against true energy and offset from the pointing.

    Parameters
    ----------
    energy_axis, offset_axis : IrfAxis
        True energy, TeV; offset, deg.
    values : ndarray, shape (energy, offset)
        cm2.
    low_threshold, high_threshold : float or None
        Energies between which the file says the response can be trusted, TeV (LO_THRES, HI_THRES).
    is_pointlike : bool
        Whether a directional cut is included.
    rad_max : float or None
        Radius of that cut if it is one number, deg (RAD_MAX).
    """

    hdu_class: ClassVar[str] = "aeff_2d"

    energy_axis: IrfAxis
    offset_axis: IrfAxis
    values: NDArray[np.float64]
    low_threshold: float | None = None
    high_threshold: float | None = None
    is_pointlike: bool = False
    rad_max: float | None = None

    @property
    def energy(self) -> NDArray[np.float64]:
        """Centres of the energy axis, TeV."""
        return self.energy_axis.centers

    @property
    def energy_edges(self) -> NDArray[np.float64]:
        """Edges of the energy axis, TeV."""
        return self.energy_axis.edges

    @property
    def offset(self) -> NDArray[np.float64]:
        """Centres of the offset axis, deg."""
        return self.offset_axis.centers

    @property
    def offset_edges(self) -> NDArray[np.float64]:
        """Edges of the offset axis, deg."""
        return self.offset_axis.edges

    def evaluate(self, energy: ArrayLike, offset: ArrayLike) -> NDArray[np.float64]:
        """Effective area at true energies and offsets.

        Linear in ln(energy) and offset between bin centres; beyond the outermost centres linear extrapolation, cut
        at 0; outside the axis edges 0.

        Parameters
        ----------
        energy : array-like
            TeV.
        offset : array-like
            deg; broadcasts against `energy`.

        Returns
        -------
        ndarray
            cm2, of the broadcast shape.
        """
        values = interpolate(self.values, (self.energy_axis, self.offset_axis), (energy, offset))
        inside = self.energy_axis.contains(energy) & self.offset_axis.contains(offset)
        return np.where(inside, np.maximum(values, 0), 0)


def effective_area_from_table(table: FitsTable) -> EffectiveArea:
    """Decode a GADF AEFF_2D table.

    Raises
    ------
    FileError
        If a column is missing, has a unit of the wrong kind, or the area is negative or not finite.
    """
    energy = read_irf_axis(table, "ENERG", ENERGY, is_log=True)
    offset = read_irf_axis(table, "THETA", ANGLE)
    values = read_values(table, "EFFAREA", AREA, (energy, offset))
    check_not_negative(table, "EFFAREA", values)
    return EffectiveArea(
        energy,
        offset,
        values,
        low_threshold=table.key_float("LO_THRES") or None,  # 0 means: not stated
        high_threshold=table.key_float("HI_THRES") or None,
        is_pointlike=is_point_like(table),
        rad_max=table.key_float("RAD_MAX"),
    )
