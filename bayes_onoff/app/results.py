"""What follows from the fits, before it is drawn and told."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from astropy.table import QTable, Table

from bayes_onoff.app.config.model import DetectionBlock
from bayes_onoff.app.fits import Fits
from bayes_onoff.app.inputs import Inputs
from bayes_onoff.app.sky import SkyView
from bayes_onoff.app.unfinished import file_stem
from bayes_onoff.calibration import Calibration, calibration_table
from bayes_onoff.models import HalfNormal
from bayes_onoff.products import (
    FluxPoints,
    LightCurve,
    SpectralBand,
    UnfoldedPoints,
    WstatFit,
    WstatProfile,
    background_checks,
    band_likelihoods,
    bin_table,
    compare,
    compare_with_wstat,
    derived_table,
    detection,
    fit_wstat,
    flux_points,
    group_fluxes,
    light_curve,
    parameter_table,
    prior_sensitivity,
    profile_wstat,
    spectral_band,
    stacked_band,
    unfolded_points,
    write_flux_points,
    write_light_curve,
    write_table,
    write_unfolded_points,
    wstat_table,
)
from bayes_onoff.reduction import Reduction
from bayes_onoff.spectra import Spectra, cumulative_table, run_table, stack, write_ogip

__all__ = ["CountTables", "Results", "derive", "write_results", "write_spectra"]


@dataclass(frozen=True, eq=False, slots=True)
class CountTables:
    """Source statistics of the runs, one by one and cumulative in time."""

    runs: QTable
    cumulative: QTable


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class Results:
    """Containers and tables of one analysis.

    Parameters
    ----------
    name : str
        Of the analysis.
    inputs : Inputs
        Runs, their spectra and regions, and what was left out.
    counts : CountTables
        Source statistics.
    fits : Fits
        The posteriors.
    wstat : Table
        Profile-likelihood fits.
    wstat_comparison : QTable
        The main posterior beside the WSTAT fit of the same runs.
    wstat_profiles : mapping of str to WstatProfile
        Of that fit, one a parameter; none if it found no minimum.
    parameters, derived, bins : QTable
        Of the main posterior.
    background_checks : QTable
        Whether the OFF counts are what the main posterior's background expects.
    sensitivity : QTable
        Of the main posterior, to its priors.
    band : SpectralBand
        Of the main posterior.
    flux_points : FluxPoints
        With the main posterior's median as reference.
    unfolded : UnfoldedPoints or None
        Where an unfolded spectrum was asked for.
    detection : QTable
        Evidence for a source and upper limits, with that reference.
    comparison : QTable or None
        Where more than one model was asked for.
    stacked_models : SpectralBand or None
        There, the spectra of all models mixed by their stacking weights.
    sky : SkyView
        The events on the sky.
    light_curve : LightCurve or None
        With the main model's shape, where it was asked for.
    light_curve_bands : QTable or None
        The same in bands of energy, without a population.
    calibration : Calibration or None
        Of the main model, where it was asked for.
    """

    name: str
    inputs: Inputs
    counts: CountTables
    fits: Fits
    wstat: Table
    wstat_comparison: QTable
    wstat_profiles: Mapping[str, WstatProfile]
    parameters: QTable
    derived: QTable
    bins: QTable
    background_checks: QTable
    sensitivity: QTable
    band: SpectralBand
    flux_points: FluxPoints
    unfolded: UnfoldedPoints | None
    detection: QTable
    comparison: QTable | None
    sky: SkyView
    light_curve: LightCurve | None = None
    light_curve_bands: QTable | None = None
    stacked_models: SpectralBand | None = None
    calibration: Calibration | None = None

    @property
    def reduction(self) -> Reduction:
        """Spectra and regions."""
        return self.inputs.reduction


def write_spectra(spectra: Spectra, folder: Path) -> CountTables:
    """Write OGIP files, ``runs.ecsv`` and ``cumulative.ecsv``.

    Returns
    -------
    CountTables
        What was written.
    """
    for spectrum in spectra:
        write_ogip(spectrum, folder / "spectra", overwrite=True)
    tables = CountTables(run_table(spectra), cumulative_table(spectra))
    write_table(tables.runs, folder / "runs.ecsv")
    write_table(tables.cumulative, folder / "cumulative.ecsv")
    return tables


def derive(
    name: str,
    inputs: Inputs,
    counts: CountTables,
    fits: Fits,
    *,
    prior_of_source: DetectionBlock | None = None,
    sky: SkyView | None = None,
) -> Results:
    """Compute every product.

    Parameters
    ----------
    name : str
        Of the analysis.
    inputs : Inputs
    counts : CountTables
    fits : Fits
    prior_of_source : DetectionBlock, optional
        What is believed about a source before the data.
    sky : SkyView, optional
        The events on the sky, where there are any.
    """
    believed = prior_of_source or DetectionBlock()
    spectra = inputs.reduction.spectra
    sensitivity = prior_sensitivity(fits.main)
    fitted = _fit_wstat(fits, spectra)
    main_fit = fitted["joint"][0]
    profiles = profile_wstat(spectra, main_fit) if main_fit.success else {}
    comparison = compare(fits.posteriors, evidence=True) if len(fits.posteriors) > 1 else None
    curve = fits.light_curve
    likelihoods = band_likelihoods(fits.bands)
    results = Results(
        name=name,
        inputs=inputs,
        counts=counts,
        fits=fits,
        wstat=wstat_table(fitted),
        wstat_comparison=compare_with_wstat(fits.main, main_fit, profiles=profiles, sensitivity=sensitivity),
        wstat_profiles=profiles,
        parameters=parameter_table(fits.main),
        derived=derived_table(fits.main),
        bins=bin_table(fits.main),
        background_checks=background_checks(fits.main),
        sensitivity=sensitivity,
        band=spectral_band(fits.main),
        flux_points=flux_points(fits.bands, likelihoods),
        unfolded=None if fits.unfolded is None else unfolded_points(fits.unfolded),
        detection=detection(
            fits.bands, HalfNormal(believed.scale), prior_odds=believed.prior_odds, likelihoods=likelihoods
        ),
        comparison=comparison,
        stacked_models=None if comparison is None else _stack(fits, comparison),
        sky=sky or SkyView(),
        light_curve=None if curve is None else light_curve(curve.population, curve.alone),
        light_curve_bands=None if curve is None or curve.in_bands is None else group_fluxes(curve.in_bands),
    )
    _tell_background(results)
    return results


def _stack(fits: Fits, comparison: QTable) -> SpectralBand:
    """Mix the spectra of all models by their stacking weights."""
    return stacked_band(fits.posteriors, {str(row["model"]): float(row["weight"]) for row in comparison})


def _tell_background(results: Results) -> None:
    """Say in every table that rests on the background whether it is what the model expects."""
    checks = results.background_checks.meta
    tables = (results.parameters, results.bins, results.flux_points.table, results.detection, results.wstat_comparison)
    unfolded = None if results.unfolded is None else results.unfolded.table
    curve = None if results.light_curve is None else results.light_curve.table
    others = (results.sensitivity, results.comparison, unfolded, curve, results.light_curve_bands)
    for table in (*tables, *others):
        if table is not None:
            table.meta |= {"background_flagged": checks["background_flagged"], "background_checks": checks["sentence"]}


def _fit_wstat(fits: Fits, spectra: Spectra) -> dict[str, list[WstatFit]]:
    """Fit every model, the main one first, to the runs and to their stacked spectrum.

    Priors play no part: models that differ in them alone are fitted once.
    """
    models = {model.identity: model for model in (posterior.model for posterior in fits.posteriors.values())}
    datasets = {"joint": spectra, "stacked": Spectra((stack(spectra),))}
    return {name: [fit_wstat(dataset, model) for model in models.values()] for name, dataset in datasets.items()}


def write_results(results: Results, folder: Path) -> None:
    """Write posteriors and tables; each file appears whole or not at all."""
    fits = results.fits
    for label, posterior in fits.posteriors.items():
        posterior.save(folder / ("posterior.nc" if label == fits.main_label else f"posterior_{file_stem(label)}.nc"))
    if fits.stacked is not None:
        fits.stacked.save(folder / "posterior_stacked.nc")
    write_table(results.wstat, folder / "wstat.ecsv")
    write_table(results.wstat_comparison, folder / "wstat_comparison.ecsv")
    write_table(results.background_checks, folder / "background_checks.ecsv")
    write_table(results.sensitivity, folder / "prior_sensitivity.ecsv")
    write_table(results.parameters, folder / "parameters.ecsv")
    write_table(results.derived, folder / "derived.ecsv")
    write_table(results.bins, folder / "bins.ecsv")
    write_flux_points(results.flux_points, folder / "flux_points.ecsv")
    if fits.unfolded is not None and results.unfolded is not None:
        fits.unfolded.save(folder / "posterior_unfolded.nc")
        write_unfolded_points(results.unfolded, folder / "unfolded.ecsv")
    write_table(results.detection, folder / "detection.ecsv")
    if results.light_curve is not None:
        write_light_curve(results.light_curve, folder / "light_curve.ecsv")
    if results.light_curve_bands is not None:
        write_table(results.light_curve_bands, folder / "light_curve_bands.ecsv")
    if results.comparison is not None:
        write_table(results.comparison, folder / "comparison.ecsv")
    if results.calibration is not None:
        write_table(calibration_table(results.calibration), folder / "calibration.ecsv")
    if results.sky.theta_squared is not None:
        write_table(results.sky.theta_squared, folder / "theta_squared.ecsv")
