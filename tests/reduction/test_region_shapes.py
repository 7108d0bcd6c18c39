"""Every region shape: its area, overlaps, and OFF regions that never share a position with anything else.

Overlaps are judged here by dense points on the sky, not by the code under test.
"""

from collections.abc import Callable

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.wcs import WCS
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from regions import (
    CircleAnnulusSkyRegion,
    CircleSkyRegion,
    EllipseAnnulusSkyRegion,
    EllipseSkyRegion,
    PointSkyRegion,
    PolygonSkyRegion,
    RectangleAnnulusSkyRegion,
    RectangleSkyRegion,
    SkyRegion,
)

from bayes_onoff.errors import ConfigError, ReductionError
from bayes_onoff.reduction.exclusion_mask import ExclusionMask
from bayes_onoff.reduction.reflected import ExactPlacement, place_exactly
from bayes_onoff.reduction.settings import ReductionSettings
from bayes_onoff.reduction.shapes import Circle, Point, Shape, area_points, shape_of
from bayes_onoff.reduction.sphere import rotation, separation, sky_coord, unit_vector, unit_vectors
from bayes_onoff.reduction.wobble import place_wobble

DEG = u.deg
DEFAULT = ReductionSettings()
Build = Callable[[SkyCoord, float, float, float], SkyRegion]


def star(center: SkyCoord, size: float, ratio: float, angle: float, n: int = 10) -> PolygonSkyRegion:
    """Concave: every other vertex nearer to the centre."""
    radii = np.where(np.arange(n) % 2 == 0, size, size * ratio)
    azimuth = angle + 360 * np.arange(n) / n
    return PolygonSkyRegion(center.directional_offset_by(azimuth * DEG, radii * DEG))


def hook(center: SkyCoord, size: float, ratio: float, angle: float) -> PolygonSkyRegion:
    """Concave: almost a ring, with a gap of 60 deg."""
    arc = angle + np.linspace(0, 300, 16)
    radii = np.repeat([size, size * ratio], 16)
    return PolygonSkyRegion(center.directional_offset_by(np.concatenate([arc, arc[::-1]]) * DEG, radii * DEG))


BUILDERS: dict[str, Build] = {
    "circle": lambda center, size, *_: CircleSkyRegion(center, size * DEG),
    "ellipse": lambda center, size, ratio, angle: EllipseSkyRegion(
        center, 2 * size * DEG, ratio * size * DEG, angle * DEG
    ),
    "rectangle": lambda center, size, ratio, angle: RectangleSkyRegion(
        center, 1.4 * size * DEG, ratio * size * DEG, angle * DEG
    ),
    "annulus": lambda center, size, ratio, _: CircleAnnulusSkyRegion(center, ratio * size * DEG, size * DEG),
    "ellipse annulus": lambda center, size, ratio, angle: EllipseAnnulusSkyRegion(
        center, ratio * size * DEG, 2 * size * DEG, ratio * 0.5 * size * DEG, size * DEG, angle * DEG
    ),
    "rectangle annulus": lambda center, size, ratio, angle: RectangleAnnulusSkyRegion(
        center, ratio * size * DEG, 1.4 * size * DEG, ratio * 0.5 * size * DEG, size * DEG, angle * DEG
    ),
    "star": star,
    "hook": hook,
}

latitudes = st.one_of(st.floats(-90, 90), st.sampled_from([-90.0, 90.0, 89.999, 0.0]))
longitudes = st.one_of(st.floats(0, 359.99), st.sampled_from([0.0, 359.9999]))
positions = st.builds(
    lambda lon, lat, frame: SkyCoord(lon, lat, unit="deg", frame=frame),
    longitudes,
    latitudes,
    st.sampled_from(["icrs", "galactic", "fk5"]),
)
kinds = st.sampled_from(sorted(BUILDERS))
forms = st.tuples(kinds, st.floats(0.2, 0.9), st.floats(0, 360))


def shape_at(pointing: SkyCoord, azimuth: float, offset: float, size: float, form: tuple[str, float, float]) -> Shape:
    kind, ratio, angle = form
    center = pointing.directional_offset_by(azimuth * DEG, offset * DEG)
    return shape_of(BUILDERS[kind](center, size, ratio, angle), "region")


