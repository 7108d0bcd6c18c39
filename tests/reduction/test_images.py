from collections.abc import Callable, Sequence

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.wcs import WCS
from numpy.typing import NDArray
from regions import CircleSkyRegion, PixCoord, PointSkyRegion

from bayes_onoff.axes import EnergyAxis
from bayes_onoff.dl3 import DataStore, Events, IrfAxis, Observation, RadMax, TimeReference
from bayes_onoff.errors import ConfigError, InputError, ReductionError
from bayes_onoff.reduction import ExclusionMask, SkyImage, counts_image, excess_image, reduce_observations

POINTING = SkyCoord(83.63, 21.51, unit="deg")
SOURCE = SkyCoord(83.63, 22.01, unit="deg")
REFERENCE = TimeReference(51910, 0.00074287037037037)
ON = CircleSkyRegion(SOURCE, 0.2 * u.deg)
CAMERA = 2.0  # deg


def make_events(coord: SkyCoord, energy: NDArray[np.float64] | float = 1.0, time: float = 1500.5) -> Events:
    n = len(coord)
    return Events(coord.ra.deg, coord.dec.deg, np.broadcast_to(energy, n) * 1.0, np.full(n, time), REFERENCE)


def around(center: SkyCoord, radius: NDArray[np.float64], rng: np.random.Generator) -> SkyCoord:
    return center.directional_offset_by(rng.uniform(0, 360, len(radius)) * u.deg, radius * u.deg)


def background(n: int, rng: np.random.Generator, pointing: SkyCoord = POINTING) -> SkyCoord:
    """Positions whose density falls with the squared distance from the pointing, to a tenth at the camera's edge."""
    radius = CAMERA * np.sqrt(rng.uniform(0, 1, 2 * n))
    kept = rng.uniform(0, 1, 2 * n) < 1 - 0.9 * (radius / CAMERA) ** 2
    return around(pointing, radius[kept][:n], rng)


def joined(*parts: SkyCoord) -> SkyCoord:
    return SkyCoord(np.concatenate([p.ra.deg for p in parts]), np.concatenate([p.dec.deg for p in parts]), unit="deg")


def inside(image: SkyImage, region: CircleSkyRegion) -> NDArray[np.bool_]:
    y, x = np.indices(image.values.shape)
    return np.asarray(region.to_pixel(image.wcs).contains(PixCoord(x, y)))


@pytest.fixture
def run_with(make_run: Callable[..., Observation]) -> Callable[..., Observation]:
    def make(coord: SkyCoord, obs_id: int = 7, **changes: object) -> Observation:
        return make_run(obs_id, events=make_events(coord), **changes)

    return make


@pytest.mark.parametrize("frame", ["icrs", "galactic"])
def test_an_event_counts_in_the_pixel_that_holds_it(run_with: Callable[..., Observation], frame: str) -> None:
    center = SOURCE.transform_to(frame)
    coord = SkyCoord([center.spherical_offsets_by(-0.31 * u.deg, 0.12 * u.deg).icrs, SOURCE.icrs])
    image = counts_image([run_with(coord)], center, (1.0, 0.6), 0.1)
    assert image.values.shape == (6, 10)
    assert image.values.sum() == 2
    # 0.31 deg to smaller longitudes is 3.1 pixels to the right of the middle between pixels 4 and 5, from 0.
    assert image.values[4, 8] == 1
    assert image.wcs.wcs.ctype[0] == {"icrs": "RA---TAN", "galactic": "GLON-TAN"}[frame]
    assert image.label == "Events per 0.1° × 0.1° pixel"


def test_events_of_all_runs_count_once_inside_good_time_and_energies(make_run: Callable[..., Observation]) -> None:
    coord = around(SOURCE, np.full(5, 0.1), np.random.default_rng(3))
    energies = np.array([0.5, 1.0, 1.5, 2.0, 5.0])
    good = make_run(1, events=make_events(coord, energies))
    late = make_run(2, events=make_events(coord, energies, time=9000.5))
    assert counts_image([good, late, good], SOURCE, 1.0, 0.1).values.sum() == 10
    assert counts_image([good], SOURCE, 1.0, 0.1, energy_range=(1.0, 2.0)).values.sum() == 2


