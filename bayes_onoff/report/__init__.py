"""One self-contained page for people."""

from bayes_onoff.report.content import (
    Formula,
    Listing,
    ReportContent,
    ReportFigure,
    ReportTable,
    Section,
    format_number,
    format_unit,
)
from bayes_onoff.report.latex import latex_table, write_latex_tables
from bayes_onoff.report.report import render_report, write_report

__all__ = [
    "Formula",
    "Listing",
    "ReportContent",
    "ReportFigure",
    "ReportTable",
    "Section",
    "format_number",
    "format_unit",
    "latex_table",
    "render_report",
    "write_latex_tables",
    "write_report",
]
