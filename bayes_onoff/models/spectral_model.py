"""A spectral model: a shape, its reference energy and the priors of its parameters."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from bayes_onoff.errors import InputError
from bayes_onoff.models.priors import Prior, prior_from_dict
from bayes_onoff.models.shapes import Parameter, Shape, get_shape

__all__ = ["DifferentialFlux", "SpectralModel", "energy_flux", "photons"]


class DifferentialFlux(Protocol):
    """Anything with a differential flux: a `SpectralModel`, a published formula."""

    def dnde(self, energy: Any, values: Mapping[str, Any], xp: Any = np) -> Any:
        """Evaluate the differential flux at `energy` (TeV), cm-2 s-1 TeV-1."""


@dataclass(frozen=True, slots=True)
class SpectralModel:
    """A spectral shape with reference energy and priors.

    Parameters
    ----------
    shape_name : str
        Name of the shape, for example ``"power-law"``.
    reference : float
        Reference energy, TeV.
    priors : mapping of str to Prior
        Priors that replace the shape's defaults.

    Raises
    ------
    InputError
        If the shape or a parameter is unknown, or the reference energy is not positive.

    Examples
    --------
    >>> model = SpectralModel("power-law", reference=1.0)
    >>> model.parameter_names
    ('amplitude', 'index')
    """

    shape_name: str
    reference: float = 1.0
    priors: Mapping[str, Prior] = field(default_factory=dict)

    def __post_init__(self) -> None:
        shape = get_shape(self.shape_name)
        if not (np.isfinite(self.reference) and self.reference > 0):
            raise InputError("not a positive energy", place="model.reference", found=self.reference)
        known = [parameter.name for parameter in shape.parameters]
        for name in self.priors:
            if name not in known:
                raise InputError(
                    f"{shape.name} has no such parameter",
                    place=f"model.priors.{name}",
                    found=name,
                    allowed=", ".join(known),
                )
        object.__setattr__(self, "priors", {p.name: self.priors.get(p.name, p.prior) for p in shape.parameters})

    @property
    def shape(self) -> Shape:
        """The shape."""
        return get_shape(self.shape_name)

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """The free parameters, in order."""
        return self.shape.parameters

    @property
    def parameter_names(self) -> tuple[str, ...]:
        """Names of the free parameters, in order."""
        return tuple(parameter.name for parameter in self.parameters)

    def dnde(self, energy: Any, values: Mapping[str, Any], xp: Any = np) -> Any:
        """Evaluate the differential flux.

        Parameters
        ----------
        energy : array
            TeV.
        values : mapping of str to float or array
            Parameter values in their units; broadcast against `energy`.
        xp : module
            ``numpy`` or ``pytensor.tensor``.

        Returns
        -------
        array
            cm-2 s-1 TeV-1.
        """
        return self.shape.dnde(xp, energy, self.reference, values)

    def to_dict(self) -> dict[str, Any]:
        """Give the plain data from which `from_dict` rebuilds the model."""
        priors = {name: prior.to_dict() for name, prior in self.priors.items()}
        return {"shape": self.shape_name, "reference": self.reference, "priors": priors}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Rebuild a model from `to_dict`.

        Raises
        ------
        InputError
            If a key is missing, or the shape, a parameter or a prior is unknown.
        """
        missing = [key for key in ("shape", "reference", "priors") if key not in data]
        if missing:
            raise InputError("an incomplete model", place="model", found=f"no {', '.join(missing)}")
        priors = {
            parameter: prior_from_dict(specification, f"model.priors.{parameter}")
            for parameter, specification in data["priors"].items()
        }
        return cls(data["shape"], data["reference"], priors)


def _nodes(edges: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Gauss-Legendre nodes (TeV) and weights for the integral over each bin, in ln(energy).

    Both have shape (bin, node). The number of nodes grows with the widest bin, so that a bin of one decade is as
    accurate as a narrow one: 4 for 60 bins a decade, 17 for one.
    """
    log_edges = np.log(edges)
    half = np.diff(log_edges)[:, None] / 2
    middle = (log_edges[:-1] + log_edges[1:])[:, None] / 2
    x, w = np.polynomial.legendre.leggauss(3 + int(np.ceil(12 * half.max())))
    energy = np.exp(middle + half * x)
    return energy, w * half * energy


def _per_bin(values: Mapping[str, Any]) -> dict[str, NDArray[np.float64]]:
    """Parameter values with two axes appended, for bins and nodes."""
    return {name: np.asarray(value, dtype=float)[..., None, None] for name, value in values.items()}


def photons(model: DifferentialFlux, values: Mapping[str, Any], edges: NDArray[np.float64], xp: Any = np) -> Any:
    """Photons per area and time in each true-energy bin: the integral of dN/dE over the bin.

    Gauss-Legendre quadrature in ln(energy), for every shape alike: no special case at index 1. Against adaptive
    quadrature it is better than 1e-5, for bins from 1/60 of a decade to three decades, wherever the spectrum is not
    cut off by more than exp(-30).

    Parameters
    ----------
    model : DifferentialFlux
        The spectrum: a `SpectralModel`, or a published one.
    values : mapping of str to float or array
        Parameter values in their units: for NumPy all of one shape (for example (chain, draw)) or scalars, for
        PyTensor scalars.
    edges : ndarray, shape (energy_true + 1,)
        Bin edges, TeV.
    xp : module
        ``numpy`` or ``pytensor.tensor``.

    Returns
    -------
    array, shape (..., energy_true)
        cm-2 s-1.
    """
    energy, weights = _nodes(edges)
    return (model.dnde(energy, _per_bin(values) if xp is np else values, xp) * weights).sum(axis=-1)


def energy_flux(model: DifferentialFlux, values: Mapping[str, Any], edges: NDArray[np.float64]) -> NDArray[np.float64]:
    """Energy flux in each bin: the integral of E dN/dE over the bin, as accurate as `photons`.

    Parameters
    ----------
    model : DifferentialFlux
        The spectrum: a `SpectralModel`, or a published one.
    values : mapping of str to float or array
        Parameter values in their units, all of one shape or scalars.
    edges : ndarray, shape (bin + 1,)
        Bin edges, TeV.

    Returns
    -------
    ndarray, shape (..., bin)
        TeV cm-2 s-1.
    """
    energy, weights = _nodes(edges)
    flux: NDArray[np.float64] = (model.dnde(energy, _per_bin(values)) * weights * energy).sum(axis=-1)
    return flux
