"""The profile likelihood over the posterior, parameter by parameter."""

from collections.abc import Mapping

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import FigureBase
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from bayes_onoff.inference.posterior import Posterior
from bayes_onoff.plotting.posterior import ScaledDraws, scaled_draws
from bayes_onoff.plotting.style import BLUE, GREY, VERMILLION, draw_legend, mark_convergence, new_axes, new_figure
from bayes_onoff.products import WstatProfile

__all__ = ["plot_profiles"]

_HALF_HEIGHT = float(np.exp(-0.5))
"""Of the profile likelihood at the ends of its interval."""
_PLOTTED = 0.01
"""The curve is shown down to this fraction of its maximum."""
_FURTHEST = 3.5
"""And out to this many half-widths of its interval."""


def plot_profiles(
    posterior: Posterior, profiles: Mapping[str, WstatProfile], *, figure: FigureBase | None = None
) -> NDArray[np.object_]:
    """Draw the profile likelihood of WSTAT over the posterior density of every spectral parameter.

    The histogram of the draws with its 68 % interval and median, and the curve exp(-delta W / 2), with the best fit and
    a bar at the height exp(-1/2) from end to end of its 68 % interval; both have the same area. The prior density is
    drawn in grey, relative to its own maximum in the plotted range.

    Parameters
    ----------
    posterior : Posterior
    profiles : mapping of str to WstatProfile
        From `bayes_onoff.products.profile_wstat`; a parameter without one is drawn without curve.
    figure : Figure or SubFigure, optional
        An empty figure to draw into.

    Returns
    -------
    ndarray of Axes, shape (parameter,)
    """
    parameters = scaled_draws(posterior)
    figure = new_figure(3.1 * len(parameters) + 0.4, 3.3) if figure is None else figure
    grid = figure.add_gridspec(1, len(parameters))
    axes = np.empty(len(parameters), dtype=object)
    for column, parameter in enumerate(parameters):
        ax = axes[column] = new_axes(figure, position=grid[0, column])
        profile = profiles.get(parameter.name)
        low, high = _plotted_range(parameter, profile)
        area = None if profile is None else _draw_profile(ax, profile, parameter.scale, low, high)
        _draw_posterior(ax, parameter, low, high, area)
        x = np.linspace(low, high, 200)
        density = np.exp(posterior.model.priors[parameter.name].log_density(x * parameter.scale))
        if density.max() > 0:
            ax.plot(x, density / density.max(), color=GREY, linewidth=1.5, linestyle=":")
        ax.set_xlim(low, high)
        ax.set_ylim(0, max(1.15, 1.05 * ax.dataLim.y1))
        ax.set_yticks([])
        ax.xaxis.set_major_locator(MaxNLocator(5, prune="both"))
        ax.set_xlabel(parameter.label)
    axes[0].set_ylabel("Density, equal areas")
    _draw_key(figure, bool(profiles))
    mark_convergence(figure, posterior.convergence.converged)
    return axes


def _plotted_range(parameter: ScaledDraws, profile: WstatProfile | None) -> tuple[float, float]:
    low, high = np.quantile(parameter.draws, [0.001, 0.999])
    if profile is not None:
        # Some profiles never fall: not much further than their interval.
        best = profile.values[np.argmin(profile.delta_stat)]
        shown = profile.values[profile.likelihood > _PLOTTED]
        left = np.fmax(shown[0], best - _FURTHEST * (best - profile.lower))
        right = np.fmin(shown[-1], best + _FURTHEST * (profile.upper - best))
        low, high = min(low, left / parameter.scale), max(high, right / parameter.scale)
    margin = 0.03 * (high - low)
    return float(low - margin), float(high + margin)


def _draw_posterior(ax: Axes, parameter: ScaledDraws, low: float, high: float, area: float | None) -> None:
    draws = parameter.draws.ravel()
    lower, median, upper = np.quantile(draws, [0.16, 0.5, 0.84])
    density, edges = np.histogram(draws, bins=40, range=(low, high), density=True)
    ax.stairs(
        density * (1 / density.max() if area is None else area), edges, fill=True, color=BLUE, alpha=0.35, linewidth=0
    )
    ax.axvspan(lower, upper, color=BLUE, alpha=0.15, linewidth=0)
    ax.axvline(median, color=BLUE, linewidth=1.2)


def _draw_profile(ax: Axes, profile: WstatProfile, scale: float, low: float, high: float) -> float:
    """Draw the curve and what is read off it; its area, in the units of the axes."""
    from scipy.interpolate import PchipInterpolator

    # Between the points in the square root of W above its minimum, which is nearly straight, never overshooting.
    best = int(np.argmin(profile.delta_stat))
    signed = np.sqrt(profile.delta_stat) * np.sign(np.arange(len(profile.values)) - best)
    x = np.linspace(max(profile.values[0], low * scale), min(profile.values[-1], high * scale), 400)
    curve = np.exp(-(PchipInterpolator(profile.values, signed)(x) ** 2) / 2)
    ax.plot(x / scale, curve, color=VERMILLION, linewidth=1.6)
    ax.axvline(profile.values[best] / scale, color=VERMILLION, linewidth=1.2, linestyle="--")
    left, right = (
        end if np.isfinite(end) else profile.values[side] for end, side in ((profile.lower, 0), (profile.upper, -1))
    )
    ax.plot([left / scale, right / scale], [_HALF_HEIGHT] * 2, color=VERMILLION, linewidth=1.2, marker="|")
    return float(np.trapezoid(curve, x / scale))


def _draw_key(figure: FigureBase, with_profiles: bool) -> None:
    key: list[Artist] = [
        Patch(color=BLUE, alpha=0.35, linewidth=0, label="posterior"),
        Patch(color=BLUE, alpha=0.15, linewidth=0, label="68 %"),
    ]
    if with_profiles:
        key.append(Line2D([], [], color=VERMILLION, linewidth=1.6, label="profile likelihood (WSTAT), ΔW = 1"))
    key.append(Line2D([], [], color=GREY, linewidth=1.5, linestyle=":", label="prior"))
    draw_legend(figure, handles=key, loc="outside upper center", ncols=len(key))
