"""A run in order: first all that can be refused, then the posterior and what follows from it, the record last."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bayes_onoff.app.config import Configuration, load_config
from bayes_onoff.app.fits import Fits, fit_everything, flux_point_edges, require_background_shape
from bayes_onoff.app.inputs import Inputs, read_inputs
from bayes_onoff.app.light_curves import plan_light_curve
from bayes_onoff.app.output_folder import clear_earlier_results, prepare_folder
from bayes_onoff.app.progress import Progress
from bayes_onoff.app.provenance import begin_record, write_provenance
from bayes_onoff.app.results import Results, derive, write_results, write_spectra
from bayes_onoff.app.sky import view_sky
from bayes_onoff.app.unfinished import Earlier, KeptFits, find_earlier
from bayes_onoff.calibration import Calibration, CalibrationSettings, calibrate, require_calibratable
from bayes_onoff.inference import Convergence
from bayes_onoff.inference.settings import require_sampler

__all__ = [
    "RunResult",
    "calibrate_file",
    "conclude",
    "outcome",
    "reduce_file",
    "run_analysis",
    "run_file",
    "run_reduction",
]

CALIBRATION_RECORD = "calibration_fits.jsonl"
"""Stays where a run is repeated: its rounds are used again if they belong to the same calibration."""


@dataclass(frozen=True, slots=True)
class RunResult:
    """How a run ended.

    Parameters
    ----------
    folder : Path
        Where the results are.
    converged : bool
        Whether every posterior in it converged.
    """

    folder: Path
    converged: bool = True


def run_file(
    config_path: str | Path,
    out: str | Path | None = None,
    *,
    resume: bool = False,
    progress: Progress | None = None,
    command: Sequence[str] = (),
) -> RunResult:
    """Run the analysis that a configuration file describes.

    Parameters
    ----------
    config_path : path-like
        The YAML file.
    out : path-like, optional
        Folder for the results; ``<name>-results`` beside the file if not given.
    resume : bool
        As for `run_analysis`.
    progress : Progress, optional
        Where to say what happens; silent if not given.
    command : sequence of str
        For the record.

    Raises
    ------
    InputError
        If an input is refused; nothing was sampled then.
    """
    config = load_config(config_path)
    folder = _results_folder(config, config_path, out)
    return run_analysis(config, folder, resume=resume, progress=progress, command=command)


def reduce_file(
    config_path: str | Path,
    out: str | Path | None = None,
    *,
    progress: Progress | None = None,
    command: Sequence[str] = (),
) -> RunResult:
    """Do the first step only: ON/OFF spectra and their tables. Arguments and errors as for `run_file`."""
    config = load_config(config_path)
    return run_reduction(config, _results_folder(config, config_path, out), progress=progress, command=command)


def calibrate_file(
    config_path: str | Path,
    out: str | Path | None = None,
    *,
    calibration: CalibrationSettings,
    resume: bool = False,
    progress: Progress | None = None,
    command: Sequence[str] = (),
) -> RunResult:
    """Run the analysis and calibrate it. Arguments and errors as for `run_file`; rounds done before are kept."""
    config = load_config(config_path)
    folder = _results_folder(config, config_path, out)
    return run_analysis(config, folder, calibration=calibration, resume=resume, progress=progress, command=command)


def _results_folder(config: Configuration, config_path: str | Path, out: str | Path | None) -> Path:
    return Path(config_path).parent / f"{config.name}-results" if out is None else Path(out)


def run_reduction(
    config: Configuration, folder: Path, *, progress: Progress | None = None, command: Sequence[str] = ()
) -> RunResult:
    """Reduce the runs and write spectra and tables of counts to `folder`.

    Raises
    ------
    InputError
        If an input is refused.
    """
    progress = progress or Progress()
    inputs = _read(config, folder, progress)
    record = begin_record(config.name, config.to_dict(), inputs, command)
    clear_earlier_results(folder, inputs.files)
    with progress.stage("write spectra"):
        write_spectra(inputs.reduction.spectra, folder)
    return _finish(RunResult(folder), record, progress)


def run_analysis(
    config: Configuration,
    folder: Path,
    *,
    calibration: CalibrationSettings | None = None,
    resume: bool = False,
    progress: Progress | None = None,
    command: Sequence[str] = (),
) -> RunResult:
    """Run an analysis and write everything to `folder`.

    Parameters
    ----------
    config : Configuration
    folder : Path
    calibration : CalibrationSettings, optional
        Calibrate the main model too.
    resume : bool
        Go on where the run was interrupted: what it sampled is not sampled again.
    progress, command
        As for `run_file`.

    Raises
    ------
    InputError
        If an input is refused; nothing was sampled then. So is `resume` where the configuration, the data or the
        versions of packages are not those of the run that was begun.
    """
    progress = progress or Progress()
    earlier = _find_earlier(folder, progress, resume=resume, calibrated=calibration is not None)
    config = config.model_copy(
        update={"sampling": config.sampling.with_seed(None if earlier is None else earlier.seed)}
    )
    require_sampler(config.sampling.to_settings())
    if calibration is not None:
        require_calibratable(config.background.to_background())
    inputs = _read(config, folder, progress)
    edges = flux_point_edges(config, inputs.reduction.spectra)
    curve = plan_light_curve(config, inputs.light_curve)
    require_background_shape(config, inputs.reduction.spectra)
    record = begin_record(config.name, config.to_dict(), inputs, command)
    kept = KeptFits(folder, progress)
    if earlier is not None:
        earlier.require_same(record, folder)
        if earlier.finished:
            progress.say(f"finished before, nothing to do; results in {folder}")
            return RunResult(folder, earlier.record["converged"])
    clear_earlier_results(folder, inputs.files)
    if earlier is None:
        kept.begin(record)
    with kept.told_when_interrupted():
        with progress.stage("write spectra"):
            counts = write_spectra(inputs.reduction.spectra, folder)
        fits = fit_everything(config, inputs.reduction.spectra, edges, progress, curve, kept=kept)
        record |= outcome(fits, config.sampling.seed)
        with progress.stage("products", "tables and comparison"):
            sky = view_sky(config, inputs)
            results = derive(config.name, inputs, counts, fits, prior_of_source=config.detection, sky=sky)
        if calibration is not None:
            record["seeds"]["calibration"] = calibration.seed
            results = replace(results, calibration=_calibrated(results, calibration, folder, progress))
        ended = conclude(results, record, folder, progress)
    kept.forget()
    return ended


def conclude(results: Results, record: dict[str, Any], folder: Path, progress: Progress) -> RunResult:
    """Write posteriors, tables, figures and report, and at last the record."""
    checks = results.background_checks.meta
    record["background_checks"] = {"flagged": checks["background_flagged"], "sentence": checks["sentence"]}
    with progress.stage("products"):
        write_results(results, folder)
    with progress.stage("report", "figures and report"):
        _tell(results, record, folder)
    return _finish(RunResult(folder, results.fits.converged), record, progress)


def _find_earlier(folder: Path, progress: Progress, *, resume: bool, calibrated: bool) -> Earlier | None:
    """Look for what can be resumed, and say what becomes of it."""
    earlier = find_earlier(folder, calibrated=calibrated)
    if resume:
        progress.say("nothing to resume: from the beginning" if earlier is None else "going on where the run stopped")
        return earlier
    if earlier is not None and not earlier.finished:
        progress.say("an interrupted run is started over; with --resume it would go on")
    return None


def _read(config: Configuration, folder: Path, progress: Progress) -> Inputs:
    prepare_folder(folder)
    with progress.stage("read and reduce", "reading and reducing"):
        return read_inputs(config, progress)


def _calibrated(results: Results, settings: CalibrationSettings, folder: Path, progress: Progress) -> Calibration:
    """Calibrate the main model; every round is on disk as soon as it is done."""
    with progress.stage("calibrate", f"calibrating with {settings.n_fits} simulated data sets", spinner=False):
        return calibrate(results.fits.main, settings, record=folder / CALIBRATION_RECORD, on_progress=progress.say)


def outcome(fits: Fits, seed: int | None) -> dict[str, Any]:
    """Note how the sampling ended, for the record."""
    return {
        "seeds": {"sampling": seed},
        "converged": fits.converged,
        "convergence": {name: _verdict(found) for name, found in fits.convergence.items()},
    }


def _verdict(convergence: Convergence) -> dict[str, Any]:
    return {**dataclasses.asdict(convergence), "converged": convergence.converged, "sentence": convergence.sentence}


def _tell(results: Results, record: Mapping[str, Any], folder: Path) -> None:
    """Draw the figures and write the report."""
    from bayes_onoff.app.figures import draw_figures
    from bayes_onoff.app.report_content import report_content
    from bayes_onoff.plotting.export import settle_layout, write_figure
    from bayes_onoff.report import write_latex_tables, write_report

    figures = draw_figures(results)
    for group in figures.values():
        for name, drawn in group.items():
            settle_layout(drawn.figure)
            write_figure(drawn.figure, folder / "figures" / f"{name}.png")
    content = report_content(results, figures, record)
    write_latex_tables(content, folder / "latex")
    write_report(content, folder / "report.html")


def _finish(result: RunResult, record: Mapping[str, Any], progress: Progress) -> RunResult:
    """Write the record and say how it ended."""
    write_provenance(result.folder, {**record, "timings_s": {**progress.timings, "total": progress.elapsed}})
    if not result.converged:
        progress.say("The sampling did not converge: the results are marked so, and must not be used.")
    checks = record.get("background_checks")
    if checks is not None and checks["flagged"]:
        progress.say(f"Background: {checks['sentence']}")
    progress.say(f"{progress.summary()}; results in {result.folder}")
    return result
