"""Refusals: why a run cannot be reduced with what was asked for."""

import warnings
from collections.abc import Sequence

import numpy as np

from bayes_onoff.dl3 import Observation
from bayes_onoff.errors import InputError, ReductionError, ReductionWarning
from bayes_onoff.reduction.settings import ReductionSettings
from bayes_onoff.reduction.shapes import Circle, Point, Shape
from bayes_onoff.reduction.sphere import separation, unit_vector

__all__ = ["check_enclosure", "check_field_of_view", "leave_out_far_runs", "run_place"]

_RAD_MAX_TOLERANCE = 1e-3


def run_place(observation: Observation) -> str:
    """How an error names the run."""
    return f"run {observation.name}"


def leave_out_far_runs(
    observations: Sequence[Observation], on: Shape, offset_max: float | None
) -> tuple[Observation, ...]:
    """Keep the runs whose ON region is near enough to the pointing; a warning names each of the others.

    Parameters
    ----------
    observations : sequence of Observation
        The runs.
    on : Shape
        The ON region.
    offset_max : float or None
        Farthest allowed distance of its centre from the pointing, deg.

    Raises
    ------
    InputError
        If no run is left.
    """
    if offset_max is None:
        return tuple(observations)
    offsets = [_offset(observation, on) for observation in observations]
    for observation, offset in zip(observations, offsets, strict=True):
        if offset > offset_max:
            text = (
                f"{run_place(observation)}: left out, its ON region is {offset:.4g} deg from the pointing, beyond "
                f"reduction.safe_range.offset_max of {offset_max:.4g} deg"
            )
            warnings.warn(text, ReductionWarning, stacklevel=2)
    kept = tuple(run for run, offset in zip(observations, offsets, strict=True) if offset <= offset_max)
    if offsets and not kept:
        raise InputError(
            "every run is farther from its ON region than allowed",
            place="reduction.safe_range.offset_max",
            found=f"offsets of {min(offsets):.4g} to {max(offsets):.4g} deg",
            allowed=f"at least one up to {offset_max:.4g} deg",
        )
    return kept


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
    center = _offset(observation, on)
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
    """Refuse to treat a point-like response as a full-enclosure one, or the other way round.

    A point-like response holds for events inside the directional cut it was made with, and for a point source.

    Raises
    ------
    ReductionError
        If the response is point-like and the ON region is not that cut, or the source is treated as extended; or if the
        response is full-enclosure and the ON region a point.
    """
    aeff, place = observation.aeff, run_place(observation)
    if not aeff.is_pointlike:
        if isinstance(on, Point):
            raise ReductionError(
                "the response is full-enclosure, it needs an ON region with an area",
                place=place,
                found="a point",
                allowed="a circle or another shape; a point only with a point-like response",
            )
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
    if isinstance(on, Point):
        _check_point(observation, settings)
    else:
        _check_radius(observation, on)


def _check_point(observation: Observation, settings: ReductionSettings) -> None:
    """Refuse a point without a directional cut, or with a cut that the OFF method cannot follow."""
    if observation.rad_max is None and observation.aeff.rad_max is None:
        raise ReductionError(
            "the response is point-like but states no directional cut",
            place=run_place(observation),
            found="neither RAD_MAX in its header nor RAD_MAX_2D",
            allowed="a response that does",
        )
    if observation.rad_max is not None and settings.off_method == "reflected":
        raise ReductionError(
            "reflected OFF regions need an ON region of one size, RAD_MAX_2D has one for each energy",
            place=run_place(observation),
            found="reduction.off_regions.method: reflected",
            allowed="wobble, or phase",
        )


def _check_radius(observation: Observation, on: Shape) -> None:
    """Refuse an ON region that is not the one circle a point-like response was made for."""
    rad_max = observation.aeff.rad_max
    if rad_max is None:
        has_table = observation.rad_max is not None
        raise ReductionError(
            "the response is point-like with an energy-dependent directional cut"
            if has_table
            else "the response is point-like but states no directional cut",
            place=run_place(observation),
            found="an ON region of one size" if has_table else "neither RAD_MAX in its header nor RAD_MAX_2D",
            allowed="on_region.shape: point" if has_table else "a response that does",
        )
    radius = float(np.rad2deg(on.outer_radius))
    if not isinstance(on, Circle) or not np.isclose(radius, rad_max, rtol=_RAD_MAX_TOLERANCE):
        raise ReductionError(
            "the response is point-like and made for another ON region",
            place=run_place(observation),
            found=f"a circle of {radius:.6g} deg" if isinstance(on, Circle) else "another shape",
            allowed=f"a circle of {rad_max:.6g} deg, or a point",
        )


def _offset(observation: Observation, on: Shape) -> float:
    """Distance of the ON region's centre from the pointing, deg."""
    return float(np.rad2deg(separation(on.center, unit_vector(observation.pointing))))
