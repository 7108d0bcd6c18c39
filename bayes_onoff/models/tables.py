"""Shapes that stand on a table: a template spectrum, a piecewise factor, an optical depth.

A table is plain data, so that a model with one can be stored beside its posterior.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, Protocol, Self

import astropy.units as u
import numpy as np
from numpy.typing import NDArray

from bayes_onoff.errors import InputError
from bayes_onoff.models.parameters import TILT, Parameter
from bayes_onoff.models.priors import LogNormal, LogNormal10, Uniform
from bayes_onoff.models.shape import Shape
from bayes_onoff.units import ENERGY, FLUX_DENSITY, to_array

__all__ = ["TABLES", "NormNodes", "OpticalDepth", "Table", "TemplateSpectrum", "table_from_dict"]


class Table(Protocol):
    """What a tabulated shape stands on."""

    def shape(self) -> Shape:
        """Make the shape."""

    def to_dict(self) -> dict[str, Any]:
        """Give the plain data from which `table_from_dict` rebuilds the table."""


def _rising(values: Sequence[float], place: str, least: int = 2) -> tuple[float, ...]:
    array = np.asarray(values, dtype=float)
    if array.ndim != 1 or len(array) < least or not np.all(np.isfinite(array)) or not np.all(np.diff(array) > 0):
        raise InputError("not a list of rising numbers", place=place, found=str(values), allowed=f"at least {least}")
    return tuple(array.tolist())


def _positive_energies(values: Sequence[float], place: str) -> tuple[float, ...]:
    energies = _rising(values, place)
    if energies[0] <= 0:
        raise InputError("not a positive energy", place=place, found=energies[0], allowed="above 0 TeV")
    return energies


def _hat(xp: Any, x: Any, nodes: NDArray[np.float64], k: int) -> Any:
    """Weight of node `k` in linear interpolation between nodes; the end nodes hold beyond the ends."""
    weight = None
    if k > 0:
        weight = xp.clip((x - nodes[k - 1]) / (nodes[k] - nodes[k - 1]), 0.0, 1.0)
    if k < len(nodes) - 1:
        falling = xp.clip((nodes[k + 1] - x) / (nodes[k + 1] - nodes[k]), 0.0, 1.0)
        weight = falling if weight is None else xp.minimum(weight, falling)
    return weight


def _hinges(xp: Any, x: Any, nodes: NDArray[np.float64]) -> list[Any]:
    """Functions of which a line through nodes is a sum: 1, x, and max(x - node, 0) of each inner node."""
    return [xp.ones_like(x), x - nodes[0], *(xp.maximum(x - node, 0.0) for node in nodes[1:-1])]


def _hinge_coefficients(nodes: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Coefficients of `_hinges` for lines through `values` (node, ...), continued beyond the ends."""
    slopes = np.diff(values, axis=0) / np.diff(nodes).reshape(-1, *(1,) * (values.ndim - 1))
    return np.concatenate([values[:1], slopes[:1], np.diff(slopes, axis=0)])


def _lines(xp: Any, x: Any, nodes: NDArray[np.float64], values: NDArray[np.float64]) -> Any:
    """Interpolate lines through the nodes, continued beyond the ends; at constants with NumPy whatever `xp`."""
    if _space(xp, x) is np:
        i = np.clip(np.searchsorted(nodes, x) - 1, 0, len(nodes) - 2)
        slope = (values[i + 1] - values[i]) / (nodes[i + 1] - nodes[i])
        return values[i] + slope * (x - nodes[i])
    return sum(c * f for c, f in zip(_hinge_coefficients(nodes, values), _hinges(xp, x, nodes), strict=True))


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
        object.__setattr__(self, "energy", _positive_energies(self.energy, "model.nodes"))

    @lru_cache(maxsize=32)  # noqa: B019 - frozen plain data
    def shape(self) -> Shape:
        """Make the shape ``piecewise-norm``."""
        nodes = np.log(self.energy)

        def dnde(xp: Any, energy: Any, reference: float, values: Mapping[str, Any]) -> Any:
            del reference
            space = _space(xp, energy)
            log_energy = space.log(energy)
            return xp.exp(sum(_hat(space, log_energy, nodes, k) * xp.log(values[f"norm_{k}"]) for k in count))

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


def _space(xp: Any, value: Any) -> Any:
    """Choose the namespace for a value: constants are worked out with NumPy."""
    return np if isinstance(value, np.ndarray | np.generic | float | int) else xp


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
        object.__setattr__(self, "energy", _positive_energies(self.energy, f"{self.name}: energy"))
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
            log_energy = _space(xp, energy).log(energy)
            log_dnde = _lines(xp, log_energy, nodes, log_flux)
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
        energy = _positive_energies(self.energy, f"{self.name}: energy")
        redshift = _rising(self.redshift, f"{self.name}: redshift", least=1)
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
    def _spline(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Redshifts from 0, and second derivatives by redshift at them, (energy, redshift)."""
        from scipy.interpolate import CubicSpline

        redshift = np.concatenate([[0.0], self.redshift])
        tau = np.concatenate([np.zeros((len(self.energy), 1)), np.asarray(self.tau)], axis=1)
        if len(redshift) == 2:
            return redshift, np.zeros_like(tau)
        spline = CubicSpline(redshift, tau, axis=1, bc_type="natural")
        return redshift, np.asarray(spline(redshift, 2))

    def near(self, low: float, high: float, n_redshifts: int = 30) -> Self:
        """Keep the redshifts needed between `low` and `high`, at most `n_redshifts`; the others are thinned out."""
        z = np.asarray(self.redshift)
        first = max(int(np.searchsorted(z, low)) - 4, 0)
        last = min(int(np.searchsorted(z, high)) + 4, len(z))
        kept = np.unique(np.round(np.linspace(first, last - 1, min(n_redshifts, last - first))).astype(int))
        tau = np.asarray(self.tau)[:, kept]
        return type(self)(self.energy, tuple(z[kept]), tuple(map(tuple, tau)), self.name)

    def _depth(self, xp: Any, energy: Any, redshift: Any) -> Any:
        """Compute tau: linear in ln(energy), the cubic spline in redshift as weights of the tabulated redshifts."""
        z, curvature = self._spline
        tau = np.concatenate([np.zeros((len(self.energy), 1)), np.asarray(self.tau)], axis=1)
        nodes = np.log(self.energy)
        log_energy = _space(xp, energy).log(energy)
        # A natural spline's third derivative is constant between nodes: tau = a + b z + sum of jumps (z - node)^3 / 6.
        third = np.diff(curvature, axis=1) / np.diff(z)
        jumps = np.concatenate([third[:, :1], np.diff(third, axis=1), -third[:, -1:]], axis=1) / 6
        step = z[1] - z[0]
        slope = (tau[:, 1] - tau[:, 0]) / step - step * curvature[:, 1] / 6
        space = _space(xp, redshift)
        depth = _lines(xp, log_energy, nodes, slope) * redshift
        for node, jump in zip(z, jumps.T, strict=True):
            depth = depth + _lines(xp, log_energy, nodes, jump) * space.maximum(redshift - node, 0.0) ** 3
        return xp.maximum(depth, 0.0)

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


TABLES: dict[str, type[NormNodes | TemplateSpectrum | OpticalDepth]] = {
    "piecewise-norm": NormNodes,
    "template": TemplateSpectrum,
    "ebl-absorption": OpticalDepth,
}
"""The kind of table that each tabulated shape needs."""


def table_from_dict(shape_name: str, data: Mapping[str, Any]) -> Table:
    """Rebuild the table of a shape from its `to_dict`."""
    return TABLES[shape_name].from_dict(data)
