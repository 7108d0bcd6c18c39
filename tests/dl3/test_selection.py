"""Runs chosen by what the observation index says."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.table import Table

from bayes_onoff.dl3 import DataStore, RunContent, Selection, select_runs, write_store
from bayes_onoff.errors import FileError, InputError, ReductionWarning
from tests.dl3_files import Run, write_run

MakeRun = Callable[..., RunContent]
SOURCE = SkyCoord(83.633, 22.014, unit="deg")

ROWS = {
    "OBS_ID": [5, 3, 8, 9],
    "OBJECT": ["Crab Nebula", "crab nebula ", "Mrk 421", "survey"],
    "RA_PNT": [83.6, 83.6, 166.1, 359.9],
    "DEC_PNT": [22.5, 21.5, 38.2, -40.0],
    "ZEN_PNT": [20.0, 45.0, 60.0, 10.0],
    "TSTART": [0.0, 2000.0, 86400.0, 90000.0],
    "TSTOP": [1800.0, 3800.0, 88200.0, 91800.0],
    "QUALITY": [0, 1, 0, 2],
    "WEATHER": ["A", "b", "A", "C"],
}
TIMES = {"MJDREFI": 53000, "MJDREFF": 0.5, "TIMESYS": "TT"}


def make_store(folder: Path, rows: dict[str, list[object]] = ROWS, meta: dict[str, object] = TIMES) -> DataStore:
    ids = rows["OBS_ID"]
    kinds = ("events", "gti", "aeff", "edisp")
    entries = [(i, kind, kind, ".", f"{i}.fits", kind) for i in ids for kind in kinds]
    names = ("OBS_ID", "HDU_TYPE", "HDU_CLASS", "FILE_DIR", "FILE_NAME", "HDU_NAME")
    Table(rows, meta=meta).write(folder / "obs-index.fits")
    Table(rows=entries, names=names).write(folder / "hdu-index.fits")
    for i in ids:
        (folder / f"{i}.fits").touch()
    return DataStore.from_dir(folder)


@pytest.fixture
def store(tmp_path: Path) -> DataStore:
    return make_store(tmp_path)


def without(*names: str) -> dict[str, list[object]]:
    return {name: values for name, values in ROWS.items() if name not in names}


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        (Selection(), (5, 3, 8, 9)),
        (Selection(ids=(8, 5)), (8, 5)),
        (Selection(target=("CRAB  nebula",)), (5, 3)),
        (Selection(target=("Mrk 421", "Survey")), (8, 9)),
        (Selection(cone=(SOURCE, 0.6)), (5, 3)),
        (Selection(cone=(SkyCoord(0.1, -40.1, unit="deg"), 0.3)), (9,)),
        (Selection(cone=(SOURCE.galactic, 0.49)), (5,)),
        (Selection(zenith=(20, 45)), (5, 3)),
        (Selection(time=(53000.5, 53001.0)), (5, 3)),
        (Selection(time=(None, 53000.53)), (5,)),
        (Selection(time=(53000.51, None)), (3, 8, 9)),
        (Selection(time=(53000.51, 53001.53)), (3, 8)),
        (Selection(quality=("QUALITY", (0,))), (5, 8)),
        (Selection(quality=("weather", ("B", "c"))), (3, 9)),
        (Selection(quality=("QUALITY", (0, 1)), target=("crab nebula",), zenith=(30, 90)), (3,)),
        (Selection(ids=(9, 8, 3), quality=("QUALITY", (0, 1))), (8, 3)),
    ],
)
def test_runs_meet_all_criteria(store: DataStore, selection: Selection, expected: tuple[int, ...]) -> None:
    assert select_runs(store, selection) == expected


@pytest.mark.parametrize(
    ("selection", "message"),
    [
        (
            Selection(target=("M 87",)),
            r"`target` suits none of the 4 runs .*; found 'targets Crab Nebula, crab nebula, Mrk",
        ),
        (Selection(cone=(SOURCE, 0.1)), r"`cone` suits none .*; found 'pointings 0.49 to \d+.\d\d deg from the centre"),
        (
            Selection(time=(40000, 40001)),
            r"`time` suits none .*; found 'runs from MJD 53000.50000 to 53001.56250 \(TT\)",
        ),
        (Selection(zenith=(70, 80)), r"`zenith` suits none .*; found 'zenith angles 10.0 to 60.0 deg"),
        (Selection(quality=("QUALITY", (7,))), r"`quality` suits none .*; found 'QUALITY 0, 1, 2'"),
        (Selection(target=("survey",), zenith=(40, 50)), r"`zenith` suits none of the 1 runs"),
    ],
)
def test_a_selection_of_nothing_says_which_criterion_left_nothing(
    store: DataStore, selection: Selection, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        select_runs(store, selection)


def test_only_runs_that_are_here_are_selected_unless_named(store: DataStore) -> None:
    (store.path / "5.fits").unlink()
    with pytest.warns(ReductionWarning, match="1 of 2 selected runs are left out, their files are absent .*: 5"):
        assert select_runs(store, Selection(target=("crab nebula",))) == (3,)
    assert select_runs(store, Selection(ids=(5,))) == (5,)  # refused when it is opened
    (store.path / "3.fits").unlink()
    with pytest.raises(InputError, match=r"the files of the 2 runs selected are absent or incomplete; found '5, 3'"):
        select_runs(store, Selection(target=("crab nebula",)))
    with pytest.raises(FileError, match="unknown run 4"):
        select_runs(store, Selection(ids=(5, 4)))


@pytest.mark.parametrize(
    ("missing", "selection", "message"),
    [
        (
            ("OBJECT",),
            Selection(target=("x",)),
            r"obs-index.fits: the observation index has no column OBJECT; found 'OBS",
        ),
        (("DEC_PNT",), Selection(cone=(SOURCE, 1)), "no column DEC_PNT"),
        (("ZEN_PNT",), Selection(zenith=(0, 30)), "no column ZEN_PNT"),
        (("QUALITY",), Selection(quality=("QUALITY", (0,))), "no column QUALITY"),
        (("TSTART",), Selection(time=(0, 1)), "has neither TSTART with MJDREFI nor DATE-OBS"),
    ],
)
def test_a_column_that_is_needed_is_named(
    tmp_path: Path, missing: tuple[str, ...], selection: Selection, message: str
) -> None:
    with pytest.raises(FileError, match=message):
        select_runs(make_store(tmp_path, without(*missing)), selection)


def test_altitudes_tell_zenith_angles(tmp_path: Path) -> None:
    rows = without("ZEN_PNT") | {"ALT_PNT": [70.0, 45.0, 30.0, 80.0]}
    assert select_runs(make_store(tmp_path, rows), Selection(zenith=(0, 20))) == (5, 9)


@pytest.mark.parametrize("sign", ["-", "_"])
def test_dates_tell_times_where_there_is_no_clock(tmp_path: Path, sign: str) -> None:
    rows = without("TSTART", "TSTOP") | {
        f"DATE{sign}OBS": ["2003-12-27", "2003-12-27", "2003-12-28", "2003-12-28"],
        f"TIME{sign}OBS": ["12:00:00", "12:30:00.5", "12:00:00", "13:00:00"],
        f"DATE{sign}END": ["2003-12-27T12:28:00"] * 2 + ["2003-12-28T12:28:00"] * 2,
        f"TIME{sign}END": [""] * 4,
    }
    store = make_store(tmp_path, rows, {})
    assert select_runs(store, Selection(time=(53000.5007, 53001.53))) == (5, 3, 8, 9)  # UTC + 64 s is TT
    assert select_runs(store, Selection(time=(53000.51, None))) == (3, 8, 9)


def test_times_without_a_readable_date_are_refused(tmp_path: Path) -> None:
    rows = without("TSTART", "TSTOP") | {"DATE-OBS": ["yesterday"] * 4, "DATE-END": ["today"] * 4}
    with pytest.raises(FileError, match=r"column DATE-OBS of the observation index holds no dates; found 'yesterday"):
        select_runs(make_store(tmp_path, rows), Selection(time=(0, 1)))


def test_an_unknown_clock_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="unknown time system TIMESYS; found 'moon'"):
        select_runs(make_store(tmp_path, meta=TIMES | {"TIMESYS": "moon"}), Selection(time=(0, 1)))


def test_what_is_not_known_of_some_run_is_refused(tmp_path: Path) -> None:
    rows = ROWS | {"RA_PNT": [83.6, np.nan, 166.1, np.nan]}
    with pytest.raises(FileError, match=r"the RA_PNT of some runs is not known; found 'runs 3, 9'"):
        select_runs(make_store(tmp_path, rows), Selection(cone=(SOURCE, 1)))
    (tmp_path / "text").mkdir()
    with pytest.raises(FileError, match=r"column RA_PNT of the observation index does not hold numbers"):
        select_runs(make_store(tmp_path / "text", ROWS | {"RA_PNT": ["a"] * 4}), Selection(cone=(SOURCE, 1)))


@pytest.mark.parametrize(
    ("criteria", "message"),
    [
        ({"cone": (SOURCE, 0.0)}, "cone: not the radius of a cone; found '0 deg'; allowed: 0 to 180 deg"),
        ({"time": (53001.0, 53000.0)}, "time: the range is upside down or empty; found '53001.0 to 53000.0'"),
        ({"zenith": (30.0, 30.0)}, "zenith: the range is upside down or empty"),
        ({"ids": ()}, "ids: nothing is asked for"),
        ({"target": ()}, "target: nothing is asked for"),
        ({"quality": ("QUALITY", ())}, "quality: nothing is asked for"),
    ],
)
def test_criteria_that_no_run_can_meet_are_refused(criteria: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Selection(**criteria)


def test_a_folder_without_index_is_selected_from_by_its_headers(tmp_path: Path) -> None:
    write_run(tmp_path, Run(obs_id=1, header={"OBJECT": "A", "ALT_PNT": 60.0}))
    later = {"OBJECT": "B", "ALT_PNT": 40.0, "MJDREFI": 56001, "TIMESYS": "UTC"}
    write_run(tmp_path, Run(obs_id=2, header=later))
    store = DataStore.from_dir(tmp_path)
    assert select_runs(store, Selection(target=("b",))) == (2,)
    assert select_runs(store, Selection(zenith=(0, 35))) == (1,)
    assert select_runs(store, Selection(time=(56001, None))) == (2,)
    assert select_runs(store, Selection(cone=(Run().pointing, 0.01))) == (1, 2)
    with pytest.raises(FileError, match="no column QUALITY"):
        select_runs(store, Selection(quality=("QUALITY", (0,))))


def test_the_written_index_serves_a_selection(tmp_path: Path, make_run: MakeRun) -> None:
    store = DataStore.from_dir(write_store(tmp_path, [make_run(1, header={"ALT_PNT": 70.0}), make_run(2, target="x")]))
    assert select_runs(store, Selection(target=("crab",), cone=(SkyCoord(83.6, 22.5, unit="deg"), 0.1))) == (1,)
    with pytest.raises(FileError, match=r"the ZEN_PNT of some runs is not known; found 'runs 2'"):
        select_runs(store, Selection(zenith=(0, 30)))
