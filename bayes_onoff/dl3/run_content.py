"""What a run file holds, as values in memory."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from astropy.coordinates import SkyCoord

from bayes_onoff.dl3.background import Background, Background2D
from bayes_onoff.dl3.effective_area import EffectiveArea
from bayes_onoff.dl3.energy_dispersion import EnergyDispersion
from bayes_onoff.dl3.events import Events
from bayes_onoff.dl3.gti import GTI
from bayes_onoff.dl3.observation import Observation
from bayes_onoff.dl3.pointing import FixedTrack
from bayes_onoff.dl3.psf import PSF
from bayes_onoff.dl3.rad_max import RadMax
from bayes_onoff.errors import InputError

__all__ = ["WRITTEN_PIECES", "HeaderValues", "RunContent"]

WRITTEN_PIECES = ("events", "gti", "aeff", "edisp", "psf", "bkg", "rad_max")
"""Of a run, by the names of HDU_TYPE in GADF."""

type HeaderValues = Mapping[str, str | int | float | bool]

_CARRIED_KEYS = (
    *("ORIGIN", "TELESCOP", "INSTRUME", "CREATOR", "EV_CLASS", "N_TELS", "TELLIST", "MUONEFF"),
    *("RA_OBJ", "DEC_OBJ", "ALT_PNT", "AZ_PNT", "GEOLON", "GEOLAT", "ALTITUDE"),
    *("DATE-OBS", "TIME-OBS", "DATE-END", "TIME-END"),
)


@dataclass(frozen=True, eq=False)
class RunContent:
    """Everything that is written about one run.

    Parameters
    ----------
    obs_id : int
        Observation id.
    events : Events
        Times count from the same zero as those of `gti`.
    gti : GTI
        Good time intervals.
    pointing : SkyCoord
        Fixed pointing direction.
    dead_time_fraction : float
        Fraction of the good time lost.
    aeff, edisp, psf, bkg, rad_max
        Responses; the last three are optional.
    target : str
        Name of the target.
    header : mapping
        More keys for the header of EVENTS, for example ``TELESCOP``.
    """

    obs_id: int
    events: Events
    gti: GTI
    pointing: SkyCoord
    dead_time_fraction: float
    aeff: EffectiveArea
    edisp: EnergyDispersion
    psf: PSF | None = None
    bkg: Background | Background2D | None = None
    rad_max: RadMax | None = None
    target: str = ""
    header: HeaderValues = field(default_factory=dict)

    @classmethod
    def from_observation(cls, observation: Observation) -> Self:
        """Take over everything from a run that was read.

        Raises
        ------
        InputError
            If the pointing was not fixed on the sky.
        """
        o = observation
        if not isinstance(o.run_files.track, FixedTrack):
            raise InputError("only a run with a fixed pointing can be written", place=f"run {o.name}")
        stated = {key: o.run_files.events_table.key_value(key) for key in _CARRIED_KEYS}
        header = {key: value for key, value in stated.items() if value is not None}
        return cls(
            o.obs_id,
            o.events,
            o.gti,
            o.pointing,
            o.dead_time_fraction,
            o.aeff,
            o.edisp,
            psf=o.psf,
            bkg=o.bkg,
            rad_max=o.rad_max,
            target=o.target,
            header=header,
        )
