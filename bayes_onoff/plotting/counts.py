"""Counts per bin of one run or of all runs together, with their posterior prediction and residuals."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import FigureBase
from matplotlib.ticker import FuncFormatter
from numpy.typing import NDArray

from bayes_onoff.axes import RUN_DIM
from bayes_onoff.errors import InputError
from bayes_onoff.inference.acceptance import shifted_alpha
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
from bayes_onoff.products.intervals import posterior_quantiles
from bayes_onoff.products.residuals import expected_counts, predictive_residuals, standardised_residuals

__all__ = ["plot_counts", "plot_counts_and_residuals", "plot_residuals"]

Region = Literal["on", "off"]
Kind = Literal["standardised", "quantile"]
_BAND_OPACITY = {"eti95": 0.2, "eti68": 0.35}


@dataclass(frozen=True, eq=False, slots=True)
class _Bins:
    """The bins of a run, or of all runs stacked: edges (TeV), which are analysed, and what was counted there."""

    edges: NDArray[np.float64]
    mask: NDArray[np.bool_]
    counts: NDArray[np.int64]
    index: int | None

    def of_run(self, draws: NDArray[Any]) -> NDArray[Any]:
        """Draws (chain, draw, run, energy) of this run, or their sum over the runs."""
        return draws.sum(axis=2) if self.index is None else draws[:, :, self.index]

    def shown(self, values: NDArray[Any]) -> NDArray[np.float64]:
        """NaN where nothing was analysed."""
        return np.where(self.mask, values, np.nan)


def _bins(posterior: Posterior, run: str | None, region: Region) -> _Bins:
    if region not in ("on", "off"):
        raise InputError("unknown region", place="region", found=region, allowed="on, off")
    data = FitData.from_spectra(posterior.spectra)
    counts = data.n_on if region == "on" else data.n_off
    if run is None:
        return _Bins(data.energy.edges, data.mask.any(axis=0), counts.sum(axis=0), None)
    if run not in data.runs:
        raise InputError("unknown run", place="run", found=run, allowed=", ".join(data.runs))
    index = data.runs.index(run)
    return _Bins(data.energy.edges, data.mask[index], counts[index], index)


def plot_counts(posterior: Posterior, *, run: str | None = None, region: Region = "on", ax: Axes | None = None) -> Axes:
    """Draw the counts of every analysed bin with what the posterior predicts for them.

    The prediction is that of new counts, Poisson noise included: median, 68 % and 95 % equal-tailed intervals. For
    the ON region the expected background ``alpha b`` (posterior median and 68 %) is drawn as well. The axis is
    logarithmic above 1 and linear below, so that empty bins are seen.

    Parameters
    ----------
    posterior : Posterior
    run : str, optional
        One run; by default all runs summed.
    region : {"on", "off"}
    ax : Axes, optional

    Raises
    ------
    InputError
        If the run or the region is unknown.
    """
    bins = _bins(posterior, run, region)
    ax = new_axes() if ax is None else ax
    predicted = bins.of_run(posterior.tree["posterior_predictive"][f"n_{region}"].to_numpy())
    color = BLUE if region == "on" else VERMILLION
    _draw_band(ax, bins, posterior_quantiles(predicted), color, "predicted", ("eti95", "eti68"))
    if region == "on":
        alpha = shifted_alpha(FitData.from_spectra(posterior.spectra), posterior.tree["posterior"])
        background = bins.of_run(alpha * np.where(_mask(posterior), _draws(posterior, "npred_off"), 0.0))
        _draw_band(ax, bins, posterior_quantiles(background), VERMILLION, "background α b", ("eti68",))
    _draw_points(ax, bins, region)
    top = max(float(np.nanmax(bins.shown(np.quantile(predicted, 0.975, axis=(0, 1))))), float(bins.counts.max()), 1.0)
    ax.set_yscale("symlog", linthresh=1.0, linscale=0.4)
    ax.set_ylim(-0.15, 2.2 * top)
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    energy_axis(ax, bins.edges[0], bins.edges[-1], "Reconstructed energy [TeV]")
    ax.set_ylabel(f"{region.upper()} counts per bin")
    ax.set_title(f"{region.upper()}, {'all runs' if run is None else f'run {run}'}", loc="left")
    mark_convergence(ax, posterior.convergence.converged)
    draw_legend(ax, loc="upper right", ncols=2)
    return ax


def plot_residuals(
    posterior: Posterior,
    *,
    run: str | None = None,
    region: Region = "on",
    kind: Kind = "standardised",
    seed: int = 0,
    ax: Axes | None = None,
) -> Axes:
    """Draw the posterior-predictive residuals of every analysed bin on bands of one and two standard deviations.

    Parameters
    ----------
    posterior, run, region, ax
        As for `plot_counts`.
    kind : {"standardised", "quantile"}
        ``(n - predictive mean) / predictive standard deviation``, or the randomised-quantile residual.
    seed : int
        Of the randomisation of the latter.

    Raises
    ------
    InputError
        If the run or the region is unknown.
    """
    bins = _bins(posterior, run, region)
    ax = new_axes(height=2.2) if ax is None else ax
    _draw_residuals(ax, bins, _residuals(posterior, run, seed)[kind].sel(region=region).to_numpy())
    ax.set_ylabel("Residual [σ]" if kind == "standardised" else "Quantile\nresidual [σ]")
    mark_convergence(ax, posterior.convergence.converged)
    return ax


def _residuals(posterior: Posterior, run: str | None, seed: int = 0) -> xr.Dataset:
    """Residuals of a run or of all runs summed, dims (region, energy)."""
    if run is None:
        return predictive_residuals(posterior, summed_over="run", seed=seed)
    return predictive_residuals(posterior, seed=seed).sel({RUN_DIM: run})


def _draw_residuals(ax: Axes, bins: _Bins, values: NDArray[np.float64]) -> None:
    for width, opacity in ((2, 0.15), (1, 0.2)):
        ax.axhspan(-width, width, color=GREY, alpha=opacity, linewidth=0)
    ax.axhline(0, color=GREY, linewidth=1)
    shown = bins.shown(values)
    ax.plot(np.sqrt(bins.edges[:-1] * bins.edges[1:]), shown, "o", color=ink(ax), markersize=4)
    limit = max(3.2, 1.15 * float(np.nanmax(np.abs(shown))))
    ax.set_ylim(-limit, limit)
    energy_axis(ax, bins.edges[0], bins.edges[-1], "Reconstructed energy [TeV]")


def plot_counts_and_residuals(
    posterior: Posterior, *, run: str | None = None, figure: FigureBase | None = None
) -> tuple[Axes, Axes, Axes, Axes]:
    """Draw ON (left) and OFF (right) counts, their standardised residuals below.

    Parameters
    ----------
    posterior, run
        As for `plot_counts`.
    figure : Figure or SubFigure, optional
        An empty figure to draw into.

    Returns
    -------
    tuple of Axes
        ON counts, ON residuals, OFF counts, OFF residuals.
    """
    figure = new_figure(10.0, 5.0) if figure is None else figure
    grid = figure.add_gridspec(2, 2, height_ratios=(3, 1.2))
    drawn: list[Axes] = []
    expected = expected_counts(posterior)
    regions: tuple[Region, ...] = ("on", "off")
    for column, region in enumerate(regions):
        counts = new_axes(figure, position=grid[0, column])
        plot_counts(posterior, run=run, region=region, ax=counts)
        residuals = new_axes(figure, position=grid[1, column], sharex=counts)
        bins = _bins(posterior, run, region)
        # Not `predictive_residuals`: their quantile residuals of all runs take long, and are not shown here.
        predicted = bins.of_run(expected[None, :, column])[0]
        _draw_residuals(residuals, bins, standardised_residuals(bins.counts, predicted))
        residuals.set_ylabel("Residual [σ]")
        counts.tick_params(labelbottom=False)
        counts.set_xlabel("")
        drawn += [counts, residuals]
    return drawn[0], drawn[1], drawn[2], drawn[3]


def _mask(posterior: Posterior) -> NDArray[np.bool_]:
    return FitData.from_spectra(posterior.spectra).mask


def _draws(posterior: Posterior, name: str) -> NDArray[np.float64]:
    draws: NDArray[np.float64] = posterior.tree["posterior"][name].to_numpy()
    return draws


def _draw_band(
    ax: Axes, bins: _Bins, quantiles: dict[str, NDArray[np.float64]], color: str, label: str, intervals: tuple[str, ...]
) -> None:
    for interval in intervals:
        lower, upper = (bins.shown(quantiles[f"{interval}_{end}"]) for end in ("lower", "upper"))
        percent = interval.removeprefix("eti")
        ax.stairs(
            upper,
            bins.edges,
            baseline=lower,
            fill=True,
            color=color,
            alpha=_BAND_OPACITY[interval],
            linewidth=0,
            label=f"{label}, {percent} %",
        )
    ax.stairs(bins.shown(quantiles["median"]), bins.edges, baseline=None, color=color, linewidth=1.3)


def _draw_points(ax: Axes, bins: _Bins, region: Region) -> None:
    centers = np.sqrt(bins.edges[:-1] * bins.edges[1:])
    width = np.stack([centers - bins.edges[:-1], bins.edges[1:] - centers])
    label = rf"$n_\mathrm{{{region}}}$ counted"
    ax.errorbar(
        centers, bins.shown(bins.counts), xerr=width, fmt="o", markersize=3.5, linewidth=0.9, color=ink(ax), label=label
    )
