"""Background rate in field-of-view coordinates: BKG_3D."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bayes_onoff.dl3.irf_axes import IrfAxis, interpolate, read_irf_axis
from bayes_onoff.dl3.responses import check_not_negative, read_values
from bayes_onoff.fits_table import FitsTable
from bayes_onoff.units import ANGLE, BACKGROUND_RATE, ENERGY

__all__ = ["FOV_ALIGNMENTS", "Background", "background_from_table"]

FOV_ALIGNMENTS = ("RADEC", "ALTAZ", "REVERSE_LON_RADEC")
_TINY = float(np.finfo(np.float32).tiny)


@dataclass(frozen=True, eq=False)
class Background:
    """Rate of background events.

    Parameters
    ----------
    energy_axis, lon_axis, lat_axis : IrfAxis
        Reconstructed energy, TeV; field-of-view longitude (DETX) and latitude (DETY), deg.
    values : ndarray, shape (energy, lon, lat)
        s-1 TeV-1 sr-1.
    alignment : str
        Orientation of the field of view, one of `FOV_ALIGNMENTS`.
    """

    hdu_class: ClassVar[str] = "bkg_3d"

    energy_axis: IrfAxis
    lon_axis: IrfAxis
    lat_axis: IrfAxis
    values: NDArray[np.float64]
    alignment: str = "RADEC"

    @property
    def energy(self) -> NDArray[np.float64]:
        """Centres of the energy axis, TeV."""
        return self.energy_axis.centers

    def evaluate(self, energy: ArrayLike, lon: ArrayLike, lat: ArrayLike) -> NDArray[np.float64]:
        """Background rate, interpolated linearly in the logarithm of the rate; 0 outside the axis edges.

        Parameters
        ----------
        energy : array-like
            Reconstructed energy, TeV.
        lon, lat : array-like
            Field-of-view coordinates, deg. All three broadcast against each other.

        Returns
        -------
        ndarray
            s-1 TeV-1 sr-1, of the broadcast shape.
        """
        axes = (self.energy_axis, self.lon_axis, self.lat_axis)
        values = np.exp(interpolate(np.log(np.maximum(self.values, _TINY)), axes, (energy, lon, lat)))
        inside = self.energy_axis.contains(energy) & self.lon_axis.contains(lon) & self.lat_axis.contains(lat)
        return np.where(inside & (values > 1.001 * _TINY), values, 0)


def background_from_table(table: FitsTable) -> Background:
    """Decode a GADF BKG_3D table.

    Raises
    ------
    FileError
        If a column is missing, has a unit of the wrong kind, or the rate is negative or not finite.
    """
    lon = read_irf_axis(table, "DETX", ANGLE)
    lat = read_irf_axis(table, "DETY", ANGLE)
    energy = read_irf_axis(table, "ENERG", ENERGY, is_log=True)
    values = read_values(table, "BKG", BACKGROUND_RATE, (lon, lat, energy))
    check_not_negative(table, "BKG", values)
    alignment = table.key_text("FOVALIGN", "RADEC").upper()
    if alignment not in FOV_ALIGNMENTS:
        raise table.error("unknown orientation FOVALIGN", found=alignment, allowed=", ".join(FOV_ALIGNMENTS))
    return Background(energy, lon, lat, np.moveaxis(values, -1, 0), alignment)
