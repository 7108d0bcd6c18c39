"""Which runs of a data store to take, by what its observation index says about them."""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import astropy.units as u
import numpy as np
from astropy.coordinates import SkyCoord
from astropy.table import Table
from numpy.typing import NDArray

from bayes_onoff.dl3.data_store import DataStore
from bayes_onoff.dl3.time_reference import TIME_SCALES, TimeReference
from bayes_onoff.errors import FileError, InputError, ReductionWarning
from bayes_onoff.units import ANGLE, TIME, to_array

__all__ = ["Selection", "select_runs"]

_SHOWN = 10


@dataclass(frozen=True, eq=False)
class Selection:
    """Criteria that a run meets all of; what is None is no criterion.

    Parameters
    ----------
    ids : tuple of int, optional
        Observation ids; the order is kept.
    cone : (SkyCoord, float), optional
        Centre and radius (deg), within which the pointing lies.
    time : (float or None, float or None), optional
        Start and stop, MJD in terrestrial time, between which the whole run lies; None is open.
    target : tuple of str, optional
        Names (OBJECT), one of which is the run's; upper and lower case are the same.
    zenith : (float, float), optional
        Lowest and highest zenith angle of the pointing, deg.
    quality : (str, tuple), optional
        A column of the observation index and its allowed values, numbers or text.

    Raises
    ------
    InputError
        If a criterion can never be met.
    """

    ids: tuple[int, ...] | None = None
    cone: tuple[SkyCoord, float] | None = None
    time: tuple[float | None, float | None] | None = None
    target: tuple[str, ...] | None = None
    zenith: tuple[float, float] | None = None
    quality: tuple[str, tuple[int | float | str, ...]] | None = None

    def __post_init__(self) -> None:
        """Refuse criteria that are upside down or empty."""
        if self.cone is not None and not 0 < self.cone[1] <= 180:
            raise InputError(
                "not the radius of a cone", place="cone", found=f"{self.cone[1]:g} deg", allowed="0 to 180 deg"
            )
        for name, limits in (("time", self.time), ("zenith", self.zenith)):
            if limits is not None and None not in limits and not limits[0] < limits[1]:  # type: ignore[operator]
                raise InputError("the range is upside down or empty", place=name, found=f"{limits[0]} to {limits[1]}")
        for name, values in (("ids", self.ids), ("target", self.target), ("quality", self.quality and self.quality[1])):
            if values is not None and len(values) == 0:
                raise InputError("nothing is asked for", place=name, allowed="at least one value")


def select_runs(store: DataStore, selection: Selection) -> tuple[int, ...]:
    """Select runs of a store.

    Parameters
    ----------
    store : DataStore
        Where to look.
    selection : Selection
        What to look for.

    Returns
    -------
    tuple of int
        Ids of the runs that meet all criteria: in the order of `selection.ids`, or else in the order of the index,
        only those whose files exist; a `ReductionWarning` tells which are left out. (A run that is named but absent is
        refused when it is opened.)

    Raises
    ------
    FileError
        If a run that is named is not listed, or the index has no column that a criterion needs.
    InputError
        If no run is left.
    """
    rows = _named_rows(store, selection.ids)
    for name, criterion in _CRITERIA.items():
        wanted = getattr(selection, name)
        if wanted is None:
            continue
        mask, seen = criterion(_Rows(store, store.obs_table[rows]), wanted)
        if not mask.any():
            raise InputError(
                f"no run is left: `{name}` suits none of the {len(rows)} runs that are left before it",
                place=str(store.path),
                found=seen,
            )
        rows = rows[mask]
    chosen = tuple(store.obs_ids[row] for row in rows)
    if selection.ids is not None:
        return chosen
    present = tuple(obs_id for obs_id in chosen if store.is_present(obs_id))
    if not present:
        raise InputError(
            f"no run is left: the files of the {len(chosen)} runs selected are absent or incomplete",
            place=str(store.path),
            found=_shortened(chosen),
        )
    if absent := [obs_id for obs_id in chosen if obs_id not in set(present)]:
        warnings.warn(
            f"{len(absent)} of {len(chosen)} selected runs are left out, their files are absent or incomplete: "
            f"{_shortened(absent)}",
            ReductionWarning,
            stacklevel=2,
        )
    return present


def _named_rows(store: DataStore, ids: Sequence[int] | None) -> NDArray[np.intp]:
    if ids is None:
        return np.arange(len(store.obs_ids))
    for obs_id in ids:
        if obs_id not in store.obs_ids:
            store.observation(obs_id)  # says what is listed
    return np.array([store.obs_ids.index(obs_id) for obs_id in ids], dtype=np.intp)


def _shortened(values: Sequence[object]) -> str:
    shown = ", ".join(map(str, values[:_SHOWN]))
    return shown if len(values) <= _SHOWN else f"{shown}, ... ({len(values)})"


def _plain(value: object) -> str:
    """Make values comparable that differ in case, blanks or kind of number."""
    return " ".join(str(value).split()).casefold()


