"""How every plot looks: colours, sizes, axes. Nothing here touches matplotlib's global settings.

A figure made here is a plain `matplotlib.figure.Figure` that belongs to the caller: nothing is registered with pyplot,
nothing is shown. Axes given by the caller keep the caller's own style; `ink` reads their text colour.
"""

from types import MappingProxyType
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, to_hex, to_rgba
from matplotlib.figure import Figure, FigureBase
from matplotlib.legend import Legend
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

__all__ = [
    "BLUE",
    "DARK_TEXT",
    "GREEN",
    "GREY",
    "INK",
    "ORANGE",
    "PINK",
    "SERIES",
    "SKY",
    "VERMILLION",
    "draw_legend",
    "energy_axis",
    "fading",
    "ink",
    "mark_convergence",
    "new_axes",
    "new_figure",
    "run_colors",
]

# Okabe & Ito's palette (https://jfly.uni-koeln.de/color/), without its yellow and black: told apart under every
# common form of colour blindness, and visible on a white as on a dark page.
BLUE = "#0072b2"
VERMILLION = "#d55e00"
GREEN = "#009e73"
ORANGE = "#e69f00"
PINK = "#cc79a7"
SKY = "#56b4e9"
GREY = "#85888c"
SERIES = (BLUE, VERMILLION, GREEN, PINK, ORANGE, SKY)

# No other artist has exactly this colour: `render_svg` turns it into the text colour of the page.
INK = "#1b1e24"
# For text on cells that stay light on a dark page.
DARK_TEXT = "#222222"

# Any: matplotlib's annotations ask for a dict with literal keys.
_STYLE: Any = MappingProxyType(
    {
        "font.size": 10.0,
        "figure.facecolor": "white",
        "axes.facecolor": "none",
        "axes.edgecolor": INK,
        "axes.labelcolor": INK,
        "axes.titlesize": 10.0,
        "axes.titlecolor": INK,
        "text.color": INK,
    }
)
_MAX_DECADES_LABELLED_IN_FULL = 2.6


def new_figure(width: float = 7.0, height: float = 4.6) -> Figure:
    """Make an empty figure, its size in inches, that no global state knows of."""
    with mpl.rc_context(_STYLE):
        return Figure(figsize=(width, height), layout="constrained")


def new_axes(
    figure: FigureBase | None = None,
    *,
    position: Any = 111,
    width: float = 7.0,
    height: float = 4.6,
    **options: Any,
) -> Axes:
    """Add styled axes to a figure, by default to a new one.

    Parameters
    ----------
    figure : Figure or SubFigure, optional
        Where the axes go; a new figure of `width` x `height` inches if None.
    position : int or SubplotSpec
        What `Figure.add_subplot` accepts.
    **options
        Passed on to `Figure.add_subplot`, for example ``sharex``.
    """
    with mpl.rc_context(_STYLE):
        if figure is None:
            figure = Figure(figsize=(width, height), layout="constrained")
        axes: Axes = figure.add_subplot(position, **options)
    # Ticks are made when first drawn, after the style context has ended.
    sides: dict[str, Any] = {} if "projection" in options else {"top": True, "right": True}
    axes.tick_params(which="both", direction="in", color=INK, labelcolor=INK, labelsize=9, **sides)
    return axes


def ink(ax: Axes) -> str:
    """Read the colour of text in these axes, so that data points fit a dark style of the caller's as well."""
    return to_hex(ax.xaxis.label.get_color())


def run_colors(n_runs: int) -> list[str]:
    """One colour per run: the palette while it lasts, a perceptually even scale beyond."""
    if n_runs <= len(SERIES):
        return list(SERIES[:n_runs])
    scale = mpl.colormaps["viridis"]
    return [to_hex(scale(x)) for x in np.linspace(0.0, 0.92, n_runs)]


def fading(color: str, strongest: float = 0.75) -> LinearSegmentedColormap:
    """Make a colour map from fully transparent to `color` at the opacity `strongest`."""
    return LinearSegmentedColormap.from_list("fading", [to_rgba(color, 0.0), to_rgba(color, strongest)])


def energy_axis(ax: Axes, lo: float, hi: float, label: str = "Energy [TeV]") -> None:
    """Make x a logarithmic energy axis from `lo` to `hi` (TeV) with plain numbers at its ticks."""
    ax.set_xscale("log")
    ax.set_xlim(lo, hi)
    in_full = np.log10(hi / lo) < _MAX_DECADES_LABELLED_IN_FULL
    ax.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if in_full else (1.0,)))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ax.xaxis.set_minor_locator(LogLocator(subs=tuple(np.arange(1.0, 10.0))))
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.set_xlabel(label)


def draw_legend(place: Axes | FigureBase, **options: Any) -> Legend:
    """Draw a legend without a frame in axes (in their own text colour) or a figure."""
    color = ink(place) if isinstance(place, Axes) else INK
    settings: dict[str, Any] = {"frameon": False, "fontsize": 9, "labelcolor": color} | options
    return place.legend(**settings)


def mark_convergence(place: Axes | FigureBase, converged: bool) -> None:
    """Write "did not converge" above axes or a figure, on a coloured ground, unless the sampling converged."""
    if converged:
        return
    ground = {"facecolor": "#b3261e", "edgecolor": "none", "boxstyle": "round,pad=0.3"}
    if isinstance(place, Axes):
        place.set_title("did not converge", loc="right", color="white", fontsize=10, fontweight="bold", bbox=ground)
    else:
        place.suptitle("did not converge", color="white", fontsize=11, fontweight="bold", bbox=ground)
