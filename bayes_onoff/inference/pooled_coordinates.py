"""Coordinates in which the pooled posterior is close to independent standard normals, whatever the two scales are.

Sampled are `coefficient_raw`, `slope_raw`, `level_raw` and `deviation_raw`. Each is its parameter, less the mean and
over the standard deviation that a Gaussian approximation gives it *conditional on the scales and on the parameters
before it*: coefficients, then slope, levels, deviations. The approximation is built on the OFF counts; it decides on
coordinates alone. The prior of every parameter enters exactly, carried through the map (docs/statistical-model.md).

Conditional on the scales, because a fixed partial centring fits one value of a scale only: where few counts leave it
free to move by a factor of ten, the posterior in fixed coordinates is a funnel.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bayes_onoff.inference.fit_data import FitData
from bayes_onoff.inference.pooled import (
    DEVIATION_SCALE_PRIOR,
    N_BASIS,
    SHAPE_SCALE_PRIOR,
    STATED_PRIORS,
    BackgroundPriors,
    background_design,
    inner,
    log_mean_rate,
)
from bayes_onoff.inference.settings import BackgroundModel

__all__ = [
    "Conditional",
    "PooledGeometry",
    "background_parameters",
    "pooled_geometry",
]

_LEAST_INFORMATION = 1e-8
_N_NEWTON = 50


class Conditional(NamedTuple):
    """A parameter given the scales and the parameters before it, NumPy or PyTensor: approximation, and its prior."""

    mean: Any
    sd: Any
    prior_mean: Any
    prior_sd: Any

    def parameter(self, raw: Any) -> Any:
        """From the sampled coordinate to the parameter."""
        return self.mean + self.sd * raw

    def raw(self, parameter: Any) -> Any:
        """From the parameter to the sampled coordinate."""
        return (parameter - self.mean) / self.sd

    def prior_of_raw(self) -> tuple[Any, Any]:
        """Mean and standard deviation of the sampled coordinate under the parameter's prior."""
        return (self.prior_mean - self.mean) / self.sd, self.prior_sd / self.sd


@dataclass(frozen=True, eq=False, slots=True)
class PooledGeometry:
    """Basis of the smooth shape, and the Gaussian approximation (arrays that enter the model as data).

    Near the fit of the OFF counts, the likelihood of ln b in each bin is that of a normal measurement: of
    ``log_mean_at_fit + residual / information`` with precision `information`.
    """

    offset: NDArray[np.float64]  # (run, energy): -ln alpha, plus the shape of the background response if asked for
    log_energy: NDArray[np.float64]  # (energy,)
    spline: NDArray[np.float64]  # (energy, basis): rotated
    log_mean_at_fit: NDArray[np.float64]  # (run, energy)
    information: NDArray[np.float64]  # (run, energy): expected counts; 0 where masked
    residual: NDArray[np.float64]  # (run, energy)
    coefficient_design: NDArray[np.float64]  # (basis, run, energy): squared effect on ln b, slope and levels following
    coefficient_prior: NDArray[np.float64]  # (basis,): precision from the priors of slope and levels following
    coefficient_estimate: NDArray[np.float64]  # (basis,)
    slope_design: NDArray[np.float64]  # (run, energy): squared effect on ln b, levels following
    slope_prior: NDArray[np.float64]  # (): precision from its prior and those of the levels following
    slope_center: NDArray[np.float64]  # ()
    slope_shear: NDArray[np.float64]  # (basis,)
    level_center: NDArray[np.float64]  # (run,)
    level_slope_shear: NDArray[np.float64]  # (run,)
    level_shear: NDArray[np.float64]  # (run, basis)
    slope_prior_mean: NDArray[np.float64]  # ()
    slope_prior_sd: NDArray[np.float64]  # ()
    level_prior_mean: NDArray[np.float64]  # (run,)
    level_prior_sd: NDArray[np.float64]  # (run,)
    rotation: NDArray[np.float64]  # (basis, basis): from the coefficients here to those of `pooled.background_design`

    def arrays(self) -> dict[str, NDArray[np.float64]]:
        """All arrays that the model needs, by name."""
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name != "rotation"}


