"""Integral photon flux and energy flux of the posterior."""

import astropy.units as u
import numpy as np

from bayes_onoff.errors import InputError
from bayes_onoff.inference import Posterior
from bayes_onoff.models import energy_flux as energy_flux_in_bins
from bayes_onoff.models import photons
from bayes_onoff.products.table_meta import fitted_range
from bayes_onoff.units import ENERGY, ENERGY_FLUX, FLUX, to_float

__all__ = ["energy_flux", "energy_interval", "integral_flux"]


def energy_interval(
    posterior: Posterior, energy_min: u.Quantity | None, energy_max: u.Quantity | None, place: str
) -> tuple[float, float]:
    """Edges of an interval of true energy, TeV; where none is given, those of the fitted range.

    Raises
    ------
    InputError
        If the interval is empty or not an energy; `place` says whose it is.
    """
    fitted_min, fitted_max = fitted_range(posterior)
    lower = fitted_min if energy_min is None else to_float(energy_min, ENERGY, "energy_min")
    upper = fitted_max if energy_max is None else to_float(energy_max, ENERGY, "energy_max")
    if not 0 < lower < upper:
        raise InputError(
            "the energy interval is upside down or empty",
            place=place,
            found=f"{lower:g} to {upper:g} TeV",
            allowed="0 < energy_min < energy_max",
        )
    return lower, upper


def integral_flux(
    posterior: Posterior, energy_min: u.Quantity | None = None, energy_max: u.Quantity | None = None
) -> u.Quantity:
    """Posterior draws of the photon flux, the integral of dN/dE over an interval of true energy.

    Parameters
    ----------
    posterior : Posterior
    energy_min, energy_max : Quantity, optional
        By default the fitted range of reconstructed energies; an interval outside it is an extrapolation.

    Returns
    -------
    Quantity, shape (chain, draw)
        cm-2 s-1.

    Raises
    ------
    InputError
        If the interval is empty or not an energy.
    """
    edges = np.array(energy_interval(posterior, energy_min, energy_max, "flux"))
    return photons(posterior.model, posterior.values, edges)[..., 0] * FLUX


def energy_flux(
    posterior: Posterior, energy_min: u.Quantity | None = None, energy_max: u.Quantity | None = None
) -> u.Quantity:
    """Posterior draws of the energy flux, the integral of E dN/dE over an interval of true energy.

    Parameters
    ----------
    posterior, energy_min, energy_max
        As for `integral_flux`.

    Returns
    -------
    Quantity, shape (chain, draw)
        erg cm-2 s-1.

    Raises
    ------
    InputError
        If the interval is empty or not an energy.
    """
    edges = np.array(energy_interval(posterior, energy_min, energy_max, "flux"))
    return (energy_flux_in_bins(posterior.model, posterior.values, edges)[..., 0] * (ENERGY * FLUX)).to(ENERGY_FLUX)
