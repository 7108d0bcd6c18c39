import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord, offset_by
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from regions import CircleSkyRegion, PointSkyRegion

from bayes_onoff.errors import ConfigError, ReductionError
from bayes_onoff.reduction.reflected import ExactPlacement, place_exactly, rotation_angles
from bayes_onoff.reduction.reflected_on_pixels import PixelPlacement, place_on_pixels
from bayes_onoff.reduction.settings import ReductionSettings
from bayes_onoff.reduction.shapes import Circle, shape_of
from bayes_onoff.reduction.sphere import rotation, separation, unit_vector, unit_vectors

DEFAULT = ReductionSettings()
pointings = st.builds(
    lambda lon, lat: SkyCoord(lon, lat, unit="deg"), st.floats(0, 359.99), st.one_of(st.floats(-90, 90), st.just(90.0))
)


def circle_at(pointing: SkyCoord, azimuth: float, offset: float, radius: float) -> Circle:
    lon, lat = offset_by(pointing.ra.rad, pointing.dec.rad, *np.deg2rad([azimuth, offset]))
    return Circle(unit_vectors(np.rad2deg(lon), np.rad2deg(lat)), float(np.deg2rad(radius)))


def gaps(shapes: list[Circle], others: list[Circle]) -> np.ndarray:
    """Distances in rad between the borders of circles, pair by pair; negative where they overlap."""
    if not others:
        return np.array([])
    one, two = (np.array([shape.center for shape in group]) for group in (shapes, others))
    radii = (np.array([shape.radius for shape in group]) for group in (shapes, others))
    between = separation(one[:, None], two[None, :]) - np.add.outer(*radii)
    return between[~np.equal.outer([id(shape) for shape in shapes], [id(shape) for shape in others])]


@settings(max_examples=100, deadline=None)
@given(
    pointings,
    st.floats(0, 360),
    st.floats(0.05, 4),
    st.floats(0.02, 0.99),
    st.lists(st.tuples(st.floats(0, 360), st.floats(0, 5), st.floats(0.01, 1)), max_size=4),
    st.sampled_from([0.0, 0.05]),
)
def test_exact_regions_never_overlap(
    pointing: SkyCoord,
    azimuth: float,
    offset: float,
    fraction: float,
    exclusion: list[tuple[float, float, float]],
    distance: float,
) -> None:
    on = circle_at(pointing, azimuth, offset, offset * fraction)
    excluded = [circle_at(pointing, *values) for values in exclusion]
    options = ReductionSettings(min_distance=distance, min_distance_input=distance)
    try:
        off = place_exactly(on, pointing, excluded, options, "run 1").off
    except ReductionError:
        assume(False)
    assert gaps(list(off), [on]).min() >= -1e-12
    assert gaps(list(off), list(off)).min(initial=1) >= -1e-12
    assert gaps(list(off), excluded).min(initial=1) >= -1e-12
    pivot = unit_vector(pointing)
    for shape in off:
        assert shape.radius == on.radius
        assert separation(shape.center, pivot) == pytest.approx(separation(on.center, pivot), abs=1e-12)


@settings(max_examples=30, deadline=None)
@given(pointings, st.floats(0, 360), st.floats(0.2, 2), st.floats(0.05, 0.9))
def test_no_position_lies_in_two_exact_regions(
    pointing: SkyCoord, azimuth: float, offset: float, fraction: float
) -> None:
    try:
        placement = place_exactly(circle_at(pointing, azimuth, offset, offset * fraction), pointing, [], DEFAULT, "x")
    except ReductionError:
        assume(False)
    rng = np.random.default_rng(0)
    ring = pointing.directional_offset_by(rng.uniform(0, 360, 4000) * u.deg, 2 * offset * rng.random(4000) * u.deg)
    points = unit_vector(ring)
    held = placement.in_on(points).astype(int) + placement.in_off(points).sum(axis=0)
    assert held.max() == 1


def test_the_first_off_region_keeps_its_distance_and_follows_from_north_to_east() -> None:
    pointing = SkyCoord(83.63, 21.51, unit="deg")
    on = circle_at(pointing, 0, 1.0, 0.2)
    placement = place_exactly(on, pointing, [], ReductionSettings(min_distance_input=0.3), "run 1")
    size = 2 * np.arcsin(np.sin(np.deg2rad(0.2)) / np.sin(np.deg2rad(1.0)))
    azimuth = [pointing.position_angle(region.center).rad for region in placement.off_regions]
    assert azimuth[0] == pytest.approx(size + 0.3, abs=1e-8)
    assert np.diff(azimuth) == pytest.approx(size, abs=1e-8)
    assert azimuth[-1] < 2 * np.pi - size - 0.3 < azimuth[-1] + size


def test_min_distance_separates_off_regions() -> None:
    pointing = SkyCoord(83.63, 21.51, unit="deg")
    on = circle_at(pointing, 0, 1.0, 0.2)
    wide = place_exactly(on, pointing, [], ReductionSettings(min_distance=0.2), "run 1").off
    close = place_exactly(on, pointing, [], DEFAULT, "run 1").off
    assert len(wide) < len(close)
    assert gaps(list(wide), list(wide)).min() > 0.003


def test_the_search_moves_on_in_steps_where_an_exclusion_is_in_the_way() -> None:
    options = ReductionSettings(angle_increment=0.25)
    free = list(rotation_angles(1.0, lambda angle: not 2.0 < angle < 2.9, options))
    assert free == pytest.approx([1.1, 3.1, 4.1, 5.1])
    assert list(rotation_angles(1.0, lambda _: True, ReductionSettings(max_region_number=2))) == [1.1, 2.1]


