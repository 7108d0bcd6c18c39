"""Energies and fluxes that follow from the posterior of a spectrum."""

from collections.abc import Callable

import astropy.units as u
import numpy as np
from astropy.table import QTable
from numpy.typing import NDArray

from bayes_onoff.columns import described
from bayes_onoff.inference import Posterior
from bayes_onoff.products.flux import energy_flux, energy_interval, integral_flux
from bayes_onoff.products.intervals import INTERVAL_COLUMNS, posterior_quantiles
from bayes_onoff.products.table_meta import table_meta
from bayes_onoff.units import ENERGY

__all__ = ["derived_table", "peak_energy", "pivot_energy"]

N_GRID = 200
"""Energies at which an extremum is looked for before it is refined."""


_DESCRIPTIONS = {
    "quantity": "what follows from the spectral parameters",
    "fraction": "share of the draws for which the quantity exists; intervals are those of these draws",
    "note": "energies, and what the number is",
}


def _log_flux(posterior: Posterior, energies: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ln of dN/dE of every draw, (chain, draw, energy); minus infinity where there is none."""
    values = {name: draws[..., None] for name, draws in posterior.values.items()}
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(posterior.model.dnde(energies, values)))


def _inner_maximum(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    """Abscissa of the highest local maximum of `y` (..., point) inside the grid `x`; NaN where there is none.

    The vertex of the parabola through the highest point and its neighbours.
    """
    inner = (y[..., 1:-1] >= y[..., :-2]) & (y[..., 1:-1] > y[..., 2:]) & np.isfinite(y[..., 1:-1])
    heights = np.where(inner, y[..., 1:-1], -np.inf)
    best = heights.argmax(axis=-1)[..., None]
    left, middle, right = (np.take_along_axis(y, best + shift, axis=-1)[..., 0] for shift in (0, 1, 2))
    step = x[1] - x[0]
    with np.errstate(invalid="ignore", divide="ignore"):
        shift = step * (left - right) / (2 * (left - 2 * middle + right))
    shift = np.where(np.isfinite(shift), shift, 0.0)
    return np.where(inner.any(axis=-1), x[best[..., 0] + 1] + np.clip(shift, -step, step), np.nan)


def pivot_energy(
    posterior: Posterior, energy_min: u.Quantity | None = None, energy_max: u.Quantity | None = None
) -> u.Quantity:
    """Energy at which the flux is known best: the smallest standard deviation of ln(dN/dE) over the draws.

    There flux and photon index are uncorrelated (the decorrelation energy), for a power law exactly so.

    Parameters
    ----------
    posterior : Posterior
    energy_min, energy_max : Quantity, optional
        Where it is looked for; by default the fitted range of reconstructed energies.

    Returns
    -------
    Quantity
        A scalar, TeV; NaN if the smallest lies at an end of the range.

    Raises
    ------
    InputError
        If the interval is empty or not an energy.
    """
    grid = np.log(np.geomspace(*energy_interval(posterior, energy_min, energy_max, "derived"), N_GRID))
    variance = _log_flux(posterior, np.exp(grid)).var(axis=(0, 1))
    return float(np.exp(_inner_maximum(grid, -variance))) * ENERGY


def peak_energy(
    posterior: Posterior, energy_min: u.Quantity | None = None, energy_max: u.Quantity | None = None
) -> u.Quantity:
    """Posterior draws of the energy at which E^2 dN/dE peaks.

    Parameters
    ----------
    posterior : Posterior
    energy_min, energy_max : Quantity, optional
        Where it is looked for; by default the fitted range of reconstructed energies.

    Returns
    -------
    Quantity, shape (chain, draw)
        TeV; NaN in draws without a peak inside the range.

    Raises
    ------
    InputError
        If the interval is empty or not an energy.
    """
    grid = np.log(np.geomspace(*energy_interval(posterior, energy_min, energy_max, "derived"), N_GRID))
    return np.exp(_inner_maximum(grid, _log_flux(posterior, np.exp(grid)) + 2 * grid)) * ENERGY


def derived_table(
    posterior: Posterior, energy_min: u.Quantity | None = None, energy_max: u.Quantity | None = None
) -> QTable:
    """Tabulate pivot energy, peak energy, photon flux and energy flux with their intervals.

    Parameters
    ----------
    posterior : Posterior
    energy_min, energy_max : Quantity, optional
        By default the fitted range of reconstructed energies; beyond it fluxes are extrapolations.

    Returns
    -------
    QTable
        `quantity`, `unit`, `median`, `eti68_lower`, `eti68_upper`, `eti95_lower`, `eti95_upper` (equal-tailed
        intervals), `fraction` of the draws for which the quantity exists, `note`. Intervals are those of the draws for
        which it exists, NaN if there are none. The pivot energy is one number of the whole posterior, without
        intervals.

    Raises
    ------
    InputError
        If the interval is empty or not an energy.
    """
    lower, upper = energy_interval(posterior, energy_min, energy_max, "derived")
    between = f"between {lower:.4g} and {upper:.4g} TeV"
    pivot = pivot_energy(posterior, energy_min, energy_max)
    rows = [
        {
            "quantity": "pivot_energy",
            "unit": "TeV",
            **dict.fromkeys(INTERVAL_COLUMNS, np.nan),
            "median": pivot.value,
            "fraction": float(np.isfinite(pivot.value)),
            "note": f"where dN/dE is known best, {between}; one number of the whole posterior"
            if np.isfinite(pivot.value)
            else f"none: dN/dE is known best at an end of the range {between}",
        }
    ]
    measures: dict[str, tuple[Callable[..., u.Quantity], str]] = {
        "peak_energy": (peak_energy, f"of E^2 dN/dE {between}"),
        "integral_flux": (integral_flux, between),
        "energy_flux": (energy_flux, between),
    }
    for name, (measure, note) in measures.items():
        draws = measure(posterior, energy_min, energy_max)
        rows.append({"quantity": name, "unit": draws.unit.to_string(), **_summary(draws.value, note)})
    return described(QTable(rows=rows, meta=table_meta(posterior)), _DESCRIPTIONS)


def _summary(draws: NDArray[np.float64], note: str) -> dict[str, float | str]:
    exists = np.isfinite(draws)
    fraction = float(exists.mean())
    if fraction == 0:
        return {**dict.fromkeys(INTERVAL_COLUMNS, np.nan), "fraction": 0.0, "note": f"none in any draw, {note}"}
    quantiles = {name: float(value) for name, value in posterior_quantiles(draws[exists][None]).items()}
    if fraction < 1:
        note += f"; {100 * fraction:.3g} % of the draws have one, the intervals are theirs alone"
    return {**quantiles, "fraction": fraction, "note": note}
