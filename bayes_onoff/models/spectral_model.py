"""A spectral model: a shape with its reference energy, priors and fixed values, or several of them put together."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, Self

import numpy as np

from bayes_onoff.errors import InputError
from bayes_onoff.models.preliz_priors import as_prior
from bayes_onoff.models.priors import Prior, prior_from_dict
from bayes_onoff.models.shape import rising
from bayes_onoff.models.shapes import Parameter, Shape, get_shape
from bayes_onoff.models.tables import TABLES, Table, table_from_dict

__all__ = ["COMPOSITIONS", "DifferentialFlux", "SpectralModel"]

COMPOSITIONS = {"sum": " + ", "product": " * "}
"""What makes one model of several, and its sign."""


class DifferentialFlux(Protocol):
    """Anything with a differential flux: a `SpectralModel`, a published formula."""

    def dnde(self, energy: Any, values: Mapping[str, Any], xp: Any = np) -> Any:
        """Evaluate the differential flux at `energy` (TeV), cm-2 s-1 TeV-1."""


@dataclass(frozen=True, slots=True)
class SpectralModel:
    """A spectral shape with reference energy, priors and fixed values; or a sum or product of such models.

    Models are put together with ``+`` and ``*``. Names of parameters stay unique: a component called `name` has
    parameters ``<name>_<parameter>``, and where names clash the later component is called after its shape
    (``line_amplitude`` of a Gaussian), numbered if that is taken too.

    Parameters
    ----------
    shape_name : str
        Name of the shape, for example ``"power-law"``; ``"sum"`` or ``"product"`` of the `components`.
    reference : float
        Reference energy, TeV; of a composition, that of its first component.
    priors : mapping of str to Prior or PreliZ distribution
        Priors that replace the shape's defaults; a parameter that is fixed by default becomes free.
    fixed : mapping of str to float
        Values of parameters that are not free.
    name : str
        Put before the names of the parameters.
    table : NormNodes, TemplateSpectrum or OpticalDepth, optional
        What ``"piecewise-norm"``, ``"template"`` and ``"ebl-absorption"`` stand on.
    components : tuple of SpectralModel
        Of a sum or product.

    Raises
    ------
    InputError
        If the shape or a parameter is unknown, a parameter has a prior and a value or neither where one must be given,
        the reference energy is not positive, a table is missing, or the components do not go together.

    Examples
    --------
    >>> model = SpectralModel("power-law", reference=1.0)
    >>> model.parameter_names
    ('amplitude', 'index')
    >>> (model + SpectralModel("gaussian")).parameter_names
    ('amplitude', 'index', 'line_amplitude', 'line_mean', 'line_sigma')
    """

    shape_name: str
    reference: float = 1.0
    priors: Mapping[str, Prior] = field(default_factory=dict)
    fixed: Mapping[str, float] = field(default_factory=dict)
    name: str = ""
    table: Table | None = None
    components: tuple["SpectralModel", ...] = ()

    def __post_init__(self) -> None:
        priors = {name: as_prior(prior, f"model.priors.{name}") for name, prior in self.priors.items()}
        object.__setattr__(self, "priors", priors)
        if self.shape_name in COMPOSITIONS:
            self._compose()
            return
        if self.components:
            raise InputError("only a sum or a product has components", place="model.components", found=self.shape_name)
        if self.shape_name in TABLES and not isinstance(self.table, TABLES[self.shape_name]):
            raise InputError("a table is missing", place="model", found=f"{self.shape_name} without one")
        if not (np.isfinite(self.reference) and self.reference > 0):
            raise InputError("not a positive energy", place="model.reference", found=self.reference)
        shape = self.shape
        known = {self._full(parameter.name): parameter for parameter in shape.parameters}
        priors = self._by_full_name("priors", self.priors, known)
        fixed = self._by_full_name("fixed", self.fixed, known)
        for name, parameter in known.items():
            if name in priors and name in fixed:
                raise InputError("both a prior and a value", place=f"model.fixed.{name}", found=fixed[name])
            if parameter.stated and name not in priors and name not in fixed:
                raise InputError(
                    "neither a prior nor a value",
                    place=f"model.{name}",
                    allowed=f"fixed: {{{name}: value}}, or a prior",
                )
            if name in fixed and not _possible(parameter, fixed[name]):
                raise InputError("not a possible value", place=f"model.fixed.{name}", found=fixed[name])
            if name not in priors and name not in fixed:
                if parameter.free:
                    priors[name] = parameter.prior
                else:
                    fixed[name] = parameter.start
        object.__setattr__(self, "priors", {name: priors[name] for name in known if name in priors})
        object.__setattr__(self, "fixed", {name: float(fixed[name]) for name in known if name in fixed})

    def _full(self, parameter: str) -> str:
        return f"{self.name}_{parameter}" if self.name else parameter

    def _by_full_name[T](self, key: str, given: Mapping[str, T], known: Mapping[str, Parameter]) -> dict[str, T]:
        """Key what was given by the names in the whole model; names of the shape alone are accepted too."""
        found = {}
        for name, value in given.items():
            full = name if name in known else self._full(name)
            if full not in known:
                raise InputError(
                    f"{self.shape_name} has no such parameter",
                    place=f"model.{key}.{name}",
                    found=name,
                    allowed=", ".join(known),
                )
            found[full] = value
        return found

    def _compose(self) -> None:
        """Check the components, keep their parameters' names apart, and hand them what was given for them."""
        if len(self.components) < 2:
            raise InputError("fewer than two components", place="model.components", found=len(self.components))
        spectra = [not component.is_factor for component in self.components]
        if self.shape_name == "sum" and len(set(spectra)) > 1:
            raise InputError("a sum of a spectrum and a factor", place="model.components", found=self.label)
        if self.shape_name == "product" and sum(spectra) > 1:
            raise InputError("a product of two spectra", place="model.components", found=self.label)
        if self.table is not None or self.name:
            raise InputError("only a component has a name or a table", place="model", found=self.shape_name)
        components = _told_apart(self.components)
        free = {name: component for component in components for name in (*component.priors, *component.fixed)}
        for name in (*self.priors, *self.fixed):
            if name not in free:
                raise InputError(
                    "no component has such a parameter", place=f"model.{name}", found=name, allowed=", ".join(free)
                )
        components = tuple(component.changed(self.priors, self.fixed) for component in components)
        object.__setattr__(self, "components", components)
        object.__setattr__(self, "reference", components[0].reference)
        object.__setattr__(self, "priors", {n: prior for part in components for n, prior in part.priors.items()})
        object.__setattr__(self, "fixed", {n: value for part in components for n, value in part.fixed.items()})

    def __add__(self, other: "SpectralModel") -> "SpectralModel":
        return SpectralModel("sum", components=(*self._parts("sum"), *other._parts("sum")))

    def __mul__(self, other: "SpectralModel") -> "SpectralModel":
        return SpectralModel("product", components=(*self._parts("product"), *other._parts("product")))

    def _parts(self, composition: str) -> tuple["SpectralModel", ...]:
        return self.components if self.shape_name == composition else (self,)

    def changed(self, priors: Mapping[str, Prior], fixed: Mapping[str, float] | None = None) -> "SpectralModel":
        """Give the same model with other priors or fixed values; names of other models are passed over."""
        fixed = fixed or {}
        if self.components:
            parts = tuple(part.changed(priors, fixed) for part in self.components)
            # What the composition itself lists is what its components held before.
            return replace(self, components=parts, priors={}, fixed={})
        own = {*self.priors, *self.fixed}
        priors = {name: prior for name, prior in priors.items() if name in own}
        fixed = {name: value for name, value in fixed.items() if name in own}
        return replace(
            self,
            priors={name: prior for name, prior in self.priors.items() if name not in fixed} | priors,
            fixed={name: value for name, value in self.fixed.items() if name not in priors} | fixed,
        )

    @property
    def shape(self) -> Shape:
        """The shape of a single component.

        Raises
        ------
        InputError
            If this is a composition.
        """
        if self.components:
            raise InputError("a composition is not one shape", place="model.shape", found=self.label)
        return get_shape(self.shape_name) if self.table is None else self.table.shape()

    @property
    def is_factor(self) -> bool:
        """Whether it has no unit and only multiplies a spectrum."""
        if self.components:
            return all(component.is_factor for component in self.components)
        return self.shape.is_factor

    def require_spectrum(self) -> None:
        """Refuse a factor, which has no unit.

        Raises
        ------
        InputError
            If this is one.
        """
        if self.is_factor:
            raise InputError(
                "a factor, no spectrum", place="model.shape", found=self.label, allowed="its product with a spectrum"
            )

    @property
    def label(self) -> str:
        """The shape's name, or the composition: ``power-law * ebl-absorption``."""
        if not self.components:
            return self.shape_name
        names = [f"({c.label})" if c.components else c.label for c in self.components]
        return COMPOSITIONS[self.shape_name].join(names)

    @property
    def formula(self) -> str:
        """The formula in LaTeX; a component's name stands at its brackets."""
        if not self.components:
            return self.shape.formula
        parts = []
        for component in self.components:
            name = rf"_\mathrm{{{component.name.replace('_', ' ')}}}" if component.name else ""
            parts.append(rf"\left[{component.formula}\right]{name}")
        return (r"\times" if self.shape_name == "product" else "+").join(parts)

    @property
    def all_parameters(self) -> tuple[Parameter, ...]:
        """The parameters, free and fixed, in order."""
        if self.components:
            return tuple(parameter for component in self.components for parameter in component.all_parameters)
        if not self.name:
            return self.shape.parameters
        word = self.name.replace("_", " ")
        return tuple(replace(p, name=self._full(p.name), label=f"{p.label} ({word})") for p in self.shape.parameters)

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """The free parameters, in order."""
        return tuple(parameter for parameter in self.all_parameters if parameter.name in self.priors)

    @property
    def parameter_names(self) -> tuple[str, ...]:
        """Names of the free parameters, in order."""
        return tuple(parameter.name for parameter in self.parameters)

    def local_values(self, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """Values of the shape's own parameters by its own names, fixed ones filled in."""
        if not self.name and not self.fixed:
            return values
        # Of a plain number PyTensor makes the smallest type that holds it, and of that a logarithm of few digits.
        fixed = {name: np.float64(value) for name, value in self.fixed.items()}
        known = {**values, **fixed}
        names = [parameter.name for parameter in self.shape.parameters]
        return {name: known[self._full(name)] for name in names}

    def dnde(self, energy: Any, values: Mapping[str, Any], xp: Any = np) -> Any:
        """Evaluate the differential flux.

        Parameters
        ----------
        energy : array
            TeV.
        values : mapping of str to float or array
            Values of the free parameters in their units; broadcast against `energy`.
        xp : module
            ``numpy`` or ``pytensor.tensor``.

        Returns
        -------
        array
            cm-2 s-1 TeV-1; of a factor, without unit.
        """
        if not self.components:
            return self.shape.dnde(xp, energy, np.float64(self.reference), self.local_values(values))
        result, *others = (component.dnde(energy, values, xp) for component in self.components)
        for other in others:
            result = result + other if self.shape_name == "sum" else result * other
        return result

    def breaks(self, values: Mapping[str, Any], xp: Any = np) -> tuple[Any, ...]:
        """Energies (TeV, rising) at which the parameters put a kink; integrals are split there."""
        if not self.components:
            return tuple(self.shape.breaks(self.local_values(values)))
        found = [component.breaks(values, xp) for component in self.components]
        several = sum(map(bool, found)) > 1
        energies = [energy for each in found for energy in each]
        return tuple(rising(xp, energies) if several else energies)

    @property
    def nodes(self) -> tuple[float, ...]:
        """Energies (TeV) of kinks that no parameter moves."""
        if not self.components:
            return self.shape.nodes
        return tuple(sorted({node for component in self.components for node in component.nodes}))

    @property
    def fineness(self) -> float:
        """How many times more quadrature nodes it needs than a smooth shape."""
        return max((c.fineness for c in self.components), default=1.0) if self.components else self.shape.fineness

    @property
    def least_nodes(self) -> int:
        """The fewest quadrature nodes between two breaks."""
        return max(c.least_nodes for c in self.components) if self.components else self.shape.least_nodes

    def _repr_html_(self) -> str:
        """Show label, formula and parameters in a notebook."""
        from bayes_onoff.models.model_table import model_html

        return model_html(self)

    @property
    def identity(self) -> str:
        """The model without the priors, as a text: models with the same one have the same likelihood."""
        return json.dumps(_without_priors(self.to_dict()), sort_keys=True)

    def to_dict(self) -> dict[str, Any]:
        """Give the plain data from which `from_dict` rebuilds the model."""
        if self.components:
            return {"shape": self.shape_name, "components": [component.to_dict() for component in self.components]}
        priors = {name: prior.to_dict() for name, prior in self.priors.items()}
        data: dict[str, Any] = {"shape": self.shape_name, "reference": self.reference, "priors": priors}
        if self.fixed:
            data["fixed"] = dict(self.fixed)
        if self.name:
            data["name"] = self.name
        if self.table is not None:
            data["table"] = self.table.to_dict()
        return data

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Rebuild a model from `to_dict`.

        Raises
        ------
        InputError
            If a key is missing, or the shape, a parameter or a prior is unknown.
        """
        if "components" in data:
            return cls(data["shape"], components=tuple(cls.from_dict(part) for part in data["components"]))
        missing = [key for key in ("shape", "reference", "priors") if key not in data]
        if missing:
            raise InputError("an incomplete model", place="model", found=f"no {', '.join(missing)}")
        priors = {
            parameter: prior_from_dict(specification, f"model.priors.{parameter}")
            for parameter, specification in data["priors"].items()
        }
        table = table_from_dict(data["shape"], data["table"]) if "table" in data else None
        return cls(data["shape"], data["reference"], priors, data.get("fixed", {}), data.get("name", ""), table)


def _possible(parameter: Parameter, value: float) -> bool:
    """Whether a value is a number, and positive where the parameter must be."""
    return bool(np.isfinite(value)) and (parameter.prior.support[0] < 0 or value >= 0)


def _without_priors(data: Mapping[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in data.items() if key not in ("priors", "components")}
    if "components" in data:
        kept["components"] = [_without_priors(part) for part in data["components"]]
    return kept


def _leaves(components: Iterable[SpectralModel]) -> Iterable[SpectralModel]:
    for component in components:
        yield from _leaves(component.components) if component.components else (component,)


def _told_apart(components: tuple[SpectralModel, ...]) -> tuple[SpectralModel, ...]:
    """Call components whose parameters' names clash with an earlier one's after their shapes."""
    taken: set[str] = set()

    def apart(component: SpectralModel) -> SpectralModel:
        if component.components:
            return replace(component, components=tuple(map(apart, component.components)), priors={}, fixed={})
        stem, number = component.shape.prefix, 1
        while taken & {parameter.name for parameter in component.all_parameters}:
            component = _renamed(component, stem if number == 1 else f"{stem}_{number}")
            number += 1
        taken.update(parameter.name for parameter in component.all_parameters)
        return component

    return tuple(map(apart, components))


def _renamed(component: SpectralModel, name: str) -> SpectralModel:
    bare = [parameter.name for parameter in component.shape.parameters]
    full = [parameter.name for parameter in component.all_parameters]
    own = dict(zip(full, bare, strict=True))
    return replace(
        component,
        name=name,
        priors={own[key]: prior for key, prior in component.priors.items()},
        fixed={own[key]: value for key, value in component.fixed.items()},
    )
