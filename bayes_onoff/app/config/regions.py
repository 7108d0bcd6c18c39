"""The blocks of a configuration that are regions on the sky."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, Self

import astropy.units as u
from pydantic import Field, field_validator, model_validator

from bayes_onoff.app.config.block import Block
from bayes_onoff.app.config.values import Angle, PathText, PositiveAngle, one_of, refused
from bayes_onoff.errors import FileError

if TYPE_CHECKING:
    from astropy.coordinates import SkyCoord
    from regions import SkyRegion

    from bayes_onoff.reduction import ExclusionMask

__all__ = ["ExclusionBlock", "PositionBlock", "RegionBlock"]

Frame = Literal["icrs", "galactic"]
Shape = Literal["circle", "ellipse", "rectangle", "annulus", "polygon", "point"]
SIZES = {
    "circle": ("center", "radius"),
    "ellipse": ("center", "width", "height", "angle"),
    "rectangle": ("center", "width", "height", "angle"),
    "annulus": ("center", "inner_radius", "outer_radius"),
    "polygon": ("vertices",),
    "point": ("center",),
}
"""The keys of each shape; all but `angle` are needed."""


class PositionBlock(Block):
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

    def to_coord(self) -> SkyCoord:
        """Build the coordinate, in its own frame."""
        from astropy.coordinates import SkyCoord

        return SkyCoord(self.lon * u.deg, self.lat * u.deg, frame=self.frame)


class RegionBlock(Block):
    """A region on the sky: a shape with its sizes, or a DS9 region file."""

    shape: Annotated[Shape, one_of(Shape)] | None = Field(None, description="circle, ellipse, rectangle, ...")
    center: PositionBlock | None = Field(None, description="frame, lon, lat")
    radius: PositiveAngle | None = Field(None, description="an angle, for example 0.11 deg")
    width: PositiveAngle | None = Field(None, description="the full size from east to west")
    height: PositiveAngle | None = Field(None, description="the full size from south to north")
    angle: Angle | None = Field(None, description="rotation of the width on the sky, from west to north")
    inner_radius: PositiveAngle | None = Field(None, description="an angle, for example 0.2 deg")
    outer_radius: PositiveAngle | None = Field(None, description="an angle, for example 0.4 deg")
    vertices: Annotated[tuple[PositionBlock, ...], Field(strict=False)] | None = Field(
        None, description="a list of at least three positions: frame, lon, lat"
    )
    file: PathText | None = Field(None, description="a DS9 region file")

    @model_validator(mode="after")
    def _one_description(self) -> Self:
        other = [key for key in type(self).model_fields if key not in ("shape", *self._sources())]
        given = [key for key in other if getattr(self, key) is not None]
        sources = [key for key in ("shape", *self._sources()) if getattr(self, key) is not None]
        if len(sources) != 1:
            allowed = " or ".join(("`shape` with its sizes", *(f"`{key}`" for key in self._sources())))
            raise refused("not one description of a region", found=", ".join(sources) or "none", allowed=allowed)
        keys = SIZES[self.shape] if self.shape is not None else ()
        what = f"shape {self.shape}" if self.shape is not None else f"`{sources[0]}`"
        for key in given:
            if key not in keys:
                raise refused(f"not with {what}", key=key, allowed=", ".join(keys) or "nothing beside it")
        for key in keys:
            if key not in given and key != "angle":
                raise refused("missing", key=key, allowed=type(self).model_fields[key].description)
        if self.vertices is not None and len(self.vertices) < 3:
            raise refused("too few", key="vertices", found=len(self.vertices), allowed="at least three")
        if self.vertices is not None and len({vertex.frame for vertex in self.vertices}) > 1:
            raise refused("in different frames", key="vertices", allowed="one frame")
        if self.inner_radius is not None and self.outer_radius is not None and self.inner_radius >= self.outer_radius:
            raise refused("not larger than inner_radius", key="outer_radius", found=f"{self.outer_radius:g} deg")
        return self

    @classmethod
    def _sources(cls) -> tuple[str, ...]:
        """List the keys that stand for a whole region."""
        return ("file",)

    @property
    def files(self) -> tuple[Path, ...]:
        """The files that are read."""
        return () if self.file is None else (Path(self.file),)

    def to_region(self) -> SkyRegion:
        """Build the region, which must be one.

        Raises
        ------
        FileError
            If the file is missing, damaged, or holds several regions.
        """
        if self.file is None:
            return self._shaped()
        from bayes_onoff.reduction import read_region_file

        found = read_region_file(self.file)
        if len(found) != 1:
            raise FileError(self.file, "not one region", found=f"{len(found)} regions", allowed="exactly one")
        return found[0]

    def _shaped(self) -> SkyRegion:
        import regions
        from astropy.coordinates import SkyCoord

        if self.vertices is not None:
            lon, lat = ([getattr(vertex, key) for vertex in self.vertices] for key in ("lon", "lat"))
            return regions.PolygonSkyRegion(SkyCoord(lon * u.deg, lat * u.deg, frame=self.vertices[0].frame))
        assert self.center is not None  # every other shape has one
        shapes = {
            "circle": regions.CircleSkyRegion,
            "ellipse": regions.EllipseSkyRegion,
            "rectangle": regions.RectangleSkyRegion,
            "annulus": regions.CircleAnnulusSkyRegion,
            "point": regions.PointSkyRegion,
        }
        sizes = {key: getattr(self, key) for key in SIZES[str(self.shape)] if key != "center"}
        given = {key: value * u.deg for key, value in sizes.items() if value is not None}
        return shapes[str(self.shape)](self.center.to_coord(), **given)


class ExclusionBlock(RegionBlock):
    """Where OFF regions may not be: a region, a DS9 region file, or a FITS image that is 0 there and 1 elsewhere."""

    mask: PathText | None = Field(None, description="a FITS image, 0 where excluded")

    @classmethod
    def _sources(cls) -> tuple[str, ...]:
        return ("file", "mask")

    @property
    def files(self) -> tuple[Path, ...]:
        """The files that are read."""
        return tuple(Path(path) for path in (self.file, self.mask) if path is not None)

    def to_exclusion(self) -> tuple[SkyRegion | ExclusionMask, ...]:
        """Build the regions or the mask.

        Raises
        ------
        FileError
            If a file is missing or damaged.
        """
        from bayes_onoff.reduction import read_exclusion_mask, read_region_file

        if self.file is not None:
            return read_region_file(self.file)
        return (self.to_region() if self.mask is None else read_exclusion_mask(self.mask),)
