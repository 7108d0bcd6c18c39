"""The blocks of a configuration: every key, its kind and its default.

The ``to_...`` method of a block gives what the package's functions take.
"""

from __future__ import annotations

import dataclasses
import math
import secrets
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

import astropy.units as u
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from bayes_onoff.app.config_values import (
    LATER,
    NOT_AVAILABLE,
    Angle,
    AngleRad,
    Energy,
    Fraction,
    NotAvailable,
    PathText,
    PositiveAngle,
    nearest,
    one_of,
    refused,
)
from bayes_onoff.axes import EnergyAxis
from bayes_onoff.errors import InputError
from bayes_onoff.models import SHAPES, Parameter, Prior, SpectralModel
from bayes_onoff.models.priors import PRIORS
from bayes_onoff.units import parse_quantity

if TYPE_CHECKING:
    from regions import CircleSkyRegion

    from bayes_onoff.inference.settings import BackgroundModel, SamplerSettings
    from bayes_onoff.reduction.settings import ReductionSettings

__all__ = [
    "AxisBlock",
    "BackgroundBlock",
    "Block",
    "CenterBlock",
    "FitRangeBlock",
    "ModelBlock",
    "ObservationsBlock",
    "OffRegionsBlock",
    "ReductionBlock",
    "RegionBlock",
    "SafeRangeBlock",
    "SamplingBlock",
]

Frame = Literal["icrs", "galactic"]
RegionShape = Literal["circle"]
LATER_SHAPES = ("ellipse", "rectangle", "annulus", "polygon")
OffMethod = Literal["reflected"]
Placement = Literal["exact", "gammapy"]
Evaluation = Literal["center", "region-average"]
BackgroundPrior = Literal["pooled", "independent"]
Sampler = Literal["nutpie", "pymc", "numpyro", "blackjax"]

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
AtLeastOne = Annotated[int, Field(ge=1)]


class Block(BaseModel):
    """Base of all blocks: exact types, no unknown keys, immutable."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _check_keys(cls, data: Any) -> Any:
        fields = cls.model_fields
        known = [name for name, field in fields.items() if LATER not in field.metadata]
        if not isinstance(data, dict):
            raise refused("not a block of keys and values", found=data, allowed=", ".join(known))
        for key, value in data.items():
            if key not in fields:
                raise refused("unknown key", found=str(key), allowed=nearest(str(key), known), key=str(key))
            if key not in known and value is not None:
                raise refused(NOT_AVAILABLE, found=value, key=key, allowed=", ".join(known))
        for key, field in fields.items():
            if field.is_required() and key not in data:
                raise refused("missing", key=key, allowed=field.description)
        return data


class ObservationsBlock(Block):
    """Where the data come from: runs of a data store, or OGIP files."""

    store: PathText | None = Field(None, description="folder of a GADF data store")
    ids: Annotated[tuple[int, ...], Field(strict=False)] | None = Field(None, description="observation ids")
    ogip: Annotated[tuple[PathText, ...], Field(strict=False)] | None = Field(
        None, description="instead of a store: PHA files or patterns"
    )
    cone: NotAvailable = None
    target: NotAvailable = None
    time: NotAvailable = None
    zenith: NotAvailable = None

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.store is None) == (self.ogip is None):
            raise refused("one source of data is needed", allowed="either `store` with `ids`, or `ogip`")
        if self.store is not None and not self.ids:
            raise refused("which runs?", key="ids", allowed="a list of at least one observation id")
        if self.ogip is not None and not self.ogip:
            raise refused("no files", key="ogip", allowed="a list of at least one PHA file or pattern")
        if self.ogip is not None and self.ids is not None:
            raise refused("only with `store`", key="ids", found=list(self.ids))
        if self.ids and len(set(self.ids)) < len(self.ids):
            raise refused("a run occurs twice", key="ids", found=list(self.ids))
        return self


class CenterBlock(Block):
    """A position on the sky."""

    frame: Annotated[Frame, one_of(Frame)] = Field(description="icrs, galactic")
    lon: Angle = Field(description="longitude, for example 83.63 deg")
    lat: Angle = Field(description="latitude, for example 22.01 deg")

    @field_validator("lat")
    @classmethod
    def _between_the_poles(cls, value: float) -> float:
        if not -90 <= value <= 90:
            raise refused("out of range", found=f"{value:g} deg", allowed="-90 deg to 90 deg")
        return value


class RegionBlock(Block):
    """A region on the sky."""

    shape: Annotated[RegionShape, one_of(RegionShape, later=LATER_SHAPES)] = Field(description="circle")
    center: CenterBlock = Field(description="frame, lon, lat")
    radius: PositiveAngle = Field(description="an angle, for example 0.11 deg")
    file: NotAvailable = None
    mask: NotAvailable = None
    width: NotAvailable = None
    height: NotAvailable = None
    angle: NotAvailable = None
    inner_radius: NotAvailable = None
    outer_radius: NotAvailable = None
    vertices: NotAvailable = None

    def to_region(self) -> CircleSkyRegion:
        """Build the sky region."""
        from astropy.coordinates import SkyCoord
        from regions import CircleSkyRegion

        center = SkyCoord(self.center.lon * u.deg, self.center.lat * u.deg, frame=self.center.frame)
        return CircleSkyRegion(center, self.radius * u.deg)


class AxisBlock(Block):
    """Energy bins: `min`, `max` and the total number of `bins`, equally wide in ln(E); or their `edges`."""

    min: Energy | None = Field(None, description="lowest energy")
    max: Energy | None = Field(None, description="highest energy")
    bins: AtLeastOne | None = Field(None, description="total number of bins")
    edges: Annotated[tuple[Energy, ...], Field(strict=False)] | None = Field(None, description="all bin edges")

    @model_validator(mode="after")
    def _complete_and_upright(self) -> Self:
        bounds = (self.min, self.max, self.bins)
        either = "either `min`, `max` and `bins`, or `edges`"
        if self.edges is not None and any(value is not None for value in bounds):
            raise refused("described twice", allowed=either)
        if self.edges is None and None in bounds:
            missing = [key for key in ("min", "max", "bins") if getattr(self, key) is None]
            raise refused(f"{missing[0]} is missing", allowed=either)
        try:
            self.to_axis()
        except InputError as error:
            raise refused(error.problem, found=error.found, allowed=error.allowed) from error
        return self

    def to_axis(self, name: str = "energy") -> EnergyAxis:
        """Build the energy axis."""
        if self.edges is not None:
            return EnergyAxis.from_edges(self.edges * u.TeV, name)
        return EnergyAxis.from_bounds(self.min * u.TeV, self.max * u.TeV, self.bins or 0, name)


class OffRegionsBlock(Block):
    """How OFF regions are found; the options below `placement` have gammapy's names."""

    method: Annotated[OffMethod, one_of(OffMethod, later=("wobble", "phase"))] = "reflected"
    placement: Annotated[Placement, one_of(Placement)] = "exact"
    angle_increment: AngleRad = 0.1
    min_distance: AngleRad = 0.0
    min_distance_input: AngleRad = 0.1
    max_region_number: AtLeastOne = 10000


