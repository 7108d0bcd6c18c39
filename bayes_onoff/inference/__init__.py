"""From spectra and a model to a posterior; the only room that imports PyMC, and only when it samples."""

from typing import TYPE_CHECKING, Any

from bayes_onoff.inference.convergence import Convergence
from bayes_onoff.inference.posterior import Posterior
from bayes_onoff.inference.settings import BackgroundModel, SamplerSettings

if TYPE_CHECKING:
    from bayes_onoff.inference.analysis import CompiledAnalysis, compile_analysis, fit
    from bayes_onoff.inference.bands import BandPosterior, CompiledBands, compile_bands, fit_bands
    from bayes_onoff.inference.evidence import (
        Evidence,
        Refitted,
        bridge_evidence,
        compute_evidence,
        log_likelihood_of,
        refit,
        require_evidence,
        smc_evidence,
    )

__all__ = [
    "BackgroundModel",
    "BandPosterior",
    "CompiledAnalysis",
    "CompiledBands",
    "Convergence",
    "Evidence",
    "Posterior",
    "Refitted",
    "SamplerSettings",
    "bridge_evidence",
    "compile_analysis",
    "compile_bands",
    "compute_evidence",
    "fit",
    "fit_bands",
    "log_likelihood_of",
    "refit",
    "require_evidence",
    "smc_evidence",
]

_SAMPLING = {
    "BandPosterior": "bayes_onoff.inference.bands",
    "CompiledBands": "bayes_onoff.inference.bands",
    "compile_bands": "bayes_onoff.inference.bands",
    "fit_bands": "bayes_onoff.inference.bands",
    "CompiledAnalysis": "bayes_onoff.inference.analysis",
    "compile_analysis": "bayes_onoff.inference.analysis",
    "fit": "bayes_onoff.inference.analysis",
    "Refitted": "bayes_onoff.inference.evidence",
    "log_likelihood_of": "bayes_onoff.inference.evidence",
    "refit": "bayes_onoff.inference.evidence",
    "Evidence": "bayes_onoff.inference.evidence",
    "bridge_evidence": "bayes_onoff.inference.evidence",
    "compute_evidence": "bayes_onoff.inference.evidence",
    "require_evidence": "bayes_onoff.inference.evidence",
    "smc_evidence": "bayes_onoff.inference.evidence",
}


def __getattr__(name: str) -> Any:
    """Import the sampling half (and with it PyMC, which takes seconds) only when it is asked for."""
    if name in _SAMPLING:
        from importlib import import_module

        return getattr(import_module(_SAMPLING[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
