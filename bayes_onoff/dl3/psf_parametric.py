"""Point-spread functions given by the parameters of a formula: PSF_KING and PSF_3GAUSS.

Parameters are interpolated linearly in ln(energy) and offset as they stand in the file, then put into the formula.
Formulas: gamma-astro-data-formats 0.3, full-enclosure point-spread functions.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bayes_onoff.dl3.irf_axes import IrfAxis, interpolate, read_irf_axis
from bayes_onoff.dl3.psf import PSF
from bayes_onoff.dl3.responses import check_not_negative, read_values
from bayes_onoff.fits_table import FitsTable
from bayes_onoff.units import ANGLE, DIMENSIONLESS, ENERGY, PER_SOLID_ANGLE

__all__ = ["PSFKing", "PSFTripleGauss", "psf_king_from_table", "psf_triple_gauss_from_table"]


class _ParametricPSF(PSF):
    def _at(self, values: NDArray[np.float64], energy: ArrayLike, offset: ArrayLike) -> NDArray[np.float64]:
        return interpolate(values, (self.energy_axis, self.offset_axis), (energy, offset))


@dataclass(frozen=True, eq=False)
class PSFKing(_ParametricPSF):
    """King profile: (1 - 1 / gamma) (1 + r^2 / (2 gamma sigma^2))^-gamma / (2 pi sigma^2).

    Parameters
    ----------
    energy_axis, offset_axis : IrfAxis
        True energy, TeV; offset from the pointing, deg.
    gamma : ndarray, shape (energy, offset)
        Larger than 1 wherever the function is defined.
    sigma : ndarray, shape (energy, offset)
        deg; 0 where the file defines no function.
    """

    hdu_class: ClassVar[str] = "psf_king"

    energy_axis: IrfAxis
    offset_axis: IrfAxis
    gamma: NDArray[np.float64]
    sigma: NDArray[np.float64]

    def containment(self, radius: ArrayLike, energy: ArrayLike, offset: ArrayLike) -> NDArray[np.float64]:
        """Probability that an event is reconstructed within `radius` of its true direction.

        1 - (1 + R^2 / (2 gamma sigma^2))^(1 - gamma); 0 outside the axes and where gamma <= 1 or sigma = 0.

        Arguments as in `PSF.containment`.
        """
        gamma, sigma = (self._at(values, energy, offset) for values in (self.gamma, self.sigma))
        defined = self.inside(energy, offset) & (gamma > 1) & (sigma > 0)
        gamma, sigma = np.where(defined, gamma, 2), np.where(defined, sigma, 1)
        r2 = np.square(np.asarray(radius, dtype=float))
        return np.where(defined, -np.expm1((1 - gamma) * np.log1p(r2 / (2 * gamma * sigma**2))), 0)


@dataclass(frozen=True, eq=False)
class PSFTripleGauss(_ParametricPSF):
    """Sum of three Gaussians: scale (e1 + ampl_2 e2 + ampl_3 e3), e_i = exp(-r^2 / (2 sigma_i^2)).

    Parameters
    ----------
    energy_axis, offset_axis : IrfAxis
        True energy, TeV; offset from the pointing, deg.
    scale : ndarray, shape (energy, offset)
        0 where the file defines no function. Its value and unit are not used, the sum is normalised.
    sigma_1, sigma_2, sigma_3 : ndarray, shape (energy, offset)
        deg; 0 for a Gaussian that is not used.
    ampl_2, ampl_3 : ndarray, shape (energy, offset)
        Heights of the second and third Gaussian over that of the first.
    """

    hdu_class: ClassVar[str] = "psf_3gauss"

    energy_axis: IrfAxis
    offset_axis: IrfAxis
    scale: NDArray[np.float64]
    sigma_1: NDArray[np.float64]
    sigma_2: NDArray[np.float64]
    sigma_3: NDArray[np.float64]
    ampl_2: NDArray[np.float64]
    ampl_3: NDArray[np.float64]

    def containment(self, radius: ArrayLike, energy: ArrayLike, offset: ArrayLike) -> NDArray[np.float64]:
        """Probability that an event is reconstructed within `radius` of its true direction.

        Sum of w_i (1 - exp(-R^2 / (2 sigma_i^2))) over sum of w_i, w_i = ampl_i sigma_i^2; 0 outside the axes and
        where the scale is 0.

        Arguments as in `PSF.containment`.
        """
        r2 = np.square(np.asarray(radius, dtype=float))
        contained, total = np.zeros(()), np.zeros(())
        for sigmas, amplitudes in ((self.sigma_1, None), (self.sigma_2, self.ampl_2), (self.sigma_3, self.ampl_3)):
            variance = self._at(sigmas, energy, offset) ** 2
            weight = variance if amplitudes is None else variance * self._at(amplitudes, energy, offset)
            total = total + weight
            contained = contained + weight * -np.expm1(-r2 / (2 * np.where(variance > 0, variance, 1)))
        defined = self.inside(energy, offset) & (self._at(self.scale, energy, offset) > 0) & (total > 0)
        return np.where(defined, contained / np.where(defined, total, 1), 0)


def psf_king_from_table(table: FitsTable) -> PSFKing:
    """Decode a GADF PSF_KING table.

    Raises
    ------
    FileError
        If a column is missing, has a unit of the wrong kind, or holds values that are negative or not finite, or if the
        profile cannot be normalised: gamma <= 1 where sigma is not 0.
    """
    energy = read_irf_axis(table, "ENERG", ENERGY, is_log=True)
    offset = read_irf_axis(table, "THETA", ANGLE)
    gamma = read_values(table, "GAMMA", DIMENSIONLESS, (energy, offset))
    sigma = read_values(table, "SIGMA", ANGLE, (energy, offset))
    check_not_negative(table, "GAMMA", gamma)
    check_not_negative(table, "SIGMA", sigma)
    if np.any(flat := (gamma <= 1) & (gamma > 0) & (sigma > 0)):
        raise table.error(
            "column GAMMA: the profile cannot be normalised",
            found=f"{gamma[flat].min():g}",
            allowed="more than 1 where SIGMA is not 0",
        )
    return PSFKing(energy, offset, gamma, sigma)


def psf_triple_gauss_from_table(table: FitsTable) -> PSFTripleGauss:
    """Decode a GADF PSF_3GAUSS table.

    Raises
    ------
    FileError
        If a column is missing, has a unit of the wrong kind, or holds values that are negative or not finite.
    """
    energy = read_irf_axis(table, "ENERG", ENERGY, is_log=True)
    offset = read_irf_axis(table, "THETA", ANGLE)
    units = {
        "SCALE": table.unit("SCALE") if table.has_column("SCALE") else PER_SOLID_ANGLE,  # differs, and is not used
        **dict.fromkeys(("SIGMA_1", "SIGMA_2", "SIGMA_3"), ANGLE),
        **dict.fromkeys(("AMPL_2", "AMPL_3"), DIMENSIONLESS),
    }
    values = {name.lower(): read_values(table, name, unit, (energy, offset)) for name, unit in units.items()}
    for name in units:
        check_not_negative(table, name, values[name.lower()])
    return PSFTripleGauss(energy, offset, **values)
