"""Shapes that stand on a table: a template spectrum, a piecewise factor, an optical depth.

A table is plain data, so that a model with one can be stored beside its posterior.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, Protocol, Self

import astropy.units as u
import numpy as np
from numpy.typing import NDArray

from bayes_onoff.errors import InputError
from bayes_onoff.models.interpolation import hat, lines, namespace, positive_energies, rising
from bayes_onoff.models.parameters import TILT, Parameter
from bayes_onoff.models.priors import LogNormal, LogNormal10, Uniform
from bayes_onoff.models.shape import Shape
from bayes_onoff.models.unfolding import UnfoldingNodes
from bayes_onoff.units import ENERGY, FLUX_DENSITY, to_array

__all__ = ["TABLES", "NormNodes", "OpticalDepth", "Table", "TemplateSpectrum", "table_from_dict"]


TELESCOPE_RANGE = (0.005, 300.0)
"""Energies, TeV, for which a thinned table of optical depths is made."""


class Table(Protocol):
    """What a tabulated shape stands on."""

    def shape(self) -> Shape:
        """Make the shape."""

    def to_dict(self) -> dict[str, Any]:
        """Give the plain data from which `table_from_dict` rebuilds the table."""


@dataclass(frozen=True)
class NormNodes:
    """Energies between which ``piecewise-norm`` runs as a power law; beyond the ends it stays constant.

    Parameters
    ----------
    energy : tuple of float
        TeV, rising; parameter ``norm_k`` is the factor at the k-th, counted from 0.

    Raises
    ------
    InputError
        If the energies are not positive and rising, or fewer than two.
    """

    energy: tuple[float, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "energy", positive_energies(self.energy, "model.nodes"))

    @lru_cache(maxsize=32)  # noqa: B019 - frozen plain data
    def shape(self) -> Shape:
        """Make the shape ``piecewise-norm``."""
        nodes = np.log(self.energy)

        def dnde(xp: Any, energy: Any, reference: float, values: Mapping[str, Any]) -> Any:
            del reference
            space = namespace(xp, energy)
            log_energy = space.log(energy)
            return xp.exp(sum(hat(space, log_energy, nodes, k) * xp.log(values[f"norm_{k}"]) for k in count))

        count = range(len(nodes))
        parameters = tuple(
            Parameter(
                f"norm_{k}",
                "",
                LogNormal10(1.0, 0.5),
                1.0,
                f"$n_{{{k}}}$",
                f"factor at {energy:g} TeV; a factor of three either way within one standard deviation",
            )
            for k, energy in enumerate(self.energy)
        )
        formula = r"\exp(\mathrm{interp}(\log E;\ \log E_k, \log n_k))"
        return Shape(
            "piecewise-norm",
            parameters,
            formula,
            dnde,
            "gammapy `piecewise-norm`, interpolated in logarithms",
            "piecewise",
            is_factor=True,
            nodes=self.energy,
        )

    def to_dict(self) -> dict[str, Any]:
        """Give the plain data."""
        return {"energy": list(self.energy)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Rebuild from `to_dict`."""
        return cls(tuple(data["energy"]))


