from dataclasses import dataclass, replace

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.wcs import WCS
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.patches import Circle
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

from bayes_onoff.errors import InputError
from bayes_onoff.plotting import plot_sky
from bayes_onoff.plotting.style import INK, run_colors

CRAB = SkyCoord(83.63, 22.01, unit="deg")


@dataclass(frozen=True)
class Geometry:
    name: str
    pointing: SkyCoord
    on_region: SkyRegion
    off_regions: tuple[SkyRegion, ...]
    exclusion: tuple[SkyRegion, ...]
    rad_max: tuple[float, float] | None = None


def make_geometry(name: str, angle: float, n_off: int = 5) -> Geometry:
    pointing = CRAB.directional_offset_by(angle * u.deg, 0.5 * u.deg)
    back = pointing.position_angle(CRAB)
    centers = [pointing.directional_offset_by(back + k * 60 * u.deg, 0.5 * u.deg) for k in range(1, n_off + 1)]
    on_region = CircleSkyRegion(CRAB, 0.11 * u.deg)
    exclusion = CircleSkyRegion(SkyCoord(183.604, -8.708, unit="deg", frame="galactic"), 0.5 * u.deg)
    return Geometry(name, pointing, on_region, tuple(CircleSkyRegion(c, 0.11 * u.deg) for c in centers), (exclusion,))


@pytest.fixture
def geometries() -> list[Geometry]:
    return [make_geometry("23523", 0.0), make_geometry("23526", 180.0, 4)]


def circles(ax) -> list[Circle]:
    return [patch for patch in ax.patches if isinstance(patch, Circle)]


def test_every_region_is_drawn_where_it_is(geometries: list[Geometry]) -> None:
    ax = plot_sky(geometries)
    drawn = circles(ax)
    assert len(drawn) == 1 + 5 + 4 + 1  # the exclusion and the ON region are common to the runs
    expected = [geometries[0].exclusion[0], *geometries[0].off_regions, *geometries[1].off_regions]
    expected.append(geometries[0].on_region)
    for patch, region in zip(drawn, expected, strict=True):
        center = ax.wcs.pixel_to_world(*patch.center)
        assert center.separation(region.center.icrs) < 0.1 * u.arcsec
        edge = ax.wcs.pixel_to_world(patch.center[0] + patch.radius, patch.center[1])
        assert edge.separation(center).deg == pytest.approx(region.radius.to_value("deg"), rel=5e-3)


def test_each_run_has_its_colour_and_its_pointing(geometries: list[Geometry]) -> None:
    ax = plot_sky(geometries)
    first, second = run_colors(2)
    lines = [line for line in ax.lines if line.get_marker() == "+"]
    assert [line.get_color() for line in lines] == [first, second]
    for line, geometry in zip(lines, geometries, strict=True):
        drawn = ax.wcs.pixel_to_world(*np.ravel(line.get_data()))
        assert drawn.separation(geometry.pointing) < 0.1 * u.arcsec
    (legend,) = ax.figure.legends
    assert [text.get_text() for text in legend.get_texts()] == [
        "ON region",
        "run 23523: 5 OFF",
        "run 23526: 4 OFF",
        "pointing",
        "exclusion",
    ]
    assert to_hex(legend.get_texts()[0].get_color()) == INK


def test_the_frame_holds_everything(geometries: list[Geometry]) -> None:
    ax = plot_sky(geometries)
    (x_lo, x_hi), (y_lo, y_hi) = ax.get_xlim(), ax.get_ylim()
    for patch in circles(ax):
        assert x_lo < patch.center[0] - patch.radius < patch.center[0] + patch.radius < x_hi
        assert y_lo < patch.center[1] - patch.radius < patch.center[1] + patch.radius < y_hi
    assert ax.get_aspect() == 1


def test_an_exclusion_region_far_away_is_named_but_does_not_widen_the_frame(geometries: list[Geometry]) -> None:
    far = CircleSkyRegion(SkyCoord(120, 22, unit="deg"), 1 * u.deg)
    ax = plot_sky([replace(geometries[0], exclusion=(far,))])
    assert np.diff(ax.get_xlim())[0] * 0.01 < 3
    assert "exclusion (1 more than 5° away)" in [text.get_text() for text in ax.figure.legends[0].get_texts()]


