"""What was written is read back as it was."""

import tempfile
from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from hypothesis import given, settings
from hypothesis import strategies as st

from bayes_onoff.dl3 import (
    GTI,
    Background,
    Background2D,
    DataStore,
    EffectiveArea,
    EnergyDispersion,
    Events,
    IrfAxis,
    PSFKing,
    PSFTable,
    PSFTripleGauss,
    RadMax,
    RunContent,
    TimeReference,
    write_index,
    write_run,
    write_store,
)
from bayes_onoff.errors import FileError, InputError

MakeRun = Callable[..., RunContent]


def assert_same(a: Any, b: Any) -> None:
    assert type(a) is type(b)
    if is_dataclass(a):
        for item in fields(a):
            assert_same(getattr(a, item.name), getattr(b, item.name))
    elif isinstance(a, np.ndarray):
        np.testing.assert_allclose(a, b, rtol=1e-15, atol=0)  # m2 and MeV-1 in the file
    elif isinstance(a, float):
        assert a == pytest.approx(b, rel=1e-12)  # header values have 20 characters
    else:
        assert a == b


def assert_same_run(written: RunContent, read: RunContent) -> None:
    for piece in ("events", "gti", "aeff", "edisp", "psf", "bkg", "rad_max", "target", "obs_id"):
        assert_same(getattr(written, piece), getattr(read, piece))
    assert written.pointing.separation(read.pointing).deg < 1e-12
    assert read.dead_time_fraction == pytest.approx(written.dead_time_fraction, abs=1e-15)


def write_and_read(folder: Path, run: RunContent) -> RunContent:
    write_run(folder, run)
    write_index(folder, [run])
    return RunContent.from_observation(DataStore.from_dir(folder).observation(run.obs_id))


