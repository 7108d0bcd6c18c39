"""The blocks of a configuration that say what is fitted, and how: model, background, sampling."""

from __future__ import annotations

import dataclasses
import re
import secrets
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

import astropy.units as u
import numpy as np
from pydantic import BeforeValidator, Field, ValidationInfo, field_validator, model_validator

from bayes_onoff.app.config.block import Block
from bayes_onoff.app.config.values import (
    AlphaUncertainty,
    AtLeastOne,
    Energy,
    Fraction,
    PathText,
    nearest,
    one_of,
    refused,
)
from bayes_onoff.errors import FileError, InputError
from bayes_onoff.models import (
    EBL_MODELS,
    SHAPES,
    NormNodes,
    OpticalDepth,
    Parameter,
    Prior,
    SpectralModel,
    TemplateSpectrum,
    UnfoldingNodes,
    get_shape,
    optical_depth,
    read_optical_depth,
    read_template,
)
from bayes_onoff.models.priors import PRIORS
from bayes_onoff.models.spectral_model import COMPOSITIONS
from bayes_onoff.models.tables import TABLES
from bayes_onoff.units import parse_quantity

if TYPE_CHECKING:
    from bayes_onoff.inference import Systematics
    from bayes_onoff.inference.settings import BackgroundModel, SamplerSettings

__all__ = ["BackgroundBlock", "DetectionBlock", "ModelBlock", "SamplingBlock", "SystematicsBlock", "name_or_block"]

BackgroundPrior = Literal["pooled", "independent"]
ShapeFrom = Literal["irf"]
ScaleOf = Literal["instrument", "run"]
Sampler = Literal["nutpie", "pymc", "numpyro", "blackjax"]

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


def name_or_block(value: object) -> object:
    """Read a shape's name as the block that holds nothing else."""
    return {"shape": value} if isinstance(value, str) else value


def _read_prior(parameter: Parameter, specification: object) -> Prior:
    """Read a prior from ``{distribution: {argument: value}}``, values in the parameter's unit."""
    key = f"priors.{parameter.name}"
    example = "for example {normal: {mu: 2.5, sigma: 1}}"
    if not isinstance(specification, dict) or len(specification) != 1:
        raise refused("not one distribution with its arguments", key=key, found=specification, allowed=example)
    ((name, arguments),) = specification.items()
    if name not in PRIORS:
        raise refused("unknown distribution", key=key, found=str(name), allowed=nearest(str(name), PRIORS))
    prior = PRIORS[name]
    key = f"{key}.{name}"
    names = [field.name for field in dataclasses.fields(prior)]
    if not isinstance(arguments, dict) or sorted(map(str, arguments)) != sorted(names):
        raise refused("wrong arguments", key=key, found=arguments, allowed="exactly " + ", ".join(names))
    values = {}
    for argument, value in arguments.items():
        unit = u.dimensionless_unscaled if argument in prior.dimensionless else u.Unit(parameter.unit)
        if isinstance(value, bool) or not isinstance(value, (str, int, float)):
            raise refused("not a number", key=f"{key}.{argument}", found=value)
        try:
            values[argument] = parse_quantity(value, unit, argument)
        except InputError as error:
            raise refused(error.problem, key=f"{key}.{argument}", found=value, allowed=error.allowed) from error
    try:
        return prior(**values)
    except InputError as error:
        raise refused(error.problem, key=key, found=error.found, allowed=error.allowed) from error


