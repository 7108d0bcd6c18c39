"""From observations to ON/OFF spectra."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from regions import SkyRegion

from bayes_onoff.axes import EnergyAxis
from bayes_onoff.dl3 import Observation
from bayes_onoff.errors import ReductionError
from bayes_onoff.reduction.areas import Area
from bayes_onoff.reduction.checks import check_enclosure, check_field_of_view, leave_out_far_runs, run_place
from bayes_onoff.reduction.counting import OnOffCounts, count_in_regions
from bayes_onoff.reduction.exclusion_mask import ExclusionMask, excluded_area
from bayes_onoff.reduction.expected_background import expected_off_counts
from bayes_onoff.reduction.phase import count_in_phases
from bayes_onoff.reduction.rad_max import count_in_rad_max, count_phases_in_rad_max
from bayes_onoff.reduction.reflected import Placement, place_exactly
from bayes_onoff.reduction.reflected_on_pixels import place_on_pixels
from bayes_onoff.reduction.response import (
    Offsets,
    contained_fraction,
    dispersion_kernel,
    effective_area,
    response_place,
)
from bayes_onoff.reduction.results import ReducedRun, Reduction, RunGeometry
from bayes_onoff.reduction.safe_range import safe_bins
from bayes_onoff.reduction.settings import ReductionSettings
from bayes_onoff.reduction.shapes import Circle, Point, Shape, shape_of
from bayes_onoff.reduction.sphere import unit_vectors
from bayes_onoff.reduction.wobble import place_wobble
from bayes_onoff.spectra import Spectra, SpectrumOnOff, with_fit_range

__all__ = ["reduce_observation", "reduce_observations"]

_DEFAULTS = ReductionSettings()


def reduce_observation(
    observation: Observation,
    on_region: SkyRegion,
    *,
    energy: EnergyAxis,
    energy_true: EnergyAxis,
    exclusion: Sequence[SkyRegion | ExclusionMask] = (),
    settings: ReductionSettings = _DEFAULTS,
) -> ReducedRun:
    """Reduce one run to an ON/OFF spectrum.

    Counts are those of events inside the good time intervals. OFF regions have the ON region's solid angle and distance
    from the pointing, so the ON acceptance is 1 and the OFF acceptance the number of OFF regions. With phases, the
    acceptances are the total widths of the intervals, and the exposure is that of the whole livetime: a fitted
    amplitude is averaged over all phases.

    A point as ON region stands for the directional cut of a point-like response: a circle of its ``RAD_MAX``, or the
    energy-dependent radius of its ``RAD_MAX_2D``. Bins in which these circles overlap are left out with a warning.

    Parameters
    ----------
    observation : Observation
        The run.
    on_region : SkyRegion
        Where the signal is.
    energy, energy_true : EnergyAxis
        Reconstructed and true energy.
    exclusion : sequence of SkyRegion or ExclusionMask
        What no OFF region may touch.
    settings : ReductionSettings, optional
        How to reduce; the defaults if not given.

    Returns
    -------
    ReducedRun

    Raises
    ------
    ConfigError
        If a shape is not supported.
    ReductionError
        If the ON region lies outside the field of view or overlaps the pointing, no OFF region finds room, the response
        is made for another region, every bin is outside the safe range, or the background response that is asked for is
        missing.
    FileError
        If a file of the run is damaged, or its events have no phases where they are asked for.

    Warns
    -----
    ReductionWarning
        If energy bins are left out, the file states no thresholds for ``aeff_default``, or a background response is
        continued or averaged over directions.
    """
    asked, excluded = _shapes(on_region, exclusion)
    check_field_of_view(observation, asked, settings.safe_range.offset_max)
    check_enclosure(observation, asked, settings)
    on = _with_radius(observation, asked)
    region = on_region if on is asked else on.to_sky()
    counts = _count(observation, region, on, excluded, energy, settings)
    aeff, edisp = _response(observation, on, energy, energy_true, settings)
    mask_safe = safe_bins(
        settings.safe_range,
        observation,
        energy=energy,
        energy_true=energy_true,
        aeff=aeff,
        edisp=edisp,
        background=counts.background,
    )
    background = None
    if settings.expected_background:
        background = expected_off_counts(observation, counts, on, energy, mask_safe)
    spectrum = SpectrumOnOff(
        name=observation.name,
        energy=energy,
        energy_true=energy_true,
        n_on=counts.n_on,
        n_off=counts.n_off,
        acceptance=np.asarray(counts.acceptance),
        acceptance_off=np.asarray(counts.acceptance_off),
        exposure=aeff * observation.livetime,
        edisp=edisp,
        livetime=observation.livetime,
        mask_safe=mask_safe,
        n_off_by_region=counts.n_off_by_region,
        gti=observation.gti.mjd,
        background=background,
    )
    geometry = RunGeometry(
        observation.name, observation.pointing, region, counts.off_regions, tuple(exclusion), counts.rad_max
    )
    return ReducedRun(spectrum, geometry)


def reduce_observations(
    observations: Sequence[Observation],
    on_region: SkyRegion,
    *,
    energy: EnergyAxis,
    energy_true: EnergyAxis,
    exclusion: Sequence[SkyRegion | ExclusionMask] = (),
    settings: ReductionSettings = _DEFAULTS,
    fit_range: tuple[float, float] | None = None,
    on_progress: Callable[[str], None] | None = None,
) -> Reduction:
    """Reduce several runs on common axes.

    Parameters
    ----------
    observations : sequence of Observation
        The runs.
    on_region, energy, energy_true, exclusion, settings
        As for `reduce_observation`; runs beyond ``safe_range.offset_max`` are left out with a warning.
    fit_range : (float, float), optional
        Lowest and highest reconstructed energy in TeV to be used; bins completely inside are kept.
    on_progress : callable, optional
        Called with a sentence after each run.

    Raises
    ------
    InputError
        If there is no observation, or none near enough to the ON region, or the fit range is upside down or leaves no
        safe bin of any run.
    ConfigError, ReductionError, FileError
        As for `reduce_observation`.
    """
    near = leave_out_far_runs(observations, shape_of(on_region, "on_region"), settings.safe_range.offset_max)
    runs = []
    for i, observation in enumerate(near, start=1):
        run = reduce_observation(
            observation, on_region, energy=energy, energy_true=energy_true, exclusion=exclusion, settings=settings
        )
        runs.append(run)
        if on_progress is not None:
            on_progress(f"reduced run {observation.name} ({i} of {len(near)})")
    spectra = Spectra(tuple(run.spectrum for run in runs))
    if fit_range is not None:
        spectra = with_fit_range(spectra, *fit_range)
    return Reduction(spectra, tuple(run.geometry for run in runs))


def _shapes(on_region: SkyRegion, exclusion: Sequence[SkyRegion | ExclusionMask]) -> tuple[Shape, tuple[Area, ...]]:
    """Translate the ON region and the exclusions to the sphere."""
    excluded = (excluded_area(area, f"exclusion[{i}]") for i, area in enumerate(exclusion))
    return shape_of(on_region, "on_region"), tuple(excluded)


def _with_radius(observation: Observation, on: Shape) -> Shape:
    """Turn a point into the circle of a point-like response with one radius; other shapes stay."""
    radius = observation.aeff.rad_max
    if isinstance(on, Point) and observation.rad_max is None and radius is not None:
        return Circle(on.center, float(np.deg2rad(radius)))
    return on


def _count(
    observation: Observation,
    on_region: SkyRegion,
    on: Shape,
    exclusion: Sequence[Area],
    energy: EnergyAxis,
    settings: ReductionSettings,
) -> OnOffCounts:
    """Count ON and OFF by the method asked for."""
    place = run_place(observation)
    rad_max = observation.rad_max if isinstance(on, Point) else None
    if settings.off_method == "phase":
        if rad_max is not None:
            return count_phases_in_rad_max(observation, rad_max, on, energy, settings)
        events = observation.events
        return count_in_phases(observation, on.contains(unit_vectors(events.ra, events.dec)), energy, settings)
    if settings.off_method == "wobble":
        wobble = place_wobble(on, observation.pointing, exclusion, settings, place)
        if rad_max is not None:
            return count_in_rad_max(observation, rad_max, wobble, exclusion, energy)
        return count_in_regions(observation, wobble, energy)
    placement: Placement
    if settings.placement == "exact":
        placement = place_exactly(on, observation.pointing, exclusion, settings, place)
    else:
        placement = place_on_pixels(on_region, observation.pointing, exclusion, settings, place)
    return count_in_regions(observation, placement, energy)


def _response(
    observation: Observation,
    on: Shape,
    energy: EnergyAxis,
    energy_true: EnergyAxis,
    settings: ReductionSettings,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Effective area in cm2, shape (energy_true,), and energy dispersion, shape (energy_true, energy)."""
    default = response_place(on)
    exposure, dispersion = settings.exposure or default, settings.edisp or default
    offsets = {"center": Offsets.at_center(on, observation.pointing)}
    if "region-average" in (exposure, dispersion):
        offsets["region-average"] = Offsets.over_area(on, observation.pointing)
    aeff = effective_area(observation.aeff, energy_true, offsets[exposure])
    if settings.containment_correction:
        aeff = aeff * contained_fraction(observation, on, energy_true, offsets["center"])
    if not aeff.any():
        raise ReductionError(
            "the effective area is zero at every energy",
            place=run_place(observation),
            found=f"true energies from {energy_true.edges[0]:.4g} to {energy_true.edges[-1]:.4g} TeV",
        )
    edisp = dispersion_kernel(observation.edisp, observation.aeff, energy_true, energy, offsets[dispersion])
    return aeff, edisp
