"""Energy-dependent directional cuts of point-like responses."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from regions import CircleSkyRegion, EllipseSkyRegion, PointSkyRegion

from bayes_onoff.axes import EnergyAxis
from bayes_onoff.dl3 import EffectiveArea, IrfAxis, Observation, RadMax
from bayes_onoff.errors import ReductionError, ReductionWarning
from bayes_onoff.reduction import ReducedRun, ReductionSettings, SafeRange, reduce_observation
from bayes_onoff.reduction.counting import name_bins
from bayes_onoff.reduction.rad_max import largest_radii

MakeRun = Callable[..., Observation]
Axes = dict[str, EnergyAxis]
Circles = Callable[..., CircleSkyRegion]

SOURCE = PointSkyRegion(SkyCoord(83.63, 22.01, unit="deg"))  # 0.5 deg from the pointing
EVERYTHING = SafeRange(aeff_max=None)
WOBBLE = ReductionSettings(off_method="wobble", safe_range=EVERYTHING)


def shrinking(
    *radii: float, edges: tuple[float, ...] = (0.05, 0.5, 5.0, 50.0), offsets: IrfAxis | None = None
) -> RadMax:
    energy = IrfAxis.from_edges(edges, is_log=True)
    offset = offsets or IrfAxis.from_nodes([0.5])
    return RadMax(energy, offset, np.repeat(np.array(radii)[:, None], len(offset), axis=1))


@pytest.fixture
def point_like(make_run: MakeRun, aeff: EffectiveArea) -> Callable[..., Observation]:
    def make(rad_max: RadMax | None, radius: float | None = None) -> Observation:
        return make_run(aeff=replace(aeff, is_pointlike=True, rad_max=radius), rad_max=rad_max)

    return make


def count(run: Observation, center: SkyCoord, low: float, high: float, radius: float) -> int:
    near = run.events.coord.separation(center).deg <= radius
    return int(np.sum(near & (run.events.energy >= low) & (run.events.energy < high)))


def reduce_three_bins(run: Observation, axes: Axes, **changes: Any) -> ReducedRun:
    """Bins that are those of the table."""
    energy = EnergyAxis(np.array([0.05, 0.5, 5.0, 50.0]))
    options = {"energy": energy, "energy_true": axes["energy_true"], "settings": WOBBLE} | changes
    return reduce_observation(run, options.pop("on_region", SOURCE), **options)


def test_every_event_has_the_radius_of_its_energy(point_like: MakeRun, axes: Axes) -> None:
    run = point_like(shrinking(0.3, 0.2, 0.1))
    reduced = reduce_three_bins(run, axes)
    spectrum, geometry = reduced.spectrum, reduced.geometry
    ranges = [(0.05, 0.5, 0.3), (0.5, 5.0, 0.2), (5.0, 50.0, 0.1)]
    assert spectrum.n_on.tolist() == [count(run, SOURCE.center, *values) for values in ranges]
    assert len(geometry.off_regions) == 3
    for region, counts in zip(geometry.off_regions, spectrum.n_off_by_region, strict=True):
        assert isinstance(region, PointSkyRegion)
        assert region.center.separation(run.pointing).deg == pytest.approx(0.5)
        assert counts.tolist() == [count(run, region.center, *values) for values in ranges]
    assert spectrum.n_off.sum() > 0
    assert spectrum.alpha == pytest.approx(np.full(3, 1 / 3))
    assert geometry.rad_max == (0.1, 0.3)
    assert geometry.on_region is SOURCE


def test_only_the_bins_with_overlapping_circles_are_left_out(point_like: MakeRun, axes: Axes) -> None:
    """Neighbours of four positions at 0.5 deg are 0.7071 deg apart."""
    run = point_like(shrinking(0.36, 0.35, 0.1))
    message = r"run 7: ON and OFF circles of RAD_MAX overlap; left out: 0\.05 to 0\.5 TeV$"
    with pytest.warns(ReductionWarning, match=message) as caught:
        reduced = reduce_three_bins(run, axes)
    assert len(caught) == 1
    spectrum = reduced.spectrum
    assert spectrum.acceptance_off.tolist() == [0, 3, 3]
    assert spectrum.n_off[0] == 0
    assert spectrum.n_off[1] > 0
    assert spectrum.mask.tolist() == [False, True, True]
    assert reduced.geometry.rad_max == (0.1, 0.35)


def test_a_bin_has_the_largest_radius_of_all_entries_that_touch_it() -> None:
    rad_max = shrinking(0.1, 0.3, 0.2)
    energy = EnergyAxis(np.array([0.06, 0.4, 0.6, 5.0, 6.0, 60.0]))
    assert largest_radii(rad_max, energy, 0.5).tolist() == [0.1, 0.3, 0.3, 0.2, 0.2]
    assert largest_radii(rad_max, EnergyAxis(np.array([0.06, 40.0])), 0.5).tolist() == [0.3]


def test_edges_in_single_precision_touch_but_one_bin() -> None:
    edges = np.geomspace(0.01, 100, 21)
    radii = np.linspace(0.3, 0.1, 20)
    rad_max = shrinking(*radii, edges=tuple(edges.astype(np.float32).astype(float)))
    assert largest_radii(rad_max, EnergyAxis(edges), 0.5).tolist() == radii.tolist()


def test_the_radius_is_that_of_the_offset_of_the_source(point_like: MakeRun, axes: Axes) -> None:
    offsets = IrfAxis.from_nodes([0.0, 0.4, 2.0])
    energy = IrfAxis.from_nodes([0.1, 1.0, 30.0], is_log=True)
    run = point_like(RadMax(energy, offsets, np.array([[0.01, 0.2, 0.02]] * 3)))
    spectrum = reduce_three_bins(run, axes).spectrum
    assert spectrum.n_on[1] == count(run, SOURCE.center, 0.5, 5.0, 0.2) > 0


def test_bins_beyond_the_table_are_left_out(point_like: MakeRun, axes: Axes) -> None:
    run = point_like(shrinking(0.3, 0.2, 0.1, edges=(0.3, 0.5, 5.0, 30.0)))
    message = "run 7: RAD_MAX gives no radius for all energies of a bin; left out: 0.05 to 0.5 TeV, 5 to 50 TeV"
    with pytest.warns(ReductionWarning, match=message):
        spectrum = reduce_three_bins(run, axes).spectrum
    assert spectrum.mask.tolist() == [False, True, False]


def test_exclusion_regions_have_to_miss_the_circles(point_like: MakeRun, axes: Axes, circle: Circles) -> None:
    """A hole 0.25 deg from the OFF position opposite of the source: only the widest circles touch it."""
    hole = circle(83.63, 21.26 - 0.05, 0.05)
    run = point_like(shrinking(0.3, 0.2, 0.1))
    opposite = SkyCoord(83.63, 21.01, unit="deg")
    assert hole.center.separation(opposite).deg == pytest.approx(0.2)
    spectrum = reduce_three_bins(run, axes, exclusion=[hole]).spectrum
    assert spectrum.acceptance_off.tolist() == [2, 2, 3]
    assert spectrum.n_off_by_region.min(axis=0).tolist() == [0, 0, spectrum.n_off_by_region[:, 2].min()]
    assert spectrum.alpha == pytest.approx([1 / 2, 1 / 2, 1 / 3])
    covered = [circle(83.63, 21.51, 0.39)]
    message = "run 7: every OFF circle of RAD_MAX touches an exclusion region; left out: 0.05 to 5 TeV"
    with pytest.warns(ReductionWarning, match=message):
        spectrum = reduce_three_bins(run, axes, exclusion=covered).spectrum
    assert spectrum.acceptance_off.tolist() == [0, 0, 3]


def test_no_room_at_any_energy_is_refused(point_like: MakeRun, axes: Axes) -> None:
    message = (
        "run 7: no energy bin has an OFF region; found 'radii of 0.4 to 0.4 deg, 0.5 deg from the pointing'; "
        "allowed: fewer OFF regions"
    )
    with pytest.warns(ReductionWarning, match="overlap"), pytest.raises(ReductionError, match=message):
        reduce_three_bins(point_like(shrinking(0.4, 0.4, 0.4)), axes)
    one = replace(WOBBLE, n_off_regions=1)
    assert reduce_three_bins(point_like(shrinking(0.4, 0.4, 0.4)), axes, settings=one).spectrum.mask.all()


def test_a_point_with_one_radius_is_that_circle(point_like: MakeRun, axes: Axes, circle: Circles) -> None:
    run = point_like(None, 0.11)
    settings = ReductionSettings(safe_range=EVERYTHING)
    point = reduce_observation(run, SOURCE, **axes, settings=settings)
    disc = reduce_observation(run, circle(83.63, 22.01, 0.11), **axes, settings=settings)
    assert point.spectrum.n_off_regions == 12
    assert np.array_equal(point.spectrum.n_off_by_region, disc.spectrum.n_off_by_region)
    assert np.array_equal(point.spectrum.n_on, disc.spectrum.n_on)
    assert point.geometry.on_region.radius.to_value("deg") == pytest.approx(0.11)
    assert point.geometry.rad_max is None


def test_wobble_with_a_circle(make_run: MakeRun, axes: Axes, circle: Circles) -> None:
    run, on = make_run(), circle(83.63, 22.01, 0.11)
    reduced = reduce_observation(run, on, **axes, settings=replace(WOBBLE, n_off_regions=5))
    angles = [run.pointing.position_angle(region.center).deg for region in reduced.geometry.off_regions]
    assert angles == pytest.approx([60, 120, 180, 240, 300], abs=1e-6)
    counts = [count(run, region.center, 0.1, 40, 0.11) for region in reduced.geometry.off_regions]
    assert reduced.spectrum.n_off_by_region.sum(axis=1).tolist() == counts
    assert reduced.spectrum.alpha == pytest.approx(np.full(12, 1 / 5))


def test_phases_inside_the_cut(point_like: MakeRun, axes: Axes) -> None:
    run = point_like(shrinking(0.3, 0.2, 0.1, edges=(0.05, 0.5, 5.0, 30.0)))
    assert run.events.time.min() >= 1000
    settings = ReductionSettings(
        off_method="phase",
        on_phase=((0.0, 0.5),),
        off_phase=((0.5, 1.0),),
        phase_column_name="TIME",  # any column of numbers will do
        safe_range=EVERYTHING,
    )
    with pytest.warns(ReductionWarning, match="RAD_MAX gives no radius .*left out: 5 to 50 TeV"):
        reduced = reduce_three_bins(run, axes, settings=settings)
    spectrum = reduced.spectrum
    assert (spectrum.n_on + spectrum.n_off)[:2].tolist() == [
        count(run, SOURCE.center, 0.05, 0.5, 0.3),
        count(run, SOURCE.center, 0.5, 5.0, 0.2),
    ]
    assert spectrum.n_on[:2].sum() > 0
    assert spectrum.acceptance_off.tolist() == [0.5, 0.5, 0]
    assert spectrum.n_off[2] == 0
    assert reduced.geometry.rad_max == (0.2, 0.3)
    nowhere = shrinking(0.3, 0.2, 0.1, edges=(60, 70, 80, 90))
    with (
        pytest.warns(ReductionWarning, match="no radius"),
        pytest.raises(ReductionError, match="run 7: RAD_MAX gives no radius for any energy bin; found 'bins"),
    ):
        reduce_three_bins(point_like(nowhere), axes, settings=settings)


def test_what_a_directional_cut_does_not_go_with(
    point_like: MakeRun, make_run: MakeRun, axes: Axes, circle: Circles
) -> None:
    table = point_like(shrinking(0.3, 0.2, 0.1))
    reflected = ReductionSettings(safe_range=EVERYTHING)
    with pytest.raises(
        ReductionError,
        match=r"run 7: reflected OFF regions need an ON region of one size, RAD_MAX_2D has one for each energy; "
        r"found 'reduction\.off_regions\.method: reflected'; allowed: wobble, or phase",
    ):
        reduce_three_bins(table, axes, settings=reflected)
    with pytest.raises(ReductionError, match=r"energy-dependent.*one size'; allowed: on_region\.shape: point"):
        reduce_three_bins(table, axes, on_region=circle(83.63, 22.01, 0.2))
    with pytest.raises(ReductionError, match="contains the containment already"):
        reduce_three_bins(table, axes, settings=replace(WOBBLE, containment_correction=True))
    with pytest.raises(ReductionError, match="states no directional cut; found 'neither RAD_MAX in"):
        reduce_three_bins(point_like(None), axes)
    full = make_run()
    with pytest.raises(
        ReductionError, match=r"run 7: the response is full-enclosure, .* area; found 'a point'; allowed"
    ):
        reduce_three_bins(full, axes)


def test_a_fixed_cut_is_a_circle(point_like: MakeRun, axes: Axes, circle: Circles) -> None:
    center, radius = SOURCE.center, circle(0, 0, 0.11).radius
    ellipse = EllipseSkyRegion(center, 2 * radius, radius)  # as wide as the cut in one direction
    with pytest.raises(
        ReductionError,
        match=r"made for another ON region; found 'another shape'; allowed: a circle of 0\.11 deg",
    ):
        reduce_three_bins(point_like(None, 0.11), axes, on_region=ellipse)


def test_bins_have_names() -> None:
    axis = EnergyAxis(np.array([1.0, 2.0, 4.0, 8.0, 16.0]))
    assert name_bins(np.array([True, True, False, True]), axis) == "1 to 4 TeV, 8 to 16 TeV"
    assert name_bins(np.zeros(4, dtype=bool), axis) == ""
