"""Numbers, units and small tables for people: in the report and where notebooks show an object."""

from collections.abc import Iterable, Sequence
from html import escape

import astropy.units as u
import numpy as np

__all__ = ["SUPERSCRIPTS", "format_number", "format_unit", "html_table"]

SUPERSCRIPTS = dict(zip("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹", strict=True))
"""From the characters of a power to raised ones."""
_RAISED = str.maketrans(SUPERSCRIPTS)


def format_number(value: float, digits: int = 3) -> str:
    """Write a number for people: `digits` significant digits, powers of ten as such, a dash for NaN.

    Examples
    --------
    >>> format_number(2.69032e-11)
    '2.69 × 10⁻¹¹'
    >>> format_number(-0.04567)
    '−0.0457'
    """
    if np.isnan(value):
        return "–"
    if np.isinf(value):
        return "∞" if value > 0 else "−∞"
    if value == 0:
        return "0"
    mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
    power = int(exponent)
    if -4 < power < max(digits, 5):
        text = f"{value:.{max(digits - 1 - power, 0)}f}"
    else:
        text = f"{mantissa} × 10{str(power).translate(_RAISED)}"
    return text.replace("-", "−")


def format_unit(unit: u.UnitBase | str | None) -> str:
    """Write a unit for people: powers raised, nothing for a dimensionless number.

    Examples
    --------
    >>> format_unit("TeV-1 cm-2 s-1")
    'TeV⁻¹ s⁻¹ cm⁻²'
    """
    return "" if unit is None else str(u.Unit(unit).to_string("unicode"))


def html_table(header: Sequence[str], rows: Iterable[Sequence[str]], caption: str = "") -> str:
    """Lay text out as an HTML table, every cell escaped.

    Examples
    --------
    >>> html_table(["a"], [["1 < 2"]])
    '<table><thead><tr><th>a</th></tr></thead><tbody><tr><td>1 &lt; 2</td></tr></tbody></table>'
    """
    named = f"<caption>{escape(caption)}</caption>" if caption else ""
    head = "".join(f"<th>{escape(name)}</th>" for name in header)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table>{named}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
