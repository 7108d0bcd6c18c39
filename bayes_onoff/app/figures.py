"""The figures of an analysis, each with its caption and text alternative."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from bayes_onoff.app.results import Results
from bayes_onoff.app.sky import on_radius
from bayes_onoff.calibration import Calibration, calibration_table
from bayes_onoff.dl3 import Observation
from bayes_onoff.models import CRAB
from bayes_onoff.notation import format_number
from bayes_onoff.plotting import (
    plot_background_checks,
    plot_calibration,
    plot_comparison,
    plot_correlation,
    plot_counts_and_residuals,
    plot_cumulative,
    plot_flux_points,
    plot_image,
    plot_light_curve,
    plot_pair,
    plot_predictive_checks,
    plot_prior_predictive,
    plot_profiles,
    plot_response,
    plot_sky,
    plot_spectrum,
    plot_theta_squared,
    plot_trace,
    plot_unfolded,
)
from bayes_onoff.plotting.sky_regions import region_center
from bayes_onoff.products import LightCurve, spectral_band
from bayes_onoff.report import ReportFigure
from bayes_onoff.simulation import CRAB_POSITION

__all__ = ["draw_figures"]

CRAB_RADIUS = 0.1
"""An ON region whose centre is closer than this (deg) is on the Crab nebula."""
CRAB_LABELS = {
    "hess_ecpl": "Crab, H.E.S.S. 2006",
    "hegra": "Crab, HEGRA 2000",
    "magic_lp": "Crab, MAGIC 2015",
}
MAX_RUNS_IN_REPORT = 6
SMOOTHING = 0.05
"""deg."""


def draw_figures(results: Results) -> dict[str, dict[str, ReportFigure]]:
    """Draw everything.

    Parameters
    ----------
    results : Results

    Returns
    -------
    dict
        Section of the report to file name (without suffix) to figure; a section without figures is absent. Figures
        under ``"files"`` are not for the report.
    """
    figures: dict[str, dict[str, ReportFigure]] = {}
    for section, name, figure in _figures(results):
        figures.setdefault(section, {})[name] = figure
    return figures


def _figures(results: Results) -> Iterator[tuple[str, str, ReportFigure]]:
    if results.reduction.geometries:
        yield "regions", "regions", _regions(results)
    if results.sky.image is not None:
        yield "regions", "image", _image(results)
    if results.sky.theta_squared is not None:
        yield "regions", "theta_squared", _theta_squared(results)
    for observation in results.inputs.observations[:1]:
        yield "data", f"response_{observation.name}", _response(results, observation)
    yield "data", "cumulative", _cumulative(results)
    yield "model", "prior_predictive", _prior_predictive(results)
    yield "diagnostics", "trace", _trace(results)
    yield "parameters", "parameters", _parameters(results)
    if len(results.background_checks):
        yield "counts", "background_checks", _background_checks(results)
    yield "counts", "predictive_checks", _predictive_checks(results)
    yield "counts", "counts", _counts(results, None)
    names = results.reduction.spectra.names
    for name in names:
        yield "counts" if len(names) <= MAX_RUNS_IN_REPORT else "files", f"counts_{name}", _counts(results, name)
    yield "spectrum", "spectrum", _spectrum(results)
    if results.fits.stacked is not None:
        yield "spectrum", "stacked", _stacked(results)
    yield "flux_points", "flux_points", _flux_points(results)
    yield "flux_points", "flux_point_correlation", _correlation(results)
    if results.unfolded is not None:
        yield "unfolded", "unfolded", _unfolded(results)
        yield "unfolded", "unfolded_correlation", _unfolded_correlation(results)
    if results.light_curve is not None:
        yield "light_curve", "light_curve", _light_curve(results.light_curve)
    yield "wstat", "wstat_profiles", _wstat_profiles(results)
    if results.comparison is not None:
        yield "comparison", "comparison", _comparison(results)
    if results.stacked_models is not None:
        yield "comparison", "stacked_models", _stacked_models(results)
    if results.calibration is not None:
        yield "calibration", "calibration", _calibration(results.calibration)


def _made(draw: Callable[..., Any], *args: Any, **options: Any) -> Any:
    """Call a plot that makes its own figure, and give that figure."""
    drawn = np.asarray(draw(*args, **options), dtype=object)
    return next(axes for axes in drawn.ravel() if axes is not None).figure


def _regions(results: Results) -> ReportFigure:
    geometries = results.reduction.geometries
    counts = ", ".join(f"{len(geometry.off_regions)} (run {geometry.name})" for geometry in geometries)
    phases = "The background is taken from other phases in the ON region"
    where = phases if results.sky.off_phases else f"OFF regions: {counts}"
    return ReportFigure(
        _made(plot_sky, geometries),
        "ON region, OFF regions and pointing of every run, and the exclusion regions.",
        f"Sky map around the ON region. {where}.",
    )


def _image(results: Results) -> ReportFigure:
    image, geometries = results.sky.image, results.reduction.geometries
    assert image is not None
    kind = image.label.split(" ")[0].lower()
    return ReportFigure(
        _made(plot_image, image, geometries=geometries, smooth=SMOOTHING),
        f"{kind.capitalize()} in all runs, smoothed with a Gaussian of {SMOOTHING:g} deg, with the ON region on it.",
        f"Map of the {kind} around the ON region.",
    )


def _theta_squared(results: Results) -> ReportFigure:
    table, geometry = results.sky.theta_squared, results.reduction.geometries[0]
    assert table is not None
    return ReportFigure(
        _made(plot_theta_squared, table, on_radius=on_radius(geometry.on_region) or None),
        "Events against their squared distance from the centre of the ON region, and from its reflections.",
        f"{int(table['n_on'].sum())} events in {len(table)} bins of squared distance, "
        f"the background scaled by the number of reflections.",
    )


def _response(results: Results, observation: Observation) -> ReportFigure:
    position = region_center(results.reduction.geometries[0].on_region)
    return ReportFigure(
        _made(plot_response, observation, position=position),
        f"Response of run {observation.name}: effective area, energy dispersion at the source, and the point-spread "
        "function or the directional cut.",
        f"Three panels with the instrument response of run {observation.name}.",
    )


def _cumulative(results: Results) -> ReportFigure:
    last = results.counts.cumulative[-1]
    return ReportFigure(
        _made(plot_cumulative, results.counts.cumulative),
        "Excess and significance (Li & Ma) against livetime, run after run, inside the safe range.",
        f"Excess and significance grow to {format_number(float(last['excess']))} counts and "
        f"{format_number(float(last['significance']))} standard deviations after {last['livetime'].to('h'):.2f}.",
    )


def _trace(results: Results) -> ReportFigure:
    convergence = results.fits.main.convergence
    return ReportFigure(
        _made(plot_trace, results.fits.main),
        "Draws of the spectral parameters, chain by chain.",
        f"Traces and distributions of each chain. {convergence.sentence}",
        convergence.converged,
    )


def _parameters(results: Results) -> ReportFigure:
    marks = {"WSTAT": _wstat_values(results)}
    posterior = results.fits.main
    medians = ", ".join(
        f"{parameter.name} {format_number(float(np.median(posterior.values[parameter.name])))} {parameter.unit}".strip()
        for parameter in posterior.model.parameters
    )
    return ReportFigure(
        _made(plot_pair, posterior, marks=marks),
        "Posterior of the spectral parameters with 68 % and 95 % regions, priors in grey, and the WSTAT fit.",
        f"Marginal and pairwise distributions. Posterior medians: {medians}.",
        posterior.convergence.converged,
    )


def _wstat_values(results: Results) -> dict[str, float]:
    """Best values of the main model's joint WSTAT fit."""
    table, model = results.wstat, results.fits.main.model
    rows = table[table["dataset"] == "joint"][: len(model.parameters)]  # the main model is fitted first
    return {str(row["parameter"]): float(row["value"]) for row in rows}


