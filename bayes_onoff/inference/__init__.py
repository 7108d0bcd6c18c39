"""From spectra and a model to a posterior; the only room that imports PyMC, and only when it samples."""

from typing import TYPE_CHECKING, Any

from bayes_onoff.inference.convergence import Convergence
from bayes_onoff.inference.posterior import Posterior
from bayes_onoff.inference.settings import BackgroundModel, SamplerSettings

if TYPE_CHECKING:
    from bayes_onoff.inference.analysis import CompiledAnalysis, compile_analysis, fit
    from bayes_onoff.inference.bands import BandPosterior, CompiledBands, compile_bands, fit_bands
    from bayes_onoff.inference.group_norms import CompiledGroupNorms, GroupNorms, compile_group_norms, fit_group_norms
    from bayes_onoff.inference.light_curve import (
        CompiledLightCurve,
        LightCurvePosterior,
        compile_light_curve,
        fit_light_curve,
    )
    from bayes_onoff.inference.population import Population

__all__ = [
    "BackgroundModel",
    "BandPosterior",
    "CompiledAnalysis",
    "CompiledBands",
    "CompiledGroupNorms",
    "CompiledLightCurve",
    "Convergence",
    "GroupNorms",
    "LightCurvePosterior",
    "Population",
    "Posterior",
    "SamplerSettings",
    "compile_analysis",
    "compile_bands",
    "compile_group_norms",
    "compile_light_curve",
    "fit",
    "fit_bands",
    "fit_group_norms",
    "fit_light_curve",
]

_SAMPLING = {
    "BandPosterior": "bayes_onoff.inference.bands",
    "CompiledBands": "bayes_onoff.inference.bands",
    "compile_bands": "bayes_onoff.inference.bands",
    "fit_bands": "bayes_onoff.inference.bands",
    "CompiledGroupNorms": "bayes_onoff.inference.group_norms",
    "GroupNorms": "bayes_onoff.inference.group_norms",
    "compile_group_norms": "bayes_onoff.inference.group_norms",
    "fit_group_norms": "bayes_onoff.inference.group_norms",
    "CompiledLightCurve": "bayes_onoff.inference.light_curve",
    "LightCurvePosterior": "bayes_onoff.inference.light_curve",
    "Population": "bayes_onoff.inference.population",
    "compile_light_curve": "bayes_onoff.inference.light_curve",
    "fit_light_curve": "bayes_onoff.inference.light_curve",
    "CompiledAnalysis": "bayes_onoff.inference.analysis",
    "compile_analysis": "bayes_onoff.inference.analysis",
    "fit": "bayes_onoff.inference.analysis",
}


def __getattr__(name: str) -> Any:
    """Import the sampling half (and with it PyMC, which takes seconds) only when it is asked for."""
    if name in _SAMPLING:
        from importlib import import_module

        return getattr(import_module(_SAMPLING[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
