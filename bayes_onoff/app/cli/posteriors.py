"""The commands that take saved posteriors."""

from pathlib import Path

import click

from bayes_onoff.app.cli.conduct import finish, given_command, out_option, seed_option, start

__all__ = ["compare", "products"]


@click.command(short_help="Tables, figures, report of a posterior.")
@click.argument("posterior", metavar="POSTERIOR.nc", type=click.Path(path_type=Path))
@click.option("--bands", metavar="MIN,MAX,N", help="Bands of the flux points; by default eight a decade.")
@seed_option("Of the flux points; by default that of the posterior.")
@out_option("Folder for the results; <posterior>-products beside it if not given.")
def products(posterior: Path, bands: str | None, seed: int | None, out: Path | None) -> None:
    """Make tables, figures and report of a saved posterior again, without the telescope files.

    The posterior is not sampled again, its flux points are: in other bands, if asked for.

    \b
    Example:
      bayes-onoff products crab-results/posterior.nc --bands 0.7TeV,20TeV,6 --out crab-six-bands
    """
    progress = start()
    with progress.stage("import"):
        from bayes_onoff.app.saved_posteriors import products_of_saved

    finish(
        products_of_saved(posterior, out, bands=bands, seed=seed, progress=progress, command=given_command()),
    )


@click.command(short_help="Which of several models?")
@click.argument("posteriors", metavar="A.nc B.nc...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--evidence/--no-evidence", default=True, show_default=True, help="Compute the evidence of each model.")
@out_option("Folder for comparison.ecsv and comparison.png.", default="comparison")
def compare(posteriors: tuple[Path, ...], evidence: bool, out: Path) -> None:
    """Compare saved posteriors of the same data: which model predicts better, which is more probable.

    \b
    Example:
      bayes-onoff compare crab-results/posterior.nc crab-results/posterior_log-parabola.nc
    """
    progress = start()
    with progress.stage("import"):
        from bayes_onoff.app.saved_posteriors import compare_saved

    finish(compare_saved(posteriors, out, evidence=evidence, progress=progress))
