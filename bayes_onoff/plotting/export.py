"""Figures to files and to inline SVG for the report."""

import io
import re
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

from bayes_onoff.errors import InputError
from bayes_onoff.files import replaced_when_whole
from bayes_onoff.plotting.style import INK

__all__ = ["render_formula", "render_svg", "settle_layout", "write_figure"]

_FORMATS = ("png", "svg", "pdf")


def _rendered(figure: Figure, file_format: str, dpi: float, transparent: bool) -> bytes:
    buffer = io.BytesIO()
    # The same figure gives the same bytes: no date, ids that do not depend on chance. Text becomes outlines, so that
    # it looks the same where our font is not installed. The figure keeps its size: other packages (PreliZ) tell
    # matplotlib to cut every figure to its contents.
    settings: Any = {"svg.hashsalt": "bayes-onoff", "svg.fonttype": "path", "savefig.bbox": "standard"}
    metadata = {"svg": {"Date": None}, "pdf": {"CreationDate": None}, "png": {}}[file_format]
    with mpl.rc_context(settings):
        figure.savefig(buffer, format=file_format, dpi=dpi, transparent=transparent, metadata=metadata)
    return buffer.getvalue()


def settle_layout(figure: Figure) -> None:
    """Lay a finished figure out, once for all.

    Otherwise matplotlib does that anew for every file, in an extra pass over all that is drawn: half of its time.
    """
    engine = figure.get_layout_engine()
    if engine is not None:
        engine.execute(figure)
        figure.set_layout_engine(None)


def write_figure(figure: Figure, path: str | Path, *, dpi: float = 150.0) -> Path:
    """Write a figure to a file, in the format its name ends in: png, svg or pdf.

    Raises
    ------
    InputError
        If the format is not one of these.
    FileError
        If the file cannot be written.
    """
    path = Path(path)
    file_format = path.suffix.lstrip(".").lower()
    if file_format not in _FORMATS:
        raise InputError("unknown figure format", place=str(path), found=path.suffix, allowed=", ".join(_FORMATS))
    with replaced_when_whole(path) as unfinished:
        unfinished.write_bytes(_rendered(figure, file_format, dpi, transparent=False))
    return path


def render_svg(figure: Figure, identifier: str, *, dpi: float = 120.0) -> str:
    """Draw a figure as an SVG element to stand inside an HTML page.

    The ground is transparent and the text colour that of the page, so that the figure suits a light and a dark page.

    Parameters
    ----------
    figure : Figure
        The figure; raster parts are embedded.
    identifier : str
        Letters, digits and hyphens; prefixed to all ids in the SVG, which must differ between figures of a page.
    dpi : float
        Resolution of raster parts.

    Returns
    -------
    str
        ``<svg ...>...</svg>`` without prologue, metadata or a link to anything outside it.
    """
    text = _rendered(figure, "svg", dpi, transparent=True).decode()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL)
    head, body = text.split(">", maxsplit=1)
    head = re.sub(r'\s(?:xmlns(?::xlink)?|width|height)="[^"]*"', "", head)
    body = re.sub(r'\bid="', f'id="{identifier}-', body)
    body = body.replace('href="#', f'href="#{identifier}-').replace("url(#", f"url(#{identifier}-")
    body = re.sub(re.escape(INK), "currentColor", body, flags=re.IGNORECASE)
    return f"{head}>{body}".strip()


def render_formula(tex: str, identifier: str) -> str:
    """Draw a formula as an SVG element, as `render_svg` draws a figure; text of the size 12 points.

    Parameters
    ----------
    tex : str
        In matplotlib's mathtext, without dollar signs.
    identifier : str
        As for `render_svg`.

    Raises
    ------
    InputError
        If it is not mathtext.
    """
    figure = Figure()
    text = figure.text(0, 0, f"${tex}$", fontsize=12, color=INK, va="bottom")
    try:
        extent = text.get_window_extent()
    except ValueError as error:
        raise InputError("not a formula in mathtext", place="formula", found=tex) from error
    figure.set_size_inches(extent.width / figure.dpi, extent.height / figure.dpi)
    return render_svg(figure, identifier)
