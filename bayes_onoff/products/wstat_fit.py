"""Profile-likelihood (WSTAT) fits, to set beside the posterior.

The estimate that the field's usual tools give: the spectrum that minimises the sum of W over the analysed bins, with
errors from its curvature there. It is biased where OFF counts are few; see `bayes_onoff.spectra.wstat`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from astropy.table import Table
from numpy.typing import NDArray

from bayes_onoff.columns import described
from bayes_onoff.errors import InputError
from bayes_onoff.inference.instrument import Instrument, require_instruments
from bayes_onoff.models import SpectralModel
from bayes_onoff.products.wstat_joint import JointWstatObjective
from bayes_onoff.products.wstat_objective import WstatObjective, is_positive
from bayes_onoff.spectra import Spectra
from bayes_onoff.units import ENERGY

__all__ = ["WstatFit", "fit_wstat", "fit_wstat_joint", "wstat_table"]

# In the coordinates of `WstatObjective`.
LARGEST_ERROR = 1000.0  # of a logarithm: the parameter could as well be 0
LARGEST_DISTANCE = 1e-3  # in W, of the minimum from where the fit stopped


_DESCRIPTIONS = {
    "reference": "reference energy",
    "fixed": "parameters that were not free, with their values",
    "dataset": "joint: every run by itself in one fit; stacked: the runs added up",
    "value": "best fit",
    "error": "its error, from the curvature",
    "stat": "total W at the best fit",
    "success": "whether the fit found a minimum; if not, its numbers mean nothing",
}


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
        Total W at the minimum; of a joint fit with the penalties.
    n_bins : int
        Number of analysed bins in all runs.
    success : bool
        Whether a minimum was found, inside the allowed range of every parameter.
    message : str
        What went wrong, or that nothing did.
    penalty : float
        What the systematics of a joint fit add to W.
    """

    model: SpectralModel
    values: dict[str, float]
    errors: dict[str, float]
    covariance: NDArray[np.float64]
    stat: float
    n_bins: int
    success: bool
    message: str
    penalty: float = 0.0


def _start_values(objective: WstatObjective, start: Mapping[str, float] | None) -> NDArray[np.float64]:
    """Take the start asked for, else the parameters' own with amplitudes that give the observed excess."""
    parameters = objective.model.parameters
    names = objective.model.parameter_names
    unknown = set(start or {}) - set(names)
    if unknown:
        raise InputError("no such parameter", place="start", found=", ".join(sorted(unknown)), allowed=", ".join(names))
    values = np.zeros(len(objective.names))
    values[: len(names)] = [(start or {}).get(p.name, p.start) for p in parameters]
    for parameter, value in zip(parameters, values[: len(names)], strict=True):
        if not np.isfinite(value) or (is_positive(parameter) and value <= 0):
            raise InputError("no possible start", place=f"start.{parameter.name}", found=float(value))
    scales = [
        index
        for index, name in enumerate(names)
        if name.split("_")[-1] in ("amplitude", "norm") and name not in (start or {})
    ]
    if scales:
        expected = objective.signal(objective.to_coordinates(values)).sum()
        excess = (objective.n_on - objective.alpha * objective.n_off).sum()
        if expected > 0 and excess > 0:
            values[scales] *= excess / expected
    return values


