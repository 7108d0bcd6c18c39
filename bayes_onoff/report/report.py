"""One self-contained HTML page."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from bayes_onoff.files import replaced_when_whole
from bayes_onoff.plotting.export import render_formula, render_svg
from bayes_onoff.report.content import Formula, ReportContent, ReportFigure, Section

__all__ = ["render_report", "write_report"]

_TITLES = {
    "summary": "Summary",
    "data": "Data",
    "regions": "Regions",
    "model": "Model and priors",
    "diagnostics": "Convergence",
    "parameters": "Parameters",
    "sensitivity": "Sensitivity to the priors",
    "counts": "Counts and residuals",
    "spectrum": "Spectrum",
    "flux_points": "Flux points",
    "unfolded": "Unfolded spectrum",
    "detection": "Detection and upper limits",
    "light_curve": "Light curve",
    "wstat": "Profile likelihood (WSTAT) beside the posterior",
    "comparison": "Model comparison",
    "calibration": "Calibration",
    "guidelines": "Reporting guidelines",
    "provenance": "Provenance",
}
_WITHOUT_POSTERIOR = ("data", "regions", "model", "provenance")


@dataclass(frozen=True, slots=True)
class _PlacedSection:
    """A section with its title, its anchor, and whether its numbers must carry a mark."""

    key: str
    title: str
    content: Section
    converged: bool


def _sections(content: ReportContent) -> Iterator[_PlacedSection]:
    for key, title in _TITLES.items():
        section = getattr(content, key)
        if section is not None:
            yield _PlacedSection(key, title, section, content.converged or key in _WITHOUT_POSTERIOR)


def _inline(figure: ReportFigure, identifier: str) -> Markup:
    """Draw the figure as an SVG element that says what it shows, and shrinks only as far as its text stays readable."""
    svg = render_svg(figure.figure, identifier)
    width, _ = _size(svg)
    return _labelled(svg, figure.alt, f"max-width:{width * 4 / 3:.0f}px;min-width:{width * 0.85:.0f}px")


def _inline_formula(formula: Formula, identifier: str) -> Markup:
    """Draw a formula as an SVG element as high as the text around it."""
    svg = render_formula(formula.tex, identifier)
    _, height = _size(svg)
    return _labelled(svg, formula.alt, f"height:{height / 12:.2f}em")


def _size(svg: str) -> tuple[float, float]:
    """Width and height in points."""
    found = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', svg)
    assert found is not None
    return float(found.group(1)), float(found.group(2))


def _labelled(svg: str, label: str, style: str) -> Markup:
    # The SVG is matplotlib's own drawing, without comments: text from outside appears in it as outlines only.
    return Markup('<svg role="img" aria-label="{}" style="{}"').format(label, style) + Markup(svg.removeprefix("<svg"))


def render_report(content: ReportContent) -> str:
    """Lay a report out as one HTML page.

    Figures are inline SVG; there are no scripts, and nothing is fetched from anywhere. All text is escaped.

    Parameters
    ----------
    content : ReportContent

    Returns
    -------
    str
        The page.
    """
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.globals |= {"inline": _inline, "inline_formula": _inline_formula}
    source = files("bayes_onoff.report").joinpath("template.html").read_text(encoding="utf-8")
    return environment.from_string(source).render(content=content, sections=list(_sections(content)))


def write_report(content: ReportContent, path: str | Path) -> Path:
    """Write a report as one self-contained HTML file, whole or not at all.

    Raises
    ------
    FileError
        If the file cannot be written.
    """
    page = render_report(content)
    with replaced_when_whole(path) as unfinished:
        unfinished.write_text(page, encoding="utf-8")
    return Path(path)
