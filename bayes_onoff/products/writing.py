"""Write results so that a file is either whole or not there."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from astropy.table import Table

from bayes_onoff.errors import FileError

__all__ = ["replaced_when_whole", "write_table"]


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


def write_table(table: Table, path: str | Path) -> Path:
    """Write a table as ECSV, units and descriptions in it, atomically; an existing file is replaced.

    Parameters
    ----------
    table : Table or QTable
    path : path-like

    Returns
    -------
    Path
        The file.

    Raises
    ------
    FileError
        If the file cannot be written.
    """
    with replaced_when_whole(path) as unfinished:
        # A plain table keeps units as column attributes, which every ECSV reader understands.
        Table(table).write(unfinished, format="ascii.ecsv", overwrite=True)
    return Path(path)
