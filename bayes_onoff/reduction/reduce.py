"""From observations to ON/OFF spectra."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from regions import SkyRegion

from bayes_onoff.axes import EnergyAxis
from bayes_onoff.dl3 import Observation
from bayes_onoff.errors import ReductionError
from bayes_onoff.reduction.checks import check_enclosure, check_field_of_view, run_place
from bayes_onoff.reduction.counting import count_by_region, count_energies, select_good_time
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
from bayes_onoff.reduction.shapes import Shape, shape_of
from bayes_onoff.reduction.sphere import unit_vectors
from bayes_onoff.spectra import Spectra, SpectrumOnOff, with_fit_range

__all__ = ["reduce_observation", "reduce_observations"]

_DEFAULTS = ReductionSettings()


def reduce_observation(
    observation: Observation,
    on_region: SkyRegion,
    *,
    energy: EnergyAxis,
    energy_true: EnergyAxis,
    exclusion: Sequence[SkyRegion] = (),
    settings: ReductionSettings = _DEFAULTS,
) -> ReducedRun:
    """Reduce one run to an ON/OFF spectrum.

    Counts are those of events inside the good time intervals. The ON acceptance is 1, the OFF acceptance the number of
    OFF regions: all of them have the ON region's solid angle and distance from the pointing.

    Parameters
    ----------
    observation : Observation
        The run.
    on_region : SkyRegion
        Where the signal is.
    energy, energy_true : EnergyAxis
        Reconstructed and true energy.
    exclusion : sequence of SkyRegion
        Regions no OFF region may touch.
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
        is point-like and made for another region, or every bin is outside the safe range.
    FileError
        If a file of the run is damaged.
    """
    on = shape_of(on_region, "on_region")
    excluded = tuple(shape_of(region, f"exclusion[{i}]") for i, region in enumerate(exclusion))
    check_field_of_view(observation, on, settings.safe_range.offset_max)
    check_enclosure(observation, on, settings)
    placement = _place_off_regions(observation, on_region, on, excluded, settings)
    n_on, n_off_by_region = _count(observation, placement, energy)
    aeff, edisp, safe = _response(observation, on, energy, energy_true, settings)
    spectrum = SpectrumOnOff(
        name=str(observation.obs_id),
        energy=energy,
        energy_true=energy_true,
        n_on=n_on,
        n_off=n_off_by_region.sum(axis=0),
        acceptance=np.asarray(1.0),
        acceptance_off=np.asarray(float(len(n_off_by_region))),
        exposure=aeff * observation.livetime,
        edisp=edisp,
        livetime=observation.livetime,
        mask_safe=safe,
        n_off_by_region=n_off_by_region,
        gti=observation.gti.mjd,
    )
    geometry = RunGeometry(spectrum.name, observation.pointing, on_region, placement.off_regions, tuple(exclusion))
    return ReducedRun(spectrum, geometry)


def reduce_observations(
    observations: Sequence[Observation],
    on_region: SkyRegion,
    *,
    energy: EnergyAxis,
    energy_true: EnergyAxis,
    exclusion: Sequence[SkyRegion] = (),
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
        As for `reduce_observation`.
    fit_range : (float, float), optional
        Lowest and highest reconstructed energy in TeV to be used; bins completely inside are kept.
    on_progress : callable, optional
        Called with a sentence after each run.

    Raises
    ------
    InputError
        If there is no observation, or the fit range is upside down or leaves no safe bin of any run.
    ConfigError, ReductionError, FileError
        As for `reduce_observation`.
    """
    runs = []
    for i, observation in enumerate(observations, start=1):
        run = reduce_observation(
            observation, on_region, energy=energy, energy_true=energy_true, exclusion=exclusion, settings=settings
        )
        runs.append(run)
        if on_progress is not None:
            on_progress(f"reduced run {observation.obs_id} ({i} of {len(observations)})")
    spectra = Spectra(tuple(run.spectrum for run in runs))
    if fit_range is not None:
        spectra = with_fit_range(spectra, *fit_range)
    return Reduction(spectra, tuple(run.geometry for run in runs))


def _place_off_regions(
    observation: Observation,
    on_region: SkyRegion,
    on: Shape,
    exclusion: Sequence[Shape],
    settings: ReductionSettings,
) -> Placement:
    place = run_place(observation)
    if settings.placement == "exact":
        return place_exactly(on, observation.pointing, exclusion, settings, place)
    return place_on_pixels(on_region, observation.pointing, exclusion, settings, place)


def _count(
    observation: Observation, placement: Placement, energy: EnergyAxis
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """ON counts, shape (energy,), and OFF counts, shape (off_region, energy), inside the good time intervals."""
    events = select_good_time(observation.events, observation.gti)
    points = unit_vectors(events.ra, events.dec)
    n_on = count_energies(events.energy[placement.in_on(points)], energy)
    return n_on, count_by_region(events.energy, placement.in_off(points), energy)


def _response(
    observation: Observation,
    on: Shape,
    energy: EnergyAxis,
    energy_true: EnergyAxis,
    settings: ReductionSettings,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
    """Effective area in cm2, shape (energy_true,), energy dispersion (energy_true, energy) and safe bins (energy,)."""
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
    safe = safe_bins(settings.safe_range, observation, energy=energy, energy_true=energy_true, aeff=aeff, edisp=edisp)
    return aeff, edisp, safe