def _weights(deviation_scale: Any, geometry: Mapping[str, Any]) -> Any:
    """Precision of ln(mean rate) in each bin, its deviation integrated out, (..., run, energy)."""
    information = geometry["information"]
    return information / (1 + information * deviation_scale[..., None, None] ** 2)


def _coefficient_conditional(shape_scale: Any, deviation_scale: Any, geometry: Mapping[str, Any]) -> Conditional:
    """Approximate the spline coefficients given the scales, (..., basis)."""
    weights = _weights(deviation_scale, geometry)
    information = inner(weights[..., None, :, :], geometry["coefficient_design"]).sum(axis=-1)
    information = information + geometry["coefficient_prior"]
    prior_sd = shape_scale[..., None]
    precision = information + prior_sd**-2
    return Conditional(information * geometry["coefficient_estimate"] / precision, precision**-0.5, 0.0, prior_sd)


def _slope_conditional(coefficient: Any, deviation_scale: Any, geometry: Mapping[str, Any]) -> Conditional:
    """Approximate the slope given the coefficients (..., basis) and the scale, (...)."""
    information = inner(_weights(deviation_scale, geometry), geometry["slope_design"]).sum(axis=-1)
    mean = geometry["slope_center"] - inner(coefficient, geometry["slope_shear"])
    sd = (information + geometry["slope_prior"]) ** -0.5
    return Conditional(mean, sd, geometry["slope_prior_mean"], geometry["slope_prior_sd"])


def _level_conditional(coefficient: Any, slope: Any, deviation_scale: Any, geometry: Mapping[str, Any]) -> Conditional:
    """Approximate the levels given coefficients (..., basis), slope (...) and the scale, (..., run)."""
    information = _weights(deviation_scale, geometry).sum(axis=-1)
    following = slope[..., None] * geometry["level_slope_shear"]
    following = following + inner(coefficient[..., None, :], geometry["level_shear"])
    mean, prior_sd = geometry["level_center"] - following, geometry["level_prior_sd"]
    return Conditional(mean, (information + prior_sd**-2) ** -0.5, geometry["level_prior_mean"], prior_sd)


def _deviation_conditional(log_mean: Any, deviation_scale: Any, geometry: Mapping[str, Any]) -> Conditional:
    """Approximate ``d - deviation_scale**2 / 2`` given ln(mean rate) (..., run, energy) and the scale."""
    information = geometry["information"]
    prior_sd = deviation_scale[..., None, None]
    precision = information + prior_sd**-2
    pull = geometry["residual"] - information * (log_mean - geometry["log_mean_at_fit"]) - 0.5
    return Conditional(pull / precision, precision**-0.5, -(prior_sd**2) / 2, prior_sd)


def background_parameters(
    shape_scale: Any,
    deviation_scale: Any,
    geometry: Mapping[str, Any],
    coordinate: Callable[[str, Conditional], Any],
    *,
    marginal: bool,
) -> dict[str, Any]:
    """Walk from the sampled coordinates to the parameters they stand for, each given those before it.

    Parameters
    ----------
    shape_scale, deviation_scale : array, shape (...)
        NumPy or PyTensor, as everything here.
    geometry : mapping
        As from `PooledGeometry.arrays`.
    coordinate : callable
        Gives the sampled coordinate by its name (`coefficient_raw` and so on) and its parameter's `Conditional`.
    marginal : bool
        Without deviations: they are integrated out.

    Returns
    -------
    dict
        `coefficient` (..., basis), in the basis of `geometry`; `slope` (...); `level` (..., run); `log_mean`
        (..., run, energy), the ln of the mean rate; and `deviation` (..., run, energy), ln(rate / mean rate).
    """

    def parameter(name: str, conditional: Conditional) -> Any:
        return conditional.parameter(coordinate(f"{name}_raw", conditional))

    coefficient = parameter("coefficient", _coefficient_conditional(shape_scale, deviation_scale, geometry))
    slope = parameter("slope", _slope_conditional(coefficient, deviation_scale, geometry))
    level = parameter("level", _level_conditional(coefficient, slope, deviation_scale, geometry))
    parameters = {"coefficient": coefficient, "slope": slope, "level": level}
    parameters["log_mean"] = log_mean_rate(parameters, geometry)
    if not marginal:
        conditional = _deviation_conditional(parameters["log_mean"], deviation_scale, geometry)
        parameters["deviation"] = parameter("deviation", conditional)
    return parameters


