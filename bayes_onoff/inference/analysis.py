"""From spectra and a model to a posterior."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from bayes_onoff.errors import InputError
from bayes_onoff.inference.convergence import Convergence, judge_convergence
from bayes_onoff.inference.fit_data import FitData
from bayes_onoff.inference.instrument import Instrument
from bayes_onoff.inference.pooled import STATED_PRIORS, BackgroundPriors
from bayes_onoff.inference.posterior import Posterior
from bayes_onoff.inference.posterior_tree import natural_draws, posterior_tree, random_streams
from bayes_onoff.inference.pymc_model import build_model, data_arrays
from bayes_onoff.inference.sampling import CompiledModel, Samples, compile_model
from bayes_onoff.inference.settings import BackgroundModel, SamplerSettings
from bayes_onoff.inference.systematics import NO_SYSTEMATICS, Systematics
from bayes_onoff.models import SpectralModel
from bayes_onoff.spectra import Spectra

__all__ = ["CompiledAnalysis", "compile_analysis", "convergence_of", "fit"]


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
    systematics : Systematics
    """

    model: SpectralModel
    background: BackgroundModel
    compiled: CompiledModel
    data: FitData
    systematics: Systematics = NO_SYSTEMATICS

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
        instrument = Instrument(spectra, self.background, self.systematics)
        streams = random_streams(settings.seed)
        draws = natural_draws(samples, data, self.model, instrument, streams[0])
        tree = posterior_tree(draws, data, self.model, instrument, samples.sample_stats, streams)
        convergence = convergence_of(draws, samples, data)
        return Posterior(tree, self.model, self.background, settings, convergence, self.systematics)

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
        require_shape(data, self.data)
        self.compiled.set_data(data_arrays(data, self.model, self.background, priors))
        return self.compiled.sample(settings, progress=progress)


def require_shape(data: FitData, compiled: FitData, place: str = "spectra") -> None:
    """Refuse data of another shape than those compiled for.

    Raises
    ------
    InputError
        If the number of runs or bins differs, or true energy.
    """
    if data.mask.shape != compiled.mask.shape or not data.energy_true.is_close(compiled.energy_true):
        raise InputError(
            "the spectra differ in shape from those this analysis was compiled for",
            place=place,
            found=f"(run, energy) = {data.mask.shape}",
            allowed=f"{compiled.mask.shape} and the same true energy",
        )


def convergence_of(draws: Mapping[str, NDArray[Any]], samples: Samples, data: FitData) -> Convergence:
    """Judge every quantity that is printed: parameters, scales, and signal and rate of each fitted bin."""
    return judge_convergence(xr.Dataset(printed_quantities(draws, data)), samples.sample_stats)


def printed_quantities(draws: Mapping[str, NDArray[Any]], data: FitData, prefix: str = "") -> dict[str, Any]:
    """Flatten every quantity that is printed to (chain, draw, index), constant entries left out."""
    quantities: dict[str, Any] = {}
    for name, values in draws.items():
        per_bin = values[..., data.mask] if name.startswith("npred") else values
        # A bin the response does not reach has a signal of exactly 0 in every draw: nothing to judge.
        flat = per_bin.reshape(*values.shape[:2], -1)
        flat = flat[..., np.ptp(flat, axis=(0, 1)) > 0]
        quantities[prefix + name] = (("chain", "draw", f"{prefix}{name}_index"), flat)
    return quantities


def compile_analysis(
    spectra: Spectra,
    model: SpectralModel,
    background: BackgroundModel | None = None,
    systematics: Systematics = NO_SYSTEMATICS,
) -> CompiledAnalysis:
    """Build and compile the model for spectra of this shape.

    Parameters
    ----------
    spectra : Spectra
    model : SpectralModel
    background : BackgroundModel, optional
        Pooled by default.
    systematics : Systematics, optional
        By default the response is exact.

    Raises
    ------
    InputError
        If no bin is left to fit, the model is no spectrum, or the shape is to come from a background response that a
        run does not have.
    """
    model.require_spectrum()
    background = background or BackgroundModel()
    data = FitData.from_spectra(spectra)
    compiled = compile_model(build_model(data, model, background, systematics), correlated=bool(systematics))
    return CompiledAnalysis(model, background, compiled, data, systematics)


def fit(
    spectra: Spectra,
    model: SpectralModel,
    background: BackgroundModel | None = None,
    settings: SamplerSettings | None = None,
    *,
    systematics: Systematics = NO_SYSTEMATICS,
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
    systematics : Systematics, optional
        By default the response is exact.
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
    return compile_analysis(spectra, model, background, systematics).fit(spectra, settings, progress=progress)
