"""Spectra of nights and of fixed bins in time: runs cut where a bin ends, and what falls into one bin stacked.

This is done before any inference: every piece of a run has the counts and the livetime of its own good time, and its
own response.
"""

import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import groupby
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from regions import SkyRegion

from bayes_onoff.axes import EnergyAxis
from bayes_onoff.dl3 import Observation
from bayes_onoff.errors import ConfigError, InputError, ReductionWarning
from bayes_onoff.reduction.checks import run_place
from bayes_onoff.reduction.exclusion_mask import ExclusionMask
from bayes_onoff.reduction.reduce import reduce_observations
from bayes_onoff.reduction.results import Reduction, RunGeometry
from bayes_onoff.reduction.settings import ReductionSettings
from bayes_onoff.spectra import Spectra, SpectrumOnOff, stack, with_fit_range
from bayes_onoff.units import SECONDS_PER_DAY

__all__ = ["TimeGroup", "TimeGrouping", "group_in_time", "reduce_in_time", "split_in_time", "stack_groups"]

_SHORTEST_BIN = 1.0  # s; the names of bins tell their start to a second
_TOUCHING = 1e-3 / SECONDS_PER_DAY  # d; good time that reaches this far into the next bin does so by rounding
_FIRST_DAY = date(1858, 11, 17)
"""MJD 0."""
_KEY = "observations.grouping"
_DEFAULTS = ReductionSettings()


@dataclass(frozen=True, slots=True)
class TimeGrouping:
    """Which times make a spectrum.

    Parameters
    ----------
    by : {"run", "night", "bins"}
        A spectrum a run; a spectrum a night, which begins at mean local noon at the observatory (GEOLON of the event
        list; noon of universal time where that is not stated), to about a minute; or a spectrum a bin in time.
    width : float, optional
        Width of the bins, s; the first begins with the first good time of all runs.
    edges : tuple of float, optional
        Edges of the bins, MJD in TT, increasing.

    Raises
    ------
    ConfigError
        If `by` is unknown, bins are described not at all or twice, or they are upside down or too short.
    """

    by: Literal["run", "night", "bins"] = "run"
    width: float | None = None
    edges: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        if self.by not in ("run", "night", "bins"):
            raise ConfigError("no such grouping", place=_KEY, found=self.by, allowed="run, night or bins")
        described = (self.width is not None) + (self.edges is not None)
        if described != (self.by == "bins"):
            raise ConfigError(
                "bins in time need one description, anything else none",
                place=_KEY,
                found=f"{self.by} with {described}",
                allowed="bins with either `width` or `edges`; run or night alone",
            )
        if self.width is not None and not _SHORTEST_BIN <= self.width < np.inf:
            raise ConfigError(
                "no width of a bin", place=f"{_KEY}.width", found=f"{self.width:g} s", allowed="at least 1 s"
            )
        if self.edges is not None:
            seconds = np.diff(self.edges) * SECONDS_PER_DAY
            # An MJD in double precision is good to a microsecond.
            if not len(seconds) or not np.all(seconds >= _SHORTEST_BIN - 1e-5):
                raise ConfigError(
                    "the edges are not increasing, or are too near to each other",
                    place=f"{_KEY}.edges",
                    found=", ".join(f"{edge:.6f}" for edge in self.edges),
                    allowed="two or more, at least 1 s apart",
                )


@dataclass(frozen=True, eq=False, slots=True)
class TimeGroup:
    """What makes one spectrum.

    Parameters
    ----------
    name : str
        Its name.
    pieces : tuple of Observation
        Runs or parts of runs.
    """

    name: str
    pieces: tuple[Observation, ...]


def split_in_time(observations: Sequence[Observation], edges_mjd: Sequence[float]) -> tuple[Observation, ...]:
    """Cut runs at given times.

    Parameters
    ----------
    observations : sequence of Observation
        The runs.
    edges_mjd : sequence of float
        Where to cut, and where to begin and to end: MJD in TT, increasing. Good time before the first or after the last
        one is left out, with a warning for each run that has some.

    Returns
    -------
    tuple of Observation
        The pieces that have good time, run by run. A run that lies between two edges is given back as it is; pieces of
        a run that was cut are named after it: ``23523-1``, ``23523-2``, ...
    """
    return tuple(piece for observation in observations for _, piece in _pieces(observation, np.asarray(edges_mjd)))


