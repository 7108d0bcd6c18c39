"""From an observation to an ON/OFF spectrum: regions, response, safe range."""

from bayes_onoff.reduction.reduce import reduce_observation, reduce_observations
from bayes_onoff.reduction.results import ReducedRun, Reduction, RunGeometry
from bayes_onoff.reduction.settings import ReductionSettings, SafeRange

__all__ = [
    "ReducedRun",
    "Reduction",
    "ReductionSettings",
    "RunGeometry",
    "SafeRange",
    "reduce_observation",
    "reduce_observations",
]
