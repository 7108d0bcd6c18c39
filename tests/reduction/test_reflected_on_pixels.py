"""Placement on pixels meets gammapy 2.1 for every shape, with and without the exclusion mask of the joint Crab data."""

from pathlib import Path

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from regions import (
    CircleAnnulusSkyRegion,
    CircleSkyRegion,
    EllipseAnnulusSkyRegion,
    EllipseSkyRegion,
    PolygonSkyRegion,
    RectangleAnnulusSkyRegion,
    RectangleSkyRegion,
)

from bayes_onoff.dl3 import DataStore
from bayes_onoff.errors import ReductionError
from bayes_onoff.reduction import ReductionSettings, read_exclusion_mask
from bayes_onoff.reduction.pixel_regions import to_pixel, to_sky
from bayes_onoff.reduction.reflected import place_exactly
from bayes_onoff.reduction.reflected_on_pixels import place_on_pixels
from bayes_onoff.reduction.shapes import shape_of
from bayes_onoff.reduction.sphere import unit_vectors

CRAB = SkyCoord(83.63, 22.01, unit="deg")
RUN = SkyCoord(83.63333333, 21.51444444, unit="deg")
DEFAULT = ReductionSettings()
REGIONS = {
    "circle": CircleSkyRegion(CRAB, 0.11 * u.deg),
    "ellipse": EllipseSkyRegion(CRAB, 0.3 * u.deg, 0.16 * u.deg, 30 * u.deg),
    "galactic ellipse": EllipseSkyRegion(CRAB.galactic, 0.3 * u.deg, 0.16 * u.deg, 30 * u.deg),
    "rectangle": RectangleSkyRegion(CRAB, 0.3 * u.deg, 0.2 * u.deg, -20 * u.deg),
    "annulus": CircleAnnulusSkyRegion(CRAB, 0.1 * u.deg, 0.2 * u.deg),
    "ellipse annulus": EllipseAnnulusSkyRegion(CRAB, 0.1 * u.deg, 0.3 * u.deg, 0.05 * u.deg, 0.2 * u.deg, 40 * u.deg),
    "rectangle annulus": RectangleAnnulusSkyRegion(
        CRAB, 0.1 * u.deg, 0.3 * u.deg, 0.05 * u.deg, 0.2 * u.deg, 40 * u.deg
    ),
    "polygon": PolygonSkyRegion(
        SkyCoord([83.5, 83.75, 83.65, 83.75, 83.5], [21.9, 21.9, 22.0, 22.12, 22.12], unit="deg")
    ),
}


@pytest.mark.parametrize(
    ("obs_id", "name", "masked", "n_regions", "n_on", "n_off", "first"),
    [
        (23523, "circle", True, 11, 192, 198, (84.0624094, 21.8086621)),
        (23523, "ellipse", True, 9, 187, 159, (84.0616929, 21.8095643)),
        (23523, "ellipse", False, 10, 187, 197, (83.9486788, 21.9141379)),
        (23523, "galactic ellipse", False, 17, 182, 329, (83.8539188, 21.9656681)),
        (23523, "rectangle", True, 7, 228, 215, (84.069881, 21.7989909)),
        (23523, "rectangle", False, 8, 228, 225, (84.0003647, 21.8740011)),
        (23523, "annulus", True, 5, 139, 237, (84.1137371, 21.7292309)),
        (23523, "annulus", False, 6, 139, 289, (84.0583276, 21.8137449)),
        (23523, "ellipse annulus", True, 9, 183, 192, (84.0588064, 21.8131556)),
        (23523, "rectangle annulus", True, 7, 191, 185, (84.0748774, 21.7922375)),
        (23559, "circle", True, 41, 167, 525, (83.7196152, 22.5148903)),
        (23559, "ellipse", True, 43, 160, 566, (83.7158065, 22.5046269)),
        (23559, "ellipse", False, 44, 160, 529, (83.6713787, 22.3599213)),
        (23559, "galactic ellipse", True, 29, 159, 378, (83.7516512, 22.5930744)),
        (23559, "rectangle", True, 32, 191, 627, (83.6898283, 22.4268927)),
        (23559, "annulus", True, 22, 98, 708, (83.7318041, 22.5462207)),
        (23559, "ellipse annulus", False, 36, 151, 534, (83.6819511, 22.399856)),
        (23559, "rectangle annulus", True, 25, 156, 480, (83.7694223, 22.6314927)),
    ],
)
def test_number_position_and_counts_of_gammapy(
    gammapy_data: Path,
    obs_id: int,
    name: str,
    masked: bool,
    n_regions: int,
    n_on: int,
    n_off: int,
    first: tuple[float, float],
) -> None:
    """Counts of 0.1-100 TeV. gammapy has none of a polygon, which has no centre there."""
    observation = DataStore.from_dir(gammapy_data / "hess-dl3-dr1").observation(obs_id)
    mask = read_exclusion_mask(gammapy_data / "joint-crab/exclusion/exclusion_mask_crab.fits.gz")
    placement = place_on_pixels(REGIONS[name], observation.pointing, [mask] * masked, DEFAULT, "run 1")
    regions, events = placement.off_regions, observation.events
    counted = (events.energy >= 0.1) & (events.energy < 100)
    points = unit_vectors(events.ra[counted], events.dec[counted])
    assert len(regions) == n_regions
    assert placement.in_on(points).sum() == n_on
    assert placement.in_off(points).any(axis=0).sum() == n_off
    assert regions[0].center.separation(SkyCoord(*first, unit="deg")).arcsec < 1e-3


@pytest.mark.parametrize("name", sorted(REGIONS))
def test_the_exact_placement_is_near(name: str) -> None:
    """The same first angle, but for the pixels, which are a tenth of the region."""
    pixels = place_on_pixels(REGIONS[name], RUN, [], DEFAULT, "run 1").off_regions
    exact = place_exactly(shape_of(REGIONS[name], "x"), RUN, [], DEFAULT, "run 1").off
    assert 0 <= len(pixels) - len(exact) <= 1
    shape = shape_of(pixels[0], "x")
    assert np.rad2deg(np.linalg.norm(shape.center - exact[0].center)) < 0.02
    assert shape.outer_radius == pytest.approx(exact[0].outer_radius, rel=1e-4)


@pytest.mark.parametrize("name", sorted(REGIONS))
def test_pixel_regions_return_to_the_sky(name: str) -> None:
    wcs = place_on_pixels(REGIONS[name], RUN, [], DEFAULT, "run 1").off_wcs
    back = shape_of(to_sky(to_pixel(REGIONS[name], wcs), wcs), "x")
    shape = shape_of(REGIONS[name], "x")
    border, other = shape.outline.start, back.outline.start
    assert border == pytest.approx(other, abs=1e-9)


def test_a_concave_on_region_keeps_clear_of_the_mask(gammapy_data: Path) -> None:
    mask = read_exclusion_mask(gammapy_data / "joint-crab/exclusion/exclusion_mask_crab.fits.gz")
    free = place_on_pixels(REGIONS["polygon"], RUN, [], DEFAULT, "run 1").off_regions
    left = place_on_pixels(REGIONS["polygon"], RUN, [mask], DEFAULT, "run 1").off_regions
    assert (len(free), len(left)) == (10, 9)


def test_a_ring_around_the_pointing_is_refused() -> None:
    ring = CircleAnnulusSkyRegion(RUN, 0.5 * u.deg, 1 * u.deg)
    with pytest.raises(ReductionError, match="run 1: the ON region lies around the pointing"):
        place_on_pixels(ring, RUN, [], DEFAULT, "run 1")
