"""Point-spread functions: what all have in common, and the table PSF_TABLE."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bayes_onoff.dl3.irf_axes import IrfAxis, interpolate, read_irf_axis
from bayes_onoff.dl3.responses import check_probability, read_values
from bayes_onoff.fits_table import FitsTable
from bayes_onoff.units import ANGLE, ENERGY, PER_SOLID_ANGLE

__all__ = ["PSF", "PSFTable", "psf_from_table"]

_BISECTIONS = 40
_FARTHEST = 10.0  # deg, beyond which no containment radius is looked for


class PSF(ABC):
    """Point-spread function against true energy and offset from the pointing, the same in all directions.

    Every kind has an `energy_axis` (true energy, TeV) and an `offset_axis` (deg).
    """

    hdu_class: ClassVar[str]
    energy_axis: IrfAxis
    offset_axis: IrfAxis

    @property
    def energy(self) -> NDArray[np.float64]:
        """Centres of the energy axis, TeV."""
        return self.energy_axis.centers

    @property
    def offset(self) -> NDArray[np.float64]:
        """Centres of the offset axis, deg."""
        return self.offset_axis.centers

    def inside(self, energy: ArrayLike, offset: ArrayLike) -> NDArray[np.bool_]:
        """Which true energies (TeV) and offsets (deg) lie on the axes."""
        return self.energy_axis.contains(energy) & self.offset_axis.contains(offset)

    @abstractmethod
    def containment(self, radius: ArrayLike, energy: ArrayLike, offset: ArrayLike) -> NDArray[np.float64]:
        """Probability that an event is reconstructed within `radius` of its true direction; 0 outside the axes.

        Parameters
        ----------
        radius : array-like
            deg.
        energy : array-like
            True energy, TeV.
        offset : array-like
            deg. All three broadcast against each other.

        Returns
        -------
        ndarray
            Of the broadcast shape.
        """

    def containment_radius(self, fraction: float, energy: ArrayLike, offset: ArrayLike) -> NDArray[np.float64]:
        """Radius within which a fraction of the events is reconstructed.

        Parameters
        ----------
        fraction : float
            Between 0 and 1.
        energy : array-like
            True energy, TeV.
        offset : array-like
            deg; broadcasts against `energy`.

        Returns
        -------
        ndarray
            deg, of the broadcast shape; NaN where the fraction is not reached within 10 deg.
        """
        low = np.zeros(np.broadcast_shapes(np.shape(energy), np.shape(offset)))
        high = np.full_like(low, _FARTHEST)
        reached = self.containment(high, energy, offset) >= fraction
        for _ in range(_BISECTIONS):
            middle = (low + high) / 2
            enough = self.containment(middle, energy, offset) >= fraction
            low, high = np.where(enough, low, middle), np.where(enough, middle, high)
        return np.where(reached, high, np.nan)


@dataclass(frozen=True, eq=False)
class PSFTable(PSF):
    """Point-spread function as a table.

    Parameters
    ----------
    energy_axis, offset_axis, rad_axis : IrfAxis
        True energy, TeV; offset from the pointing, deg; distance from the true direction, deg.
    values : ndarray, shape (energy, offset, rad)
        sr-1. May ring slightly below 0.
    """

    hdu_class: ClassVar[str] = "psf_table"

    energy_axis: IrfAxis
    offset_axis: IrfAxis
    rad_axis: IrfAxis
    values: NDArray[np.float64]

    @property
    def rad(self) -> NDArray[np.float64]:
        """Centres of the rad axis, deg."""
        return self.rad_axis.centers

    @cached_property
    def cumulative(self) -> NDArray[np.float64]:
        """Containment within the upper edge of each rad bin, shape (energy, offset, rad).

        Cumulative sum of 2 pi r PSF(r) dr, r the bin centre (midpoint rule, as in gammapy).
        """
        r, dr = np.deg2rad(self.rad), np.deg2rad(self.rad_axis.widths)
        return np.asarray(np.cumsum(2 * np.pi * r * dr * self.values, axis=-1))

    def containment(self, radius: ArrayLike, energy: ArrayLike, offset: ArrayLike) -> NDArray[np.float64]:
        """Probability that an event is reconstructed within `radius` of its true direction.

        Linear in radius, offset and ln(energy) between the upper edges of the rad bins and the centres of the
        others; 0 outside the energy and offset axes; within the first rad bin linear from 0, beyond the last constant.

        Arguments as in `PSF.containment`.
        """
        nodes = np.concatenate([[0.0], self.rad_axis.edges[1:]])
        cumulative = np.concatenate([np.zeros_like(self.cumulative[..., :1]), self.cumulative], axis=-1)
        axes = (self.energy_axis, self.offset_axis, IrfAxis.from_nodes(nodes))
        values = interpolate(cumulative, axes, (energy, offset, np.clip(radius, 0, nodes[-1])))
        return np.where(self.inside(energy, offset), np.maximum(values, 0), 0)


def psf_from_table(table: FitsTable) -> PSFTable:
    """Decode a GADF PSF_TABLE table.

    Raises
    ------
    FileError
        If a column is missing, has a unit of the wrong kind, or the density is not finite or negative beyond ringing.
    """
    energy = read_irf_axis(table, "ENERG", ENERGY, is_log=True)
    offset = read_irf_axis(table, "THETA", ANGLE)
    rad = read_irf_axis(table, "RAD", ANGLE, is_density=True)
    values = read_values(table, "RPSF", PER_SOLID_ANGLE, (energy, offset, rad))
    psf = PSFTable(energy, offset, rad, values)
    check_probability(table, "RPSF", np.diff(psf.cumulative, axis=-1, prepend=0), axis=-1)
    return psf
