import astropy.units as u
import numpy as np
import pytest

from bayes_onoff.errors import InputError
from bayes_onoff.units import (
    ANGLE,
    DIMENSIONLESS,
    ENERGY,
    FLUX_DENSITY,
    KEV_PER_TEV,
    TEV_PER_ERG,
    parse_quantity,
    to_array,
    to_float,
)


def test_quantities_become_floats_in_the_internal_unit():
    assert to_float(500 * u.GeV, ENERGY, "energy") == pytest.approx(0.5)
    assert to_float(3.45e-7 * u.Unit("m-2 s-1 TeV-1"), FLUX_DENSITY, "amplitude") == pytest.approx(3.45e-11)
    np.testing.assert_allclose(to_array([1, 2] * u.GeV, ENERGY, "energy"), [1e-3, 2e-3])


def test_constants_are_the_conversions():
    assert KEV_PER_TEV == 1e9
    assert pytest.approx(1 / 1.602176634, rel=1e-12) == TEV_PER_ERG


@pytest.mark.parametrize(
    ("text", "unit", "expected"),
    [("0.11 deg", ANGLE, 0.11), ("6 arcmin", ANGLE, 0.1), ("10 %", DIMENSIONLESS, 0.1), (0.1, DIMENSIONLESS, 0.1)],
)
def test_text_is_read_as_a_number_with_a_unit(text, unit, expected):
    assert parse_quantity(text, unit, "key") == pytest.approx(expected)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: parse_quantity("wide", ANGLE, "radius"),
            "radius: not a number with a unit; found 'wide'; allowed: for",
        ),
        (lambda: parse_quantity("1 TeV", ANGLE, "radius"), "radius: the unit is of the wrong kind; found '1.0 TeV'"),
        (lambda: parse_quantity(1.0, ANGLE, "radius"), "radius: the unit is of the wrong kind; found '1.0'"),
        (lambda: parse_quantity("nan deg", ANGLE, "radius"), "radius: not a finite scalar; found 'nan deg'"),
        (lambda: to_float([1, 2] * u.TeV, ENERGY, "min"), "min: not a finite scalar"),
        (lambda: to_array([1, 2] * u.s, ENERGY, "edges"), "edges: the unit is of the wrong kind"),
    ],
)
def test_a_wrong_unit_is_refused_by_name(call, message):
    with pytest.raises(InputError, match=message):
        call()
