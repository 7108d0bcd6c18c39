"""The kinds of values a configuration may hold, each with its own refusal.

Quantities are texts with a unit, checked by kind. They become plain floats in the package's units, and are written
back with that unit.
"""

import difflib
import math
import os
import re
from collections.abc import Collection
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import astropy.units as u
from pydantic import BeforeValidator, Field, PlainSerializer, ValidationInfo
from pydantic_core import PydanticCustomError

from bayes_onoff.errors import InputError
from bayes_onoff.units import ANGLE, ENERGY, parse_quantity

__all__ = [
    "AlphaUncertainty",
    "Angle",
    "AngleRad",
    "AtLeastOne",
    "Duration",
    "Energy",
    "Fraction",
    "PathText",
    "PositiveAngle",
    "ZenithAngle",
    "nearest",
    "one_of",
    "refused",
]


def refused(
    problem: str, *, found: object = None, allowed: str | None = None, key: str | None = None
) -> PydanticCustomError:
    """Build the error that pydantic carries, with its key path, to `bayes_onoff.app.config.load_config`.

    Parameters
    ----------
    problem, found, allowed
        As for `bayes_onoff.errors.InputError`.
    key : str, optional
        The key below the one being validated.
    """
    return PydanticCustomError(
        "refused", "{problem}", {"problem": problem, "found": found, "allowed": allowed, "key": key}
    )


def nearest(word: str, known: Collection[str]) -> str:
    """Say what is allowed instead of `word`, the nearest name first."""
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    listed = ", ".join(known)
    return f"{close[0]} (did you mean that?), or one of {listed}" if close else listed


def _quantity(
    unit: u.UnitBase,
    *,
    above: float | None = None,
    below: float | None = None,
    between: tuple[float, float] = (-math.inf, math.inf),
) -> Any:
    """Read a number with a unit as a float in `unit`: inside open limits, or between two that are allowed too."""
    example = f"a number with a unit such as {unit}" if str(unit) else "a percentage, for example '10 %'"

    def read(value: object) -> float:
        if isinstance(value, bool) or not isinstance(value, (str, int, float)):
            raise refused("not a number with a unit", found=value, allowed=example)
        try:
            number = parse_quantity(value, unit, "value")
        except InputError as error:
            raise refused(error.problem, found=value, allowed=example) from error
        if above is not None and not number > above:
            raise refused("out of range", found=str(value), allowed=f"above {above:g} {unit}".strip())
        if below is not None and not number < below:
            raise refused("out of range", found=str(value), allowed=f"below {below:g} {unit}".strip())
        if not between[0] <= number <= between[1]:
            raise refused("out of range", found=str(value), allowed=f"{between[0]:g} to {between[1]:g} {unit}".strip())
        return number

    # What the file holds, for its schema.
    return BeforeValidator(read, json_schema_input_type=str if str(unit) else str | float)


def _with_unit(unit: u.UnitBase) -> PlainSerializer:
    return PlainSerializer(lambda value: f"{value!r} {unit}".strip(), return_type=str)


Energy = Annotated[float, _quantity(ENERGY, above=0), _with_unit(ENERGY)]
"""An energy, TeV."""
Angle = Annotated[float, _quantity(ANGLE), _with_unit(ANGLE)]
"""An angle, deg."""
PositiveAngle = Annotated[float, _quantity(ANGLE, above=0), _with_unit(ANGLE)]
"""An angle above 0, deg."""
Duration = Annotated[float, _quantity(u.s, above=0), _with_unit(u.s)]
"""A time above 0, s."""
ZenithAngle = Annotated[float, _quantity(ANGLE, between=(0, 90)), _with_unit(ANGLE)]
"""An angle from 0 to 90 deg."""
AngleRad = Annotated[float, _quantity(u.rad), _with_unit(u.rad)]
"""An angle, rad."""
AtLeastOne = Annotated[int, Field(ge=1)]
"""A whole number, 1 or more."""
_read_fraction = _quantity(u.dimensionless_unscaled, above=0, below=1)


def _percentage(value: float) -> str:
    return f"{100 * value:.10g} %"


Fraction = Annotated[float, _read_fraction, PlainSerializer(_percentage, return_type=str)]
"""A part of one, between 0 and 1; written as a percentage."""


def _read_alpha_uncertainty(value: object) -> object:
    if value == "learned":
        return value
    try:
        return _read_fraction.func(value)
    except PydanticCustomError as error:
        context = error.context or {}
        allowed = "a percentage above 0 %, below 100 %, or 'learned'"
        raise refused(context["problem"], found=context["found"], allowed=allowed) from error


AlphaUncertainty = Annotated[
    float | Literal["learned"],
    BeforeValidator(_read_alpha_uncertainty, json_schema_input_type=str | float),
    PlainSerializer(lambda value: value if isinstance(value, str) else _percentage(value), return_type=str),
]
"""A relative uncertainty, between 0 and 1, or the word ``learned``."""


def one_of(words: Any) -> BeforeValidator:
    """Accept one of a few words, given as a Literal or a collection."""
    names: tuple[str, ...] = get_args(words) or tuple(words)

    def read(value: object) -> object:
        if value not in names:
            allowed = nearest(value, names) if isinstance(value, str) else ", ".join(names)
            raise refused("unknown value", found=value, allowed=allowed)
        return value

    allowed_words: Any = Literal[names]
    return BeforeValidator(read, json_schema_input_type=allowed_words)


def _expand(value: object, info: ValidationInfo) -> object:
    if not isinstance(value, str) or not value:
        raise refused("not a path", found=value, allowed="a text")

    def variable(match: re.Match[str]) -> str:
        name = match.group(1)
        if not os.environ.get(name):
            raise refused(f"the environment variable {name} is not set", found=value)
        return os.environ[name]

    expanded = Path(re.sub(r"\$\{(\w+)\}", variable, value)).expanduser()
    folder = (info.context or {}).get("folder", Path())
    return str(folder / expanded)


PathText = Annotated[str, BeforeValidator(_expand)]
"""A path: ``${VAR}`` is an environment variable; relative to the configuration's folder."""
