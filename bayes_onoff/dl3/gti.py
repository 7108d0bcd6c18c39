"""Good time intervals."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import ClassVar

import astropy.units as u
import numpy as np
from numpy.typing import ArrayLike, NDArray

from bayes_onoff.dl3.time_reference import TimeReference, read_time_reference
from bayes_onoff.fits_table import FitsTable
from bayes_onoff.units import TIME

__all__ = ["GTI", "gti_from_table"]

_TOUCHING = 1e-3  # s; intervals that touch may overlap by rounding


@dataclass(frozen=True, eq=False)
class GTI:
    """Good time intervals of one run.

    Parameters
    ----------
    start, stop : ndarray, shape (interval,)
        Seconds since `reference`.
    reference : TimeReference
        Zero of the times.
    whole : GTI, optional
        The intervals that these are a part of.
    """

    hdu_class: ClassVar[str] = "gti"

    start: NDArray[np.float64]
    stop: NDArray[np.float64]
    reference: TimeReference
    whole: "GTI | None" = field(default=None, repr=False)

    def __len__(self) -> int:
        return len(self.start)

    @property
    def time_sum(self) -> float:
        """Total time, s."""
        return float(np.sum(self.stop - self.start))

    @property
    def mjd(self) -> NDArray[np.float64]:
        """Start and stop as modified Julian dates in terrestrial time, shape (interval, 2)."""
        seconds = np.stack([self.start, self.stop], axis=1)
        return np.asarray(self.reference.mjd_tt + seconds * TIME.to(u.day))

    @property
    def mid_mjd(self) -> float:
        """Middle between the first start and the last stop, modified Julian date in terrestrial time."""
        middle = (float(self.start.min()) + float(self.stop.max())) / 2
        return self.reference.mjd_of(middle)

    @cached_property
    def in_whole_seconds(self) -> bool:
        """Whether all bounds (those of `whole`, for a part) are whole seconds, so that they are known to a second."""
        if self.whole is not None:
            return self.whole.in_whole_seconds
        bounds = np.concatenate([self.start, self.stop])
        return bool(np.array_equal(bounds, np.round(bounds)))

    def within(self, start: float, stop: float) -> "GTI":
        """Keep the part of the intervals between two times, s since `reference`; there may be none."""
        low, high = np.maximum(self.start, start), np.minimum(self.stop, stop)
        left = high > low
        return GTI(low[left], high[left], self.reference, self.whole or self)

    def contains(self, time: ArrayLike) -> NDArray[np.bool_]:
        """Whether times (s since `reference`) lie in an interval; intervals are half open, start included."""
        t = np.asarray(time, dtype=float)[..., None]
        return np.asarray(np.any((t >= self.start) & (t < self.stop), axis=-1))


def gti_from_table(table: FitsTable) -> GTI:
    """Decode a GADF GTI table.

    Raises
    ------
    FileError
        If there is no interval, one stops before it starts, or two overlap (their time would count twice).
    """
    start, stop = table.column("START", TIME), table.column("STOP", TIME)
    for a, b in zip(start, stop, strict=True):
        if b <= a:
            raise table.error(
                "a good time interval stops before it starts, or at once", found=f"start {a:.3f} s, stop {b:.3f} s"
            )
    if len(start) == 0:
        raise table.error("no good time", found="0 intervals", allowed="at least one interval")
    order = np.argsort(start)
    if np.any(start[order][1:] < stop[order][:-1] - _TOUCHING):
        raise table.error("good time intervals overlap")
    return GTI(start, stop, read_time_reference(table))