def every_shape() -> list[SkyRegion]:
    places = [CRAB.directional_offset_by(k * 45 * u.deg, 0.6 * u.deg) for k in range(8)]
    small, large, turn = 0.1 * u.deg, 0.2 * u.deg, 30 * u.deg
    return [
        CircleSkyRegion(places[0], small),
        EllipseSkyRegion(places[1], small, large, turn),
        RectangleSkyRegion(places[2], small, large, turn),
        CircleAnnulusSkyRegion(places[3], small, large),
        EllipseAnnulusSkyRegion(places[4], small, large, large, 2 * large, turn),
        RectangleAnnulusSkyRegion(places[5], small, large, large, 2 * large, turn),
        PolygonSkyRegion(places[6].directional_offset_by([0, 120, 240] * u.deg, large)),
    ]


@pytest.mark.parametrize("n_runs", [1, 14])
def test_every_shape_is_drawn_as_off_and_as_exclusion(n_runs: int) -> None:
    shapes = every_shape()
    runs = [
        replace(make_geometry(str(k), 20.0 * k), off_regions=tuple(shapes), exclusion=tuple(shapes))
        for k in range(n_runs)
    ]
    ax = plot_sky(runs)
    ax.figure.canvas.draw()
    if n_runs == 1:
        assert len(ax.patches) == 2 * len(shapes) + 1
    else:
        assert [len(collection.get_paths()) for collection in ax.collections] == [n_runs * len(shapes)] * 2
    (x_lo, x_hi), (y_lo, y_hi) = ax.get_xlim(), ax.get_ylim()
    for shape in shapes:
        box = shape.to_pixel(ax.wcs).bounding_box
        assert x_lo < box.ixmin < box.ixmax < x_hi
        assert y_lo < box.iymin < box.iymax < y_hi


def test_points_are_crosses_with_the_circles_in_which_events_count(geometries: list[Geometry]) -> None:
    off = tuple(PointSkyRegion(region.center) for region in geometries[0].off_regions)
    point = replace(geometries[0], on_region=PointSkyRegion(CRAB), off_regions=off, exclusion=(), rad_max=(0.1, 0.15))
    ax = plot_sky([point])
    np.testing.assert_allclose([patch.radius for patch in circles(ax)], [15, 10] * 6, rtol=5e-3)
    crosses = [line for line in ax.lines if line.get_marker() == "x"]
    assert len(crosses) == 6
    drawn = ax.wcs.pixel_to_world(*np.ravel(crosses[-1].get_data()))
    assert drawn.separation(CRAB) < 0.1 * u.arcsec
    assert ax.figure.legends[0].get_texts()[0].get_text() == "ON, radius 0.1° to 0.15°"
    one_radius = plot_sky([replace(point, rad_max=(0.1, 0.1))])
    assert len(circles(one_radius)) == 6
    assert one_radius.figure.legends[0].get_texts()[0].get_text() == "ON, radius 0.1°"
    bare = plot_sky([replace(point, rad_max=None)])
    assert not circles(bare)
    assert bare.figure.legends[0].get_texts()[0].get_text() == "ON position"


@dataclass(frozen=True, eq=False)
class Mask:
    wcs: WCS
    excluded: np.ndarray


def make_mask(center: SkyCoord, half_width: float) -> Mask:
    """Exclude a square of the sky along galactic coordinates."""
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["GLON-TAN", "GLAT-TAN"]
    wcs.wcs.crval = [center.galactic.l.deg, center.galactic.b.deg]
    wcs.wcs.crpix = [100.5, 100.5]
    wcs.wcs.cdelt = [-0.01, 0.01]
    y, x = np.abs(np.indices((200, 200)) - 99.5)
    return Mask(wcs, np.maximum(x, y) < 100 * half_width)


def test_an_exclusion_mask_is_hatched_where_it_excludes(geometries: list[Geometry]) -> None:
    mask = make_mask(CRAB, 0.3)
    ax = plot_sky([replace(geometry, exclusion=(mask,)) for geometry in geometries])
    ax.figure.canvas.draw()
    filled, outline = ax.collections
    assert filled.hatches == ["///"]
    corners = CRAB.galactic.directional_offset_by([45, 135, 225, 315] * u.deg, 0.3 * np.sqrt(2) * u.deg)
    x, y = ax.wcs.world_to_pixel(corners)
    vertices = np.concatenate([path.vertices for path in outline.get_paths()])
    np.testing.assert_allclose(vertices.min(axis=0), [x.min(), y.min()], atol=2)
    np.testing.assert_allclose(vertices.max(axis=0), [x.max(), y.max()], atol=2)
    assert [text.get_text() for text in ax.figure.legends[0].get_texts()][-1] == "exclusion"


