"""Background rate in the field of view: BKG_3D, and BKG_2D, the same in all directions from the pointing."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bayes_onoff.dl3.irf_axes import IrfAxis, interpolate, read_irf_axis
from bayes_onoff.dl3.responses import check_not_negative, read_values
from bayes_onoff.fits_table import FitsTable
from bayes_onoff.units import ANGLE, BACKGROUND_RATE, ENERGY

__all__ = ["FOV_ALIGNMENTS", "Background", "Background2D", "background_2d_from_table", "background_from_table"]

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
        return _interpolate_rate(self.values, (self.energy_axis, self.lon_axis, self.lat_axis), (energy, lon, lat))


@dataclass(frozen=True, eq=False)
class Background2D:
    """Rate of background events, the same in all directions from the pointing.

    Parameters
    ----------
    energy_axis, offset_axis : IrfAxis
        Reconstructed energy, TeV; offset from the pointing, deg.
    values : ndarray, shape (energy, offset)
        s-1 TeV-1 sr-1.
    """

    hdu_class: ClassVar[str] = "bkg_2d"

    energy_axis: IrfAxis
    offset_axis: IrfAxis
    values: NDArray[np.float64]

    @property
    def energy(self) -> NDArray[np.float64]:
        """Centres of the energy axis, TeV."""
        return self.energy_axis.centers

    def evaluate_at_offset(self, energy: ArrayLike, offset: ArrayLike) -> NDArray[np.float64]:
        """Background rate, interpolated linearly in the logarithm of the rate; 0 outside the axis edges.

        Parameters
        ----------
        energy : array-like
            Reconstructed energy, TeV.
        offset : array-like
            deg; broadcasts against `energy`.

        Returns
        -------
        ndarray
            s-1 TeV-1 sr-1, of the broadcast shape.
        """
        return _interpolate_rate(self.values, (self.energy_axis, self.offset_axis), (energy, offset))

    def evaluate(self, energy: ArrayLike, lon: ArrayLike, lat: ArrayLike) -> NDArray[np.float64]:
        """Background rate in field-of-view coordinates, as `Background.evaluate`."""
        x, y = np.deg2rad(np.asarray(lon, dtype=float)), np.deg2rad(np.asarray(lat, dtype=float))
        offset = 2 * np.arcsin(np.sqrt(np.sin(y / 2) ** 2 + np.cos(y) * np.sin(x / 2) ** 2))
        return self.evaluate_at_offset(energy, np.rad2deg(offset))


def _interpolate_rate(
    values: NDArray[np.float64], axes: Sequence[IrfAxis], coordinates: Sequence[ArrayLike]
) -> NDArray[np.float64]:
    """Interpolate the logarithm; between the outermost centres and edges extrapolate it.

    Next to an empty bin the logarithm has no slope to go on with: there the rate of the last centre holds to the edge.
    """
    logarithm, is_known = np.log(np.maximum(values, _TINY)), (values > 0).astype(float)
    at_centers = [
        np.clip(coordinate, axis.centers[0], axis.centers[-1])
        for axis, coordinate in zip(axes, coordinates, strict=True)
    ]
    inside = np.ones((), dtype=bool)
    for axis, coordinate in zip(axes, coordinates, strict=True):
        inside = inside & axis.contains(coordinate)
    inside = inside & (interpolate(is_known, axes, at_centers) > 0)
    extrapolated = np.isclose(interpolate(is_known, axes, coordinates), 1)
    log_rate = np.where(
        extrapolated, interpolate(logarithm, axes, coordinates), interpolate(logarithm, axes, at_centers)
    )
    # Outside the axes the extrapolated logarithm would overflow.
    return np.exp(np.where(inside, log_rate, -np.inf))


def _column(table: FitsTable) -> str:
    return "BGD" if table.has_column("BGD") else "BKG"  # as in the first CTA data challenge


def _read_rate(table: FitsTable, axes: Sequence[IrfAxis]) -> NDArray[np.float64]:
    name = _column(table)
    values = read_values(table, name, BACKGROUND_RATE, axes)
    check_not_negative(table, name, values)
    return values


def background_from_table(table: FitsTable) -> Background:
    """Decode a GADF BKG_3D table.

    The energy is the first axis in the file (TDIM), longitude and latitude follow; or, as in H.E.S.S. DR1 and the first
    CTA data challenge, the last axis, after latitude and longitude (gammapy 2.1 reads both so).

    Raises
    ------
    FileError
        If a column is missing, has a unit of the wrong kind, or the rate is negative or not finite.
    """
    lon = read_irf_axis(table, "DETX", ANGLE)
    lat = read_irf_axis(table, "DETY", ANGLE)
    energy = read_irf_axis(table, "ENERG", ENERGY, is_log=True)
    in_memory = (len(lat), len(lon), len(energy))
    energy_first = table.raw_column(_column(table)).shape[1:] == in_memory
    values = _read_rate(table, (energy, lon, lat)) if energy_first else _read_rate(table, (lat, lon, energy)).T
    alignment = table.key_text("FOVALIGN", "RADEC").upper()
    if alignment not in FOV_ALIGNMENTS:
        raise table.error("unknown orientation FOVALIGN", found=alignment, allowed=", ".join(FOV_ALIGNMENTS))
    return Background(energy, lon, lat, values, alignment)


def background_2d_from_table(table: FitsTable) -> Background2D:
    """Decode a GADF BKG_2D table.

    Raises
    ------
    FileError
        If a column is missing, has a unit of the wrong kind, or the rate is negative or not finite.
    """
    energy = read_irf_axis(table, "ENERG", ENERGY, is_log=True)
    offset = read_irf_axis(table, "THETA", ANGLE)
    values = _read_rate(table, (energy, offset))
    return Background2D(energy, offset, values)
