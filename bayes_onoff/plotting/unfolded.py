"""An unfolded spectrum: its band, its points, and other spectra beside it."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes

from bayes_onoff.plotting.flux_points import draw_ordered_legend
from bayes_onoff.plotting.spectrum import plot_band
from bayes_onoff.plotting.style import SERIES, energy_axis, ink, mark_convergence, new_axes
from bayes_onoff.products.spectral_band import SpectralBand
from bayes_onoff.products.unfolded_points import UnfoldedPoints
from bayes_onoff.units import ENERGY, ENERGY_FLUX, to_array

__all__ = ["plot_unfolded"]

_FEW_COUNTS = 1.0
"""Points with fewer expected signal counts are drawn open."""


def plot_unfolded(
    points: UnfoldedPoints,
    band: SpectralBand,
    *,
    others: Mapping[str, SpectralBand] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw E² dN/dE of an unfolded spectrum: band, and points with 68 % bars, open where fewer than 1 count is behind.

    Parameters
    ----------
    points : UnfoldedPoints
    band : SpectralBand
        Of the same posterior.
    others : mapping of str to SpectralBand, optional
        Other spectra by their label, for example the parametric fit.
    ax : Axes, optional
    """
    ax = new_axes(width=7.4, height=4.8) if ax is None else ax
    plot_band(band, color=SERIES[0], label="unfolded", ax=ax)
    for number, (label, other) in enumerate((others or {}).items(), start=1):
        plot_band(other, color=SERIES[number % len(SERIES)], label=label, filled=False, ax=ax)
    table = points.table
    energy, low, high = (to_array(table[key], ENERGY, key) for key in ("e_ref", "e_min", "e_max"))
    sed, down, up = (to_array(table[f"e2dnde{end}"], ENERGY_FLUX, end) for end in ("", "_errn", "_errp"))
    many = np.asarray(table["n_signal"]) >= _FEW_COUNTS
    for chosen, label, filled in ((many, "unfolded points", True), (~many, "fewer than 1 count expected", False)):
        if chosen.any():
            ax.errorbar(
                energy[chosen],
                sed[chosen],
                xerr=np.stack([energy - low, high - energy])[:, chosen],
                yerr=np.stack([down, up])[:, chosen],
                fmt="s",
                markersize=4.5,
                color=ink(ax),
                linewidth=1.2,
                zorder=4,
                label=label,
                markerfacecolor=ink(ax) if filled else "none",
            )
    seen = many if many.any() else np.ones_like(many)
    ax.set_ylim(float((sed - down)[seen].min()) / 4, float((sed + up)[seen].max()) * 2)
    energy_axis(ax, float(to_array(band.energy, ENERGY, "energy").min()), float(high.max()))
    draw_ordered_legend(ax, ["unfolded points"], ["fewer than 1 count expected"])
    mark_convergence(ax, bool(table.meta.get("converged", True)))
    return ax
