"""Long proofs, made of many independent tasks: a record of JSON for each, appended to a file, resumable."""

import argparse
import json
import multiprocessing
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any

__all__ = ["append_records", "in_processes", "proof_parser", "read_records", "require_seed"]

type Record = dict[str, Any]


def read_records(path: Path) -> list[Record]:
    """Read all complete lines; a last line cut short is no record."""
    if not path.exists():
        return []
    lines = path.read_text().split("\n")
    return [json.loads(line) for line in lines[:-1] if line]


def proof_parser(description: str | None, sets: str, minutes: str, default_sets: int = 1000) -> argparse.ArgumentParser:
    """Make the command line of a proof; what `sets` and `minutes` count is said in words."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="file of JSON lines, made or continued")
    parser.add_argument("--table", action="store_true", help="print the table of what the file holds; run nothing")
    parser.add_argument("--sets", type=int, default=default_sets, help=sets)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--minutes", type=float, default=float("inf"), help=minutes)
    return parser


def require_seed(records: Iterable[Record], seed: int) -> None:
    """Refuse to go on with records of another seed.

    Raises
    ------
    SystemExit
        If a record has another seed.
    """
    for record in records:
        if record["seed"] != seed:
            found = f"the file holds sets of seed {record['seed']}, not {seed}"
            raise SystemExit(f"{found}; choose another file, or give another seed")


def append_records(path: Path, records: Iterable[Record], n_expected: int) -> None:
    """Write every record as soon as it is there, and say now and then how many there are."""
    if path.exists() and not path.read_text().endswith("\n"):
        complete = path.read_text().rpartition("\n")[0]
        path.write_text(f"{complete}\n" if complete else "")
    start, n_done = time.monotonic(), 0
    with path.open("a") as file:
        for n_done, record in enumerate(records, start=1):
            file.write(json.dumps(record, default=float) + "\n")
            file.flush()
            if n_done % 100 == 0:
                _tell(n_done, n_expected, start)
    _tell(n_done, n_expected, start)


def _tell(n_done: int, n_expected: int, start: float) -> None:
    sys.stdout.write(f"{n_done} of {n_expected} sets, {time.monotonic() - start:.0f} s\n")
    sys.stdout.flush()


def in_processes[Task](
    analyse: Callable[[Task], Record],
    tasks: Sequence[Task],
    processes: int,
    *,
    minutes: float = float("inf"),
    first: tuple[Callable[[Any], None], Sequence[Any]] | None = None,
) -> Iterator[Record]:
    """Analyse in processes of their own, in any order, until all is done or the time is over.

    `first` is a function and its arguments that are run before: what is compiled then is found on disk by all.
    """
    end = time.monotonic() + 60 * minutes
    # Read by the processes when they start: one core each.
    os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}
    # An executor, because it reports a process that dies; a pool would wait for it for ever.
    with ProcessPoolExecutor(processes, multiprocessing.get_context("spawn")) as executor:
        if first is not None:
            list(executor.map(*first))
        for finished in as_completed([executor.submit(analyse, task) for task in tasks]):
            yield finished.result()
            if time.monotonic() > end:
                executor.shutdown(cancel_futures=True)
                return