def solid_angle(shape: Shape, n: int = 40000) -> float:
    """From evenly spread points on the circle around the shape, in another frame than `area_points` uses."""
    rng = np.random.default_rng(0)
    cos = 1 - (1 - np.cos(shape.outer_radius)) * rng.random(n)
    cap = np.rad2deg(np.arccos(cos)) * DEG
    points = sky_coord(shape.center).directional_offset_by(rng.uniform(0, 360, n) * DEG, cap)
    return float(2 * np.pi * (1 - np.cos(shape.outer_radius)) * shape.contains(unit_vector(points)).mean())


def same_form(a: Shape, b: Shape) -> bool:
    """Whether two shapes are the same figure, up to a rigid motion."""
    if isinstance(a, Circle):
        return isinstance(b, Circle) and a.radius == b.radius
    axes = np.array([b.frame.center, b.frame.x_axis, b.frame.y_axis])
    return (
        b.figure is a.figure
        and np.allclose(axes @ axes.T, np.eye(3), rtol=0, atol=1e-12)
        and np.linalg.det(axes) * np.linalg.det([a.frame.center, a.frame.x_axis, a.frame.y_axis]) > 0
    )


def assert_disjoint(on: Shape, off: tuple[Shape, ...], exclusion: list[Shape]) -> None:
    """No point inside one OFF region lies in any other region."""
    inside = [area_points(shape, 1500) for shape in off]
    for i, points in enumerate(inside):
        assert off[i].contains(points).all()
        for other in (on, *off[:i], *off[i + 1 :], *exclusion):
            assert not other.contains(points).any()
    for shape in exclusion:
        points = area_points(shape, 1500)
        assert not any(region.contains(points).any() for region in off)


def placed(place: Callable[..., ExactPlacement], *args: object) -> ExactPlacement:
    try:
        return place(*args, "run 1")
    except ReductionError:
        assume(False)
        raise


@settings(max_examples=80, deadline=None)
@given(
    positions,
    st.floats(0, 360),
    st.floats(0.3, 3),
    st.floats(0.05, 0.9),
    forms,
    st.lists(st.tuples(st.floats(0, 360), st.floats(0, 4), st.floats(0.02, 1), forms), max_size=3),
)
def test_reflected_regions_of_every_shape_are_disjoint(
    pointing: SkyCoord,
    azimuth: float,
    offset: float,
    fraction: float,
    form: tuple[str, float, float],
    holes: list[tuple[float, float, float, tuple[str, float, float]]],
) -> None:
    on = shape_at(pointing, azimuth, offset, offset * fraction, form)
    exclusion = [shape_at(pointing, *hole) for hole in holes]
    off = placed(place_exactly, on, pointing, exclusion, DEFAULT).off
    off = off[:8] + off[-1:] if len(off) > 9 else off
    assert_disjoint(on, off, exclusion)
    pivot = unit_vector(pointing)
    for shape in off:
        assert same_form(on, shape)
        assert separation(shape.center, pivot) == pytest.approx(separation(on.center, pivot), abs=1e-12)


@settings(max_examples=60, deadline=None)
@given(positions, st.floats(0, 360), st.floats(0.3, 3), st.floats(0.05, 0.7), forms, forms, st.integers(1, 5))
def test_wobble_regions_of_every_shape_are_disjoint(
    pointing: SkyCoord,
    azimuth: float,
    offset: float,
    fraction: float,
    form: tuple[str, float, float],
    hole: tuple[str, float, float],
    number: int,
) -> None:
    on = shape_at(pointing, azimuth, offset, offset * fraction, form)
    exclusion = [shape_at(pointing, azimuth + 150, offset, 0.3, hole)]
    off = placed(
        place_wobble, on, pointing, exclusion, ReductionSettings(off_method="wobble", n_off_regions=number)
    ).off
    assert len(off) <= number
    assert_disjoint(on, off, exclusion)
    assert all(same_form(on, shape) for shape in off)


