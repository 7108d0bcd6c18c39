"""Write tables so that a file is either whole or not there."""

from pathlib import Path

from astropy.table import Table

from bayes_onoff.files import replaced_when_whole

__all__ = ["write_table"]


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
