"""How far values between 0 and 1 are from uniform: what ranks of truths and PIT values are drawn with."""

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from bayes_onoff.plotting.style import GREY

__all__ = ["GRID", "departure_from_uniform", "draw_uniform_band"]

GRID = np.linspace(0, 1, 401)
"""Where cumulative distributions are drawn."""


def departure_from_uniform(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Evaluate the cumulative distribution of values, less that of a uniform one, at `GRID`."""
    departure: NDArray[np.float64] = np.searchsorted(np.sort(values), GRID, side="right") / len(values) - GRID
    return departure


def draw_uniform_band(ax: Axes, n_values: int) -> None:
    """Draw the band that holds a whole uniform curve of so many values in 95 % of cases (Kolmogorov's distribution)."""
    from scipy.stats import kstwo

    limit = float(kstwo.ppf(0.95, n_values)) if n_values else np.nan
    # The band ends where a cumulative distribution must.
    ax.fill_between(GRID, np.maximum(-limit, -GRID), np.minimum(limit, 1 - GRID), color=GREY, alpha=0.25, linewidth=0)
