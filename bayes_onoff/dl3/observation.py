"""One observation run, or a piece of one: events, good time, pointing, dead time and responses."""

import warnings
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from astropy.coordinates import SkyCoord
from astropy.io import fits
from numpy.typing import NDArray

from bayes_onoff.dl3.background import Background, Background2D
from bayes_onoff.dl3.effective_area import EffectiveArea
from bayes_onoff.dl3.energy_dispersion import EnergyDispersion
from bayes_onoff.dl3.events import Events
from bayes_onoff.dl3.gti import GTI
from bayes_onoff.dl3.pointing import FixedTrack
from bayes_onoff.dl3.psf import PSF
from bayes_onoff.dl3.rad_max import RadMax
from bayes_onoff.dl3.run_files import RunFiles
from bayes_onoff.errors import InputError, ReductionWarning

__all__ = ["Observation"]

_STEADY = 0.1  # deg; responses change little over it
_TRACK_POINTS = 101


@dataclass(frozen=True, eq=False)
class Observation:
    """One observation run, or the part of one inside a time interval.

    Every piece of the files is read when it is first asked for, and kept; parts of a run share what was read.

    Parameters
    ----------
    run_files : RunFiles
        What is on disk of the run.
    name : str
        Different for each part of a run; by default the observation id.
    interval : tuple of float, optional
        Start (included) and stop (excluded) of the part, modified Julian dates in terrestrial time.
    """

    run_files: RunFiles
    name: str = ""
    interval: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        """Name a whole run by its id."""
        if not self.name:
            object.__setattr__(self, "name", str(self.run_files.obs_id))

    @property
    def obs_id(self) -> int:
        """Observation id; parts of a run have the same."""
        return self.run_files.obs_id

    @property
    def files(self) -> tuple[Path, ...]:
        """The files of this run, each once."""
        return self.run_files.files

    @property
    def header(self) -> fits.Header:
        """Header of the event list."""
        return self.run_files.events_table.header

    def select_time(self, start_mjd: float, stop_mjd: float, *, name: str = "") -> "Observation":
        """Cut events and good time to an interval.

        Parameters
        ----------
        start_mjd, stop_mjd : float
            Start (included) and stop (excluded), modified Julian dates in terrestrial time.
        name : str
            What to call this part; by default it keeps the name.

        Returns
        -------
        Observation
            Its responses are those of the whole run.

        Raises
        ------
        InputError
            If there is no good time in the interval.
        """
        low, high = self.interval or (-np.inf, np.inf)
        piece = replace(self, name=name or self.name, interval=(max(start_mjd, low), min(stop_mjd, high)))
        if len(piece.gti) == 0:
            first, last = self.gti.mjd[:, 0].min(), self.gti.mjd[:, 1].max()
            raise InputError(
                "no good time in the interval",
                place=f"run {self.name}",
                found=f"MJD {start_mjd:.6f} to {stop_mjd:.6f}",
                allowed=f"a part of MJD {first:.6f} to {last:.6f} (TT)",
            )
        return piece

    @cached_property
    def _seconds(self) -> tuple[float, float]:
        """The interval on the clock of the good time intervals."""
        start, stop = self.interval or (-np.inf, np.inf)
        reference = self.run_files.gti.reference
        return reference.seconds_of(start), reference.seconds_of(stop)

    @cached_property
    def _in_interval(self) -> NDArray[np.bool_]:
        """Which events of the run belong to this part, shape (event of the run,)."""
        start, stop = self._seconds
        time = self.run_files.events.time
        return np.asarray((time >= start) & (time < stop))

    @cached_property
    def events(self) -> Events:
        """The event list, times on the clock of the good time intervals; never filtered by these."""
        events = self.run_files.events
        return events if self.interval is None else events.select(self._in_interval)

    def event_column(self, name: str) -> NDArray[Any]:
        """Read any column of the event list as it is in the file, for example PHASE.

        Parameters
        ----------
        name : str
            Name of the column, in any case.

        Returns
        -------
        ndarray, shape (event,)
            One element for each of `events`, in the same order. Integers and booleans stay what they are.

        Raises
        ------
        FileError
            If there is no such column, or it is damaged or not finite.
        """
        table = self.run_files.events_table
        values = table.raw_column(name)
        if values.dtype.kind == "f":
            values = table.column(name, table.unit(name))
        return values if self.interval is None else values[self._in_interval]

    @cached_property
    def gti(self) -> GTI:
        """Good time intervals."""
        gti = self.run_files.gti
        return gti if self.interval is None else gti.within(*self._seconds)

    @property
    def tmid_mjd(self) -> float:
        """Middle between the start of the first and the stop of the last good time interval, MJD (TT)."""
        return self.gti.mid_mjd

    @cached_property
    def pointing(self) -> SkyCoord:
        """The pointing direction, ICRS: fixed (RA_PNT, DEC_PNT), or that at `tmid_mjd` if it was not.

        Warns
        -----
        ReductionWarning
            If it moved by more than 0.1 deg from there during the good time.

        Raises
        ------
        FileError
            If the pointing is missing, or is given in a frame other than ICRS or FK5.
        InputError
            If it is given by a table that does not cover the good time.
        """
        track = self.run_files.track
        middle = track.at(self.tmid_mjd)
        if not isinstance(track, FixedTrack):
            times = np.linspace(self.gti.mjd.min(), self.gti.mjd.max(), _TRACK_POINTS)
            moved = float(track.at(times).separation(middle).deg.max())
            if moved > _STEADY:
                warnings.warn(
                    f"run {self.name}: the pointing was not fixed on the sky, it moved up to {moved:.2g} deg away from "
                    "where it was in the middle of the run, which is used throughout; splitting the run in time helps",
                    ReductionWarning,
                    stacklevel=3,  # past cached_property
                )
        return middle

    @property
    def aeff(self) -> EffectiveArea:
        """Effective area."""
        return self.run_files.aeff

    @property
    def edisp(self) -> EnergyDispersion:
        """Energy dispersion."""
        return self.run_files.edisp

    @property
    def psf(self) -> PSF | None:
        """Point-spread function; None if the run has none."""
        return self.run_files.psf

    @property
    def bkg(self) -> Background | Background2D | None:
        """Background model; None if the run has none."""
        return self.run_files.bkg

    @property
    def rad_max(self) -> RadMax | None:
        """Energy-dependent directional cut; None if the run has none."""
        return self.run_files.rad_max

    @property
    def ontime(self) -> float:
        """Sum of the good time intervals, s."""
        return self.gti.time_sum

    @cached_property
    def dead_time_fraction(self) -> float:
        """Fraction of the good time lost to dead time: 1 - DEADC of the EVENTS header.

        Raises
        ------
        FileError
            If DEADC is missing or not in (0, 1].
        """
        table = self.run_files.events_table
        correction = table.required_float("DEADC")
        if not 0 < correction <= 1:
            raise table.error("DEADC is no fraction", found=correction, allowed="0 < DEADC <= 1")
        return 1 - correction

    @property
    def livetime(self) -> float:
        """Good time corrected for dead time, s: sum(stop - start) DEADC."""
        return self.ontime * (1 - self.dead_time_fraction)

    @property
    def target(self) -> str:
        """Name of the target (OBJECT); empty if not stated."""
        return self.run_files.events_table.key_text("OBJECT")
