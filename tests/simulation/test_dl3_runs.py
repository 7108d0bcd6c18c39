"""Simulated runs follow the responses they are written with."""

from dataclasses import replace
from pathlib import Path

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from regions import CircleSkyRegion

from bayes_onoff.axes import EnergyAxis
from bayes_onoff.dl3 import Background, DataStore, RunContent, write_store
from bayes_onoff.dl3.irf_axes import IrfAxis
from bayes_onoff.errors import FileError, InputError
from bayes_onoff.models import SpectralModel, photons
from bayes_onoff.reduction import reduce_observations
from bayes_onoff.simulation import (
    CRAB_MODEL,
    CRAB_PLANS,
    CRAB_POSITION,
    CRAB_VALUES,
    RunPlan,
    hess_like_array,
    simulate_run,
    simulate_store,
)
from bayes_onoff.simulation.event_sampling import draw_background, expected_background
from bayes_onoff.spectra import fold

CRAB = SkyCoord(*CRAB_POSITION, unit="deg")
ON = CircleSkyRegion(SkyCoord(83.63, 22.01, unit="deg"), 0.11 * u.deg)
NO_BACKGROUND = hess_like_array(background_scale=0)


def long_run(plan: RunPlan, factor: float = 150.0, **changes: object) -> RunContent:
    """A run so long that its statistics show differences of a per cent."""
    plan = replace(plan, ontime=plan.ontime * factor)
    arguments = {"model": CRAB_MODEL, "values": CRAB_VALUES, "rng": np.random.default_rng(plan.obs_id)} | changes
    return simulate_run(plan, **arguments)


@pytest.fixture(scope="module")
def source_only() -> tuple[RunContent, ...]:
    return tuple(long_run(plan, array=NO_BACKGROUND) for plan in (CRAB_PLANS[0], CRAB_PLANS[2]))


def test_an_analysis_without_containment_correction_finds_the_simulated_source(
    tmp_path: Path, source_only: tuple[RunContent, ...]
) -> None:
    store = DataStore.from_dir(write_store(tmp_path, source_only))
    axis = EnergyAxis.from_bounds(0.1 * u.TeV, 40 * u.TeV, 20)
    axis_true = EnergyAxis.from_bounds(0.05 * u.TeV, 100 * u.TeV, 200, "energy_true")
    spectra = reduce_observations(store.observations(store.obs_ids), ON, energy=axis, energy_true=axis_true).spectra
    expected = fold(photons(CRAB_MODEL, CRAB_VALUES, axis_true.edges), spectra.response)
    assert spectra.n_off.sum() == 0
    counted = expected > 20
    chi2 = (spectra.n_on - expected)[counted] ** 2 / expected[counted]
    assert counted.sum() > 30
    assert expected.sum() > 40_000
    assert chi2.sum() < counted.sum() + 4 * np.sqrt(2 * counted.sum())
    assert spectra.n_on.sum() == pytest.approx(expected.sum(), abs=4 * np.sqrt(expected.sum()))


def test_distances_from_the_source_follow_the_point_spread_function(source_only: tuple[RunContent, ...]) -> None:
    for run in source_only:
        assert run.psf is not None
        distance = run.events.coord.separation(CRAB).deg
        for radius in (0.02, 0.03, 0.05):
            expected = run.psf.containment(radius, 1.0, 0.5)
            error = np.sqrt(expected * (1 - expected) / len(run.events))
            assert np.mean(distance < radius) == pytest.approx(expected, abs=5 * error)
        assert run.psf.containment(0.03, 1.0, 0.5) == pytest.approx(0.675, abs=0.01)
        assert np.mean(distance < 0.10) > 0.9999


def test_reconstructed_energies_follow_the_dispersion() -> None:
    line = SpectralModel("log-parabola")
    values = {"amplitude": 1e-10, "alpha": 2.0, "beta": 2000.0}  # everything within a per cent of 1 TeV
    run = long_run(CRAB_PLANS[0], factor=2000, model=line, values=values, array=NO_BACKGROUND)
    edges, widths = run.edisp.migra_edges, run.edisp.migra_axis.widths
    probability = run.edisp.evaluate(1.0, run.edisp.migra, 0.5) * widths
    counts, _ = np.histogram(run.events.energy, edges)
    expected = probability / probability.sum() * len(run.events)
    used = expected > 50
    assert len(run.events) > 20_000
    chi2 = ((counts - expected)[used] ** 2 / expected[used]).sum()
    assert chi2 < used.sum() + 5 * np.sqrt(2 * used.sum())


def test_background_follows_its_model_in_energy_and_direction() -> None:
    run = long_run(CRAB_PLANS[0], factor=20, values=CRAB_VALUES | {"amplitude": 0.0})
    assert run.bkg is not None
    ontime = run.gti.time_sum
    expected_total = expected_background(run.bkg) * ontime
    assert len(run.events) == pytest.approx(expected_total, abs=5 * np.sqrt(expected_total))
    offsets = run.events.coord.transform_to(run.pointing.skyoffset_frame())
    lon, lat = offsets.lon.wrap_at(180 * u.deg).deg, offsets.lat.deg
    for low, high, x, y in [(0.6, 1.2, 0.5, 0.0), (0.6, 1.2, -1.5, 0.5), (1.2, 6.0, 0.0, -1.0), (0.3, 0.6, 0.3, 0.3)]:
        inside = (np.hypot(lon - x, lat - y) < 0.3) & (run.events.energy > low) & (run.events.energy < high)
        energy = np.geomspace(low, high, 200)
        rate = np.trapezoid(run.bkg.evaluate(energy, x, y), energy)
        expected = rate * ontime * np.pi * np.deg2rad(0.3) ** 2
        assert expected > 300
        assert inside.sum() == pytest.approx(expected, abs=4 * np.sqrt(expected) + 0.02 * expected)


