"""The blocks of a configuration that say what is fitted, and how: model, background, sampling."""

from __future__ import annotations

import dataclasses
import secrets
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

import astropy.units as u
from pydantic import Field, model_validator

from bayes_onoff.app.config.block import Block
from bayes_onoff.app.config.values import AlphaUncertainty, AtLeastOne, Energy, nearest, one_of, refused
from bayes_onoff.errors import InputError
from bayes_onoff.models import SHAPES, Parameter, Prior, SpectralModel
from bayes_onoff.models.priors import PRIORS
from bayes_onoff.units import parse_quantity

if TYPE_CHECKING:
    from bayes_onoff.inference.settings import BackgroundModel, SamplerSettings

__all__ = ["BackgroundBlock", "ModelBlock", "SamplingBlock"]

BackgroundPrior = Literal["pooled", "independent"]
ShapeFrom = Literal["irf"]
Sampler = Literal["nutpie", "pymc", "numpyro", "blackjax"]

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


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
    """The source's spectrum and the priors of its parameters."""

    shape: Annotated[str, one_of(SHAPES)] = "power-law"
    reference: Energy = 1.0
    priors: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _priors_are_readable(self) -> Self:
        self.to_model()
        return self

    def to_model(self) -> SpectralModel:
        """Build the spectral model, with the shape's default prior where none is given."""
        parameters = {parameter.name: parameter for parameter in SHAPES[self.shape].parameters}
        for name in self.priors:
            if name not in parameters:
                problem = f"{self.shape} has no such parameter"
                raise refused(problem, key=f"priors.{name}", found=name, allowed=nearest(name, parameters))
        priors = {name: _read_prior(parameters[name], prior) for name, prior in self.priors.items()}
        return SpectralModel(self.shape, self.reference, priors)

    def completed(self, main: ModelBlock) -> ModelBlock:
        """Take what this model leaves open from the main model."""
        changes: dict[str, Any] = {}
        if "reference" not in self.model_fields_set:
            changes["reference"] = main.reference
        if "priors" not in self.model_fields_set and self.shape == main.shape:
            changes["priors"] = main.priors
        return self.model_copy(update=changes)


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


class SamplingBlock(Block):
    """How many posterior draws are taken, and by which sampler."""

    draws: Annotated[int, Field(ge=4)] = 1000
    tune: AtLeastOne = 1000
    chains: AtLeastOne = 4
    seed: Annotated[int, Field(ge=0, lt=2**32)] | None = None
    target_accept: Annotated[float, Field(gt=0, lt=1)] = 0.9
    sampler: Annotated[Sampler, one_of(Sampler)] = "nutpie"

    def with_seed(self) -> Self:
        """Draw a seed where none is given."""
        return self if self.seed is not None else self.model_copy(update={"seed": secrets.randbits(32)})

    def to_settings(self) -> SamplerSettings:
        """Build the sampler's settings; the seed must be known."""
        from bayes_onoff.inference.settings import SamplerSettings

        return SamplerSettings(**self.model_dump())
