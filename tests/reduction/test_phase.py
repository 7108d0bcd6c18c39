"""A pulsed source: ON and OFF counts by phase in the ON region."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import given
from hypothesis import strategies as st
from regions import CircleSkyRegion

from bayes_onoff.axes import EnergyAxis
from bayes_onoff.dl3 import GTI, DataStore, Observation
from bayes_onoff.errors import FileError
from bayes_onoff.reduction import ReductionSettings, SafeRange, reduce_observation
from bayes_onoff.reduction.phase import in_phases

MakeRun = Callable[..., Observation]
Axes = dict[str, EnergyAxis]
Phases = tuple[tuple[float, float], ...]


def settings(on: Phases = ((0.9, 0.1), (0.4, 0.5)), off: Phases = ((0.5, 0.8),), **options: Any) -> ReductionSettings:
    return ReductionSettings(
        off_method="phase", on_phase=on, off_phase=off, safe_range=SafeRange(aeff_max=None), **options
    )


def with_phases(observation: Observation, phases: np.ndarray, column: str = "PHASE") -> Observation:
    """Write a column of phases into the run's file, and read it again."""
    (path,) = observation.files
    with fits.open(path, mode="update") as hdus:
        index = hdus.index_of("EVENTS")
        columns = hdus[index].columns + fits.ColDefs([fits.Column(column, "D", array=phases)])
        hdus[index] = fits.BinTableHDU.from_columns(columns, header=hdus[index].header, name="EVENTS")
    return DataStore.from_dir(path.parent).observation(observation.obs_id)


def test_on_and_off_phases(make_run: MakeRun, on_region: CircleSkyRegion, axes: Axes) -> None:
    run = make_run(gti=GTI(np.array([1000.5]), np.array([1500.25]), make_run(8).gti.reference))
    phases = np.random.default_rng(2).uniform(0, 1, len(run.events))
    run = with_phases(run, phases)
    reduced = reduce_observation(run, on_region, **axes, settings=settings())
    events = run.events
    inside = (events.coord.separation(on_region.center).deg < 0.11) & (events.time < 1500.25)
    inside &= (events.energy >= 0.1) & (events.energy < 40)
    on = (phases >= 0.9) | (phases < 0.1) | ((phases >= 0.4) & (phases < 0.5))
    spectrum = reduced.spectrum
    assert spectrum.n_on.sum() == np.sum(inside & on) > 0
    assert spectrum.n_off.sum() == np.sum(inside & (phases >= 0.5) & (phases < 0.8)) > 0
    assert spectrum.alpha == pytest.approx(1.0)
    assert spectrum.acceptance[0] == pytest.approx(0.3)
    assert spectrum.acceptance_off[0] == pytest.approx(0.3)
    assert spectrum.livetime == pytest.approx(0.9 * 499.75)  # of all phases
    assert spectrum.n_off_by_region is None
    assert reduced.geometry.off_regions == ()


def test_another_column_and_a_region_at_the_pointing(
    make_run: MakeRun, axes: Axes, circle: Callable[..., CircleSkyRegion]
) -> None:
    """No OFF region is needed, so the source may be in the centre of the field of view."""
    run = make_run()
    run = with_phases(run, np.full(len(run.events), 0.45), "PULSE_PHASE")
    center = circle(83.63, 21.51, 0.3)
    spectrum = reduce_observation(run, center, **axes, settings=settings(phase_column_name="PULSE_PHASE")).spectrum
    assert spectrum.n_on.sum() > 0
    assert spectrum.n_off.sum() == 0


def test_runs_without_phases_are_refused(make_run: MakeRun, on_region: CircleSkyRegion, axes: Axes) -> None:
    with pytest.raises(FileError, match=r"obs_000007\.fits \[EVENTS\].*PHASE"):
        reduce_observation(make_run(), on_region, **axes, settings=settings())


@given(st.floats(-3, 3), st.lists(st.floats(0, 1, exclude_max=True), min_size=2, max_size=6, unique=True))
def test_intervals_that_tile_a_turn_hold_every_phase_once(phase: float, bounds: list[float]) -> None:
    edges = sorted(bounds)
    tiles = [*pairwise(edges), (edges[-1], edges[0])]
    assert sum(bool(in_phases(phase, (tile,))) for tile in tiles) == 1


def test_phases_count_in_turns() -> None:
    phases = np.array([-1e-20, -0.05, 0.95, 1.95, 0.0, 1.0, 0.1, 0.099])
    assert in_phases(phases, ((0.9, 0.1),)).tolist() == [True, True, True, True, True, True, False, True]