def test_four_crab_like_runs(tmp_path: Path) -> None:
    store = DataStore.from_dir(simulate_store(tmp_path / "runs", rng=np.random.default_rng(1)))
    runs = store.observations(store.obs_ids)
    assert [float(run.pointing.separation(CRAB).deg) for run in runs] == pytest.approx([0.5, 0.5, 1.5, 1.5])
    assert len({(round(run.pointing.ra.deg, 3), round(run.pointing.dec.deg, 3)) for run in runs}) == 4
    axis = EnergyAxis.from_bounds(0.1 * u.TeV, 40 * u.TeV, 40)
    axis_true = EnergyAxis.from_bounds(0.05 * u.TeV, 100 * u.TeV, 200, "energy_true")
    for run in reduce_observations(runs, ON, energy=axis, energy_true=axis_true).spectra:
        n_on, n_off = run.n_on[run.mask].sum(), run.n_off[run.mask].sum()
        assert 100 < n_on < 300
        assert 5 < n_off / run.n_off_regions < 35
        assert 20 <= run.mask.sum() <= 40
    for run in runs:
        assert np.all(run.gti.contains(run.events.time))
        assert np.all(np.diff(run.events.time) >= 0)
        assert run.target == "Crab nebula (simulated)"


def test_the_same_seed_gives_the_same_files_and_another_seed_others(tmp_path: Path) -> None:
    plans = [replace(plan, ontime=100.0) for plan in CRAB_PLANS[:2]]
    content = []
    for seed in (1, 1, 2):
        folder = simulate_store(tmp_path / str(len(content)), rng=np.random.default_rng(seed), plans=plans)
        content.append({path.name: path.read_bytes() for path in folder.iterdir()})
    assert content[0] == content[1]
    assert content[0]["obs_000001.fits"] != content[2]["obs_000001.fits"]
    assert content[0]["obs_000001.fits"] != content[0]["obs_000002.fits"]


def test_no_source_and_no_background_is_a_store_of_empty_runs(tmp_path: Path) -> None:
    folder = simulate_store(
        tmp_path, rng=np.random.default_rng(1), values=CRAB_VALUES | {"amplitude": 0.0}, background_scale=0
    )
    assert [len(run.events) for run in DataStore.from_dir(folder).observations([1, 2, 3, 4])] == [0, 0, 0, 0]


def test_a_source_elsewhere_is_where_it_was_put() -> None:
    near_pole = (10.0, 85.0)
    run = long_run(CRAB_PLANS[3], factor=1, array=NO_BACKGROUND, position=near_pole, target="pole")
    assert run.events.coord.separation(SkyCoord(*near_pole, unit="deg")).deg.max() < 0.17
    assert run.target == "pole"


@pytest.mark.parametrize(
    ("model", "values", "message"),
    [
        ("power-law", {"amplitude": 1e-11}, r"values: not the model's parameters; .*; allowed: amplitude, index"),
        ("power-law", dict(CRAB_VALUES), r"values: not the model's parameters"),
        ("power-law", {"amplitude": -1e-11, "index": 2.0}, r"values: the flux is negative or not finite"),
        ("power-law", {"amplitude": np.nan, "index": 2.0}, r"values: the flux is negative or not finite"),
    ],
)
def test_a_spectrum_that_cannot_be_is_refused(
    tmp_path: Path, model: str, values: dict[str, float], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        simulate_store(tmp_path, rng=np.random.default_rng(1), model=SpectralModel(model), values=values)
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(FileError, match="the folder cannot be written"):
        simulate_store(tmp_path / "file", rng=np.random.default_rng(1), plans=CRAB_PLANS[:1])


@pytest.mark.parametrize(("alignment", "side"), [("RADEC", -1), ("REVERSE_LON_RADEC", 1)])
def test_longitudes_of_a_background_response_grow_to_the_west(alignment: str, side: int) -> None:
    """As gammapy 2.1 reads them, and as the reduction does."""
    energy, fov = IrfAxis.from_edges([1.0, 3.0, 10.0], is_log=True), IrfAxis.from_edges([-2.0, 0.0, 2.0])
    rate = np.ones((2, 2, 2))
    rate[:, 1] = 100.0  # at positive longitudes
    background = Background(energy, fov, fov, rate, alignment)
    pointing = SkyCoord(83.6, 22.0, unit="deg")
    _, direction = draw_background(background, pointing, ontime=1e4, rng=np.random.default_rng(1))
    east = direction.transform_to(pointing.skyoffset_frame()).lon.wrap_at("180d").deg
    assert len(east) > 100
    assert np.mean(side * east > 0) > 0.8
