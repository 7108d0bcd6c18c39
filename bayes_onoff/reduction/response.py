"""The response of one run over its ON region: exposure and energy dispersion."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from astropy.coordinates import SkyCoord
from numpy.typing import NDArray

from bayes_onoff.axes import EnergyAxis
from bayes_onoff.dl3 import EffectiveArea, EnergyDispersion, Observation
from bayes_onoff.errors import ConfigError, ReductionError
from bayes_onoff.reduction.checks import run_place
from bayes_onoff.reduction.settings import ResponsePlace
from bayes_onoff.reduction.shapes import Circle, Point, Shape, area_points
from bayes_onoff.reduction.sphere import separation, unit_vector

__all__ = [
    "Offsets",
    "contained_fraction",
    "dispersion_kernel",
    "effective_area",
    "kernel_from_migration",
    "response_place",
]

# gammapy 2.1 sets smaller kernel entries to zero.
_SMALLEST_PROBABILITY = 1e-8
_N_OFFSETS = 32


@dataclass(frozen=True, eq=False, slots=True)
class Offsets:
    """Where in the field of view the response is taken.

    Parameters
    ----------
    values : ndarray, shape (offset,)
        Distances from the pointing, deg.
    weights : ndarray, shape (offset,)
        Fractions of the ON region's area; they add up to 1.
    """

    values: NDArray[np.float64]
    weights: NDArray[np.float64]

    @classmethod
    def at_center(cls, shape: Shape, pointing: SkyCoord) -> Self:
        """Take the centre of the region alone."""
        offset = np.rad2deg(separation(shape.center, unit_vector(pointing)))
        return cls(np.atleast_1d(offset), np.ones(1))

    @classmethod
    def over_area(cls, shape: Shape, pointing: SkyCoord) -> Self:
        """Average over the region: its points sorted by offset, gathered in groups of nearly equal offset.

        The response depends on the offset only, and linearly between the nodes of its table.
        """
        offsets = np.sort(np.rad2deg(separation(area_points(shape), unit_vector(pointing))))
        groups = np.array_split(offsets, _N_OFFSETS)
        sizes = np.array([len(group) for group in groups], dtype=float)
        return cls(np.array([group.mean() for group in groups]), sizes / sizes.sum())


def response_place(on: Shape) -> ResponsePlace:
    """Where the response is taken by default: at the centre of a circle or point, averaged over other shapes."""
    return "center" if isinstance(on, Circle | Point) else "region-average"


def effective_area(aeff: EffectiveArea, energy_true: EnergyAxis, offsets: Offsets) -> NDArray[np.float64]:
    """Effective area at the centres of the true-energy bins, averaged over the region.

    Returns
    -------
    ndarray, shape (energy_true,)
        cm2.
    """
    return np.asarray(aeff.evaluate(energy_true.centers[:, None], offsets.values[None, :]) @ offsets.weights)


def contained_fraction(
    observation: Observation, on: Shape, energy_true: EnergyAxis, offsets: Offsets
) -> NDArray[np.float64]:
    """Fraction of a point source's events inside the ON circle, at the centres of the true-energy bins.

    Returns
    -------
    ndarray, shape (energy_true,)

    Raises
    ------
    ConfigError
        If the ON region is not a circle.
    ReductionError
        If the run has no point-spread function.
    """
    if not isinstance(on, Circle):
        raise ConfigError(
            "the containment correction needs a circular ON region",
            place="reduction.containment_correction",
            found="true",
            allowed="false",
        )
    if observation.psf is None:
        raise ReductionError(
            "the containment correction needs a point-spread function",
            place=run_place(observation),
            found="no PSF",
            allowed="containment_correction: false",
        )
    radius = np.rad2deg(on.radius)
    fraction = observation.psf.containment(radius, energy_true.centers[:, None], offsets.values[None, :])
    return np.asarray(fraction @ offsets.weights)


def dispersion_kernel(
    edisp: EnergyDispersion, aeff: EffectiveArea, energy_true: EnergyAxis, energy: EnergyAxis, offsets: Offsets
) -> NDArray[np.float64]:
    """Probability to be reconstructed in a bin, given the true-energy bin, averaged over the region.

    Each offset counts with its share of the region's area and with its effective area: with the share of the events
    it contributes.

    Returns
    -------
    ndarray, shape (energy_true, energy)
        Rows sum to at most 1; what is reconstructed outside of the axis is lost.
    """
    true = energy_true.centers
    weights = aeff.evaluate(true[:, None], offsets.values[None, :]) * offsets.weights
    nothing = weights.sum(axis=1) <= 0
    weights[nothing] = offsets.weights
    weights /= weights.sum(axis=1, keepdims=True)
    kernel = np.zeros((energy_true.n_bins, energy.n_bins))
    for offset, weight in zip(offsets.values, weights.T, strict=True):
        density = edisp.evaluate(true[:, None], edisp.migra[None, :], offset)
        kernel += weight[:, None] * kernel_from_migration(edisp.migra_edges, density, true, energy.edges)
    kernel[kernel < _SMALLEST_PROBABILITY] = 0
    return kernel


def kernel_from_migration(
    migra_edges: NDArray[np.float64],
    density: NDArray[np.float64],
    energy_true: NDArray[np.float64],
    energy_edges: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Integrate a density in migration (reconstructed over true energy) over reconstructed-energy bins.

    The cumulative distribution is normalised to 1, piecewise linear between the native migration edges, 0 before the
    first and constant after the last.

    Parameters
    ----------
    migra_edges : ndarray, shape (migra + 1,)
        Native edges of the migration axis.
    density : ndarray, shape (energy_true, migra)
        dP/dmigra at the centres of the native bins.
    energy_true : ndarray, shape (energy_true,)
        True energies, TeV.
    energy_edges : ndarray, shape (energy + 1,)
        Reconstructed-energy edges, TeV.

    Returns
    -------
    ndarray, shape (energy_true, energy)
        Rows sum to at most 1; a row without any density is 0.
    """
    cumulative = np.zeros((len(energy_true), len(migra_edges)))
    np.cumsum(density * np.diff(migra_edges), axis=1, out=cumulative[:, 1:])
    highest = cumulative.max(axis=1, keepdims=True)
    np.divide(cumulative, highest, out=cumulative, where=highest > 0)
    at_edges = [
        np.interp(energy_edges / true, migra_edges, row) for true, row in zip(energy_true, cumulative, strict=True)
    ]
    return np.maximum(np.diff(at_edges, axis=1), 0)
