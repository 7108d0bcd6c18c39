"""What follows from a posterior: tables, predictive checks, flux points, comparison."""

from bayes_onoff.products.agreement import instrument_agreement
from bayes_onoff.products.background_checks import background_checks
from bayes_onoff.products.band_likelihood import band_likelihoods
from bayes_onoff.products.bin_table import bin_table
from bayes_onoff.products.comparison import compare
from bayes_onoff.products.derived import derived_table, peak_energy, pivot_energy
from bayes_onoff.products.detection import detection
from bayes_onoff.products.expected_limits import ExpectedLimits, expected_limits
from bayes_onoff.products.flux import energy_flux, integral_flux
from bayes_onoff.products.flux_points import FluxPoints, flux_points, write_flux_points
from bayes_onoff.products.left_out import leave_one_run_out
from bayes_onoff.products.light_curve import LightCurve, group_fluxes, light_curve, write_light_curve
from bayes_onoff.products.norm_density import NormDensity
from bayes_onoff.products.parameter_table import parameter_table
from bayes_onoff.products.prior_sensitivity import prior_sensitivity
from bayes_onoff.products.residuals import predictive_residuals
from bayes_onoff.products.savage_dickey import savage_dickey
from bayes_onoff.products.spectral_band import SpectralBand, spectral_band, stacked_band
from bayes_onoff.products.unfolded_points import UnfoldedPoints, unfolded_points, write_unfolded_points
from bayes_onoff.products.variance_decomposition import variance_decomposition
from bayes_onoff.products.writing import write_table
from bayes_onoff.products.wstat_comparison import compare_with_wstat
from bayes_onoff.products.wstat_fit import WstatFit, fit_wstat, fit_wstat_joint, wstat_table
from bayes_onoff.products.wstat_profile import WstatProfile, profile_wstat

__all__ = [
    "ExpectedLimits",
    "FluxPoints",
    "LightCurve",
    "NormDensity",
    "SpectralBand",
    "UnfoldedPoints",
    "WstatFit",
    "WstatProfile",
    "background_checks",
    "band_likelihoods",
    "bin_table",
    "compare",
    "compare_with_wstat",
    "derived_table",
    "detection",
    "energy_flux",
    "expected_limits",
    "fit_wstat",
    "fit_wstat_joint",
    "flux_points",
    "group_fluxes",
    "instrument_agreement",
    "integral_flux",
    "leave_one_run_out",
    "light_curve",
    "parameter_table",
    "peak_energy",
    "pivot_energy",
    "predictive_residuals",
    "prior_sensitivity",
    "profile_wstat",
    "savage_dickey",
    "spectral_band",
    "stacked_band",
    "unfolded_points",
    "variance_decomposition",
    "write_flux_points",
    "write_light_curve",
    "write_table",
    "write_unfolded_points",
    "wstat_table",
]
