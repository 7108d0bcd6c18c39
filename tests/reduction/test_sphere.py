import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from hypothesis import given
from hypothesis import strategies as st

from bayes_onoff.reduction.sphere import lon_lat, north_of, rotation, separation, sky_coord, unit_vector, unit_vectors

longitude = st.floats(0, 359.999)
latitude = st.floats(-89.9, 89.9)


@given(longitude, latitude)
def test_positions_survive_the_round_trip(lon: float, lat: float) -> None:
    back = lon_lat(unit_vectors(lon, lat))
    assert back[0] == pytest.approx(lon, abs=1e-10) or abs(back[0] - lon) == pytest.approx(360, abs=1e-10)
    assert back[1] == pytest.approx(lat, abs=1e-10)


@given(longitude, latitude, longitude, latitude)
def test_separation_is_astropys(lon1: float, lat1: float, lon2: float, lat2: float) -> None:
    ours = separation(unit_vectors(lon1, lat1), unit_vectors(lon2, lat2))
    theirs = SkyCoord(lon1, lat1, unit="deg").separation(SkyCoord(lon2, lat2, unit="deg")).rad
    assert ours == pytest.approx(theirs, abs=1e-7)


def test_small_separations_keep_their_precision() -> None:
    assert separation(unit_vectors(10, 60), unit_vectors(10, 60 + 1e-9)) == pytest.approx(np.deg2rad(1e-9), rel=1e-5)


@given(longitude, latitude, st.floats(0.01, 3), st.floats(0.1, 6))
def test_rotation_goes_from_north_to_east(lon: float, lat: float, distance: float, angle: float) -> None:
    pivot = SkyCoord(lon, lat, unit="deg")
    start = pivot.directional_offset_by(10 * u.deg, distance * u.deg)
    expected = pivot.directional_offset_by((10 + np.rad2deg(angle)) * u.deg, distance * u.deg)
    turned = rotation(unit_vector(pivot), angle) @ unit_vector(start)
    assert separation(turned, unit_vector(expected)) < 1e-10


def test_galactic_positions_are_converted() -> None:
    crab = SkyCoord(184.5575, -5.7844, unit="deg", frame="galactic")
    assert sky_coord(unit_vector(crab)).separation(crab).arcsec < 1e-6


def test_north_at_the_pole_is_some_tangent() -> None:
    pole = unit_vectors(0, 90)
    north = north_of(pole, pole)
    assert np.linalg.norm(north) == pytest.approx(1)
    assert north @ pole == pytest.approx(0, abs=1e-12)
