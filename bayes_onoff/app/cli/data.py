"""The commands around the data: what is there, how to get it, how to begin."""

from collections.abc import Sequence
from pathlib import Path

import click

from bayes_onoff.app.cli.conduct import out_option, seed_option, start

__all__ = ["download", "init", "inspect", "schema", "simulate"]


@click.command(short_help="What is in a data store, what is broken.")
@click.argument("store", type=click.Path(path_type=Path))
@out_option("Folder for store.ecsv and figures of the responses.")
def inspect(store: Path, out: Path | None) -> None:
    """Say what is in a data STORE: its runs and their responses, what is absent, what is broken and why.

    Exit status 2 if nothing of it can be used.

    \b
    Example:
      bayes-onoff inspect hess-dl3-dr1 --out hess-look
    """
    progress = start()
    with progress.stage("import"):
        from bayes_onoff.app.inspect_store import inspect_store

    inspect_store(store, out, progress=progress)


def _ask(targets: Sequence[str]) -> str:
    """Ask for one of the targets."""
    click.echo(f"Targets of this data store: {', '.join(targets)}")
    answer: str = click.prompt("Which source")
    return answer


@click.command(short_help="Write a configuration to begin with.")
@click.argument("store", type=click.Path(path_type=Path))
@click.option("--source", metavar="NAME", help="Name of the source: a target of the store, else one that is known.")
@click.option(
    "--position", nargs=2, metavar="RA DEC", help="Its position instead: 83.63 22.01 (deg), or 5h34m32s 22d00m52s."
)
@click.option("--radius", type=click.FloatRange(0, 5, min_open=True), metavar="DEG", help="Of an extended source.")
@click.option(
    "--out", type=click.Path(path_type=Path), metavar="FILE", help="The file; named after the source by default."
)
def init(
    store: Path, source: str | None, position: tuple[str, str] | None, radius: float | None, out: Path | None
) -> None:
    """Write a commented configuration for a source in a data STORE, ready to run.

    Runs are chosen by a cone around the source, the ON region by the kind of response, energies by the effective area.

    \b
    Examples:
      bayes-onoff init hess-dl3-dr1 --source "Crab Nebula"
      bayes-onoff init hess-dl3-dr1 --position 258.39 -39.76 --radius 0.5 --out rxj1713.yaml
    """
    progress = start()
    with progress.stage("import"):
        from bayes_onoff.app.new_configuration import write_new_configuration

    write_new_configuration(
        store, out, source=source, position=position or None, radius=radius, ask=_ask, progress=progress
    )


@click.command(short_help="Made-up runs, or spectra.")
@click.option("--model", "shape", default="exp-cutoff-power-law", show_default=True, metavar="SHAPE")
@click.option("--value", "values", multiple=True, metavar="NAME=VALUE", help="A parameter; else that of the Crab.")
@click.option("--runs", type=click.IntRange(1), default=4, show_default=True, help="Number of runs.")
@click.option("--livetime", default="28 min", show_default=True, help="Of each run.")
@click.option("--offset", default="0.5 deg", show_default=True, help="Of the pointings from the source.")
@click.option(
    "--like",
    type=click.Path(path_type=Path),
    metavar="POSTERIOR.nc",
    help="Spectra instead of runs: new counts for those of this posterior.",
)
@seed_option("Seed of the simulation.", 1)
@out_option("Folder for the data store or the spectra.", default="simulated")
def simulate(
    shape: str,
    values: tuple[str, ...],
    runs: int,
    livetime: str,
    offset: str,
    like: Path | None,
    seed: int,
    out: Path,
) -> None:
    """Simulate runs as DL3 files from a model and an exposure; or spectra like those of a saved posterior.

    \b
    Examples:
      bayes-onoff simulate --model power-law --value index=2.2 --runs 2 --livetime "50 min" --out weak
      bayes-onoff simulate --like crab-results/posterior.nc --seed 7 --out crab-again
    """
    progress = start()
    with progress.stage("import"):
        from bayes_onoff.app.simulate import simulate_like, simulate_runs

    if like is not None:
        simulate_like(like, out, values=values, seed=seed, progress=progress)
        return
    simulate_runs(
        out,
        shape=shape,
        values=values,
        n_runs=runs,
        livetime=livetime,
        offset=offset,
        seed=seed,
        progress=progress,
    )


@click.command(short_help="Get the public H.E.S.S. test data.")
@click.argument("folder", type=click.Path(path_type=Path), default=Path("hess-dl3-dr1"))
@click.option("--accept-terms", is_flag=True, help="Accept the terms of use without being asked.")
@click.option("--record", metavar="URL", help="Address of a copy of the record that lists files and checksums.")
def download(folder: Path, accept_terms: bool, record: str | None) -> None:
    """Download the public H.E.S.S. test data (DL3 DR1) into FOLDER, after you have accepted their terms.

    Files are verified by their checksums; an interrupted download is resumed when the command is given again.

    \b
    Example:
      bayes-onoff download hess-dl3-dr1
    """
    from bayes_onoff.app.download import RECORD, TERMS, download_hess_dr1

    click.echo(TERMS)
    if not accept_terms:
        click.confirm("Do you accept these terms", abort=True)
    download_hess_dr1(folder, record=record or RECORD, progress=start())


@click.command(short_help="Print the configuration's JSON schema.")
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE", help="Write it there.")
def schema(out: Path | None) -> None:
    """Print the JSON schema of the configuration, with which editors complete and check it.

    \b
    Example:
      bayes-onoff schema --out bayes-onoff.schema.json
    """
    from bayes_onoff.app.schema import configuration_schema, write_schema

    if out is None:
        click.echo(configuration_schema())
    else:
        click.echo(f"wrote {write_schema(out)}")
