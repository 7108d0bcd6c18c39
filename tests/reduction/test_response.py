import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.wcs import WCS
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from regions import (
    CircleAnnulusSkyRegion,
    EllipseAnnulusSkyRegion,
    EllipseSkyRegion,
    PolygonSkyRegion,
    RectangleSkyRegion,
    SkyRegion,
)
from scipy.stats import norm

from bayes_onoff.axes import EnergyAxis
from bayes_onoff.dl3 import EffectiveArea, EnergyDispersion, IrfAxis
from bayes_onoff.reduction.response import Offsets, dispersion_kernel, effective_area, kernel_from_migration
from bayes_onoff.reduction.shapes import Circle, shape_of
from bayes_onoff.reduction.sphere import unit_vector

POINTING = SkyCoord(83.63, 21.51, unit="deg")
TRUE = EnergyAxis(np.geomspace(0.05, 100, 31), "energy_true")
RECO = EnergyAxis(np.geomspace(0.1, 40, 13))


def region(offset: float, radius: float) -> Circle:
    center = POINTING.directional_offset_by(70 * u.deg, offset * u.deg)
    return Circle(unit_vector(center), float(np.deg2rad(radius)))


def test_offset_of_the_center() -> None:
    offsets = Offsets.at_center(region(0.7, 0.1), POINTING)
    assert offsets.values == pytest.approx([0.7])
    assert offsets.weights.tolist() == [1.0]


def test_offsets_over_the_area() -> None:
    offsets = Offsets.over_area(region(0.7, 0.5), POINTING)
    assert offsets.weights.sum() == pytest.approx(1)
    assert offsets.values.min() > 0.2
    assert offsets.values.max() < 1.2
    # flat-sky mean distance from a point outside a disc: d (1 + R^2 / 8 d^2 + R^4 / 192 d^4 + ...)
    ratio = (0.5 / 0.7) ** 2
    assert offsets.values @ offsets.weights == pytest.approx(0.7 * (1 + ratio / 8 + ratio**2 / 192), rel=1e-3)


SIZES = [angle * u.deg for angle in (0.3, 0.5, 0.6, 0.9)]
CENTER = POINTING.directional_offset_by(70 * u.deg, 0.9 * u.deg)
AROUND = POINTING.directional_offset_by([10, 130, 200, 250, 300] * u.deg, [1.5, 0.5, 1.8, 0.4, 1.2] * u.deg)
EXTENDED = {
    "ellipse": EllipseSkyRegion(CENTER, 1.2 * u.deg, 0.5 * u.deg, 35 * u.deg),
    "rectangle": RectangleSkyRegion(CENTER.galactic, 1.5 * u.deg, 0.3 * u.deg, 20 * u.deg),
    "slit": RectangleSkyRegion(CENTER, 1.5 * u.deg, 0.02 * u.deg, 80 * u.deg),
    "annulus": CircleAnnulusSkyRegion(CENTER, 0.35 * u.deg, 0.5 * u.deg),
    "elliptical annulus": EllipseAnnulusSkyRegion(CENTER, *SIZES, 60 * u.deg),
    "polygon": PolygonSkyRegion(AROUND),
}


def grid_offsets(sky_region: SkyRegion) -> tuple[np.ndarray, np.ndarray]:
    """Offsets (deg) of the centres of small pixels inside a region, found by the regions package, and their weights."""
    center = sky_region.vertices[0] if isinstance(sky_region, PolygonSkyRegion) else sky_region.center
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crval = [center.icrs.ra.deg, center.icrs.dec.deg]
    wcs.wcs.cdelt = [-0.005, 0.005]
    mask = sky_region.to_pixel(wcs).to_mask("center")
    y, x = np.nonzero(mask.data)
    points = wcs.pixel_to_world(x + mask.bbox.ixmin, y + mask.bbox.iymin)
    weights = np.cos(points.separation(SkyCoord(*wcs.wcs.crval, unit="deg")).rad) ** 3  # solid angle of a TAN pixel
    return points.separation(POINTING).deg, weights / weights.sum()


@pytest.mark.parametrize("name", EXTENDED)
def test_response_over_any_shape(name: str, aeff: EffectiveArea, edisp: EnergyDispersion) -> None:
    """Against a sum over many small pixels."""
    offsets = Offsets.over_area(shape_of(EXTENDED[name], "on_region"), POINTING)
    values, weights = grid_offsets(EXTENDED[name])
    assert len(values) > 1000
    area = aeff.evaluate(TRUE.centers[:, None], values)
    assert effective_area(aeff, TRUE, offsets) == pytest.approx(area @ weights, rel=2e-4)
    bins = np.linspace(values.min(), values.max(), 60)
    index = np.digitize(values, bins[1:-1])
    kernel = np.zeros((TRUE.n_bins, RECO.n_bins))
    for i in np.unique(index):
        at = Offsets(np.array([values[index == i].mean()]), np.ones(1))
        share = (area[:, index == i] @ weights[index == i])[:, None]
        kernel += share * dispersion_kernel(edisp, aeff, TRUE, RECO, at)
    kernel /= (area @ weights)[:, None]
    assert dispersion_kernel(edisp, aeff, TRUE, RECO, offsets) == pytest.approx(kernel, abs=1e-4)
    center = dispersion_kernel(edisp, aeff, TRUE, RECO, Offsets(values[:1] * 0 + 0.9, np.ones(1)))
    assert np.abs(kernel - center).max() > 3e-4  # the average matters


