"""Events for pictures: inside the good time intervals and an energy range."""

from collections.abc import Sequence

from bayes_onoff.dl3 import Events, Observation
from bayes_onoff.errors import InputError
from bayes_onoff.reduction.counting import select_good_time

__all__ = ["check_selection", "select_events"]

EnergyRange = tuple[float, float] | None


def check_selection(observations: Sequence[Observation], energy_range: EnergyRange) -> None:
    """Refuse what selects nothing.

    Raises
    ------
    InputError
        If there is no run, or the energy range is upside down, empty, or negative.
    """
    if not observations:
        raise InputError("no run to count", place="observations", allowed="at least one run")
    if energy_range is not None and not 0 <= energy_range[0] < energy_range[1]:
        raise InputError(
            "the energy range is upside down or empty",
            place="energy_range",
            found=f"{energy_range[0]:g} to {energy_range[1]:g} TeV",
            allowed="0 <= lowest < highest",
        )


def select_events(observation: Observation, energy_range: EnergyRange) -> Events:
    """Select the events in good time between the energies, TeV, the upper one excluded; at all energies for None."""
    events = select_good_time(observation.events, observation.gti)
    if energy_range is None:
        return events
    return events.select((events.energy >= energy_range[0]) & (events.energy < energy_range[1]))
