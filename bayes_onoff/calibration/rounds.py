"""Many independent rounds on several processes, each a line of JSON as soon as it is done; resumed where it ended."""

import json
import multiprocessing
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any, Protocol

from bayes_onoff.errors import FileError, InputError
from bayes_onoff.inference import SamplerSettings

__all__ = ["REFIT_SAMPLING", "Setup", "done_rounds", "n_cores", "require_at_least_one"]

REFIT_SAMPLING = SamplerSettings(400, 300, chains=2, target_accept=0.8)
"""Of a fit among hundreds, whose ranks and limits need no more."""


def n_cores() -> int:
    """Count the processes that share the work unless told otherwise."""
    return os.cpu_count() or 1


def require_at_least_one(settings: Any, keys: Iterable[str], place: str) -> None:
    """Refuse settings that ask for no round or no process.

    Raises
    ------
    InputError
        If a number is not positive.
    """
    for key in keys:
        if getattr(settings, key) < 1:
            raise InputError("too few", place=f"{place}.{key}", found=getattr(settings, key), allowed="1 or more")


class Setup(Protocol):
    """All that a process needs; travels to it once."""

    def compile(self) -> Any:
        """Make what all rounds share."""

    def fingerprint(self) -> str:
        """Tell two sets of rounds apart."""

    def round(self, compiled: Any, number: int) -> dict[str, Any]:
        """Run a round; plain data with its `number`."""


def done_rounds(
    setup: Setup,
    n_rounds: int,
    processes: int,
    *,
    record: Path | None = None,
    on_progress: Callable[[str], None] | None = None,
    what: str = "refits",
) -> list[dict[str, Any]]:
    """Run the rounds 0 to `n_rounds` - 1 that are not in the record yet.

    Parameters
    ----------
    setup : Setup
    n_rounds, processes : int
    record : Path, optional
        File (JSON lines) to which every finished round is added at once; begun anew if it is of another setup.
    on_progress : callable, optional
        Called with a sentence now and then.
    what : str
        How the rounds are called there.

    Raises
    ------
    FileError
        If the record cannot be written.
    """
    done = {} if record is None else _read_record(record, setup.fingerprint())
    missing = [number for number in range(n_rounds) if number not in done]
    if on_progress is not None and done:
        on_progress(f"{n_rounds - len(missing)} of {n_rounds} {what} are there already")
    for found in _rounds(setup, missing, processes):
        done[found["number"]] = found
        if record is not None:
            _append(record, found)
        n_done = sum(number < n_rounds for number in done)
        if on_progress is not None and (n_done % max(1, n_rounds // 10) == 0):
            on_progress(f"{n_done} of {n_rounds} {what}")
    return [done[number] for number in range(n_rounds)]


_in_this_process: dict[str, Any] = {}
"""Of a worker process: its setup and what it compiled, made once when it starts."""


def _begin(setup: Setup) -> None:
    _in_this_process.update(setup=setup, compiled=setup.compile())


def _round_here(number: int) -> dict[str, Any]:
    setup: Setup = _in_this_process["setup"]
    return setup.round(_in_this_process["compiled"], number)


def _rounds(setup: Setup, numbers: list[int], processes: int) -> Iterator[dict[str, Any]]:
    """Yield rounds as they finish."""
    if not numbers:
        return
    if processes == 1:
        compiled = setup.compile()
        for number in numbers:
            yield setup.round(compiled, number)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(processes, len(numbers)), context, _begin, (setup,)) as pool:
        futures = [pool.submit(_round_here, number) for number in numbers]
        try:
            for future in as_completed(futures):
                yield future.result()
        finally:
            for future in futures:
                future.cancel()


def _append(record: Path, values: dict[str, Any]) -> None:
    try:
        with record.open("a", encoding="utf-8") as file:
            file.write(json.dumps(values) + "\n")
    except OSError as error:
        raise FileError(record, "cannot be written", found=error.strerror) from error


def _read_record(record: Path, fingerprint: str) -> dict[int, dict[str, Any]]:
    """Read the finished rounds of this setup; a record of another one, or none, is begun anew."""
    lines = record.read_text(encoding="utf-8").splitlines() if record.exists() else []
    values = [found for line in lines if (found := _parsed(line)) is not None]
    if not values or values[0].get("fingerprint") != fingerprint:
        record.unlink(missing_ok=True)
        _append(record, {"fingerprint": fingerprint})
        return {}
    if len(values) < len(lines):  # the last line was cut off by an interruption
        record.write_text("".join(json.dumps(value) + "\n" for value in values), encoding="utf-8")
    return {value["number"]: value for value in values[1:]}


def _parsed(line: str) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = json.loads(line)
    except json.JSONDecodeError:
        return None
    return found
