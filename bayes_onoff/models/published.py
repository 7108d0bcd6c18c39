"""Published spectra of the Crab nebula, to compare with and to draw beside one's own.

Values and formulas are those the field's tools quote under the same names; the citation is the paper behind them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bayes_onoff.models.spectral_model import SpectralModel
from bayes_onoff.units import TEV_PER_ERG

__all__ = ["CRAB", "PublishedSpectrum"]


@dataclass(frozen=True, slots=True)
class Log10Polynomial:
    """``log10(E^2 dN/dE / (erg cm-2 s-1))`` as a polynomial in ``log10(E / TeV)``, highest power first."""

    coefficients: tuple[float, ...]

    def dnde(self, energy: Any, values: Mapping[str, Any], xp: Any = np) -> Any:
        """Evaluate the differential flux at `energy` (TeV), cm-2 s-1 TeV-1; there are no `values` to give."""
        del values
        log_energy = xp.log(energy) / np.log(10)
        power = xp.zeros_like(log_energy)
        for coefficient in self.coefficients:
            power = power * log_energy + coefficient
        return TEV_PER_ERG * xp.exp(np.log(10) * (power - 2 * log_energy))


@dataclass(frozen=True, slots=True)
class PublishedSpectrum:
    """A spectrum as it was published: a formula with fixed values.

    Parameters
    ----------
    name : str
        The key under which it is known.
    citation : str
        The paper.
    model : SpectralModel or Log10Polynomial
        The formula; reference energy 1 TeV.
    values : mapping of str to float
        The published parameters in the units of the model (empty for a polynomial).
    """

    name: str
    citation: str
    model: SpectralModel | Log10Polynomial
    values: Mapping[str, float]

    def dnde(self, energy: ArrayLike) -> NDArray[np.float64]:
        """Evaluate the differential flux.

        Parameters
        ----------
        energy : array_like
            TeV.

        Returns
        -------
        ndarray, shape of `energy`
            cm-2 s-1 TeV-1.
        """
        return np.asarray(self.model.dnde(np.asarray(energy, dtype=float), self.values))


_HESS = "Aharonian et al. 2006, A&A 457, 899 (H.E.S.S.)"
_MAGIC = "Aleksić et al. 2015, JHEAp 5, 30 (MAGIC)"

_SPECTRA = (
    PublishedSpectrum("hess_pl", _HESS, SpectralModel("power-law"), {"amplitude": 3.45e-11, "index": 2.63}),
    PublishedSpectrum(
        "hess_ecpl",
        _HESS,
        SpectralModel("exp-cutoff-power-law"),
        {"amplitude": 3.76e-11, "index": 2.39, "lambda_": 1 / 14.3},
    ),
    PublishedSpectrum(
        "hegra",
        # The documentation of the tools that quote these values names the paper of 2000, an older comment that of 2004.
        "Aharonian et al. 2000, ApJ 539, 317 (HEGRA); the values are also ascribed to 2004, ApJ 614, 897",
        SpectralModel("power-law"),
        {"amplitude": 2.83e-11, "index": 2.62},
    ),
    PublishedSpectrum(
        "magic_lp",
        _MAGIC,
        SpectralModel("log-parabola"),
        {"amplitude": 3.23e-11, "alpha": 2.47, "beta": 0.24 / np.log(10)},  # published with log10
    ),
    PublishedSpectrum(
        "magic_ecpl",
        _MAGIC,
        SpectralModel("exp-cutoff-power-law"),
        {"amplitude": 3.80e-11, "index": 2.21, "lambda_": 1 / 6.0},
    ),
    PublishedSpectrum(
        "meyer",
        "Meyer, Horns & Zechlin 2010, A&A 523, A2, appendix D",
        Log10Polynomial((-0.00449161, 0.0, 0.0473174, -0.179475, -0.53616, -10.2708)),
        {},
    ),
)

CRAB: Mapping[str, PublishedSpectrum] = {spectrum.name: spectrum for spectrum in _SPECTRA}