@st.composite
def runs(draw: st.DrawFn) -> RunContent:
    """Any shape, nodes or edges, with or without the optional pieces; the numbers from a drawn seed."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))

    def axis(low: float, high: float, *, is_log: bool = False, n_min: int = 1) -> IrfAxis:
        n = draw(st.integers(n_min, 5))
        steps = np.cumsum(rng.uniform(0.1, 1, n + 1))
        edges = low + (high - low) * steps / steps[-1]
        if draw(st.booleans()):
            return IrfAxis.from_nodes(edges[1:], is_log=is_log)
        return IrfAxis.from_edges(edges, is_log=is_log)

    def cube(*axes: IrfAxis) -> np.ndarray:
        shape = tuple(len(axis) for axis in axes)
        return rng.lognormal(sigma=20, size=shape) * (rng.uniform(size=shape) < 0.8)

    n_events = draw(st.integers(0, 5))
    scale = draw(st.sampled_from(["tt", "utc", "tai"]))
    reference = TimeReference(int(rng.integers(42000, 60000)), float(rng.uniform()), scale)
    energy, offset = axis(0.01, 100, is_log=True), axis(0, 3)
    migra, rad, fov = axis(0.1, 5, n_min=2), axis(0, 0.7, n_min=2), axis(-2.5, 2.5)
    bounds = np.cumsum(rng.uniform(1, 1e5, 4))
    return RunContent(
        obs_id=draw(st.integers(0, 2**40)),
        events=Events(*rng.normal(scale=30, size=(4, n_events)), reference),
        gti=GTI(bounds[[0, 2]], bounds[[1, 3]], reference),
        pointing=SkyCoord(rng.uniform(0, 360), rng.uniform(-90, 90), unit="deg"),
        dead_time_fraction=float(rng.uniform()),
        aeff=EffectiveArea(
            energy,
            offset,
            cube(energy, offset),
            low_threshold=draw(st.sampled_from([None, 0.3])),
            is_pointlike=draw(st.booleans()),
            rad_max=draw(st.sampled_from([None, 0.1])),
        ),
        edisp=EnergyDispersion(energy, migra, offset, cube(energy, migra, offset)),
        psf=draw(
            st.sampled_from(
                [
                    None,
                    PSFTable(energy, offset, rad, cube(energy, offset, rad)),
                    PSFKing(energy, offset, 1.1 + cube(energy, offset), cube(energy, offset)),
                    PSFTripleGauss(energy, offset, *(cube(energy, offset) for _ in range(6))),
                ]
            )
        ),
        bkg=draw(
            st.sampled_from(
                [
                    None,
                    Background(energy, fov, fov, cube(energy, fov, fov)),
                    Background2D(energy, offset, cube(energy, offset)),
                ]
            )
        ),
        rad_max=RadMax(energy, offset, cube(energy, offset)) if draw(st.booleans()) else None,
        target=draw(st.sampled_from(["", "Crab Nebula", "1ES 0229+200"])),
    )


@settings(max_examples=20, deadline=None)
@given(runs())
def test_any_run_is_read_back_as_written(run: RunContent) -> None:
    with tempfile.TemporaryDirectory() as folder:
        assert_same_run(run, write_and_read(Path(folder), run))


def test_a_store_of_several_runs(tmp_path: Path, make_run: MakeRun) -> None:
    written = [make_run(1), make_run(20), make_run(3, bkg=None, psf=None)]
    store = DataStore.from_dir(write_store(tmp_path / "new" / "store", written))
    assert store.obs_ids == (1, 20, 3)
    for run, observation in zip(written, store.observations(store.obs_ids), strict=True):
        assert_same_run(run, RunContent.from_observation(observation))
    assert list(store.obs_table["EVENT_COUNT"]) == [20, 20, 20]
    assert str(store.obs_table["ONTIME"].unit) == "s"


def test_the_same_content_gives_the_same_bytes(tmp_path: Path, make_run: MakeRun) -> None:
    for name in ("a", "b"):
        write_store(tmp_path / name, [make_run(1), make_run(2)])
    names = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert names == ["hdu-index.fits", "obs-index.fits", "obs_000001.fits", "obs_000002.fits"]
    assert all((tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes() for name in names)


def test_a_second_store_in_the_same_folder_replaces_the_first(tmp_path: Path, make_run: MakeRun) -> None:
    write_store(tmp_path, [make_run(1), make_run(2)])
    write_store(tmp_path, [make_run(2, target="other")])
    store = DataStore.from_dir(tmp_path)
    assert store.obs_ids == (2,)
    assert store.observation(2).target == "other"


def test_a_store_whose_writing_broke_off_has_no_index_and_only_whole_runs(tmp_path: Path, make_run: MakeRun) -> None:
    write_store(tmp_path, [make_run(1)])
    with pytest.raises(AttributeError):
        write_store(tmp_path, [make_run(1), make_run(2, aeff=None, edisp="not an edisp")])
    assert [path.name for path in tmp_path.iterdir()] == ["obs_000001.fits"]
    store = DataStore.from_dir(tmp_path)
    assert (store.obs_ids, store.index_files) == ((1,), ())


def test_event_times_are_written_on_the_clock_of_the_good_time_intervals(tmp_path: Path, make_run: MakeRun) -> None:
    run = make_run(1)
    other = replace(run.events, reference=TimeReference(51911, run.gti.reference.mjd_frac, "tt"))
    read = write_and_read(tmp_path, replace(run, events=other))
    np.testing.assert_allclose(read.events.time, run.events.time + 86400, atol=1e-5)


def test_the_zenith_angle_is_listed_where_the_altitude_is_known(tmp_path: Path, make_run: MakeRun) -> None:
    store = DataStore.from_dir(write_store(tmp_path / "a", [make_run(1, header={"ALT_PNT": 70.0}), make_run(2)]))
    np.testing.assert_array_equal(store.obs_table["ZEN_PNT"], [20, np.nan])
    store = DataStore.from_dir(write_store(tmp_path / "b", [make_run(1)]))
    assert "ZEN_PNT" not in store.obs_table.colnames


def test_header_keys_travel(tmp_path: Path, make_run: MakeRun) -> None:
    read = write_and_read(tmp_path, make_run(1, header={"TELESCOP": "HESS", "GEOLON": 16.5}))
    assert read.header == {"TELESCOP": "HESS", "GEOLON": 16.5}


def test_a_store_needs_different_ids_and_one_clock(tmp_path: Path, make_run: MakeRun) -> None:
    with pytest.raises(InputError, match="a store needs runs with different ids"):
        write_store(tmp_path, [make_run(1), make_run(1)])
    with pytest.raises(InputError, match="a store needs runs"):
        write_store(tmp_path, [])
    gti = make_run(2).gti
    with pytest.raises(InputError, match="different zeros"):
        write_store(tmp_path, [make_run(1), make_run(2, gti=replace(gti, reference=TimeReference(50000, 0.0)))])


def test_a_folder_that_cannot_be_written_is_refused(tmp_path: Path, make_run: MakeRun) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(FileError, match="the folder cannot be written"):
        write_store(tmp_path / "file" / "store", [make_run(1)])
    with pytest.raises(FileError, match=r"obs_000001.fits: cannot be written; found '"):
        write_run(tmp_path / "file", make_run(1))
