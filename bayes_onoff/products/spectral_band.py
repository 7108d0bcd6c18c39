"""The posterior of the differential flux on a grid of energies."""

from dataclasses import dataclass, field
from typing import Any

import astropy.units as u
import numpy as np
from astropy.table import QTable

from bayes_onoff.errors import InputError
from bayes_onoff.inference import Posterior
from bayes_onoff.products.intervals import INTERVAL_COLUMNS, posterior_quantiles
from bayes_onoff.products.table_meta import fitted_range, table_meta
from bayes_onoff.units import ENERGY, FLUX_DENSITY, to_array

__all__ = ["SpectralBand", "spectral_band"]


@dataclass(frozen=True, eq=False, slots=True)
class SpectralBand:
    """Pointwise posterior of dN/dE, cm-2 s-1 TeV-1.

    Parameters
    ----------
    energy : Quantity, shape (energy,)
        True energy.
    median, eti68_lower, eti68_upper, eti95_lower, eti95_upper : Quantity, shape (energy,)
        Median and limits of the pointwise equal-tailed 68 % and 95 % credible intervals.
    draws : Quantity, shape (chain, draw, energy), optional
    meta : dict
        Model, data and convergence.
    """

    energy: u.Quantity
    median: u.Quantity
    eti68_lower: u.Quantity
    eti68_upper: u.Quantity
    eti95_lower: u.Quantity
    eti95_upper: u.Quantity
    draws: u.Quantity | None = None
    meta: dict[str, Any] = field(default_factory=dict)

    def to_table(self) -> QTable:
        """One row an energy: `energy`, `median` and the interval limits."""
        columns = {"energy": self.energy} | {name: getattr(self, name) for name in INTERVAL_COLUMNS}
        return QTable(columns, meta=dict(self.meta))


def spectral_band(
    posterior: Posterior, energy: u.Quantity | None = None, *, n_energies: int = 100, keep_draws: bool = False
) -> SpectralBand:
    """Evaluate the spectrum of every posterior draw on a grid of energies.

    Parameters
    ----------
    posterior : Posterior
    energy : Quantity, shape (energy,), optional
        By default `n_energies` energies over the fitted range, equally spaced in the logarithm.
    n_energies : int
    keep_draws : bool
        Keep the draws beside their quantiles.

    Returns
    -------
    SpectralBand

    Raises
    ------
    InputError
        If an energy is not positive, or the unit is no energy.
    """
    if energy is None:
        grid = np.geomspace(*fitted_range(posterior), n_energies)
    else:
        grid = np.atleast_1d(to_array(energy, ENERGY, "energy"))
    if grid.ndim != 1 or not np.all(np.isfinite(grid) & (grid > 0)):
        raise InputError("energies are not positive", place="energy", found=str(energy), allowed="a list above 0 TeV")
    values = {name: draws[..., None] for name, draws in posterior.values.items()}
    draws = posterior.model.dnde(grid, values)
    quantiles = {name: value * FLUX_DENSITY for name, value in posterior_quantiles(draws).items()}
    return SpectralBand(
        energy=grid * ENERGY,
        **quantiles,
        draws=draws * FLUX_DENSITY if keep_draws else None,
        meta=table_meta(posterior),
    )
