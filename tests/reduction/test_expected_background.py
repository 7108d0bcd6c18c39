"""OFF counts that a background response expects: closed forms, gammapy 2.1, and the counts of real runs."""

import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from regions import CircleSkyRegion, EllipseSkyRegion, SkyRegion

from bayes_onoff.axes import EnergyAxis
from bayes_onoff.dl3 import Background, Background2D, DataStore, IrfAxis, Observation
from bayes_onoff.errors import ReductionError, ReductionWarning
from bayes_onoff.reduction import Reduction, ReductionSettings, SafeRange, reduce_observation
from bayes_onoff.reduction.expected_background import continued, integrate_in_bins
from bayes_onoff.reduction.shapes import shape_of, solid_angle
from bayes_onoff.spectra import SpectrumOnOff
from tests.dl3_files import DEADC, Run, run_tables, write_tables

Floats = NDArray[np.float64]
MakeRun = Callable[..., Observation]
ReduceCrab = Callable[..., Reduction]

SAFE = SafeRange(aeff_max=None)
EXPECTED = ReductionSettings(expected_background=True, safe_range=SAFE)
ENERGIES = IrfAxis.from_edges(np.geomspace(0.05, 100, 31), is_log=True)
POINTING = SkyCoord(83.63, 21.51, unit="deg")
ONTIME = 1000.0
# gammapy 2.1, make_map_background_irf with oversampling=5 and use_region_center=False, over the
# same OFF circles together; from bin 8 on (0.331 TeV).
GAMMAPY = {
    "23523": "0.206545 1.57997 7.84316 13.9418 22.0119 22.1155 19.1609 15.9667 12.7843 10.3385 8.6076 7.21197 6.29331 "
    "5.54751 4.80392 4.1047 3.49269 2.94404 2.47177 2.02608 1.65267 1.32156 1.04532 0.807148 0.597665 0.439035 0.31047 "
    "0.21754 0.139481 0.086096 0.0525762 0.0316748",
    "23559": "3.55713 11.9921 31.5203 46.6022 64.2852 57.4969 44.3697 33.4294 24.5054 18.5321 15.3648 12.8741 11.1548 "
    "9.74975 8.56578 7.55555 6.65274 5.83316 5.11204 4.46648 3.90104 3.38259 2.92226 2.5104 2.13568 1.80714 1.48822 "
    "1.22071 0.97676 0.773507 0.602394 0.460026",
}


def law(energy: Floats, index: float = 2.7) -> Floats:
    """A rate, s-1 TeV-1 sr-1."""
    return np.asarray(20.0 * energy**-index)


def integral(axis: EnergyAxis, index: float = 2.7) -> Floats:
    """Of `law` in each bin, s-1 sr-1."""
    return np.asarray(20.0 / (1 - index) * np.diff(axis.edges ** (1 - index)))


def radial(values: Floats) -> Background2D:
    """The same at all offsets."""
    offset = IrfAxis.from_nodes(np.array([0.0, 1.0, 2.5]))
    return Background2D(ENERGIES, offset, np.repeat(values[:, None], 3, axis=1))


def cube(lon_slope: float, lat_slope: float, alignment: str = "RADEC") -> Background:
    """Rate that changes along the field of view, per deg."""
    axis = IrfAxis.from_edges(np.linspace(-3, 3, 61))
    x, y = axis.centers[:, None], axis.centers
    values = law(ENERGIES.centers)[:, None, None] * np.exp(lon_slope * x + lat_slope * y)
    return Background(ENERGIES, axis, axis, values, alignment)


def background_of(run: Observation, region: SkyRegion, axes: dict[str, EnergyAxis], **changes: Any) -> Floats:
    spectrum = reduce_observation(run, region, settings=replace(EXPECTED, **changes), **axes).spectrum
    assert spectrum.background is not None
    return spectrum.background