@dataclass(frozen=True)
class TemplateSpectrum:
    """A tabulated spectrum: power laws between its points, and beyond its ends the first and the last of them.

    Parameters
    ----------
    energy : tuple of float
        TeV, rising.
    dnde : tuple of float
        Positive, cm-2 s-1 TeV-1.
    name : str
        Where it comes from.

    Raises
    ------
    InputError
        If the energies are not positive and rising, or a flux is not positive.
    """

    energy: tuple[float, ...]
    dnde: tuple[float, ...]
    name: str = "template"

    def __post_init__(self) -> None:
        object.__setattr__(self, "energy", positive_energies(self.energy, f"{self.name}: energy"))
        flux = np.asarray(self.dnde, dtype=float)
        if flux.shape != (len(self.energy),) or not np.all(np.isfinite(flux) & (flux > 0)):
            raise InputError(
                "not a positive flux at every energy",
                place=f"{self.name}: dnde",
                found=f"{np.sum(~(flux > 0))} of {flux.size} that are not, for {len(self.energy)} energies",
            )
        object.__setattr__(self, "dnde", tuple(flux.tolist()))

    @classmethod
    def from_quantities(cls, energy: u.Quantity, dnde: u.Quantity, name: str = "template") -> Self:
        """Take arrays with units.

        Raises
        ------
        InputError
            If a unit is of the wrong kind, or the values are no spectrum.
        """
        energies = to_array(energy, ENERGY, f"{name}: energy")
        return cls(tuple(energies), tuple(to_array(dnde, FLUX_DENSITY, f"{name}: dnde")), name)

    @lru_cache(maxsize=32)  # noqa: B019 - frozen plain data
    def shape(self) -> Shape:
        """Make the shape ``template``."""
        nodes, log_flux = np.log(self.energy), np.log(self.dnde)

        def dnde(xp: Any, energy: Any, reference: float, values: Mapping[str, Any]) -> Any:
            log_energy = namespace(xp, energy).log(energy)
            log_dnde = lines(xp, log_energy, nodes, log_flux)
            return values["norm"] * xp.exp(log_dnde - values["tilt"] * (log_energy - np.log(reference)))

        norm = Parameter("norm", "", LogNormal10(1.0, 1.0), 1.0, r"$n$", "factor on the template; a decade either side")
        tilt = Parameter("tilt", "", TILT.prior, 0.0, TILT.label, TILT.description, free=False)
        return Shape(
            "template",
            (norm, tilt),
            r"n\,T(E)\,(E/E_0)^{-\Delta\Gamma}",
            dnde,
            self.name,
            "template",
            nodes=self.energy,
        )

    def to_dict(self) -> dict[str, Any]:
        """Give the plain data."""
        return {"energy": list(self.energy), "dnde": list(self.dnde), "name": self.name}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Rebuild from `to_dict`."""
        return cls(tuple(data["energy"]), tuple(data["dnde"]), data["name"])


def _thinned(values: NDArray[np.float64], low: float, high: float, most: int) -> NDArray[np.int64]:
    """Choose at most `most` values from `low` to `high` and four more on either side, by index."""
    first = max(int(np.searchsorted(values, low)) - 4, 0)
    last = min(int(np.searchsorted(values, high)) + 4, len(values)) - 1
    return np.unique(np.round(np.linspace(min(first, last - 1), last, min(most, last - first + 1))).astype(int))


@dataclass(frozen=True)
class OpticalDepth:
    """Optical depth of the extragalactic background light, tabulated in energy and redshift.

    Between energies tau runs linearly in ln(energy), as in ebltable and gammapy; in redshift it is a natural cubic
    spline through the table and tau = 0 at redshift 0, so that a free redshift has a smooth posterior. Beyond the
    table both continue in straight lines; tau is never negative.

    Parameters
    ----------
    energy : tuple of float
        TeV, rising.
    redshift : tuple of float
        Rising, above 0.
    tau : tuple of tuple of float
        (energy, redshift).
    name : str
        Of the model, with its origin.

    Raises
    ------
    InputError
        If the table is not of that form.
    """

    energy: tuple[float, ...]
    redshift: tuple[float, ...]
    tau: tuple[tuple[float, ...], ...]
    name: str

    def __post_init__(self) -> None:
        energy = positive_energies(self.energy, f"{self.name}: energy")
        redshift = rising(self.redshift, f"{self.name}: redshift", least=1)
        tau = np.asarray(self.tau, dtype=float)
        if redshift[0] <= 0:
            raise InputError("not a positive redshift", place=f"{self.name}: redshift", found=redshift[0])
        if tau.shape != (len(energy), len(redshift)) or not np.all(np.isfinite(tau)):
            raise InputError(
                "not a finite optical depth at every energy and redshift",
                place=f"{self.name}: tau",
                found=f"shape {tau.shape}",
                allowed=f"shape {(len(energy), len(redshift))}",
            )
        object.__setattr__(self, "energy", energy)
        object.__setattr__(self, "redshift", redshift)
        object.__setattr__(self, "tau", tuple(map(tuple, tau.tolist())))

    @cached_property
    def _spline(self) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """The spline as tau = slope z + sum of jump max(z - node, 0)^3: nodes from 0, slope (energy,), jumps.

        A natural spline's third derivative is constant between nodes and 0 beyond them; its jumps have shape
        (energy, node).
        """
        from scipy.interpolate import CubicSpline

        z = np.concatenate([[0.0], self.redshift])
        tau = np.concatenate([np.zeros((len(self.energy), 1)), np.asarray(self.tau)], axis=1)
        if len(z) == 2:
            return z, tau[:, 1] / z[1], np.zeros_like(tau)
        spline = CubicSpline(z, tau, axis=1, bc_type="natural")
        third = np.diff(spline(z, 2), axis=1) / np.diff(z)
        jumps = np.diff(third, axis=1, prepend=0.0, append=0.0) / 6
        return z, np.asarray(spline(0.0, 1)), jumps

    def near(self, low: float, high: float, *, n_redshifts: int = 30, n_energies: int = 250) -> Self:
        """Keep what redshifts between `low` and `high` and energies of Cherenkov telescopes need, thinned to few."""
        z, energy = np.asarray(self.redshift), np.asarray(self.energy)
        kept = _thinned(z, low, high, n_redshifts)
        rows = _thinned(energy, *TELESCOPE_RANGE, n_energies)
        tau = np.asarray(self.tau)[np.ix_(rows, kept)]
        return type(self)(tuple(energy[rows]), tuple(z[kept]), tuple(map(tuple, tau)), self.name)

    def _depth(self, xp: Any, energy: Any, redshift: Any) -> Any:
        """Compute tau; redshift a scalar, or an array that NumPy broadcasts against energy."""
        z, slope, jumps = self._spline
        nodes, log_energy = np.log(self.energy), namespace(xp, energy).log(energy)
        space = namespace(xp, redshift)
        if space is np and np.ndim(redshift):  # draws: one redshift of the table after another saves memory
            depth = lines(np, log_energy, nodes, slope) * redshift
            for node, jump in zip(z, jumps.T, strict=True):
                depth = depth + lines(np, log_energy, nodes, jump) * np.maximum(redshift - node, 0.0) ** 3
        else:
            at_nodes = slope * redshift + (jumps * space.maximum(redshift - z, 0.0) ** 3).sum(axis=-1)
            depth = lines(xp, log_energy, nodes, at_nodes)
        return namespace(xp, depth).maximum(depth, 0.0)

    @lru_cache(maxsize=32)  # noqa: B019 - frozen plain data
    def shape(self) -> Shape:
        """Make the shape ``ebl-absorption``."""

        def transmission(xp: Any, energy: Any, reference: float, values: Mapping[str, Any]) -> Any:
            del reference
            return xp.exp(-values["alpha_norm"] * self._depth(xp, energy, values["redshift"]))

        highest = min(self.redshift[-1], 1.0)
        parameters = (
            Parameter(
                "redshift",
                "",
                Uniform(0.0, highest),
                min(0.1, highest / 2),
                r"$z$",
                "redshift of the source; a value or a prior must be given",
                stated=True,
            ),
            Parameter(
                "alpha_norm",
                "",
                LogNormal(1.0, 0.3),
                1.0,
                r"$\alpha_\mathrm{EBL}$",
                "factor on the optical depth; fixed unless given a prior, models of today agree to about 30 %",
                free=False,
            ),
        )
        return Shape(
            "ebl-absorption",
            parameters,
            r"e^{-\alpha_\mathrm{EBL}\,\tau(E, z)}",
            transmission,
            self.name,
            "ebl",
            is_factor=True,
            nodes=self.energy,
        )

    def to_dict(self) -> dict[str, Any]:
        """Give the plain data."""
        return {
            "energy": list(self.energy),
            "redshift": list(self.redshift),
            "tau": [list(row) for row in self.tau],
            "name": self.name,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Rebuild from `to_dict`."""
        return cls(tuple(data["energy"]), tuple(data["redshift"]), tuple(map(tuple, data["tau"])), data["name"])


TABLES: dict[str, type[NormNodes | TemplateSpectrum | OpticalDepth | UnfoldingNodes]] = {
    "piecewise-norm": NormNodes,
    "unfolded": UnfoldingNodes,
    "template": TemplateSpectrum,
    "ebl-absorption": OpticalDepth,
}
"""The kind of table that each tabulated shape needs."""


def table_from_dict(shape_name: str, data: Mapping[str, Any]) -> Table:
    """Rebuild the table of a shape from its `to_dict`."""
    return TABLES[shape_name].from_dict(data)
