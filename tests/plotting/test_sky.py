from dataclasses import dataclass, replace

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.wcs import WCS
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.patches import Circle
from regions import CircleAnnulusSkyRegion, CircleSkyRegion, PolygonSkyRegion, SkyRegion

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


def test_other_shapes_are_drawn(geometries: list[Geometry]) -> None:
    polygon = PolygonSkyRegion(SkyCoord([83.5, 83.8, 83.6], [21.9, 21.9, 22.2], unit="deg"))
    annulus = CircleAnnulusSkyRegion(CRAB, 0.3 * u.deg, 0.5 * u.deg)
    ax = plot_sky([replace(geometries[0], on_region=polygon, off_regions=(annulus,))])
    assert len(ax.patches) == 3
    ax.figure.canvas.draw()


def test_events_become_a_map_of_counts(geometries: list[Geometry]) -> None:
    rng = np.random.default_rng(1)
    events = SkyCoord(rng.normal(83.63, 0.2, 300), rng.normal(22.01, 0.2, 300), unit="deg")
    ax = plot_sky(geometries, events=events)
    (image,) = ax.collections
    assert image.get_array().sum() == 300


def test_many_runs_share_one_entry_of_the_legend() -> None:
    ax = plot_sky([make_geometry(str(k), 20.0 * k, 2) for k in range(15)])
    assert "15 runs: 30 OFF" in [text.get_text() for text in ax.figure.legends[0].get_texts()]


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
