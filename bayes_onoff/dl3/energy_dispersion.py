"""Energy dispersion: EDISP_2D."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bayes_onoff.dl3.irf_axes import IrfAxis, interpolate, read_irf_axis
from bayes_onoff.dl3.responses import check_probability, is_point_like, read_values
from bayes_onoff.fits_table import FitsTable
from bayes_onoff.units import ANGLE, DIMENSIONLESS, ENERGY

__all__ = ["EnergyDispersion", "energy_dispersion_from_table"]


@dataclass(frozen=True, eq=False)
class EnergyDispersion:
    """Density of the ratio reconstructed to true energy ("migra").

    Parameters
    ----------
    energy_axis, migra_axis, offset_axis : IrfAxis
        True energy, TeV; reconstructed over true energy; offset from the pointing, deg.
    values : ndarray, shape (energy, migra, offset)
        Probability per unit of migra. May ring slightly below 0; `evaluate` does not.
    is_pointlike : bool
        Whether a directional cut is included.
    """

    hdu_class: ClassVar[str] = "edisp_2d"

    energy_axis: IrfAxis
    migra_axis: IrfAxis
    offset_axis: IrfAxis
    values: NDArray[np.float64]
    is_pointlike: bool = False

    @property
    def energy(self) -> NDArray[np.float64]:
        """Centres of the true-energy axis, TeV."""
        return self.energy_axis.centers

    @property
    def migra(self) -> NDArray[np.float64]:
        """Centres of the migra axis."""
        return self.migra_axis.centers

    @property
    def migra_edges(self) -> NDArray[np.float64]:
        """Edges of the migra axis."""
        return self.migra_axis.edges

    @property
    def offset(self) -> NDArray[np.float64]:
        """Centres of the offset axis, deg."""
        return self.offset_axis.centers

    def evaluate(self, energy: ArrayLike, migra: ArrayLike, offset: ArrayLike) -> NDArray[np.float64]:
        """Probability density dP/dmigra.

        Linear in ln(energy), migra and offset between centres; beyond the outermost centres linear extrapolation,
        cut at 0. It is 0 where the offset, or energy and migra both, lie outside the axis edges (gammapy's rule).

        Parameters
        ----------
        energy : array-like
            True energy, TeV.
        migra : array-like
            Reconstructed over true energy.
        offset : array-like
            deg. All three broadcast against each other.

        Returns
        -------
        ndarray
            Of the broadcast shape.
        """
        axes = (self.energy_axis, self.migra_axis, self.offset_axis)
        values = interpolate(self.values, axes, (energy, migra, offset))
        inside = self.energy_axis.contains(energy) | self.migra_axis.contains(migra)
        return np.where(inside & self.offset_axis.contains(offset), np.maximum(values, 0), 0)


def energy_dispersion_from_table(table: FitsTable) -> EnergyDispersion:
    """Decode a GADF EDISP_2D table.

    Raises
    ------
    FileError
        If a column is missing, has a unit of the wrong kind, or the density is not finite or negative beyond ringing.
    """
    name = "ETRUE" if table.has_column("ETRUE_LO") else "ENERG"  # as before GADF 0.2
    energy = read_irf_axis(table, name, ENERGY, is_log=True)
    migra = read_irf_axis(table, "MIGRA", DIMENSIONLESS, is_density=True)
    offset = read_irf_axis(table, "THETA", ANGLE)
    values = read_values(table, "MATRIX", DIMENSIONLESS, (energy, migra, offset))
    check_probability(table, "MATRIX", values * migra.widths[:, None], axis=1)
    return EnergyDispersion(energy, migra, offset, values, is_point_like(table))
