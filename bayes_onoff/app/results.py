"""What follows from the fits, before it is drawn and told."""

import re
from dataclasses import dataclass
from pathlib import Path

from astropy.table import QTable, Table

from bayes_onoff.app.config import Configuration
from bayes_onoff.app.fits import Fits
from bayes_onoff.app.inputs import Inputs
from bayes_onoff.app.sky import SkyView, view_sky
from bayes_onoff.products import (
    FluxPoints,
    SpectralBand,
    bin_table,
    compare,
    flux_points,
    parameter_table,
    spectral_band,
    write_flux_points,
    write_table,
)
from bayes_onoff.products.wstat_fit import fit_wstat, wstat_table
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
    config : Configuration
        As used: defaults filled in, seed drawn.
    inputs : Inputs
        Runs, their spectra and regions, and what was left out.
    counts : CountTables
        Source statistics.
    fits : Fits
        The posteriors.
    wstat : Table
        Profile-likelihood fits.
    parameters, bins : QTable
        Of the main posterior.
    band : SpectralBand
        Of the main posterior.
    flux_points : FluxPoints
        With the main posterior's median as reference.
    comparison : QTable or None
        Where more than one model was asked for.
    sky : SkyView
        The events on the sky.
    """

    config: Configuration
    inputs: Inputs
    counts: CountTables
    fits: Fits
    wstat: Table
    parameters: QTable
    bins: QTable
    band: SpectralBand
    flux_points: FluxPoints
    comparison: QTable | None
    sky: SkyView

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


def derive(config: Configuration, inputs: Inputs, counts: CountTables, fits: Fits) -> Results:
    """Compute every product."""
    return Results(
        config=config,
        inputs=inputs,
        counts=counts,
        fits=fits,
        wstat=_wstat(config, inputs.reduction.spectra),
        parameters=parameter_table(fits.main),
        bins=bin_table(fits.main),
        band=spectral_band(fits.main),
        flux_points=flux_points(fits.bands),
        comparison=compare(fits.posteriors) if len(fits.posteriors) > 1 else None,
        sky=view_sky(config, inputs),
    )


def _wstat(config: Configuration, spectra: Spectra) -> Table:
    """Fit every model to the runs and to their stacked spectrum; priors play no part, so they need no fit each."""
    models = {(model.shape_name, model.reference): model for model in config.to_models().values()}
    datasets = {"joint": spectra, "stacked": Spectra((stack(spectra),))}
    return wstat_table(
        {name: [fit_wstat(dataset, model) for model in models.values()] for name, dataset in datasets.items()}
    )


def write_results(results: Results, folder: Path) -> None:
    """Write posteriors and tables; each file appears whole or not at all."""
    fits = results.fits
    for label, posterior in fits.posteriors.items():
        posterior.save(folder / ("posterior.nc" if label == fits.main_label else f"posterior_{_file_stem(label)}.nc"))
    if fits.stacked is not None:
        fits.stacked.save(folder / "posterior_stacked.nc")
    write_table(results.wstat, folder / "wstat.ecsv")
    write_table(results.parameters, folder / "parameters.ecsv")
    write_table(results.bins, folder / "bins.ecsv")
    write_flux_points(results.flux_points, folder / "flux_points.ecsv")
    if results.comparison is not None:
        write_table(results.comparison, folder / "comparison.ecsv")
    if results.sky.theta_squared is not None:
        write_table(results.sky.theta_squared, folder / "theta_squared.ecsv")


def _file_stem(label: str) -> str:
    return re.sub(r"[^\w-]+", "_", label).strip("_")
