"""How every command behaves: its first word, its refusals and its exit status."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from bayes_onoff import __version__
from bayes_onoff.errors import InputError

if TYPE_CHECKING:
    from bayes_onoff.app.progress import Progress
    from bayes_onoff.app.run import RunResult

__all__ = [
    "RefusedInput",
    "RefusingGroup",
    "finish",
    "given_command",
    "out_option",
    "resume_option",
    "seed_option",
    "start",
]

NOT_CONVERGED = 3
"""Exit status of a run that did not converge."""


class RefusedInput(click.ClickException):
    """A refused input: one message, exit status 2."""

    exit_code = 2

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the message to standard error."""
        click.echo(f"bayes-onoff: refused: {self.message}", err=True, file=file)


class RefusingGroup(click.Group):
    """Turns `InputError` of any command into a refusal; lists the commands in the order in which they are used."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except InputError as error:
            raise RefusedInput(str(error)) from error

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Give the names of the commands in the order in which they were added."""
        del ctx
        return list(self.commands)


def out_option(text: str = "Folder for the results.", *, default: str | None = None) -> Callable[..., Any]:
    """Make the option ``--out DIR``."""
    return click.option(
        "--out",
        type=click.Path(path_type=Path),
        metavar="DIR",
        help=text,
        default=None if default is None else Path(default),
        show_default=default is not None,
    )


def seed_option(text: str, default: int | None = None) -> Callable[..., Any]:
    """Make the option ``--seed``."""
    return click.option(
        "--seed", type=click.IntRange(0, 2**32 - 1), default=default, show_default=default is not None, help=text
    )


resume_option = click.option(
    "--resume", is_flag=True, help="Go on where the same command was interrupted: nothing finished is sampled again."
)


def start() -> "Progress":
    """Say a first word before anything heavy is imported."""
    from rich.console import Console

    from bayes_onoff.app.progress import Progress

    progress = Progress(Console())
    progress.say(f"bayes-onoff {__version__}")
    return progress


def given_command() -> list[str]:
    """Give the command line, for the record."""
    return ["bayes-onoff", *sys.argv[1:]]


def finish(result: "RunResult") -> None:
    """Leave with the exit status of the result."""
    if not result.converged:
        raise SystemExit(NOT_CONVERGED)
