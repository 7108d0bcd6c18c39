from dataclasses import dataclass, replace

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.wcs import WCS
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.patches import Circle
from numpy.typing import NDArray
from regions import CircleSkyRegion, PointSkyRegion, SkyRegion

from bayes_onoff.errors import InputError
from bayes_onoff.plotting import plot_image
from bayes_onoff.plotting.style import DARK_TEXT
from bayes_onoff.reduction import SkyImage

CRAB = SkyCoord(83.63, 22.01, unit="deg")


@dataclass(frozen=True)
class Geometry:
    name: str
    pointing: SkyCoord
    on_region: SkyRegion
    off_regions: tuple[SkyRegion, ...] = ()
    exclusion: tuple[SkyRegion, ...] = ()
    rad_max: tuple[float, float] | None = None


def make_wcs(galactic: bool = False) -> WCS:
    center = CRAB.galactic if galactic else CRAB
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["GLON-TAN", "GLAT-TAN"] if galactic else ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crval = [center.spherical.lon.deg, center.spherical.lat.deg]
    wcs.wcs.crpix = [15.5, 10.5]
    wcs.wcs.cdelt = [-0.1, 0.1]
    return wcs


def make_image(values: NDArray[np.float64], galactic: bool = False) -> SkyImage:
    return SkyImage(values, make_wcs(galactic), "Events per pixel")


@pytest.fixture
def counts() -> SkyImage:
    return make_image(np.random.default_rng(1).poisson(3, (20, 30)).astype(float))


@pytest.fixture
def geometry() -> Geometry:
    return Geometry("1", CRAB.directional_offset_by(0 * u.deg, 0.5 * u.deg), CircleSkyRegion(CRAB, 0.3 * u.deg))


def test_pixels_are_shown_as_they_are(counts: SkyImage) -> None:
    ax = plot_image(counts)
    (shown,) = ax.images
    np.testing.assert_array_equal(shown.get_array(), counts.values)
    assert shown.get_clim() == (0, counts.values.max())
    assert ax.get_xlim() == (-0.5, 29.5)
    assert ax.get_ylim() == (-0.5, 19.5)
    assert ax.wcs is counts.wcs
    ax.figure.canvas.draw()
    assert [axis.get_axislabel() for axis in ax.coords] == ["Right ascension (ICRS)", "Declination (ICRS)"]
    assert ax.figure.axes[1].get_ylabel() == "Events per pixel"


def test_galactic_axes_are_named(counts: SkyImage) -> None:
    ax = plot_image(make_image(counts.values, galactic=True))
    assert [axis.get_axislabel() for axis in ax.coords] == ["Galactic longitude", "Galactic latitude"]


def test_smoothing_is_that_of_the_image(counts: SkyImage) -> None:
    ax = plot_image(counts, smooth=0.15)
    np.testing.assert_array_equal(ax.images[0].get_array(), counts.smoothed(0.15).values)
    assert ax.figure.axes[1].get_ylabel() == "Events per pixel,\nsmoothed with a Gaussian of σ = 0.15°"


@pytest.mark.parametrize(("lowest", "highest"), [(-1.0, 4.0), (-3.0, 0.5), (-2.0, -1.0)])
def test_zero_is_neutral_among_numbers_of_both_signs(lowest: float, highest: float) -> None:
    values = np.linspace(lowest, highest, 600).reshape(20, 30)
    values[0, 0], values[3, 4] = lowest, np.nan
    shown = plot_image(make_image(values)).images[0]
    zero, strong = (np.array(shown.cmap(shown.norm(x))) for x in (0.0, max(values[-1, -1], lowest, key=abs)))
    assert zero[:3].min() > 0.93
    assert strong[:3].min() < 0.15
    assert np.ma.getmaskarray(shown.get_array())[3, 4]


def test_an_image_of_zeros_is_drawn() -> None:
    assert plot_image(make_image(np.zeros((20, 30)))).images[0].get_clim() == (0.0, 1.0)


def test_regions_and_pointings_are_drawn_where_they_are(counts: SkyImage, geometry: Geometry) -> None:
    exclusion = CircleSkyRegion(CRAB.directional_offset_by(120 * u.deg, 0.8 * u.deg), 0.2 * u.deg)
    runs = [replace(geometry, exclusion=(exclusion,)), replace(geometry, name="2", exclusion=(exclusion,))]
    ax = plot_image(counts, geometries=runs)
    excluded, on = (patch for patch in ax.patches if isinstance(patch, Circle))
    assert ax.wcs.pixel_to_world(*on.center).separation(CRAB) < 0.1 * u.arcsec
    assert ax.wcs.pixel_to_world(*excluded.center).separation(exclusion.center) < 0.1 * u.arcsec
    assert on.radius == pytest.approx(3, rel=5e-3)
    assert to_hex(on.get_edgecolor()) == DARK_TEXT
    assert excluded.get_hatch() is None  # it would hide the image
    (marks,) = ax.lines
    x, y = marks.get_data()
    assert ax.wcs.pixel_to_world(x[0], y[0]).separation(geometry.pointing) < 0.1 * u.arcsec
    assert ax.get_xlim() == (-0.5, 29.5)


def test_a_point_is_drawn_with_its_circles(counts: SkyImage, geometry: Geometry) -> None:
    point = replace(geometry, on_region=PointSkyRegion(CRAB), rad_max=(0.1, 0.2))
    radii = [patch.radius for patch in plot_image(counts, geometries=[point]).patches]
    np.testing.assert_allclose(radii, [2, 1], rtol=5e-3)


def test_axes_of_the_same_projection_are_used(counts: SkyImage) -> None:
    ax = Figure().add_subplot(projection=make_wcs())
    assert plot_image(counts, ax=ax) is ax


def test_what_cannot_be_drawn_is_refused(counts: SkyImage) -> None:
    with pytest.raises(InputError, match="image: nothing is known in the image; allowed: at least one pixel"):
        plot_image(make_image(np.full((20, 30), np.nan)))
    with pytest.raises(InputError, match="ax: axes without a sky projection"):
        plot_image(counts, ax=Figure().add_subplot())
    with pytest.raises(InputError, match="ax: axes with another projection; allowed: axes made with projection=image"):
        plot_image(counts, ax=Figure().add_subplot(projection=make_wcs(galactic=True)))
