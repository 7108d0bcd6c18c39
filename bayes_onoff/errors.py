"""What can go wrong, and how the package says so.

Every refusal names the place (file, HDU or configuration key), what was found there and what is allowed.
`InputError` and its children are refused inputs (exit status 2 on the command line).
"""

from pathlib import Path

__all__ = [
    "BayesOnOffError",
    "ConfigError",
    "ConvergenceWarning",
    "FileError",
    "InputError",
    "ReductionError",
    "ReductionWarning",
]


class BayesOnOffError(Exception):
    """Base of every error this package raises on purpose."""


class InputError(BayesOnOffError):
    """An input was refused before any sampling.

    Parameters
    ----------
    problem : str
        One sentence that says what is wrong.
    found : object, optional
        The offending value, shown as it is.
    allowed : str, optional
        What would have been accepted.
    place : str, optional
        Where: a configuration key, an argument's name, a file and its HDU.
    """

    def __init__(
        self, problem: str, *, found: object = None, allowed: str | None = None, place: str | None = None
    ) -> None:
        self.problem = problem
        self.found = found
        self.allowed = allowed
        self.place = place
        message = problem if place is None else f"{place}: {problem}"
        if found is not None:
            message += f"; found {found!r}" if isinstance(found, str) else f"; found {found}"
        if allowed is not None:
            message += f"; allowed: {allowed}"
        super().__init__(message)


class ConfigError(InputError):
    """A configuration key is unknown, missing, or has a value that is not allowed (`place` is the key)."""


class FileError(InputError):
    """A file is missing, damaged, or does not follow its format.

    Parameters
    ----------
    file : path-like
        The file.
    problem, found, allowed
        As for `InputError`.
    hdu : str, optional
        The HDU in which the problem lies.
    """

    def __init__(
        self,
        file: str | Path,
        problem: str,
        *,
        hdu: str | None = None,
        found: object = None,
        allowed: str | None = None,
    ) -> None:
        self.file = Path(file)
        self.hdu = hdu
        place = f"{file}" if hdu is None else f"{file} [{hdu}]"
        super().__init__(problem, found=found, allowed=allowed, place=place)


class ReductionError(InputError):
    """A run cannot be reduced with the regions, axes and safe range asked for (`place` names the run)."""


class ConvergenceWarning(UserWarning):
    """Numbers come from a sampling run that did not converge."""


class ReductionWarning(UserWarning):
    """Something was left out or approximated while runs were read or reduced; the text names the run and what."""