def test_an_on_region_on_the_pointing_is_refused() -> None:
    pointing = SkyCoord(83.63, 21.51, unit="deg")
    on = circle_at(pointing, 30, 0.1, 0.11)
    message = (
        "run 23523: the ON region overlaps the pointing.*found 'ON centre 0.1 deg from the pointing, "
        "outer radius 0.11 deg'; allowed: a pointing outside"
    )
    with pytest.raises(ReductionError, match=message):
        place_exactly(on, pointing, [], DEFAULT, "run 23523")
    with pytest.raises(ReductionError, match=message):
        place_on_pixels(on.to_sky(), pointing, [], DEFAULT, "run 23523")


def test_no_room_for_an_off_region_is_refused() -> None:
    pointing = SkyCoord(83.63, 21.51, unit="deg")
    everything = [circle_at(pointing, 0, 0, 2)]
    on, large = circle_at(pointing, 30, 0.5, 0.11), circle_at(pointing, 30, 0.5, 0.499)
    message = (
        "run 5: no reflected OFF region finds room outside the exclusion regions; found '0 OFF regions'; allowed: a"
    )
    with pytest.raises(ReductionError, match=message):
        place_exactly(on, pointing, everything, DEFAULT, "run 5")
    with pytest.raises(ReductionError, match=message):
        place_on_pixels(on.to_sky(), pointing, everything, DEFAULT, "run 5")
    with pytest.raises(ReductionError, match="no reflected OFF region finds room beside the ON region"):
        place_exactly(large, pointing, [], ReductionSettings(min_distance_input=0.2), "run 5")


def tutorial(pointing: SkyCoord) -> tuple[PixelPlacement, ExactPlacement]:
    region = CircleSkyRegion(SkyCoord(83.63, 22.01, unit="deg"), 0.11 * u.deg)
    hole = CircleSkyRegion(SkyCoord(183.604, -8.708, unit="deg", frame="galactic"), 0.5 * u.deg)
    on, exclusion = shape_of(region, "on_region"), [shape_of(hole, "exclusion[0]")]
    pixels = place_on_pixels(region, pointing, exclusion, DEFAULT, "run 1")
    return pixels, place_exactly(on, pointing, exclusion, DEFAULT, "run 1")


@pytest.mark.parametrize(
    ("pointing", "number", "first", "spacing"),
    [
        ((83.63333333333334, 21.5144444444444), 12, (83.9051527, 21.94085411), 0.44000),
        ((85.2533333381014, 22.014444444444), 41, (83.67405343, 22.37048534), 0.14167),
    ],
)
def test_pixel_placement_meets_gammapy(
    pointing: tuple[float, float], number: int, first: tuple[float, float], spacing: float
) -> None:
    """Number, first centre and angular size of gammapy 2.1 for runs 23523 and 23559."""
    axis = SkyCoord(*pointing, unit="deg")
    pixels, _ = tutorial(axis)
    centers = SkyCoord([region.center for region in pixels.off_regions])
    assert len(centers) == number
    assert centers[0].separation(SkyCoord(*first, unit="deg")).arcsec < 1e-3
    x, y = (
        np.array([(region.center.x, region.center.y) for region in pixels.off[:2]]).T - pixels.off_wcs.wcs.crpix[0] + 1
    )
    azimuth = np.arctan2(-x, y)
    assert (azimuth[1] - azimuth[0]) % (2 * np.pi) == pytest.approx(spacing, abs=1e-5)


def test_pixel_regions_overlap_and_exact_ones_do_not() -> None:
    """Centres 0.2130 deg apart for circles 0.22 deg wide (run 23559)."""
    for placement, apart in zip(
        tutorial(SkyCoord(85.25333333, 22.01444444, unit="deg")), (0.2130, 0.2200), strict=True
    ):
        first, second = placement.off_regions[:2]
        assert first.center.separation(second.center).deg == pytest.approx(apart, abs=5e-5)


def test_pixel_regions_hold_their_own_centres() -> None:
    pixels, _ = tutorial(SkyCoord(83.63333333, 21.51444444, unit="deg"))
    centers = unit_vector(SkyCoord([region.center for region in pixels.off_regions]))
    assert np.array_equal(pixels.in_off(centers), np.eye(12, dtype=bool))
    assert not pixels.in_on(centers).any()
    assert pixels.in_on(unit_vector(SkyCoord([83.63], [22.01], unit="deg"))).all()


def test_behind_the_tangent_plane_is_nowhere() -> None:
    pixels, _ = tutorial(SkyCoord(83.63333333, 21.51444444, unit="deg"))
    opposite = -unit_vector(SkyCoord([83.63], [22.01], unit="deg"))
    assert not pixels.in_on(opposite).any()
    assert not pixels.in_off(opposite).any()


def test_a_point_does_not_go_on_pixels() -> None:
    point = PointSkyRegion(SkyCoord(0, 1, unit="deg"))
    with pytest.raises(ConfigError, match=r"off_regions\.placement: a point cannot be placed.*allowed: exact"):
        place_on_pixels(point, SkyCoord(0, 0, unit="deg"), [], DEFAULT, "x")


def test_rotation_keeps_the_pointing() -> None:
    pivot = unit_vector(SkyCoord(10, 80, unit="deg"))
    assert rotation(pivot, 1.3) @ pivot == pytest.approx(pivot)
