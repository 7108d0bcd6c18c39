"""Spectral models: shapes, parameters with units, and priors as plain data."""

from bayes_onoff.models.integrals import energy_flux, photons
from bayes_onoff.models.priors import (
    HalfNormal,
    LogNormal,
    LogNormal10,
    LogUniform,
    Normal,
    Prior,
    TruncatedNormal,
    Uniform,
    prior_from_dict,
)
from bayes_onoff.models.published import CRAB, PublishedSpectrum
from bayes_onoff.models.shapes import SHAPES, Parameter, Shape, get_shape
from bayes_onoff.models.spectral_model import SpectralModel
from bayes_onoff.models.table_files import EBL_MODELS, optical_depth, read_optical_depth, read_template
from bayes_onoff.models.tables import NormNodes, OpticalDepth, TemplateSpectrum
from bayes_onoff.models.unfolding import UnfoldingNodes

__all__ = [
    "CRAB",
    "EBL_MODELS",
    "SHAPES",
    "HalfNormal",
    "LogNormal",
    "LogNormal10",
    "LogUniform",
    "NormNodes",
    "Normal",
    "OpticalDepth",
    "Parameter",
    "Prior",
    "PublishedSpectrum",
    "Shape",
    "SpectralModel",
    "TemplateSpectrum",
    "TruncatedNormal",
    "UnfoldingNodes",
    "Uniform",
    "energy_flux",
    "get_shape",
    "optical_depth",
    "photons",
    "prior_from_dict",
    "read_optical_depth",
    "read_template",
]
