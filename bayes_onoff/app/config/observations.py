"""The block of a configuration that says where the data come from."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from bayes_onoff.app.config.block import Block
from bayes_onoff.app.config.regions import PositionBlock
from bayes_onoff.app.config.values import Duration, PathText, PositiveAngle, ZenithAngle, one_of, refused

if TYPE_CHECKING:
    from bayes_onoff.dl3 import Selection
    from bayes_onoff.reduction import TimeGrouping

__all__ = [
    "By",
    "ConeBlock",
    "GroupingBlock",
    "ObservationsBlock",
    "QualityBlock",
    "TimeBlock",
    "ZenithBlock",
    "by_or_block",
]

SELECTION = ("cone", "target", "time", "zenith", "quality")


def _one_or_more(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _utc(value: object) -> object:
    """Accept a date, or a date and time, in UTC; seconds may have decimals."""
    try:
        parsed = dt.datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        parsed = None
    if parsed is None or parsed.tzinfo is not None:
        raise refused("not a date and time", found=value, allowed="UTC such as 2004-12-04 or 2004-12-04T22:08:51")
    return value


UtcTime = Annotated[str, BeforeValidator(_utc)]
"""A date and time in UTC, as ISO 8601 text."""


def _to_mjd(time: str) -> float:
    """Convert a UTC text to MJD in TT."""
    from astropy.time import Time

    return float(Time(time, format="isot" if "T" in time else "iso", scale="utc").tt.mjd)


class ConeBlock(Block):
    """Runs that point to within `radius` of a position."""

    center: PositionBlock = Field(description="frame, lon, lat")
    radius: PositiveAngle = Field(description="an angle, for example 2 deg")


class TimeBlock(Block):
    """Runs that lie completely between two times, UTC."""

    start: UtcTime | None = None
    stop: UtcTime | None = None

    @model_validator(mode="after")
    def _upright(self) -> Self:
        if self.start is None and self.stop is None:
            raise refused("empty", allowed="start, stop or both")
        if self.start is not None and self.stop is not None and not _to_mjd(self.start) < _to_mjd(self.stop):
            raise refused("upside down", found=f"start {self.start}, stop {self.stop}", allowed="start < stop")
        return self

    def to_limits(self) -> tuple[float | None, float | None]:
        """Start and stop, MJD in TT; None where open."""
        start, stop = (None if time is None else _to_mjd(time) for time in (self.start, self.stop))
        return start, stop


class ZenithBlock(Block):
    """Runs whose zenith angle lies in a range."""

    min: ZenithAngle = 0.0
    max: ZenithAngle = 90.0

    @model_validator(mode="after")
    def _upright(self) -> Self:
        if not self.min < self.max:
            raise refused("upside down", found=f"min {self.min:g} deg, max {self.max:g} deg", allowed="min < max")
        return self


class QualityBlock(Block):
    """Runs whose value in a column of the observation index is allowed."""

    column: str = "QUALITY"
    allowed: Annotated[tuple[int | str, ...], Field(strict=False, min_length=1)] = Field(
        description="a list of values, for example [0, 1]"
    )


By = Literal["run", "night", "bins"]


class GroupingBlock(Block):
    """A spectrum a run, a night, or a bin in time: of one `width` from the first start, or between `edges`, UTC."""

    by: Annotated[By, one_of(By)] = "bins"
    width: Duration | None = Field(None, description="a time, for example 30 min")
    edges: Annotated[tuple[UtcTime, ...], Field(strict=False, min_length=2)] | None = Field(
        None, description="a list of times, UTC"
    )

    @model_validator(mode="after")
    def _one_description(self) -> Self:
        described = [key for key in ("width", "edges") if getattr(self, key) is not None]
        if self.by == "bins" and len(described) != 1:
            found = " and ".join(described) or "neither"
            raise refused("not one description of time bins", found=found, allowed="either `width` or `edges`")
        if self.by != "bins" and described:
            raise refused("only with `by: bins`", key=described[0])
        self.to_grouping()
        return self

    def to_grouping(self) -> TimeGrouping:
        """Build the grouping."""
        from bayes_onoff.reduction import TimeGrouping

        edges = None if self.edges is None else tuple(_to_mjd(edge) for edge in self.edges)
        return TimeGrouping(self.by, width=self.width, edges=edges)


def by_or_block(value: object) -> object:
    """Read the name of a grouping as the block that holds nothing else."""
    return {"by": value} if isinstance(value, str) else value


class ObservationsBlock(Block):
    """Where the data come from: runs of a data store, or OGIP files."""

    store: PathText | None = Field(None, description="a GADF data store: its folder, or the file of one run")
    ids: Annotated[tuple[int, ...], Field(strict=False)] | None = Field(None, description="observation ids")
    cone: ConeBlock | None = None
    target: (
        Annotated[
            tuple[str, ...],
            BeforeValidator(_one_or_more, json_schema_input_type=str | tuple[str, ...]),
            Field(strict=False),
        ]
        | None
    ) = None
    time: TimeBlock | None = None
    zenith: ZenithBlock | None = None
    quality: QualityBlock | None = None
    grouping: Annotated[GroupingBlock, BeforeValidator(by_or_block, json_schema_input_type=By | GroupingBlock)] = (
        GroupingBlock(by="run", width=None, edges=None)
    )
    ogip: Annotated[tuple[PathText, ...], Field(strict=False)] | None = Field(
        None, description="instead of a store: PHA files or patterns"
    )

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.store is None) == (self.ogip is None):
            raise refused("one source of data is needed", allowed="either `store` with `ids`, or `ogip`")
        if self.ogip is not None and not self.ogip:
            raise refused("no files", key="ogip", allowed="a list of at least one PHA file or pattern")
        for key in ("ids", *SELECTION, "grouping"):
            if self.ogip is not None and key in self.model_fields_set:
                raise refused("only with `store`", key=key)
        return self

    @model_validator(mode="after")
    def _some_runs(self) -> Self:
        selected = any(getattr(self, key) is not None for key in SELECTION)
        if self.ids == () or (self.store is not None and self.ids is None and not (selected or self.is_one_file)):
            allowed = f"a list of at least one observation id, or a selection: {', '.join(SELECTION)}"
            raise refused("which runs?", key="ids", allowed=allowed)
        if self.ids and len(set(self.ids)) < len(self.ids):
            raise refused("a run occurs twice", key="ids", found=list(self.ids))
        return self

    @property
    def is_one_file(self) -> bool:
        """Whether the store is the file of a single run."""
        return self.store is not None and Path(self.store).is_file()

    def to_selection(self) -> Selection:
        """Build the selection of runs."""
        from bayes_onoff.dl3 import Selection

        cone, zenith, quality = self.cone, self.zenith, self.quality
        return Selection(
            ids=self.ids,
            cone=None if cone is None else (cone.center.to_coord(), cone.radius),
            time=None if self.time is None else self.time.to_limits(),
            target=self.target,
            zenith=None if zenith is None else (zenith.min, zenith.max),
            quality=None if quality is None else (quality.column, quality.allowed),
        )
