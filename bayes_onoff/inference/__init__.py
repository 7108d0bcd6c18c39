"""From spectra and a model to a posterior; the only room that imports PyMC, and only when it samples."""

from typing import TYPE_CHECKING, Any

from bayes_onoff.inference.convergence import Convergence
from bayes_onoff.inference.instrument import Instrument
from bayes_onoff.inference.joint_posterior import JointPosterior
from bayes_onoff.inference.posterior import Posterior
from bayes_onoff.inference.settings import BackgroundModel, SamplerSettings
from bayes_onoff.inference.systematics import Systematics

if TYPE_CHECKING:
    from bayes_onoff.inference.analysis import CompiledAnalysis, compile_analysis, fit
    from bayes_onoff.inference.bands import BandPosterior, CompiledBands, compile_bands, fit_bands
    from bayes_onoff.inference.joint import CompiledJoint, compile_joint, fit_joint

__all__ = [
    "BackgroundModel",
    "BandPosterior",
    "CompiledAnalysis",
    "CompiledBands",
    "CompiledJoint",
    "Convergence",
    "Instrument",
    "JointPosterior",
    "Posterior",
    "SamplerSettings",
    "Systematics",
    "compile_analysis",
    "compile_bands",
    "compile_joint",
    "fit",
    "fit_bands",
    "fit_joint",
]

_SAMPLING = {
    "BandPosterior": "bayes_onoff.inference.bands",
    "CompiledBands": "bayes_onoff.inference.bands",
    "compile_bands": "bayes_onoff.inference.bands",
    "fit_bands": "bayes_onoff.inference.bands",
    "CompiledAnalysis": "bayes_onoff.inference.analysis",
    "compile_analysis": "bayes_onoff.inference.analysis",
    "fit": "bayes_onoff.inference.analysis",
    "CompiledJoint": "bayes_onoff.inference.joint",
    "compile_joint": "bayes_onoff.inference.joint",
    "fit_joint": "bayes_onoff.inference.joint",
}


def __getattr__(name: str) -> Any:
    """Import the sampling half (and with it PyMC, which takes seconds) only when it is asked for."""
    if name in _SAMPLING:
        from importlib import import_module

        return getattr(import_module(_SAMPLING[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