class SafeRangeBlock(Block):
    """Which reconstructed energies can be trusted; criteria are combined."""

    aeff_default: bool = False
    aeff_max: Fraction | None = None
    edisp_bias: Fraction | None = None
    bkg_peak: NotAvailable = None
    offset_max: PositiveAngle | None = None


class ReductionBlock(Block):
    """From events to ON/OFF spectra."""

    off_regions: OffRegionsBlock = OffRegionsBlock()
    exposure: Annotated[Evaluation, one_of(Evaluation)] = "center"
    edisp: Annotated[Evaluation, one_of(Evaluation)] = "center"
    containment_correction: bool = False
    safe_range: SafeRangeBlock = SafeRangeBlock(aeff_max=0.10)

    @model_validator(mode="after")
    def _choices_agree(self) -> Self:
        self.to_settings()
        return self

    def to_settings(self) -> ReductionSettings:
        """Build the reduction's settings."""
        from bayes_onoff.reduction.settings import ReductionSettings, SafeRange

        off, safe = self.off_regions, self.safe_range
        return ReductionSettings(
            off_method=off.method,
            placement=off.placement,
            exposure=self.exposure,
            edisp=self.edisp,
            containment_correction=self.containment_correction,
            safe_range=SafeRange(safe.aeff_max, safe.aeff_default, safe.edisp_bias, offset_max=safe.offset_max),
            angle_increment=off.angle_increment,
            min_distance=off.min_distance,
            min_distance_input=off.min_distance_input,
            max_region_number=off.max_region_number,
        )


class FitRangeBlock(Block):
    """Reconstructed energies that are used, within the safe range."""

    min: Energy | None = None
    max: Energy | None = None

    @model_validator(mode="after")
    def _upright(self) -> Self:
        if self.min is not None and self.max is not None and not self.min < self.max:
            raise refused("upside down", found=f"min {self.min:g} TeV, max {self.max:g} TeV", allowed="min < max")
        return self

    def to_limits(self) -> tuple[float, float]:
        """Lower and upper limit, TeV; open where not given."""
        return (0.0 if self.min is None else self.min, math.inf if self.max is None else self.max)


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
    priors: dict[str, Any] = {}

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

    @model_validator(mode="after")
    def _gamma_only_if_independent(self) -> Self:
        for key in ("shape", "rate"):
            if self.prior == "pooled" and getattr(self, key) is not None:
                raise refused("only with `prior: independent`", key=key, found=getattr(self, key))
        return self

    def to_background(self) -> BackgroundModel:
        """Build the background model."""
        from bayes_onoff.inference.settings import BackgroundModel

        return BackgroundModel(**self.model_dump(exclude_none=True))


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
