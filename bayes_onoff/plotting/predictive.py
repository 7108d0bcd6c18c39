"""Predictive checks over all bins at once: rootograms, PIT values, and what the priors alone predict."""

from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import FigureBase
from numpy.typing import NDArray

from bayes_onoff.errors import InputError
from bayes_onoff.inference.fit_data import FitData
from bayes_onoff.inference.posterior import Posterior
from bayes_onoff.plotting.style import (
    BLUE,
    GREY,
    VERMILLION,
    draw_legend,
    energy_axis,
    ink,
    mark_convergence,
    new_axes,
    new_figure,
)
from bayes_onoff.plotting.uniformity import GRID, departure_from_uniform, draw_uniform_band
from bayes_onoff.products.intervals import posterior_quantiles
from bayes_onoff.products.residuals import predictive_residuals

__all__ = ["plot_pit", "plot_predictive_checks", "plot_prior_predictive", "plot_rootogram"]

Region = Literal["on", "off"]
_COUNTS = {"on": "n_on", "off": "n_off"}
_MAX_CLASSES = 24
_BAND_OPACITY = {"eti95": 0.2, "eti68": 0.35}


def _region(region: Region) -> str:
    if region not in _COUNTS:
        raise InputError("unknown region", place="region", found=region, allowed="on, off")
    return _COUNTS[region]


def _classes(largest: int) -> NDArray[np.int64]:
    """Edges of classes of counts: single numbers first, then ever wider ones, so that they stay few."""
    if largest < _MAX_CLASSES:
        return np.arange(largest + 2)
    edges = np.unique(np.round(np.geomspace(1, largest + 1, _MAX_CLASSES)).astype(np.int64))
    return np.concatenate([[0], edges])