def test_a_mask_outside_of_the_frame_or_around_it_is_no_hindrance(geometries: list[Geometry]) -> None:
    nothing = make_mask(SkyCoord(120, 22, unit="deg"), 0.3)
    ax = plot_sky([replace(geometries[0], exclusion=(nothing,))])
    assert not ax.collections
    everything = Mask(make_mask(CRAB, 5).wcs, np.ones((200, 200), dtype=bool))
    ax = plot_sky([replace(geometries[0], exclusion=(everything,))])
    ax.figure.canvas.draw()
    assert np.diff(ax.get_xlim())[0] * 0.01 < 3


def test_an_exclusion_region_on_the_other_side_of_the_sky_is_not_drawn(geometries: list[Geometry]) -> None:
    antipode = CircleSkyRegion(SkyCoord(263.63, -22.01, unit="deg"), 1 * u.deg)
    ax = plot_sky([replace(geometries[0], exclusion=(antipode,))])
    assert len(circles(ax)) == 6
    ax.figure.canvas.draw()


def test_runs_of_the_same_pointing_are_drawn_as_one(geometries: list[Geometry]) -> None:
    first, second = geometries
    runs = [first, second, replace(first, name="23559")]
    ax = plot_sky(runs)
    assert len(circles(ax)) == 1 + 5 + 4 + 1
    labels = [text.get_text() for text in ax.figure.legends[0].get_texts()]
    assert labels[1:3] == ["runs 23523, 23559:\n5 OFF each", "run 23526: 4 OFF"]
    many = plot_sky([replace(first, name=str(k)) for k in range(300)])
    assert len(circles(many)) == 1 + 5 + 1
    assert "300 runs: 5 OFF each" in [text.get_text() for text in many.figure.legends[0].get_texts()]


def test_events_become_a_map_of_counts(geometries: list[Geometry]) -> None:
    rng = np.random.default_rng(1)
    events = SkyCoord(rng.normal(83.63, 0.2, 300), rng.normal(22.01, 0.2, 300), unit="deg")
    ax = plot_sky(geometries, events=events)
    (image,) = ax.collections
    assert image.get_array().sum() == 300


def test_many_runs_share_one_entry_of_the_legend() -> None:
    ax = plot_sky([make_geometry(str(k), 20.0 * k, 2) for k in range(15)])
    assert "15 runs: 30 OFF" in [text.get_text() for text in ax.figure.legends[0].get_texts()]
    face, edge = ax.collections
    assert len(face.get_paths()) == len(edge.get_paths()) == 30
    (pointings,) = ax.lines
    assert len(pointings.get_xdata()) == 15


def test_circles_of_many_runs_are_where_they_are() -> None:
    runs = [make_geometry(str(k), 20.0 * k, 2) for k in range(15)]
    ax = plot_sky(runs)
    for path, region in zip(ax.collections[0].get_paths(), (r for run in runs for r in run.off_regions), strict=True):
        outline = ax.wcs.pixel_to_world(*path.vertices[:-1].T)
        np.testing.assert_allclose(outline.separation(region.center).deg, 0.11, rtol=1e-6)


def test_the_callers_axes_keep_their_limits(geometries: list[Geometry]) -> None:
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["GLON-CAR", "GLAT-CAR"]
    wcs.wcs.crval = [184.5, 0.0]
    wcs.wcs.cdelt = [-0.05, 0.05]
    ax = Figure().add_subplot(projection=wcs)
    ax.set_xlim(-30, 30)
    ax.set_ylim(-140, -90)
    assert plot_sky(geometries, ax=ax) is ax
    assert ax.get_xlim() == (-30, 30)
    assert ax.get_ylim() == (-140, -90)
    assert ax.get_legend() is not None


def test_no_run_is_refused() -> None:
    with pytest.raises(InputError, match="geometries: no run to draw; allowed: at least one run"):
        plot_sky([])


def test_axes_without_a_projection_are_refused(geometries: list[Geometry]) -> None:
    with pytest.raises(InputError, match="ax: axes without a sky projection; allowed: axes made with projection"):
        plot_sky(geometries, ax=Figure().add_subplot())
