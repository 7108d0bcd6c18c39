"""Light curves: the flux of each group of runs with and without its population, and how much the source varies."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from astropy.table import QTable
from numpy.typing import NDArray

from bayes_onoff.axes import GROUP_DIM
from bayes_onoff.columns import described
from bayes_onoff.errors import InputError
from bayes_onoff.inference.fit_data import FitData
from bayes_onoff.inference.group_norms import GroupNorms
from bayes_onoff.inference.light_curve import LightCurvePosterior
from bayes_onoff.inference.population import PopulationSignal, population_geometry
from bayes_onoff.models import photons
from bayes_onoff.products.band_likelihood import band_densities
from bayes_onoff.products.flux_points import UL_CONFIDENCE, UL_SQRT_TS
from bayes_onoff.products.intervals import posterior_quantiles
from bayes_onoff.products.scatter import (
    HINT,
    SHOWN,
    bayes_factor_in_words,
    fractional_scatter,
    scatter_bayes_factor,
    summarised,
)
from bayes_onoff.products.table_meta import background_name
from bayes_onoff.products.writing import write_table_and_draws
from bayes_onoff.units import ENERGY, FLUX

__all__ = [
    "LightCurve",
    "fractional_variability",
    "group_fluxes",
    "light_curve",
    "variability_bayes_factor",
    "write_light_curve",
]

_DESCRIPTIONS = {
    "name": "runs, night, bin in time, or instrument",
    "time_min": "start of the first good time, MJD (TT)",
    "time_max": "end of the last good time, MJD (TT)",
    "time_mid": "centre between the two, MJD (TT)",
    "e_ref": "geometric centre of the band",
    "e_min": "lower edge of the band",
    "e_max": "upper edge of the band",
    "flux": "photon flux of the group alone: median of a free norm (flat prior, not negative) times the reference",
    "flux_err": "standard deviation",
    "flux_errn": "median less lower end of the 68 % interval",
    "flux_errp": "upper end of the 68 % interval less median",
    "flux_ul": "one-sided 95 % upper limit",
    "ts": "twice the marginal log-likelihood ratio between the best norm and zero",
    "sqrt_ts": "square root of twice the marginal log-likelihood ratio between the best norm and zero",
    "is_ul": f"sqrt_ts is below {UL_SQRT_TS:g}",
    "excess": "n_on - alpha n_off",
    "flux_shrunk": "photon flux drawn from the population of all groups: median",
    "flux_shrunk_errn": "median less lower end of the 68 % interval",
    "flux_shrunk_errp": "upper end of the 68 % interval less median",
}


@dataclass(frozen=True, eq=False, slots=True)
class LightCurve:
    """Fluxes of groups of runs with their draws, and the variability behind them.

    Parameters
    ----------
    table : QTable
        One row a group; see `light_curve`.
    shrunk : ndarray, shape (chain, draw, group)
        Draws of the fluxes that are drawn from a population, cm-2 s-1.
    unshrunk : ndarray, shape (chain, draw, group)
        Draws of the fluxes with a free norm each, cm-2 s-1.
    variability : mapping of str to ndarray, shape (chain, draw)
        Draws of `fvar_population` and `fvar_sample`; see `fractional_variability`.
    """

    table: QTable
    shrunk: NDArray[np.float64]
    unshrunk: NDArray[np.float64]
    variability: dict[str, NDArray[np.float64]]

    @property
    def covariance(self) -> NDArray[np.float64]:
        """Posterior covariance of the shrunk fluxes, (cm-2 s-1)**2, shape (group, group)."""
        n_groups = self.shrunk.shape[-1]
        # In units of their mean: the squares of fluxes are small enough to lose digits.
        scale = self.shrunk.mean()
        return np.cov(self.shrunk.reshape(-1, n_groups) / scale, rowvar=False) * scale**2

    def to_dataset(self) -> xr.Dataset:
        """Draws and covariance with their units, as they are written to netCDF."""
        sample = ("chain", "draw")
        units = {"units": FLUX.to_string()}
        variables: dict[str, Any] = {name: (sample, draws) for name, draws in self.variability.items()}
        variables |= {
            "flux_shrunk": ((*sample, GROUP_DIM), self.shrunk, units),
            "flux": ((*sample, GROUP_DIM), self.unshrunk, units),
            "covariance": ((GROUP_DIM, f"{GROUP_DIM}_other"), self.covariance, {"units": (FLUX**2).to_string()}),
        }
        coords: dict[str, Any] = {GROUP_DIM: [str(name) for name in self.table["name"]]}
        coords |= {name: (GROUP_DIM, np.asarray(self.table[name])) for name in ("time_min", "time_max")}
        return xr.Dataset(variables, coords, attrs={key: str(value) for key, value in self.table.meta.items()})


def fractional_variability(posterior: LightCurvePosterior, flux: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    """Draws of the fractional variability F_var: standard deviation over mean of the intrinsic flux.

    Parameters
    ----------
    posterior : LightCurvePosterior
    flux : ndarray, shape (chain, draw, group)
        Draws of the fluxes.

    Returns
    -------
    dict
        (chain, draw) each: `fvar_population`, of the log-normal population, ``sqrt(exp(scatter**2) - 1)``: what the
        source does; `fvar_sample`, of the fluxes of these groups (n - 1 in the variance, as Vaughan et al. 2003,
        doi:10.1046/j.1365-2966.2003.07042.x): what it did.
    """
    return {
        "fvar_population": fractional_scatter(posterior.draws("scatter")),
        "fvar_sample": flux.std(axis=-1, ddof=1) / flux.mean(axis=-1),
    }


def variability_bayes_factor(posterior: LightCurvePosterior) -> tuple[float, bool]:
    """Weigh a scattering against a constant flux; see `scatter_bayes_factor`."""
    data = FitData.from_spectra(posterior.spectra)
    signal = PopulationSignal(posterior.model, posterior.population, posterior.groups)
    information = population_geometry(data, signal)["flux_information"].sum()
    return scatter_bayes_factor(posterior.draws("scatter"), posterior.population.scatter, float(information))


def _variability_meta(
    posterior: LightCurvePosterior, variability: dict[str, NDArray[np.float64]]
) -> dict[str, str | float]:
    meta: dict[str, str | float] = {}
    for name, draws in variability.items():
        meta |= summarised(name, draws)
    factor, is_limit = variability_bayes_factor(posterior)
    known = bayes_factor_in_words(factor, is_limit)
    name = "fvar_population"
    interval = (
        f"F_var = {meta[f'{name}_median']:.2g} ({meta[f'{name}_eti68_lower']:.2g} to "
        f"{meta[f'{name}_eti68_upper']:.2g}, 68 %)"
    )
    if factor >= SHOWN:
        sentence = f"The data show variability (Bayes factor {known}): {interval}."
    elif factor >= HINT:
        sentence = f"The data hint at variability (Bayes factor {known}): {interval}."
    else:
        sentence = f"The data do not show variability: F_var < {meta[f'{name}_ul95']:.2g} (95 %)."
    return meta | {
        "bayes_factor": factor,
        "sentence": sentence,
        "note_population": (
            "ln(flux) of the groups is normal, its standard deviation (scatter) learned, its prior "
            f"{posterior.population.scatter}; the amplitude of the spectrum is the mean flux; "
            "F_var = sqrt(exp(scatter**2) - 1)"
        ),
        "note_bayes_factor": "of a variable over a constant flux, for the stated prior of the scatter",
    }


def _times(norms: GroupNorms) -> dict[str, NDArray[np.float64]]:
    """First start and last stop of each group, MJD in TT; NaN where good time is not known."""
    spectra = norms.bands.spectra
    start, stop = np.full(len(norms.groups), np.nan), np.full(len(norms.groups), np.nan)
    for run, group in zip(spectra, norms.groups.group_of_run, strict=True):
        if len(run.gti):
            start[group] = np.fmin(start[group], run.gti[:, 0].min())
            stop[group] = np.fmax(stop[group], run.gti[:, 1].max())
    return {"time_min": start, "time_max": stop, "time_mid": (start + stop) / 2}


def _in_time(norms: GroupNorms) -> NDArray[np.int64]:
    """Order of the groups: that of their times where all are known."""
    start = _times(norms)["time_min"]
    return np.arange(len(start)) if np.isnan(start).any() else np.argsort(start, kind="stable")


def _norm_draws(norms: GroupNorms) -> NDArray[np.float64]:
    """Draws of the norms, (chain, draw, group, band); NaN where there is none."""
    draws = norms.bands.norm[..., norms.index]
    return np.where(norms.index >= 0, draws, np.nan)


def _reference_flux(norms: GroupNorms) -> NDArray[np.float64]:
    bands = norms.bands
    flux: NDArray[np.float64] = photons(bands.model, bands.values, bands.edges)
    return flux


def group_fluxes(norms: GroupNorms) -> QTable:
    """Tabulate the flux of each group and band with a free norm: a light curve, unshrunk, in bands of energy.

    Parameters
    ----------
    norms : GroupNorms

    Returns
    -------
    QTable
        One row a group, in time where times are known; energy and flux columns have the shape (row, band), as in
        gammapy's light curves. `name`, `time_min`, `time_max`, `time_mid` (MJD, TT); `e_ref`, `e_min`, `e_max`;
        `flux` with `_err` (standard deviation), `_errn`, `_errp` (68 % equal-tailed interval around the median) and
        `_ul` (one-sided 95 % quantile); `ts`, `sqrt_ts`, `is_ul`; `n_on`, `n_off`, `excess`. NaN where no analysed
        bin of a group and band expects any signal.
    """
    bands, order = norms.bands, _in_time(norms)
    densities = band_densities(bands)
    reference = _reference_flux(norms)

    def of_cells(values: NDArray[np.float64]) -> NDArray[np.float64]:
        found: NDArray[np.float64] = np.where(norms.index >= 0, values[norms.index], np.nan)[order]
        return found

    quantiles = posterior_quantiles(bands.norm)
    columns: dict[str, Any] = {"name": np.array(norms.groups.names)[order]}
    columns |= {name: values[order] for name, values in _times(norms).items()}
    for name, energy in zip(("e_ref", "e_min", "e_max"), _band_energies(bands.edges), strict=True):
        columns[name] = np.tile(energy, (len(order), 1)) * ENERGY
    for suffix, values in (
        ("", quantiles["median"]),
        ("_err", bands.norm.std(axis=(0, 1), ddof=1)),
        ("_errn", quantiles["median"] - quantiles["eti68_lower"]),
        ("_errp", quantiles["eti68_upper"] - quantiles["median"]),
        ("_ul", np.array([density.quantile(UL_CONFIDENCE) for density in densities])),
    ):
        columns[f"flux{suffix}"] = of_cells(values) * reference * FLUX
    sqrt_ts = of_cells(np.array([density.sqrt_ts for density in densities]))
    columns |= {"ts": sqrt_ts**2, "sqrt_ts": sqrt_ts, "is_ul": ~(sqrt_ts >= UL_SQRT_TS)}
    columns |= {name: values[order] for name, values in _counts(norms).items()}
    return described(QTable(columns, meta=_meta(norms)), _DESCRIPTIONS)


def _band_energies(edges: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...]:
    return np.sqrt(edges[:-1] * edges[1:]), edges[:-1], edges[1:]


def _counts(norms: GroupNorms) -> dict[str, NDArray[Any]]:
    """Add up the counts of each group and band, (group, band)."""
    data = FitData.from_spectra(norms.bands.spectra)
    cells = np.arange(norms.index.max() + 1)[:, None, None]
    members = (norms.bands.band_of_bin == cells) & data.mask
    arrays = {"n_on": data.n_on, "n_off": data.n_off, "excess": data.n_on - data.alpha * data.n_off}
    sums = {name: np.where(members, array, 0).sum(axis=(1, 2)) for name, array in arrays.items()}
    return {name: np.where(norms.index >= 0, values[norms.index], 0) for name, values in sums.items()}


def _meta(norms: GroupNorms) -> dict[str, Any]:
    bands = norms.bands
    reference = {"shape": bands.model.shape_name, "reference_energy": f"{bands.model.reference:g} TeV"}
    for parameter in bands.model.parameters:
        reference[parameter.name] = f"{float(bands.values[parameter.name]):.6g} {parameter.unit}".strip()
    return {
        "SED_TYPE": "flux",
        "UL_CONF": UL_CONFIDENCE,
        "MJDREFI": 0,
        "MJDREFF": 0.0,
        "TIMESYS": "tt",
        "TIMEUNIT": "d",
        "reference_model": reference,
        "background": background_name(bands.background),
        "note_flux": "flux is that of each group alone: a free norm times the reference spectrum, prior flat",
        "converged": bool(bands.convergence.converged),
        "convergence": bands.convergence.sentence,
    }


def light_curve(posterior: LightCurvePosterior, norms: GroupNorms) -> LightCurve:
    """Put shrunk and unshrunk fluxes side by side, and say whether the source varies.

    Parameters
    ----------
    posterior : LightCurvePosterior
        Fluxes drawn from a population.
    norms : GroupNorms
        A free norm for each of the same groups, in one band; its edges are the range of the flux.

    Returns
    -------
    LightCurve
        The table has the columns of `group_fluxes` and `flux_shrunk`, `flux_shrunk_errn`, `flux_shrunk_errp` (68 %
        equal-tailed interval around the median). Its metadata say in a `sentence` whether the data show variability,
        with the Bayes factor and median, 68 % interval and one-sided 95 % limit of both kinds of F_var.

    Raises
    ------
    InputError
        If the groups differ, or the norms are in several bands.
    """
    if norms.groups.names != posterior.groups.names or norms.index.shape[1] != 1:
        raise InputError(
            "not the same light curve with and without a population",
            place="light_curve",
            found=f"{', '.join(norms.groups.names)} in {norms.index.shape[1]} bands",
            allowed=f"{', '.join(posterior.groups.names)} in one band",
        )
    order = _in_time(norms)
    shrunk = posterior.flux(norms.bands.edges)[..., order]
    unshrunk = (_norm_draws(norms) * _reference_flux(norms))[..., order, 0]
    variability = fractional_variability(posterior, shrunk)
    table = group_fluxes(norms)
    quantiles = posterior_quantiles(shrunk)
    for suffix, values in (
        ("", quantiles["median"]),
        ("_errn", quantiles["median"] - quantiles["eti68_lower"]),
        ("_errp", quantiles["eti68_upper"] - quantiles["median"]),
    ):
        table[f"flux_shrunk{suffix}"] = values[:, None] * FLUX
    table.meta |= _variability_meta(posterior, variability)
    both = (posterior.convergence, norms.bands.convergence)
    table.meta["converged"] = all(convergence.converged for convergence in both)
    table.meta["convergence"] = " ".join(convergence.sentence for convergence in both)
    return LightCurve(described(table, _DESCRIPTIONS), shrunk, unshrunk, variability)


def write_light_curve(curve: LightCurve, path: str | Path) -> tuple[Path, Path]:
    """Write the table as ECSV and, beside it, draws and covariance as netCDF; each appears whole or not at all.

    Parameters
    ----------
    curve : LightCurve
    path : path-like
        Of the table, for example ``light_curve.ecsv``; the draws get the suffix ``.nc``.

    Returns
    -------
    tuple of Path
        Table and draws.

    Raises
    ------
    FileError
        If a file cannot be written.
    """
    return write_table_and_draws(curve.table, curve.to_dataset(), path)
