"""Fluxes drawn from a population: one spectral shape, and a factor for each group of runs.

``dN/dE of group g = dN/dE(theta) factor_g (E / E0)**-shift_g``

- ln factor_g ~ N(-scatter**2 / 2, scatter): log-normal with the arithmetic mean 1, so that the amplitude of the
  spectral model is the mean flux of the population;
- shift_g ~ N(0, index_scatter), if the index is to scatter: that of a power law is index + shift_g. E0 is the model's
  reference energy.

Sampled are `factor_raw` and `shift_raw`: each the parameter, less the mean and over the standard deviation that a
Gaussian approximation gives it conditional on the spectrum and the scatter, as for the pooled background
(`pooled_coordinates`). The approximation is built on the counts; it decides on coordinates alone, and the prior enters
exactly.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayes_onoff.errors import InputError
from bayes_onoff.inference.fit_data import FitData
from bayes_onoff.inference.pooled import inner
from bayes_onoff.inference.pooled_coordinates import Conditional
from bayes_onoff.inference.run_groups import RunGroups
from bayes_onoff.models import HalfNormal, Prior, SpectralModel, photons
from bayes_onoff.spectra import fold

__all__ = [
    "Population",
    "PopulationSignal",
    "counts_at_mean",
    "factor_conditional",
    "instrument_factor",
    "instrument_geometry",
    "photons_of_groups",
    "population_draws",
    "population_geometry",
    "shift_conditional",
]

SCATTER_PRIOR = HalfNormal(0.7)
"""Of the standard deviation of ln(flux): 68 % below a fractional variability of 0.8, 95 % below 2.4."""

_TINY = 1e-300
_N_NEWTON = 40
_CHUNK = 200
_REFERENCE = SpectralModel("power-law")
_REFERENCE_VALUES = {"amplitude": 1e-12, "index": 2.5}
_REGULARISATION = np.array([0.7, 0.5])
"""Standard deviations that keep factor and shift of a group without counts finite in the approximation."""


@dataclass(frozen=True, slots=True)
class Population:
    """Priors of a population of fluxes.

    Parameters
    ----------
    scatter : Prior
        Of the standard deviation of ln(flux).
    index_scatter : Prior, optional
        Of the standard deviation of the spectral index; by default all groups share the index.

    Raises
    ------
    InputError
        If a prior allows negative values.
    """

    scatter: Prior = SCATTER_PRIOR
    index_scatter: Prior | None = None

    def __post_init__(self) -> None:
        for key in ("scatter", "index_scatter"):
            prior = getattr(self, key)
            if prior is not None and prior.support[0] < 0:
                raise InputError(
                    "a standard deviation is not negative",
                    place=f"population.{key}",
                    found=f"{prior.name} from {prior.support[0]:g}",
                    allowed="a prior with a support above 0, such as half-normal",
                )


@dataclass(frozen=True, eq=False, slots=True)
class PopulationSignal:
    """One spectrum, times a factor drawn from a population for each group of runs."""

    model: SpectralModel
    population: Population
    groups: RunGroups


def photons_of_groups(
    model: SpectralModel, values: Mapping[str, Any], shift: Any, edges: NDArray[np.float64], xp: Any = np
) -> Any:
    """Integrate the spectrum of each group over each bin, the index shifted, (..., group, bin), cm-2 s-1.

    The shift acts at the centres of the bins: on narrow ones, such as those of the true energy.

    Parameters
    ----------
    model : SpectralModel
    values : mapping
        Its parameters, (...) each.
    shift : array, shape (..., group)
        Of the index.
    edges : ndarray, shape (bin + 1,)
        TeV.
    xp : module
        ``numpy`` or, for scalar parameters, ``pytensor.tensor``.
    """
    log_energy = np.log(edges[1:] * edges[:-1]) / 2 - np.log(model.reference)
    return photons(model, values, edges, xp=xp)[..., None, :] * xp.exp(-shift[..., None] * log_energy)


def counts_at_mean(
    signal: PopulationSignal,
    values: Mapping[str, Any],
    shift: Any,
    arrays: Mapping[str, Any],
    energy_true: NDArray[np.float64],
    xp: Any = np,
) -> Any:
    """Compute the signal counts expected where every factor is 1, (..., run, energy).

    Parameters
    ----------
    signal : PopulationSignal
    values : mapping
        Spectral parameters, (...) each.
    shift : array, shape (..., group), or None
        Of the index.
    arrays : mapping
        `response` (run, energy, energy_true), `group_membership` (run, group).
    energy_true : ndarray
        Edges, TeV.
    xp : module
        ``numpy`` or ``pytensor.tensor``.
    """
    if shift is None:
        return fold(photons(signal.model, values, energy_true, xp=xp), arrays["response"])
    shift_of_runs = (arrays["group_membership"] * shift[..., None, :]).sum(axis=-1)
    of_runs = photons_of_groups(signal.model, values, shift_of_runs, energy_true, xp)
    if xp is np:
        counts: NDArray[np.float64] = (arrays["response"] @ of_runs[..., None])[..., 0]
        return counts
    return (arrays["response"] * of_runs[..., None, :]).sum(axis=-1)


def _to_groups(of_runs: Any, arrays: Mapping[str, Any]) -> Any:
    """Add up what belongs to a group: (..., run) to (..., group)."""
    return (of_runs[..., None] * arrays["group_membership"]).sum(axis=-2)


def factor_conditional(counts: Any, scatter: Any, arrays: Mapping[str, Any], xp: Any = np) -> Conditional:
    """Approximate ln(factor) of each group given the counts expected at a factor of 1 and the scatter, (..., group)."""
    expected = _to_groups(inner(counts, arrays["flux_weights"]), arrays)
    measured = arrays["flux_log_counts"] - xp.log(xp.maximum(expected, _TINY))
    information = arrays["flux_information"]
    precision = information + scatter[..., None] ** -2
    mean = (information * measured + arrays["flux_residual"] - 0.5) / precision
    return Conditional(mean, precision**-0.5, -(scatter[..., None] ** 2) / 2, scatter[..., None])


def shift_conditional(counts: Any, index_scatter: Any, arrays: Mapping[str, Any], xp: Any = np) -> Conditional:
    """Approximate the shift of the index given the counts expected without it, and its scatter, (..., group)."""
    weighted = counts * arrays["flux_weights"]
    expected = xp.maximum(_to_groups(weighted.sum(axis=-1), arrays), _TINY)
    log_energy = _to_groups(inner(weighted, arrays["index_log_energy"]), arrays) / expected
    measured = (log_energy - arrays["index_mean_log_energy"]) / arrays["index_spread"]
    information = arrays["index_information"]
    precision = information + index_scatter[..., None] ** -2
    mean = (information * measured + arrays["index_residual"]) / precision
    return Conditional(mean, precision**-0.5, 0.0, index_scatter[..., None])


def _expected_by_the_runs(data: FitData) -> NDArray[np.float64]:
    """Estimate the counts of a constant source with the excess spectrum of all runs, (run, energy).

    A power law of index 2.5, times the ratio in each bin of the excess of all runs to it, pulled to the common ratio
    by two counts.
    """
    shape = fold(photons(_REFERENCE, _REFERENCE_VALUES, data.energy_true.edges), data.response)
    shape = np.where(data.mask, shape, 0.0)
    excess = np.where(data.mask, data.n_on - data.alpha * data.n_off, 0.0).sum(axis=0)
    ratio = max(float(excess.sum()), 1.0) / max(float(shape.sum()), _TINY)
    expected = ratio * shape.sum(axis=0)
    counts: NDArray[np.float64] = shape * ratio * (np.maximum(excess, 0) + 2) / (expected + 2)
    return counts


def population_geometry(data: FitData, signal: PopulationSignal) -> dict[str, NDArray[np.float64]]:
    """Build the approximation: of ln(counts) and of the spectral slope of each group, from its own counts.

    Returns
    -------
    dict
        `group_membership` (run, group); `flux_weights` (run, energy), with which expected counts are added up;
        `flux_log_counts`, `flux_information` and `flux_residual` (group,): near the mode the likelihood of
        x = ln(weighted counts) is that of a normal measurement with precision `flux_information` and the gradient
        `flux_residual` at `flux_log_counts`. With a scatter of the index also `index_log_energy` (energy,), and
        `index_mean_log_energy`, `index_spread` (variance of ln E), `index_information` and `index_residual` (group,).
    """
    with_index = signal.population.index_scatter is not None
    n_columns = 2 if with_index else 1
    log_energy = np.log(data.energy.centers / signal.model.reference)
    columns = np.stack([np.ones_like(log_energy), -log_energy])[:n_columns]
    membership = signal.groups.membership
    of_run = signal.groups.group_of_run
    prior = np.diag(_REGULARISATION[:n_columns] ** -2.0)
    reference = _expected_by_the_runs(data)
    background = np.where(data.mask, data.alpha * (data.n_off + 0.5), 1.0)
    mode = np.zeros((len(signal.groups), n_columns))
    for _ in range(_N_NEWTON):
        source = reference * np.exp(np.clip(mode @ columns, -50, 50))[of_run]
        score = source * (data.n_on / (source + background) - 1)
        gradient = membership.T @ (score @ columns.T) - mode @ prior
        curvature = _information(source**2 / (source + background), columns, membership) + prior
        step = np.linalg.solve(curvature, gradient[..., None])[..., 0]
        mode = mode + step / np.maximum(1, np.abs(step).max(axis=1, keepdims=True))
    source = reference * np.exp(np.clip(mode @ columns, -50, 50))[of_run]
    weights = np.where(data.mask, source / (source + (1 + data.alpha) * background), 0.0)
    information = _information(weights * source, columns, membership)
    residual = mode @ prior
    flux_information = information[:, 0, 0]
    arrays = {
        "group_membership": membership,
        "flux_weights": weights,
        "flux_log_counts": np.log(np.maximum(membership.T @ (weights * source).sum(axis=1), _TINY)),
        "flux_information": flux_information,
        "flux_residual": residual[:, 0],
    }
    if not with_index:
        return arrays
    mean = -information[:, 0, 1] / np.maximum(flux_information, _TINY)
    spread = information[:, 1, 1] / np.maximum(flux_information, _TINY) - mean**2
    return arrays | {
        "index_log_energy": log_energy,
        "index_mean_log_energy": mean,
        "index_spread": np.maximum(spread, 1e-3),
        "index_information": flux_information * np.maximum(spread, 0.0),
        "index_residual": residual[:, 1] + mean * residual[:, 0],
    }


def instrument_geometry(data: FitData, model: SpectralModel) -> dict[str, NDArray[np.float64]]:
    """Build the approximation for one factor common to all runs, of an instrument; see `population_geometry`."""
    together = RunGroups(("all",), np.zeros(len(data.runs), dtype=int))
    return population_geometry(data, PopulationSignal(model, Population(), together))


def instrument_factor(
    counts: NDArray[np.float64],
    scatter: NDArray[np.float64],
    factor_raw: NDArray[np.float64],
    data: FitData,
    model: SpectralModel,
) -> NDArray[np.float64]:
    """From the sampled coordinate to the flux of an instrument over the mean of the population, (chain, draw).

    Parameters
    ----------
    counts : ndarray, shape (chain, draw, run, energy)
        Signal counts expected at a factor of 1.
    scatter : ndarray, shape (chain, draw)
    factor_raw : ndarray, shape (chain, draw, 1)
    data : FitData
        Of the instrument.
    model : SpectralModel
    """
    conditional = factor_conditional(counts, scatter, instrument_geometry(data, model))
    return np.asarray(np.exp(conditional.parameter(factor_raw))[..., 0])


def _information(
    of_bins: NDArray[np.float64], columns: NDArray[np.float64], membership: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Information matrix of each group, (group, column, column)."""
    matrix: NDArray[np.float64] = np.einsum("re,ie,je,rg->gij", of_bins, columns, columns, membership)
    return matrix


