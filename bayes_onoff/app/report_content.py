"""The text and tables of the report, from what a run has computed."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import numpy as np
import yaml
from astropy.table import QTable

from bayes_onoff.app.reporting_guidelines import reporting_guidelines
from bayes_onoff.app.results import Results
from bayes_onoff.calibration import calibration_table
from bayes_onoff.inference.acceptance import SCATTER_PRIOR
from bayes_onoff.inference.convergence import Convergence
from bayes_onoff.inference.pooled import DEVIATION_SCALE_PRIOR, LEVEL_PRIOR, SHAPE_SCALE_PRIOR, SLOPE_PRIOR
from bayes_onoff.inference.settings import LEARNED, BackgroundModel
from bayes_onoff.inference.systematics import Systematics
from bayes_onoff.models import Normal
from bayes_onoff.models.model_table import parameter_rows
from bayes_onoff.models.unfolding import ROUGHNESS_PRIOR
from bayes_onoff.notation import format_number, format_unit
from bayes_onoff.products.flux_points import UL_SQRT_TS
from bayes_onoff.products.wstat_comparison import AGREE
from bayes_onoff.report import (
    Formula,
    Listing,
    ReportContent,
    ReportFigure,
    ReportTable,
    Section,
)

__all__ = ["report_content"]

Figures = Mapping[str, Mapping[str, ReportFigure]]
BACKGROUND_PRIORS = (
    ("level", LEVEL_PRIOR, "ln of the counts per ON-sized region and bin at the centre of the fitted range, each run"),
    ("slope", SLOPE_PRIOR, "change of the background's logarithm per ln(energy)"),
    ("shape_scale", SHAPE_SCALE_PRIOR, "standard deviation of the smooth departure from a power law"),
    ("deviation_scale", DEVIATION_SCALE_PRIOR, "relative scatter of single bins around the smooth shape"),
)
WSTAT_COLUMNS = ("model", "reference", "fixed", "dataset", "parameter", "value", "error", "unit", "stat")
WSTAT_COMPARISON_COLUMNS = (
    *("parameter", "unit", "median", "eti68_lower", "eti68_upper", "wstat_value", "profile_lower", "profile_upper"),
    *("shift", "width_ratio"),
)
PARAMETER_COLUMNS = (
    *("parameter", "unit", "median", "eti68_lower", "eti68_upper", "eti95_lower", "eti95_upper"),
    *("ess_bulk", "r_hat", "mcse_mean"),
)
DERIVED_COLUMNS = (
    *("quantity", "unit", "median", "eti68_lower", "eti68_upper", "eti95_lower", "eti95_upper", "fraction", "note"),
)
COMPARISON_COLUMNS = (
    *("model", "elpd_loo", "elpd_se", "elpd_diff", "diff_se", "p_loo", "weight", "k_hat_max", "n_bad_k", "converged"),
)
EVIDENCE_COLUMNS = (
    *("model", "log_evidence", "log_evidence_error", "log_bayes_factor", "probability", "evidence_for_best"),
)
CALIBRATION_COLUMNS = ("quantity", "p_uniform", "p_holm", "coverage_68", "coverage_95", "coverage_ul95")
CHECK_COLUMNS = ("check", "meaning", "observed", "replicated", "p_value", "flagged", "where")
DETECTION_COLUMNS = (
    *("energies", "energy_min", "energy_max", "n_on", "n_off", "excess", "li_ma", "significance"),
    *("ln_bayes_factor", "ln_bayes_factor_error", "probability", "flux_ul", "crab_ul"),
)
UNFOLDED_COLUMNS = ("e_ref", "e_min", "e_max", "dnde", "dnde_errn", "dnde_errp", "n_signal")
CURVE_COLUMNS = {
    **{"name": "name", "time_min": "start (MJD)", "time_max": "end (MJD)"},
    **{"flux": "flux, alone", "flux_errn": "− error", "flux_errp": "+ error", "flux_ul": "upper limit"},
    **{"is_ul": "is a limit", "sqrt_ts": "√TS"},
    **{"flux_shrunk": "from the population", "flux_shrunk_errn": "− error", "flux_shrunk_errp": "+ error"},
}
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
    fits = results.fits
    date = datetime.fromisoformat(provenance["date"])

    def drawn(section: str) -> tuple[ReportFigure, ...]:
        return tuple(figures.get(section, {}).values())

    return ReportContent(
        title=results.name,
        subtitle=f"bayes-onoff {provenance['versions']['bayes-onoff']}, {date.day} {date:%B %Y, %H:%M} UTC",
        converged=fits.converged,
        convergence=fits.main.convergence.sentence,
        problems=tuple(f"{name}: {problem}" for name, found in fits.convergence.items() for problem in found.problems),
        summary=_summary(results),
        data=_data(results, drawn("data")),
        regions=Section(results.sky.missing, figures=drawn("regions")) if drawn("regions") else None,
        model=_model(results, drawn("model")),
        diagnostics=_diagnostics(results, drawn("diagnostics")),
        parameters=_parameters(results, drawn("parameters")),
        sensitivity=_sensitivity(results),
        counts=_counts(results, drawn("counts")),
        spectrum=Section(figures=drawn("spectrum")),
        flux_points=_flux_points(results, drawn("flux_points")),
        unfolded=_unfolded(results, drawn("unfolded")),
        detection=_detection(results),
        light_curve=_light_curve(results, drawn("light_curve")),
        wstat=_wstat(results, drawn("wstat")),
        comparison=_comparison(results, drawn("comparison")),
        calibration=_calibration(results, drawn("calibration")),
        guidelines=reporting_guidelines(results),
        provenance=_provenance(provenance),
    )


def _summary(results: Results) -> Section:
    total = results.counts.cumulative[-1]
    counts = f"{total['n_on']} ON and {total['n_off']} OFF counts"
    rows = {str(row["parameter"]): row for row in results.parameters}
    values = "; ".join(
        f"{parameter.name} {format_number(float(rows[parameter.name]['median']))} "
        f"({format_number(float(rows[parameter.name]['eti68_lower']))} to "
        f"{format_number(float(rows[parameter.name]['eti68_upper']))}) {format_unit(parameter.unit)}".strip()
        for parameter in results.fits.main.model.parameters
    )
    texts = [
        f"{len(results.counts.runs)} runs, {total['livetime'].to('h'):.2f} of livetime: {counts}, "
        f"an excess of {format_number(float(total['excess']))} at "
        f"{format_number(float(total['significance']))} standard deviations (Li & Ma).",
        f"Spectrum, {results.fits.main_label}, median and 68 % interval: {values}.",
    ]
    if results.background_checks.meta["background_flagged"]:
        texts.append(f"Background: {results.background_checks.meta['sentence']}")
    if results.light_curve is not None:
        texts.append(f"Light curve: {results.light_curve.table.meta['sentence']}")
    if results.inputs.warnings:
        texts.append(f"Left out or approximated in the data: {'; '.join(results.inputs.warnings)}.")
    if results.comparison is not None:
        texts.append(f"Models: {results.comparison.meta['sentence']}")
    return Section(tuple(texts))


def _data(results: Results, figures: tuple[ReportFigure, ...]) -> Section:
    tables = (
        ReportTable.from_table(results.counts.runs, "Runs, inside their safe ranges"),
        ReportTable.from_table(results.counts.cumulative, "The same, cumulative in time"),
    )
    return Section(tables=tables, figures=figures)


def _model(results: Results, figures: tuple[ReportFigure, ...]) -> Section:
    main = results.fits.main
    rows = parameter_rows(main.model)
    background = main.background
    if background.prior == "pooled":
        told = "pooled: a level per run, a smooth shape common to the runs and a deviation per bin, with learned scales"
        rows += [(name, "–", str(prior), meaning) for name, prior, meaning in BACKGROUND_PRIORS]
        if background.shape_from == "irf":
            told += "; slope and shape are the departure from what the background response of each run expects"
    else:
        told = (
            f"independent in every bin: Gamma prior of shape {background.shape:g}, rate {background.rate:g} per count"
        )
    rows += [(name, "–", prior, meaning) for name, prior, meaning in _alpha_priors(background)]
    rows += [(name, "–", prior, meaning) for name, prior, meaning in _systematics_priors(main.systematics)]
    if background.marginal:
        told += "; the latent rates are integrated out"
    texts = (
        f"Counts: ON and OFF counts of every run and energy bin are Poisson, the expected OFF count b of each a latent "
        f"variable. Background rates are {told}.",
        f"Spectrum: {main.model.label}, reference energy {main.model.reference:g} TeV:",
    )
    formula = Formula(
        rf"\mathrm{{d}}N/\mathrm{{d}}E = {main.model.formula}", f"dN/dE of the {main.model.label}: {main.model.formula}"
    )
    priors = ReportTable("Parameters and priors", ("parameter", "unit", "prior", "meaning"), tuple(rows))
    return Section(texts, (priors,), figures, formulas=(formula,))


def _systematics_priors(systematics: Systematics) -> tuple[tuple[str, str, str], ...]:
    """Name, prior and meaning of what is uncertain in the response."""
    rows = []
    if systematics.energy_scale is not None:
        owner = "each run" if systematics.scale_per_run else "the instrument"
        meaning = f"energy scale z of {owner}: a photon of energy E is taken for one of (1 + z) E"
        rows.append(("energy_scale", str(systematics.energy_scale_prior), meaning))
    if systematics.effective_area is not None:
        prior = (
            f"Gaussian process, sd {100 * systematics.effective_area:g} %, length {systematics.area_length:g} in ln E"
        )
        rows.append(("area_shift", prior, "ln of the effective area over the stated one, at nodes in energy"))
    return tuple(rows)


def _alpha_priors(background: BackgroundModel) -> tuple[tuple[str, str, str], ...]:
    """Name, prior and meaning of what makes the acceptance ratio uncertain; nothing where it is certain."""
    meaning = "ln of the ON/OFF acceptance ratio over its nominal value, each run"
    if background.alpha_uncertainty is None:
        return ()
    if background.alpha_uncertainty != LEARNED:
        return (("log_alpha_shift", str(Normal(0.0, float(background.alpha_uncertainty))), meaning),)
    return (
        (
            "alpha_scatter",
            str(SCATTER_PRIOR),
            "relative scatter of the acceptance between regions of equal nominal acceptance; learned from OFF regions",
        ),
        ("log_alpha_shift", "normal(mu 0, sigma alpha_scatter sqrt(1 + alpha))", meaning),
    )


def _diagnostics(results: Results, figures: tuple[ReportFigure, ...]) -> Section:
    header = ("fit", "R-hat, largest", "bulk ESS, least", "tail ESS, least", "divergences", "BFMI, least", "converged")
    rows = tuple(_convergence_row(name, found) for name, found in results.fits.convergence.items())
    return Section(tables=(ReportTable("Convergence of every fit", header, rows),), figures=figures)


def _convergence_row(name: str, found: Convergence) -> tuple[str, ...]:
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
    caption = f"Posterior of the {results.fits.main_label}"
    tables = (
        ReportTable.from_table(results.parameters, caption, columns=PARAMETER_COLUMNS),
        ReportTable.from_table(results.derived, "What follows from it", columns=DERIVED_COLUMNS),
    )
    return Section(tables=tables, figures=figures)


def _sensitivity(results: Results) -> Section:
    table = results.sensitivity
    texts = (
        str(table.meta["sentence"]),
        f"{table.meta['method']}. {table.meta['threshold']:g} is about what a shift by a quarter of the posterior's "
        "standard deviation gives, or a change of its width by a quarter.",
    )
    return Section(texts, (ReportTable.from_table(table, "Sensitivity to the strength of the priors", digits=2),))


def _wstat(results: Results, figures: tuple[ReportFigure, ...]) -> Section:
    caption = f"The {results.fits.main_label}, joint: posterior and profile likelihood"
    tables = (
        ReportTable.from_table(results.wstat_comparison, caption, columns=WSTAT_COMPARISON_COLUMNS),
        ReportTable.from_table(results.wstat, "WSTAT fits", columns=WSTAT_COLUMNS),
    )
    table = results.wstat_comparison
    differing = table[table["reason"] != AGREE] if results.wstat_profiles else []
    reasons = tuple(f"{row['parameter']}: {row['reason']}." for row in differing)
    return Section((str(table.meta["sentence"]), *reasons), tables, figures)


def _counts(results: Results, figures: tuple[ReportFigure, ...]) -> Section:
    checks = results.background_checks
    texts = (_residual_text(results.bins), str(checks.meta["sentence"]))
    if not len(checks):
        return Section(texts, figures=figures)
    table = ReportTable.from_table(checks, "Is the background what the pooled model expects?", columns=CHECK_COLUMNS)
    return Section((*texts, f"{checks.meta['method']}."), (table,), figures)


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
    notes = (
        "dN/dE is the posterior median of a norm in the band of reconstructed energy, times the reference spectrum at "
        "the band's centre; all bands are sampled together, the prior of each norm flat and not negative.",
        "Upper limit: the one-sided 95 % quantile of the posterior under that prior.",
        f"√TS: {table.meta['note_significance'].removeprefix('sqrt_ts is ')}. A band below {UL_SQRT_TS:g} is a limit.",
    )
    shown = ReportTable.from_table(table, "Flux points", columns=POINT_COLUMNS)
    return Section(notes, (shown,), figures)


def _unfolded(results: Results, figures: tuple[ReportFigure, ...]) -> Section | None:
    if results.unfolded is None:
        return None
    table = results.unfolded.table
    low, median, high = (table.meta[f"roughness_{key}"] for key in ("eti68_lower", "median", "eti68_upper"))
    texts = (
        "A spectrum without a parametric form: power laws between the points, whose index changes from each to the "
        "next by a normal amount. The scale of these changes, the roughness, is learned; prior "
        f"{ROUGHNESS_PRIOR}. Energies are true energies: the dispersion is taken out.",
        f"Roughness, the standard deviation of the change of the photon index over a factor e in energy: "
        f"{format_number(median)} ({format_number(low)} to {format_number(high)}); 0 is a power law.",
        "The points are correlated and must be used with the covariance in unfolded.ecsv. Those with few expected "
        "counts are a continuation by the prior. A sharp break is rounded off: close to it the bands are too narrow.",
    )
    return Section(texts, (ReportTable.from_table(table, "Unfolded points", columns=UNFOLDED_COLUMNS),), figures)


def _detection(results: Results) -> Section:
    table = results.detection
    texts = (
        str(table.meta["sentence"]),
        "The source has the reference spectrum's shape, with one norm for all energies or, band by band, a norm of its "
        f"own beside free norms in the others. Prior of its flux for the Bayes factor: {table.meta['prior_of_flux']}, "
        f"the {table.meta['crab_unit']}; prior odds {table.meta['prior_odds']:g}.",
        "Limits are one-sided 95 % quantiles of the photon flux between these energies; their prior is "
        f"{table.meta['prior_of_limits']}. Li & Ma is of the summed counts, with the mean acceptance ratio; the column "
        "after it keeps runs of different acceptance ratio apart (profile likelihood of one common source).",
    )
    shown = ReportTable.from_table(table, "Detection and upper limits", columns=DETECTION_COLUMNS)
    return Section(texts, (shown,))


def _light_curve(results: Results, figures: tuple[ReportFigure, ...]) -> Section | None:
    if results.light_curve is None:
        return None
    table = results.light_curve.table
    shown = QTable({name: np.asarray(table[name]) for name in ("name", "time_min", "time_max")})
    for name in list(CURVE_COLUMNS)[3:]:
        shown[name] = table[name][:, 0]
    low, high = table["e_min"][0, 0], table["e_max"][0, 0]
    meta = table.meta
    texts = (
        str(meta["sentence"]),
        f"Fractional variability (standard deviation over mean of the flux): of the population "
        f"{_fvar(meta, 'fvar_population')}; of these fluxes {_fvar(meta, 'fvar_sample')}.",
        f"Photon flux from {low:.3g} to {high:.3g}. Alone: a free norm times the spectrum common to all, prior flat, "
        f"not negative. From the population: {meta['note_population']}.",
        f"The Bayes factor is that {meta['note_bayes_factor']}.",
    )
    return Section(texts, (ReportTable.from_table(shown, "Light curve", columns=CURVE_COLUMNS),), figures)


def _fvar(meta: Mapping[str, Any], name: str) -> str:
    median, low, high, limit = (
        format_number(float(meta[f"{name}_{key}"]), 2) for key in ("median", "eti68_lower", "eti68_upper", "ul95")
    )
    return f"{median} ({low} to {high}, 68 %), below {limit} (95 %)"


def _comparison(results: Results, figures: tuple[ReportFigure, ...]) -> Section | None:
    table = results.comparison
    if table is None:
        return None
    warnings = tuple(f"{row['model']}: {row['warning']}" for row in table if row["warning"])
    notes = tuple(f"{table.meta[key]}." for key in ("method", "evidence_method"))
    tables = (
        ReportTable.from_table(table, "Models by prediction, best first", columns=COMPARISON_COLUMNS),
        ReportTable.from_table(table, "Evidence of the models", columns=EVIDENCE_COLUMNS),
    )
    return Section((str(table.meta["sentence"]), *notes, *warnings), tables, figures)


def _calibration(results: Results, figures: tuple[ReportFigure, ...]) -> Section | None:
    calibration = results.calibration
    if calibration is None:
        return None
    table = calibration_table(calibration)
    prior = calibration.prior
    stated = ", ".join(f"{name} ~ {prior.model.priors[name]}" for name in prior.model.parameter_names)
    texts = (
        str(table.meta["sentence"]),
        "Simulation-based calibration (Talts et al. 2018): truths are drawn from a prior, counts from the truths, with "
        "the responses, livetimes and masks of these runs; each data set is analysed like the real one, with that "
        "prior. The rank of a truth among the draws of its posterior is then uniform, and intervals hold the truth as "
        "often as they say.",
        f"Prior of the calibration, {calibration.settings.widths:g} posterior widths around the fit: {stated}; levels "
        "and slope of the background likewise, its shape and scatter from their stated priors. "
        f"Seed {calibration.settings.seed}; {table.meta['repeated']} refits were sampled again, longer; "
        f"{table.meta['not_converged']} did not converge; {table.meta['divergences']} divergences in all.",
    )
    return Section(texts, (ReportTable.from_table(table, "Calibration", columns=CALIBRATION_COLUMNS),), figures)


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