def _prior_predictive(results: Results) -> ReportFigure:
    posterior = results.fits.main
    drawn = posterior.tree["prior_predictive"]
    seen = {name: int(posterior.tree["observed_data"][name].sum()) for name in ("n_on", "n_off")}
    low, high = np.quantile(drawn["n_on"].to_numpy().sum(axis=(-2, -1)), [0.025, 0.975])
    return ReportFigure(
        _made(plot_prior_predictive, posterior),
        "Counts of all runs together with what the priors alone predict for them, 68 % and 95 %.",
        f"{seen['n_on']} ON and {seen['n_off']} OFF counts; the priors alone predict between "
        f"{format_number(float(low))} and {format_number(float(high))} ON counts (95 %).",
    )


def _predictive_checks(results: Results) -> ReportFigure:
    return ReportFigure(
        _made(plot_predictive_checks, results.fits.main),
        "How many runs and bins hold how many counts: roots of the observed numbers hanging from the predicted ones, "
        "with 95 % of replicates in grey (left, middle); distribution of the probability integral transforms (right).",
        _pit_text(results),
        results.fits.main.convergence.converged,
    )


def _pit_text(results: Results) -> str:
    """Say how far the distribution of the residuals is from uniform."""
    from scipy.special import ndtr
    from scipy.stats import kstest

    told = ", ".join(
        f"{name} {kstest(ndtr(results.bins[f'residual_{key}']), 'uniform').statistic:.2f}"
        for key, name in (("on", "ON"), ("off", "OFF"))
    )
    limit = 1.36 / np.sqrt(len(results.bins))
    return f"Largest distance of the PIT values from uniform: {told}; {limit:.2f} would be exceeded in 5 % of cases."


