import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from hypothesis import given
from hypothesis import strategies as st
from regions import CircleSkyRegion, LineSkyRegion, SkyRegion

from bayes_onoff.errors import ConfigError
from bayes_onoff.reduction.shapes import Circle, area_points, shape_of
from bayes_onoff.reduction.sphere import rotation, separation, unit_vectors

CENTER = SkyCoord(347.3, -0.5, unit="deg", frame="galactic")
CIRCLE = CircleSkyRegion(CENTER, 2 * u.deg)


def test_a_circle_in_any_frame() -> None:
    shape = shape_of(CircleSkyRegion(CENTER, 30 * u.arcmin), "on_region")
    assert isinstance(shape, Circle)
    assert np.rad2deg(shape.radius) == pytest.approx(0.5)
    back = shape.to_sky()
    assert back.center.separation(CENTER).arcsec < 1e-6
    assert back.radius.deg == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("region", "name"),
    [(LineSkyRegion(CENTER, CENTER), "line"), (CircleSkyRegion(CENTER, 1 * u.deg) | CIRCLE, "compound")],
)
def test_what_has_no_inside_is_refused(region: SkyRegion, name: str) -> None:
    with pytest.raises(
        ConfigError, match=rf"exclusion\[2\]\.shape: not a shape with an inside.*found '{name}'; allowed: circle, ell"
    ):
        shape_of(region, "exclusion[2]")


def test_a_radius_of_half_the_sky_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"on_region\.radius: not a radius; found '95.0 deg'; allowed: above 0 deg"):
        shape_of(CircleSkyRegion(CENTER, 95 * u.deg), "on_region")


def test_the_boundary_is_outside() -> None:
    shape = Circle(unit_vectors(0, 0), np.deg2rad(1))
    inside = shape.contains(unit_vectors([0, 0.999999, 1.000001, 180], [0, 0, 0, 0]))
    assert inside.tolist() == [True, True, False, False]


@given(st.floats(0.01, 2), st.floats(1.01, 20))
def test_circles_one_angular_size_apart_touch(radius: float, ratio: float) -> None:
    on = Circle(unit_vectors(0, np.deg2rad(radius * ratio) * 180 / np.pi), np.deg2rad(radius))
    pivot = unit_vectors(0, 0)
    turned = on.rotated(rotation(pivot, on.angular_size(pivot)))
    assert separation(on.center, turned.center) == pytest.approx(2 * on.radius, rel=1e-9)


def test_angular_size_agrees_with_points_on_the_circle() -> None:
    on, pivot = Circle(unit_vectors(0, 1.5), np.deg2rad(0.5)), unit_vectors(0, 0)
    edge = SkyCoord(0, 1.5, unit="deg").directional_offset_by(np.linspace(0, 360, 20001) * u.deg, 0.5 * u.deg)
    azimuth = SkyCoord(0, 0, unit="deg").position_angle(edge).wrap_at("180deg").rad
    assert on.angular_size(pivot) == pytest.approx(np.ptp(azimuth), rel=1e-7)


@pytest.mark.parametrize(("distance", "overlap"), [(1.4, True), (1.499999, True), (1.500001, False), (170, False)])
def test_overlap(distance: float, overlap: bool) -> None:
    a, b = Circle(unit_vectors(20, 0), np.deg2rad(1)), Circle(unit_vectors(20 + distance, 0), np.deg2rad(0.5))
    assert a.overlaps(b) is overlap
    assert b.overlaps(a) is overlap


def test_area_points_cover_a_circle_evenly() -> None:
    shape = Circle(unit_vectors(100, -60), np.deg2rad(2))
    distance = separation(area_points(shape), shape.center)
    share = np.mean(distance[:, None] < np.deg2rad([0.5, 1, 1.5]), axis=0)
    expected = (1 - np.cos(np.deg2rad([0.5, 1, 1.5]))) / (1 - np.cos(shape.radius))
    assert share == pytest.approx(expected, abs=2e-4)
    assert np.linalg.norm(area_points(shape).mean(axis=0) - shape.center) < 4e-4
