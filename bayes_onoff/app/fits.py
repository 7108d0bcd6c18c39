"""Everything that is sampled in one run."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayes_onoff.app.config import Configuration
from bayes_onoff.app.light_curves import LightCurveFits, LightCurvePlan, fit_curve
from bayes_onoff.app.progress import Progress
from bayes_onoff.app.unfinished import KeptFits
from bayes_onoff.inference import BandPosterior, Convergence, Posterior, unfolding_model
from bayes_onoff.inference.bands import bands_of_bins
from bayes_onoff.inference.fit_data import FitData
from bayes_onoff.inference.pooled import expected_shape
from bayes_onoff.inference.settings import SamplerSettings
from bayes_onoff.models import SpectralModel
from bayes_onoff.spectra import Spectra, stack

__all__ = ["Fits", "default_bands", "fit_everything", "fit_flux_points", "flux_point_edges", "require_background_shape"]

BANDS_PER_DECADE = 8


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class Fits:
    """The posteriors of one analysis.

    Parameters
    ----------
    posteriors : mapping of str to Posterior
        By the model's label, the main one first.
    stacked : Posterior or None
        The main model's, of the stacked spectrum.
    unfolded : Posterior or None
        Of a spectrum without a parametric form.
    bands : BandPosterior
        Norms in bands of energy, relative to the main posterior's median.
    light_curve : LightCurveFits or None
        With the main model's shape, if it was asked for.
    """

    posteriors: Mapping[str, Posterior]
    stacked: Posterior | None
    unfolded: Posterior | None
    bands: BandPosterior
    light_curve: LightCurveFits | None = None

    @property
    def main_label(self) -> str:
        """Label of the main model."""
        return next(iter(self.posteriors))

    @property
    def main(self) -> Posterior:
        """Posterior of the main model."""
        return self.posteriors[self.main_label]

    @property
    def convergence(self) -> dict[str, Convergence]:
        """The verdict on every fit by its name."""
        verdicts = {label: posterior.convergence for label, posterior in self.posteriors.items()}
        if self.stacked is not None:
            verdicts["stacked"] = self.stacked.convergence
        if self.unfolded is not None:
            verdicts["unfolded"] = self.unfolded.convergence
        curve = {} if self.light_curve is None else self.light_curve.convergence
        return {**verdicts, "flux points": self.bands.convergence, **curve}

    @property
    def converged(self) -> bool:
        """Whether every fit converged."""
        return all(verdict.converged for verdict in self.convergence.values())


def flux_point_edges(config: Configuration, spectra: Spectra) -> NDArray[np.float64]:
    """Find the edges of the flux points' bands, TeV, on edges of the reconstructed axis.

    Raises
    ------
    InputError
        If no bin is left to fit, or no band covers a fitted bin.
    """
    data = FitData.from_spectra(spectra)
    wanted = default_bands(data) if config.flux_points is None else config.flux_points.to_axis().edges
    return bands_of_bins(data, wanted)[0]


def default_bands(data: FitData) -> NDArray[np.float64]:
    """Divide the fitted range into bands, eight a decade; edges in TeV."""
    low, high = data.energy.edges[0], data.energy.edges[-1]
    return np.geomspace(low, high, 1 + max(1, round(BANDS_PER_DECADE * np.log10(high / low))))


def require_background_shape(config: Configuration, spectra: Spectra) -> None:
    """Refuse a shape from the background response where a run has none.

    Raises
    ------
    InputError
        If that is asked for, and a run has no expected background, or one that is 0 in a fitted bin.
    """
    if config.background.shape_from is not None:
        expected_shape(FitData.from_spectra(spectra))


def fit_everything(
    config: Configuration,
    spectra: Spectra,
    edges: NDArray[np.float64],
    progress: Progress,
    curve: LightCurvePlan | None = None,
    *,
    kept: KeptFits,
) -> Fits:
    """Sample every posterior that the configuration asks for.

    Parameters
    ----------
    config : Configuration
        With its seed.
    spectra : Spectra
    edges : ndarray, shape (band + 1,)
        Edges of the flux points' bands, TeV.
    progress : Progress
    curve : LightCurvePlan, optional
    kept : KeptFits
        What was sampled before an interruption; every fit is kept as soon as it is done.
    """
    background, settings = config.background.to_background(), config.sampling.to_settings()
    systematics = config.systematics.to_systematics()
    models = config.to_models()
    with progress.stage("import", "loading PyMC"):
        from bayes_onoff.inference import compile_analysis

    def sample(label: str, data: Spectra, model: SpectralModel) -> Posterior:
        first = " (the first time on a machine takes a minute or two)" if not progress.timings.get("compile") else ""
        with progress.stage("compile", f"compiling {label}{first}"):
            analysis = compile_analysis(data, model, background, systematics)
        with progress.stage("sample", f"sampling {label}", spinner=False):
            return analysis.fit(data, settings, progress=progress.in_terminal)

    def fit(label: str, data: Spectra, model: SpectralModel) -> Posterior:
        posterior = kept.posterior(label, partial(sample, label, data, model))
        progress.say(f"{label}: {posterior.convergence.sentence}")
        return posterior

    posteriors = {label: fit(label, spectra, model) for label, model in models.items()}
    main_label, model = next(iter(models.items()))
    stacked = None
    if config.stacked:
        stacked = fit(f"{main_label}, stacked", Spectra((stack(spectra),)), model)
    unfolded = fit("unfolded", spectra, unfolding_model(spectra)) if config.unfolding else None
    bands = fit_flux_points(posteriors[main_label], edges, settings, progress, kept)
    light_curve = None if curve is None else fit_curve(config, curve, main_label, model, progress, kept)
    return Fits(posteriors=posteriors, stacked=stacked, unfolded=unfolded, bands=bands, light_curve=light_curve)


def fit_flux_points(
    posterior: Posterior,
    edges: NDArray[np.float64],
    settings: SamplerSettings,
    progress: Progress,
    kept: KeptFits | None = None,
) -> BandPosterior:
    """Sample norms in bands of energy, relative to a posterior's median.

    Parameters
    ----------
    posterior : Posterior
    edges : ndarray, shape (band + 1,)
        TeV.
    settings : SamplerSettings
    progress : Progress
    kept : KeptFits, optional
        As for `fit_everything`.
    """
    known: dict[str, Any] = {
        "spectra": posterior.spectra,
        "model": posterior.model,
        "values": posterior.medians | posterior.systematic_medians,
        "background": posterior.background,
        "systematics": posterior.systematics,
    }

    def sample() -> BandPosterior:
        from bayes_onoff.inference import compile_bands

        with progress.stage("compile", "compiling flux points"):
            compiled = compile_bands(**known, edges=edges)
        with progress.stage("flux points", f"flux points in {len(edges) - 1} bands", spinner=False):
            return compiled.fit(
                posterior.spectra,
                posterior.model,
                known["values"],
                edges,
                settings,
                systematics=posterior.systematics,
                progress=progress.in_terminal,
            )

    bands = sample() if kept is None else kept.bands("flux points", sample, **known)
    progress.say(f"flux points: {bands.convergence.sentence}")
    return bands
