"""Where the telescopes pointed during a run: fixed on the sky, fixed to the ground, or along a table of directions."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar

import astropy.units as u
import numpy as np
from astropy.coordinates import CartesianRepresentation, SkyCoord, UnitSphericalRepresentation
from numpy.typing import ArrayLike, NDArray

from bayes_onoff.dl3.time_reference import read_time_reference
from bayes_onoff.errors import InputError
from bayes_onoff.fits_table import FitsTable
from bayes_onoff.units import ANGLE, TIME

if TYPE_CHECKING:
    from astropy.coordinates import EarthLocation

__all__ = ["DriftTrack", "FixedTrack", "TableTrack", "Track", "read_track", "track_from_table"]

_FRAMES = ("ICRS", "FK5")  # they differ by 0.02 arcsec, far below any telescope's pointing accuracy
_MINUTE = 1 / 1440  # day
_DRIFT = "DRIFT"
_NEEDS_TABLE = ("SLEW", "SCAN")


class Track(ABC):
    """The pointing direction as a function of time."""

    @abstractmethod
    def at(self, mjd: ArrayLike) -> SkyCoord:
        """Directions, ICRS, at times (MJD in terrestrial time), of the same shape."""


@dataclass(frozen=True, eq=False)
class FixedTrack(Track):
    """A direction fixed on the sky.

    Parameters
    ----------
    direction : SkyCoord
        ICRS.
    """

    direction: SkyCoord

    def at(self, mjd: ArrayLike) -> SkyCoord:
        """Directions at times (MJD in terrestrial time): always the same."""
        if np.ndim(mjd) == 0:
            return self.direction
        ones = np.ones(np.shape(mjd))
        return SkyCoord(self.direction.ra * ones, self.direction.dec * ones, frame="icrs")


@dataclass(frozen=True, eq=False)
class DriftTrack(Track):
    """A direction fixed to the ground, past which the sky drifts.

    Parameters
    ----------
    altitude, azimuth : float
        deg, azimuth from north to east, without refraction.
    location : EarthLocation
        The observatory.
    """

    altitude: float
    azimuth: float
    location: "EarthLocation"

    def at(self, mjd: ArrayLike) -> SkyCoord:
        """Directions, ICRS, at times (MJD in terrestrial time).

        Uses the tables of the Earth's rotation that come with astropy, never the network. They end some months after
        its release; later, UT1 - UTC is taken as 0, which is wrong by less than 1 s (15 arcsec).
        """
        from astropy.coordinates import AltAz
        from astropy.time import Time

        with _installed_earth_rotation():
            frame = AltAz(obstime=Time(mjd, format="mjd", scale="tt"), location=self.location)
            altitude, azimuth = (np.full(np.shape(mjd), angle) for angle in (self.altitude, self.azimuth))
            sky = SkyCoord(alt=altitude, az=azimuth, unit="deg", frame=frame).icrs
        return SkyCoord(sky.ra, sky.dec, frame="icrs")


@dataclass(frozen=True, eq=False)
class TableTrack(Track):
    """Directions at given times, linear in between, constant up to a minute before the first and after the last.

    Parameters
    ----------
    mjd : ndarray, shape (n,)
        Increasing, MJD in terrestrial time.
    ra, dec : ndarray, shape (n,)
        ICRS, deg.
    """

    hdu_class: ClassVar[str] = "pointing"

    mjd: NDArray[np.float64]
    ra: NDArray[np.float64]
    dec: NDArray[np.float64]

    def at(self, mjd: ArrayLike) -> SkyCoord:
        """Directions, ICRS, at times (MJD in terrestrial time), interpolated as vectors: across RA 0 and the poles.

        Raises
        ------
        InputError
            If a time lies more than a minute outside the table.
        """
        times = np.asarray(mjd, dtype=float)
        first, last = self.mjd[0] - _MINUTE, self.mjd[-1] + _MINUTE
        if np.any((times < first) | (times > last)):
            raise InputError(
                "the table of pointing directions does not cover the good time",
                found=f"MJD {times.min():.6f} to {times.max():.6f}",
                allowed=f"MJD {first:.6f} to {last:.6f} (TT)",
            )
        vectors = SkyCoord(self.ra, self.dec, unit="deg").cartesian.xyz.value
        x, y, z = (np.interp(times, self.mjd, component) for component in vectors)
        point = CartesianRepresentation(x, y, z).represent_as(UnitSphericalRepresentation)
        return SkyCoord(point.lon, point.lat, frame="icrs")


@cache
def _installed_table() -> Any:
    from astropy.utils import iers

    return iers.IERS_A.open(iers.IERS_A_FILE)


@contextmanager
def _installed_earth_rotation() -> Iterator[None]:
    """Use the tables of the Earth's rotation that are installed, without complaint where they end."""
    import warnings

    from astropy.utils import iers

    with (
        warnings.catch_warnings(),
        iers.conf.set_temp("auto_download", False),
        iers.earth_orientation_table.set(_installed_table()),
    ):
        warnings.simplefilter("ignore")  # times beyond the tables, in whichever words
        yield