def _background_checks(results: Results) -> ReportFigure:
    return ReportFigure(
        _made(plot_background_checks, results.fits.main),
        "OFF counts around the mean rates of the pooled background, in standard deviations, with 68 % and 95 % of "
        "replicated sets, whose bins deviate anew.",
        str(results.background_checks.meta["sentence"]),
        results.fits.main.convergence.converged,
    )


def _counts(results: Results, run: str | None) -> ReportFigure:
    whose = "all runs together" if run is None else f"run {run}"
    return ReportFigure(
        _made(plot_counts_and_residuals, results.fits.main, run=run),
        f"Counts of {whose} in the ON (left) and OFF regions (right) with the posterior prediction; residuals below.",
        f"Observed counts of {whose} against energy on the 68 % and 95 % bands of the posterior prediction, "
        "and standardised residuals around zero.",
        results.fits.main.convergence.converged,
    )


def _references(results: Results) -> Mapping[str, Any]:
    """Give published spectra of the Crab nebula where that is what was observed."""
    geometries = results.reduction.geometries
    if not geometries:
        return {}
    from astropy.coordinates import SkyCoord

    distance = region_center(geometries[0].on_region).icrs.separation(SkyCoord(*CRAB_POSITION, unit="deg")).deg
    return {label: CRAB[name].dnde for name, label in CRAB_LABELS.items()} if distance < CRAB_RADIUS else {}


def _spectrum(results: Results) -> ReportFigure:
    references = _references(results)
    table = results.flux_points.table
    limits = int(np.sum(table["is_ul"]))
    return ReportFigure(
        _made(
            plot_spectrum,
            {f"{results.fits.main_label}, joint": results.band},
            flux_points=table,
            references=references,
        ),
        "Spectral energy distribution: posterior median with 68 % and 95 % bands, flux points and their residuals"
        + (", and published spectra of the Crab nebula." if references else "."),
        f"{len(table) - limits} flux points and {limits} upper limits on the band of the {results.fits.main_label}.",
        results.fits.main.convergence.converged,
    )


def _stacked(results: Results) -> ReportFigure:
    assert results.fits.stacked is not None
    bands = {"joint": results.band, "stacked": spectral_band(results.fits.stacked)}
    return ReportFigure(
        _made(plot_spectrum, bands),
        "Posterior of the spectrum from the runs fitted jointly and from their stacked spectrum.",
        "Two spectral bands over the same energies, joint and stacked.",
        results.fits.main.convergence.converged and results.fits.stacked.convergence.converged,
    )