def plot_rootogram(posterior: Posterior, *, region: Region = "on", ax: Axes | None = None) -> Axes:
    """Draw how many bins hold how many counts, hanging from what the posterior predicts.

    Bars of the square root of the observed frequency hang from the root of the predicted mean; the grey band holds 95 %
    of the predictive replicates. A bar that ends below the band: more bins with that number than predicted (Kleiber &
    Zeileis 2016, doi:10.1080/00031305.2016.1173590). Many counts are put together in classes.

    Parameters
    ----------
    posterior : Posterior
    region : {"on", "off"}
    ax : Axes, optional
        Made here if None.

    Raises
    ------
    InputError
        If the region is unknown.
    """
    name = _region(region)
    ax = new_axes() if ax is None else ax
    data = FitData.from_spectra(posterior.spectra)
    observed = getattr(data, name)[data.mask]
    replicated = posterior.tree["posterior_predictive"][name].to_numpy()[..., data.mask].reshape(-1, data.mask.sum())
    edges = _classes(int(max(observed.max(), np.quantile(replicated, 0.9999))))
    frequencies = np.stack([np.histogram(row, edges)[0] for row in np.vstack([observed, replicated])])
    seen, predicted = np.sqrt(frequencies[0]), np.sqrt(frequencies[1:])
    mean = np.sqrt(frequencies[1:].mean(axis=0))
    place = np.arange(len(edges) - 1)
    low, high = np.quantile(mean - predicted, [0.025, 0.975], axis=0)
    steps = np.arange(len(edges)) - 0.5
    ax.stairs(high, steps, baseline=low, fill=True, color=GREY, alpha=0.3, linewidth=0, label="95 % of replicates")
    ax.bar(place, seen, bottom=mean - seen, width=0.8, color=BLUE, alpha=0.55, label="observed")
    ax.plot(place, mean, "o-", color=VERMILLION, markersize=3.5, linewidth=1.2, label="predicted mean")
    ax.axhline(0, color=ink(ax), linewidth=0.8)
    shown = place[:: max(1, len(place) // 6)]
    ax.set_xticks(shown, [str(edges[index]) for index in shown])
    ax.set_xlabel(f"{region.upper()} counts of a run and bin" + (", at least" if edges[-1] > len(edges) - 1 else ""))
    ax.set_ylabel("√(number of bins)")
    draw_legend(ax, loc="best", fontsize=8)
    mark_convergence(ax, posterior.convergence.converged)
    return ax


def plot_pit(posterior: Posterior, *, seed: int = 0, ax: Axes | None = None) -> Axes:
    """Draw the cumulative distribution of the probability integral transforms of the counts, less a uniform one.

    Each is the share of the posterior prediction of a run and bin that lies below its count, randomised between the
    shares below and up to it, since counts are whole numbers. The band holds a whole uniform curve in 95 % of cases
    (Kolmogorov's distribution). The prediction knows the counts: curves stay further inside than that, and with an
    independent background, which fits every OFF rate to its own count, OFF values crowd around 1/2.

    Parameters
    ----------
    posterior : Posterior
    seed : int
        Of the randomisation.
    ax : Axes, optional
        Made here if None.
    """
    from scipy.special import ndtr

    ax = new_axes() if ax is None else ax
    residuals = predictive_residuals(posterior, seed=seed)["quantile"]
    values = {region: residuals.sel(region=region).to_numpy() for region in _COUNTS}
    values = {region: ndtr(found[np.isfinite(found)]) for region, found in values.items()}
    draw_uniform_band(ax, len(values["on"]))
    for (region, found), color in zip(values.items(), (BLUE, VERMILLION), strict=True):
        ax.plot(GRID, departure_from_uniform(found), color=color, linewidth=1.4, label=region.upper())
    ax.axhline(0, color=ink(ax), linewidth=0.8)
    ax.set_xlim(0, 1)
    ax.set_xlabel("PIT of the counts of a run and bin")
    ax.set_ylabel("Cumulative distribution − uniform")
    draw_legend(ax, loc="lower left", bbox_to_anchor=(0, 1), ncols=2, borderaxespad=0, fontsize=8)
    mark_convergence(ax, posterior.convergence.converged)
    return ax


def plot_predictive_checks(
    posterior: Posterior, *, seed: int = 0, figure: FigureBase | None = None
) -> tuple[Axes, Axes, Axes]:
    """Draw rootograms of ON and OFF counts, and their PIT values, side by side.

    Parameters
    ----------
    posterior : Posterior
    seed : int
        Of the randomisation of the PIT values.
    figure : Figure or SubFigure, optional
        An empty figure to draw into.

    Returns
    -------
    tuple of Axes
        ON, OFF, PIT.
    """
    figure = new_figure(11.0, 3.6) if figure is None else figure
    axes = [new_axes(figure, position=131 + index) for index in range(3)]
    plot_rootogram(posterior, region="on", ax=axes[0])
    plot_rootogram(posterior, region="off", ax=axes[1])
    plot_pit(posterior, seed=seed, ax=axes[2])
    return axes[0], axes[1], axes[2]


def plot_prior_predictive(posterior: Posterior, *, figure: FigureBase | None = None) -> tuple[Axes, Axes]:
    """Draw the counts that the priors alone predict, with the counts that were seen: all runs together.

    Parameters
    ----------
    posterior : Posterior
        Its group `prior_predictive` holds the draws.
    figure : Figure or SubFigure, optional
        An empty figure to draw into.

    Returns
    -------
    tuple of Axes
        ON, OFF.
    """
    figure = new_figure(9.4, 3.8) if figure is None else figure
    data = FitData.from_spectra(posterior.spectra)
    analysed = data.mask.any(axis=0)
    axes = []
    for position, (region, name) in zip((121, 122), _COUNTS.items(), strict=True):
        ax = new_axes(figure, position=position)
        drawn = posterior.tree["prior_predictive"][name].to_numpy().sum(axis=2)
        quantiles: dict[str, Any] = posterior_quantiles(drawn)
        for interval, opacity in _BAND_OPACITY.items():
            lower, upper = (np.where(analysed, quantiles[f"{interval}_{end}"], np.nan) for end in ("lower", "upper"))
            label = f"predicted by the priors, {interval.removeprefix('eti')} %"
            ax.stairs(
                upper, data.energy.edges, baseline=lower, fill=True, color=GREY, alpha=opacity, linewidth=0, label=label
            )
        seen = np.where(analysed, getattr(data, name).sum(axis=0), np.nan)
        ax.plot(data.energy.centers, seen, "o", color=ink(ax), markersize=3.5, label="counted")
        ax.set_yscale("symlog", linthresh=1)
        ax.set_ylim(bottom=0)
        ax.set_ylabel(f"{region.upper()} counts, all runs")
        energy_axis(ax, data.energy.edges[0], data.energy.edges[-1], "Reconstructed energy [TeV]")
        axes.append(ax)
    draw_legend(axes[0], loc="best", fontsize=8)
    return axes[0], axes[1]