@dataclass(frozen=True, eq=False)
class _Rows:
    """Some rows of the observation index."""

    store: DataStore
    table: Table

    def has(self, name: str) -> bool:
        return name in self.table.colnames

    def error(self, problem: str, found: str) -> FileError:
        index = self.store.index_files[:1] or (self.store.path,)
        return FileError(index[0], problem, found=found)

    def values(self, name: str) -> list[Any]:
        """Values of a column as Python objects."""
        if not self.has(name):
            raise self.error(f"the observation index has no column {name}", ", ".join(self.table.colnames))
        return list(np.asarray(self.table[name]).tolist())

    def numbers(self, name: str, unit: u.UnitBase) -> NDArray[np.float64]:
        """Values of a column in a unit, which is also that of a column without."""
        values = np.asarray(self.values(name))
        if values.dtype.kind not in "fiu":
            raise self.error(f"column {name} of the observation index does not hold numbers", str(values.dtype))
        numbers = to_array(u.Quantity(values.astype(float), self.table[name].unit or unit), unit, name)
        if not np.all(np.isfinite(numbers)):
            runs = np.asarray(self.table["OBS_ID"])[~np.isfinite(numbers)].tolist()
            raise self.error(f"the {name} of some runs is not known", f"runs {_shortened(runs)}")
        return numbers

    def times(self, name: str) -> NDArray[np.float64]:
        """TSTART or TSTOP as MJD (TT); if there is none, from the date and time (UTC) of the same."""
        meta = self.table.meta
        if self.has(name) and "MJDREFI" in meta:
            scale = str(meta.get("TIMESYS", "TT")).strip().lower()
            if scale not in TIME_SCALES:
                raise self.error("unknown time system TIMESYS", scale)
            reference = TimeReference(int(meta["MJDREFI"]), float(meta.get("MJDREFF", 0)), scale)
            return np.asarray(reference.mjd_tt + self.numbers(name, TIME) * TIME.to(u.day))
        suffix = {"TSTART": "OBS", "TSTOP": "END"}[name]
        date = next((f"DATE{sign}{suffix}" for sign in "-_" if self.has(f"DATE{sign}{suffix}")), None)
        if date is None:
            raise self.error(
                f"the observation index has neither {name} with MJDREFI nor DATE-{suffix}",
                ", ".join(self.table.colnames),
            )
        texts = [str(text).strip() for text in self.values(date)]
        if self.has(clock := date.replace("DATE", "TIME")):
            hours = [str(text).strip() for text in self.values(clock)]
            texts = [day if "T" in day else f"{day}T{hour}" for day, hour in zip(texts, hours, strict=True)]
        return self._parsed(texts, date)

    def _parsed(self, texts: list[str], column: str) -> NDArray[np.float64]:
        from astropy.time import Time

        try:
            return np.asarray(Time(texts, format="isot", scale="utc").tt.mjd)
        except ValueError as error:
            raise self.error(f"column {column} of the observation index holds no dates", _shortened(texts)) from error


def _by_target(rows: _Rows, names: tuple[str, ...]) -> tuple[NDArray[np.bool_], str]:
    wanted = {_plain(name) for name in names}
    targets = rows.values("OBJECT")
    mask = np.array([_plain(target) in wanted for target in targets], dtype=bool)
    return mask, f"targets {_shortened(list(dict.fromkeys(str(target).strip() for target in targets)))}"


def _by_cone(rows: _Rows, cone: tuple[SkyCoord, float]) -> tuple[NDArray[np.bool_], str]:
    center, radius = cone
    pointings = SkyCoord(rows.numbers("RA_PNT", ANGLE), rows.numbers("DEC_PNT", ANGLE), unit="deg", frame="icrs")
    distance = pointings.separation(center).deg
    return distance <= radius, f"pointings {distance.min():.2f} to {distance.max():.2f} deg from the centre of the cone"


def _by_time(rows: _Rows, limits: tuple[float | None, float | None]) -> tuple[NDArray[np.bool_], str]:
    start, stop = rows.times("TSTART"), rows.times("TSTOP")
    first, last = limits
    mask = (start >= (-np.inf if first is None else first)) & (stop <= (np.inf if last is None else last))
    return mask, f"runs from MJD {start.min():.5f} to {stop.max():.5f} (TT)"


def _by_zenith(rows: _Rows, limits: tuple[float, float]) -> tuple[NDArray[np.bool_], str]:
    is_given = rows.has("ZEN_PNT") or not rows.has("ALT_PNT")
    zenith = rows.numbers("ZEN_PNT", ANGLE) if is_given else 90 - rows.numbers("ALT_PNT", ANGLE)
    mask = (zenith >= limits[0]) & (zenith <= limits[1])
    return mask, f"zenith angles {zenith.min():.1f} to {zenith.max():.1f} deg"


def _by_quality(rows: _Rows, wanted: tuple[str, tuple[int | float | str, ...]]) -> tuple[NDArray[np.bool_], str]:
    name, allowed = wanted
    accepted = {_plain(value) for value in allowed} | {value for value in allowed if not isinstance(value, str)}
    values = rows.values(name.upper())
    mask = np.array([value in accepted or _plain(value) in accepted for value in values], dtype=bool)
    return mask, f"{name} {_shortened(sorted(set(values)))}"


_CRITERIA: dict[str, Callable[[_Rows, Any], tuple[NDArray[np.bool_], str]]] = {
    "target": _by_target,
    "cone": _by_cone,
    "time": _by_time,
    "zenith": _by_zenith,
    "quality": _by_quality,
}