def test_effective_area_at_the_center(aeff: EffectiveArea) -> None:
    offsets = Offsets.at_center(region(0.5, 0.1), POINTING)
    expected = 1e9 * np.minimum(TRUE.centers, 1) * 0.9
    above = TRUE.centers > 1.1  # below, the table is interpolated in ln(energy)
    assert effective_area(aeff, TRUE, offsets)[above] == pytest.approx(expected[above], rel=1e-9)


def test_effective_area_over_the_area(aeff: EffectiveArea) -> None:
    offsets = Offsets.over_area(region(0.7, 0.5), POINTING)
    mean = offsets.values @ offsets.weights  # the area is linear in the offset
    assert effective_area(aeff, TRUE, offsets)[-1] == pytest.approx(1e9 * (1 - 0.2 * mean), rel=1e-9)


def test_a_gaussian_dispersion(aeff: EffectiveArea, edisp: EnergyDispersion) -> None:
    kernel = dispersion_kernel(edisp, aeff, TRUE, RECO, Offsets.at_center(region(1.0, 0.1), POINTING))
    ratio = RECO.edges / TRUE.centers[:, None]
    expected = np.diff(norm(1, 0.2).cdf(np.clip(ratio, 0.2, 5)), axis=1)
    assert kernel == pytest.approx(expected, abs=2e-3)


def test_dispersion_over_the_area_weighs_by_effective_area(aeff: EffectiveArea, edisp: EnergyDispersion) -> None:
    on = region(1.6, 0.8)
    offsets = Offsets.over_area(on, POINTING)
    kernel = dispersion_kernel(edisp, aeff, TRUE, RECO, offsets)
    weights = (1 - 0.2 * offsets.values) * offsets.weights
    single = [
        dispersion_kernel(edisp, aeff, TRUE, RECO, Offsets(np.array([value]), np.ones(1))) for value in offsets.values
    ]
    expected = np.tensordot(weights / weights.sum(), single, axes=1)
    inside = (TRUE.centers > 0.06) & (TRUE.centers < 90)
    assert kernel[inside] == pytest.approx(expected[inside], abs=1e-7)
    at_center = dispersion_kernel(edisp, aeff, TRUE, RECO, Offsets.at_center(on, POINTING))
    assert np.abs(kernel - at_center).max() > 1e-4


def test_small_probabilities_are_cut(aeff: EffectiveArea, edisp: EnergyDispersion) -> None:
    kernel = dispersion_kernel(edisp, aeff, TRUE, RECO, Offsets.at_center(region(0.5, 0.1), POINTING))
    assert kernel[kernel > 0].min() >= 1e-8


def test_where_there_is_no_effective_area_the_dispersion_is_still_one() -> None:
    """Its exposure is zero there; the kernel must not become NaN."""
    true = EnergyAxis(np.array([0.02, 0.03, 1.0, 2.0]), "energy_true")
    axis, offset = IrfAxis.from_edges([0.01, 0.1, 1, 10], is_log=True), IrfAxis.from_nodes([0.0, 2.5])
    blind = EffectiveArea(axis, offset, np.array([[0.0, 0], [0, 0], [1, 1]]))
    migra = IrfAxis.from_edges([0.5, 1.5])
    flat = EnergyDispersion(axis, migra, offset, np.ones((3, 1, 2)))
    reco = EnergyAxis(np.array([0.001, 10.0]))
    kernel = dispersion_kernel(flat, blind, true, reco, Offsets.over_area(region(0.7, 0.5), POINTING))
    assert kernel == pytest.approx(np.ones((3, 1)))


@given(
    arrays(float, (4, 6), elements=st.floats(0, 1e3)),
    arrays(float, 6, elements=st.floats(0.01, 2)),
    arrays(float, 5, elements=st.floats(0.01, 1), fill=st.nothing()),
)
def test_rows_of_a_kernel_sum_to_at_most_one(density: np.ndarray, widths: np.ndarray, steps: np.ndarray) -> None:
    migra_edges = np.concatenate([[0.1], 0.1 + np.cumsum(widths)])
    energy_edges = np.exp(np.cumsum(steps))
    kernel = kernel_from_migration(migra_edges, density, np.array([0.5, 1.0, 3.0, 20.0]), energy_edges)
    assert np.all(kernel >= 0)
    assert np.all(kernel.sum(axis=1) <= 1 + 1e-12)
    assert np.all(kernel[density.sum(axis=1) == 0] == 0)


def test_what_is_reconstructed_outside_the_axis_is_lost() -> None:
    kernel = kernel_from_migration(np.array([0.5, 1.5]), np.ones((1, 1)), np.ones(1), np.array([0.75, 1.0, 1.25]))
    assert kernel.tolist() == [[0.25, 0.25]]
