"""From spectra and a model to a posterior."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from bayes_onoff.errors import InputError
from bayes_onoff.inference import groups, rates
from bayes_onoff.inference.convergence import Convergence, judge_convergence
from bayes_onoff.inference.fit_data import FitData
from bayes_onoff.inference.log_prior import log_prior
from bayes_onoff.inference.pooled import STATED_PRIORS, BackgroundPriors
from bayes_onoff.inference.posterior import Posterior
from bayes_onoff.inference.pymc_model import build_model, data_arrays
from bayes_onoff.inference.sampling import CompiledModel, Samples, compile_model
from bayes_onoff.inference.settings import BackgroundModel, SamplerSettings
from bayes_onoff.models import SpectralModel, photons
from bayes_onoff.spectra import Spectra, fold
from bayes_onoff.spectra.labelled import to_dataset

__all__ = ["CompiledAnalysis", "compile_analysis", "convergence_of", "fit", "random_streams"]

N_PRIOR_DRAWS = 1000


@dataclass(frozen=True, eq=False, slots=True)
class CompiledAnalysis:
    """A spectral and a background model, compiled for data of one shape: fit many data sets with it.

    Parameters
    ----------
    model : SpectralModel
    background : BackgroundModel
    compiled : CompiledModel
    data : FitData
        The data it was compiled for; others must agree in the number of runs and bins and in true energy.
    """

    model: SpectralModel
    background: BackgroundModel
    compiled: CompiledModel
    data: FitData

    def fit(self, spectra: Spectra, settings: SamplerSettings | None = None, *, progress: bool = True) -> Posterior:
        """Sample the posterior for these spectra without compiling anew.

        Raises
        ------
        InputError
            If the spectra differ in shape from those compiled for, or no bin is left.
        """
        settings = settings or SamplerSettings()
        data = FitData.from_spectra(spectra)
        samples = self.sample(data, settings, progress=progress)
        return self._posterior(spectra, data, samples, settings)

    def sample(
        self,
        data: FitData,
        settings: SamplerSettings,
        *,
        priors: BackgroundPriors = STATED_PRIORS,
        progress: bool = True,
    ) -> Samples:
        """Sample for these data, nothing more.

        Raises
        ------
        InputError
            If the data differ in shape from those compiled for.
        """
        if data.mask.shape != self.data.mask.shape or not data.energy_true.is_close(self.data.energy_true):
            raise InputError(
                "the spectra differ in shape from those this analysis was compiled for",
                place="spectra",
                found=f"(run, energy) = {data.mask.shape}",
                allowed=f"{self.data.mask.shape} and the same true energy",
            )
        self.compiled.set_data(data_arrays(data, self.model, self.background, priors))
        return self.compiled.sample(settings, progress=progress)

    def _posterior(self, spectra: Spectra, data: FitData, samples: Samples, settings: SamplerSettings) -> Posterior:
        rate_rng, posterior_rng, prior_rng = random_streams(settings.seed)
        values = {name: samples.variables[name] for name in self.model.parameter_names}
        units = {parameter.name: parameter.unit for parameter in self.model.parameters}
        signal = fold(photons(self.model, values, data.energy_true.edges), data.response)
        background = rates.background_draws(samples.variables, signal, data, self.background, rate_rng)
        draws = {**values, **background, "npred_signal": signal}
        prior = self._prior_draws(data, prior_rng)
        tree = xr.DataTree.from_dict(
            {
                "posterior": groups.draws_dataset(draws, data, units),
                "prior": groups.draws_dataset(prior, data, units),
                "posterior_predictive": groups.draws_dataset(
                    rates.replicated_counts(signal, background, data, posterior_rng), data, {}
                ),
                "prior_predictive": groups.draws_dataset(
                    rates.replicated_counts(prior["npred_signal"], prior, data, prior_rng), data, {}
                ),
                "log_likelihood": groups.log_likelihood_dataset(
                    rates.log_likelihood(signal, background, data, self.background), data
                ),
                "log_prior": groups.draws_dataset(log_prior(draws, data, self.model, self.background), data, {}),
                "sample_stats": samples.sample_stats,
                "observed_data": groups.observed_data(data),
                "constant_data": groups.constant_data(data),
                "spectra": to_dataset(spectra),
            }
        )
        return Posterior(tree, self.model, self.background, settings, convergence_of(draws, samples, data))

    def _prior_draws(self, data: FitData, rng: np.random.Generator) -> dict[str, NDArray[np.float64]]:
        values = {name: prior.draw(rng, (1, N_PRIOR_DRAWS)) for name, prior in self.model.priors.items()}
        signal = fold(photons(self.model, values, data.energy_true.edges), data.response)
        return {
            **values,
            **rates.prior_background_draws(data, self.background, N_PRIOR_DRAWS, rng),
            "npred_signal": signal,
        }


def random_streams(seed: int) -> tuple[np.random.Generator, np.random.Generator, np.random.Generator]:
    """Independent generators for drawing rates back, for the posterior predictive, and for the prior."""
    rates_seed, predictive_seed, prior_seed = np.random.SeedSequence(seed).spawn(3)
    return np.random.default_rng(rates_seed), np.random.default_rng(predictive_seed), np.random.default_rng(prior_seed)


def convergence_of(draws: dict[str, NDArray[Any]], samples: Samples, data: FitData) -> Convergence:
    """Judge every quantity that is printed: parameters, scales, and signal and rate of each fitted bin."""
    quantities = {}
    for name, values in draws.items():
        per_bin = values[..., data.mask] if name.startswith("npred") else values
        # A bin the response does not reach has a signal of exactly 0 in every draw: nothing to judge.
        flat = per_bin.reshape(*values.shape[:2], -1)
        flat = flat[..., np.ptp(flat, axis=(0, 1)) > 0]
        quantities[name] = (("chain", "draw", f"{name}_index"), flat)
    return judge_convergence(xr.Dataset(quantities), samples.sample_stats)


def compile_analysis(
    spectra: Spectra, model: SpectralModel, background: BackgroundModel | None = None
) -> CompiledAnalysis:
    """Build and compile the model for spectra of this shape.

    Parameters
    ----------
    spectra : Spectra
    model : SpectralModel
    background : BackgroundModel, optional
        Pooled by default.

    Raises
    ------
    InputError
        If no bin is left to fit, the model is no spectrum, or the shape is to come from a background response that a
        run does not have.
    """
    model.require_spectrum()
    background = background or BackgroundModel()
    data = FitData.from_spectra(spectra)
    return CompiledAnalysis(model, background, compile_model(build_model(data, model, background)), data)


def fit(
    spectra: Spectra,
    model: SpectralModel,
    background: BackgroundModel | None = None,
    settings: SamplerSettings | None = None,
    *,
    progress: bool = True,
) -> Posterior:
    """Sample the posterior of a spectral model given ON/OFF spectra.

    Parameters
    ----------
    spectra : Spectra
    model : SpectralModel
        Shape and priors.
    background : BackgroundModel, optional
        Pooled by default.
    settings : SamplerSettings, optional
        4 chains of 1000 draws after 1000 steps of tuning by default.
    progress : bool
        Show a progress bar.

    Returns
    -------
    Posterior
        Its `convergence` says whether the numbers can be used.

    Raises
    ------
    InputError
        If no bin is left to fit.
    """
    return compile_analysis(spectra, model, background).fit(spectra, settings, progress=progress)
