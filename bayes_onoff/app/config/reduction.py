"""The blocks of a configuration that say how runs become spectra: energy axes, OFF regions, response, safe range."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Literal, Self

import astropy.units as u
from pydantic import BeforeValidator, Field, model_validator

from bayes_onoff.app.config.block import Block
from bayes_onoff.app.config.values import AngleRad, AtLeastOne, Energy, Fraction, PositiveAngle, one_of, refused
from bayes_onoff.axes import EnergyAxis
from bayes_onoff.errors import InputError

if TYPE_CHECKING:
    from bayes_onoff.reduction.settings import ReductionSettings

__all__ = ["AxisBlock", "FitRangeBlock", "OffRegionsBlock", "ReductionBlock", "SafeRangeBlock"]

OffMethod = Literal["reflected", "wobble", "phase"]
Placement = Literal["exact", "gammapy"]
Evaluation = Literal["center", "region-average"]


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


def _one_or_more(value: object) -> object:
    """Accept one interval for a list of one."""
    is_interval = isinstance(value, list) and value and not any(isinstance(entry, list) for entry in value)
    return [value] if is_interval else value


Interval = Annotated[tuple[float, float], Field(strict=False)]
PhaseIntervals = Annotated[
    tuple[Interval, ...],
    Field(strict=False),
    BeforeValidator(_one_or_more, json_schema_input_type=Interval | tuple[Interval, ...]),
]


class OffRegionsBlock(Block):
    """How OFF regions are found; the options below `placement` have gammapy's names."""

    method: Annotated[OffMethod, one_of(OffMethod)] = "reflected"
    placement: Annotated[Placement, one_of(Placement)] = "exact"
    angle_increment: AngleRad = 0.1
    min_distance: AngleRad = 0.0
    min_distance_input: AngleRad = 0.1
    max_region_number: AtLeastOne = 10000
    n_off_regions: AtLeastOne = 3
    on_phase: PhaseIntervals = ()
    off_phase: PhaseIntervals = ()
    phase_column_name: str = "PHASE"


class SafeRangeBlock(Block):
    """Which reconstructed energies can be trusted; criteria are combined."""

    aeff_default: bool = False
    aeff_max: Fraction | None = None
    edisp_bias: Fraction | None = None
    bkg_peak: bool = False
    offset_max: PositiveAngle | None = None


class ReductionBlock(Block):
    """From events to ON/OFF spectra."""

    off_regions: OffRegionsBlock = OffRegionsBlock()
    exposure: Annotated[Evaluation, one_of(Evaluation)] | None = None
    edisp: Annotated[Evaluation, one_of(Evaluation)] | None = None
    containment_correction: bool = False
    safe_range: SafeRangeBlock = SafeRangeBlock(aeff_max=0.10)

    @model_validator(mode="after")
    def _choices_agree(self) -> Self:
        self.to_settings()
        return self

    def to_settings(self) -> ReductionSettings:
        """Build the reduction's settings."""
        from bayes_onoff.reduction.settings import ReductionSettings, SafeRange

        options = {key: getattr(self.off_regions, key) for key in OffRegionsBlock.model_fields if key != "method"}
        safe_range = SafeRange(**{key: getattr(self.safe_range, key) for key in SafeRangeBlock.model_fields})
        return ReductionSettings(
            off_method=self.off_regions.method,
            exposure=self.exposure,
            edisp=self.edisp,
            containment_correction=self.containment_correction,
            safe_range=safe_range,
            **options,
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
