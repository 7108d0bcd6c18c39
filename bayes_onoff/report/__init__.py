"""One self-contained page for people."""

from bayes_onoff.report.content import (
    Formula,
    Listing,
    ReportContent,
    ReportFigure,
    ReportTable,
    Section,
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
    "latex_table",
    "render_report",
    "write_latex_tables",
    "write_report",
]
