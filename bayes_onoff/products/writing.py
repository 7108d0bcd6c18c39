"""Write tables so that a file is either whole or not there."""

from pathlib import Path
from typing import TYPE_CHECKING

from astropy.table import Table

from bayes_onoff.files import replaced_when_whole

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["write_table", "write_table_and_draws"]


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
        plain = Table(table)
        for column in plain.itercols():
            column.info.format = None  # all digits
        plain.write(unfinished, format="ascii.ecsv", overwrite=True)
    return Path(path)


def write_table_and_draws(table: Table, draws: "xr.Dataset", path: str | Path) -> tuple[Path, Path]:
    """Write a table as ECSV and, beside it, its draws as netCDF; each appears whole or not at all.

    Parameters
    ----------
    table : Table or QTable
    draws : Dataset
    path : path-like
        Of the table; the draws get the suffix ``.nc``.

    Returns
    -------
    tuple of Path
        Table and draws.

    Raises
    ------
    FileError
        If a file cannot be written.
    """
    beside = Path(path).with_suffix(".nc")
    with replaced_when_whole(beside) as unfinished:
        draws.to_netcdf(unfinished, engine="netcdf4")
    return write_table(table, path), beside