@settings(max_examples=100, deadline=None)
@given(positions, forms, forms, st.floats(0, 360), st.floats(0, 2.2), st.floats(0.05, 1))
def test_no_overlap_is_missed_and_none_is_invented(
    position: SkyCoord,
    one: tuple[str, float, float],
    two: tuple[str, float, float],
    azimuth: float,
    distance: float,
    size: float,
) -> None:
    a, b = shape_at(position, 0, 0, 1.0, one), shape_at(position, azimuth, distance, size, two)
    points = area_points(a, 2500), area_points(b, 2500)
    shared = a.contains(points[1]).any() or b.contains(points[0]).any()
    found = a.overlaps(b)
    assert b.overlaps(a) is found
    if shared:
        assert found
    elif found:
        apart = np.min([separation(points[0], point).min() for point in points[1]])
        assert apart < np.deg2rad(0.08)  # the spacing of the points


@pytest.mark.parametrize("kind", sorted(BUILDERS))
@pytest.mark.parametrize("frame", ["icrs", "galactic"])
def test_a_shape_holds_what_the_regions_package_says(kind: str, frame: str) -> None:
    """In a projection about its own centre; away from the border by what tangents differ from angles there."""
    center = SkyCoord(210.0, 55.0, unit="deg", frame=frame)
    region = BUILDERS[kind](center, 0.3, 0.6, 25.0)
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"] if frame == "icrs" else ["GLON-TAN", "GLAT-TAN"]
    wcs.wcs.crval, wcs.wcs.cdelt, wcs.wcs.crpix = [210.0, 55.0], [-0.001, 0.001], [0, 0]
    rng = np.random.default_rng(1)
    sky = center.directional_offset_by(rng.uniform(0, 360, 20000) * DEG, 0.35 * np.sqrt(rng.random(20000)) * DEG)
    ours = shape_of(region, "x").contains(unit_vector(sky))
    assert np.mean(ours != region.contains(sky, wcs)) < 2e-4
    assert 0.1 < ours.mean() < 0.9


@pytest.mark.parametrize("kind", sorted(BUILDERS))
@pytest.mark.parametrize("lat", [-90.0, 12.0, 89.9])
def test_a_shape_returns_from_the_sky_unchanged(kind: str, lat: float) -> None:
    shape = shape_of(BUILDERS[kind](SkyCoord(0.0, lat, unit="deg"), 0.7, 0.5, 33.0), "x")
    back = shape_of(shape.rotated(rotation(unit_vectors(40, 70), 2.1)).to_sky(), "x")
    there = shape.rotated(rotation(unit_vectors(40, 70), 2.1))
    assert separation(back.center, there.center) < 1e-9
    points = area_points(there)
    assert np.mean(back.contains(points)) > 0.9995
    assert solid_angle(back) == pytest.approx(solid_angle(there), rel=1e-3)


@pytest.mark.parametrize(
    ("kind", "area"),
    [
        ("circle", np.pi * 0.5**2),
        ("ellipse", np.pi * 0.5 * 0.15),
        ("rectangle", 0.7 * 0.3),
        ("annulus", np.pi * 0.5**2 * (1 - 0.6**2)),
        ("ellipse annulus", np.pi / 4 * (1.0 * 0.5 - 0.3 * 0.15)),
        ("rectangle annulus", 0.7 * 0.5 - 0.3 * 0.15),
        ("star", 10 * 0.5 * 0.5 * 0.3 * np.sin(np.pi / 5)),
    ],
)
def test_areas_are_those_of_the_plane_where_shapes_are_small(kind: str, area: float) -> None:
    shape = shape_of(BUILDERS[kind](SkyCoord(83.0, -70.0, unit="deg"), 0.5, 0.6, 70.0), "x")
    assert solid_angle(shape, 400000) == pytest.approx(np.deg2rad(1) ** 2 * area, rel=1e-2)


@pytest.mark.parametrize("kind", sorted(BUILDERS))
def test_area_points_fill_a_shape(kind: str) -> None:
    """As many as asked for, also in a slim shape, and spread as independent random points are."""
    shape = shape_of(BUILDERS[kind](SkyCoord(83.0, 22.0, unit="deg"), 1.0, 0.25, 20.0), "x")
    points = area_points(shape, 4000)
    assert shape.contains(points).all()
    assert len(points) >= 2000
    rng = np.random.default_rng(2)
    sky = sky_coord(shape.center).directional_offset_by(
        rng.uniform(0, 360, 300000) * DEG, np.rad2deg(shape.outer_radius) * np.sqrt(rng.random(300000)) * DEG
    )
    drawn = unit_vector(sky)
    drawn = drawn[shape.contains(drawn)]
    assert points.mean(axis=0) == pytest.approx(drawn.mean(axis=0), abs=4e-4)
    assert np.cov(points.T) == pytest.approx(np.cov(drawn.T), abs=3e-6)