def _stacked_models(results: Results) -> ReportFigure:
    band = results.stacked_models
    assert band is not None
    weights = ", ".join(f"{name} {weight:.2f}" for name, weight in band.meta["weights"].items())
    return ReportFigure(
        _made(plot_spectrum, {results.fits.main_label: results.band, "stacked models": band}),
        f"The spectra of all models mixed by their stacking weights ({weights}), beside the main model's.",
        "Two spectral bands over the same energies: of the main model and of the mixture of all models.",
        bool(band.meta["converged"]),
    )


def _flux_points(results: Results) -> ReportFigure:
    points = results.flux_points
    return ReportFigure(
        _made(plot_flux_points, points.table, densities=points.densities),
        "Flux points with the posterior density of each band; arrows are one-sided 95 % upper limits.",
        f"{len(points.table)} bands of reconstructed energy from {points.table['e_min'][0]:.3g} to "
        f"{points.table['e_max'][-1]:.3g}.",
        bool(points.table.meta["converged"]),
    )


def _correlation(results: Results) -> ReportFigure:
    correlation = results.flux_points.correlation
    off_diagonal = correlation[~np.eye(len(correlation), dtype=bool)]
    strongest = off_diagonal[np.abs(off_diagonal).argmax()] if off_diagonal.size else 0.0
    return ReportFigure(
        _made(plot_correlation, correlation, results.flux_points.table),
        "Posterior correlation between the flux points.",
        f"Correlation matrix of the bands; the strongest correlation is {format_number(float(strongest), 2)}.",
        bool(results.flux_points.table.meta["converged"]),
    )


def _unfolded(results: Results) -> ReportFigure:
    points, posterior = results.unfolded, results.fits.unfolded
    assert points is not None
    assert posterior is not None
    return ReportFigure(
        _made(plot_unfolded, points, spectral_band(posterior), others={results.fits.main_label: results.band}),
        f"Unfolded spectrum, median with 68 % and 95 % bands and points at its nodes, beside the "
        f"{results.fits.main_label}.",
        f"{len(points.table)} points of true energy on the band of a smooth spectrum without a parametric form.",
        posterior.convergence.converged,
    )


def _unfolded_correlation(results: Results) -> ReportFigure:
    points = results.unfolded
    assert points is not None
    return ReportFigure(
        _made(plot_correlation, points.correlation, points.table),
        "Posterior correlation between the points of the unfolded spectrum.",
        "Correlation matrix of ln(dN/dE) at the nodes: neighbours are tied by the smoothness, and by the resolution.",
        bool(points.table.meta["converged"]),
    )


def _calibration(calibration: Calibration) -> ReportFigure:
    return ReportFigure(
        _made(plot_calibration, calibration.refits),
        "Ranks of the truths (left) and coverage of central intervals (right) in simulated data sets, less what they "
        "should be; a true posterior stays in the grey bands: the whole curve in 95 % of calibrations on the left, "
        "95 % at each point on the right.",
        str(calibration_table(calibration).meta["sentence"]),
    )


def _light_curve(curve: LightCurve) -> ReportFigure:
    return ReportFigure(
        _made(plot_light_curve, curve),
        "Left: fluxes over time, each alone (grey) and drawn from a population (blue), with 68 % intervals or 95 % "
        "limits; long gaps are cut out (hatched). Right: posterior of the fractional variability.",
        str(curve.table.meta["sentence"]),
        bool(curve.table.meta["converged"]),
    )


def _wstat_profiles(results: Results) -> ReportFigure:
    return ReportFigure(
        _made(plot_profiles, results.fits.main, results.wstat_profiles),
        f"Posterior of the {results.fits.main_label}, joint, with median and 68 % interval, and the profile likelihood "
        "exp(−ΔW/2) of the WSTAT fit of the same runs, with best fit and 68 % interval; priors in grey.",
        str(results.wstat_comparison.meta["sentence"]),
        results.fits.main.convergence.converged,
    )


def _comparison(results: Results) -> ReportFigure:
    assert results.comparison is not None
    return ReportFigure(
        _made(plot_comparison, results.comparison),
        "Difference of the expected log predictive density to the best model, with its standard error.",
        str(results.comparison.meta["sentence"]),
        bool(results.comparison.meta["converged"]),
    )