def test_a_power_law_is_integrated_exactly(
    make_run: MakeRun, on_region: CircleSkyRegion, axes: dict[str, EnergyAxis]
) -> None:
    """Per second of good time, the dead time of a tenth being no matter; over twelve circles."""
    run = make_run(bkg=radial(law(ENERGIES.centers)))
    solid = 2 * np.pi * (1 - np.cos(np.deg2rad(0.11)))
    expected = 12 * ONTIME * solid * integral(axes["energy"])
    assert background_of(run, on_region, axes) == pytest.approx(expected, rel=1e-9)


def test_by_default_nothing_is_computed(
    make_run: MakeRun, on_region: CircleSkyRegion, axes: dict[str, EnergyAxis]
) -> None:
    run = make_run(bkg=radial(law(ENERGIES.centers)))
    assert reduce_observation(run, on_region, **axes).spectrum.background is None


@pytest.mark.parametrize("placement", ["exact", "gammapy"])
def test_the_rate_is_that_at_the_off_regions(make_run: MakeRun, axes: dict[str, EnergyAxis], placement: Any) -> None:
    """Longitudes grow to the west, unless they are reversed; a steep gradient averages to cosh over a ring."""
    east = CircleSkyRegion(SkyCoord(POINTING.directional_offset_by(90 * u.deg, 0.8 * u.deg)), 0.3 * u.deg)
    plain = background_of(make_run(1, bkg=cube(0, 0)), east, axes, placement=placement)
    for number, (response, sign) in enumerate(
        ((cube(1, 0), 1), (cube(1, 0, "REVERSE_LON_RADEC"), -1), (cube(0, 1), 0)), start=2
    ):
        run = make_run(number, bkg=response)
        geometry = reduce_observation(run, east, settings=EXPECTED, **axes).geometry
        centers = [POINTING.spherical_offsets_to(region.center) for region in geometry.off_regions]
        along = [-sign * x.deg if sign else y.deg for x, y in centers]
        # The mean of exp(x) over a circle of radius R: 2 I1(R) / R.
        ratio = np.mean(np.exp(along)) * (1 + 0.3**2 / 8)
        if placement == "exact":
            assert background_of(run, east, axes) / plain == pytest.approx(np.full(12, ratio), rel=3e-3)


def test_fixed_to_altitude_and_azimuth_it_is_averaged(make_run: MakeRun, axes: dict[str, EnergyAxis]) -> None:
    east = CircleSkyRegion(SkyCoord(POINTING.directional_offset_by(90 * u.deg, 0.8 * u.deg)), 0.1 * u.deg)
    plain = background_of(make_run(1, bkg=cube(0, 0)), east, axes)
    with pytest.warns(
        ReductionWarning, match=r"^run 2: the background response is fixed to altitude and azimuth; it is"
    ):
        found = background_of(make_run(2, bkg=cube(1, 0, "ALTAZ")), east, axes)
    ring = np.mean(np.exp(0.8 * np.cos(np.linspace(0, 2 * np.pi, 100, endpoint=False))))
    assert found / plain == pytest.approx(np.full(12, ring), rel=5e-3)


def test_phases_take_their_share_of_the_time_in_the_on_region(tmp_path: Path, axes: dict[str, EnergyAxis]) -> None:
    tables = run_tables(Run(bkg="2d"))
    observation = DataStore.from_file(write_tables(tmp_path / "run.fits", tables.values())).observation(11)
    region = CircleSkyRegion(Run().source_coord, 0.1 * u.deg)
    reflected = reduce_observation(observation, region, settings=EXPECTED, **axes).spectrum
    phase = replace(EXPECTED, off_method="phase", on_phase=((0.9, 0.1),), off_phase=((0.2, 0.7),))
    spectrum = reduce_observation(observation, region, settings=phase, **axes).spectrum
    assert spectrum.background is not None
    assert reflected.background is not None
    per_region = reflected.background / reflected.n_off_regions
    assert spectrum.background == pytest.approx(0.5 * per_region, rel=1e-3)


