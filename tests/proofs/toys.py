"""Toys with a known background: is the pooled posterior unbiased, do its intervals cover? Run as

    python -m tests.proofs.toys --out toys.jsonl --rows energy --sets 1000 --processes 16
    python -m tests.proofs.toys --out toys.jsonl --table

Every set is a line of JSON in `--out`. A set depends on seed, row and number alone, so a run that was stopped goes on
where it ended, on any number of processes. Rows and groups are in `toy_rows`.
"""

import sys
import time
from collections.abc import Iterable
from typing import Any

from tests.proofs.records import append_records, in_processes, proof_parser, read_records, require_seed
from tests.proofs.toy_rows import GROUPS, ROWS, Toy, choose_rows, draw_spectra, random_streams

__all__ = ["analyse_set", "missing_sets"]

type Task = tuple[int, str, int]
"""Seed, row, set."""


def analyse_set(task: Task) -> dict[str, Any]:
    """Draw one set and analyse it in every way: a record ready for JSON."""
    from bayes_onoff.errors import BayesOnOffError
    from tests.proofs.toy_grids import Bins, independent_posterior, known_posterior, profile_summary, shape_posterior
    from tests.proofs.toy_pooled import pooled_posterior

    seed, name, index = task
    row = ROWS[name]
    counts_rng, sampler_seed, checks_rng = random_streams(seed, row, index)
    spectra = draw_spectra(row, counts_rng)
    bins = Bins(spectra.n_on, spectra.n_off, row.signal, row.background, row.alpha)
    by_run = [
        Bins(spectra.n_on[run], spectra.n_off[run], row.signal[run], row.background[run], row.alpha)
        for run in range(row.shape[0])
    ]
    start = time.process_time()
    record: dict[str, Any] = {
        "row": name,
        "set": index,
        "seed": seed,
        "n_on": int(spectra.n_on.sum()),
        "n_off": int(spectra.n_off.sum()),
        "empty_off_bins": int((spectra.n_off == 0).sum()),
        "known": known_posterior(bins),
        "shape": shape_posterior(by_run),
        "wstat": profile_summary(bins),
        "jeffreys": independent_posterior(bins, 0.5),
        "flat": independent_posterior(bins, 1.0),
    }
    try:
        record["pooled"] = pooled_posterior(row, spectra, sampler_seed, checks_rng)
    except BayesOnOffError as error:
        record["failure"] = str(error)
    record["cpu_seconds"] = time.process_time() - start
    return record


def missing_sets(records: Iterable[dict[str, Any]], rows: Iterable[Toy], n_sets: int, seed: int) -> list[Task]:
    """Sets that are not recorded yet, row by row.

    Raises
    ------
    SystemExit
        If a record has another seed.
    """
    records = list(records)
    require_seed(records, seed)
    done = {(record["row"], record["set"]) for record in records}
    return [(seed, row.name, i) for row in rows for i in range(n_sets) if (row.name, i) not in done]


def _compile_shape(shape: tuple[int, int]) -> None:
    from tests.proofs.toy_pooled import compiled_model

    compiled_model(*shape)


def main(arguments: list[str] | None = None) -> None:
    """Run sets or print the table."""
    parser = proof_parser(__doc__, "sets a row", "stop after that long")
    parser.add_argument("--rows", default=",".join(GROUPS), help=f"rows or groups ({', '.join(GROUPS)}), by commas")
    chosen = parser.parse_args(arguments)
    records = read_records(chosen.out)
    if chosen.table:
        from tests.proofs.toy_tables import all_tables

        sys.stdout.write(all_tables(records))
        return
    tasks = missing_sets(records, choose_rows(chosen.rows), chosen.sets, chosen.seed)
    if tasks:
        shapes = sorted({ROWS[name].shape for _, name, _ in tasks}, reverse=True)
        analysed = in_processes(
            analyse_set, tasks, chosen.processes, minutes=chosen.minutes, first=(_compile_shape, shapes)
        )
        append_records(chosen.out, analysed, len(tasks))


if __name__ == "__main__":
    main()
