"""Results from posteriors that were saved, without telescope files: products anew, and models compared."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bayes_onoff.app.config.reduction import AxisBlock
from bayes_onoff.app.fits import Fits, default_bands, fit_flux_points
from bayes_onoff.app.inputs import Inputs
from bayes_onoff.app.output_folder import clear_earlier_results, prepare_folder
from bayes_onoff.app.progress import Progress
from bayes_onoff.app.provenance import begin_record
from bayes_onoff.app.results import derive, write_spectra
from bayes_onoff.app.run import RunResult, conclude, outcome
from bayes_onoff.errors import InputError
from bayes_onoff.inference import Posterior
from bayes_onoff.inference.bands import bands_of_bins
from bayes_onoff.inference.fit_data import FitData
from bayes_onoff.products import compare, write_table
from bayes_onoff.reduction import Reduction

if TYPE_CHECKING:
    from astropy.table import QTable

__all__ = ["compare_saved", "parse_bands", "products_of_saved"]


def parse_bands(text: str) -> AxisBlock:
    """Read bands of energy such as ``0.7TeV,20TeV,6``: from, to and how many, equally wide in ln(E).

    Raises
    ------
    InputError
        If the text is something else.
    """
    parts = [part.strip() for part in text.split(",")]
    allowed = "from, to and how many, such as 0.7TeV,20TeV,6"
    if len(parts) != 3 or not parts[2].isdecimal():
        raise InputError("not bands of energy", place="--bands", found=text, allowed=allowed)
    try:
        return AxisBlock.model_validate({"min": parts[0], "max": parts[1], "bins": int(parts[2])})
    except ValueError as error:
        raise InputError("not bands of energy", place="--bands", found=text, allowed=allowed) from error


def products_of_saved(
    path: str | Path,
    out: str | Path | None = None,
    *,
    bands: str | None = None,
    seed: int | None = None,
    progress: Progress | None = None,
    command: Sequence[str] = (),
) -> RunResult:
    """Compute every table, figure and the report of a saved posterior; its flux points are sampled anew.

    Parameters
    ----------
    path : path-like
        A posterior that `run` or `fit` wrote.
    out : path-like, optional
        Folder for the results; ``<stem>-products`` beside the posterior if not given.
    bands : str, optional
        As for `parse_bands`; eight a decade over the fitted range if not given.
    seed : int, optional
        Of the flux points; that of the posterior if not given.
    progress, command
        As for `bayes_onoff.app.run.run_file`.

    Raises
    ------
    InputError
        If the posterior or the bands are refused; nothing was sampled then.
    """
    path = Path(path)
    progress = progress or Progress()
    folder = path.with_name(f"{path.stem}-products") if out is None else Path(out)
    with progress.stage("read", f"reading {path}"):
        posterior = Posterior.load(path)
    data = FitData.from_spectra(posterior.spectra)
    wanted = default_bands(data) if bands is None else parse_bands(bands).to_axis().edges
    edges = bands_of_bins(data, wanted)[0]
    settings = posterior.settings if seed is None else replace(posterior.settings, seed=seed)
    prepare_folder(folder)
    inputs = Inputs(Reduction(posterior.spectra, ()), (path,))
    name = f"{path.absolute().parent.name}, {path.stem}"
    made_of: dict[str, Any] = {
        "posterior": str(path.absolute()),
        "flux_points": {"edges": [f"{edge!r} TeV" for edge in edges.tolist()]},
        **{key: value for key, value in posterior.specification().items() if key != "convergence"},
    }
    record = begin_record(name, made_of, inputs, command)
    clear_earlier_results(folder, inputs.files)
    counts = write_spectra(posterior.spectra, folder)
    sampled = fit_flux_points(posterior, edges, settings, progress)
    fits = Fits(posteriors={posterior.model.label: posterior}, stacked=None, unfolded=None, bands=sampled)
    record |= outcome(fits, settings.seed)
    with progress.stage("products", "tables"):
        results = derive(name, inputs, counts, fits)
    return conclude(results, record, folder, progress)


def compare_saved(
    paths: Sequence[str | Path],
    out: str | Path = "comparison",
    *,
    evidence: bool = True,
    progress: Progress | None = None,
) -> RunResult:
    """Compare saved posteriors of the same data: table, figure and a sentence.

    Parameters
    ----------
    paths : sequence of path-like
        Posteriors that `run` or `fit` wrote.
    out : path-like
        Folder for ``comparison.ecsv`` and ``comparison.png``.
    evidence : bool
        Compute the evidence of each model too.
    progress : Progress, optional

    Raises
    ------
    InputError
        If a posterior is refused, or they are not of the same data.
    """
    from bayes_onoff.plotting import plot_comparison, write_figure

    progress, folder = progress or Progress(), Path(out)
    with progress.stage("read", f"reading {len(paths)} posteriors"):
        posteriors = _named([Path(path) for path in paths])
    prepare_folder(folder)
    with progress.stage("compare", "comparing" + (", with the evidence of each" if evidence else "")):
        table = compare(posteriors, evidence=evidence)
    table.meta["posteriors"] = dict(zip(posteriors, map(str, paths), strict=True))
    write_table(table, folder / "comparison.ecsv")
    drawn: Any = plot_comparison(table).figure
    write_figure(drawn, folder / "comparison.png")
    progress.say("\n".join(["best first", *_lines(table)]))
    progress.say(str(table.meta["sentence"]))
    progress.say(f"{progress.summary()}; comparison.ecsv and comparison.png in {folder}")
    return RunResult(folder, bool(table.meta["converged"]))


def _named(paths: Sequence[Path]) -> dict[str, Posterior]:
    """Name each posterior after its model, or after its file where that is not enough."""
    posteriors = [Posterior.load(path) for path in paths]
    labels = [posterior.model.label for posterior in posteriors]
    names = labels if len(set(labels)) == len(labels) else [str(path) for path in paths]
    if len(set(names)) < len(names):
        raise InputError("a posterior is given twice", place="compare", found=", ".join(names))
    return dict(zip(names, posteriors, strict=True))


def _lines(table: "QTable") -> list[str]:
    """Show the columns that decide."""
    columns = ["model", "elpd_diff", "diff_se", "weight", "log_bayes_factor", "probability"]
    shown = table[[column for column in columns if column in table.colnames]]
    for column in shown.colnames[1:]:
        shown[column].info.format = ".2f"
    return [str(line) for line in shown.pformat(max_lines=-1, max_width=-1)]
