"""OFF counts that the background response of a run expects, for their shape in energy."""

import warnings
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bayes_onoff.axes import EnergyAxis
from bayes_onoff.dl3 import Background, Background2D, Observation
from bayes_onoff.errors import ReductionError, ReductionWarning
from bayes_onoff.reduction.checks import run_place
from bayes_onoff.reduction.counting import OnOffCounts, name_bins
from bayes_onoff.reduction.shapes import Point, Shape, area_points, shape_of, solid_angle
from bayes_onoff.reduction.sphere import TangentFrame, cap_solid_angle, separation, unit_vector

__all__ = ["continued", "expected_off_counts", "integrate_in_bins"]

_KEY = "background.shape_from"
_N_STEPS = 5  # in a bin; a power law in each
_N_POINTS = 1000  # in all OFF regions together
_N_POINTS_A_REGION = 200
_N_OFFSETS, _N_ANGLES = 16, 32
_LEAST_SHARE = 1e-6
"""Of the largest energy times rate: below it there is a bin of the response without events, and no information."""


def expected_off_counts(
    observation: Observation,
    counts: OnOffCounts,
    on: Shape,
    energy: EnergyAxis,
    is_used: NDArray[np.bool_],
) -> NDArray[np.float64]:
    """Compute the OFF counts that the background response expects in the good time.

    ``acceptance_off ontime`` times the rate averaged over the OFF regions, times the ON region's solid angle (at every
    energy that of its RAD_MAX circle where that depends on the energy), integrated over each bin. With phases, the rate
    is that in the ON region. The time is not corrected for dead time: the rate of GADF is per second of good time
    (gammapy 2.1 does the same).

    Parameters
    ----------
    observation : Observation
        The run.
    counts : OnOffCounts
        What was counted in it: OFF regions and acceptances.
    on : Shape
        The ON region.
    energy : EnergyAxis
        Reconstructed energy.
    is_used : ndarray of bool, shape (energy,)
        Bins that are analysed: where the response expects nothing in these, its curve is continued, with a warning.

    Returns
    -------
    ndarray, shape (energy,)
        Positive in the bins that are used and have an OFF acceptance.

    Raises
    ------
    ReductionError
        If the run has no background response, or one that expects nothing at these energies.

    Warns
    -----
    ReductionWarning
        If the curve is continued, or averaged over directions because it is fixed to altitude and azimuth.
    """
    response, place = observation.bkg, run_place(observation)
    if response is None:
        raise ReductionError(
            f"{_KEY}: irf needs a background response",
            place=place,
            found="no BKG_2D or BKG_3D",
            allowed=f"runs that have one, or no {_KEY}",
        )
    nodes, rate = _rates(observation, response, counts, on, energy)
    per_acceptance = integrate_in_bins(nodes, rate, energy.n_bins) * observation.ontime
    acceptance_off = np.broadcast_to(counts.acceptance_off, energy.n_bins)
    known = _bins_with_information(nodes, rate, energy.n_bins)
    if not known.any():
        raise ReductionError(
            f"{_KEY}: irf, but the background response expects nothing at these energies",
            place=place,
            found=f"bins from {energy.edges[0]:.4g} to {energy.edges[-1]:.4g} TeV",
            allowed=f"a response that covers them, or no {_KEY}",
        )
    missing = is_used & (acceptance_off > 0) & ~known
    if missing.any():
        text = (
            f"{place}: the background response expects nothing in a part of {name_bins(missing, energy)}; there its "
            f"curve is continued log-linearly"
        )
        warnings.warn(text, ReductionWarning, stacklevel=3)
        per_acceptance = np.where(missing, continued(energy, per_acceptance, known), per_acceptance)
    return np.asarray(per_acceptance * acceptance_off)


