"""Points of an unfolded spectrum, with the covariance between all of them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import xarray as xr
from astropy.table import QTable
from numpy.typing import NDArray

from bayes_onoff.columns import described
from bayes_onoff.errors import InputError
from bayes_onoff.inference import Posterior
from bayes_onoff.inference.fit_data import FitData
from bayes_onoff.models import SpectralModel, UnfoldingNodes, photons
from bayes_onoff.products.intervals import posterior_quantiles
from bayes_onoff.products.table_meta import table_meta
from bayes_onoff.products.writing import write_table_and_draws
from bayes_onoff.units import ENERGY, ENERGY_FLUX, FLUX_DENSITY, to_array

__all__ = ["UnfoldedPoints", "unfolded_points", "write_unfolded_points"]

_NOTES = {
    "dnde": "posterior median of dN/dE at e_ref, a true energy; errn and errp reach to the 16 % and 84 % quantiles",
    "covariance": "row of the covariance matrix of ln(dN/dE) between the points; ln_dnde is their mean",
    "n_signal": (
        "posterior median of the counts expected in the fitted bins from true energies between e_min and e_max; "
        "where it is small, the smoothness prior carries the spectrum on"
    ),
    "roughness": "standard deviation of the change of the photon index over a factor e in energy",
}


_DESCRIPTIONS = {
    "e_ref": "true energy",
    "e_min": "half-way to the point below",
    "e_max": "half-way to the point above",
    "dnde": "dN/dE, posterior median",
    "dnde_errn": "median less the lower end of the 68 % interval",
    "dnde_errp": "upper end of the 68 % interval less the median",
    "e2dnde": "E^2 dN/dE, posterior median",
    "e2dnde_errn": "median less the lower end of the 68 % interval",
    "e2dnde_errp": "upper end of the 68 % interval less the median",
    "ln_dnde": "posterior mean of ln(dN/dE), dN/dE in cm-2 s-1 TeV-1",
    "ln_dnde_err": "its posterior standard deviation",
    "n_signal": "expected signal counts of true energies from e_min to e_max",
    "covariance": "row of the posterior covariance of ln(dN/dE)",
}


@dataclass(frozen=True, eq=False, slots=True)
class UnfoldedPoints:
    """Points of an unfolded spectrum with their draws and covariance.

    Parameters
    ----------
    table : QTable
        One row a point; see `unfolded_points`.
    log_dnde : ndarray, shape (chain, draw, point)
        Posterior draws of ln(dN/dE / (cm-2 s-1 TeV-1)).
    """

    table: QTable
    log_dnde: NDArray[np.float64]

    @property
    def covariance(self) -> NDArray[np.float64]:
        """Covariance matrix of ln(dN/dE), shape (point, point)."""
        n_points = self.log_dnde.shape[-1]
        return np.cov(self.log_dnde.reshape(-1, n_points), rowvar=False).reshape(n_points, n_points)

    @property
    def correlation(self) -> NDArray[np.float64]:
        """Correlation matrix of ln(dN/dE), shape (point, point)."""
        sd = np.sqrt(np.diagonal(self.covariance))
        correlation: NDArray[np.float64] = self.covariance / np.outer(sd, sd)
        return correlation

    def to_dataset(self) -> xr.Dataset:
        """Draws and matrices with their energies, as they are written to netCDF."""
        energies = {name: ("point", self.table[name].value, {"units": "TeV"}) for name in ("e_ref", "e_min", "e_max")}
        natural = {"units": "", "long_name": "ln of dN/dE in cm-2 s-1 TeV-1"}
        return xr.Dataset(
            {
                "log_dnde": (("chain", "draw", "point"), self.log_dnde, natural),
                "covariance": (("point", "point_other"), self.covariance, natural),
                "correlation": (("point", "point_other"), self.correlation, {"units": ""}),
            },
            coords=energies,
            attrs={key: str(value) for key, value in self.table.meta.items()},
        )


def _unfolded_component(model: SpectralModel) -> SpectralModel | None:
    if isinstance(model.table, UnfoldingNodes):
        return model
    return next(filter(None, map(_unfolded_component, model.components)), None)


def _edges(energies: NDArray[np.float64]) -> NDArray[np.float64]:
    """Half-way in ln E between the points, and half a step beyond the ends."""
    x = np.log(energies)
    steps = np.diff(x) / 2
    return np.exp(np.concatenate([[x[0] - steps[0]], x[:-1] + steps, [x[-1] + steps[-1]]]))


def _signal_counts(posterior: Posterior, edges: NDArray[np.float64]) -> NDArray[np.float64]:
    """Posterior median of the signal counts in the fitted bins from each range of true energies, shape (point,)."""
    data = FitData.from_spectra(posterior.spectra)
    counts = photons(posterior.model, posterior.values, data.energy_true.edges) * data.response.sum(axis=(0, 1))
    members = np.searchsorted(edges, data.energy_true.centers) - 1 == np.arange(len(edges) - 1)[:, None]
    found: NDArray[np.float64] = np.median(counts @ members.T, axis=(0, 1))
    return found


def unfolded_points(posterior: Posterior, energy: u.Quantity | None = None) -> UnfoldedPoints:
    """Tabulate an unfolded spectrum at some true energies, with the covariance between them.

    Unlike flux points, which are norms in bands of reconstructed energy, these are values of dN/dE at true energies,
    corrected for the energy dispersion and tied together by the learned smoothness: they must be used with their
    covariance.

    Parameters
    ----------
    posterior : Posterior
        Of a model with the shape ``unfolded``, alone or in a sum or product.
    energy : Quantity, shape (point,), optional
        Rising true energies, at least two; by default those of the nodes.

    Returns
    -------
    UnfoldedPoints
        The table: `e_ref`, `e_min`, `e_max` (half-way to the neighbours); `dnde` and `e2dnde` (medians), each with
        `_errn`, `_errp` (68 %, equal-tailed); `ln_dnde` and `ln_dnde_err` (mean and standard deviation of the
        logarithm of dN/dE in cm-2 s-1 TeV-1); `n_signal`, the counts behind the point; `covariance`, a row of the
        matrix of ln(dN/dE). The metadata hold median and 68 % interval of the `roughness`, where it is free.

    Raises
    ------
    InputError
        If no component of the model is unfolded, or the energies are not rising and positive.
    """
    component = _unfolded_component(posterior.model)
    if component is None:
        raise InputError(
            "no unfolded spectrum", place="posterior.model", found=posterior.model.label, allowed="shape unfolded"
        )
    assert isinstance(component.table, UnfoldingNodes)
    nodes = np.array(component.table.energy)
    energies = nodes if energy is None else np.atleast_1d(to_array(energy, ENERGY, "energy"))
    if energies.ndim != 1 or len(energies) < 2 or not (energies[0] > 0 and np.all(np.diff(energies) > 0)):
        raise InputError("not rising energies", place="energy", found=str(energy), allowed="at least two above 0 TeV")
    values = {name: draws[..., None] for name, draws in posterior.values.items()}
    dnde = np.asarray(posterior.model.dnde(energies, values))
    with np.errstate(divide="ignore"):
        log_dnde = np.log(dnde)
    quantiles = posterior_quantiles(dnde)
    edges = _edges(energies)
    columns: dict[str, Any] = {
        "e_ref": energies * ENERGY,
        "e_min": edges[:-1] * ENERGY,
        "e_max": edges[1:] * ENERGY,
    }
    flux = {
        "": quantiles["median"] * FLUX_DENSITY,
        "_errn": (quantiles["median"] - quantiles["eti68_lower"]) * FLUX_DENSITY,
        "_errp": (quantiles["eti68_upper"] - quantiles["median"]) * FLUX_DENSITY,
    }
    columns |= {f"dnde{suffix}": value for suffix, value in flux.items()}
    columns |= {f"e2dnde{s}": (columns["e_ref"] ** 2 * value).to(ENERGY_FLUX) for s, value in flux.items()}
    columns |= {"ln_dnde": log_dnde.mean(axis=(0, 1)), "ln_dnde_err": log_dnde.std(axis=(0, 1), ddof=1)}
    points = UnfoldedPoints(QTable(columns), log_dnde)
    table = points.table
    table["n_signal"] = _signal_counts(posterior, edges)
    table["covariance"] = points.covariance
    described(table, _DESCRIPTIONS)
    table.meta |= _meta(posterior, component)
    return points


def _meta(posterior: Posterior, component: SpectralModel) -> dict[str, Any]:
    name = f"{component.name}_roughness" if component.name else "roughness"
    meta = {"SED_TYPE": "dnde", **table_meta(posterior)}
    if name in posterior.values:
        quantiles = posterior_quantiles(posterior.values[name])
        for key in ("median", "eti68_lower", "eti68_upper", "eti95_upper"):
            meta[f"roughness_{key}"] = float(quantiles[key])
    return meta | {f"note_{key}": note for key, note in _NOTES.items()}


def write_unfolded_points(points: UnfoldedPoints, path: str | Path) -> tuple[Path, Path]:
    """Write the table as ECSV and, beside it, draws and matrices as netCDF; each appears whole or not at all.

    Parameters
    ----------
    points : UnfoldedPoints
    path : path-like
        Of the table, for example ``unfolded.ecsv``; the draws get the suffix ``.nc``.

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