class ModelBlock(Block):
    """The source's spectrum and its priors: one shape, or a sum or product of blocks like this one."""

    shape: Annotated[str, one_of((*SHAPES, *TABLES, *COMPOSITIONS))] = "power-law"
    reference: Energy = 1.0
    priors: dict[str, Any] = Field(default_factory=dict)
    fixed: dict[str, Any] = Field(default_factory=dict)
    name: str | None = None
    nodes: Annotated[tuple[Energy, ...], Field(strict=False)] | None = None
    file: PathText | None = None
    ebl: Annotated[str, one_of(EBL_MODELS)] | None = None
    components: Annotated[
        tuple[Annotated[ModelBlock, BeforeValidator(name_or_block, json_schema_input_type=str | ModelBlock)], ...],
        Field(strict=False),
    ] = ()

    @field_validator("name")
    @classmethod
    def _usable_as_prefix(cls, value: str | None) -> str | None:
        if value is not None and not re.fullmatch(r"[A-Za-z]\w*", value):
            raise refused("not usable before the names of parameters", found=value, allowed="letters, digits and _")
        return value

    @field_validator("components")
    @classmethod
    def _with_reference(cls, parts: tuple[ModelBlock, ...], info: ValidationInfo) -> tuple[ModelBlock, ...]:
        reference = info.data.get("reference", 1.0)
        return tuple(
            part if "reference" in part.model_fields_set else part.model_copy(update={"reference": reference})
            for part in parts
        )

    @model_validator(mode="after")
    def _makes_a_model(self) -> Self:
        self.to_model()
        return self

    @property
    def files(self) -> tuple[str, ...]:
        """The files of tables that are read."""
        own = () if self.file is None else (self.file,)
        return (*own, *(file for part in self.components for file in part.files))

    def to_model(self) -> SpectralModel:
        """Build the spectral model, with the shape's default prior where none is given."""
        self._check_keys_of_shape()
        try:
            if self.components:
                return SpectralModel(self.shape, components=tuple(part.to_model() for part in self.components))
            return self._one_shape()
        except FileError as error:
            raise refused(f"{error.problem} ({error.place})", key="file", found=error.found) from error
        except InputError as error:
            key = (error.place or "").removeprefix("model").removeprefix(".")
            raise refused(error.problem, key=key or None, found=error.found, allowed=error.allowed) from error

    def _check_keys_of_shape(self) -> None:
        """Refuse keys that the shape has no use for, and ask for those it needs."""
        needed = _KEYS.get(self.shape, ())
        for key in ("nodes", "file", "ebl", "components"):
            if getattr(self, key) and key not in needed:
                raise refused(f"{self.shape} has no such key", key=key, found=getattr(self, key))
        if needed and sum(bool(getattr(self, key)) for key in needed) != 1:
            raise refused(f"{self.shape} needs it", key=needed[0], allowed=" or ".join(needed))
        for key in ("priors", "fixed", "name"):
            if self.components and getattr(self, key):
                raise refused("stands in the components of a sum or product", key=key, found=getattr(self, key))

    def _one_shape(self) -> SpectralModel:
        table = self._table()
        shape = get_shape(self.shape) if table is None else table.shape()
        parameters = {parameter.name: parameter for parameter in shape.parameters}
        for key in ("priors", "fixed"):
            for name in getattr(self, key):
                if name not in parameters:
                    problem = f"{self.shape} has no such parameter"
                    raise refused(problem, key=f"{key}.{name}", found=name, allowed=nearest(name, parameters))
        priors = {name: _read_prior(parameters[name], prior) for name, prior in self.priors.items()}
        fixed = {name: _read_value(parameters[name], value) for name, value in self.fixed.items()}
        if isinstance(table, OpticalDepth):
            table = table.near(*_redshift_range(priors, fixed))
        return SpectralModel(self.shape, self.reference, priors, fixed, self.name or "", table)

    def _table(self) -> NormNodes | UnfoldingNodes | TemplateSpectrum | OpticalDepth | None:
        if self.nodes is not None:
            return UnfoldingNodes(self.nodes) if self.shape == "unfolded" else NormNodes(self.nodes)
        if self.ebl is not None:
            return optical_depth(self.ebl)
        if self.file is None:
            return None
        return read_template(self.file) if self.shape == "template" else read_optical_depth(self.file)

    def completed(self, main: ModelBlock) -> ModelBlock:
        """Take what this model leaves open from the main model."""
        changes: dict[str, Any] = {}
        if "reference" not in self.model_fields_set:
            changes["reference"] = main.reference
        if self.shape == main.shape:
            for key in ("priors", "fixed", "nodes", "file", "ebl"):
                if key not in self.model_fields_set:
                    changes[key] = getattr(main, key)
        return self.model_copy(update=changes)


_KEYS = {
    "piecewise-norm": ("nodes",),
    "unfolded": ("nodes",),
    "template": ("file",),
    "ebl-absorption": ("ebl", "file"),
    **dict.fromkeys(COMPOSITIONS, ("components",)),
}
"""Keys of which a shape needs one."""


