"""The zero of mission times."""

from dataclasses import dataclass
from functools import cached_property

from bayes_onoff.fits_table import FitsTable
from bayes_onoff.units import SECONDS_PER_DAY

__all__ = ["TIME_SCALES", "TimeReference", "read_time_reference"]

TIME_SCALES = ("tt", "utc", "tai", "tdb", "tcb", "tcg")


@dataclass(frozen=True)
class TimeReference:
    """The instant from which mission elapsed time counts in seconds.

    Parameters
    ----------
    mjd_int : int
        Modified Julian date, whole days (MJDREFI).
    mjd_frac : float
        The rest of it, apart to keep its precision (MJDREFF).
    scale : str
        Time scale of that date, one of `TIME_SCALES` (TIMESYS).
    """

    mjd_int: int
    mjd_frac: float
    scale: str = "tt"

    @cached_property
    def mjd_tt(self) -> float:
        """The instant as a modified Julian date in terrestrial time."""
        if self.scale == "tt":
            return self.mjd_int + self.mjd_frac
        from astropy.time import Time

        return float(Time(self.mjd_int, self.mjd_frac, format="mjd", scale=self.scale).tt.mjd)

    def mjd_of(self, seconds: float) -> float:
        """Convert seconds since the reference to a modified Julian date in terrestrial time."""
        return float(self.mjd_tt + seconds / SECONDS_PER_DAY)

    def seconds_of(self, mjd_tt: float) -> float:
        """Convert a modified Julian date in terrestrial time to seconds since the reference."""
        return float((mjd_tt - self.mjd_tt) * SECONDS_PER_DAY)


def read_time_reference(table: FitsTable) -> TimeReference:
    """Read MJDREFI, MJDREFF and TIMESYS (by default terrestrial time) from a header.

    Raises
    ------
    FileError
        If the date is missing or the time system is unknown.
    """
    scale = table.time_scale(TIME_SCALES)
    days = table.required_float("MJDREFI")
    return TimeReference(int(days), days - int(days) + table.required_float("MJDREFF"), scale)