def test_angles_turn_the_width_from_west_to_north() -> None:
    shape = shape_of(RectangleSkyRegion(SkyCoord(10, 0, unit="deg"), 4 * DEG, 0.2 * DEG, 30 * DEG), "x")
    along = [10 - 1.5 * np.cos(np.pi / 6), 10 + 1.5 * np.cos(np.pi / 6)], [0.75, 0.75]
    assert shape.contains(unit_vectors(*along)).tolist() == [True, False]


@given(positions, st.floats(0, 360), st.floats(1.0, 3), st.floats(0.1, 0.9), forms)
@settings(max_examples=60, deadline=None)
def test_angular_size_is_the_extent_in_azimuth(
    pointing: SkyCoord, azimuth: float, offset: float, size: float, form: tuple[str, float, float]
) -> None:
    """Bounded from below by the points inside, and reached by them to their spacing."""
    shape, pivot = shape_at(pointing, azimuth, offset, size, form), unit_vector(pointing)
    assume(not shape.encloses(pivot))
    points = area_points(shape, 20000)
    north = rotation(np.cross(pivot, shape.center) / np.linalg.norm(np.cross(pivot, shape.center)), np.pi / 2) @ pivot
    inside = np.unwrap(np.sort(np.arctan2(points @ np.cross(pivot, north), points @ north)))
    if shape.outer_radius >= separation(shape.center, pivot):
        return  # an extent of half a turn or more has no simple bound
    assert np.ptp(inside) <= shape.angular_size(pivot) + 1e-9
    assert np.ptp(inside) > 0.9 * shape.angular_size(pivot) - 0.03


def test_a_ring_around_the_pointing_is_refused() -> None:
    pointing = SkyCoord(83.63, 22.01, unit="deg")
    ring = shape_of(CircleAnnulusSkyRegion(pointing, 0.5 * DEG, 1 * DEG), "on_region")
    for place in (place_exactly, place_wobble):
        with pytest.raises(ReductionError, match=r"run 3: the ON region lies around the pointing.*outer radius 1 deg"):
            place(ring, pointing, [], DEFAULT, "run 3")
        with pytest.raises(ReductionError, match="run 3: the ON region overlaps the pointing"):
            place(ring, pointing.directional_offset_by(0 * DEG, 0.7 * DEG), [], DEFAULT, "run 3")


def test_a_hook_around_the_pointing_finds_no_room() -> None:
    pointing = SkyCoord(83.63, 22.01, unit="deg")
    on = shape_of(hook(pointing, 1.0, 0.6, 0), "on_region")
    assert on.angular_size(unit_vector(pointing)) == pytest.approx(np.deg2rad(300), abs=1e-6)
    with pytest.raises(ReductionError, match="finds room beside the ON region"):
        place_exactly(on, pointing, [], DEFAULT, "run 3")


def test_wobble_positions() -> None:
    pointing = SkyCoord(83.63, 21.51, unit="deg")
    on = shape_of(EllipseSkyRegion(SkyCoord(83.63, 22.01, unit="deg"), 0.3 * DEG, 0.1 * DEG), "on_region")
    options = ReductionSettings(off_method="wobble", n_off_regions=3)
    off = place_wobble(on, pointing, [], options, "run 3").off
    azimuth = [pointing.position_angle(sky_coord(shape.center)).deg for shape in off]
    assert azimuth == pytest.approx([90, 180, 270])
    south = Circle(unit_vector(pointing.directional_offset_by(180 * DEG, 0.8 * DEG)), np.deg2rad(0.26))
    left = place_wobble(on, pointing, [south], options, "run 3").off
    assert [pointing.position_angle(sky_coord(shape.center)).deg for shape in left] == pytest.approx([90, 270])
    with pytest.raises(ReductionError, match=r"run 3: no .*OFF region finds room outside the exclusion regions"):
        place_wobble(on, pointing, [Circle(unit_vector(pointing), 0.02)], options, "run 3")


