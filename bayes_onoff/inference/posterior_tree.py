"""From sampled variables to all that a posterior holds, in NumPy: draws, predictive counts, likelihood, prior."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from bayes_onoff.inference import groups, rates
from bayes_onoff.inference.fit_data import FitData
from bayes_onoff.inference.instrument import Instrument
from bayes_onoff.inference.log_prior import log_prior
from bayes_onoff.inference.population import instrument_factor
from bayes_onoff.inference.sampling import Samples
from bayes_onoff.inference.systematics import expected_signal, prior_systematics_draws, systematics_of
from bayes_onoff.models import SpectralModel
from bayes_onoff.spectra.labelled import to_dataset

__all__ = ["N_PRIOR_DRAWS", "natural_draws", "posterior_tree", "random_streams"]

N_PRIOR_DRAWS = 1000

type Draws = dict[str, NDArray[np.float64]]
type Streams = tuple[np.random.Generator, np.random.Generator, np.random.Generator]


def random_streams(seed: int | Sequence[int]) -> Streams:
    """Independent generators for drawing rates back, for the posterior predictive, and for the prior."""
    rates_seed, predictive_seed, prior_seed = np.random.SeedSequence(seed).spawn(3)
    return np.random.default_rng(rates_seed), np.random.default_rng(predictive_seed), np.random.default_rng(prior_seed)


def natural_draws(
    samples: Samples, data: FitData, model: SpectralModel, instrument: Instrument, rng: np.random.Generator
) -> Draws:
    """Everything that is printed: spectral parameters, systematics, background and expected signal counts.

    With the factor of an instrument that is drawn from a population also `scatter` and `flux_factor`.

    Parameters
    ----------
    samples : Samples
    data : FitData
        Of the instrument's spectra.
    model : SpectralModel
    instrument : Instrument
    rng : Generator
        To draw rates back.
    """
    systematics = instrument.systematics
    values = {name: samples.variables[name] for name in model.parameter_names}
    values |= systematics_of(systematics, samples.variables)
    signal = expected_signal(model, systematics, values, data.energy_true.edges, data.response)
    if "factor_raw" in samples.variables:
        values["scatter"] = samples.variables["scatter"]
        raw = samples.variables["factor_raw"]
        values["flux_factor"] = instrument_factor(signal, values["scatter"], raw, data, model)
        signal = signal * values["flux_factor"][..., None, None]
    background = rates.background_draws(samples.variables, signal, data, instrument.background, rng)
    return {**values, **background, "npred_signal": signal}


def posterior_tree(
    draws: Draws,
    data: FitData,
    model: SpectralModel,
    instrument: Instrument,
    sample_stats: xr.Dataset,
    streams: Streams,
    prior_values: Draws | None = None,
) -> xr.DataTree:
    """Collect the groups of a posterior.

    Parameters
    ----------
    draws : dict
        From `natural_draws`.
    data, model, instrument
        As there.
    sample_stats : Dataset
    streams : tuple of Generator
        From `random_streams`.
    prior_values : dict, optional
        Draws (1, 1000) of what instruments share from its prior: the spectral parameters, and `scatter` if there is
        one; by default the former are drawn here.
    """
    background, systematics = instrument.background, instrument.systematics
    _, posterior_rng, prior_rng = streams
    units = {parameter.name: parameter.unit for parameter in model.parameters}
    prior = _prior_draws(data, model, instrument, prior_rng, prior_values)
    signal = draws["npred_signal"]

    def labelled(values: dict[str, NDArray[Any]], units: dict[str, str]) -> xr.Dataset:
        return groups.draws_dataset(values, data, units, systematics)

    densities = log_prior(draws, data, model, background, systematics)
    return xr.DataTree.from_dict(
        {
            "posterior": labelled(draws, units),
            "prior": labelled(prior, units),
            "posterior_predictive": labelled(rates.replicated_counts(signal, draws, data, posterior_rng), {}),
            "prior_predictive": labelled(rates.replicated_counts(prior["npred_signal"], prior, data, prior_rng), {}),
            "log_likelihood": groups.log_likelihood_dataset(
                rates.log_likelihood(signal, draws, data, background), data
            ),
            "log_prior": groups.draws_dataset(densities, data, {}),
            "sample_stats": sample_stats,
            "observed_data": groups.observed_data(data),
            "constant_data": groups.constant_data(data),
            "spectra": to_dataset(instrument.spectra),
        }
    )


def _prior_draws(
    data: FitData, model: SpectralModel, instrument: Instrument, rng: np.random.Generator, values: Draws | None
) -> Draws:
    if values is None:
        values = {name: prior.draw(rng, (1, N_PRIOR_DRAWS)) for name, prior in model.priors.items()}
    edges = data.energy_true.edges
    systematics = instrument.systematics
    own = prior_systematics_draws(systematics, len(data.runs), edges, N_PRIOR_DRAWS, rng)
    values = {**values, **own}
    signal = expected_signal(model, systematics, values, edges, data.response)
    if "scatter" in values:
        scatter = values["scatter"]
        values["flux_factor"] = np.exp(scatter * rng.standard_normal(scatter.shape) - scatter**2 / 2)
        signal = signal * values["flux_factor"][..., None, None]
    return {
        **values,
        **rates.prior_background_draws(data, instrument.background, N_PRIOR_DRAWS, rng),
        "npred_signal": signal,
    }