def _pieces(observation: Observation, edges: NDArray[np.floating]) -> list[tuple[int, Observation]]:
    """Cut one run; the bin of each piece, and the piece."""
    gti = observation.gti.mjd
    low, high = edges[:-1, None], edges[1:, None]
    good = np.clip(np.minimum(gti[:, 1], high) - np.maximum(gti[:, 0], low), 0, None).sum(axis=1)
    lost = (gti[:, 1] - gti[:, 0]).sum() - good.sum()
    if lost > _TOUCHING:
        text = (
            f"{run_place(observation)}: {lost * SECONDS_PER_DAY:.0f} s of its good time lie outside the bins in time "
            f"and are left out"
        )
        warnings.warn(text, ReductionWarning, stacklevel=4)
    filled = np.flatnonzero(good > _TOUCHING)
    if len(filled) == 1 and lost <= _TOUCHING:
        return [(int(filled[0]), observation)]
    return [
        (int(i), observation.select_time(edges[i], edges[i + 1], name=f"{observation.name}-{k}"))
        for k, i in enumerate(filled, start=1)
    ]


def _evenings(observation: Observation) -> NDArray[np.int64]:
    """Dates (MJD) of the nights that a run touches, and the one after; a night begins at mean local noon of its date.

    The minute between terrestrial and universal time is neglected.
    """
    gti = observation.gti.mjd + (_longitude(observation) / 360 - 0.5)
    return np.arange(np.floor(gti.min()), np.ceil(gti.max()) + 1, dtype=np.int64)


def _longitude(observation: Observation) -> float:
    """East longitude of the observatory, deg; 0 where the event list does not state it."""
    longitude = observation.header.get("GEOLON")
    return float(longitude) if isinstance(longitude, int | float) and np.isfinite(longitude) else 0.0


def _nights(observations: Sequence[Observation]) -> Iterator[tuple[str, Observation]]:
    """Each piece with the name of its night."""
    for observation in observations:
        evenings = _evenings(observation)
        for i, piece in _pieces(observation, evenings + 0.5 - _longitude(observation) / 360):
            yield f"night-{_FIRST_DAY + timedelta(days=int(evenings[i]))}", piece


def _bin_edges(grouping: TimeGrouping, observation: Observation, zero: float) -> NDArray[np.float64]:
    """Tell the edges of the bins that a run touches."""
    if grouping.edges is not None:
        return np.array(grouping.edges)
    width = (grouping.width or 0) / SECONDS_PER_DAY
    gti = observation.gti.mjd
    first, last = np.floor((gti.min() - zero) / width), np.ceil((gti.max() - zero) / width)
    return np.asarray(zero + np.arange(first, max(last, first + 1) + 1) * width)


def _bins(observations: Sequence[Observation], grouping: TimeGrouping) -> Iterator[tuple[str, Observation]]:
    """Each piece with the name of its bin, after the start of the bin."""
    zero = min(observation.gti.mjd.min() for observation in observations)
    for observation in observations:
        edges = _bin_edges(grouping, observation, zero)
        for i, piece in _pieces(observation, edges):
            yield "mjd-" + f"{edges[i]:.5f}".rstrip("0").rstrip("."), piece


def group_in_time(observations: Sequence[Observation], grouping: TimeGrouping) -> tuple[TimeGroup, ...]:
    """Cut runs where bins in time end, and gather what belongs to one bin.

    Parameters
    ----------
    observations : sequence of Observation
        The runs.
    grouping : TimeGrouping
        Which times make a group.

    Returns
    -------
    tuple of TimeGroup
        Groups with good time; runs in the order given, nights and bins in that of their times. Nights are named after
        the date of the evening, ``night-2004-12-04``; a bin with one run or a piece of one after that, ``23523-1``,
        any other after its start, ``mjd-53343.92``.

    Raises
    ------
    InputError
        If there is no observation, or no good time in any bin.

    Warns
    -----
    ReductionWarning
        If good time lies outside all bins.
    """
    if not observations:
        raise InputError("no run", place="observations", allowed="at least one run")
    if grouping.by == "run":
        return tuple(TimeGroup(observation.name, (observation,)) for observation in observations)
    named = _nights(observations) if grouping.by == "night" else _bins(observations, grouping)
    pieces = sorted(named, key=lambda entry: (entry[1].gti.mjd.min(), entry[0]))
    groups = [
        TimeGroup(name, tuple(piece for _, piece in members))
        for name, members in groupby(pieces, lambda entry: entry[0])
    ]
    if not groups:
        first = min(observation.gti.mjd.min() for observation in observations)
        last = max(observation.gti.mjd.max() for observation in observations)
        raise InputError(
            "no good time in any bin",
            place=f"{_KEY}.edges",
            allowed=f"bins that touch MJD {first:.6f} to {last:.6f} (TT)",
        )
    if grouping.by == "bins":
        groups = [TimeGroup(g.pieces[0].name, g.pieces) if len(g.pieces) == 1 else g for g in groups]
    return tuple(groups)


