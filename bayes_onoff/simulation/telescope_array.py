"""A made-up telescope array, close to H.E.S.S. at 45 degrees from the zenith in what matters to a spectrum.

Effective area, background and their fall with the offset follow the size and shape of published H.E.S.S. responses;
they are round formulas, not a fit. The point-spread function is deliberately narrower than a real one.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bayes_onoff.dl3 import Background, EffectiveArea, EnergyDispersion, IrfAxis, PSFTable

__all__ = ["TelescopeArray", "hess_like_array"]

_AREA_MAX = 5e9  # cm2
_AREA_TURN_ON = 1.07  # of exp(-turn_on (E / TeV)^-1.1): 1.7e9 cm2 at 1 TeV
_AREA_WIDTH = 1.9  # deg, Gaussian fall with the offset
_RESOLUTION = 0.15  # of ln(E_reco / E_true)
_BIAS, _BIAS_SCALE = 0.2, 0.5  # of E_reco / E_true: bias exp(-E / scale TeV)
_PSF_SIGMA = 0.02  # deg: 68 % within 0.03 deg, all but 3e-7 within 0.11 deg
_BACKGROUND_RATE = 600.0  # s-1 TeV-1 sr-1 at 1 TeV on axis, but for turn-on and cutoff
_BACKGROUND_INDEX = 2.2
_BACKGROUND_TURN_ON = 0.45  # TeV
_BACKGROUND_CUTOFF = 25.0  # TeV
_BACKGROUND_WIDTH = 1.7  # deg


@dataclass(frozen=True, eq=False)
class TelescopeArray:
    """The responses of one run."""

    aeff: EffectiveArea
    edisp: EnergyDispersion
    psf: PSFTable
    bkg: Background


def hess_like_array(background_scale: float = 1.0) -> TelescopeArray:
    """Make the responses of the simulated array.

    The area is full-enclosure, and the point-spread function so narrow that an ON circle of 0.11 deg holds every
    event of a point source: an analysis without containment correction (the default) finds the simulated flux, and
    so does one with it.

    Parameters
    ----------
    background_scale : float
        Factor on the background rate; 1 gives about 15 events above threshold in a circle of 0.11 deg, 0.5 deg off
        axis, in 28 minutes.
    """
    energy = IrfAxis.from_edges(np.geomspace(0.05, 120, 82), is_log=True)
    offset = IrfAxis.from_nodes(np.linspace(0, 2.5, 6))
    fall = np.exp(-0.5 * (offset.centers / _AREA_WIDTH) ** 2)
    area = _AREA_MAX * np.exp(-_AREA_TURN_ON * energy.centers**-1.1)
    return TelescopeArray(
        aeff=EffectiveArea(energy, offset, area[:, None] * fall, low_threshold=0.5, high_threshold=100.0),
        edisp=_energy_dispersion(energy, offset),
        psf=_point_spread(energy, offset),
        bkg=_background(background_scale),
    )


def _energy_dispersion(energy: IrfAxis, offset: IrfAxis) -> EnergyDispersion:
    """Make it log-normal in E_reco / E_true, biased upwards at the threshold; the same at all offsets."""
    migra = IrfAxis.from_edges(np.linspace(0.2, 3.0, 141))
    median = 1 + _BIAS * np.exp(-energy.centers / _BIAS_SCALE)
    x = np.log(migra.centers / median[:, None]) / _RESOLUTION
    density = np.exp(-0.5 * x**2) / migra.centers
    density /= (density * migra.widths).sum(axis=1, keepdims=True)
    return EnergyDispersion(energy, migra, offset, _repeated(density, len(offset)))


def _point_spread(energy: IrfAxis, offset: IrfAxis) -> PSFTable:
    """Make it Gaussian, the same at all energies and offsets."""
    rad = IrfAxis.from_edges(np.linspace(0, 0.16, 81))
    density = np.exp(-0.5 * (rad.centers / _PSF_SIGMA) ** 2)
    r, dr = np.deg2rad(rad.centers), np.deg2rad(rad.widths)
    density /= (2 * np.pi * r * dr * density).sum()
    return PSFTable(energy, offset, rad, np.broadcast_to(density, (len(energy), len(offset), len(rad))).copy())


def _background(scale: float) -> Background:
    """Make a power law with turn-on and cutoff, Gaussian in the distance from the pointing."""
    energy = IrfAxis.from_edges(np.geomspace(0.1, 100, 31), is_log=True)
    field_of_view = IrfAxis.from_edges(np.linspace(-2.5, 2.5, 26))
    e, x = energy.centers, field_of_view.centers
    turn_on = np.exp(-((_BACKGROUND_TURN_ON / e) ** 3) - e / _BACKGROUND_CUTOFF)
    spectrum = scale * _BACKGROUND_RATE * e**-_BACKGROUND_INDEX * turn_on
    fall = np.exp(-0.5 * (x / _BACKGROUND_WIDTH) ** 2)
    return Background(energy, field_of_view, field_of_view, spectrum[:, None, None] * fall[:, None] * fall)


def _repeated(values: NDArray[np.float64], n: int) -> NDArray[np.float64]:
    return np.repeat(values[..., None], n, axis=-1)
