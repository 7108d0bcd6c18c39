"""One observation run: events, good time, pointing, dead time and responses, read when first asked for."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from astropy.coordinates import SkyCoord
from astropy.io import fits

from bayes_onoff.dl3.background import Background, background_from_table
from bayes_onoff.dl3.effective_area import EffectiveArea, effective_area_from_table
from bayes_onoff.dl3.energy_dispersion import EnergyDispersion, energy_dispersion_from_table
from bayes_onoff.dl3.events import Events, events_from_table
from bayes_onoff.dl3.gti import GTI, gti_from_table
from bayes_onoff.dl3.psf import PSFTable, psf_from_table
from bayes_onoff.dl3.rad_max import RadMax, rad_max_from_table
from bayes_onoff.errors import FileError
from bayes_onoff.fits_table import FitsTable, read_fits_table

__all__ = ["HDU_CLASSES", "HduLocation", "Observation"]

HDU_CLASSES = {
    "events": "events",
    "gti": "gti",
    "aeff": "aeff_2d",
    "edisp": "edisp_2d",
    "psf": "psf_table",
    "bkg": "bkg_3d",
    "rad_max": "rad_max_2d",
}
"""The HDUs that are read and written: GADF's HDU_TYPE and the HDU_CLASS understood."""

_FRAMES = ("ICRS", "FK5")  # they differ by 0.02 arcsec, far below any telescope's pointing accuracy
_UNFIXED_POINTING = ("DRIFT", "SLEW", "SCAN")


@dataclass(frozen=True)
class HduLocation:
    """Where one HDU of a run is, by the index of its store.

    Parameters
    ----------
    file : Path
        The file.
    hdu_name : str
        Name of the extension.
    hdu_class : str
        GADF's HDU_CLASS, lower case, for example ``"psf_table"``.
    """

    file: Path
    hdu_name: str
    hdu_class: str


@dataclass(frozen=True, eq=False)
class Observation:
    """One observation run. Every piece is read when it is first asked for, and kept.

    Parameters
    ----------
    obs_id : int
        Observation id.
    locations : mapping of str to tuple of HduLocation
        GADF's HDU_TYPE, lower case, to the HDUs of that type.
    """

    obs_id: int
    locations: Mapping[str, tuple[HduLocation, ...]]

    @property
    def files(self) -> tuple[Path, ...]:
        """The files of this run, each once."""
        files = (location.file for group in self.locations.values() for location in group)
        return tuple(dict.fromkeys(files))

    def _location(self, hdu_type: str) -> HduLocation | None:
        """Find the HDU of a type; None if the run has none, an error if it is of another class."""
        hdu_class = HDU_CLASSES[hdu_type]
        group = self.locations.get(hdu_type, ())
        for location in group:
            if location.hdu_class == hdu_class:
                return location
        for location in group:
            raise FileError(
                location.file,
                f"run {self.obs_id}: {hdu_type} of a class that is not read",
                hdu=location.hdu_name,
                found=location.hdu_class,
                allowed=hdu_class,
            )
        return None

    def _optional_table(self, hdu_type: str) -> FitsTable | None:
        location = self._location(hdu_type)
        return None if location is None else read_fits_table(location.file, location.hdu_name)

    def _table(self, hdu_type: str) -> FitsTable:
        table = self._optional_table(hdu_type)
        if table is None:  # the data store refuses such a run before
            raise FileError(self.files[0], f"run {self.obs_id} has no {hdu_type}")
        return table

    @cached_property
    def _events_table(self) -> FitsTable:
        return self._table("events")

    @property
    def header(self) -> fits.Header:
        """Header of the event list."""
        return self._events_table.header

    @cached_property
    def events(self) -> Events:
        """The event list, times on the clock of the good time intervals."""
        return events_from_table(self._events_table).relative_to(self.gti.reference)

    @cached_property
    def gti(self) -> GTI:
        """Good time intervals."""
        return gti_from_table(self._table("gti"))

    @cached_property
    def pointing(self) -> SkyCoord:
        """The fixed pointing direction (RA_PNT, DEC_PNT), ICRS.

        Raises
        ------
        FileError
            If the pointing was not fixed, is missing, or is given in a frame other than ICRS or FK5.
        """
        table = self._events_table
        if (mode := table.key_text("OBS_MODE").upper()) in _UNFIXED_POINTING:
            raise table.error("the pointing is not fixed on the sky (OBS_MODE)", found=mode)
        frame = table.key_text("RADESYS", table.key_text("RADECSYS", "ICRS")).upper()
        if frame not in _FRAMES:
            raise table.error("unknown frame RADESYS", found=frame, allowed=", ".join(_FRAMES))
        ra, dec = table.required_float("RA_PNT"), table.required_float("DEC_PNT")
        if not -90 <= dec <= 90:
            raise table.error("DEC_PNT is no declination", found=f"{dec:g} deg")
        return SkyCoord(ra, dec, unit="deg", frame="icrs")

    @cached_property
    def aeff(self) -> EffectiveArea:
        """Effective area."""
        return effective_area_from_table(self._table("aeff"))

    @cached_property
    def edisp(self) -> EnergyDispersion:
        """Energy dispersion."""
        return energy_dispersion_from_table(self._table("edisp"))

    @cached_property
    def psf(self) -> PSFTable | None:
        """Point-spread function; None if the run lists none."""
        table = self._optional_table("psf")
        return None if table is None else psf_from_table(table)

    @cached_property
    def bkg(self) -> Background | None:
        """Background model; None if the run lists none."""
        table = self._optional_table("bkg")
        return None if table is None else background_from_table(table)

    @cached_property
    def rad_max(self) -> RadMax | None:
        """Energy-dependent directional cut; None if the run lists none."""
        table = self._optional_table("rad_max")
        return None if table is None else rad_max_from_table(table)

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
        correction = self._events_table.required_float("DEADC")
        if not 0 < correction <= 1:
            raise self._events_table.error("DEADC is no fraction", found=correction, allowed="0 < DEADC <= 1")
        return 1 - correction

    @property
    def livetime(self) -> float:
        """Good time corrected for dead time, s: sum(stop - start) DEADC."""
        return self.ontime * (1 - self.dead_time_fraction)

    @property
    def target(self) -> str:
        """Name of the target (OBJECT); empty if not stated."""
        return self._events_table.key_text("OBJECT")
