"""Spectral models: shapes, parameters with units, and priors as plain data."""

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
from bayes_onoff.models.spectral_model import SpectralModel, energy_flux, photons

__all__ = [
    "CRAB",
    "SHAPES",
    "HalfNormal",
    "LogNormal",
    "LogNormal10",
    "LogUniform",
    "Normal",
    "Parameter",
    "Prior",
    "PublishedSpectrum",
    "Shape",
    "SpectralModel",
    "TruncatedNormal",
    "Uniform",
    "energy_flux",
    "get_shape",
    "photons",
    "prior_from_dict",
]