def test_what_lies_behind_the_projection_is_no_event(run_with: Callable[..., Observation]) -> None:
    coord = SkyCoord([263.63, 83.63], [-22.01, 22.01], unit="deg")
    assert counts_image([run_with(coord)], SOURCE, 1.0, 0.1).values.sum() == 1


def test_an_image_of_ones_stays_one_when_smoothed_up_to_edges_and_unknown_pixels() -> None:
    wcs = WCS(naxis=2)
    wcs.wcs.cdelt = [-0.1, 0.1]
    values = np.ones((20, 30))
    values[5:9, 4:20] = np.nan
    for kernel in ("gauss", "disk"):
        smoothed = SkyImage(values, wcs, "n").smoothed(0.25, kernel).values  # type: ignore[arg-type]
        np.testing.assert_array_equal(np.isnan(smoothed), np.isnan(values))
        np.testing.assert_allclose(smoothed[np.isfinite(values)], 1, rtol=1e-12)


def test_smoothing_spreads_a_pixel_as_its_kernel_says() -> None:
    wcs = WCS(naxis=2)
    wcs.wcs.cdelt = [-0.1, 0.1]
    values = np.zeros((41, 41))
    values[20, 20] = 7
    gauss = SkyImage(values, wcs, "n").smoothed(0.2)
    y, x = np.indices(values.shape) - 20
    assert gauss.values.sum() == pytest.approx(7)
    assert (gauss.values * x**2).sum() / 7 == pytest.approx(4, rel=2e-3)  # pixels squared; cut at 4 deviations
    assert gauss.label == "n, smoothed with a Gaussian of σ = 0.2°"
    disk = SkyImage(values, wcs, "n").smoothed(0.5, "disk").values
    np.testing.assert_allclose(disk, np.where(x**2 + y**2 <= 25, 7 / 81, 0), atol=1e-12)


def test_background_of_equal_distance_leaves_the_source(run_with: Callable[..., Observation]) -> None:
    rng = np.random.default_rng(5)
    source = around(SOURCE, np.abs(rng.normal(0, 0.06, 400)), rng)
    second = POINTING.directional_offset_by(120 * u.deg, 0.7 * u.deg)
    runs = [
        run_with(joined(background(40000, rng, where), source), obs_id, pointing=where)
        for obs_id, where in ((1, POINTING), (2, second))
    ]
    counts = counts_image(runs, SOURCE, 1.6, 0.04)
    image = excess_image(runs, SOURCE, 1.6, 0.04, on_region=ON)
    within = inside(image, ON)
    error = np.sqrt(counts.values[within].sum())
    assert abs(image.values[within].sum() - 800) < 3 * error
    pulls = image.values[~within] / np.sqrt((counts.values - image.values)[~within])
    assert abs(pulls.mean()) < 4 / np.sqrt(pulls.size)
    assert pulls.std() == pytest.approx(1, abs=0.05)
    assert image.label == "Excess per 0.04° × 0.04° pixel"


def test_the_excess_over_the_free_part_of_the_rings_adds_up_to_zero(run_with: Callable[..., Observation]) -> None:
    rng = np.random.default_rng(6)
    coord = background(20000, rng)
    run = run_with(coord)
    image = excess_image([run], POINTING, 3.0, 0.01, on_region=ON, ring_width=0.25)
    expected = counts_image([run], POINTING, 3.0, 0.01).values - image.values
    y, x = np.indices(expected.shape)
    rings = (image.wcs.pixel_to_world(x, y).separation(POINTING).deg / 0.25).astype(int)
    ring_of_events = (coord.separation(POINTING).deg / 0.25).astype(int)
    free_pixels, free_events = ~inside(image, ON), coord.separation(SOURCE) > ON.radius
    for ring in range(6):
        n_events = np.sum(free_events & (ring_of_events == ring))
        assert expected[free_pixels & (rings == ring)].sum() == pytest.approx(n_events, rel=0.01)


