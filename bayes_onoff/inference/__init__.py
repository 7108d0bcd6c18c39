"""From spectra and a model to a posterior; the only room that imports PyMC, and only when it samples."""

from typing import TYPE_CHECKING, Any

from bayes_onoff.inference.convergence import Convergence
from bayes_onoff.inference.posterior import Posterior
from bayes_onoff.inference.settings import BackgroundModel, SamplerSettings
from bayes_onoff.inference.unfolding import unfolding_model

if TYPE_CHECKING:
    from bayes_onoff.inference.analysis import CompiledAnalysis, compile_analysis, fit
    from bayes_onoff.inference.bands import BandPosterior, CompiledBands, compile_bands, fit_bands

__all__ = [
    "BackgroundModel",
    "BandPosterior",
    "CompiledAnalysis",
    "CompiledBands",
    "Convergence",
    "Posterior",
    "SamplerSettings",
    "compile_analysis",
    "compile_bands",
    "fit",
    "fit_bands",
    "unfolding_model",
]

_SAMPLING = {
    "BandPosterior": "bayes_onoff.inference.bands",
    "CompiledBands": "bayes_onoff.inference.bands",
    "compile_bands": "bayes_onoff.inference.bands",
    "fit_bands": "bayes_onoff.inference.bands",
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
