"""Draws what products computed.

Every plot takes axes or a figure and returns the axes it drew on; without them it makes a figure that no global state
knows of (``ax.figure`` shows it in a notebook). Figures of a posterior that did not converge say so themselves.
"""

from bayes_onoff.plotting.background_checks import plot_background_checks
from bayes_onoff.plotting.background_rate import plot_background
from bayes_onoff.plotting.calibration import plot_calibration, plot_coverage, plot_ranks
from bayes_onoff.plotting.comparison import plot_comparison
from bayes_onoff.plotting.counts import plot_counts, plot_counts_and_residuals, plot_residuals
from bayes_onoff.plotting.cumulative import plot_cumulative, plot_cumulative_excess, plot_cumulative_significance
from bayes_onoff.plotting.export import render_svg, write_figure
from bayes_onoff.plotting.flux_points import plot_correlation, plot_flux_points
from bayes_onoff.plotting.image import plot_image
from bayes_onoff.plotting.light_curve import plot_light_curve, plot_variability
from bayes_onoff.plotting.posterior import plot_pair, plot_trace
from bayes_onoff.plotting.predictive import plot_pit, plot_predictive_checks, plot_prior_predictive, plot_rootogram
from bayes_onoff.plotting.profile import plot_profiles
from bayes_onoff.plotting.response import (
    plot_effective_area,
    plot_energy_dispersion,
    plot_psf,
    plot_rad_max,
    plot_response,
)
from bayes_onoff.plotting.sky import plot_sky
from bayes_onoff.plotting.spectrum import plot_band, plot_flux_point_residuals, plot_spectrum
from bayes_onoff.plotting.theta_squared import plot_theta_squared
from bayes_onoff.plotting.unfolded import plot_unfolded

__all__ = [
    "plot_background",
    "plot_background_checks",
    "plot_band",
    "plot_calibration",
    "plot_comparison",
    "plot_correlation",
    "plot_counts",
    "plot_counts_and_residuals",
    "plot_coverage",
    "plot_cumulative",
    "plot_cumulative_excess",
    "plot_cumulative_significance",
    "plot_effective_area",
    "plot_energy_dispersion",
    "plot_flux_point_residuals",
    "plot_flux_points",
    "plot_image",
    "plot_light_curve",
    "plot_pair",
    "plot_pit",
    "plot_predictive_checks",
    "plot_prior_predictive",
    "plot_profiles",
    "plot_psf",
    "plot_rad_max",
    "plot_ranks",
    "plot_residuals",
    "plot_response",
    "plot_rootogram",
    "plot_sky",
    "plot_spectrum",
    "plot_theta_squared",
    "plot_trace",
    "plot_unfolded",
    "plot_variability",
    "render_svg",
    "write_figure",
]
