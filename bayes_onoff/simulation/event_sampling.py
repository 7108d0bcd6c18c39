"""Draw the events of a run from its responses, interpolated as the reader interpolates them."""

from collections.abc import Mapping

import numpy as np
from astropy.coordinates import SkyCoord
from numpy.typing import NDArray

from bayes_onoff.dl3 import Background, EffectiveArea, EnergyDispersion, PSFTable
from bayes_onoff.models import SpectralModel

__all__ = [
    "draw_background",
    "draw_offsets",
    "draw_reconstructed_energies",
    "draw_true_energies",
    "expected_background",
]

type Floats = NDArray[np.float64]

_ENERGY_STEPS = 4000
_ENERGY_PARTS, _DIRECTION_PARTS = 4, 2  # into which background bins are divided


def draw_true_energies(
    model: SpectralModel,
    values: Mapping[str, float],
    aeff: EffectiveArea,
    *,
    offset: float,
    livetime: float,
    rng: np.random.Generator,
) -> Floats:
    """Draw the true energies of the source's detected events: a Poisson number of them.

    Parameters
    ----------
    model, values
        The source's spectrum and its parameters.
    aeff : EffectiveArea
        Effective area; beyond its energy axis nothing is detected.
    offset : float
        Distance of the source from the pointing, deg.
    livetime : float
        s.
    rng : Generator
        The source of randomness.

    Returns
    -------
    ndarray, shape (event,)
        TeV.
    """
    energy = np.geomspace(aeff.energy_edges[0], aeff.energy_edges[-1], _ENERGY_STEPS)
    log_energy = np.log(energy)
    density = model.dnde(energy, values) * energy * aeff.evaluate(energy, offset) * livetime  # events per ln(energy)
    steps = 0.5 * (density[1:] + density[:-1]) * np.diff(log_energy)
    cumulative = np.concatenate([[0.0], np.cumsum(steps)])
    uniform = rng.uniform(0, cumulative[-1], rng.poisson(cumulative[-1]))
    return np.asarray(np.exp(np.interp(uniform, cumulative, log_energy)))


def _draw_from_rows(probability: Floats, edges: Floats, rng: np.random.Generator) -> Floats:
    """Draw one value per row of bin probabilities, uniform inside the bin; shape (row,)."""
    cumulative = np.cumsum(np.maximum(probability, 0), axis=1)
    target = rng.uniform(size=len(probability)) * cumulative[:, -1]
    index = np.minimum((cumulative <= target[:, None]).sum(axis=1), probability.shape[1] - 1)
    return np.asarray(rng.uniform(edges[index], edges[index + 1]))


def draw_reconstructed_energies(
    energy: Floats, edisp: EnergyDispersion, *, offset: float, rng: np.random.Generator
) -> Floats:
    """Draw a reconstructed energy (TeV) for each true energy (TeV), shape (event,)."""
    density = edisp.evaluate(energy[:, None], edisp.migra, offset)
    return energy * _draw_from_rows(density * edisp.migra_axis.widths, edisp.migra_edges, rng)


def draw_offsets(energy: Floats, psf: PSFTable, *, offset: float, rng: np.random.Generator) -> Floats:
    """Draw the distance (deg) between reconstructed and true direction for each true energy (TeV), shape (event,)."""
    edges = psf.rad_axis.edges
    contained = psf.containment(edges, energy[:, None], offset)
    return _draw_from_rows(np.diff(contained, axis=1), edges, rng)


def _fine_edges(edges: Floats, n: int) -> Floats:
    parts = np.arange(n) / n
    return np.append((edges[:-1, None] + parts * np.diff(edges)[:, None]).reshape(-1), edges[-1])


def _fine_background(bkg: Background) -> tuple[Floats, tuple[Floats, Floats, Floats]]:
    """Events per second in each part of the subdivided background bins, and the parts' edges (ln(energy), lon, lat)."""
    log_energy = _fine_edges(np.log(bkg.energy_axis.edges), _ENERGY_PARTS)
    lon, lat = (_fine_edges(axis.edges, _DIRECTION_PARTS) for axis in (bkg.lon_axis, bkg.lat_axis))
    e, x, y = (0.5 * (edges[1:] + edges[:-1]) for edges in (log_energy, lon, lat))
    solid_angle = np.deg2rad(np.diff(lon))[:, None] * np.deg2rad(np.diff(lat)) * np.cos(np.deg2rad(y))
    energy_width = np.diff(log_energy) * np.exp(e)
    rate = bkg.evaluate(np.exp(e)[:, None, None], x[:, None], y) * energy_width[:, None, None] * solid_angle
    return rate, (log_energy, lon, lat)


def expected_background(bkg: Background) -> float:
    """Background events per second of good time in the whole field of view."""
    return float(_fine_background(bkg)[0].sum())


def draw_background(
    bkg: Background, pointing: SkyCoord, *, ontime: float, rng: np.random.Generator
) -> tuple[Floats, SkyCoord]:
    """Draw background events: a Poisson number of them.

    The rate counts per second of good time, without dead time, as gammapy takes it.

    Parameters
    ----------
    bkg : Background
        Background rate, aligned with right ascension and declination.
    pointing : SkyCoord
        The centre of the field of view.
    ontime : float
        s.
    rng : Generator
        The source of randomness.

    Returns
    -------
    energy : ndarray, shape (event,)
        Reconstructed energy, TeV.
    direction : SkyCoord, shape (event,)
        Reconstructed direction, ICRS.
    """
    rate, edges = _fine_background(bkg)
    cumulative = np.cumsum(rate.reshape(-1)) * ontime
    target = rng.uniform(0, cumulative[-1], rng.poisson(cumulative[-1]))
    index = np.unravel_index(np.searchsorted(cumulative, target, side="right"), rate.shape)
    log_energy, lon, lat = (rng.uniform(x[i], x[i + 1]) for x, i in zip(edges, index, strict=True))
    # The response counts longitudes to the west unless it says that it is reversed; the frame of offsets to the east.
    east = lon if bkg.alignment == "REVERSE_LON_RADEC" else -lon
    direction = SkyCoord(east, lat, unit="deg", frame=pointing.skyoffset_frame())
    return np.exp(log_energy), direction.icrs