def test_wobble_regions_that_overlap_are_refused() -> None:
    pointing = SkyCoord(83.63, 21.51, unit="deg")
    on = Circle(unit_vector(pointing.directional_offset_by(0 * DEG, 0.5 * DEG)), np.deg2rad(0.2))
    crowded = ReductionSettings(off_method="wobble", n_off_regions=8)
    message = r"run 3: the ON region and the wobble OFF regions overlap; found 'n_off_regions: 8'; allowed: fewer"
    with pytest.raises(ReductionError, match=message):
        place_wobble(on, pointing, [], crowded, "run 3")
    assert len(place_wobble(Point(on.center), pointing, [], crowded, "run 3").off) == 8


def test_a_point_is_excluded_where_it_lies() -> None:
    pointing = SkyCoord(83.63, 21.51, unit="deg")
    on = shape_of(PointSkyRegion(SkyCoord(83.63, 22.01, unit="deg")), "on_region")
    options = ReductionSettings(off_method="wobble", n_off_regions=3)
    east = Circle(unit_vector(pointing.directional_offset_by(90 * DEG, 0.52 * DEG)), np.deg2rad(0.03))
    beside = Circle(unit_vector(pointing.directional_offset_by(180 * DEG, 0.55 * DEG)), np.deg2rad(0.03))
    off = place_wobble(on, pointing, [east, beside], options, "run 3").off
    assert [pointing.position_angle(shape.to_sky().center).deg for shape in off] == pytest.approx([180, 270])
    assert all(isinstance(shape, Point) for shape in off)
    assert not off[0].contains(off[0].center[None]).any()


def corners(*lon_lat: tuple[float, float]) -> PolygonSkyRegion:
    return PolygonSkyRegion(SkyCoord(*np.array(lon_lat).T, unit="deg"))


