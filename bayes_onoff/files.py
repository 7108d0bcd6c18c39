"""Files that are either whole or not there."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bayes_onoff.errors import FileError

__all__ = ["replaced_when_whole"]


@contextmanager
def replaced_when_whole(path: str | Path) -> Iterator[Path]:
    """Hand out a temporary name beside `path`; what was written there becomes `path` if nothing failed.

    Parameters
    ----------
    path : path-like
        The final name. Its folder is created.

    Yields
    ------
    Path
        Where to write, with the same suffix.

    Raises
    ------
    FileError
        If the folder cannot be made or written.
    """
    path = Path(path)
    unfinished = path.with_name(f".{path.stem}.{os.getpid()}.unfinished{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield unfinished
            unfinished.replace(path)
        finally:
            unfinished.unlink(missing_ok=True)
    except OSError as error:
        raise FileError(path, "cannot be written", found=error.strerror or str(error)) from error
