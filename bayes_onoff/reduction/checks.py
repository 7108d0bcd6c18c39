"""Refusals: why a run cannot be reduced with what was asked for."""

import numpy as np

from bayes_onoff.dl3 import Observation
from bayes_onoff.errors import ReductionError
from bayes_onoff.reduction.settings import ReductionSettings
from bayes_onoff.reduction.shapes import Shape
from bayes_onoff.reduction.sphere import separation, unit_vector

__all__ = ["check_enclosure", "check_field_of_view", "run_place"]

_RAD_MAX_TOLERANCE = 1e-3


def run_place(observation: Observation) -> str:
    """How an error names the run."""
    return f"run {observation.obs_id}"


def check_field_of_view(observation: Observation, on: Shape, offset_max: float | None) -> None:
    """Refuse an ON region that is not completely inside the offsets the response covers.

    Parameters
    ----------
    observation : Observation
        The run.
    on : Shape
        The ON region.
    offset_max : float or None
        Farthest allowed distance of its centre from the pointing, deg.

    Raises
    ------
    ReductionError
        If a part of the region lies outside, or its centre too far from the pointing.
    """
    center = float(np.rad2deg(separation(on.center, unit_vector(observation.pointing))))
    reach = center + float(np.rad2deg(on.outer_radius))
    edges = observation.aeff.offset_axis.edges, observation.edisp.offset_axis.edges
    nearest, limit = max(axis[0] for axis in edges), min(axis[-1] for axis in edges)
    if offset_max is not None and center > offset_max:
        raise ReductionError(
            "the ON region is farther from the pointing than reduction.safe_range.offset_max",
            place=run_place(observation),
            found=f"{center:.4g} deg",
            allowed=f"up to {offset_max:.4g} deg",
        )
    if reach > limit or center < nearest:
        raise ReductionError(
            "the ON region lies outside the field of view",
            place=run_place(observation),
            found=f"centre {center:.4g} deg from the pointing, outermost point {reach:.4g} deg",
            allowed=f"offsets of {max(nearest, 0):.4g} to {limit:.4g} deg, which the response covers",
        )


def check_enclosure(observation: Observation, on: Shape, settings: ReductionSettings) -> None:
    """Refuse to treat a point-like response as a full-enclosure one.

    A point-like response holds for events inside the directional cut it was made with, and for a point source.

    Raises
    ------
    ReductionError
        If the response is point-like and the ON region is not that cut, or the source is treated as extended.
    """
    aeff, place = observation.aeff, run_place(observation)
    if not aeff.is_pointlike:
        return
    if settings.containment_correction:
        raise ReductionError(
            "the response is point-like, it contains the containment already",
            place=place,
            found="containment_correction: true",
            allowed="containment_correction: false",
        )
    if "region-average" in (settings.exposure, settings.edisp):
        raise ReductionError(
            "a point-like response cannot be averaged over a region",
            place=place,
            found=f"exposure: {settings.exposure}, edisp: {settings.edisp}",
            allowed="center for both",
        )
    if aeff.rad_max is None:
        raise ReductionError(
            "the response is point-like with an energy-dependent directional cut, which is not built yet",
            place=place,
            allowed="a full-enclosure response, or a point-like one with RAD_MAX in its header",
        )
    radius = float(np.rad2deg(on.outer_radius))
    if not np.isclose(radius, aeff.rad_max, rtol=_RAD_MAX_TOLERANCE):
        raise ReductionError(
            "the response is point-like and made for another ON radius",
            place=place,
            found=f"radius {radius:.6g} deg",
            allowed=f"{aeff.rad_max:.6g} deg",
        )
