"""Flux points: the posterior of a norm in each band of reconstructed energy, as a GADF SED table."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from astropy.table import QTable
from numpy.typing import NDArray

from bayes_onoff.axes import BAND
from bayes_onoff.columns import described
from bayes_onoff.inference.bands import BandPosterior
from bayes_onoff.inference.fit_data import FitData
from bayes_onoff.models import energy_flux, photons
from bayes_onoff.products.absent_source import with_absent_source
from bayes_onoff.products.band_likelihood import (
    N_DRAWS_WITH_SHIFTS,
    N_HYPERPARAMETER_DRAWS,
    BandLikelihoods,
    band_densities,
    band_likelihoods,
)
from bayes_onoff.products.intervals import posterior_quantiles
from bayes_onoff.products.norm_density import NormDensity
from bayes_onoff.products.table_meta import background_name
from bayes_onoff.products.writing import write_table_and_draws
from bayes_onoff.units import ENERGY, ENERGY_FLUX, FLUX, FLUX_DENSITY

__all__ = ["UL_CONFIDENCE", "UL_SQRT_TS", "FluxPoints", "flux_points", "write_flux_points"]

UL_CONFIDENCE = 0.95
UL_SQRT_TS = 2.0
"""A band less significant than this is an upper limit."""

_NOTES = {
    "dnde": "posterior median of the norm in the band of reconstructed energy, times the reference spectrum at e_ref",
    "upper_limit": "*_ul is the one-sided 95 % quantile of the posterior under a flat prior on norm >= 0 in each band",
    "significance": (
        "sqrt_ts is the square root of twice the marginal log-likelihood ratio between the band's best norm and zero"
    ),
    "is_ul": f"is_ul where sqrt_ts is below {UL_SQRT_TS:g}",
}
_APPROXIMATION = (
    "; approximated by averaging the norm's conditional density over {draws} posterior draws of the "
    "background's hyperparameters, where too few of them matter moved to where the background would be without the "
    "band's signal; beyond 10 it may be a few per cent too high"
)


_MEASURES = {
    "dnde": "dN/dE at e_ref",
    "flux": "photon flux of the band",
    "eflux": "energy flux of the band",
    "e2dnde": "E^2 dN/dE at e_ref",
    "norm": "norm of the reference spectrum in the band",
}
_STATISTICS = {
    "": "posterior median",
    "_err": "posterior standard deviation",
    "_errn": "median less the lower end of the 68 % interval",
    "_errp": "upper end of the 68 % interval less the median",
    "_ul": f"one-sided {100 * UL_CONFIDENCE:g} % upper limit",
}
_DESCRIPTIONS = {
    "e_ref": "geometric centre of the band",
    "e_min": "lower edge of the band, reconstructed energy",
    "e_max": "upper edge of the band, reconstructed energy",
    **{
        name + end: f"{measure}: {statistic}"
        for name, measure in _MEASURES.items()
        for end, statistic in _STATISTICS.items()
    },
    **{f"ref_{name}": f"{measure}, of the reference spectrum" for name, measure in _MEASURES.items()},
    "ts": "twice the marginal ln likelihood ratio between the best norm and zero",
    "sqrt_ts": "its square root",
    "is_ul": f"whether the band is shown as an upper limit: sqrt_ts below {UL_SQRT_TS:g}",
}


@dataclass(frozen=True, eq=False, slots=True)
class FluxPoints:
    """Flux points with their draws and covariance.

    Parameters
    ----------
    table : QTable
        One row a band, GADF SED columns; see `flux_points`.
    norm : ndarray, shape (chain, draw, band)
        Posterior draws of the norms relative to the reference spectrum.
    densities : tuple of NormDensity, one a band
        The marginal posterior density of each norm.
    """

    table: QTable
    norm: NDArray[np.float64]
    densities: tuple[NormDensity, ...]

    @property
    def correlation(self) -> NDArray[np.float64]:
        """Correlation matrix of the bands' norms, shape (band, band)."""
        n_bands = self.norm.shape[-1]
        return np.corrcoef(self.norm.reshape(-1, n_bands), rowvar=False).reshape(n_bands, n_bands)

    def to_dataset(self) -> xr.Dataset:
        """Draws, correlation matrix and densities with their units, as they are written to netCDF."""
        table = self.table
        energies, references = (
            {name: (BAND, table[name].value, {"units": table[name].unit.to_string()}) for name in names}
            for names in (("e_ref", "e_min", "e_max"), ("ref_dnde", "ref_flux", "ref_eflux"))
        )
        grid, log_density = (
            np.stack([getattr(density, name) for density in self.densities]) for name in ("norm", "log_density")
        )
        return xr.Dataset(
            {
                "norm": (("chain", "draw", BAND), self.norm, {"units": ""}),
                "correlation": ((BAND, f"{BAND}_other"), self.correlation, {"units": ""}),
                "norm_grid": ((BAND, "grid"), grid, {"units": ""}),
                "log_density": ((BAND, "grid"), log_density, {"units": ""}),
                **references,
            },
            coords=energies,
            attrs={key: str(value) for key, value in table.meta.items()},
        )


def _norm_columns(norm: NDArray[np.float64], densities: tuple[NormDensity, ...]) -> dict[str, NDArray[np.float64]]:
    """Median, standard deviation, 68 % bars and upper limit of each norm, GADF's names, shape (band,)."""
    quantiles = posterior_quantiles(norm)
    return {
        "": quantiles["median"],
        "_err": norm.std(axis=(0, 1), ddof=1),
        "_errn": quantiles["median"] - quantiles["eti68_lower"],
        "_errp": quantiles["eti68_upper"] - quantiles["median"],
        "_ul": np.array([density.quantile(UL_CONFIDENCE) for density in densities]),
    }


