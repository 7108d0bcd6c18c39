"""The pooled background: a level per run, a smooth shape common to the runs, a deviation per bin.

``ln b[r, e] = -ln alpha[r, e] + level_r + slope x_e + g(x_e) + d[r, e] - deviation_scale**2 / 2``

with x = ln(energy / centre of the fitted range), g a penalised spline, d ~ N(0, deviation_scale). `level` is the
logarithm of the counts expected per ON-sized region and bin at the centre of the range; exp of everything but d is
the mean rate. All priors are stated in these data-free units. What the OFF counts decide is only the *geometry*:
centres, scales and shears of the sampled coordinates, an affine map whose inverse enters the prior exactly
(docs/statistical-model.md shows why it works).
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayes_onoff.inference.fit_data import FitData
from bayes_onoff.models import LogNormal, Normal

__all__ = [
    "DEVIATION_SCALE_PRIOR",
    "LEVEL_PRIOR",
    "N_BASIS",
    "SHAPE_SCALE_PRIOR",
    "SLOPE_PRIOR",
    "PooledGeometry",
    "background_parameters",
    "coefficients",
    "level_mean",
    "log_mean_rate",
    "pooled_geometry",
    "slope",
    "slope_mean",
]

N_SPLINES = 10
N_BASIS = N_SPLINES - 2
"""Penalised coefficients: the second-difference penalty leaves a constant and a straight line free."""

LEVEL_PRIOR = Normal(0.0, 3.0)
"""ln(counts per region and bin): 0.0025 to 400 counts within two sigma."""
SLOPE_PRIOR = Normal(0.0, 2.0)
"""Per ln(energy)."""
SHAPE_SCALE_PRIOR = LogNormal(0.5, 0.7)
DEVIATION_SCALE_PRIOR = LogNormal(0.1, 0.7)
"""Log-normal, so that a scale never touches 0, where the posterior would have a funnel."""


@dataclass(frozen=True, eq=False, slots=True)
class PooledGeometry:
    """Basis, centres, scales and shears of the pooled background (arrays that enter the model as data).

    Sampled are `coefficient_raw`, `slope_raw`, `level_raw` and `deviation_raw`; `background_parameters` maps them.
    """

    offset: NDArray[np.float64]  # (run, energy): -ln alpha
    log_energy: NDArray[np.float64]  # (energy,)
    spline: NDArray[np.float64]  # (energy, basis)
    coefficient_centering: NDArray[np.float64]  # (basis,)
    deviation_centering: NDArray[np.float64]  # (run, energy)
    slope_center: NDArray[np.float64]  # ()
    slope_scale: NDArray[np.float64]  # ()
    slope_shear: NDArray[np.float64]  # (basis,)
    level_center: NDArray[np.float64]  # (run,)
    level_scale: NDArray[np.float64]  # (run,)
    level_slope_shear: NDArray[np.float64]  # (run,)
    level_shear: NDArray[np.float64]  # (run, basis)

    def arrays(self) -> dict[str, NDArray[np.float64]]:
        """All arrays by name."""
        return {f.name: getattr(self, f.name) for f in fields(self)}


def _penalised_basis(log_edges: NDArray[np.float64], x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Cubic B-splines whose penalised coefficients are N(0, 1) apart from a common scale, shape (energy, basis).

    Scaled to a root-mean-square prior standard deviation of 1 over the bins.
    """
    from scipy.interpolate import BSpline

    degree = 3
    inner = np.linspace(log_edges[0], log_edges[-1], N_SPLINES - degree + 1)
    step = inner[1] - inner[0]
    knots = np.concatenate(
        [inner[0] - step * np.arange(degree, 0, -1), inner, inner[-1] + step * np.arange(1, degree + 1)]
    )
    design = BSpline.design_matrix(x, knots, degree).toarray()
    difference = np.diff(np.eye(N_SPLINES), n=2, axis=0)
    eigenvalues, vectors = np.linalg.eigh(difference.T @ difference)
    basis = design @ (vectors[:, 2:] / np.sqrt(eigenvalues[2:]))
    scaled: NDArray[np.float64] = basis / np.sqrt(np.mean(np.sum(basis**2, axis=1)))
    return scaled


