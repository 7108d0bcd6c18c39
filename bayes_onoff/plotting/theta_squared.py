"""Events against the squared distance from the source."""

import numpy as np
from astropy.table import QTable
from matplotlib.axes import Axes

from bayes_onoff.plotting.style import BLUE, GREY, draw_legend, ink, new_axes
from bayes_onoff.units import ANGLE, to_array

__all__ = ["plot_theta_squared"]


def plot_theta_squared(table: QTable, *, on_radius: float | None = None, ax: Axes | None = None) -> Axes:
    """Draw events against the squared distance from the source, and the background at its reflections.

    Bars are the square root of the counts; the band of the background is sqrt(sum(alpha^2 n_off)).

    Parameters
    ----------
    table : QTable
        Of `bayes_onoff.reduction.theta_squared_table`: ``theta2_min``, ``theta2_max`` (deg2), ``n_on``, ``n_off``,
        ``alpha``, ``excess_error``.
    on_radius : float, optional
        Radius of the ON region, deg, marked by a line.
    ax : Axes, optional
        Made here if None.

    Returns
    -------
    Axes
    """
    ax = new_axes() if ax is None else ax
    low, high = (to_array(table[name], ANGLE**2, name) for name in ("theta2_min", "theta2_max"))
    edges, centers = np.append(low, high[-1]), (low + high) / 2
    n_on = np.asarray(table["n_on"], dtype=float)
    background = np.asarray(table["alpha"], dtype=float) * np.asarray(table["n_off"], dtype=float)
    error = np.sqrt(np.maximum(np.asarray(table["excess_error"]) ** 2 - n_on, 0))
    ax.stairs(background, edges, fill=True, color=GREY, alpha=0.35, linewidth=0, label="background, reflected")
    ax.stairs(background + error, edges, baseline=background - error, fill=True, color=GREY, alpha=0.45, linewidth=0)
    ax.stairs(background, edges, color=GREY, linewidth=1.2)
    ax.errorbar(
        centers,
        n_on,
        xerr=(high - low) / 2,
        yerr=np.sqrt(n_on),
        fmt="o",
        markersize=3.5,
        linewidth=1.0,
        color=ink(ax),
        label="around the source",
    )
    if on_radius is not None and on_radius**2 < edges[-1]:
        ax.axvline(on_radius**2, color=BLUE, linestyle="--", linewidth=1.2, label=f"ON radius {on_radius:g}°")
    ax.set_xlim(edges[0], edges[-1])
    ax.set_ylim(0, 1.12 * max(float(np.max(n_on + np.sqrt(n_on))), float(np.max(background + error)), 1.0))
    ax.set_xlabel(r"$\theta^2$ [deg$^2$]")
    ax.set_ylabel("Events per bin")
    draw_legend(ax, loc="upper right")
    return ax
