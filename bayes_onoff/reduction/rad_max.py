"""ON and OFF counts inside an energy-dependent directional cut: RAD_MAX_2D of point-like responses.

The ON region is a point, the source; each event is kept if it lies within the radius of its own reconstructed energy.
OFF counts are taken in the same way about other positions at the same distance from the pointing.
"""

import warnings
from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from bayes_onoff.axes import EnergyAxis
from bayes_onoff.dl3 import Events, Observation, RadMax
from bayes_onoff.errors import ReductionError, ReductionWarning
from bayes_onoff.reduction.areas import Area
from bayes_onoff.reduction.checks import run_place
from bayes_onoff.reduction.counting import OnOffCounts, count_energies, name_bins, select_good_time
from bayes_onoff.reduction.phase import count_in_phases
from bayes_onoff.reduction.reflected import ExactPlacement
from bayes_onoff.reduction.settings import ReductionSettings
from bayes_onoff.reduction.shapes import Circle, Shape
from bayes_onoff.reduction.sphere import separation, unit_vector, unit_vectors

__all__ = ["bins_with_rad_max", "count_in_rad_max", "count_phases_in_rad_max", "in_rad_max", "largest_radii"]

# Edges that went through a single-precision file still count as the same energy.
_SAME_ENERGY = 1e-6


def in_rad_max(events: Events, center: NDArray[np.float64], rad_max: RadMax, offset: float) -> NDArray[np.bool_]:
    """Which events lie within the radius of their own energy about a position, shape (event,).

    Parameters
    ----------
    events : Events
        The events.
    center : ndarray, shape (3,)
        Unit vector of the position.
    rad_max : RadMax
        The radii; the nearest entry of the table holds.
    offset : float
        Distance of the position, not of the event, from the pointing, deg.
    """
    distance = np.rad2deg(separation(unit_vectors(events.ra, events.dec), center))
    return np.asarray(distance <= rad_max.evaluate(events.energy, offset))


def largest_radii(rad_max: RadMax, energy: EnergyAxis, offset: float) -> NDArray[np.float64]:
    """Largest radius that an event of each reconstructed bin can have, deg, shape (energy,).

    All bins of the table that touch the reconstructed bin count.
    """
    low, high = energy.edges[:-1] * (1 + _SAME_ENERGY), energy.edges[1:] * (1 - _SAME_ENERGY)
    nodes = rad_max.energy_axis.centers
    inside = (nodes > low[:, None]) & (nodes < high[:, None])
    within = np.where(inside, rad_max.evaluate(nodes, offset), 0.0).max(axis=1)
    at_edges = np.maximum(rad_max.evaluate(low, offset), rad_max.evaluate(high, offset))
    return np.asarray(np.maximum(within, at_edges))


def bins_with_rad_max(rad_max: RadMax, energy: EnergyAxis, place: str) -> NDArray[np.bool_]:
    """Which reconstructed bins lie completely inside the energies of the table, shape (energy,).

    Beyond them nobody knows the cut that the effective area was made with. A warning names the other bins.
    """
    edges = rad_max.energy_axis.edges
    inside = energy.edges[:-1] >= edges[0] * (1 - _SAME_ENERGY)
    inside &= energy.edges[1:] <= edges[-1] * (1 + _SAME_ENERGY)
    _warn_of_bins(~inside, energy, "RAD_MAX gives no radius for all energies of a bin", place)
    return np.asarray(inside)


