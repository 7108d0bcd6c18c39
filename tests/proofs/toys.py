"""Toys with a known background: is the pooled posterior unbiased, do its intervals cover? Run as

    python -m tests.proofs.toys --out toys.jsonl --rows energy --sets 1000 --processes 16
    python -m tests.proofs.toys --out toys.jsonl --table

Every set is a line of JSON in `--out`. A set depends on seed, row and number alone, so a run that was stopped goes on
where it ended, on any number of processes. Rows and groups are in `toy_rows`.
"""

import argparse
import json
import multiprocessing
import os
import sys
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any

from tests.proofs.toy_rows import GROUPS, ROWS, Toy, choose_rows, draw_spectra, random_streams

__all__ = ["analyse_set", "missing_sets", "read_records"]

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


def read_records(path: Path) -> list[dict[str, Any]]:
    """Read all complete lines; a last line cut short is no record."""
    if not path.exists():
        return []
    lines = path.read_text().split("\n")
    return [json.loads(line) for line in lines[:-1] if line]


def missing_sets(records: Iterable[dict[str, Any]], rows: Iterable[Toy], n_sets: int, seed: int) -> list[Task]:
    """Sets that are not recorded yet, row by row.

    Raises
    ------
    SystemExit
        If a record has another seed.
    """
    done = set()
    for record in records:
        if record["seed"] != seed:
            raise SystemExit(f"the file holds sets of seed {record['seed']}, not {seed}; choose another file or seed")
        done.add((record["row"], record["set"]))
    return [(seed, row.name, i) for row in rows for i in range(n_sets) if (row.name, i) not in done]


def _compile_shape(shape: tuple[int, int]) -> None:
    from tests.proofs.toy_pooled import compiled_model

    compiled_model(*shape)


def _analyse_all(tasks: list[Task], processes: int, minutes: float) -> Iterator[dict[str, Any]]:
    """Analyse in processes of their own, until all is done or the time is over."""
    end = time.monotonic() + 60 * minutes
    # Read by the processes when they start: one core each.
    os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}
    shapes = sorted({ROWS[name].shape for _, name, _ in tasks}, reverse=True)
    # An executor, because it reports a process that dies; a pool would wait for it for ever.
    with ProcessPoolExecutor(processes, multiprocessing.get_context("spawn")) as executor:
        # Each shape by one process first; the others then find it compiled on disk.
        list(executor.map(_compile_shape, shapes))
        for finished in as_completed([executor.submit(analyse_set, task) for task in tasks]):
            yield finished.result()
            if time.monotonic() > end:
                executor.shutdown(cancel_futures=True)
                return


def _append(path: Path, records: Iterable[dict[str, Any]], n_expected: int) -> None:
    if path.exists() and not path.read_text().endswith("\n"):
        complete = path.read_text().rpartition("\n")[0]
        path.write_text(f"{complete}\n" if complete else "")
    start, n_done = time.monotonic(), 0
    with path.open("a") as file:
        for n_done, record in enumerate(records, start=1):
            file.write(json.dumps(record, default=float) + "\n")
            file.flush()
            if n_done % 100 == 0:
                sys.stdout.write(f"{n_done} of {n_expected} sets, {time.monotonic() - start:.0f} s\n")
                sys.stdout.flush()
    sys.stdout.write(f"{n_done} of {n_expected} sets, {time.monotonic() - start:.0f} s\n")


def main(arguments: list[str] | None = None) -> None:
    """Run sets or print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="file of JSON lines, made or continued")
    parser.add_argument("--table", action="store_true", help="print the table of what the file holds; run nothing")
    parser.add_argument("--rows", default=",".join(GROUPS), help=f"rows or groups ({', '.join(GROUPS)}), by commas")
    parser.add_argument("--sets", type=int, default=1000, help="sets a row")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--minutes", type=float, default=float("inf"), help="stop after that long")
    chosen = parser.parse_args(arguments)
    records = read_records(chosen.out)
    if chosen.table:
        from tests.proofs.toy_tables import all_tables

        sys.stdout.write(all_tables(records))
        return
    tasks = missing_sets(records, choose_rows(chosen.rows), chosen.sets, chosen.seed)
    if tasks:
        _append(chosen.out, _analyse_all(tasks, chosen.processes, chosen.minutes), len(tasks))


if __name__ == "__main__":
    main()