@dataclass(frozen=True, eq=False, slots=True)
class _LinearFit:
    """Posterior mode of levels, slope and coefficients under the OFF counts, at the medians of the scales."""

    coefficients: NDArray[np.float64]  # (run + 1 + basis,)
    log_mean: NDArray[np.float64]  # (run * energy,)


def _fit_off_counts(
    data: FitData,
    design: NDArray[np.float64],
    offset: NDArray[np.float64],
    prior_mean: NDArray[np.float64],
    precision: NDArray[np.float64],
) -> _LinearFit:
    """Fit the OFF counts, Poisson with a scatter of the rate, log-linear: Fisher scoring with step halving.

    The scatter is that of a negative binomial, whose score and information are ``(n - m) / (1 + m t**2)`` and
    ``m / (1 + m t**2)`` with t the median of the deviation scale. design (run * energy, column), mean and precision of
    the prior (column,).
    """
    n, mask = data.n_off.ravel().astype(float), data.mask.ravel()
    scatter = DEVIATION_SCALE_PRIOR.mu**2
    n_runs = len(data.runs)
    coefficients = prior_mean.copy()
    regions = np.where(data.mask, np.exp(offset.reshape(data.mask.shape)), 0).sum(axis=1)
    # A run of which no bin is fitted has no counts to start from.
    start = np.log((data.n_off.sum(axis=1) + 0.5) / np.where(regions > 0, regions, 1.0))
    coefficients[:n_runs] = np.where(regions > 0, start, prior_mean[:n_runs])

    def log_mean(c: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.clip(offset + design @ c, -700, 700)

    def objective(c: NDArray[np.float64]) -> float:
        eta = log_mean(c)
        spread = np.logaddexp(0, eta + np.log(scatter)) / scatter
        return float(np.sum(np.where(mask, n * eta - (n + 1 / scatter) * scatter * spread, 0))) - 0.5 * float(
            np.sum(precision * (c - prior_mean) ** 2)
        )

    for _ in range(_N_NEWTON):
        mean = np.where(mask, np.exp(log_mean(coefficients)), 0.0)
        damping = 1 + mean * scatter
        gradient = design.T @ (np.where(mask, n - mean, 0) / damping) - precision * (coefficients - prior_mean)
        information = design.T @ ((mean / damping)[:, None] * design) + np.diag(precision)
        step = np.linalg.solve(information, gradient)
        before = objective(coefficients)
        while objective(coefficients + step) < before - 1e-9 and np.abs(step).max() > 1e-10:
            step = step / 2
        coefficients = coefficients + step
        if np.abs(step).max() < 1e-8:
            break
    return _LinearFit(coefficients, log_mean(coefficients))


def _fit_deviations(data: FitData, log_mean: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Compute expected counts at the modes of the deviations, and residuals that make them measurements of ln b.

    Both (run, energy), 0 where masked. At the mode m' = m exp(d) a Poisson count n measures ln b as
    ``ln m + d + (n - m') / m'`` with precision m'.
    """
    scale = DEVIATION_SCALE_PRIOR.mu
    mean = np.exp(log_mean)
    deviation = np.zeros_like(mean)
    for _ in range(_N_NEWTON):
        expected = mean * np.exp(deviation)
        step = (data.n_off - expected - deviation / scale**2) / (expected + scale**-2)
        deviation = deviation + step / np.maximum(1, np.abs(step))
    expected = mean * np.exp(deviation)
    information = np.where(data.mask, expected, 0.0)
    return information, np.where(data.mask, expected * deviation + data.n_off - expected, 0.0)


def pooled_geometry(
    data: FitData, background: BackgroundModel, priors: BackgroundPriors = STATED_PRIORS
) -> PooledGeometry:
    """Build the approximation from the OFF counts and the priors.

    The basis is rotated so that penalty and information matrix, levels and slope projected out, are diagonal together
    (Demmler and Reinsch 1975, doi:10.1007/BF01437407).
    """
    n_runs, n_energy = data.mask.shape
    design = background_design(data, background)
    x, basis, offset = design["log_energy"], design["spline"], design["offset"]
    levels = np.repeat(np.eye(n_runs), n_energy, axis=0)
    free = np.column_stack([levels, np.tile(x, n_runs)])
    level_mean, level_sd = (np.broadcast_to(value, n_runs) for value in (priors.level_mean, priors.level_sd))
    free_precision = np.append(level_sd**-2.0, priors.slope_sd**-2.0)
    shape_precision = SHAPE_SCALE_PRIOR.mu**-2.0
    fitted = _fit_off_counts(
        data,
        np.column_stack([free, np.tile(basis, (n_runs, 1))]),
        offset.ravel(),
        np.concatenate([level_mean, [priors.slope_mean], np.zeros(N_BASIS)]),
        np.append(free_precision, np.full(N_BASIS, shape_precision)),
    )
    log_mean = fitted.log_mean.reshape(data.mask.shape)
    information, residual = _fit_deviations(data, log_mean)
    weights = information / (1 + information * DEVIATION_SCALE_PRIOR.mu**2)
    flat = weights.reshape(-1, 1)
    tiled = np.tile(basis, (n_runs, 1))
    cross = free.T @ (flat * tiled)
    free_information = free.T @ (flat * free) + np.diag(free_precision)
    curvature = tiled.T @ (flat * tiled) - cross.T @ np.linalg.solve(free_information, cross)
    eigenvalues, rotation = np.linalg.eigh(curvature)
    basis, tiled = basis @ rotation, tiled @ rotation
    shear = np.linalg.solve(free_information, cross @ rotation)
    coefficient = rotation.T @ fitted.coefficients[n_runs + 1 :]
    slope = fitted.coefficients[n_runs]
    level_information = weights.sum(axis=1) + free_precision[:n_runs]
    level_slope_shear = weights @ x / level_information
    level_shear = weights @ basis / level_information[:, None]
    known = np.maximum(eigenvalues, _LEAST_INFORMATION)
    return PooledGeometry(
        offset=offset,
        log_energy=x,
        spline=basis,
        log_mean_at_fit=log_mean,
        information=information,
        residual=residual,
        coefficient_design=((tiled - free @ shear) ** 2).T.reshape(N_BASIS, n_runs, n_energy),
        coefficient_prior=free_precision @ shear**2,
        coefficient_estimate=coefficient * (1 + shape_precision / known),
        slope_design=(x - level_slope_shear[:, None]) ** 2,
        slope_prior=np.asarray(free_precision[-1] + free_precision[:-1] @ level_slope_shear**2),
        slope_center=np.asarray(slope + shear[-1] @ coefficient),
        slope_shear=shear[-1],
        level_center=fitted.coefficients[:n_runs] + level_slope_shear * slope + level_shear @ coefficient,
        level_slope_shear=level_slope_shear,
        level_shear=level_shear,
        slope_prior_mean=np.asarray(priors.slope_mean),
        slope_prior_sd=np.asarray(priors.slope_sd),
        level_prior_mean=np.array(level_mean, dtype=float),
        level_prior_sd=np.array(level_sd, dtype=float),
        rotation=rotation,
    )
