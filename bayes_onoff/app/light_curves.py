"""The light curve of a run of the analysis: what is asked for, and its fits."""

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayes_onoff.app.config import Configuration
from bayes_onoff.app.progress import Progress
from bayes_onoff.app.unfinished import KeptFits
from bayes_onoff.errors import InputError
from bayes_onoff.inference import Convergence, GroupNorms, LightCurvePosterior
from bayes_onoff.inference.bands import bands_of_bins
from bayes_onoff.inference.fit_data import FitData
from bayes_onoff.models import SpectralModel
from bayes_onoff.spectra import Spectra

__all__ = ["LightCurveFits", "LightCurvePlan", "fit_curve", "plan_light_curve"]


@dataclass(frozen=True, eq=False, slots=True)
class LightCurvePlan:
    """What a light curve is made of.

    Parameters
    ----------
    spectra : Spectra
        One a group.
    edges : ndarray, shape (2,)
        Range of the flux, TeV, on edges of the reconstructed axis.
    bands : ndarray, shape (band + 1,), or None
        Edges of the light curve in bands of energy, TeV.
    """

    spectra: Spectra
    edges: NDArray[np.float64]
    bands: NDArray[np.float64] | None


@dataclass(frozen=True, eq=False, slots=True)
class LightCurveFits:
    """Posteriors of a light curve: fluxes drawn from a population, and each alone, in one band and in several."""

    population: LightCurvePosterior
    alone: GroupNorms
    in_bands: GroupNorms | None

    @property
    def convergence(self) -> dict[str, Convergence]:
        """The verdict on every fit by its name."""
        verdicts = {"light curve": self.population.convergence, "fluxes alone": self.alone.bands.convergence}
        if self.in_bands is not None:
            verdicts["fluxes in bands"] = self.in_bands.bands.convergence
        return verdicts


def plan_light_curve(config: Configuration, spectra: Spectra | None) -> LightCurvePlan | None:
    """Look at what is asked for, before anything is sampled.

    Parameters
    ----------
    config : Configuration
    spectra : Spectra or None
        One a group; None where no light curve is asked for.

    Raises
    ------
    InputError
        If there is one group only, or a band covers no fitted bin.
    """
    if config.light_curve is None or spectra is None:
        return None
    if len(spectra) < 2:
        raise InputError(
            "one spectrum makes no light curve",
            place="light_curve",
            found=", ".join(spectra.names),
            allowed="two or more runs, nights or bins in time",
        )
    data = FitData.from_spectra(spectra)
    fitted = data.energy.edges
    low, high = config.light_curve.range.to_limits()
    edges = bands_of_bins(data, np.array([max(low, fitted[0]), min(high, fitted[-1])]))[0]
    bands = None if config.light_curve.bands is None else bands_of_bins(data, config.light_curve.bands.to_axis().edges)
    return LightCurvePlan(spectra, edges, None if bands is None else bands[0])


def fit_curve(
    config: Configuration, plan: LightCurvePlan, label: str, model: SpectralModel, progress: Progress, kept: KeptFits
) -> LightCurveFits:
    """Sample the light curve with the main model's spectral shape; the seed must be known."""
    assert config.light_curve is not None
    background, settings = config.background.to_background(), config.sampling.to_settings()
    known: dict[str, Any] = {"spectra": plan.spectra, "model": model, "background": background}
    priors = config.light_curve.to_population()

    def sample() -> LightCurvePosterior:
        from bayes_onoff.inference import compile_light_curve

        with progress.stage("compile", f"compiling the light curve of the {label}"):
            curve = compile_light_curve(plan.spectra, model, population=priors, background=background)
        with progress.stage("light curve", f"light curve of {len(plan.spectra)} fluxes", spinner=False):
            return curve.fit(plan.spectra, settings, progress=progress.in_terminal)

    population = kept.light_curve("light curve", sample, population=priors, **known)
    known["values"] = population.medians

    def sample_alone(edges: NDArray[np.float64]) -> GroupNorms:
        from bayes_onoff.inference import compile_group_norms

        with progress.stage("compile", "compiling each flux alone"):
            compiled = compile_group_norms(**known, edges=edges)
        with progress.stage("light curve", f"each flux alone, in {len(edges) - 1} bands", spinner=False):
            return compiled.fit(plan.spectra, model, population.medians, settings, progress=progress.in_terminal)

    def alone(name: str, edges: NDArray[np.float64]) -> GroupNorms:
        return kept.group_norms(name, partial(sample_alone, edges), **known)

    in_bands = None if plan.bands is None else alone("fluxes in bands", plan.bands)
    fits = LightCurveFits(population, alone("fluxes alone", plan.edges), in_bands)
    for name, verdict in fits.convergence.items():
        progress.say(f"{name}: {verdict.sentence}")
    return fits
