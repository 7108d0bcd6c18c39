"""Events against their squared distance from a position, and from its reflections about the pointing."""

from collections.abc import Sequence

import numpy as np
from astropy.coordinates import SkyCoord
from astropy.table import QTable
from numpy.typing import ArrayLike, NDArray
from regions import SkyRegion

from bayes_onoff.columns import described
from bayes_onoff.dl3 import Observation
from bayes_onoff.errors import InputError, ReductionError
from bayes_onoff.reduction.checks import run_place
from bayes_onoff.reduction.event_selection import check_selection, select_events
from bayes_onoff.reduction.exclusion_mask import ExclusionMask, excluded_area
from bayes_onoff.reduction.reflected import place_exactly
from bayes_onoff.reduction.settings import ReductionSettings
from bayes_onoff.reduction.shapes import Area, Circle
from bayes_onoff.reduction.sphere import separation, unit_vector, unit_vectors
from bayes_onoff.spectra import li_ma_significance
from bayes_onoff.spectra.stacking import mean_alpha
from bayes_onoff.units import ANGLE

__all__ = ["theta_squared_table"]

_DEFAULT_EDGES = np.linspace(0, 0.1, 21)
_DESCRIPTIONS = {
    "theta2_min": "lowest squared distance from the position",
    "theta2_max": "first squared distance above the bin",
    "n_on": "events around the position",
    "n_off": "events around its reflections, all together",
    "alpha": "one over the number of reflections, averaged over runs: sum(alpha n_off) / sum(n_off)",
    "excess": "n_on - alpha n_off",
    "excess_error": "square root of n_on + sum(alpha^2 n_off)",
    "significance": "of the excess, Li & Ma (1983) equation 17",
}


def theta_squared_table(
    observations: Sequence[Observation],
    position: SkyCoord,
    *,
    edges: ArrayLike | None = None,
    energy_range: tuple[float, float] | None = None,
    exclusion: Sequence[SkyRegion | ExclusionMask] = (),
) -> QTable:
    """Count events in bins of the squared distance from a position, and the background at its reflections.

    Each run's position is turned about its pointing as often as circles up to the last edge find room without touching
    each other, that around the position, or an exclusion region: where background is expected to be the same.

    Parameters
    ----------
    observations : sequence of Observation
        The runs; events inside their good time intervals count.
    position : SkyCoord
        Where the source is.
    edges : array-like, shape (bin + 1,), optional
        Squared distances, deg2; twenty bins up to 0.1 deg2 by default.
    energy_range : (float, float), optional
        Reconstructed energies to count, TeV, the upper one excluded; all by default.
    exclusion : sequence of SkyRegion or ExclusionMask
        Regions no reflected circle may touch.

    Returns
    -------
    QTable
        One row a bin: ``theta2_min``, ``theta2_max`` (deg2), ``n_on``, ``n_off``, ``alpha``, ``excess``,
        ``excess_error``, ``significance``. Its ``meta`` holds ``position`` (ICRS), ``runs`` and ``n_off_regions``, the
        number of reflections of each run.

    Raises
    ------
    InputError
        If there is no run, the edges do not increase from 0 or more, or the energy range is none.
    ReductionError
        If the circle of a run overlaps the pointing, or has no room for a reflection.
    """
    check_selection(observations, energy_range)
    bounds = _checked_edges(_DEFAULT_EDGES if edges is None else edges)
    excluded = tuple(excluded_area(region, f"exclusion[{i}]") for i, region in enumerate(exclusion))
    circle = Circle(unit_vector(position), float(np.deg2rad(np.sqrt(bounds[-1]))))
    runs = [_count_run(observation, circle, excluded, bounds, energy_range) for observation in observations]
    n_on, n_off, n_reflections = (np.array(values) for values in zip(*runs, strict=True))
    livetimes = np.array([observation.livetime for observation in observations])
    table = _tabulate(bounds, n_on, n_off, 1 / n_reflections, livetimes)
    table.meta = {
        "position": position.icrs.to_string("decimal", precision=6),
        "runs": [observation.name for observation in observations],
        "n_off_regions": n_reflections.tolist(),
    }
    return table


def _checked_edges(edges: ArrayLike) -> NDArray[np.float64]:
    bounds = np.asarray(edges, dtype=float)
    if bounds.ndim != 1 or len(bounds) < 2 or not (bounds[0] >= 0 and np.all(np.diff(bounds) > 0)):
        raise InputError(
            "these squared distances are no bins",
            place="edges",
            found=bounds.tolist(),
            allowed="at least two, 0 or more, strictly increasing",
        )
    return bounds


def _count_run(
    observation: Observation,
    circle: Circle,
    exclusion: Sequence[Area],
    bounds: NDArray[np.float64],
    energy_range: tuple[float, float] | None,
) -> tuple[NDArray[np.int64], NDArray[np.int64], int]:
    """Count around the centre of the circle and around its reflections, each (bin,), and these reflections."""
    place = run_place(observation)
    distance = float(np.rad2deg(separation(circle.center, unit_vector(observation.pointing))))
    if distance <= np.rad2deg(circle.radius):
        raise ReductionError(
            "the position is too close to the pointing to be reflected",
            place=place,
            found=f"squared distances up to {np.rad2deg(circle.radius) ** 2:.4g} deg2",
            allowed=f"below {distance**2:.4g} deg2, the squared distance from the pointing",
        )
    off = place_exactly(circle, observation.pointing, exclusion, ReductionSettings(), place).off
    events = select_events(observation, energy_range)
    points = unit_vectors(events.ra, events.dec)
    n_on, *n_off = (_count(points, shape.center, bounds) for shape in (circle, *off))
    return n_on, np.sum(n_off, axis=0), len(off)


def _count(points: NDArray[np.float64], center: NDArray[np.float64], bounds: NDArray[np.float64]) -> NDArray[np.int64]:
    """Positions (n, 3) in each half-open bin of squared distance from the centre (3,), shape (bin,)."""
    theta2 = np.rad2deg(separation(points, center)) ** 2
    counts, _ = np.histogram(theta2[theta2 < bounds[-1]], bins=bounds)
    return np.asarray(counts)


def _tabulate(
    bounds: NDArray[np.float64],
    n_on: NDArray[np.int64],
    n_off: NDArray[np.int64],
    alpha: NDArray[np.float64],
    livetimes: NDArray[np.float64],
) -> QTable:
    """Sum over runs; counts of shape (run, bin), the rest (run,)."""
    ratio = np.array([mean_alpha(alpha, off, livetimes) for off in n_off.T])
    on, off = n_on.sum(axis=0), n_off.sum(axis=0)
    columns = {
        "theta2_min": bounds[:-1] * ANGLE**2,
        "theta2_max": bounds[1:] * ANGLE**2,
        "n_on": on,
        "n_off": off,
        "alpha": ratio,
        "excess": on - ratio * off,
        "excess_error": np.sqrt(on + alpha**2 @ n_off),
        "significance": li_ma_significance(on, off, ratio),
    }
    return described(QTable(columns), _DESCRIPTIONS)
