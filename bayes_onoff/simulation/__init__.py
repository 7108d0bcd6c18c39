"""Made-up data: counts from a model, and whole DL3 runs."""

from bayes_onoff.simulation.counts import simulate_counts
from bayes_onoff.simulation.dl3_runs import (
    CRAB_MODEL,
    CRAB_PLANS,
    CRAB_POSITION,
    CRAB_VALUES,
    RunPlan,
    simulate_run,
    simulate_store,
)
from bayes_onoff.simulation.telescope_array import TelescopeArray, hess_like_array

__all__ = [
    "CRAB_MODEL",
    "CRAB_PLANS",
    "CRAB_POSITION",
    "CRAB_VALUES",
    "RunPlan",
    "TelescopeArray",
    "hess_like_array",
    "simulate_counts",
    "simulate_run",
    "simulate_store",
]
