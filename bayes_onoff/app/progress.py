"""What the command line says while it works, and how long each stage took."""

import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["Progress"]


class Progress:
    """Status lines, each with the time since the start; and a clock for every stage.

    Parameters
    ----------
    console : rich.console.Console, optional
        Where lines go; a turning wheel beside the current stage where that is a terminal. Silent without one.
    """

    def __init__(self, console: "Console | None" = None) -> None:
        self._console = console
        self._start = time.perf_counter()
        self.timings: dict[str, float] = {}
        """Seconds spent in each stage so far, in order of first appearance."""

    @property
    def elapsed(self) -> float:
        """Seconds since the start."""
        return time.perf_counter() - self._start

    @property
    def in_terminal(self) -> bool:
        """Whether a person is watching a terminal."""
        return self._console is not None and self._console.is_terminal

    def say(self, text: str) -> None:
        """Print one line."""
        if self._console is not None:
            # Outside a terminal a line stays a line, for logs.
            line = f"[{self.elapsed:6.1f} s] {text}"
            self._console.print(line, markup=False, highlight=False, soft_wrap=not self.in_terminal)

    @contextmanager
    def stage(self, name: str, text: str | None = None, *, spinner: bool = True) -> Iterator[None]:
        """Say what begins, and add the time it takes to `name`.

        Parameters
        ----------
        name : str
            Key in `timings`.
        text : str, optional
            What to say; nothing by default.
        spinner : bool
            Turn a wheel meanwhile; not where something else draws its own progress.
        """
        if text is not None:
            self.say(text)
        wheel = (
            self._console.status(text or name)
            if self._console is not None and self.in_terminal and spinner
            else nullcontext()
        )
        begin = time.perf_counter()
        try:
            with wheel:
                yield
        finally:
            self.timings[name] = self.timings.get(name, 0.0) + time.perf_counter() - begin

    def summary(self) -> str:
        """Tell the total time and where it went."""
        parts = ", ".join(f"{name} {seconds:.1f}" for name, seconds in self.timings.items())
        return f"total {self.elapsed:.1f} s ({parts})"
