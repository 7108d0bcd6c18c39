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
from bayes_onoff.simulation.instrument import Instrument, hess_like_instrument

__all__ = [
    "CRAB_MODEL",
    "CRAB_PLANS",
    "CRAB_POSITION",
    "CRAB_VALUES",
    "Instrument",
    "RunPlan",
    "hess_like_instrument",
    "simulate_counts",
    "simulate_run",
    "simulate_store",
]