def population_draws(
    variables: Mapping[str, NDArray[np.float64]],
    signal: PopulationSignal,
    data: FitData,
) -> dict[str, NDArray[np.float64]]:
    """From the sampled coordinates to natural parameters.

    Returns
    -------
    dict
        Spectral parameters and `scatter` (chain, draw), `factor` (chain, draw, group), `npred_signal` (chain, draw,
        run, energy); with a scatter of the index also `index_scatter` (chain, draw) and `index_shift` (chain, draw,
        group).
    """
    arrays = population_geometry(data, signal) | {"response": data.response}
    names = (*signal.model.parameter_names, "scatter", "factor_raw", "index_scatter", "shift_raw")
    flat = {name: variables[name].reshape(-1, *variables[name].shape[2:]) for name in names if name in variables}
    parts = []
    for start in range(0, len(flat["scatter"]), _CHUNK):
        raw = {name: values[start : start + _CHUNK] for name, values in flat.items()}
        parts.append(_natural(raw, signal, arrays, data.energy_true.edges))
    shape = variables["scatter"].shape
    joined = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return {name: values.reshape(*shape, *values.shape[1:]) for name, values in joined.items()}


def _natural(
    raw: Mapping[str, NDArray[np.float64]],
    signal: PopulationSignal,
    arrays: Mapping[str, NDArray[np.float64]],
    energy_true: NDArray[np.float64],
) -> dict[str, NDArray[np.float64]]:
    values = {name: raw[name] for name in signal.model.parameter_names}
    found = {**values, "scatter": raw["scatter"]}
    counts = counts_at_mean(signal, values, None, arrays, energy_true)
    if "shift_raw" in raw:
        conditional = shift_conditional(counts, raw["index_scatter"], arrays)
        shift = conditional.parameter(raw["shift_raw"])
        found |= {"index_scatter": raw["index_scatter"], "index_shift": shift}
        counts = counts_at_mean(signal, values, shift, arrays, energy_true)
    factor = np.exp(factor_conditional(counts, raw["scatter"], arrays).parameter(raw["factor_raw"]))
    of_runs = factor[..., signal.groups.group_of_run]
    return {**found, "factor": factor, "npred_signal": counts * of_runs[..., None]}