def _reference(bands: BandPosterior) -> dict[str, Any]:
    """Evaluate the reference spectrum: at the band's centre and integrated over the band; Quantity (band,) each."""
    edges = bands.edges
    center = np.sqrt(edges[:-1] * edges[1:]) * ENERGY
    dnde = bands.model.dnde(center.value, bands.values) * FLUX_DENSITY
    return {
        "dnde": dnde,
        "flux": photons(bands.model, bands.values, edges) * FLUX,
        "eflux": (energy_flux(bands.model, bands.values, edges) * (ENERGY * FLUX)).to(ENERGY_FLUX),
        "e2dnde": (center**2 * dnde).to(ENERGY_FLUX),
    }


def _count_columns(bands: BandPosterior) -> dict[str, NDArray[Any]]:
    """Add up the counts of all runs in each band; the excess is n_on - alpha n_off."""
    data = FitData.from_spectra(bands.spectra)
    members = bands.band_of_bin == np.arange(len(bands.edges) - 1)[:, None]
    excess = np.where(data.mask, data.n_on - data.alpha * data.n_off, 0.0)
    return {
        "n_on": members @ data.n_on.sum(axis=0),
        "n_off": members @ data.n_off.sum(axis=0),
        "excess": members @ excess.sum(axis=0),
    }


def _meta(bands: BandPosterior) -> dict[str, Any]:
    reference = {"shape": bands.model.label, "reference_energy": f"{bands.model.reference:g} TeV"}
    for parameter in bands.model.parameters:
        reference[parameter.name] = f"{float(bands.values[parameter.name]):.6g} {parameter.unit}".strip()
    notes = {f"note_{key}": note for key, note in _NOTES.items()}
    certain = bands.background.alpha_uncertainty is None
    if bands.background.prior == "pooled" or not certain:
        draws = N_HYPERPARAMETER_DRAWS if certain else N_DRAWS_WITH_SHIFTS
        notes["note_significance"] += _APPROXIMATION.format(draws=draws)
    return {
        "SED_TYPE": "dnde",
        "UL_CONF": UL_CONFIDENCE,
        "reference_model": reference,
        "background": background_name(bands.background),
        **_systematics(bands),
        "runs": ", ".join(bands.spectra.names),
        **notes,
        "converged": bool(bands.convergence.converged),
        "convergence": bands.convergence.sentence,
    }


def _systematics(bands: BandPosterior) -> dict[str, str]:
    if not bands.systematics:
        return {}
    return {"systematics": f"{bands.systematics.label}; at their posterior medians, errors without them"}


def flux_points(bands: BandPosterior, likelihoods: BandLikelihoods | None = None) -> FluxPoints:
    """Summarise the norms of all bands as flux points.

    A norm multiplies the reference spectrum (posterior median) in one band of *reconstructed* energy; its prior is
    flat and not negative, and all bands come from one run of the sampler. This is not an unfolding.

    Parameters
    ----------
    bands : BandPosterior
    likelihoods : BandLikelihoods, optional
        From `band_likelihoods`, where they serve more than this.

    Returns
    -------
    FluxPoints
        The table follows the GADF SED format, type ``dnde``: `e_ref` (geometric centre), `e_min`, `e_max`; `dnde`,
        `flux`, `eflux`, `e2dnde` and `norm`, each with `_err` (standard deviation), `_errn`, `_errp` (68 %
        equal-tailed interval around the median) and `_ul` (one-sided 95 % quantile); `ref_dnde`, `ref_flux`,
        `ref_eflux`, `ref_e2dnde`; `ts`, `sqrt_ts`, `is_ul`; `n_on`, `n_off`, `excess`. Its metadata say what the
        limits and the significance are.
    """
    norm = np.asarray(bands.norm)
    found = likelihoods or band_likelihoods(bands)
    densities = with_absent_source(bands, found, band_densities(bands, found))
    edges = bands.edges
    columns: dict[str, Any] = {
        "e_ref": np.sqrt(edges[:-1] * edges[1:]) * ENERGY,
        "e_min": edges[:-1] * ENERGY,
        "e_max": edges[1:] * ENERGY,
    }
    norms = _norm_columns(norm, densities)
    reference = _reference(bands)
    for name, factor in reference.items():
        columns |= {f"{name}{suffix}": values * factor for suffix, values in norms.items()}
    columns |= {f"norm{suffix}": values for suffix, values in norms.items()}
    columns |= {f"ref_{name}": factor for name, factor in reference.items()}
    sqrt_ts = np.array([density.sqrt_ts for density in densities])
    columns |= {"ts": sqrt_ts**2, "sqrt_ts": sqrt_ts, "is_ul": sqrt_ts < UL_SQRT_TS, **_count_columns(bands)}
    return FluxPoints(described(QTable(columns, meta=_meta(bands)), _DESCRIPTIONS), norm, densities)


def write_flux_points(points: FluxPoints, path: str | Path) -> tuple[Path, Path]:
    """Write the table as ECSV and, beside it, the draws as netCDF; each appears whole or not at all.

    Parameters
    ----------
    points : FluxPoints
    path : path-like
        Of the table, for example ``flux_points.ecsv``; the draws get the suffix ``.nc``.

    Returns
    -------
    tuple of Path
        Table and draws.

    Raises
    ------
    FileError
        If a file cannot be written.
    """
    return write_table_and_draws(points.table, points.to_dataset(), path)