def _verdict(
    objective: WstatObjective, values: NDArray[np.float64], gradient: NDArray[np.float64], hessian: NDArray[np.float64]
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
        return _towards_limit(objective, along, values)
    if flattest[0] <= 0:
        return "W has no minimum where the fit stopped: its curvature is not positive"
    errors = np.sqrt(2 * np.diag(np.linalg.inv(curvature)))
    for index, (positive, error) in enumerate(zip(objective.positive, errors, strict=True)):
        if positive and error > LARGEST_ERROR:
            return _towards_limit(objective, index, values)
    distance = float(gradient * scale @ np.linalg.solve(curvature, gradient * scale)) / 2
    if distance > LARGEST_DISTANCE:
        return f"the fit stopped before the minimum: W is {distance:.2g} above it"
    return None


def _towards_limit(objective: WstatObjective, index: int, values: NDArray[np.float64]) -> str:
    parameter = objective.model.parameters[index]  # only spectral parameters are kept positive
    where = "grows without limit" if values[index] > parameter.start else "runs towards its limit 0"
    return f"{parameter.name} {where}: the data do not determine it"


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
        Parameters from which to start, in their units; by default the shape's own, with amplitudes that give the
        observed excess.

    Returns
    -------
    WstatFit
        Check `success`.

    Raises
    ------
    InputError
        If no bin is analysed, the model is no spectrum, or `start` names an unknown parameter or an impossible value.
    """
    model.require_spectrum()
    _require_bins(spectra, "wstat fit")
    return _minimum(WstatObjective(spectra, model), start)


def fit_wstat_joint(
    instruments: Mapping[str, Instrument], model: SpectralModel, start: Mapping[str, float] | None = None
) -> WstatFit:
    """Fit one spectrum to several instruments, each with its systematics, by minimising W plus penalties.

    The total W over the analysed bins of all instruments plus, for each uncertain energy scale, (z / delta)^2, and for
    an uncertain effective area the sum of squares of its standardised coordinates: twice the negative ln of the priors
    of `Systematics` (Nigro et al. 2019, A&A 625, A10, section 4.3). Uncertain acceptance ratios and the priors of the
    backgrounds play no part.

    Parameters
    ----------
    instruments : mapping of str to Instrument
        By name.
    model : SpectralModel
        Shared by all; its priors play no part, as in `fit_wstat`.
    start : mapping of str to float, optional
        As for `fit_wstat`; systematics start at 0.

    Returns
    -------
    WstatFit
        Check `success`. Beside the spectral parameters `values`, `errors` and `covariance` hold the systematics, as
        ``<instrument>::energy_scale`` (with ``[run]`` where each run has its own) and ``<instrument>::area_<node>``,
        the standardised coordinates of the effective area.

    Raises
    ------
    InputError
        If there is no instrument, no bin is analysed in one of them, the model is no spectrum, or `start` names an
        unknown parameter or an impossible value.
    """
    model.require_spectrum()
    require_instruments(instruments)
    for name, instrument in instruments.items():
        _require_bins(instrument.spectra, f"wstat fit, {name}")
    return _minimum(JointWstatObjective(instruments, model), start)


def _require_bins(spectra: Spectra, place: str) -> None:
    if not spectra.mask.any():
        raise InputError("no bin to fit", place=place, found=", ".join(spectra.names), allowed="a bin inside the mask")


def _minimum(objective: WstatObjective, start: Mapping[str, float] | None) -> WstatFit:
    coordinates, stat = objective.minimise(objective.to_coordinates(_start_values(objective, start)))
    values = objective.to_values(coordinates)
    gradient, hessian = objective.natural_derivatives(coordinates)
    problem = _verdict(objective, values, gradient, hessian)
    covariance = np.full(hessian.shape, np.nan) if problem else 2 * np.linalg.inv(hessian)
    return WstatFit(
        model=objective.model,
        values=dict(zip(objective.names, values.tolist(), strict=True)),
        errors=dict(zip(objective.names, np.sqrt(np.diag(covariance)).tolist(), strict=True)),
        covariance=covariance,
        stat=stat,
        n_bins=len(objective.n_on),
        success=problem is None,
        message=problem or "minimum found",
        penalty=objective.penalty(coordinates),
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
        ``model`` (its label), its ``reference`` energy, TeV, and ``fixed`` parameters, ``dataset``, ``parameter``,
        ``value``, ``error``, ``unit``, ``stat`` (total W), and ``success``: where it is False, the fit found no minimum
        and its numbers mean nothing.
    """
    rows = [
        (
            fit.model.label,
            fit.model.reference,
            ", ".join(f"{name} = {value}" for name, value in fit.model.fixed.items()),
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
    names = ("model", "reference", "fixed", "dataset", "parameter", "value", "error", "unit", "stat", "success")
    table = Table(rows=rows, names=names, dtype=(str, float, str, str, str, float, float, str, float, bool))
    table["reference"].unit = ENERGY
    return described(table, _DESCRIPTIONS)
