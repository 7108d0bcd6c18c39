"""Runs cut in time."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bayes_onoff.dl3 import GTI, DataStore, Observation, TimeReference
from bayes_onoff.errors import FileError, InputError
from tests.dl3_files import DEADC, MJD_REFERENCE, Run, write_run

INTERVALS = ((1000.0, 1600.0), (1700.0, 2000.0), (2500.0, 2800.0))
REFERENCE = TimeReference(MJD_REFERENCE, 0.0)


@pytest.fixture(scope="module")
def observation(tmp_path_factory: pytest.TempPathFactory) -> Observation:
    run = Run(good_time=INTERVALS)
    return DataStore.from_file(write_run(tmp_path_factory.mktemp("run"), run)).observation(run.obs_id)


def mjd(seconds: float) -> float:
    return MJD_REFERENCE + seconds / 86400


def test_a_part_has_its_own_name_time_and_events_and_shares_the_responses(observation: Observation) -> None:
    assert observation.name == "11"
    part = observation.select_time(mjd(1500), mjd(1900), name="11-2")
    assert (part.name, part.obs_id, part.files) == ("11-2", 11, observation.files)
    np.testing.assert_allclose(part.gti.start, [1500, 1700], atol=1e-5)
    np.testing.assert_allclose(part.gti.stop, [1600, 1900], atol=1e-5)
    assert part.livetime == pytest.approx(300 * DEADC)
    assert part.tmid_mjd == pytest.approx(mjd(1700), abs=1e-9)
    times = observation.events.time
    np.testing.assert_array_equal(part.events.time, times[(times >= 1500) & (times < 1900)])
    assert part.aeff is observation.aeff
    assert part.pointing.separation(observation.pointing).deg == 0


@given(st.lists(st.floats(900, 2900), max_size=4))
def test_parts_between_edges_make_up_the_whole(observation: Observation, edges: list[float]) -> None:
    bounds = [0.0, *sorted(edges), 4000.0]
    livetime, times = 0.0, []
    for start, stop in pairwise(bounds):
        try:
            part = observation.select_time(mjd(start), mjd(stop))
        except InputError:
            continue
        livetime += part.livetime
        times.append(part.events.time)
    assert livetime == pytest.approx(observation.livetime, abs=1e-4)
    np.testing.assert_array_equal(np.sort(np.concatenate(times)), np.sort(observation.events.time))


def test_a_part_of_a_part_is_inside_both(observation: Observation) -> None:
    part = observation.select_time(mjd(1500), mjd(1900)).select_time(mjd(1400), mjd(1800))
    assert part.ontime == pytest.approx(200, abs=1e-4)
    assert part.events.time.min() >= 1500 - 1e-5


def test_a_part_without_good_time_is_refused(observation: Observation) -> None:
    expected = (
        r"run 11: no good time in the interval; found 'MJD 56000.0243\d* to .*'; allowed: a part of MJD 56000.011574"
    )
    with pytest.raises(InputError, match=expected):
        observation.select_time(mjd(2100), mjd(2400))


def test_any_column_of_the_events_goes_with_them(observation: Observation) -> None:
    phase = observation.event_column("phase")
    assert phase.shape == observation.events.time.shape
    part = observation.select_time(mjd(1500), mjd(1900))
    times = observation.events.time
    np.testing.assert_array_equal(part.event_column("PHASE"), phase[(times >= 1500) & (times < 1900)])
    ids = part.event_column("EVENT_ID")
    assert ids.dtype.kind == "i"
    np.testing.assert_array_equal(observation.events.time[ids - 1], part.events.time)
    with pytest.raises(
        FileError, match=r"\[EVENTS\]: no column MULTIP; found 'EVENT_ID, TIME, RA, DEC, ENERGY, PHASE'"
    ):
        observation.event_column("MULTIP")


def test_a_part_knows_whether_the_bounds_of_the_whole_are_whole_seconds() -> None:
    whole = GTI(np.array([0.0, 20.0]), np.array([10.0, 30.0]), REFERENCE)
    assert whole.within(3.3, 25.5).in_whole_seconds
    assert whole.within(3.3, 25.5).within(4.4, 9.0).in_whole_seconds
    assert not GTI(np.array([0.5]), np.array([10.0]), REFERENCE).within(3.0, 4.0).in_whole_seconds
