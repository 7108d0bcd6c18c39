"""What a report holds: plain values that the run fills in and `write_report` lays out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import astropy.units as u
import numpy as np
from astropy.table import Table
from matplotlib.figure import Figure

from bayes_onoff.errors import InputError
from bayes_onoff.notation import format_number, format_unit

__all__ = [
    "HEADINGS",
    "Formula",
    "Listing",
    "ReportContent",
    "ReportFigure",
    "ReportTable",
    "Section",
]

_UNIT_COLUMN = "unit"
HEADINGS = {
    "obs_id": "run",
    "n_on": "ON counts",
    "n_off": "OFF counts",
    "n_off_regions": "OFF regions",
    "energy_min": "from",
    "energy_max": "to",
    "eti68_lower": "68 % from",
    "eti68_upper": "68 % to",
    "eti95_lower": "95 % from",
    "eti95_upper": "95 % to",
    "ess_bulk": "bulk ESS",
    "ess_tail": "tail ESS",
    "r_hat": "R-hat",
    "mcse_mean": "MC error",
    "stat": "total WSTAT",
    "wstat_value": "WSTAT",
    "profile_lower": "profile from",
    "profile_upper": "profile to",
    "shift": "shift (sd)",
    "width_ratio": "width ratio",
    "prior_spectrum": "prior of the spectrum",
    "prior_background": "prior of the background",
    "p_value": "p",
    "where": "stands out most",
    "e_ref": "energy",
    "e_min": "from",
    "e_max": "to",
    "time_min": "start (MJD)",
    "time_max": "end (MJD)",
    "flux_ul": "upper limit",
    "dnde": "dN/dE",
    "n_signal": "signal counts",
    "dnde_errn": "− error",
    "dnde_errp": "+ error",
    "dnde_ul": "upper limit",
    "is_ul": "is a limit",
    "sqrt_ts": "√TS",
    "li_ma": "Li & Ma",
    "ln_bayes_factor": "ln Bayes factor",
    "ln_bayes_factor_error": "± ln factor",
    "probability": "P(source)",
    "crab_ul": "limit (Crab)",
    "elpd_loo": "elpd",
    "elpd_se": "± elpd",
    "p_loo": "effective parameters",
    "elpd_diff": "difference",
    "diff_se": "± difference",
    "k_hat_max": "Pareto k",
    "n_bad_k": "k too high",
    "p_uniform": "p (uniform)",
    "p_holm": "p (Holm)",
    "coverage_68": "coverage, 68 %",
    "coverage_95": "coverage, 95 %",
    "coverage_ul95": "upper limits, 95 %",
}
"""What the columns of the package's tables are called in the report, unless told otherwise."""
_DIGITS = {"value": 4}
_DECIMALS = {
    "excess": 1,
    "significance": 1,
    "sqrt_ts": 1,
    "r_hat": 3,
    "stat": 2,
    "elpd_loo": 1,
    "elpd_se": 1,
    "p_loo": 1,
    "elpd_diff": 1,
    "diff_se": 1,
    "weight": 2,
    "shift": 2,
    "width_ratio": 2,
    "prior_spectrum": 3,
    "prior_background": 3,
    "likelihood": 3,
    "k_hat_max": 2,
}
"""Where the digits after the point count, not the significant ones."""


def _format_cell(value: Any, digits: int) -> str:
    if isinstance(value, (bool, np.bool_)):
        return "yes" if value else "no"
    if np.ma.is_masked(value):
        return "–"
    if isinstance(value, (int, np.integer)):
        return str(value).replace("-", "−")
    if isinstance(value, (float, np.floating)):
        return format_number(float(value), digits)
    return str(value)


