"""Profile-likelihood (WSTAT) fits, to set beside the posterior.

The estimate that the field's usual tools give: the spectrum that minimises the sum of W over the analysed bins, with
errors from its curvature there. It is biased where OFF counts are few; see `bayes_onoff.spectra.wstat`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from astropy.table import Table
from numpy.typing import NDArray

from bayes_onoff.errors import InputError
from bayes_onoff.models import Parameter, SpectralModel, photons
from bayes_onoff.spectra import Spectra, fold, wstat
from bayes_onoff.spectra.statistics import profiled_background

__all__ = ["WstatFit", "fit_wstat", "wstat_table"]

# In the coordinates of `_Objective`.
DERIVATIVE_STEP = 1e-4
LARGEST_STEP = 2.0
LARGEST_ERROR = 1000.0  # of a logarithm: the parameter could as well be 0
LARGEST_DISTANCE = 1e-3  # in W, of the minimum from where the fit stopped


@dataclass(frozen=True, eq=False)
class WstatFit:
    """The best fit of a spectral model.

    Parameters
    ----------
    model : SpectralModel
        What was fitted (its priors play no part).
    values, errors : dict of str to float
        Parameters at the minimum and their standard errors, in their units. Errors are not a number where the
        fit failed.
    covariance : ndarray, shape (parameter, parameter)
        Twice the inverse of the matrix of second derivatives of W, parameters in the order of `values`.
    stat : float
        Total W at the minimum.
    n_bins : int
        Number of analysed bins in all runs.
    success : bool
        Whether a minimum was found, inside the allowed range of every parameter.
    message : str
        What went wrong, or that nothing did.
    """

    model: SpectralModel
    values: dict[str, float]
    errors: dict[str, float]
    covariance: NDArray[np.float64]
    stat: float
    n_bins: int
    success: bool
    message: str


class _Objective:
    """Total W, its gradient and second derivatives, in coordinates of the order of 1.

    A parameter that cannot be negative is represented by its logarithm, any other by itself.
    """

    def __init__(self, spectra: Spectra, model: SpectralModel) -> None:
        mask = spectra.mask
        self.model = model
        self.names = model.parameter_names
        self.positive = np.array([_is_positive(parameter) for parameter in model.parameters])
        self.edges = spectra.energy_true.edges
        self.response = spectra.response[mask]
        self.n_on, self.n_off, self.alpha = spectra.n_on[mask], spectra.n_off[mask], spectra.alpha[mask]

    def to_values(self, coordinates: NDArray[np.float64]) -> NDArray[np.float64]:
        """Convert coordinates to parameter values, shape (..., parameter)."""
        return np.where(self.positive, np.exp(np.where(self.positive, coordinates, 0)), coordinates)

    def to_coordinates(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Convert parameter values to coordinates."""
        return np.where(self.positive, np.log(np.where(self.positive, values, 1)), values)

    def signal(self, coordinates: NDArray[np.float64]) -> NDArray[np.float64]:
        """Predict the signal counts in the analysed bins, shape (..., bin)."""
        values = np.moveaxis(self.to_values(coordinates), -1, 0)
        flux = photons(self.model, dict(zip(self.names, values, strict=True)), self.edges)
        return np.asarray(fold(flux, self.response))

    def total(self, coordinates: NDArray[np.float64]) -> float:
        """Sum W over the analysed bins; infinite where a far-off step overflows."""
        with np.errstate(over="ignore", invalid="ignore"):
            signal = self.signal(coordinates)
        if not np.all(np.isfinite(signal)):
            return float(np.inf)
        return float(wstat(self.n_on, self.n_off, self.alpha, signal).sum())

    def gradient(self, coordinates: NDArray[np.float64]) -> NDArray[np.float64]:
        """Differentiate the total W by the coordinates, shape (parameter,)."""
        signal = self.signal(coordinates)
        background = profiled_background(self.n_on, self.n_off, self.alpha, signal)
        # At the profiled background only the explicit dependence on the signal is left (envelope theorem).
        slope = 2 * (1 - self.n_on / np.maximum(signal + self.alpha * background, np.finfo(float).tiny))
        steps = DERIVATIVE_STEP * np.eye(len(coordinates))
        change = (self.signal(coordinates + steps) - self.signal(coordinates - steps)) / (2 * DERIVATIVE_STEP)
        return np.asarray(change @ slope)

    def hessian(self, coordinates: NDArray[np.float64]) -> NDArray[np.float64]:
        """Differentiate the total W twice by the coordinates, shape (parameter, parameter)."""
        step = 10 * DERIVATIVE_STEP
        rows = [
            (self.gradient(coordinates + shift) - self.gradient(coordinates - shift)) / (2 * step)
            for shift in step * np.eye(len(coordinates))
        ]
        return (np.array(rows) + np.array(rows).T) / 2

    def natural_derivatives(self, coordinates: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Differentiate once and twice by the parameters themselves (chain rule for those held as logarithms)."""
        gradient, hessian = self.gradient(coordinates), self.hessian(coordinates)
        scale = np.where(self.positive, self.to_values(coordinates), 1)
        hessian = hessian - np.diag(np.where(self.positive, gradient, 0))
        return gradient / scale, hessian / np.outer(scale, scale)


def _is_positive(parameter: Parameter) -> bool:
    return parameter.prior.support[0] >= 0


def _start_values(objective: _Objective, start: Mapping[str, float] | None) -> NDArray[np.float64]:
    """Take the start asked for, else the parameters' own with the amplitude that gives the observed excess."""
    parameters = objective.model.parameters
    unknown = set(start or {}) - set(objective.names)
    if unknown:
        raise InputError(
            "no such parameter", place="start", found=", ".join(sorted(unknown)), allowed=", ".join(objective.names)
        )
    values = np.array([(start or {}).get(p.name, p.start) for p in parameters], dtype=float)
    for parameter, value in zip(parameters, values, strict=True):
        if not np.isfinite(value) or (_is_positive(parameter) and value <= 0):
            raise InputError("no possible start", place=f"start.{parameter.name}", found=float(value))
    if "amplitude" in objective.names and "amplitude" not in (start or {}):
        expected = objective.signal(objective.to_coordinates(values)).sum()
        excess = (objective.n_on - objective.alpha * objective.n_off).sum()
        if expected > 0 and excess > 0:
            values[objective.names.index("amplitude")] *= excess / expected
    return values


def _verdict(
    objective: _Objective, values: NDArray[np.float64], gradient: NDArray[np.float64], hessian: NDArray[np.float64]
) -> str | None:
    """Say why this is no minimum; None if it is one."""
    if not (np.all(np.isfinite(gradient)) and np.all(np.isfinite(hessian))):
        return "W is not finite where the fit stopped"
    scale = np.where(objective.positive, values, 1.0)
    curvature = hessian * np.outer(scale, scale)
    flattest, directions = np.linalg.eigh(curvature)
    along = int(np.abs(directions[:, 0]).argmax())
    # Near its limit W no longer depends on the parameter: rounding alone decides the sign of that curvature.
    if abs(flattest[0]) < 2 / LARGEST_ERROR**2 and objective.positive[along]:
        return _towards_limit(objective.names[along])
    if flattest[0] <= 0:
        return "W has no minimum where the fit stopped: its curvature is not positive"
    errors = np.sqrt(2 * np.diag(np.linalg.inv(curvature)))
    for name, positive, error in zip(objective.names, objective.positive, errors, strict=True):
        if positive and error > LARGEST_ERROR:
            return _towards_limit(name)
    distance = float(gradient * scale @ np.linalg.solve(curvature, gradient * scale)) / 2
    if distance > LARGEST_DISTANCE:
        return f"the fit stopped before the minimum: W is {distance:.2g} above it"
    return None


def _towards_limit(name: str) -> str:
    return f"{name} runs towards its limit 0: the data do not determine it"


def fit_wstat(spectra: Spectra, model: SpectralModel, start: Mapping[str, float] | None = None) -> WstatFit:
    """Fit a spectral model to all runs at once by minimising the total W over the analysed bins.

    Parameters
    ----------
    spectra : Spectra
        The runs (one stacked spectrum is a collection too).
    model : SpectralModel
        The model; priors play no part but for this: where a shape's parameter has a default prior on positive values
        only, the parameter is kept positive.
    start : mapping of str to float, optional
        Parameters from which to start, in their units; by default the shape's own, with the amplitude that gives the
        observed excess.

    Returns
    -------
    WstatFit
        Check `success`.

    Raises
    ------
    InputError
        If no bin is analysed, or `start` names an unknown parameter or an impossible value.
    """
    from scipy.optimize import minimize

    if not spectra.mask.any():
        raise InputError(
            "no bin to fit", place="wstat fit", found=", ".join(spectra.names), allowed="a bin inside the mask"
        )
    objective = _Objective(spectra, model)
    result: Any = minimize(
        objective.total,
        objective.to_coordinates(_start_values(objective, start)),
        jac=objective.gradient,
        hess=objective.hessian,
        method="trust-exact",
        options={"max_trust_radius": LARGEST_STEP, "gtol": 1e-6, "maxiter": 200},
    )
    values = objective.to_values(result.x)
    gradient, hessian = objective.natural_derivatives(result.x)
    problem = _verdict(objective, values, gradient, hessian)
    covariance = np.full(hessian.shape, np.nan) if problem else 2 * np.linalg.inv(hessian)
    return WstatFit(
        model=model,
        values=dict(zip(objective.names, values.tolist(), strict=True)),
        errors=dict(zip(objective.names, np.sqrt(np.diag(covariance)).tolist(), strict=True)),
        covariance=covariance,
        stat=float(result.fun),
        n_bins=len(objective.n_on),
        success=problem is None,
        message=problem or "minimum found",
    )


def wstat_table(fits: Mapping[str, Iterable[WstatFit]]) -> Table:
    """Tabulate fits, one row a parameter.

    Parameters
    ----------
    fits : mapping of str to iterable of WstatFit
        The fits of each data set: ``joint``, ``stacked``.

    Returns
    -------
    Table
        ``model``, ``dataset``, ``parameter``, ``value``, ``error``, ``unit``, ``stat`` (total W), and ``success``:
        where it is False, the fit found no minimum and its numbers mean nothing.
    """
    rows = [
        (
            fit.model.shape_name,
            dataset,
            parameter.name,
            fit.values[parameter.name],
            fit.errors[parameter.name],
            parameter.unit,
            fit.stat,
            fit.success,
        )
        for dataset, of_dataset in fits.items()
        for fit in of_dataset
        for parameter in fit.model.parameters
    ]
    names = ("model", "dataset", "parameter", "value", "error", "unit", "stat", "success")
    return Table(rows=rows, names=names, dtype=(str, str, str, float, float, str, float, bool))
