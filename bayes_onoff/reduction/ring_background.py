"""Background density in rings about the pointing, as a picture of the sky needs it."""

from collections.abc import Callable, Sequence

import numpy as np
from astropy.coordinates import Angle
from numpy.typing import NDArray
from regions import CircleSkyRegion, PointSkyRegion, SkyRegion

from bayes_onoff.dl3 import Observation
from bayes_onoff.errors import ConfigError
from bayes_onoff.reduction.event_selection import select_events
from bayes_onoff.reduction.exclusion_mask import ExclusionMask, excluded_area
from bayes_onoff.reduction.sphere import north_of, separation, unit_vector, unit_vectors

__all__ = ["ring_background"]

_LEAST_FREE = 0.1
_N_RADII, _N_ANGLES = 5, 360

Contains = Callable[[NDArray[np.float64]], NDArray[np.bool_]]


def ring_background(
    observation: Observation,
    points: NDArray[np.float64],
    on_region: SkyRegion,
    exclusion: Sequence[SkyRegion | ExclusionMask],
    energy_range: tuple[float, float] | None,
    ring_width: float,
) -> NDArray[np.float64]:
    """Background of one run per solid angle, from the free part of the ring about the pointing.

    Parameters
    ----------
    observation : Observation
        The run.
    points : ndarray, shape (..., 3)
        Where, unit vectors.
    on_region, exclusion : SkyRegion, sequence of SkyRegion or ExclusionMask
        What is not background.
    energy_range : (float, float) or None
        Lowest energy and first one above the range, TeV; None for all.
    ring_width : float
        rad.

    Returns
    -------
    ndarray, shape (...)
        Events per sr; not a number where too little of the ring is free, or no event at all lies in the free part.
    """
    blocked = [_contains_on(observation, on_region)]
    blocked += [_contains(region, f"exclusion[{i}]") for i, region in enumerate(exclusion)]

    def is_free(positions: NDArray[np.float64]) -> NDArray[np.bool_]:
        return ~np.any([contains(positions) for contains in blocked], axis=0)

    pivot = unit_vector(observation.pointing)
    distance = separation(points, pivot)
    n_rings = int(distance.max() / ring_width) + 1

    def count(energies: tuple[float, float] | None) -> NDArray[np.int64]:
        events = select_events(observation, energies)
        directions = unit_vectors(events.ra, events.dec)
        distances = separation(directions[is_free(directions)], pivot)
        return np.bincount((distances / ring_width).astype(int), minlength=n_rings)[:n_rings]

    edges = np.linspace(0, n_rings * ring_width, n_rings + 1)
    fraction = _free_fraction(edges, pivot, is_free)
    solid_angle = -2 * np.pi * np.diff(np.cos(edges)) * fraction
    is_known = (fraction >= _LEAST_FREE) & (count(None) > 0)
    density = np.full(n_rings, np.nan)
    np.divide(count(energy_range), solid_angle, out=density, where=is_known)
    return np.asarray(density[(distance / ring_width).astype(int)])


def _contains_on(observation: Observation, on_region: SkyRegion) -> Contains:
    if isinstance(on_region, PointSkyRegion):
        if observation.rad_max is None:
            raise ConfigError(
                "a point has no area to keep out of the background",
                place="on_region.shape",
                found="point",
                allowed="a region with an area, or runs with RAD_MAX",
            )
        on_region = CircleSkyRegion(on_region.center, Angle(observation.rad_max.values.max(), unit="deg"))
    return _contains(on_region, "on_region")


def _contains(region: SkyRegion | ExclusionMask, place: str) -> Contains:
    return excluded_area(region, place).contains


def _free_fraction(edges: NDArray[np.float64], pivot: NDArray[np.float64], is_free: Contains) -> NDArray[np.float64]:
    """Fraction of each ring that is free, by positions spread evenly over it, shape (ring,)."""
    cos = np.cos(edges)
    middle = (np.arange(_N_RADII) + 0.5) / _N_RADII
    cos = (cos[:-1, None] + np.diff(cos)[:, None] * middle)[..., None, None]
    angle = 2 * np.pi * (np.arange(_N_ANGLES) + 0.5) / _N_ANGLES
    first = north_of(pivot, np.array([0.0, 0.0, 1.0]))
    second = np.cross(pivot, first)
    direction = np.cos(angle)[:, None] * first + np.sin(angle)[:, None] * second
    points = cos * pivot + np.sqrt(1 - cos**2) * direction
    return np.asarray(is_free(points).mean(axis=(1, 2)))
