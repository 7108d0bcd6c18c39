"""From spectra and a model to a posterior; the only room that imports PyMC, and only when it samples."""

from typing import TYPE_CHECKING, Any

from bayes_onoff.inference.convergence import Convergence
from bayes_onoff.inference.instrument import Instrument
from bayes_onoff.inference.joint_posterior import JointPosterior
from bayes_onoff.inference.posterior import Posterior
from bayes_onoff.inference.settings import BackgroundModel, SamplerSettings
from bayes_onoff.inference.systematics import Systematics
from bayes_onoff.inference.unfolding import unfolding_model

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
    from bayes_onoff.inference.group_norms import CompiledGroupNorms, GroupNorms, compile_group_norms, fit_group_norms
    from bayes_onoff.inference.joint import CompiledJoint, compile_joint, fit_joint
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
    "CompiledJoint",
    "CompiledLightCurve",
    "Convergence",
    "Evidence",
    "GroupNorms",
    "Instrument",
    "JointPosterior",
    "LightCurvePosterior",
    "Population",
    "Posterior",
    "Refitted",
    "SamplerSettings",
    "Systematics",
    "bridge_evidence",
    "compile_analysis",
    "compile_bands",
    "compile_group_norms",
    "compile_joint",
    "compile_light_curve",
    "compute_evidence",
    "fit",
    "fit_bands",
    "fit_group_norms",
    "fit_joint",
    "fit_light_curve",
    "log_likelihood_of",
    "refit",
    "require_evidence",
    "smc_evidence",
    "unfolding_model",
]

_SAMPLING = {
    "analysis": ("CompiledAnalysis", "compile_analysis", "fit"),
    "bands": ("BandPosterior", "CompiledBands", "compile_bands", "fit_bands"),
    "evidence": (
        "Evidence",
        "Refitted",
        "bridge_evidence",
        "compute_evidence",
        "log_likelihood_of",
        "refit",
        "require_evidence",
        "smc_evidence",
    ),
    "group_norms": ("CompiledGroupNorms", "GroupNorms", "compile_group_norms", "fit_group_norms"),
    "joint": ("CompiledJoint", "compile_joint", "fit_joint"),
    "light_curve": ("CompiledLightCurve", "LightCurvePosterior", "compile_light_curve", "fit_light_curve"),
    "population": ("Population",),
}
_MODULE_OF = {name: module for module, names in _SAMPLING.items() for name in names}


def __getattr__(name: str) -> Any:
    """Import the sampling half (and with it PyMC, which takes seconds) only when it is asked for."""
    if name in _MODULE_OF:
        from importlib import import_module

        return getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
