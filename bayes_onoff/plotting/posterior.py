"""The posterior of the spectral parameters: pair plot, and traces with rank histograms for convergence."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import cycle

import astropy.units as u
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import FigureBase
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from bayes_onoff.inference.posterior import Posterior
from bayes_onoff.models import Parameter, Prior
from bayes_onoff.plotting.style import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PINK,
    VERMILLION,
    draw_legend,
    mark_convergence,
    new_axes,
    new_figure,
    run_colors,
)

__all__ = ["ScaledDraws", "plot_pair", "plot_trace", "scaled_draws"]

_BINS = 60
_RANK_BINS = 20
_MARKS = (("s", VERMILLION), ("D", GREEN), ("^", ORANGE), ("v", PINK))
_MARGIN = 0.06
_PLAIN_EXPONENTS = range(-2, 4)


@dataclass(frozen=True, eq=False, slots=True)
class ScaledDraws:
    """Draws of one parameter divided by a power of ten that its axis label names."""

    name: str
    symbol: str
    label: str
    scale: float
    draws: NDArray[np.float64]


def _scaled_draws(parameter: Parameter, draws: NDArray[np.float64]) -> ScaledDraws:
    exponent = int(np.floor(np.log10(max(float(np.median(np.abs(draws))), 1e-300))))
    scale = 1.0 if exponent in _PLAIN_EXPONENTS else 10.0**exponent
    unit = u.Unit(parameter.unit).to_string("latex_inline").strip("$") if parameter.unit else ""
    factor = "" if scale == 1.0 else rf"10^{{{exponent}}}\,"
    label = parameter.label + (f" [${factor}{unit}$]" if factor or unit else "")
    return ScaledDraws(parameter.name, parameter.label, label, scale, draws / scale)


def scaled_draws(posterior: Posterior) -> list[ScaledDraws]:
    """Scale the draws of every spectral parameter to numbers that fit on an axis."""
    values = posterior.values
    return [_scaled_draws(parameter, np.asarray(values[parameter.name])) for parameter in posterior.model.parameters]


def plot_pair(
    posterior: Posterior,
    *,
    marks: Mapping[str, Mapping[str, float]] | None = None,
    show_priors: bool = True,
    figure: FigureBase | None = None,
) -> NDArray[np.object_]:
    """Draw the marginal and pairwise posterior of the spectral parameters.

    On the diagonal the histogram of the draws, median and 68 % interval, and the prior density as a grey line; below
    it the regions of highest density that hold 68 % and 95 % of the draws.

    Parameters
    ----------
    posterior : Posterior
    marks : mapping of str to mapping, optional
        Points to mark by their label, for example ``{"WSTAT": {"amplitude": 2.7e-11, "index": 2.6}}``, in the
        parameters' units. The axes reach out to them.
    show_priors : bool
    figure : Figure or SubFigure, optional
        An empty figure to draw into.

    Returns
    -------
    ndarray of Axes, shape (parameter, parameter)
        None above the diagonal.
    """
    parameters = scaled_draws(posterior)
    n = len(parameters)
    figure = new_figure(2.3 * n + 0.9, 2.2 * n + 0.7) if figure is None else figure
    grid = figure.add_gridspec(n, n)
    axes = np.full((n, n), None, dtype=object)
    limits = {parameter.name: _limits(parameter, list((marks or {}).values())) for parameter in parameters}
    for row, y in enumerate(parameters):
        for column, x in enumerate(parameters[: row + 1]):
            ax = axes[row, column] = new_axes(figure, position=grid[row, column])
            if row == column:
                _draw_marginal(ax, x, limits[x.name], posterior.model.priors[x.name] if show_priors else None)
            else:
                _draw_pair(ax, x.draws.ravel(), y.draws.ravel())
                ax.set_ylim(limits[y.name])
            ax.set_xlim(limits[x.name])
            for values, (marker, color) in zip((marks or {}).values(), cycle(_MARKS), strict=False):
                _draw_mark(ax, values, x, None if row == column else y, marker, color)
            ax.xaxis.set_major_locator(MaxNLocator(4, prune="both"))
            ax.set_xlabel(x.label if row == n - 1 else "")
            ax.set_ylabel(y.label if column == 0 and row > 0 else "")
            ax.tick_params(labelbottom=row == n - 1, labelleft=column == 0 and row > 0)
    _draw_key(figure, list(marks or {}), show_priors)
    mark_convergence(figure, posterior.convergence.converged)
    return axes


def _limits(parameter: ScaledDraws, marks: list[Mapping[str, float]]) -> tuple[float, float]:
    """Enclose the draws, and with a margin what is marked beyond them, where that would not squeeze them."""
    low, high = float(parameter.draws.min()), float(parameter.draws.max())
    marked = [values[parameter.name] / parameter.scale for values in marks if parameter.name in values]
    marked = [value for value in marked if 2 * low - high < value < 2 * high - low]
    lowest, highest = min([low, *marked]), max([high, *marked])
    margin = _MARGIN * (highest - lowest)
    return lowest - margin * (lowest < low), highest + margin * (highest > high)


def _draw_marginal(ax: Axes, parameter: ScaledDraws, limits: tuple[float, float], prior: Prior | None) -> None:
    low, median, high = np.quantile(parameter.draws, [0.16, 0.5, 0.84])
    density, edges = np.histogram(parameter.draws, bins=40, density=True)
    ax.stairs(density, edges, fill=True, color=BLUE, alpha=0.35, linewidth=0)
    ax.stairs(density, edges, color=BLUE, linewidth=1.2)
    ax.axvspan(low, high, color=BLUE, alpha=0.15, linewidth=0)
    ax.axvline(median, color=BLUE, linewidth=1.2)
    x = np.linspace(*limits, 200)
    if prior is not None:
        ax.plot(x, parameter.scale * np.exp(prior.log_density(x * parameter.scale)), color=GREY, linewidth=1.5)
    ax.set_ylim(0, 1.15 * density.max())
    digits = max(0, 1 - int(np.floor(np.log10(max(high - low, 1e-12)))))
    value, up, down = (f"{number:.{digits}f}" for number in (median, high - median, median - low))
    ax.set_title(f"{parameter.symbol} = ${value}^{{+{up}}}_{{-{down}}}$", fontsize=10)
    ax.set_yticks([])


def _draw_pair(ax: Axes, x: NDArray[np.float64], y: NDArray[np.float64]) -> None:
    from scipy.ndimage import gaussian_filter

    # Silverman's rule in two dimensions, in units of the bins of the histogram.
    counts, x_edges, y_edges = np.histogram2d(x, y, bins=_BINS)
    widths = [values.std() * len(x) ** (-1 / 6) / (np.ptp(values) / _BINS) for values in (x, y)]
    density = gaussian_filter(counts, widths, mode="constant")
    levels = _levels(density, (0.95, 0.68))
    centers = [(edges[:-1] + edges[1:]) / 2 for edges in (x_edges, y_edges)]
    filled = [*levels, 1.01 * density.max()]
    for level, opacity in zip(levels, (0.25, 0.35), strict=True):
        ax.contourf(*centers, density.T, levels=[level, filled[-1]], colors=[BLUE], alpha=opacity)
    ax.contour(*centers, density.T, levels=levels, colors=[BLUE], linewidths=1.1)
    ax.yaxis.set_major_locator(MaxNLocator(4, prune="both"))


def _levels(density: NDArray[np.float64], contents: tuple[float, ...]) -> list[float]:
    """Densities whose regions of higher density hold the given fractions; larger fractions come first."""
    ordered = np.sort(density.ravel())[::-1]
    held = np.cumsum(ordered) / ordered.sum()
    return [float(ordered[np.searchsorted(held, content)]) for content in contents]


def _draw_mark(
    ax: Axes, values: Mapping[str, float], x: ScaledDraws, y: ScaledDraws | None, marker: str, color: str
) -> None:
    if x.name not in values:
        return
    if y is None:
        ax.axvline(values[x.name] / x.scale, color=color, linewidth=1.2, linestyle="--")
    elif y.name in values:
        ax.plot(values[x.name] / x.scale, values[y.name] / y.scale, marker, color=color, markersize=6)


def _draw_key(figure: FigureBase, marks: list[str], show_priors: bool) -> None:
    key: list[Artist] = [
        Patch(color=BLUE, alpha=0.6, linewidth=0, label="68 %"),
        Patch(color=BLUE, alpha=0.25, linewidth=0, label="95 %"),
    ]
    if show_priors:
        key.append(Line2D([], [], color=GREY, linewidth=1.5, label="prior"))
    key += [
        Line2D([], [], color=color, marker=marker, linestyle="--", linewidth=1.2, label=label)
        for label, (marker, color) in zip(marks, cycle(_MARKS), strict=False)
    ]
    draw_legend(figure, handles=key, loc="upper right", borderaxespad=1.5)


def plot_trace(posterior: Posterior, *, figure: FigureBase | None = None) -> NDArray[np.object_]:
    """Draw the chains of the spectral parameters and the histograms of their ranks.

    Left the draws in order, right for each chain how often each twentieth of the joint ranks occurs, relative to
    equally often; chains that explore the same distribution stay inside the grey band in 95 % of the bins
    (independent draws assumed; Vehtari et al. 2021, doi:10.1214/20-BA1221).

    Parameters
    ----------
    posterior : Posterior
    figure : Figure or SubFigure, optional
        An empty figure to draw into.

    Returns
    -------
    ndarray of Axes, shape (parameter, 2)
    """
    parameters = scaled_draws(posterior)
    n = len(parameters)
    figure = new_figure(9.0, 1.7 * n + 0.6) if figure is None else figure
    grid = figure.add_gridspec(n, 2, width_ratios=(3, 2))
    axes = np.empty((n, 2), dtype=object)
    for row, parameter in enumerate(parameters):
        trace, ranks = (new_axes(figure, position=grid[row, column]) for column in (0, 1))
        axes[row] = trace, ranks
        for chain, color in zip(parameter.draws, run_colors(len(parameter.draws)), strict=True):
            trace.plot(chain, color=color, linewidth=0.5, alpha=0.8, rasterized=True)
        _draw_ranks(ranks, parameter.draws)
        trace.set_xlim(0, parameter.draws.shape[1])
        trace.set_ylabel(parameter.label)
        for ax in (trace, ranks):
            ax.tick_params(labelbottom=row == n - 1)
    axes[-1, 0].set_xlabel("Draw")
    axes[-1, 1].set_xlabel("Rank among all draws")
    axes[0, 0].set_title(f"{parameters[0].draws.shape[0]} chains", loc="left")
    mark_convergence(axes[0, 0], posterior.convergence.converged)
    return axes


def _draw_ranks(ax: Axes, draws: NDArray[np.float64]) -> None:
    n_chains, n_draws = draws.shape
    ranks = draws.ravel().argsort().argsort().reshape(draws.shape)
    edges = np.linspace(0, draws.size, _RANK_BINS + 1)
    expected = n_draws / _RANK_BINS
    # Ranks are shared out without replacement, hence the factor (1 - 1 / n_chains).
    deviation = np.sqrt(expected * (1 - 1 / _RANK_BINS) * (1 - 1 / n_chains)) / expected
    ax.axhspan(1 - 1.96 * deviation, 1 + 1.96 * deviation, color=GREY, alpha=0.25, linewidth=0)
    for chain, color in zip(ranks, run_colors(n_chains), strict=True):
        counts, _ = np.histogram(chain, bins=edges)
        ax.stairs(counts / expected, edges, color=color, linewidth=1.1)
    ax.set_xlim(0, draws.size)
    ax.set_ylim(0, max(2.0, ax.get_ylim()[1]))
    ax.xaxis.set_major_locator(MaxNLocator(4))
    ax.set_ylabel("Relative\nfrequency")
