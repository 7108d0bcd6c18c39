"""The posterior of fluxes that are drawn from a population: a light curve, or instruments that may disagree."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from bayes_onoff.axes import GROUP_DIM
from bayes_onoff.errors import InputError
from bayes_onoff.inference.convergence import Convergence
from bayes_onoff.inference.fit_data import FitData
from bayes_onoff.inference.pooled import STATED_PRIORS, BackgroundPriors
from bayes_onoff.inference.population import Population, PopulationSignal, photons_of_groups, population_draws
from bayes_onoff.inference.run_groups import RunGroups
from bayes_onoff.inference.settings import BackgroundModel, SamplerSettings
from bayes_onoff.models import SpectralModel, photons
from bayes_onoff.spectra import Spectra

if TYPE_CHECKING:
    from bayes_onoff.inference.sampling import CompiledModel, Samples

__all__ = ["CompiledLightCurve", "LightCurvePosterior", "compile_light_curve", "fit_light_curve"]

_PER_DECADE = 30
"""Bins in which the index is shifted where a flux is integrated."""


@dataclass(frozen=True, eq=False, slots=True)
class LightCurvePosterior:
    """The posterior of one spectral shape and of a flux for each group of runs, drawn from a log-normal population.

    Parameters
    ----------
    tree : DataTree
        Group `posterior`: the spectral parameters, whose amplitude is the mean flux of the population; `scatter`, the
        standard deviation of ln(flux); `factor` (group), the flux of each group over that mean; with a scatter of the
        index `index_scatter` and `index_shift` (group); the background. Group `sample_stats`.
    spectra : Spectra
    model : SpectralModel
    population : Population
    groups : RunGroups
    background : BackgroundModel
    convergence : Convergence
    """

    tree: xr.DataTree
    spectra: Spectra
    model: SpectralModel
    population: Population
    groups: RunGroups
    background: BackgroundModel
    convergence: Convergence

    def draws(self, name: str) -> NDArray[np.float64]:
        """Draws of a variable of the posterior, (chain, draw, ...)."""
        return np.asarray(self.tree["posterior"][name].values)

    @property
    def values(self) -> dict[str, NDArray[np.float64]]:
        """Draws of the spectral parameters, (chain, draw) each."""
        return {name: self.draws(name) for name in self.model.parameter_names}

    @property
    def medians(self) -> dict[str, float]:
        """Posterior median of each spectral parameter."""
        return {name: float(np.median(values)) for name, values in self.values.items()}

    def flux(self, edges: NDArray[np.float64]) -> NDArray[np.float64]:
        """Draws of the photon flux of each group between two energies, cm-2 s-1, (chain, draw, group).

        Parameters
        ----------
        edges : ndarray, shape (2,)
            TeV.
        """
        if self.population.index_scatter is None:
            flux = photons(self.model, self.values, edges)
        else:
            fine = np.geomspace(edges[0], edges[-1], 1 + int(np.ceil(_PER_DECADE * np.log10(edges[-1] / edges[0]))))
            flux = photons_of_groups(self.model, self.values, self.draws("index_shift"), fine).sum(axis=-1)
        flux = np.asarray(flux * self.draws("factor"))
        return flux


@dataclass(frozen=True, eq=False, slots=True)
class CompiledLightCurve:
    """A population of fluxes, compiled for data of one shape: fit many data sets with it.

    Parameters
    ----------
    signal : PopulationSignal
        Model, priors of the population and groups of runs.
    background : BackgroundModel
    compiled : CompiledModel
    data : FitData
        The data it was compiled for; others must agree in the number of runs and bins and in true energy.
    """

    signal: PopulationSignal
    background: BackgroundModel
    compiled: "CompiledModel"
    data: FitData

    def fit(
        self,
        spectra: Spectra,
        settings: SamplerSettings | None = None,
        *,
        priors: BackgroundPriors = STATED_PRIORS,
        progress: bool = True,
    ) -> LightCurvePosterior:
        """Sample the posterior for these spectra without compiling anew; other `priors` of levels and slope for tests.

        Raises
        ------
        InputError
            If the spectra differ in shape from those compiled for, or no bin is left.
        """
        from bayes_onoff.inference import groups, rates
        from bayes_onoff.inference.analysis import convergence_of
        from bayes_onoff.inference.posterior_tree import random_streams

        settings = settings or SamplerSettings()
        data = FitData.from_spectra(spectra)
        samples = self._sample(data, settings, priors, progress)
        population = population_draws(samples.variables, self.signal, data)
        rng, _, _ = random_streams(settings.seed)
        background = rates.background_draws(
            samples.variables, population["npred_signal"], data, self.background, rng, priors
        )
        draws = {**population, **background}
        units = {parameter.name: parameter.unit for parameter in self.signal.model.parameters}
        posterior = groups.draws_dataset(draws, data, units).assign_coords({GROUP_DIM: list(self.signal.groups.names)})
        tree = xr.DataTree.from_dict({"posterior": posterior, "sample_stats": samples.sample_stats})
        return LightCurvePosterior(
            tree,
            spectra,
            self.signal.model,
            self.signal.population,
            self.signal.groups,
            self.background,
            convergence_of(draws, samples, data),
        )

    def _sample(self, data: FitData, settings: SamplerSettings, priors: BackgroundPriors, progress: bool) -> "Samples":
        from bayes_onoff.inference.analysis import require_shape
        from bayes_onoff.inference.pymc_model import data_arrays

        require_shape(data, self.data)
        self.compiled.set_data(data_arrays(data, self.signal, self.background, priors))
        return self.compiled.sample(settings, progress=progress)


def compile_light_curve(
    spectra: Spectra,
    model: SpectralModel,
    groups: Mapping[str, Sequence[str]] | None = None,
    *,
    population: Population | None = None,
    background: BackgroundModel | None = None,
) -> CompiledLightCurve:
    """Build and compile a light curve for spectra of this shape; arguments and errors as for `fit_light_curve`."""
    from bayes_onoff.inference.pymc_model import build_model
    from bayes_onoff.inference.sampling import compile_model

    background = background or BackgroundModel()
    data = FitData.from_spectra(spectra)
    signal = PopulationSignal(model, population or Population(), RunGroups.of(spectra, groups))
    if len(signal.groups) < 2:
        raise InputError("one group does not vary", place="groups", found=1, allowed="two or more groups of runs")
    return CompiledLightCurve(signal, background, compile_model(build_model(data, signal, background)), data)


def fit_light_curve(
    spectra: Spectra,
    model: SpectralModel,
    groups: Mapping[str, Sequence[str]] | None = None,
    *,
    population: Population | None = None,
    background: BackgroundModel | None = None,
    settings: SamplerSettings | None = None,
    progress: bool = True,
) -> LightCurvePosterior:
    """Sample one spectral shape together with a flux for each group of runs, drawn from a log-normal population.

    Parameters
    ----------
    spectra : Spectra
    model : SpectralModel
        Its shape is common to all groups, its amplitude the mean flux of the population.
    groups : mapping of str to sequence of str, optional
        Name of a group (a night, an instrument) to the names of its runs; by default every run is a group.
    population : Population, optional
        The priors of the scatter; by default half-normal(0.7) for the standard deviation of ln(flux), and one spectral
        index for all groups.
    background : BackgroundModel, optional
        Pooled by default.
    settings, progress
        As for `fit`.

    Raises
    ------
    InputError
        If no bin is left to fit, there is one group only, or a run belongs to no group or to two.
    """
    compiled = compile_light_curve(spectra, model, groups, population=population, background=background)
    return compiled.fit(spectra, settings, progress=progress)