def stack_groups(reduction: Reduction, groups: Mapping[str, Sequence[str]]) -> Reduction:
    """Stack the spectra of each group.

    Parameters
    ----------
    reduction : Reduction
        Runs, or pieces of runs.
    groups : mapping of str to sequence of str
        The name of a group, and the names of its members. Members that the reduction left out do not count.

    Returns
    -------
    Reduction
        One spectrum a group; the regions stay those of the members. A group of one is that spectrum as it is.

    Raises
    ------
    InputError
        If no member of a group has a valid bin.
    """
    present = set(reduction.spectra.names)
    members = {name: [member for member in names if member in present] for name, names in groups.items()}
    return Reduction(
        Spectra(tuple(_stacked(reduction.spectra, name, names) for name, names in members.items() if names)),
        reduction.geometries,
    )


def _stacked(spectra: Spectra, name: str, members: Sequence[str]) -> SpectrumOnOff:
    runs = tuple(spectra[member] for member in members)
    return runs[0].replace(name=name) if len(runs) == 1 else stack(Spectra(runs), name)


def _geometries_of_runs(geometries: Sequence[RunGeometry], pieces: Sequence[Observation]) -> tuple[RunGeometry, ...]:
    """Keep one of the pieces of a run that were counted in the same regions, named after the run."""
    run_of = {piece.name: str(piece.obs_id) for piece in pieces}
    alike: dict[tuple[str, str], list[RunGeometry]] = {}
    for geometry in geometries:
        alike.setdefault((run_of[geometry.name], str(geometry.pointing)), []).append(geometry)
    whole = Counter(run for run, _ in alike)
    return tuple(
        replace(members[0], name=run) if whole[run] == 1 else members[0] for (run, _), members in alike.items()
    )


def reduce_in_time(
    observations: Sequence[Observation],
    on_region: SkyRegion,
    grouping: TimeGrouping,
    *,
    energy: EnergyAxis,
    energy_true: EnergyAxis,
    exclusion: Sequence[SkyRegion | ExclusionMask] = (),
    settings: ReductionSettings = _DEFAULTS,
    fit_range: tuple[float, float] | None = None,
    on_progress: Callable[[str], None] | None = None,
) -> Reduction:
    """Reduce runs to one spectrum a run, a night or a bin in time.

    Parameters
    ----------
    observations, on_region, energy, energy_true, exclusion, settings, fit_range, on_progress
        As for `bayes_onoff.reduction.reduce_observations`.
    grouping : TimeGrouping
        Which times make a spectrum.

    Returns
    -------
    Reduction
        Spectra named as in `group_in_time`; the regions are those of the runs.

    Raises
    ------
    InputError
        As for `group_in_time`, `stack_groups` and `bayes_onoff.reduction.reduce_observations`.
    """
    groups = group_in_time(observations, grouping)
    pieces = [piece for group in groups for piece in group.pieces]
    reduction = reduce_observations(
        pieces,
        on_region,
        energy=energy,
        energy_true=energy_true,
        exclusion=exclusion,
        settings=settings,
        on_progress=on_progress,
    )
    if grouping.by != "run":
        reduction = stack_groups(reduction, {g.name: [piece.name for piece in g.pieces] for g in groups})
        reduction = Reduction(reduction.spectra, _geometries_of_runs(reduction.geometries, pieces))
    if fit_range is not None:
        reduction = Reduction(with_fit_range(reduction.spectra, *fit_range), reduction.geometries)
    return reduction
