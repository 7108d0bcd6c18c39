"""The pooled background: a level per run, a smooth shape common to the runs, a deviation per bin.

``ln b[r, e] = -ln alpha[r, e] + t[r, e] + level_r + slope x_e + g(x_e) + d[r, e] - deviation_scale**2 / 2``

with x = ln(energy / centre of the fitted range), g a penalised spline, d ~ N(0, deviation_scale). t is 0, or the shape
that the background response of the run expects, 0 at the centre of the range. `level` is the
logarithm of the counts expected per ON-sized region and bin at the centre of the range; exp of everything but d is
the mean rate. All priors are stated in these data-free units. In which coordinates the posterior is sampled is
another matter: `bayes_onoff.inference.pooled_coordinates`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayes_onoff.errors import InputError
from bayes_onoff.inference.fit_data import FitData
from bayes_onoff.inference.settings import BackgroundModel
from bayes_onoff.models import LogNormal, Normal

__all__ = [
    "DEVIATION_SCALE_PRIOR",
    "LEVEL_PRIOR",
    "N_BASIS",
    "SHAPE_SCALE_PRIOR",
    "SLOPE_PRIOR",
    "STATED_PRIORS",
    "BackgroundPriors",
    "background_design",
    "expected_shape",
    "inner",
    "log_mean_rate",
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
class BackgroundPriors:
    """Normal priors of the levels and the slope; the stated ones unless others are given, as in a calibration.

    Parameters
    ----------
    level_mean, level_sd : float or ndarray, shape (run,)
    slope_mean, slope_sd : float
    """

    level_mean: float | NDArray[np.float64] = LEVEL_PRIOR.mu
    level_sd: float | NDArray[np.float64] = LEVEL_PRIOR.sigma
    slope_mean: float = SLOPE_PRIOR.mu
    slope_sd: float = SLOPE_PRIOR.sigma


STATED_PRIORS = BackgroundPriors()


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


def expected_shape(data: FitData) -> NDArray[np.float64]:
    """Shape in energy that each run's background response expects, (run, energy).

    ln(counts per ON-sized region and bin), less its value at the centre of the fitted range (between bins, and in
    masked ones, interpolated; beyond the run's own bins, that of the nearest): its normalisation has no effect, and
    `level` keeps its meaning.

    Raises
    ------
    InputError
        If a run has no expected background, or one that is 0 in a fitted bin.
    """
    missing = [name for name, counts in zip(data.runs, data.expected_off, strict=True) if counts is None]
    if missing:
        raise InputError(
            "the shape of the background response is asked for, but not known of every run",
            place="background.shape_from",
            found=f"no expected background of {', '.join(missing)}",
            allowed="spectra reduced with it from runs with BKG_2D or BKG_3D, or no background.shape_from",
        )
    x, shape = data.log_energy, np.zeros(data.mask.shape)
    for index, (name, counts) in enumerate(zip(data.runs, data.expected_off, strict=True)):
        used = data.mask[index]
        if counts is None or not used.any():
            continue
        if not np.all(counts[used] > 0):
            energies = ", ".join(f"{energy:.4g}" for energy in data.energy.centers[used & ~(counts > 0)])
            raise InputError(
                "the expected background is 0 in a fitted bin",
                place=f"spectrum {name}: background",
                found=f"0 at {energies} TeV",
                allowed="a fit range without these bins, or no background.shape_from",
            )
        curve = np.log(counts[used] * data.alpha[index, used])
        shape[index] = np.interp(x, x[used], curve) - np.interp(0.0, x[used], curve)
    return shape


def background_design(data: FitData, background: BackgroundModel) -> dict[str, NDArray[np.float64]]:
    """Everything that maps background parameters to rates, free of counts: `offset`, `log_energy`, `spline`.

    Raises
    ------
    InputError
        If the shape is to come from the background response, and a run has none.
    """
    edges = data.energy.edges
    basis = _penalised_basis(np.log(edges / np.sqrt(edges[0] * edges[-1])), data.log_energy)
    offset = -np.log(data.alpha)
    if background.shape_from is not None:
        offset = offset + expected_shape(data)
    return {"offset": offset, "log_energy": data.log_energy, "spline": basis}


def inner(one: Any, other: Any) -> Any:
    """Sum of products over the last axis. As a matrix product it would take ten times as long to compile."""
    return (one * other).sum(axis=-1)


def log_mean_rate(parameters: Mapping[str, Any], design: Mapping[str, Any]) -> Any:
    """Ln of the mean expected OFF counts (without the per-bin deviation), shape (..., run, energy).

    Parameters
    ----------
    parameters : mapping
        `coefficient` (..., basis), `slope` (...), `level` (..., run); NumPy or PyTensor.
    design : mapping
        `offset` (run, energy), `log_energy` (energy,), `spline` (energy, basis), as from `background_design`.
    """
    smooth = inner(parameters["coefficient"][..., None, :], design["spline"])
    shape = parameters["slope"][..., None] * design["log_energy"] + smooth
    return design["offset"] + parameters["level"][..., :, None] + shape[..., None, :]