def track_from_table(table: FitsTable) -> TableTrack:
    """Decode a GADF POINTING table.

    Raises
    ------
    FileError
        If a column is missing, has a unit of the wrong kind, or is not finite, there is no row, the times do not
        increase, or the frame is neither ICRS nor FK5.
    """
    _check_frame(table)
    seconds = table.column("TIME", TIME, default=TIME)
    ra, dec = table.column("RA_PNT", ANGLE, default=ANGLE), table.column("DEC_PNT", ANGLE, default=ANGLE)
    if len(seconds) == 0 or np.any(np.diff(seconds) <= 0):
        raise table.error("the times of the pointing directions do not increase", found=f"{len(seconds)} rows")
    reference = read_time_reference(table)
    return TableTrack(np.asarray(reference.mjd_tt + seconds * TIME.to(u.day)), ra, dec)


def read_track(events: FitsTable, read_directions: Callable[[], TableTrack | None]) -> Track:
    """Tell how the telescopes pointed, from the header of the events or a table of directions.

    A run whose OBS_MODE is not DRIFT, SLEW or SCAN has the fixed direction RA_PNT, DEC_PNT; where these are missing,
    and for SLEW and SCAN, the table of directions. DRIFT has the table or, without one, ALT_PNT and AZ_PNT at the
    observatory.

    Parameters
    ----------
    events : FitsTable
        The events, for their header.
    read_directions : callable
        Reads the POINTING table; None if the run has none. Not called where it is not needed.

    Raises
    ------
    FileError
        If a key that the mode needs is missing or wrong, or the frame is neither ICRS nor FK5.
    """
    mode = events.key_text("OBS_MODE").upper()
    is_fixed = mode not in (_DRIFT, *_NEEDS_TABLE)
    if is_fixed and events.key_float("RA_PNT") is not None:
        return FixedTrack(_fixed_direction(events))
    directions = read_directions()
    if directions is not None:
        return directions
    if is_fixed:
        return FixedTrack(_fixed_direction(events))  # says what is missing
    if mode == _DRIFT:
        return _drift(events)
    raise events.error(
        "the pointing is not fixed and there is no table of directions",
        found=f"OBS_MODE {mode}",
        allowed="a POINTING table, or OBS_MODE POINTING or DRIFT",
    )


def _check_frame(table: FitsTable) -> None:
    frame = table.key_text("RADESYS", table.key_text("RADECSYS", "ICRS")).upper()
    if frame not in _FRAMES:
        raise table.error("unknown frame RADESYS", found=frame, allowed=", ".join(_FRAMES))


def _fixed_direction(events: FitsTable) -> SkyCoord:
    _check_frame(events)
    ra, dec = events.required_float("RA_PNT"), events.required_float("DEC_PNT")
    if not -90 <= dec <= 90:
        raise events.error("DEC_PNT is no declination", found=f"{dec:g} deg")
    return SkyCoord(ra, dec, unit="deg", frame="icrs")


def _drift(events: FitsTable) -> DriftTrack:
    from astropy.coordinates import EarthLocation

    altitude, azimuth = events.required_float("ALT_PNT"), events.required_float("AZ_PNT")
    if not 0 < altitude <= 90:
        raise events.error("ALT_PNT is no altitude", found=f"{altitude:g} deg", allowed="above 0, up to 90 deg")
    height = events.key_float("GEOALT")
    if height is None:
        height = events.required_float("ALTITUDE")
    longitude, latitude = events.required_float("GEOLON"), events.required_float("GEOLAT")
    if not -90 <= latitude <= 90:
        raise events.error("GEOLAT is no latitude", found=f"{latitude:g} deg")
    return DriftTrack(altitude, azimuth, EarthLocation.from_geodetic(longitude, latitude, height))