def test_exclusion_keeps_another_source_out_of_the_background(run_with: Callable[..., Observation]) -> None:
    rng = np.random.default_rng(7)
    other = POINTING.directional_offset_by(90 * u.deg, 0.5 * u.deg)
    coord = joined(
        background(30000, rng), around(SOURCE, np.full(300, 0.05), rng), around(other, np.full(3000, 0.1), rng)
    )
    run, region = run_with(coord), CircleSkyRegion(other, 0.2 * u.deg)
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crval = [other.ra.deg, other.dec.deg]
    wcs.wcs.crpix = [50.5, 50.5]
    wcs.wcs.cdelt = [-0.005, 0.005]
    y, x = np.indices((100, 100))
    mask = ExclusionMask(wcs, np.hypot(x - 49.5, y - 49.5) < 40)
    spoilt, by_region, by_mask = (
        excess_image([run], SOURCE, 1.0, 0.02, on_region=ON, exclusion=exclusion)
        for exclusion in ((), (region,), (mask,))
    )
    error = np.sqrt(counts_image([run], SOURCE, 1.0, 0.02).values[inside(spoilt, ON)].sum())
    excess = [image.values[inside(image, ON)].sum() for image in (spoilt, by_region, by_mask)]
    assert excess[0] < 300 - 5 * error
    assert abs(excess[1] - 300) < 3 * error
    assert excess[2] == pytest.approx(excess[1], abs=0.2 * error)


def test_where_a_run_has_no_background_nothing_is_known(run_with: Callable[..., Observation]) -> None:
    rng = np.random.default_rng(8)
    run = run_with(background(20000, rng))
    image = excess_image([run], POINTING, 5.0, 0.1, on_region=ON)
    y, x = np.indices(image.values.shape)
    distance = image.wcs.pixel_to_world(x, y).separation(POINTING).deg
    np.testing.assert_array_equal(np.isnan(image.values), distance >= CAMERA)  # a whole number of rings
    # An ON region around the pointing fills the rings inside.
    wide = CircleSkyRegion(POINTING, 0.5 * u.deg)
    image = excess_image([run], POINTING, 2.0, 0.1, on_region=wide)
    distance = distance[15:35, 15:35]
    np.testing.assert_array_equal(np.isnan(image.values), distance < 0.5)
    # Another run that sees it fills the gap.
    elsewhere = POINTING.directional_offset_by(90 * u.deg, 1.0 * u.deg)
    both = [run, run_with(background(20000, rng, elsewhere), 8, pointing=elsewhere)]
    assert np.isfinite(excess_image(both, POINTING, 1.5, 0.1, on_region=wide).values).all()


def test_an_image_without_background_anywhere_is_refused(run_with: Callable[..., Observation]) -> None:
    run = run_with(background(1000, np.random.default_rng(9)))
    far = SkyCoord(83.63, 30.0, unit="deg")
    with pytest.raises(ReductionError, match="run 7: no run has a background anywhere in the image; allowed: an image"):
        excess_image([run], far, 1.0, 0.1, on_region=ON)


def test_a_point_stands_for_the_circle_of_its_largest_radius(run_with: Callable[..., Observation]) -> None:
    rng = np.random.default_rng(10)
    coord = joined(background(20000, rng), around(SOURCE, 0.2 * np.sqrt(rng.uniform(0, 1, 500)), rng))
    energy, offset = IrfAxis.from_edges(np.geomspace(0.01, 100, 3), is_log=True), IrfAxis.from_nodes([0.5])
    run = run_with(coord, rad_max=RadMax(energy, offset, np.array([[0.2], [0.1]])))
    point, circle = (
        excess_image([run], SOURCE, 1.0, 0.05, on_region=region).values for region in (PointSkyRegion(SOURCE), ON)
    )
    np.testing.assert_array_equal(point, circle)
    with pytest.raises(ConfigError, match=r"on_region.shape: a point has no area .* found 'point'; allowed: a region"):
        excess_image([run_with(coord, 8)], SOURCE, 1.0, 0.05, on_region=PointSkyRegion(SOURCE))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"observations": []}, "observations: no run to count; allowed: at least one run"),
        ({"energy_range": (2.0, 1.0)}, "energy_range: the energy range is upside down or empty; found '2 to 1 TeV'"),
        ({"width": 0.0}, "width: not a width; found '0.0 deg'; allowed: above 0 to 60 deg"),
        ({"width": (1.0, 61.0)}, "width: not a width"),
        ({"width": np.nan}, "width: not a width"),
        ({"bin_size": -0.1}, "bin_size: not a pixel; found '-0.1 deg'"),
        ({"bin_size": 2.0}, "bin_size: not a pixel; found '2 deg'; allowed: above 0 deg, up to the image's width"),
        ({"bin_size": 0.0001}, "bin_size: too many pixels; found '10000 x 10000'; allowed: up to 4000 in a row"),
    ],
)
def test_what_is_no_image_is_refused(
    run_with: Callable[..., Observation], changes: dict[str, object], message: str
) -> None:
    arguments = {"observations": [run_with(SOURCE.reshape(1))], "width": 1.0, "bin_size": 0.1} | changes
    with pytest.raises(InputError, match=message):
        counts_image(center=SOURCE, **arguments)  # type: ignore[arg-type]
    with pytest.raises(InputError, match=message):
        excess_image(center=SOURCE, on_region=ON, **arguments)  # type: ignore[arg-type]


