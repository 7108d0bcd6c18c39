import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from bayes_onoff.axes import EnergyAxis
from bayes_onoff.dl3 import GTI, Events, TimeReference
from bayes_onoff.reduction.counting import count_by_region, count_energies, select_good_time

AXIS = EnergyAxis(np.array([0.5, 1.0, 2.0, 4.0]))
REFERENCE = TimeReference(51910, 0.0)


def test_bins_are_half_open() -> None:
    assert count_energies(np.array([0.4999, 0.5, 0.9999, 1.0, 3.9999, 4.0, 100.0]), AXIS).tolist() == [2, 1, 1]
    assert count_energies(np.array([]), AXIS).tolist() == [0, 0, 0]


@given(arrays(float, st.integers(0, 30), elements=st.sampled_from([0.1, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0, 4.0, 5.0])))
def test_each_energy_counts_where_it_belongs(energies: np.ndarray) -> None:
    expected = [np.sum((low <= energies) & (energies < high)) for low, high in ((0.5, 1), (1, 2), (2, 4))]
    assert count_energies(energies, AXIS).tolist() == expected


@given(arrays(bool, st.tuples(st.integers(1, 5), st.integers(0, 20))))
def test_an_event_counts_in_the_first_region_that_holds_it(membership: np.ndarray) -> None:
    n_events = membership.shape[1]
    axis = EnergyAxis(np.arange(1.0, n_events + 2.0)) if n_events else AXIS  # one bin per event
    counts = count_by_region(np.arange(1.0, n_events + 1.0), membership, axis)
    assert counts.shape == (len(membership), axis.n_bins)
    for event in range(n_events):
        holders = np.flatnonzero(membership[:, event])
        assert np.flatnonzero(counts[:, event]).tolist() == holders[:1].tolist()


def good_times(start: float, stop: float) -> list[float]:
    time = np.array([98.9, 99.1, 100.0, 150.0, 199.9, 200.0, 200.7, 201.1])
    events = Events(time, time, time, time, REFERENCE)
    return select_good_time(events, GTI(np.array([start]), np.array([stop]), REFERENCE)).time.tolist()


def test_events_outside_good_time_are_dropped() -> None:
    assert good_times(100.0, 199.95) == [100.0, 150.0, 199.9]


def test_intervals_in_whole_seconds_are_known_to_a_second() -> None:
    assert good_times(100.0, 200.0) == [99.1, 100.0, 150.0, 199.9, 200.0, 200.7]


def test_parts_of_a_run_count_what_the_whole_counts_wherever_it_is_cut() -> None:
    time = np.array([99.1, 100.0, 150.25, 150.3, 150.35, 199.9, 200.7])
    events = Events(time, time, time, time, REFERENCE)
    whole = GTI(np.array([100.0]), np.array([200.0]), REFERENCE)
    first, second = events.select(time < 150.3), events.select(time >= 150.3)  # as a part of an observation has them
    assert select_good_time(first, whole.within(-np.inf, 150.3)).time.tolist() == [99.1, 100.0, 150.25]
    assert select_good_time(second, whole.within(150.3, np.inf)).time.tolist() == [150.3, 150.35, 199.9, 200.7]
