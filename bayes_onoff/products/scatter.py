"""How much the members of a population differ: fractional scatter, and the evidence that they differ at all."""

import numpy as np
from numpy.typing import NDArray

from bayes_onoff.models import Prior
from bayes_onoff.products.flux_points import UL_CONFIDENCE
from bayes_onoff.products.intervals import posterior_quantiles

__all__ = ["HINT", "SHOWN", "bayes_factor_in_words", "fractional_scatter", "scatter_bayes_factor", "summarised"]

HINT, SHOWN = 3.0, 20.0
"""Bayes factors from which the data hint at a scatter, and show it (Kass & Raftery 1995: positive, strong)."""
_FLAT = 0.5
"""In units of (total information of the fluxes)**-1/2: below it the likelihood hardly depends on the scatter."""


def fractional_scatter(scatter: NDArray[np.float64]) -> NDArray[np.float64]:
    """From the standard deviation of ln(flux) to standard deviation over mean of a log-normal flux."""
    fractional: NDArray[np.float64] = np.sqrt(np.expm1(scatter**2))
    return fractional


def _prior_mass_below(prior: Prior, value: float) -> float:
    grid = np.linspace(0.0, value, 401)
    centers = (grid[1:] + grid[:-1]) / 2
    return float(np.exp(prior.log_density(centers)).mean() * value)


def scatter_bayes_factor(scatter: NDArray[np.float64], prior: Prior, information: float) -> tuple[float, bool]:
    """Weigh fluxes that scatter against one flux.

    Savage-Dickey's ratio of prior to posterior density of the scatter at 0, both averaged over scatters so small that
    the likelihood is that of one flux.

    Parameters
    ----------
    scatter : ndarray, shape (chain, draw)
    prior : Prior
        Of the scatter.
    information : float
        Of all ln(flux), summed.

    Returns
    -------
    (float, bool)
        The Bayes factor for a scatter, and whether it is only a lower limit: no draw is so small.
    """
    small = float(np.clip(_FLAT / np.sqrt(max(information, 1e-6)), 1e-4, 0.1))
    n_small = int((scatter < small).sum())
    if n_small == 0:
        # The likelihood rises from 0 to the smallest draw: averaged over all up to there it is more than that at 0.
        small = float(scatter.min())
    return _prior_mass_below(prior, small) * scatter.size / max(n_small, 1), n_small == 0


def bayes_factor_in_words(factor: float, is_limit: bool) -> str:
    """Write a Bayes factor with the digits that mean something."""
    return f"{'above ' if is_limit else ''}{factor:.0f}" if factor >= 10 else f"{factor:.1f}"


def summarised(name: str, draws: NDArray[np.float64]) -> dict[str, float]:
    """Give median, 68 % interval and one-sided 95 % limit by the names they have in metadata."""
    quantiles = posterior_quantiles(draws)
    found = {f"{name}_{key}": float(quantiles[key]) for key in ("median", "eti68_lower", "eti68_upper")}
    return found | {f"{name}_ul95": float(np.quantile(draws, UL_CONFIDENCE))}