def count_in_rad_max(
    observation: Observation,
    rad_max: RadMax,
    placement: ExactPlacement,
    exclusion: Sequence[Area],
    energy: EnergyAxis,
) -> OnOffCounts:
    """Count the events of good time within RAD_MAX about the source and about each OFF position.

    The ON acceptance is 1. The OFF acceptance of a bin is the number of OFF circles, of the largest radius in that bin,
    that touch no exclusion. It is 0 where ON and OFF circles or two OFF circles overlap, and where the table gives no
    radius; a warning names those bins.

    Parameters
    ----------
    observation : Observation
        The run.
    rad_max : RadMax
        Its radii.
    placement : ExactPlacement
        ON and OFF positions, all at the same distance from the pointing.
    exclusion : sequence of Area
        What no OFF circle may touch.
    energy : EnergyAxis
        Reconstructed energy.

    Raises
    ------
    ReductionError
        If no bin has an OFF circle.
    """
    place = run_place(observation)
    centers = np.stack([placement.on.center, *(point.center for point in placement.off)])
    offset = float(np.rad2deg(separation(centers[0], unit_vector(observation.pointing))))
    radii = largest_radii(rad_max, energy, offset)
    free = _free_of(exclusion, centers[1:], radii)
    defined = bins_with_rad_max(rad_max, energy, place)
    overlapping = _circles_overlap(centers, free, radii) & defined
    _warn_of_bins(overlapping, energy, "ON and OFF circles of RAD_MAX overlap", place)
    blocked = defined & ~free.any(axis=0)
    _warn_of_bins(blocked, energy, "every OFF circle of RAD_MAX touches an exclusion region", place)
    used = free & defined & ~overlapping
    if not used.any():
        raise ReductionError(
            "no energy bin has an OFF region",
            place=place,
            found=f"radii of {radii.min():.4g} to {radii.max():.4g} deg, {offset:.4g} deg from the pointing",
            allowed="fewer OFF regions, or smaller exclusion regions",
        )
    events = select_good_time(observation.events, observation.gti)
    n_on, *n_off = (count_energies(events.energy[in_rad_max(events, c, rad_max, offset)], energy) for c in centers)
    by_region = np.where(used, np.stack(n_off), 0)
    return OnOffCounts(
        n_on,
        by_region.sum(axis=0),
        1.0,
        used.sum(axis=0).astype(float),
        by_region,
        placement.off_regions,
        _bounds(radii[used.any(axis=0)]),
    )


def count_phases_in_rad_max(
    observation: Observation, rad_max: RadMax, on: Shape, energy: EnergyAxis, settings: ReductionSettings
) -> OnOffCounts:
    """Count the events of good time within RAD_MAX about the source by phase.

    The OFF acceptance is 0 where the table gives no radius; a warning names those bins.

    Raises
    ------
    ReductionError
        If the table gives no radius for any bin.
    FileError
        If the event list has no column of phases.
    """
    place = run_place(observation)
    offset = float(np.rad2deg(separation(on.center, unit_vector(observation.pointing))))
    defined = bins_with_rad_max(rad_max, energy, place)
    if not defined.any():
        raise ReductionError(
            "RAD_MAX gives no radius for any energy bin",
            place=place,
            found=f"bins from {energy.edges[0]:.4g} to {energy.edges[-1]:.4g} TeV",
        )
    in_on = in_rad_max(observation.events, on.center, rad_max, offset)
    counts = count_in_phases(observation, in_on, energy, settings)
    return replace(
        counts,
        n_off=np.where(defined, counts.n_off, 0),
        acceptance_off=np.where(defined, counts.acceptance_off, 0.0),
        rad_max=_bounds(largest_radii(rad_max, energy, offset)[defined]),
    )


def _free_of(exclusion: Sequence[Area], centers: NDArray[np.float64], radii: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which circles touch no exclusion, shape (off_region, energy)."""
    free = np.ones((len(centers), len(radii)), dtype=bool)
    for radius in np.unique(radii):
        for i, center in enumerate(centers):
            circle = Circle(center, float(np.deg2rad(radius)))
            free[i, radii == radius] = not any(circle.overlaps(area) for area in exclusion)
    return free


def _circles_overlap(
    centers: NDArray[np.float64], free: NDArray[np.bool_], radii: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """In which bins two circles among ON and the free OFF positions overlap, shape (energy,)."""
    there = np.concatenate([np.ones((1, len(radii)), dtype=bool), free])
    overlap = np.zeros(len(radii), dtype=bool)
    for i, j in combinations(range(len(centers)), 2):
        apart = float(np.rad2deg(separation(centers[i], centers[j])))
        overlap |= there[i] & there[j] & (apart < 2 * radii)
    return overlap


def _warn_of_bins(bins: NDArray[np.bool_], energy: EnergyAxis, reason: str, place: str) -> None:
    if bins.any():
        text = f"{place}: {reason}; left out: {name_bins(bins, energy)}"
        warnings.warn(text, ReductionWarning, stacklevel=2)


def _bounds(radii: NDArray[np.float64]) -> tuple[float, float]:
    return float(radii.min()), float(radii.max())
