"""From an observation to an ON/OFF spectrum: regions, response, safe range."""

from bayes_onoff.reduction.exclusion_mask import ExclusionMask, read_exclusion_mask
from bayes_onoff.reduction.images import SkyImage, counts_image, excess_image
from bayes_onoff.reduction.reduce import reduce_observation, reduce_observations
from bayes_onoff.reduction.region_files import read_region_file
from bayes_onoff.reduction.results import ReducedRun, Reduction, RunGeometry
from bayes_onoff.reduction.settings import ReductionSettings, SafeRange
from bayes_onoff.reduction.theta_squared import theta_squared_table
from bayes_onoff.reduction.time_groups import TimeGroup, TimeGrouping, group_in_time, reduce_in_time, split_in_time

__all__ = [
    "ExclusionMask",
    "ReducedRun",
    "Reduction",
    "ReductionSettings",
    "RunGeometry",
    "SafeRange",
    "SkyImage",
    "TimeGroup",
    "TimeGrouping",
    "counts_image",
    "excess_image",
    "group_in_time",
    "read_exclusion_mask",
    "read_region_file",
    "reduce_in_time",
    "reduce_observation",
    "reduce_observations",
    "split_in_time",
    "theta_squared_table",
]
