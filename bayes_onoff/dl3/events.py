"""Event lists."""

from dataclasses import dataclass, replace
from typing import ClassVar, Self

import astropy.units as u
import numpy as np
from astropy.coordinates import SkyCoord
from numpy.typing import NDArray

from bayes_onoff.dl3.time_reference import TimeReference, read_time_reference
from bayes_onoff.fits_table import FitsTable
from bayes_onoff.units import ANGLE, ENERGY, TIME

__all__ = ["Events", "events_from_table"]


@dataclass(frozen=True, eq=False)
class Events:
    """Reconstructed events of one run, one array element each. Never filtered by good time intervals.

    Parameters
    ----------
    ra, dec : ndarray, shape (event,)
        Reconstructed direction, ICRS, deg.
    energy : ndarray, shape (event,)
        Reconstructed energy, TeV.
    time : ndarray, shape (event,)
        Seconds since `reference`.
    reference : TimeReference
        Zero of the times.
    """

    hdu_class: ClassVar[str] = "events"

    ra: NDArray[np.float64]
    dec: NDArray[np.float64]
    energy: NDArray[np.float64]
    time: NDArray[np.float64]
    reference: TimeReference

    def __len__(self) -> int:
        return len(self.energy)

    @property
    def coord(self) -> SkyCoord:
        """The directions, shape (event,)."""
        return SkyCoord(self.ra, self.dec, unit="deg", frame="icrs")

    def select(self, mask: NDArray[np.bool_]) -> Self:
        """Keep the events where `mask`, shape (event,), is True."""
        return replace(self, ra=self.ra[mask], dec=self.dec[mask], energy=self.energy[mask], time=self.time[mask])

    def relative_to(self, reference: TimeReference) -> Self:
        """Count the times from another zero."""
        if reference == self.reference:
            return self
        shift = (self.reference.mjd_tt - reference.mjd_tt) * u.day.to(TIME)
        return replace(self, time=self.time + shift, reference=reference)


def events_from_table(table: FitsTable) -> Events:
    """Decode a GADF EVENTS table.

    Raises
    ------
    FileError
        If a column is missing, has a unit of the wrong kind, or holds values that are not finite.
    """
    return Events(
        ra=table.column("RA", ANGLE),
        dec=table.column("DEC", ANGLE),
        energy=table.column("ENERGY", ENERGY),
        time=table.column("TIME", TIME),
        reference=read_time_reference(table),
    )