@pytest.mark.parametrize(
    ("region", "message"),
    [
        (EllipseSkyRegion(SkyCoord(1, 2, unit="deg"), 181 * DEG, 1 * DEG), r"x\.width: not a size; found '181.0 deg'"),
        (RectangleSkyRegion(SkyCoord(1, 2, unit="deg"), 1 * DEG, 180 * DEG), r"x\.height: .*below 180 deg"),
        (CircleAnnulusSkyRegion(SkyCoord(1, 2, unit="deg"), 1 * DEG, 90 * DEG), r"x\.outer_radius: not a radius"),
        (corners((0, 0), (1, 1), (1, 1)), r"x\.vertices: too few vertices; found 2; allowed: 3 or more"),
        (corners((0, 0), (1, 0), (2, 0), (3, 0)), r"x\.vertices: the polygon has no area"),
        (corners((0, 0), (1, 1), (1, 0), (0, 1)), r"x\.vertices: the polygon (has no area|'s edges cross)"),
        (
            corners((0, 0), (2, 1), (1, 0), (0, 2)),
            r"x\.vertices: the polygon's edges cross or touch; allowed: a polygon",
        ),
        (corners((0, 0), (120, 0), (240, 10)), r"x\.vertices: the polygon is wider than half the sky"),
    ],
)
def test_sizes_and_vertices_that_make_no_area_are_refused(region: SkyRegion, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        shape_of(region, "x")


def test_a_region_with_a_minus_sign_is_refused() -> None:
    region = CircleSkyRegion(SkyCoord(1, 2, unit="deg"), 1 * DEG, meta={"include": False})
    with pytest.raises(ConfigError, match=r"exclusion\[0\]: the region stands for what is outside"):
        shape_of(region, "exclusion[0]")


def mask_about(lon: float, lat: float, kind: str, n: int = 40, bin_size: float = 0.05) -> ExclusionMask:
    """Some rectangles of excluded pixels."""
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = [f"GLON-{kind}", f"GLAT-{kind}"]
    wcs.wcs.crval = [lon, lat if kind == "TAN" else 0.0]
    wcs.wcs.cdelt = [-bin_size, bin_size]
    wcs.wcs.crpix = [n / 2, n / 2 if kind == "TAN" else n / 2 - lat / bin_size]
    rng = np.random.default_rng(4)
    excluded = np.zeros((n, n), dtype=bool)
    for x, y, width, height in rng.integers([0, 0, 1, 1], [n, n, 8, 8], size=(5, 4)):
        excluded[y : y + height, x : x + width] = True
    return ExclusionMask(wcs, excluded)


@settings(max_examples=80, deadline=None)
@given(st.sampled_from(["TAN", "CAR"]), st.sampled_from([0.0, 70.0]), forms, st.floats(-1.2, 1.2), st.floats(-1.2, 1.2))
def test_overlaps_with_a_mask(kind: str, lat: float, form: tuple[str, float, float], dx: float, dy: float) -> None:
    mask = mask_about(350.0, lat, kind)
    center = SkyCoord(350.0 + dx / np.cos(np.deg2rad(lat)), lat + dy, unit="deg", frame="galactic")
    shape = shape_at(center, 0, 0, 0.2, form)
    shared = mask.contains(area_points(shape, 4000)).any()
    found = shape.overlaps(mask)
    assert mask.overlaps(shape) is found
    if shared:
        assert found
    elif found:  # then it is a touch of less than the points' spacing
        nudges = [rotation(axis, sign * 2e-4) for axis in np.eye(3) for sign in (-1, 1)]
        assert any(mask.contains(area_points(shape.rotated(nudge), 20000)).any() for nudge in nudges)


def test_a_mask_contains_its_excluded_pixels_only() -> None:
    mask = mask_about(350.0, 70.0, "CAR")
    y, x = np.indices(mask.excluded.shape)
    assert np.array_equal(mask.contains(unit_vector(mask.wcs.pixel_to_world(x, y))), mask.excluded)
    assert not mask.contains(unit_vectors([10, 83.0], [80, 22.0])).any()


def test_an_empty_and_a_full_mask() -> None:
    wcs = mask_about(350.0, 0.0, "TAN").wcs
    shape = Circle(unit_vector(SkyCoord(350, 0, unit="deg", frame="galactic")), 0.002)
    assert not ExclusionMask(wcs, np.zeros((40, 40), dtype=bool)).overlaps(shape)
    assert ExclusionMask(wcs, np.ones((40, 40), dtype=bool)).overlaps(shape)
    assert not ExclusionMask(wcs, np.ones((40, 40), dtype=bool)).contains(-shape.center)


@pytest.mark.parametrize(("width", "height"), [(5, 0.1), (0.1, 5)])
@pytest.mark.parametrize(
    ("shift", "overlaps"), [(0.0, True), (0.54, True), (-0.54, True), (0.56, False), (-0.56, False)]
)
def test_a_strip_across_a_pixel(width: float, height: float, shift: float, overlaps: bool) -> None:
    """No corner of the one lies in the other."""
    wcs = mask_about(0.0, 0.0, "TAN", bin_size=1.0).wcs
    wcs.wcs.crpix = [2, 2]
    mask = ExclusionMask(wcs, np.eye(3, dtype=bool) & (np.arange(3) == 1))
    center = SkyCoord(shift * (height == 5), shift * (width == 5), unit="deg", frame="galactic")
    strip = shape_of(RectangleSkyRegion(center, width * DEG, height * DEG), "x")
    assert strip.overlaps(mask) is overlaps


def test_off_regions_avoid_a_mask() -> None:
    mask = mask_about(350.0, 0.0, "TAN")
    pointing = SkyCoord(350.0, 0.1, unit="deg", frame="galactic")
    on = shape_at(pointing, 40, 0.6, 0.1, ("star", 0.5, 0.0))
    assert on.overlaps(mask) is bool(mask.contains(area_points(on)).any())
    off = place_exactly(on, pointing, [mask], DEFAULT, "run 1").off
    assert 0 < len(off) < len(place_exactly(on, pointing, [], DEFAULT, "run 1").off)
    assert not any(mask.contains(area_points(shape)).any() for shape in off)


def test_shapes_turned_many_times_stay_on_the_sphere() -> None:
    shape = shape_of(hook(SkyCoord(0, 90, unit="deg"), 1, 0.5, 0), "x")
    for _ in range(20):
        shape = shape.rotated(rotation(unit_vectors(10, 20), 0.3))
    assert np.linalg.norm(shape.center) == pytest.approx(1, abs=1e-14)