def _fit_off_counts(
    data: FitData, design: NDArray[np.float64], offset: NDArray[np.float64], precision: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Posterior mode of a log-linear Poisson model of the OFF counts: coefficients and expected counts.

    Newton's method with step halving; design (run * energy, column), precision (column,) of the prior around 0.
    """
    n, mask = data.n_off.ravel().astype(float), data.mask.ravel()
    offset = offset.ravel()
    n_runs = len(data.runs)
    coefficients = np.zeros(design.shape[1])
    run_counts = data.n_off.sum(axis=1) + 0.5
    coefficients[:n_runs] = np.log(run_counts / np.where(data.mask, np.exp(offset.reshape(data.mask.shape)), 0).sum(1))

    def expected(c: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.where(mask, np.exp(np.clip(offset + design @ c, -700, 700)), 0.0)

    def objective(c: NDArray[np.float64]) -> float:
        return float(np.sum(n * (offset + design @ c)) - expected(c).sum() - 0.5 * np.sum(precision * c**2))

    for _ in range(100):
        mean = expected(coefficients)
        gradient = design.T @ (n - mean) - precision * coefficients
        hessian = design.T @ (mean[:, None] * design) + np.diag(precision)
        step = np.linalg.solve(hessian, gradient)
        before = objective(coefficients)
        while objective(coefficients + step) < before - 1e-9 and np.abs(step).max() > 1e-10:
            step = step / 2
        coefficients = coefficients + step
        if np.abs(step).max() < 1e-8:
            break
    return coefficients, expected(coefficients)


def _centering(information: NDArray[np.float64], scale: float) -> NDArray[np.float64]:
    """0 is non-centred, 1 centred: how much the data say about a coefficient, beside its prior scale."""
    weight = np.clip(information, 0, None) * scale**2
    return weight / (1 + weight)


def pooled_geometry(data: FitData) -> PooledGeometry:
    """Choose the coordinates in which the pooled posterior is nearly an independent Gaussian.

    Penalty and information matrix of the OFF counts are diagonalised together (Demmler and Reinsch 1975,
    doi:10.1007/BF01437407), levels and slope projected out; each coefficient and each deviation is centred in
    proportion to its information (Papaspiliopoulos et al. 2007, doi:10.1214/088342307000000014).
    """
    n_runs, n_energy = data.mask.shape
    x = data.log_energy
    edges = data.energy.edges
    basis = _penalised_basis(np.log(edges / np.sqrt(edges[0] * edges[-1])), x)
    offset = -np.log(data.alpha)
    level_precision = np.full(n_runs, LEVEL_PRIOR.sigma**-2.0)
    slope_precision = SLOPE_PRIOR.sigma**-2.0
    levels = np.repeat(np.eye(n_runs), n_energy, axis=0)
    free = np.column_stack([levels, np.tile(x, n_runs)])
    free_precision = np.append(level_precision, slope_precision)
    shape_precision = np.full(N_BASIS, SHAPE_SCALE_PRIOR.mu**-2.0)
    fitted, mean = _fit_off_counts(
        data,
        np.column_stack([free, np.tile(basis, (n_runs, 1))]),
        offset,
        np.concatenate([free_precision, shape_precision]),
    )
    weights = mean.reshape(n_runs, n_energy)
    tiled = np.tile(basis, (n_runs, 1))
    cross = free.T @ (mean[:, None] * tiled)
    free_information = free.T @ (mean[:, None] * free) + np.diag(free_precision)
    information = tiled.T @ (mean[:, None] * tiled) - cross.T @ np.linalg.solve(free_information, cross)
    eigenvalues, rotation = np.linalg.eigh(information)
    basis = basis @ rotation
    shear = np.linalg.solve(free_information, cross @ rotation)
    level_information = weights.sum(axis=1) + level_precision
    rotated_fit = rotation.T @ fitted[n_runs + 1 :]
    slope_center = fitted[n_runs] + shear[-1] @ rotated_fit
    level_slope_shear = weights @ x / level_information
    level_shear = weights @ basis / level_information[:, None]
    return PooledGeometry(
        offset=offset,
        log_energy=x,
        spline=basis,
        coefficient_centering=_centering(eigenvalues, SHAPE_SCALE_PRIOR.mu),
        deviation_centering=_centering(weights, DEVIATION_SCALE_PRIOR.mu),
        slope_center=np.asarray(slope_center),
        slope_scale=np.asarray(np.sqrt(np.linalg.inv(free_information)[-1, -1])),
        slope_shear=shear[-1],
        level_center=fitted[:n_runs] + level_slope_shear * fitted[n_runs] + level_shear @ rotated_fit,
        level_scale=level_information**-0.5,
        level_slope_shear=level_slope_shear,
        level_shear=level_shear,
    )


def background_parameters(raw: Mapping[str, Any], geometry: Mapping[str, Any]) -> dict[str, Any]:
    """From sampled coordinates to `coefficient`, `slope` and `level`, on NumPy or PyTensor.

    Parameters
    ----------
    raw : mapping
        `shape_scale` (...), `coefficient_raw` (..., basis), `slope_raw` (...), `level_raw` (..., run).
    geometry : mapping
        The arrays of `PooledGeometry`.

    Returns
    -------
    dict
        `coefficient` (..., basis), `slope` (...), `level` (..., run).
    """
    coefficient = coefficients(raw, geometry)
    slope_value = slope(raw, coefficient, geometry)
    level = geometry["level_scale"] * raw["level_raw"] + level_mean(coefficient, slope_value, geometry)
    return {"coefficient": coefficient, "slope": slope_value, "level": level}


def coefficients(raw: Mapping[str, Any], geometry: Mapping[str, Any]) -> Any:
    """Spline coefficients from their partially centred coordinates, (..., basis)."""
    return raw["shape_scale"][..., None] ** (1 - geometry["coefficient_centering"]) * raw["coefficient_raw"]


def slope(raw: Mapping[str, Any], coefficient: Any, geometry: Mapping[str, Any]) -> Any:
    """Slope of ln b per ln(energy), (...)."""
    return geometry["slope_scale"] * raw["slope_raw"] + slope_mean(coefficient, geometry)


def _inner(one: Any, other: Any) -> Any:
    """Sum of products over the last axis. As a matrix product it would take ten times as long to compile."""
    return (one * other).sum(axis=-1)


def slope_mean(coefficient: Any, geometry: Mapping[str, Any]) -> Any:
    """Where the slope sits given the shape: the shear that makes them independent under the OFF counts."""
    return geometry["slope_center"] - _inner(coefficient, geometry["slope_shear"])


def level_mean(coefficient: Any, slope: Any, geometry: Mapping[str, Any]) -> Any:
    """Where the levels sit given shape and slope, (..., run)."""
    along_slope = slope[..., None] * geometry["level_slope_shear"]
    return geometry["level_center"] - along_slope - _inner(coefficient[..., None, :], geometry["level_shear"])


def log_mean_rate(parameters: Mapping[str, Any], geometry: Mapping[str, Any]) -> Any:
    """Ln of the mean expected OFF counts (without the per-bin deviation), shape (..., run, energy)."""
    smooth = _inner(parameters["coefficient"][..., None, :], geometry["spline"])
    shape = parameters["slope"][..., None] * geometry["log_energy"] + smooth
    return geometry["offset"] + parameters["level"][..., :, None] + shape[..., None, :]
