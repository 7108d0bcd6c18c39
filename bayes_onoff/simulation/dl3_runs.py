"""Simulated observation runs: a point source seen by a made-up array, as GADF files."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import astropy.units as u
import numpy as np
from astropy.coordinates import SkyCoord

from bayes_onoff.dl3 import GTI, Events, RunContent, TimeReference, write_store
from bayes_onoff.errors import InputError
from bayes_onoff.models import CRAB, SpectralModel
from bayes_onoff.simulation.event_sampling import (
    draw_background,
    draw_offsets,
    draw_reconstructed_energies,
    draw_true_energies,
)
from bayes_onoff.simulation.telescope_array import TelescopeArray, hess_like_array

__all__ = ["CRAB_MODEL", "CRAB_PLANS", "CRAB_POSITION", "CRAB_VALUES", "RunPlan", "simulate_run", "simulate_store"]

CRAB_POSITION = (83.633333, 22.014444)
"""Right ascension and declination of the Crab nebula, ICRS, deg."""

CRAB_MODEL = SpectralModel("exp-cutoff-power-law")
CRAB_VALUES: Mapping[str, float] = dict(CRAB["hess_ecpl"].values)
"""The spectrum simulated by default: as H.E.S.S. published it (Aharonian et al. 2006, A&A 457, 899)."""

_HEADER: dict[str, str | int | float | bool] = {
    "ORIGIN": "simulation",
    "TELESCOP": "SIMULATED",
    "INSTRUME": "H.E.S.S.-like array",
    "CREATOR": "bayes_onoff",
    "GEOLON": 16.5002,
    "GEOLAT": -23.2718,
    "ALTITUDE": 1835.0,
}
_REFERENCE = TimeReference(51910, 0.000742870370370241, "tt")  # 2001-01-01 00:00:00 UTC


@dataclass(frozen=True, slots=True)
class RunPlan:
    """What to observe, and when.

    Parameters
    ----------
    obs_id : int
        Observation id.
    offset : float
        Distance of the pointing from the source, deg.
    position_angle : float
        Direction of the pointing from the source, from north to east, deg.
    start : float
        Start of the run, s since 2001-01-01 00:00:00 UTC.
    ontime : float
        Good time, s.
    dead_time_fraction : float
        Fraction of it that is lost.
    """

    obs_id: int
    offset: float
    position_angle: float
    start: float
    ontime: float = 1686.0
    dead_time_fraction: float = 0.063


CRAB_PLANS = (
    RunPlan(1, 0.5, 180.0, start=123890826.0),
    RunPlan(2, 0.5, 0.0, start=123892626.0),
    RunPlan(3, 1.5, 90.0, start=124064826.0),
    RunPlan(4, 1.5, 270.0, start=124066626.0),
)
"""Four wobble runs of 28 minutes, two at 0.5 and two at 1.5 deg from the source."""


def simulate_run(
    plan: RunPlan,
    *,
    model: SpectralModel,
    values: Mapping[str, float],
    rng: np.random.Generator,
    array: TelescopeArray | None = None,
    position: tuple[float, float] = CRAB_POSITION,
    target: str = "Crab nebula (simulated)",
) -> RunContent:
    """Simulate one run: source events through area, dispersion and point spread; background events.

    Parameters
    ----------
    plan : RunPlan
        The observation.
    model : SpectralModel
        The source's spectrum.
    values : mapping of str to float
        Its parameters, in their units; an amplitude of 0 is no source.
    rng : Generator
        The source of randomness: the same state gives the same run.
    array : TelescopeArray, optional
        The responses; by default `hess_like_array`.
    position : tuple of float
        Right ascension and declination of the source, ICRS, deg.
    target : str
        Name of the source.

    Returns
    -------
    RunContent
        The run with its responses, events in order of time.

    Raises
    ------
    InputError
        If the values are not those of the model's parameters, or the flux is negative or not finite.
    """
    array = array or hess_like_array()
    _check_flux(model, values, array)
    source = SkyCoord(*position, unit="deg")
    pointing = source.directional_offset_by(plan.position_angle * u.deg, plan.offset * u.deg)
    return RunContent(
        obs_id=plan.obs_id,
        events=_draw_events(plan, model, values, array, source=source, pointing=pointing, rng=rng),
        gti=GTI(np.array([plan.start]), np.array([plan.start + plan.ontime]), _REFERENCE),
        pointing=pointing,
        dead_time_fraction=plan.dead_time_fraction,
        aeff=array.aeff,
        edisp=array.edisp,
        psf=array.psf,
        bkg=array.bkg,
        target=target,
        header={**_HEADER, "RA_OBJ": position[0], "DEC_OBJ": position[1]},
    )


def _draw_events(
    plan: RunPlan,
    model: SpectralModel,
    values: Mapping[str, float],
    array: TelescopeArray,
    *,
    source: SkyCoord,
    pointing: SkyCoord,
    rng: np.random.Generator,
) -> Events:
    livetime = plan.ontime * (1 - plan.dead_time_fraction)
    true = draw_true_energies(model, values, array.aeff, offset=plan.offset, livetime=livetime, rng=rng)
    energy = draw_reconstructed_energies(true, array.edisp, offset=plan.offset, rng=rng)
    distance = draw_offsets(true, array.psf, offset=plan.offset, rng=rng)
    gammas = source.directional_offset_by(rng.uniform(0, 360, len(true)) * u.deg, distance * u.deg)
    background_energy, background = draw_background(array.bkg, pointing, ontime=plan.ontime, rng=rng)
    energies = np.concatenate([energy, background_energy])
    ra = np.concatenate([gammas.ra.deg, background.ra.deg])
    dec = np.concatenate([gammas.dec.deg, background.dec.deg])
    order = rng.permutation(len(energies))
    time = np.sort(rng.uniform(plan.start, plan.start + plan.ontime, len(energies)))
    return Events(ra[order], dec[order], energies[order], time, _REFERENCE)


def _check_flux(model: SpectralModel, values: Mapping[str, float], array: TelescopeArray) -> None:
    if set(model.parameter_names) != set(values):
        raise InputError(
            "not the model's parameters", place="values", found=list(values), allowed=", ".join(model.parameter_names)
        )
    flux = model.dnde(array.aeff.energy, values)
    if not np.all(np.isfinite(flux)) or np.any(flux < 0):
        raise InputError("the flux is negative or not finite", place="values", found=dict(values))


def simulate_store(
    folder: str | Path,
    *,
    rng: np.random.Generator,
    model: SpectralModel = CRAB_MODEL,
    values: Mapping[str, float] = CRAB_VALUES,
    plans: Sequence[RunPlan] = CRAB_PLANS,
    background_scale: float = 1.0,
    position: tuple[float, float] = CRAB_POSITION,
) -> Path:
    """Simulate Crab-like runs and write them as a GADF data store.

    Parameters
    ----------
    folder : path-like
        Created if missing; a store that is already there is replaced. The index is written last.
    rng : Generator
        The source of randomness: the same seed gives the same files, byte by byte.
    model : SpectralModel
        The source's spectrum; by default the published H.E.S.S. power law with exponential cutoff.
    values : mapping of str to float
        Its parameters, in their units; an amplitude of 0 is no source.
    plans : sequence of RunPlan
        The observations, by default four of 28 minutes.
    background_scale : float
        Factor on the background rate.
    position : tuple of float
        Right ascension and declination of the source, ICRS, deg.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    InputError
        If the values are not those of the model's parameters, the flux is negative, or two plans have one id.
    FileError
        If the folder cannot be written.
    """
    array = hess_like_array(background_scale)
    runs = [simulate_run(plan, model=model, values=values, rng=rng, array=array, position=position) for plan in plans]
    return write_store(folder, runs)