def test_widths_that_are_none_are_refused(run_with: Callable[..., Observation]) -> None:
    run = run_with(SOURCE.reshape(1))
    with pytest.raises(InputError, match="ring_width: not a width; found '0 deg'; allowed: above 0 deg"):
        excess_image([run], SOURCE, 1.0, 0.1, on_region=ON, ring_width=0.0)
    image = counts_image([run], SOURCE, 1.0, 0.1)
    with pytest.raises(InputError, match="width: not a width; found '-1 deg'"):
        image.smoothed(-1.0)
    with pytest.raises(InputError, match="kernel: unknown kernel; found 'box'; allowed: gauss or disk"):
        image.smoothed(1.0, "box")  # type: ignore[arg-type]


RXJ1713 = SkyCoord(347.3, -0.5, unit="deg", frame="galactic")


@pytest.fixture(scope="module")
def rxj1713(gammapy_data) -> Sequence[Observation]:
    return DataStore.from_dir(gammapy_data / "hess-dl3-dr1").observations([20326, 20327, 20349, 20350, 20396, 20397])


def test_counts_of_rxj1713_are_those_of_gammapy(rxj1713: Sequence[Observation]) -> None:
    """gammapy 2.1: `Map.fill_events` of `select_energy`, `Map.smooth`. Away from pixels beside which its single

    precision puts one of four events.
    """
    image = counts_image(rxj1713, RXJ1713, (3.0, 2.0), 0.02, energy_range=(0.3, 40.0))
    assert image.values.shape == (100, 150)
    assert image.values.sum() == 13880
    assert image.values[40:60, 60:90].sum() == 843
    smoothed = image.smoothed(0.05).values
    assert smoothed[50, 75] == pytest.approx(1.6009797570914719, rel=1e-9)
    assert smoothed[70, 100] == pytest.approx(1.0674439446481443, rel=1e-9)
    disk = image.smoothed(0.1, "disk").values
    assert disk[50, 75] == pytest.approx(1.5185185185185204, rel=1e-9)


def test_excess_of_rxj1713_agrees_with_reflected_regions(rxj1713: Sequence[Observation]) -> None:
    on = CircleSkyRegion(RXJ1713, 0.5 * u.deg)
    axes = {
        "energy": EnergyAxis.from_bounds(0.3 * u.TeV, 40 * u.TeV, 10),
        "energy_true": EnergyAxis.from_bounds(0.05 * u.TeV, 100 * u.TeV, 30, "energy_true"),
    }
    spectra = reduce_observations(rxj1713, on, **axes).spectra
    reflected = sum(float((s.n_on - s.alpha * s.n_off).sum()) for s in spectra)
    variance = sum(float((s.n_on + s.alpha**2 * s.n_off).sum()) for s in spectra)
    image = excess_image(rxj1713, RXJ1713, 2.0, 0.02, on_region=on, energy_range=(0.3, 40.0))
    excess = image.values[inside(image, on)].sum()
    # The ON counts are the same; the rings hold several times the events of the OFF regions.
    assert abs(excess - reflected) < 2 * np.sqrt(variance - sum(float(s.n_on.sum()) for s in spectra))
    assert excess > 8 * np.sqrt(variance)
