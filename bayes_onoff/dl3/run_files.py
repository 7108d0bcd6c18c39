"""The files of one run: every table is read when it is first asked for, and kept."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from bayes_onoff.dl3.background import Background, Background2D, background_2d_from_table, background_from_table
from bayes_onoff.dl3.effective_area import EffectiveArea, effective_area_from_table
from bayes_onoff.dl3.energy_dispersion import EnergyDispersion, energy_dispersion_from_table
from bayes_onoff.dl3.events import Events, events_from_table
from bayes_onoff.dl3.gti import GTI, gti_from_table
from bayes_onoff.dl3.pointing import Track, read_track, track_from_table
from bayes_onoff.dl3.psf import PSF, psf_from_table
from bayes_onoff.dl3.psf_parametric import psf_king_from_table, psf_triple_gauss_from_table
from bayes_onoff.dl3.rad_max import RadMax, rad_max_from_table
from bayes_onoff.errors import FileError
from bayes_onoff.fits_table import FitsTable, read_fits_table

__all__ = ["HDU_CLASSES", "HduLocation", "RunFiles"]

_DECODERS: dict[str, dict[str, Callable[[FitsTable], Any]]] = {
    "events": {"events": events_from_table},
    "gti": {"gti": gti_from_table},
    "aeff": {"aeff_2d": effective_area_from_table},
    "edisp": {"edisp_2d": energy_dispersion_from_table},
    "psf": {
        "psf_table": psf_from_table,
        "psf_3gauss": psf_triple_gauss_from_table,
        "psf_king": psf_king_from_table,
    },
    "bkg": {"bkg_3d": background_from_table, "bkg_2d": background_2d_from_table},
    "rad_max": {"rad_max_2d": rad_max_from_table},
    "pointing": {"pointing": track_from_table},
}

HDU_CLASSES = {kind: tuple(decoders) for kind, decoders in _DECODERS.items()}
"""The HDUs that are read and written: GADF's HDU_TYPE and the values of HDU_CLASS understood, the preferred first."""

_LONGITUDES_TO_THE_EAST = ("SASH FITS::EventListWriter", "0.2")
"""CREATOR and HDUVERS of files with such a BKG_3D."""


@dataclass(frozen=True)
class HduLocation:
    """Where one HDU of a run is, by the index of its store.

    Parameters
    ----------
    file : Path
        The file.
    hdu_name : str
        Name of the extension; empty if it is the only one of its class in the file.
    hdu_class : str
        GADF's HDU_CLASS, lower case, for example ``"psf_table"``.
    """

    file: Path
    hdu_name: str
    hdu_class: str

    def read(self) -> FitsTable:
        """Read the table.

        Raises
        ------
        FileError
            If the file is missing or damaged, or has no such table.
        """
        if self.hdu_name:
            return read_fits_table(self.file, self.hdu_name)
        return read_fits_table(self.file, hdu_class=(self.hdu_class.upper(),))


@dataclass(frozen=True, eq=False)
class RunFiles:
    """What is on disk of one run.

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
        """The files, each once."""
        files = (location.file for group in self.locations.values() for location in group)
        return tuple(dict.fromkeys(files))

    def _location(self, hdu_type: str) -> HduLocation | None:
        """Find the HDU of a type; None if the run has none, an error if it is of another class."""
        group = self.locations.get(hdu_type, ())
        for hdu_class in HDU_CLASSES[hdu_type]:
            for location in group:
                if location.hdu_class == hdu_class:
                    return location
        for location in group:
            raise FileError(
                location.file,
                f"run {self.obs_id}: {hdu_type} of a class that is not read",
                hdu=location.hdu_name or hdu_type,
                found=location.hdu_class,
                allowed=", ".join(HDU_CLASSES[hdu_type]),
            )
        return None

    def _optional(self, hdu_type: str) -> Any:
        location = self._location(hdu_type)
        if location is None:
            return None
        return _DECODERS[hdu_type][location.hdu_class](location.read())

    def _required_location(self, hdu_type: str) -> HduLocation:
        location = self._location(hdu_type)
        if location is None:  # the data store refuses such a run before
            raise FileError(self.files[0], f"run {self.obs_id} has no {hdu_type}")
        return location

    def _required(self, hdu_type: str) -> Any:
        location = self._required_location(hdu_type)
        return _DECODERS[hdu_type][location.hdu_class](location.read())

    @cached_property
    def events_table(self) -> FitsTable:
        """The table of events with its header."""
        return self._required_location("events").read()

    @cached_property
    def events(self) -> Events:
        """The event list, times on the clock of the good time intervals."""
        return events_from_table(self.events_table).relative_to(self.gti.reference)

    @cached_property
    def gti(self) -> GTI:
        """Good time intervals."""
        gti: GTI = self._required("gti")
        return gti

    @cached_property
    def track(self) -> Track:
        """Where the telescopes pointed."""
        return read_track(self.events_table, lambda: self._optional("pointing"))

    @cached_property
    def aeff(self) -> EffectiveArea:
        """Effective area."""
        aeff: EffectiveArea = self._required("aeff")
        return aeff

    @cached_property
    def edisp(self) -> EnergyDispersion:
        """Energy dispersion."""
        edisp: EnergyDispersion = self._required("edisp")
        return edisp

    @cached_property
    def psf(self) -> PSF | None:
        """Point-spread function; None if the run has none."""
        psf: PSF | None = self._optional("psf")
        return psf

    @cached_property
    def bkg(self) -> Background | Background2D | None:
        """Background model; None if the run has none.

        H.E.S.S. DR1 says RADEC, but its longitudes grow to the east, as its events tell (gammapy 2.1 does the same).
        """
        bkg: Background | Background2D | None = self._optional("bkg")
        origin = self.events_table.key_text("CREATOR"), self.events_table.key_text("HDUVERS")
        if isinstance(bkg, Background) and origin == _LONGITUDES_TO_THE_EAST:
            return replace(bkg, alignment="REVERSE_LON_RADEC")
        return bkg

    @cached_property
    def rad_max(self) -> RadMax | None:
        """Energy-dependent directional cut; None if the run has none."""
        rad_max: RadMax | None = self._optional("rad_max")
        return rad_max
