"""The text and tables of the report, from what a run has computed."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import yaml
from astropy.table import QTable

from bayes_onoff.app.results import Results
from bayes_onoff.inference import Posterior
from bayes_onoff.report import Listing, ReportContent, ReportFigure, ReportTable, Section, format_number

__all__ = ["report_content"]

Figures = Mapping[str, Mapping[str, ReportFigure]]
WSTAT_COLUMNS = ("model", "dataset", "parameter", "value", "error", "unit", "stat")
POINT_COLUMNS = ("e_ref", "e_min", "e_max", "dnde", "dnde_errn", "dnde_errp", "dnde_ul", "is_ul", "sqrt_ts")


def report_content(results: Results, figures: Figures, provenance: Mapping[str, Any]) -> ReportContent:
    """Put the report together.

    Parameters
    ----------
    results : Results
    figures : mapping
        As from `bayes_onoff.app.figures.draw_figures`.
    provenance : mapping
        What will be written as provenance, as far as it is known.
    """
    main = results.fits.main.convergence

    def drawn(section: str) -> tuple[ReportFigure, ...]:
        return tuple(figures.get(section, {}).values())

    return ReportContent(
        title=results.config.name,
        subtitle=f"bayes-onoff {provenance['versions']['bayes-onoff']}, {provenance['date']}",
        converged=main.converged,
        convergence=main.sentence,
        problems=main.problems,
        summary=_summary(results),
        data=_data(results, drawn("data")),
        regions=Section(figures=drawn("regions")) if drawn("regions") else None,
        model=_model(results),
        diagnostics=_diagnostics(results, drawn("diagnostics")),
        parameters=_parameters(results, drawn("parameters")),
        counts=Section((_residual_text(results.bins),), figures=drawn("counts")),
        spectrum=Section(figures=drawn("spectrum")),
        flux_points=_flux_points(results, drawn("flux_points")),
        wstat=Section(tables=(ReportTable.from_table(results.wstat, "WSTAT fits", columns=WSTAT_COLUMNS),)),
        comparison=_comparison(results, drawn("comparison")),
        provenance=_provenance(provenance),
    )


def _summary(results: Results) -> Section:
    total = results.counts.cumulative[-1]
    counts = f"{total['n_on']} ON and {total['n_off']} OFF counts"
    rows = {str(row["parameter"]): row for row in results.parameters}
    values = "; ".join(
        f"{parameter.name} {format_number(float(rows[parameter.name]['median']))} "
        f"({format_number(float(rows[parameter.name]['eti68_lower']))} to "
        f"{format_number(float(rows[parameter.name]['eti68_upper']))}) {parameter.unit}".strip()
        for parameter in results.fits.main.model.parameters
    )
    texts = [
        f"{len(results.counts.runs)} runs, {total['livetime'].to('h'):.2f} of livetime: {counts}, "
        f"an excess of {format_number(float(total['excess']))} at "
        f"{format_number(float(total['significance']))} standard deviations (Li & Ma).",
        f"Spectrum, {results.fits.main_label}, median and 68 % interval: {values}.",
    ]
    return Section(tuple(texts))


def _data(results: Results, figures: tuple[ReportFigure, ...]) -> Section:
    tables = (
        ReportTable.from_table(results.counts.runs, "Runs, inside their safe ranges"),
        ReportTable.from_table(results.counts.cumulative, "The same, cumulative in time"),
    )
    return Section(tables=tables, figures=figures)


def _model(results: Results) -> Section:
    main = results.fits.main
    rows = tuple(
        (parameter.name, parameter.unit or "–", _prior_text(main, parameter.name), parameter.description)
        for parameter in main.model.parameters
    )
    priors = ReportTable("Parameters and priors", ("parameter", "unit", "prior", "meaning"), rows)
    background = main.background
    if background.prior == "pooled":
        told = "pooled: a level per run, a smooth shape common to the runs and a deviation per bin, with learned scales"
    else:
        told = (
            f"independent in every bin: Gamma prior of shape {background.shape:g}, rate {background.rate:g} per count"
        )
    if background.marginal:
        told += "; the latent rates are integrated out"
    texts = (
        f"Spectrum: {main.model.shape_name}, dN/dE = {main.model.shape.formula} (as TeX), reference energy "
        f"{main.model.reference:g} TeV.",
        f"Background rates: {told}.",
    )
    return Section(texts, (priors,))


def _prior_text(posterior: Posterior, parameter: str) -> str:
    ((name, arguments),) = posterior.model.priors[parameter].to_dict().items()
    return f"{name}({', '.join(f'{key} {value:g}' for key, value in arguments.items())})"


def _diagnostics(results: Results, figures: tuple[ReportFigure, ...]) -> Section:
    fits: dict[str, Posterior] = dict(results.fits.posteriors)
    if results.fits.stacked is not None:
        fits[f"{results.fits.main_label}, stacked"] = results.fits.stacked
    header = ("fit", "R-hat, largest", "bulk ESS, least", "tail ESS, least", "divergences", "BFMI, least", "converged")
    rows = tuple(_convergence_row(name, posterior) for name, posterior in fits.items())
    return Section(tables=(ReportTable("Convergence of every fit", header, rows),), figures=figures)


def _convergence_row(name: str, posterior: Posterior) -> tuple[str, ...]:
    found = posterior.convergence
    return (
        name,
        f"{found.r_hat_max:.4f}",
        f"{found.ess_bulk_min:.0f}",
        f"{found.ess_tail_min:.0f}",
        str(found.divergences),
        f"{found.bfmi_min:.2f}",
        "yes" if found.converged else "did not converge",
    )


def _parameters(results: Results, figures: tuple[ReportFigure, ...]) -> Section:
    table = ReportTable.from_table(results.parameters, f"Posterior of the {results.fits.main_label}")
    return Section(tables=(table,), figures=figures)


def _residual_text(bins: QTable) -> str:
    told = ", ".join(
        f"{name}: mean {np.mean(bins[f'residual_{key}']):.2f}, standard deviation {np.std(bins[f'residual_{key}']):.2f}"
        for key, name in (("on", "ON"), ("off", "OFF"))
    )
    return (
        f"Randomised-quantile residuals of the posterior prediction over {len(bins)} runs and bins; {told}. "
        "A prediction that fits gives mean 0 and standard deviation 1, or less, since the same counts were fitted."
    )


def _flux_points(results: Results, figures: tuple[ReportFigure, ...]) -> Section:
    table = results.flux_points.table
    notes = tuple(str(table.meta[key]) for key in table.meta if str(key).startswith("note_"))
    shown = ReportTable.from_table(table, "Flux points", columns=POINT_COLUMNS)
    return Section(tuple(f"{note[0].upper()}{note[1:]}." for note in notes), (shown,), figures)


def _comparison(results: Results, figures: tuple[ReportFigure, ...]) -> Section | None:
    table = results.comparison
    if table is None:
        return None
    texts = (str(table.meta["sentence"]), f"{table.meta['method']}.")
    return Section(texts, (ReportTable.from_table(table, "Models, best first"),), figures)


def _provenance(provenance: Mapping[str, Any]) -> Section:
    files = tuple((record["file"], str(record["bytes"]), record["sha256"]) for record in provenance["inputs"])
    tables = (
        ReportTable("Input files", ("file", "bytes", "SHA-256"), files),
        ReportTable("Versions", ("package", "version"), tuple(provenance["versions"].items())),
    )
    texts = (
        f"Command: {' '.join(provenance['command'])}." if provenance["command"] else "Called from Python.",
        f"Seed: {provenance['seeds']['sampling']}.",
    )
    configuration = yaml.safe_dump(provenance["configuration"], sort_keys=False, allow_unicode=True)
    return Section(texts, tables, listings=(Listing("Configuration as used", configuration),))
