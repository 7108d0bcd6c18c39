"""Events counted in good time, regions and energy bins."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from bayes_onoff.axes import EnergyAxis
from bayes_onoff.dl3 import GTI, Events

__all__ = ["count_by_region", "count_energies", "select_good_time"]

# Intervals written in whole seconds are cut or rounded: in H.E.S.S. DL3 DR1 events go on up to 0.72 s after the stop.
_WHOLE_SECOND = 1.0


def select_good_time(events: Events, gti: GTI) -> Events:
    """Select the events inside the good time intervals.

    Intervals that are all written in whole seconds are known to a second only, so events up to a second beside them are
    kept.

    Parameters
    ----------
    events : Events
        Times on the clock of `gti`.
    gti : GTI
        Good time intervals.
    """
    bounds = np.concatenate([gti.start, gti.stop])
    if np.array_equal(bounds, np.round(bounds)):
        gti = replace(gti, start=gti.start - _WHOLE_SECOND, stop=gti.stop + _WHOLE_SECOND)
    return events.select(gti.contains(events.time))


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