def _read_value(parameter: Parameter, value: object) -> float:
    """Read the value of a fixed parameter, in its unit."""
    key = f"fixed.{parameter.name}"
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise refused("not a number", key=key, found=value)
    try:
        return parse_quantity(value, u.Unit(parameter.unit), parameter.name)
    except InputError as error:
        raise refused(error.problem, key=key, found=value, allowed=error.allowed) from error


def _redshift_range(priors: Mapping[str, Prior], fixed: Mapping[str, float]) -> tuple[float, float]:
    """Redshifts at which the optical depth is needed; of a prior without bounds, as far as its draws go."""
    if "redshift" in fixed:
        return fixed["redshift"], fixed["redshift"]
    if "redshift" not in priors:
        return 0.0, 1.0
    draws = priors["redshift"].draw(np.random.default_rng(0), 10_000)
    return float(max(draws.min(), 0.0)), float(draws.max())


class BackgroundBlock(Block):
    """The prior of the background rates; `shape` and `rate` are those of the independent Gamma prior."""

    prior: Annotated[BackgroundPrior, one_of(BackgroundPrior)] = "pooled"
    shape: Positive | None = None
    rate: Positive | None = None
    marginal: bool = False
    alpha_uncertainty: AlphaUncertainty | None = None
    shape_from: Annotated[ShapeFrom, one_of(ShapeFrom)] | None = None

    @model_validator(mode="after")
    def _keys_of_the_other_prior(self) -> Self:
        for key in ("shape", "rate"):
            if self.prior == "pooled" and getattr(self, key) is not None:
                raise refused("only with `prior: independent`", key=key, found=getattr(self, key))
        if self.prior != "pooled" and self.shape_from is not None:
            raise refused("only with `prior: pooled`", key="shape_from", found=self.shape_from)
        return self

    def to_background(self) -> BackgroundModel:
        """Build the background model."""
        from bayes_onoff.inference.settings import BackgroundModel

        given = {key: getattr(self, key) for key in type(self).model_fields}
        return BackgroundModel(**{key: value for key, value in given.items() if value is not None})


class DetectionBlock(Block):
    """What is believed about a source before the data: scale of its flux in units of the Crab nebula's, and odds."""

    scale: Positive = 1.0
    prior_odds: Positive = 1.0


class SystematicsBlock(Block):
    """What is uncertain in the response of the instrument."""

    energy_scale: Fraction | None = None
    effective_area: Fraction | None = None
    area_length: Positive | None = None
    energy_scale_of: Annotated[ScaleOf, one_of(ScaleOf)] | None = None

    @model_validator(mode="after")
    def _is_possible(self) -> Self:
        for key, needed in (("area_length", "effective_area"), ("energy_scale_of", "energy_scale")):
            if getattr(self, key) is not None and getattr(self, needed) is None:
                raise refused(f"only with `{needed}`", key=key, found=getattr(self, key))
        if self.energy_scale is None and self.effective_area is None:
            return self
        try:
            self.to_systematics()
        except InputError as error:
            key = (error.place or "").removeprefix("systematics.")
            raise refused(error.problem, key=key, found=error.found, allowed=error.allowed) from error
        return self

    def to_systematics(self) -> Systematics:
        """Build the systematics."""
        from bayes_onoff.inference import Systematics

        given = {key: getattr(self, key) for key in type(self).model_fields}
        return Systematics(**{key: value for key, value in given.items() if value is not None})


class SamplingBlock(Block):
    """How many posterior draws are taken, and by which sampler."""

    draws: Annotated[int, Field(ge=4)] = 1000
    tune: AtLeastOne = 1000
    chains: AtLeastOne = 4
    seed: Annotated[int, Field(ge=0, lt=2**32)] | None = None
    target_accept: Annotated[float, Field(gt=0, lt=1)] = 0.9
    sampler: Annotated[Sampler, one_of(Sampler)] = "nutpie"

    def with_seed(self, seed: int | None = None) -> Self:
        """Take a seed, by default a drawn one, where none is given."""
        if self.seed is not None:
            return self
        return self.model_copy(update={"seed": secrets.randbits(32) if seed is None else seed})

    def to_settings(self) -> SamplerSettings:
        """Build the sampler's settings; the seed must be known."""
        from bayes_onoff.inference.settings import SamplerSettings

        return SamplerSettings(**self.model_dump())
