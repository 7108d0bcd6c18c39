"""ON and OFF counts of a pulsed source: the background is measured in the ON region, at other phases."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bayes_onoff.axes import EnergyAxis
from bayes_onoff.dl3 import Observation
from bayes_onoff.reduction.counting import OnOffCounts, count_energies, is_good_time
from bayes_onoff.reduction.settings import Intervals, ReductionSettings, split_phases

__all__ = ["count_in_phases", "in_phases"]


def count_in_phases(
    observation: Observation, in_on: NDArray[np.bool_], energy: EnergyAxis, settings: ReductionSettings
) -> OnOffCounts:
    """Count the events of good time in the ON region by phase.

    The acceptances are the total widths of the ON and of the OFF intervals. The exposure stays that of the whole
    livetime, so that a fitted amplitude is averaged over all phases, with the OFF level as zero.

    Parameters
    ----------
    observation : Observation
        The run.
    in_on : ndarray of bool, shape (event,)
        Which events lie in the ON region.
    energy : EnergyAxis
        Reconstructed energy.
    settings : ReductionSettings
        `on_phase`, `off_phase` and `phase_column_name`.

    Raises
    ------
    FileError
        If the event list has no such column.
    """
    events = observation.events
    phases = observation.event_column(settings.phase_column_name)
    candidates = in_on & is_good_time(events, observation.gti)
    n_on, n_off = (
        count_energies(events.energy[candidates & in_phases(phases, intervals)], energy)
        for intervals in (settings.on_phase, settings.off_phase)
    )
    return OnOffCounts(n_on, n_off, _width(settings.on_phase), _width(settings.off_phase))


def in_phases(phases: ArrayLike, intervals: Intervals) -> NDArray[np.bool_]:
    """Which phases lie in an interval; intervals are half open, start included.

    Parameters
    ----------
    phases : array-like
        In turns; whole turns do not matter.
    intervals : tuple of (float, float)
        Within [0, 1]; one whose end is smaller than its start goes across 1.
    """
    turn = np.asarray(phases, dtype=float) % 1.0
    turn = np.where(turn == 1, 0.0, turn)  # what lies just below 0 is rounded up
    inside = [(turn >= low) & (turn < high) for low, high in split_phases(intervals)]
    return np.asarray(np.any(inside, axis=0))


def _width(intervals: Intervals) -> float:
    return sum(high - low for low, high in split_phases(intervals))
