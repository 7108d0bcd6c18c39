"""The posterior of the differential flux on a grid of energies."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import astropy.units as u
import numpy as np
from astropy.table import QTable

from bayes_onoff.errors import InputError
from bayes_onoff.inference import Posterior
from bayes_onoff.products.intervals import INTERVAL_COLUMNS, QUANTILES, posterior_quantiles
from bayes_onoff.products.table_meta import fitted_range, table_meta
from bayes_onoff.units import ENERGY, FLUX_DENSITY, to_array

__all__ = ["SpectralBand", "spectral_band", "stacked_band"]


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


def stacked_band(
    models: Mapping[str, Posterior],
    weights: Mapping[str, float],
    energy: u.Quantity | None = None,
    *,
    n_energies: int = 100,
) -> SpectralBand:
    """Mix the spectra of several models by their weights: what to quote where no model is clearly the best.

    Parameters
    ----------
    models : mapping of str to Posterior
        Of the same spectra.
    weights : mapping of str to float
        Not negative; for example the stacking weights or the probabilities of `compare`.
    energy, n_energies
        As for `spectral_band`.

    Returns
    -------
    SpectralBand
        ``meta["weights"]`` has the weights, of sum 1.

    Raises
    ------
    InputError
        If a model has no weight, a weight is negative or all are 0.
    """
    missing = [name for name in models if name not in weights]
    if missing:
        raise InputError("a model has no weight", place="stacked_band", found=", ".join(missing))
    share = np.array([float(weights[name]) for name in models])
    if not (np.all(share >= 0) and share.sum() > 0):
        raise InputError("not weights", place="stacked_band", found=share.tolist(), allowed="0 or more, not all 0")
    share = share / share.sum()
    bands = [spectral_band(posterior, energy, n_energies=n_energies, keep_draws=True) for posterior in models.values()]
    flat = [to_array(band.draws, FLUX_DENSITY, "draws").reshape(-1, len(band.energy)) for band in bands]
    mass = np.concatenate([np.full(len(draws), part / len(draws)) for draws, part in zip(flat, share, strict=True)])
    values = np.quantile(np.concatenate(flat), list(QUANTILES.values()), axis=0, weights=mass, method="inverted_cdf")
    quantiles = {name: value * FLUX_DENSITY for name, value in zip(QUANTILES, values, strict=True)}
    meta = table_meta(next(iter(models.values())))
    verdicts = [bool(posterior.convergence.converged) for posterior in models.values()]
    meta |= {"model": "stacked", "weights": dict(zip(models, share.tolist(), strict=True)), "converged": all(verdicts)}
    return SpectralBand(energy=bands[0].energy, **quantiles, meta=meta)
