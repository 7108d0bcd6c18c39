"""The only place where quantities with units become plain floats, and back.

Inside the package energies are TeV, areas cm2, times s, angles deg; derived units follow
(exposure cm2 s, differential flux cm-2 s-1 TeV-1). Public functions take and return `astropy.units.Quantity`.
"""

import astropy.units as u
import numpy as np
from numpy.typing import NDArray

from bayes_onoff.errors import InputError

__all__ = [
    "ANGLE",
    "AREA",
    "BACKGROUND_RATE",
    "DIMENSIONLESS",
    "ENERGY",
    "ENERGY_FLUX",
    "EXPOSURE",
    "FLUX",
    "FLUX_DENSITY",
    "KEV_PER_TEV",
    "PER_SOLID_ANGLE",
    "SECONDS_PER_DAY",
    "TEV_PER_ERG",
    "TIME",
    "parse_quantity",
    "to_array",
    "to_float",
]

ENERGY = u.TeV
AREA = u.cm**2
TIME = u.s
ANGLE = u.deg
EXPOSURE = AREA * TIME
FLUX = 1 / (AREA * TIME)
FLUX_DENSITY = 1 / (AREA * TIME * ENERGY)
ENERGY_FLUX = u.erg / (AREA * TIME)
DIMENSIONLESS = u.dimensionless_unscaled
PER_SOLID_ANGLE = u.sr**-1
BACKGROUND_RATE = (TIME * ENERGY * u.sr) ** -1
TEV_PER_ERG = float(u.erg.to(ENERGY))
KEV_PER_TEV = float(ENERGY.to(u.keV))
SECONDS_PER_DAY = float(u.day.to(TIME))


def _converted(value: u.Quantity, unit: u.UnitBase, name: str) -> NDArray[np.float64]:
    try:
        return np.asarray(u.Quantity(value).to_value(unit), dtype=float)
    except (u.UnitConversionError, TypeError, ValueError) as error:
        raise InputError(
            "the unit is of the wrong kind", place=name, found=str(value), allowed=f"a unit convertible to {unit}"
        ) from error


def to_float(value: u.Quantity, unit: u.UnitBase, name: str) -> float:
    """Convert a scalar quantity to a float in `unit`.

    Parameters
    ----------
    value : Quantity
        Scalar with a unit convertible to `unit`.
    unit : Unit
        The internal unit.
    name : str
        The name to blame in the error.

    Raises
    ------
    InputError
        If the unit is of another kind, or the value is not a finite scalar.
    """
    array = _converted(value, unit, name)
    if array.ndim != 0 or not np.isfinite(array):
        raise InputError("not a finite scalar", place=name, found=str(value), allowed=f"one number in {unit}")
    return float(array)


def to_array(value: u.Quantity, unit: u.UnitBase, name: str) -> NDArray[np.float64]:
    """Convert an array quantity to floats in `unit` (same shape).

    Raises
    ------
    InputError
        If the unit is of another kind.
    """
    return _converted(value, unit, name)


def parse_quantity(text: str | float, unit: u.UnitBase, name: str) -> float:
    """Read a number with a unit, such as ``"0.11 deg"`` or ``"10 %"``, as a float in `unit`.

    A bare number is accepted only where `unit` is dimensionless.

    Raises
    ------
    InputError
        If the text is no quantity or its unit is of the wrong kind.
    """
    try:
        value = u.Quantity(text)
    except (TypeError, ValueError) as error:
        raise InputError(
            "not a number with a unit", place=name, found=text, allowed=f"for example '1 {unit}'"
        ) from error
    return to_float(value, unit, name)
