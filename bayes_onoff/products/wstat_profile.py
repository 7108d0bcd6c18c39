"""The profile likelihood of each parameter: WSTAT minimised over all others."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bayes_onoff.errors import InputError
from bayes_onoff.products.wstat_fit import WstatFit
from bayes_onoff.products.wstat_objective import WstatObjective
from bayes_onoff.spectra import Spectra

__all__ = ["WstatProfile", "profile_wstat"]

_STEP = 0.3
"""Between points of a profile, in standard errors; steps grow where the profile is flat."""
_DELTA_STAT_MAX = 12.0
_N_STEPS = 40
_RANGE = 12.0
"""Standard errors, beyond which a profile that stays below is not followed."""
_LOG_RANGE = 8.0
"""A positive parameter is followed this far (in ln) below its best value: it is as good as 0 there."""
_N_NEWTON = 30
_SAME_STAT = 1e-2
"""A fit of these spectra agrees this well with their total W at its values."""


@dataclass(frozen=True, eq=False, slots=True)
class WstatProfile:
    """The profile likelihood of one parameter.

    Parameters
    ----------
    name : str
    values : ndarray, shape (point,)
        Of the parameter, in its unit, increasing.
    delta_stat : ndarray, shape (point,)
        Total W, minimised over the other parameters, above its minimum.
    lower, upper : float
        Where `delta_stat` is 1: the interval of 68 % if the likelihood were normal. An end that is not reached is the
        parameter's limit 0, or else NaN.
    """

    name: str
    values: NDArray[np.float64]
    delta_stat: NDArray[np.float64]
    lower: float
    upper: float

    @property
    def likelihood(self) -> NDArray[np.float64]:
        """Profile likelihood relative to its maximum, exp(-delta_stat / 2), shape (point,)."""
        return np.exp(-self.delta_stat / 2)

    @property
    def reaches_limit(self) -> bool:
        """Whether the interval ends at the limit 0 of a parameter that cannot be negative."""
        return self.lower == 0.0


def profile_wstat(spectra: Spectra, fit: WstatFit) -> dict[str, WstatProfile]:
    """Scan every parameter around the fit, minimising W over the others.

    Parameters
    ----------
    spectra : Spectra
        Those that were fitted.
    fit : WstatFit
        Of `spectra`, successful.

    Returns
    -------
    dict of str to WstatProfile
        One a parameter, out to a `delta_stat` of 12, to the limit 0 or to 12 standard errors.

    Raises
    ------
    InputError
        If the fit found no minimum, or is not of these spectra.
    """
    if not fit.success:
        raise InputError("no profile around a fit that found no minimum", place="fit", found=fit.message)
    objective = WstatObjective(spectra, fit.model)
    best = objective.to_coordinates(np.array([fit.values[name] for name in objective.names]))
    stat = objective.total(best)
    if len(objective.n_on) != fit.n_bins or abs(stat - fit.stat) > _SAME_STAT:
        raise InputError(
            "the fit is not of these spectra",
            place="fit",
            found=f"{fit.n_bins} bins with a total W of {fit.stat:.2f}",
            allowed=f"{len(objective.n_on)} bins with {stat:.2f}",
        )
    hessian = objective.hessian(best)
    return {name: _profile(objective, best, hessian, index) for index, name in enumerate(objective.names)}


def _profile(
    objective: WstatObjective, best: NDArray[np.float64], hessian: NDArray[np.float64], index: int
) -> WstatProfile:
    down, up = (_scan(objective, best, hessian, index, direction) for direction in (-1, 1))
    points = [*reversed(down), (float(best[index]), 0.0), *up]
    coordinates, delta = (np.array(column) for column in zip(*points, strict=True))
    lower, upper = (_crossing(branch, float(best[index])) for branch in (down, up))
    positive = bool(objective.positive[index])
    if positive:
        # At the lower end of the scan the parameter is 0 for all that the data can tell.
        lower, upper = (0.0 if np.isnan(lower) else float(np.exp(lower))), float(np.exp(upper))
        coordinates = np.exp(coordinates)
    return WstatProfile(objective.names[index], coordinates, delta, lower, upper)


def _scan(
    objective: WstatObjective, best: NDArray[np.float64], hessian: NDArray[np.float64], index: int, direction: int
) -> list[tuple[float, float]]:
    """Points (coordinate, delta_stat) outwards from the minimum."""
    others = np.delete(np.arange(len(best)), index)
    ridge = -np.linalg.solve(hessian[np.ix_(others, others)], hessian[others, index])
    error = float(np.sqrt(2 * np.linalg.inv(hessian)[index, index]))
    towards_zero = bool(objective.positive[index]) and direction < 0
    furthest = _LOG_RANGE if towards_zero else _RANGE * error
    stat, point, points, step = objective.total(best), best.copy(), [(float(best[index]), 0.0)], _STEP * error
    for _ in range(_N_STEPS):
        point = point.copy()
        point[index] += direction * step
        point[others] += direction * step * ridge
        point, value = _minimise_others(objective, point, others)
        delta = max(value - stat, 0.0)
        if np.sqrt(delta) - np.sqrt(points[-1][1]) < _STEP / 2:
            step *= 1.5
        points.append((float(point[index]), delta))
        if delta > _DELTA_STAT_MAX or abs(point[index] - best[index]) > furthest:
            break
    return points[1:]


def _minimise_others(
    objective: WstatObjective, point: NDArray[np.float64], others: NDArray[np.int64]
) -> tuple[NDArray[np.float64], float]:
    """Minimise W over some coordinates by Newton steps, halved where they go uphill."""
    value = objective.total(point)
    if not len(others):
        return point, value
    for _ in range(_N_NEWTON):
        gradient = objective.gradient(point)[others]
        curvature, axes = np.linalg.eigh(objective.hessian(point)[np.ix_(others, others)])
        # Downhill also where the curvature is negative.
        move = -axes @ ((axes.T @ gradient) / np.maximum(np.abs(curvature), 1e-6))
        move = move / max(1.0, float(np.abs(move).max()))
        promised = -float(gradient @ move)
        if promised < 1e-5:
            break
        for _ in range(20):
            trial = point.copy()
            trial[others] += move
            trial_value = objective.total(trial)
            if trial_value < value:
                point, value = trial, trial_value
                break
            move = move / 2
        else:
            break
    return point, value


def _crossing(branch: list[tuple[float, float]], best: float) -> float:
    """Coordinate where delta_stat is 1, linear in its square root; NaN if it stays below."""
    coordinates, delta = (np.array(column) for column in zip((best, 0.0), *branch, strict=True))
    above = np.flatnonzero(delta >= 1)
    if not len(above):
        return float("nan")
    inside = slice(above[0] - 1, above[0] + 1)
    return float(np.interp(1.0, np.sqrt(delta[inside]), coordinates[inside]))