def test_a_directional_cut_has_its_own_solid_angle_at_each_energy(tmp_path: Path) -> None:
    run = Run(bkg="2d", rad_max="energy", nodes=True)
    observation = DataStore.from_file(write_tables(tmp_path / "run.fits", run_tables(run).values())).observation(11)
    axis = EnergyAxis.from_bounds(0.2 * u.TeV, 20 * u.TeV, 10)
    axes = {"energy": axis, "energy_true": EnergyAxis.from_bounds(0.1 * u.TeV, 50 * u.TeV, 20, "energy_true")}
    from regions import PointSkyRegion

    settings = replace(EXPECTED, off_method="wobble", n_off_regions=3)
    spectrum = reduce_observation(observation, PointSkyRegion(run.source_coord), settings=settings, **axes).spectrum
    assert spectrum.background is not None
    assert observation.rad_max is not None
    radius = np.deg2rad(observation.rad_max.evaluate(axis.centers, 0.5))
    rate = 1e2 * np.exp(-0.5) / 1.5 * -np.diff(axis.edges**-1.5)  # 1e-4 s-1 MeV-1 sr-1 at 1 TeV
    expected = 3 * 1800 * rate * np.pi * radius**2
    assert observation.livetime == pytest.approx(1800 * DEADC)
    assert spectrum.background == pytest.approx(expected, rel=0.05)  # the radius changes inside a bin


def test_without_a_response_it_is_refused(
    make_run: MakeRun, on_region: CircleSkyRegion, axes: dict[str, EnergyAxis]
) -> None:
    message = r"^run 7: background\.shape_from: irf needs a background response; found 'no BKG_2D or BKG_3D'"
    with pytest.raises(ReductionError, match=message):
        reduce_observation(make_run(), on_region, settings=EXPECTED, **axes)


def test_a_response_that_expects_nothing_is_refused(
    make_run: MakeRun, on_region: CircleSkyRegion, axes: dict[str, EnergyAxis]
) -> None:
    run = make_run(bkg=radial(np.zeros(len(ENERGIES))))
    message = r"^run 7: background\.shape_from: irf, but the background response expects nothing at these energies"
    with pytest.raises(ReductionError, match=message):
        reduce_observation(run, on_region, settings=EXPECTED, **axes)


def test_where_nothing_is_expected_the_curve_is_continued(
    make_run: MakeRun, on_region: CircleSkyRegion, axes: dict[str, EnergyAxis]
) -> None:
    """Empty bins of the response at both ends; only bins that are analysed are told of."""
    values = law(ENERGIES.centers)
    whole = background_of(make_run(1, bkg=radial(values)), on_region, axes)
    empty = radial(np.where((ENERGIES.centers < 0.4) | (ENERGIES.centers > 8), 0, values))
    message = (
        r"^run 2: the background response expects nothing in a part of 0\.1 to 0\.\d+ TeV, [\d.]+ to 40 TeV; there its "
        r"curve is continued log-linearly$"
    )
    with pytest.warns(ReductionWarning, match=message):
        found = background_of(make_run(2, bkg=empty), on_region, axes)
    assert np.all(found > 0)
    assert found == pytest.approx(whole, rel=1e-6)  # a power law continued is a power law
    with warnings.catch_warnings():  # no warning about bins outside the safe range
        warnings.simplefilter("error")
        safe = replace(EXPECTED, safe_range=SafeRange(aeff_max=0.99))
        low_only = radial(np.where(ENERGIES.centers < 0.4, 0, values))
        spectrum = reduce_observation(make_run(3, bkg=low_only), on_region, settings=safe, **axes).spectrum
    assert spectrum.background is not None
    assert spectrum.background[0] == 0
    assert np.all(spectrum.background[spectrum.mask] > 0)


