"""What the columns of tables mean: written into the files, shown in the report."""

from collections.abc import Mapping

import astropy.units as u
from astropy.table import QTable, Table

__all__ = ["described"]

_EVERYWHERE = {
    "parameter": "name of the parameter",
    "unit": "unit of the numbers of this row",
    "mean": "posterior mean",
    "sd": "posterior standard deviation",
    "median": "posterior median",
    "eti68_lower": "lower end of the equal-tailed 68 % credible interval",
    "eti68_upper": "upper end of the equal-tailed 68 % credible interval",
    "eti95_lower": "lower end of the equal-tailed 95 % credible interval",
    "eti95_upper": "upper end of the equal-tailed 95 % credible interval",
    "model": "name of the model",
    "converged": "whether the sampling converged; if not, the numbers must not be used",
    "obs_id": "observation id",
    "energy_min": "lower edge, reconstructed energy",
    "energy_max": "upper edge, reconstructed energy",
    "n_on": "ON counts",
    "n_off": "OFF counts, all OFF regions together",
    "excess": "n_on - alpha n_off",
}


def described[T: (QTable, Table)](table: T, own: Mapping[str, str] | None = None) -> T:
    """Describe the columns of a table, in place, and give it back.

    Where the table is shown, its numbers have four digits, dates excepted; its values keep all.

    Parameters
    ----------
    table : Table or QTable
    own : mapping of str to str, optional
        What the columns of this table mean, in place of or beside what a name means in every table.
    """
    for name, meaning in (_EVERYWHERE | dict(own or {})).items():
        if name in table.colnames:
            table[name].info.description = meaning
    for column in table.itercols():
        if column.dtype.kind == "f" and column.unit != u.d:
            column.info.format = ".4g"
    return table