def _rates(
    observation: Observation, response: Background | Background2D, counts: OnOffCounts, on: Shape, energy: EnergyAxis
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Energies, TeV, several steps a bin, and the rate in one region of the ON region's size, s-1 TeV-1."""
    regions = [shape_of(region, "off_region") for region in counts.off_regions] or [on]
    lon, lat = _field_of_view(response, _points(regions), observation)
    log_edges = np.log(energy.edges)
    steps = np.arange(_N_STEPS) / _N_STEPS
    nodes = np.exp(np.append((log_edges[:-1, None] + np.diff(log_edges)[:, None] * steps).ravel(), log_edges[-1]))
    nodes[[0, -1]] = energy.edges[[0, -1]]  # an edge of the response must not be missed by rounding
    rate = response.evaluate(nodes[:, None], lon, lat).mean(axis=1) * _solid_angles(observation, on, nodes)
    return nodes, np.asarray(rate)


def _bins_with_information(nodes: NDArray[np.float64], rate: NDArray[np.float64], n_bins: int) -> NDArray[np.bool_]:
    """Which bins have a rate at all their nodes, shape (energy,)."""
    per_log_energy = nodes * rate
    enough = per_log_energy > _LEAST_SHARE * per_log_energy.max()
    return np.asarray((enough[:-1] & enough[1:]).reshape(n_bins, -1).all(axis=1))


def integrate_in_bins(nodes: NDArray[np.float64], rate: NDArray[np.float64], n_bins: int) -> NDArray[np.float64]:
    """Integrate a rate that is a power law between each two nodes; a step with a rate of 0 at one end counts as 0.

    With more than one step a bin this is the logarithmic trapezoidal rule of gammapy made finer.

    Parameters
    ----------
    nodes : ndarray, shape (n_bins * steps + 1,)
        Energies, the same number of steps in every bin.
    rate : ndarray, shape (n_bins * steps + 1,)
        Per energy.

    Returns
    -------
    ndarray, shape (n_bins,)
    """
    total = nodes * rate
    low, high = total[:-1], total[1:]
    positive = (low > 0) & (high > 0)
    ratio = np.log(np.where(positive, high, 1) / np.where(positive, low, 1))
    # The mean of exp between two logarithms that differ by `ratio`.
    mean = np.where(np.abs(ratio) > 1e-9, np.expm1(ratio) / np.where(ratio == 0, 1, ratio), 1 + ratio / 2)
    pieces = np.where(positive, low * mean * np.diff(np.log(nodes)), 0.0)
    return np.asarray(pieces.reshape(n_bins, -1).sum(axis=1))


def continued(energy: EnergyAxis, counts: NDArray[np.float64], known: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Continue counts from the bins where they are known: log-linear in ln(energy) between and beyond them.

    Parameters
    ----------
    energy : EnergyAxis
        The bins.
    counts : ndarray, shape (energy,)
        Positive where known.
    known : ndarray of bool, shape (energy,)
        At least one; a single one is continued as the same counts per ln(energy).
    """
    x, width = np.log(energy.centers), np.diff(np.log(energy.edges))
    x_known, log_density = x[known], np.log(counts[known] / width[known])
    log_curve = np.interp(x, x_known, log_density)
    if len(x_known) > 1:
        slope = np.diff(log_density) / np.diff(x_known)
        log_curve += np.where(x < x_known[0], slope[0] * (x - x_known[0]), 0)
        log_curve += np.where(x > x_known[-1], slope[-1] * (x - x_known[-1]), 0)
    return np.asarray(np.where(known, counts, width * np.exp(log_curve)))


def _points(regions: Sequence[Shape]) -> NDArray[np.float64]:
    """Positions (point, 3) spread over the areas of all regions; of points, the points."""
    n_points = int(np.clip(_N_POINTS // len(regions), 16, _N_POINTS_A_REGION))
    return np.concatenate(
        [shape.center[None] if isinstance(shape, Point) else area_points(shape, n_points) for shape in regions]
    )


def _field_of_view(
    response: Background | Background2D, points: NDArray[np.float64], observation: Observation
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Longitudes and latitudes in the field of view, deg; longitudes grow to the west, as in gammapy 2.1.

    Of a response fixed to altitude and azimuth: all directions at the offsets of the points.
    """
    frame = TangentFrame.at(observation.pointing)
    if isinstance(response, Background) and response.alignment == "ALTAZ":
        text = (
            f"{run_place(observation)}: the background response is fixed to altitude and azimuth; it is averaged "
            f"over all directions at the offsets of the OFF regions"
        )
        warnings.warn(text, ReductionWarning, stacklevel=4)
        offsets = np.sort(separation(points, frame.center))
        middles = np.array([group.mean() for group in np.array_split(offsets, min(_N_OFFSETS, len(offsets)))])
        angle = 2 * np.pi * np.arange(_N_ANGLES) / _N_ANGLES
        across, up = np.sin(middles[:, None]) * np.sin(angle), np.sin(middles[:, None]) * np.cos(angle)
        along = np.broadcast_to(np.cos(middles[:, None]), up.shape)
        along, across, up = along.ravel(), across.ravel(), up.ravel()
    else:
        along, across, up = points @ frame.center, points @ frame.x_axis, points @ frame.y_axis
    lon, lat = np.rad2deg(np.arctan2(across, along)), np.rad2deg(np.arcsin(np.clip(up, -1, 1)))
    is_reversed = isinstance(response, Background) and response.alignment == "REVERSE_LON_RADEC"
    return (-lon if is_reversed else lon), lat


def _solid_angles(observation: Observation, on: Shape, energies: NDArray[np.float64]) -> NDArray[np.float64]:
    """Solid angle of the region in which events of each energy are counted, sr."""
    if not isinstance(on, Point):
        return np.full(len(energies), solid_angle(on))
    rad_max = observation.rad_max
    assert rad_max is not None  # otherwise the point has become a circle
    offset = float(np.rad2deg(separation(on.center, unit_vector(observation.pointing))))
    return cap_solid_angle(np.deg2rad(rad_max.evaluate(energies, offset)))
