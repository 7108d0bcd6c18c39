"""Everything that is sampled in one run."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bayes_onoff.app.config import Configuration
from bayes_onoff.app.light_curves import LightCurveFits, LightCurvePlan, fit_curve
from bayes_onoff.app.progress import Progress
from bayes_onoff.inference import BandPosterior, Convergence, Posterior, unfolding_model
from bayes_onoff.inference.bands import bands_of_bins
from bayes_onoff.inference.fit_data import FitData
from bayes_onoff.inference.pooled import expected_shape
from bayes_onoff.models import SpectralModel
from bayes_onoff.spectra import Spectra, stack

__all__ = ["Fits", "fit_everything", "flux_point_edges", "require_background_shape"]

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
    if config.flux_points is not None:
        wanted = config.flux_points.to_axis().edges
    else:
        low, high = data.energy.edges[0], data.energy.edges[-1]
        wanted = np.geomspace(low, high, 1 + max(1, round(BANDS_PER_DECADE * np.log10(high / low))))
    return bands_of_bins(data, wanted)[0]


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
    """
    background, settings = config.background.to_background(), config.sampling.to_settings()
    systematics = config.systematics.to_systematics()
    models = config.to_models()
    with progress.stage("import", "loading PyMC"):
        from bayes_onoff.inference import compile_analysis, fit_bands

    def fit(label: str, data: Spectra, model: SpectralModel) -> Posterior:
        first = " (the first time on a machine takes a minute or two)" if not progress.timings.get("compile") else ""
        with progress.stage("compile", f"compiling {label}{first}"):
            analysis = compile_analysis(data, model, background, systematics)
        with progress.stage("sample", f"sampling {label}", spinner=False):
            posterior = analysis.fit(data, settings, progress=progress.in_terminal)
        progress.say(f"{label}: {posterior.convergence.sentence}")
        return posterior

    posteriors = {label: fit(label, spectra, model) for label, model in models.items()}
    main_label, model = next(iter(models.items()))
    stacked = None
    if config.stacked:
        stacked = fit(f"{main_label}, stacked", Spectra((stack(spectra),)), model)
    unfolded = fit("unfolded", spectra, unfolding_model(spectra)) if config.unfolding else None
    with progress.stage("flux points", f"flux points in {len(edges) - 1} bands", spinner=False):
        bands = fit_bands(
            spectra,
            model,
            posteriors[main_label].medians | posteriors[main_label].systematic_medians,
            edges,
            background=background,
            systematics=systematics,
            settings=settings,
            progress=progress.in_terminal,
        )
    progress.say(f"flux points: {bands.convergence.sentence}")
    light_curve = None if curve is None else fit_curve(config, curve, main_label, model, progress)
    return Fits(posteriors=posteriors, stacked=stacked, unfolded=unfolded, bands=bands, light_curve=light_curve)
