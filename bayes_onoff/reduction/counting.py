"""Events counted in good time, regions and energy bins."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from regions import SkyRegion

from bayes_onoff.axes import EnergyAxis
from bayes_onoff.dl3 import GTI, Events, Observation
from bayes_onoff.reduction.reflected import Placement
from bayes_onoff.reduction.sphere import unit_vectors

__all__ = [
    "OnOffCounts",
    "count_by_region",
    "count_energies",
    "count_in_regions",
    "is_good_time",
    "name_bins",
    "select_good_time",
]

# Intervals written in whole seconds are cut or rounded: in H.E.S.S. DL3 DR1 events go on up to 0.72 s after the stop.
_WHOLE_SECOND = 1.0


@dataclass(frozen=True, eq=False, slots=True)
class OnOffCounts:
    """What was counted in one run, and where.

    Parameters
    ----------
    n_on, n_off : ndarray of int, shape (energy,)
        ON and OFF counts.
    acceptance : float
        Background acceptance of the ON counts.
    acceptance_off : float or ndarray, shape (energy,)
        Background acceptance of the OFF counts; 0 where there is no OFF measurement.
    n_off_by_region : ndarray of int, shape (off_region, energy), optional
        OFF counts region by region; none if the background is from other phases.
    off_regions : tuple of SkyRegion
        The OFF regions in the same order.
    rad_max : (float, float), optional
        Smallest and largest radius of an energy-dependent directional cut, deg.
    """

    n_on: NDArray[np.int64]
    n_off: NDArray[np.int64]
    acceptance: float
    acceptance_off: float | NDArray[np.float64]
    n_off_by_region: NDArray[np.int64] | None = None
    off_regions: tuple[SkyRegion, ...] = ()
    rad_max: tuple[float, float] | None = None

    @property
    def background(self) -> NDArray[np.float64]:
        """Background counts in the ON region if there were no signal, shape (energy,); 0 without OFF measurement.

        The rate that ON and OFF counts together make most probable: ``alpha (n_on + n_off) / (1 + alpha)``.
        """
        total = self.acceptance + np.asarray(self.acceptance_off)
        share = np.where(np.asarray(self.acceptance_off) > 0, self.acceptance / total, 0.0)
        return np.asarray(share * (self.n_on + self.n_off))


def count_in_regions(observation: Observation, placement: Placement, energy: EnergyAxis) -> OnOffCounts:
    """Count the events of good time in the ON region and in the OFF regions.

    The ON acceptance is 1, the OFF acceptance the number of OFF regions: all of them have the ON region's solid angle
    and distance from the pointing.
    """
    events = select_good_time(observation.events, observation.gti)
    points = unit_vectors(events.ra, events.dec)
    n_on = count_energies(events.energy[placement.in_on(points)], energy)
    by_region = count_by_region(events.energy, placement.in_off(points), energy)
    n_regions = float(len(by_region))
    return OnOffCounts(n_on, by_region.sum(axis=0), 1.0, n_regions, by_region, placement.off_regions)


def is_good_time(events: Events, gti: GTI) -> NDArray[np.bool_]:
    """Which events lie inside the good time intervals, shape (event,).

    Intervals that are all written in whole seconds are known to a second only, so events up to a second beside them
    count as inside.

    Parameters
    ----------
    events : Events
        Times on the clock of `gti`.
    gti : GTI
        Good time intervals.
    """
    if gti.in_whole_seconds:  # of a part of a run: in the file
        gti = replace(gti, start=gti.start - _WHOLE_SECOND, stop=gti.stop + _WHOLE_SECOND)
    return gti.contains(events.time)


def select_good_time(events: Events, gti: GTI) -> Events:
    """Select the events inside the good time intervals, as `is_good_time` finds them."""
    return events.select(is_good_time(events, gti))


def count_energies(energies: NDArray[np.float64], axis: EnergyAxis) -> NDArray[np.int64]:
    """Count energies (TeV) in half-open bins [low, high); what lies outside of the axis is dropped.

    Returns
    -------
    ndarray of int, shape (energy,)
    """
    index = np.searchsorted(axis.edges, energies, side="right") - 1
    inside = (index >= 0) & (index < axis.n_bins)
    return np.bincount(index[inside], minlength=axis.n_bins)


def count_by_region(
    energies: NDArray[np.float64], membership: NDArray[np.bool_], axis: EnergyAxis
) -> NDArray[np.int64]:
    """Count energies region by region; an event in several regions counts in the first one.

    Parameters
    ----------
    energies : ndarray, shape (event,)
        Reconstructed energies, TeV.
    membership : ndarray of bool, shape (region, event)
        Which events lie in which region.
    axis : EnergyAxis
        Reconstructed energy.

    Returns
    -------
    ndarray of int, shape (region, energy)
    """
    seen_before = np.logical_or.accumulate(membership, axis=0)[:-1]
    first = membership.copy()
    first[1:] &= ~seen_before
    return np.stack([count_energies(energies[mask], axis) for mask in first])


def name_bins(bins: NDArray[np.bool_], axis: EnergyAxis) -> str:
    """Name energy bins, shape (energy,), for people: neighbouring ones as one range."""
    changes = np.flatnonzero(np.diff(np.concatenate([[False], bins, [False]])))
    ranges = axis.edges[changes].reshape(-1, 2)
    return ", ".join(f"{low:.4g} to {high:.4g} TeV" for low, high in ranges)
