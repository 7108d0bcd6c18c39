"""The background response of a run to look at: its rate against energy."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike, NDArray

from bayes_onoff.errors import InputError
from bayes_onoff.plotting.style import draw_legend, energy_axis, ink, new_axes, run_colors

__all__ = ["BackgroundResponse", "plot_background"]

_MAX_LINES = 6
_N_DIRECTIONS = 24
_STEP, _FARTHEST = 0.5, 6.0  # deg: offsets that are tried


class BackgroundResponse(Protocol):
    """Rate of background events in the field of view; `bayes_onoff.dl3.Background` and `Background2D` are such."""

    @property
    def energy(self) -> NDArray[np.float64]: ...  # noqa: D102
    def evaluate(self, energy: ArrayLike, lon: ArrayLike, lat: ArrayLike) -> NDArray[np.float64]: ...  # noqa: D102


def plot_background(
    background: BackgroundResponse, *, offsets: Sequence[float] | None = None, ax: Axes | None = None
) -> Axes:
    """Draw the background rate against reconstructed energy, a line for each offset.

    Parameters
    ----------
    background : Background or Background2D
        The response; of one that differs between directions the mean around the pointing is drawn.
    offsets : sequence of float, optional
        Offsets from the pointing, deg; by default up to six in steps of 0.5 deg at which there is a rate.
    ax : Axes, optional
        Made here if None.

    Returns
    -------
    Axes

    Raises
    ------
    InputError
        If the rate is zero at all these offsets.
    """
    ax = new_axes() if ax is None else ax
    energies = background.energy
    tried = np.arange(0, _FARTHEST, _STEP) if offsets is None else np.asarray(offsets, dtype=float)
    angles = 2 * np.pi * np.arange(_N_DIRECTIONS) / _N_DIRECTIONS
    lon, lat = tried[:, None] * np.cos(angles), tried[:, None] * np.sin(angles)
    rates = background.evaluate(energies[:, None, None], lon, lat).mean(axis=-1)
    there = np.flatnonzero(rates.max(axis=0) > 0)
    if len(there) == 0:
        listed = ", ".join(f"{offset:g}" for offset in tried)
        raise InputError("the background rate is zero", place="offsets", found=f"{listed} deg")
    if offsets is None:
        there = there[np.unique(np.linspace(0, len(there) - 1, _MAX_LINES).round().astype(int))]
    for index, color in zip(there, run_colors(len(there)), strict=True):
        rate = np.where(rates[:, index] > 0, rates[:, index], np.nan)
        ax.plot(energies, rate, color=color, linewidth=1.4, label=f"{tried[index]:.3g}°")
    ax.set_yscale("log")
    energy_axis(ax, energies[0], energies[-1], "Reconstructed energy [TeV]")
    ax.set_ylabel("Background rate [s⁻¹ TeV⁻¹ sr⁻¹]")
    legend = draw_legend(ax, loc="upper right", title="offset", title_fontsize=9)
    legend.get_title().set_color(ink(ax))
    return ax
