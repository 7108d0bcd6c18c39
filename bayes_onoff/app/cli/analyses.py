"""The commands that sample a posterior."""

from dataclasses import replace
from pathlib import Path

import click

from bayes_onoff.app.cli.conduct import finish, given_command, out_option, resume_option, seed_option, start

__all__ = ["calibrate", "fit", "quickstart", "reduce", "run"]

WIDTHS = "How far truths spread around the fit, in posterior widths."


@click.command(short_help="Simulate four runs and analyse them.")
@out_option("Folder for the simulated data and the results.", default="quickstart-results")
@seed_option("Seed of the simulation.", 1)
def quickstart(out: Path, seed: int) -> None:
    """Simulate four Crab-like runs as DL3 files and analyse them.

    The configuration that is used lies with the results, to be changed and given to `bayes-onoff run`.

    \b
    Example:
      bayes-onoff quickstart --out first-look
    """
    progress = start()
    with progress.stage("import"):
        from bayes_onoff.app.quickstart import run_quickstart

    finish(run_quickstart(out, seed=seed, progress=progress, command=given_command()))


@click.command(short_help="Data to posterior, products and report.")
@click.argument("config", type=click.Path(path_type=Path))
@out_option()
@resume_option
def run(config: Path, out: Path | None, resume: bool) -> None:
    """Analyse the runs that CONFIG names: reduction, posterior, products, report.

    Results go to `<name>-results` beside the configuration unless --out says otherwise.

    \b
    Example:
      bayes-onoff run crab.yaml --out crab-first
      bayes-onoff run crab.yaml --out crab-first --resume
    """
    progress = start()
    with progress.stage("import"):
        from bayes_onoff.app.run import run_file

    finish(run_file(config, out, resume=resume, progress=progress, command=given_command()))


@click.command(short_help="Runs to ON/OFF spectra (OGIP).")
@click.argument("config", type=click.Path(path_type=Path))
@out_option()
def reduce(config: Path, out: Path | None) -> None:
    """Reduce the runs that CONFIG names: ON/OFF spectra (OGIP files) and tables of counts.

    \b
    Example:
      bayes-onoff reduce crab.yaml --out crab-spectra
    """
    progress = start()
    with progress.stage("import"):
        from bayes_onoff.app.run import reduce_file

    finish(reduce_file(config, out, progress=progress, command=given_command()))


@click.command(short_help="Spectra to posterior, products and report.")
@click.argument("given", metavar="[CONFIG] SPECTRA...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--model", metavar="SHAPE", help="The spectrum, such as power-law or log-parabola.")
@click.option("--fit-range", "fit_range", metavar="MIN,MAX", help="Energies that are used, such as 0.5TeV,20TeV.")
@click.option("--background", type=click.Choice(["pooled", "independent"]), help="Prior of the background rates.")
@click.option("--draws", type=click.IntRange(4), help="Draws kept of each chain.")
@seed_option("Of everything random.")
@out_option("Folder for the results; <name>-fit in the current folder if not given.")
@resume_option
def fit(
    given: tuple[Path, ...],
    model: str | None,
    fit_range: str | None,
    background: str | None,
    draws: int | None,
    seed: int | None,
    out: Path | None,
    resume: bool,
) -> None:
    """Fit SPECTRA that exist: OGIP files, patterns or folders; or what an earlier `reduce` or `run` left.

    An earlier reduction brings its own configuration. A CONFIG before the spectra, or alone with `observations.ogip`,
    says the same as for `run`; options take the place of what it says.

    \b
    Examples:
      bayes-onoff fit crab-spectra --model log-parabola
      bayes-onoff fit pha_obs23523.fits pha_obs23526.fits --fit-range 0.7TeV,30TeV --out crab-two
    """
    progress = start()
    with progress.stage("import"):
        from bayes_onoff.app.fit_spectra import FitOptions, fit_spectra

    options = FitOptions(model=model, fit_range=fit_range, background=background, draws=draws, seed=seed)
    finish(fit_spectra(given, out, options=options, resume=resume, progress=progress, command=given_command()))


@click.command(short_help="Are the intervals of an analysis true?")
@click.argument("config", type=click.Path(path_type=Path))
@out_option()
@resume_option
@click.option("--fits", type=click.IntRange(1), default=200, show_default=True, help="Simulated data sets.")
@click.option("--processes", type=click.IntRange(1), default=None, help="Processes that share the work; all cores.")
@click.option("--widths", type=click.FloatRange(0, min_open=True), default=3.0, show_default=True, help=WIDTHS)
@seed_option("Of the simulated data.", 0)
def calibrate(
    config: Path, out: Path | None, resume: bool, fits: int, processes: int | None, widths: float, seed: int
) -> None:
    """Analyse CONFIG like `run`, then see on simulated data whether its intervals are true.

    The simulated data sets have the runs, responses and masks of the real ones. An interrupted calibration goes on
    where it stopped when the command is given again; with --resume so does the analysis before it.

    \b
    Example:
      bayes-onoff calibrate crab.yaml --fits 200 --out crab-calibrated
    """
    progress = start()
    with progress.stage("import"):
        from bayes_onoff.app.run import calibrate_file
        from bayes_onoff.calibration import CalibrationSettings

    settings = CalibrationSettings(n_fits=fits, widths=widths, seed=seed)
    if processes is not None:
        settings = replace(settings, processes=processes)
    finish(calibrate_file(config, out, calibration=settings, resume=resume, progress=progress, command=given_command()))
