"""The command ``bayes-onoff``. No logic here: each command calls one function of this room.

Imports stay inside the commands, so that ``--help`` answers at once.
"""

import sys
from dataclasses import replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from bayes_onoff import __version__
from bayes_onoff.errors import InputError

if TYPE_CHECKING:
    from bayes_onoff.app.progress import Progress
    from bayes_onoff.app.run import RunResult

__all__ = ["main"]

NOT_CONVERGED = 3
"""Exit status of a run that did not converge."""


class RefusedInput(click.ClickException):
    """A refused input: one message, exit status 2."""

    exit_code = 2

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the message to standard error."""
        click.echo(f"bayes-onoff: refused: {self.message}", err=True, file=file)


class _Commands(click.Group):
    """Turns `InputError` of any command into a refusal."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except InputError as error:
            raise RefusedInput(str(error)) from error


WIDTHS = "How far truths spread around the fit, in posterior widths."
out_option = click.option("--out", type=click.Path(path_type=Path), metavar="DIR", help="Folder for the results.")


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit status: 0 done, 2 an input was refused, 3 the sampling did not converge.",
)
@click.version_option(__version__, message="%(prog)s %(version)s")
def main() -> None:
    """Bayesian gamma-ray ON/OFF spectra: from DL3 files to a posterior.

    \b
    Examples:
      bayes-onoff quickstart                 simulated Crab-like runs, analysed like any other data
      bayes-onoff run crab.yaml              reduction, posterior, products, report
      bayes-onoff reduce crab.yaml           ON/OFF spectra and their tables only
      bayes-onoff calibrate crab.yaml        `run`, and a proof on simulated data that the intervals are true
    """


@main.command()
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("quickstart-results"),
    show_default=True,
    metavar="DIR",
    help="Folder for the simulated data and the results.",
)
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), default=1, show_default=True, help="Seed of the simulation.")
def quickstart(out: Path, seed: int) -> None:
    """Simulate four Crab-like runs as DL3 files and analyse them.

    The configuration that is used lies with the results, to be changed and given to `bayes-onoff run`.

    \b
    Example:
      bayes-onoff quickstart --out first-look
    """
    progress = _start()
    with progress.stage("import"):
        from bayes_onoff.app.quickstart import run_quickstart

    _finish(run_quickstart(out, seed=seed, progress=progress, command=_command()))


@main.command()
@click.argument("config", type=click.Path(path_type=Path))
@out_option
def run(config: Path, out: Path | None) -> None:
    """Analyse the runs that CONFIG names: reduction, posterior, products, report.

    Results go to `<name>-results` beside the configuration unless --out says otherwise.

    \b
    Example:
      bayes-onoff run crab.yaml --out crab-first
    """
    progress = _start()
    with progress.stage("import"):
        from bayes_onoff.app.run import run_file

    _finish(run_file(config, out, progress=progress, command=_command()))


@main.command()
@click.argument("config", type=click.Path(path_type=Path))
@out_option
def reduce(config: Path, out: Path | None) -> None:
    """Reduce the runs that CONFIG names: ON/OFF spectra (OGIP files) and tables of counts.

    \b
    Example:
      bayes-onoff reduce crab.yaml --out crab-spectra
    """
    progress = _start()
    with progress.stage("import"):
        from bayes_onoff.app.run import reduce_file

    _finish(reduce_file(config, out, progress=progress, command=_command()))


@main.command()
@click.argument("config", type=click.Path(path_type=Path))
@out_option
@click.option("--fits", type=click.IntRange(1), default=200, show_default=True, help="Simulated data sets.")
@click.option("--processes", type=click.IntRange(1), default=None, help="Processes that share the work; all cores.")
@click.option("--widths", type=click.FloatRange(0, min_open=True), default=3.0, show_default=True, help=WIDTHS)
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), default=0, show_default=True, help="Of the simulated data.")
def calibrate(config: Path, out: Path | None, fits: int, processes: int | None, widths: float, seed: int) -> None:
    """Analyse CONFIG like `run`, then see on simulated data whether its intervals are true.

    The simulated data sets have the runs, responses and masks of the real ones. An interrupted calibration goes on
    where it stopped when the command is given again.

    \b
    Example:
      bayes-onoff calibrate crab.yaml --fits 200 --out crab-calibrated
    """
    progress = _start()
    with progress.stage("import"):
        from bayes_onoff.app.run import calibrate_file
        from bayes_onoff.calibration import CalibrationSettings

    settings = CalibrationSettings(n_fits=fits, widths=widths, seed=seed)
    if processes is not None:
        settings = replace(settings, processes=processes)
    _finish(calibrate_file(config, out, calibration=settings, progress=progress, command=_command()))


def _start() -> "Progress":
    """Say a first word before anything heavy is imported."""
    from rich.console import Console

    from bayes_onoff.app.progress import Progress

    progress = Progress(Console())
    progress.say(f"bayes-onoff {__version__}")
    return progress


def _command() -> list[str]:
    return ["bayes-onoff", *sys.argv[1:]]


def _finish(result: "RunResult") -> None:
    """Leave with the exit status of the result."""
    if not result.converged:
        raise SystemExit(NOT_CONVERGED)
