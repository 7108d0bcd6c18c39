"""The configuration of an analysis: the file's blocks put together, and how a file is read.

The blocks themselves are in the other modules of this folder.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, ValidationError, ValidationInfo, field_validator, model_validator
from pydantic_core import ErrorDetails

from bayes_onoff.app.config.block import Block
from bayes_onoff.app.config.light_curve import LightCurveBlock
from bayes_onoff.app.config.model import (
    BackgroundBlock,
    DetectionBlock,
    ModelBlock,
    SamplingBlock,
    SystematicsBlock,
    name_or_block,
)
from bayes_onoff.app.config.observations import By, ObservationsBlock, by_or_block
from bayes_onoff.app.config.reduction import AxisBlock, FitRangeBlock, ReductionBlock
from bayes_onoff.app.config.regions import ExclusionBlock, RegionBlock
from bayes_onoff.app.config.values import refused
from bayes_onoff.app.config.yaml_file import read_yaml
from bayes_onoff.errors import ConfigError, InputError
from bayes_onoff.models import SpectralModel

__all__ = ["Configuration", "load_config", "make_config"]


DRAWS_TO_COMPARE = 100
"""The tails of the importance weights (PSIS) cannot be smoothed with much fewer."""


ModelOrName = Annotated[ModelBlock, BeforeValidator(name_or_block, json_schema_input_type=str | ModelBlock)]


class Configuration(Block):
    """A whole analysis."""

    name: str = Field(description="label of the analysis")
    observations: ObservationsBlock = Field(description="a data store with observation ids, or OGIP files")
    on_region: RegionBlock | None = Field(None, description="a region on the sky")
    exclusion: Annotated[tuple[ExclusionBlock, ...], Field(strict=False)] = ()
    energy: AxisBlock | None = Field(None, description="reconstructed energy: min, max, bins")
    energy_true: AxisBlock | None = Field(None, description="true energy: min, max, bins")
    reduction: ReductionBlock = ReductionBlock()
    fit_range: FitRangeBlock | None = None
    model: ModelBlock = ModelBlock()
    background: BackgroundBlock = BackgroundBlock()
    systematics: SystematicsBlock = SystematicsBlock()
    sampling: SamplingBlock = SamplingBlock()
    stacked: bool = False
    flux_points: AxisBlock | None = None
    detection: DetectionBlock = DetectionBlock()
    unfolding: bool = False
    light_curve: (
        Annotated[LightCurveBlock, BeforeValidator(by_or_block, json_schema_input_type=By | LightCurveBlock)] | None
    ) = None
    compare: Annotated[tuple[ModelOrName, ...], Field(strict=False)] = ()

    @field_validator("name")
    @classmethod
    def _usable_as_file_name(cls, value: str) -> str:
        if not value.strip() or value != Path(value).name:
            raise refused("not usable as a file name", found=value, allowed="a word without slashes")
        return value

    @field_validator("compare")
    @classmethod
    def _complete_from_main_model(cls, entries: tuple[ModelBlock, ...], info: ValidationInfo) -> tuple[ModelBlock, ...]:
        main = info.data.get("model")
        return entries if main is None else tuple(entry.completed(main) for entry in entries)

    @field_validator("model", "compare")
    @classmethod
    def _spectra(cls, value: ModelBlock | tuple[ModelBlock, ...]) -> ModelBlock | tuple[ModelBlock, ...]:
        for block in (value,) if isinstance(value, ModelBlock) else value:
            try:
                block.to_model().require_spectrum()
            except InputError as error:
                raise refused(error.problem, key="shape", found=error.found, allowed=error.allowed) from error
        return value

    @model_validator(mode="after")
    def _reduction_needs_region_and_axes(self) -> Self:
        for key in ("on_region", "energy", "energy_true"):
            given = getattr(self, key) is not None
            if self.observations.store is not None and not given:
                raise refused("missing", key=key, allowed=type(self).model_fields[key].description)
        for key in ("on_region", "exclusion", "energy", "energy_true", "reduction"):
            if self.observations.ogip is not None and key in self.model_fields_set:
                raise refused(
                    "already decided in the OGIP files", key=key, allowed="no such key with observations.ogip"
                )
        return self

    @model_validator(mode="after")
    def _spectra_of_files_are_not_cut(self) -> Self:
        if self.observations.ogip is not None and self.light_curve is not None and self.light_curve.by != "run":
            raise refused(
                "OGIP files hold no events to cut in time",
                key="light_curve.by",
                found=self.light_curve.by,
                allowed="by: run, a flux for each file",
            )
        return self

    @model_validator(mode="after")
    def _light_curve_knows_no_systematics(self) -> Self:
        if self.light_curve is not None and self.systematics.to_systematics():
            allowed = "one of both; what is wrong with a response is common to all fluxes of an instrument"
            raise refused("not together with `light_curve`", key="systematics", allowed=allowed)
        return self

    @model_validator(mode="after")
    def _enough_draws_to_compare(self) -> Self:
        draws = self.sampling.draws * self.sampling.chains
        if self.compare and draws < DRAWS_TO_COMPARE:
            allowed = f"at least {DRAWS_TO_COMPARE} in all chains where models are compared"
            raise refused("too few draws", key="sampling.draws", found=f"{draws} in all chains", allowed=allowed)
        return self

    @property
    def model_files(self) -> tuple[Path, ...]:
        """The files of tables that the models stand on."""
        return tuple(Path(file) for block in (self.model, *self.compare) for file in block.files)

    def to_models(self) -> dict[str, SpectralModel]:
        """List the models to fit by label, the main one first.

        A label is the shape's name, numbered where it repeats; a model that is listed twice is fitted once.
        """
        models: dict[str, SpectralModel] = {}
        for block in (self.model, *self.compare):
            model = block.to_model()
            if model.to_dict() in [known.to_dict() for known in models.values()]:
                continue
            repeats = sum(known.label == model.label for known in models.values())
            models[model.label if not repeats else f"{model.label} ({repeats + 1})"] = model
        return models

    def to_dict(self) -> dict[str, Any]:
        """Write everything out, defaults filled in, as plain data that `Configuration` reads back to an equal value."""
        return self.model_dump(mode="json", exclude_none=True)


def _key_path(location: tuple[int | str, ...], key: str | None) -> str:
    path = ""
    for part in (*location, *([key] if key else [])):
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else part
    return path


def _shown(value: object) -> object:
    text = str(value)
    return value if len(text) <= 100 else text[:97] + "..."


def _as_config_error(details: ErrorDetails) -> ConfigError:
    context = details.get("ctx", {})
    if details["type"] == "refused":
        return ConfigError(
            context["problem"],
            found=_shown(context["found"]) if context["found"] is not None else None,
            allowed=context["allowed"],
            place=_key_path(details["loc"], context["key"]) or None,
        )
    place = _key_path(details["loc"], None)
    allowed = details["msg"].removeprefix("Input should be ")
    return ConfigError("not allowed", place=place, found=_shown(details["input"]), allowed=allowed)


def load_config(path: str | Path) -> Configuration:
    """Read a configuration file.

    Parameters
    ----------
    path : path-like
        YAML file. Paths in it are relative to its folder; ``${VAR}`` in a path is an environment variable.

    Raises
    ------
    FileError
        If the file is missing or not YAML.
    ConfigError
        If a key is unknown, missing or occurs twice, or a value is not allowed; `place` is the key's full path.
    """
    path = Path(path)
    return make_config({"name": path.stem, **read_yaml(path)}, path.parent)


def make_config(content: Mapping[str, Any], folder: str | Path = ".") -> Configuration:
    """Make a configuration of what a file would hold.

    Parameters
    ----------
    content : mapping
        Keys and values, quantities as texts with a unit.
    folder : path-like
        Paths are relative to it.

    Raises
    ------
    ConfigError
        As `load_config`.
    """
    try:
        return Configuration.model_validate(dict(content), context={"folder": Path(folder).absolute()})
    except ValidationError as error:
        raise _as_config_error(error.errors(include_url=False)[0]) from None