@given(
    index=st.floats(-3, 5),
    n_steps=st.integers(1, 6),
    edges=st.lists(st.floats(0.01, 100), min_size=2, max_size=6, unique=True).map(sorted),
)
def test_integrals_of_power_laws(index: float, n_steps: int, edges: list[float]) -> None:
    bounds = np.array(edges)
    if np.any(np.diff(np.log(bounds)) < 1e-3):
        return
    log_edges = np.log(bounds)
    nodes = np.exp(np.interp(np.arange(n_steps * (len(bounds) - 1) + 1) / n_steps, np.arange(len(bounds)), log_edges))
    found = integrate_in_bins(nodes, nodes**-index, len(bounds) - 1)
    power = 1 - index
    exact = np.diff(log_edges) if abs(power) < 1e-9 else np.diff(bounds**power) / power
    assert found == pytest.approx(exact, rel=1e-6)


def test_a_step_without_rate_adds_nothing() -> None:
    found = integrate_in_bins(np.array([1.0, 2.0, 3.0, 4.0]), np.array([0.0, 1.0, 1.0, 0.0]), 3)
    assert found == pytest.approx([0, 1, 0])


def test_a_curve_is_continued_between_and_beyond() -> None:
    axis = EnergyAxis(np.geomspace(1, 64, 7))
    counts = np.array([0, 8.0, 4.0, 0, 1.0, 0])
    known = counts > 0
    assert continued(axis, counts, known) == pytest.approx([16, 8, 4, 2, 1, 0.5])
    assert continued(axis, counts, np.arange(6) == 1) == pytest.approx(np.full(6, 8.0))


def test_solid_angles() -> None:
    center = SkyCoord(10, 60, unit="deg")
    circle = shape_of(CircleSkyRegion(center, 2 * u.deg), "on_region")
    assert solid_angle(circle) == pytest.approx(2 * np.pi * (1 - np.cos(np.deg2rad(2))), rel=1e-12)
    ellipse = shape_of(EllipseSkyRegion(center, 2 * u.deg, 1 * u.deg, 30 * u.deg), "on_region")
    assert solid_angle(ellipse) == pytest.approx(np.pi * np.deg2rad(1) * np.deg2rad(0.5), rel=3e-3)


@pytest.fixture(scope="module")
def crab(reduce_crab: ReduceCrab) -> dict[str, SpectrumOnOff]:
    settings = ReductionSettings(expected_background=True)
    return {run.name: run for run in reduce_crab(settings).spectra}


@pytest.mark.parametrize("name", list(GAMMAPY))
def test_real_runs_against_gammapy(crab: dict[str, SpectrumOnOff], name: str) -> None:
    background = crab[name].background
    assert background is not None
    ratio = background[8:] / np.array([float(text) for text in GAMMAPY[name].split()])
    safe = crab[name].mask[8:]
    assert np.abs(ratio[safe] - 1).max() < 0.01  # gammapy samples the circles on pixels
    assert np.abs(ratio[~safe] - 1).max() < 0.05  # where it rises by a factor of ten from bin to bin


def test_real_counts_against_the_response(crab: dict[str, SpectrumOnOff]) -> None:
    """The sum is 17 % above what is expected; at the threshold up to twice it: the response is too coarse there."""
    seen, expected = np.zeros((2, 4, 2))
    for i, run in enumerate(crab.values()):
        assert run.background is not None
        for j, band in enumerate((run.energy.centers < 0.8, run.energy.centers >= 0.8)):
            seen[i, j] = run.n_off[run.mask & band].sum()
            expected[i, j] = run.background[run.mask & band].sum()
    assert seen.sum() / expected.sum() == pytest.approx(1200 / 1037, abs=0.01)
    above = seen[:, 1] / expected[:, 1]
    assert np.all((above > 0.75) & (above < 1.1))
    at_threshold = seen[:, 0] / expected[:, 0]
    assert np.all((at_threshold > 1.4) & (at_threshold < 1.95))