@dataclass(frozen=True, slots=True)
class ReportTable:
    """A table of text.

    Parameters
    ----------
    caption : str
    header : tuple of str
        Column names.
    rows : tuple of tuple of str
        Each as long as the header.
    units : tuple of str
        As long as the header; empty where there is none.
    descriptions : tuple of str
        What the columns mean, shown when pointing at them; as long as the header.
    converged : bool
        False marks the table.

    Raises
    ------
    InputError
        If rows, units or descriptions are not as long as the header.
    """

    caption: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    units: tuple[str, ...] = ()
    descriptions: tuple[str, ...] = ()
    converged: bool = True

    def __post_init__(self) -> None:
        for name in ("units", "descriptions"):
            if not getattr(self, name):
                object.__setattr__(self, name, ("",) * len(self.header))
        lengths = {len(row) for row in (self.header, self.units, self.descriptions, *self.rows)}
        if len(lengths) > 1:
            raise InputError("rows of different lengths", place=f"table {self.caption!r}", found=sorted(lengths))

    @classmethod
    def from_table(
        cls, table: Table, caption: str, *, columns: Sequence[str] | Mapping[str, str] | None = None, digits: int = 3
    ) -> Self:
        """Format an astropy table; its metadata's ``converged`` marks it.

        Parameters
        ----------
        table : Table or QTable
        caption : str
        columns : sequence of str, or mapping of str to str, optional
            Columns to show, in order, all by default, under the names of `HEADINGS`; a mapping gives other headings.
        digits : int
            Significant digits, where a column of the package does not ask for a number of decimals.
        """
        names = table.colnames if columns is None else columns
        headings = dict(names) if isinstance(names, Mapping) else {name: HEADINGS.get(name, name) for name in names}
        shown = [table[name] for name in headings]
        cells = [_cells(name, column, digits) for name, column in zip(headings, shown, strict=True)]
        return cls(
            caption=caption,
            header=tuple(headings.values()),
            rows=tuple(zip(*cells, strict=True)),
            units=tuple(format_unit(column.info.unit) for column in shown),
            descriptions=tuple(column.info.description or "" for column in shown),
            converged=bool(table.meta.get("converged", True)),
        )


def _cells(name: str, column: Any, digits: int) -> list[str]:
    values = column.value if isinstance(column, u.Quantity) else column
    if name == _UNIT_COLUMN:
        return [format_unit(str(value)) for value in values]
    if name in _DECIMALS:
        return [_format_decimals(float(value), _DECIMALS[name]) for value in values]
    return [_format_cell(value, _DIGITS.get(name, digits)) for value in values]


def _format_decimals(value: float, decimals: int) -> str:
    # Adding 0 turns a negative zero into a plain one.
    return f"{round(value, decimals) + 0.0:.{decimals}f}".replace("-", "−") if np.isfinite(value) else "–"


@dataclass(frozen=True, slots=True)
class ReportFigure:
    """A figure with its caption and its text alternative.

    Parameters
    ----------
    figure : Figure
    caption : str
        What is drawn.
    alt : str
        What there is to see, for readers who do not see it.
    converged : bool
        False marks the caption; the figure itself is marked by the plot.

    Raises
    ------
    InputError
        If the text alternative is empty.
    """

    figure: Figure
    caption: str
    alt: str
    converged: bool = True

    def __post_init__(self) -> None:
        if not self.alt.strip():
            raise InputError("a figure without a text alternative", place=f"figure {self.caption!r}")


@dataclass(frozen=True, slots=True)
class Listing:
    """Text shown as it is, for example the configuration."""

    caption: str
    text: str


@dataclass(frozen=True, slots=True)
class Formula:
    """A formula on a line of its own.

    Parameters
    ----------
    tex : str
        In matplotlib's mathtext, without dollar signs.
    alt : str
        The formula in words or plain text, for readers who do not see it.
    """

    tex: str
    alt: str


@dataclass(frozen=True, slots=True)
class Section:
    """A section; on the page formulas follow the paragraphs, then tables, figures and listings."""

    texts: tuple[str, ...] = ()
    tables: tuple[ReportTable, ...] = ()
    figures: tuple[ReportFigure, ...] = ()
    listings: tuple[Listing, ...] = ()
    formulas: tuple[Formula, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportContent:
    """All of a report. A section that is None is left out.

    Parameters
    ----------
    title : str
    subtitle : str
        One line: what was analysed, by which version, when.
    converged : bool
        Whether the sampling of the main posterior converged; if not, everything that rests on it is marked.
    convergence : str
        The sentence that says so, with its figures.
    problems : tuple of str
        What kept it from converging, one sentence each.
    summary : Section
        The result in words with numbers.
    data, regions, model, diagnostics, parameters, sensitivity
        Sections, in this order on the page.
    counts, spectrum, flux_points, unfolded, detection, light_curve, wstat, comparison, calibration
        The sections after them.
    guidelines, provenance : Section
        What of the steps of a Bayesian analysis is reported, and where it all came from; the last ones.
    """

    title: str
    subtitle: str = ""
    converged: bool
    convergence: str
    problems: tuple[str, ...] = ()
    summary: Section
    data: Section | None = None
    regions: Section | None = None
    model: Section | None = None
    diagnostics: Section | None = None
    parameters: Section | None = None
    sensitivity: Section | None = None
    counts: Section | None = None
    spectrum: Section | None = None
    flux_points: Section | None = None
    unfolded: Section | None = None
    detection: Section | None = None
    light_curve: Section | None = None
    wstat: Section | None = None
    comparison: Section | None = None
    calibration: Section | None = None
    guidelines: Section | None = None
    provenance: Section | None = None
