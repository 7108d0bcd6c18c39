"""Spectral shapes: one formula each, for NumPy and PyTensor alike.

A shape is written once with the functions of an array namespace `xp` (``numpy`` or ``pytensor.tensor``), so the
sampler, the predictive checks and the plots evaluate the same formula. `log` is the natural logarithm.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bayes_onoff.errors import InputError
from bayes_onoff.models.priors import LogNormal10, Normal, Prior

__all__ = ["SHAPES", "Parameter", "Shape", "get_shape"]


@dataclass(frozen=True, slots=True)
class Parameter:
    """A free parameter of a spectral shape.

    Parameters
    ----------
    name : str
        gammapy's name, for example ``"index"``.
    unit : str
        Unit of the plain float, in astropy's notation.
    prior : Prior
        The default prior, in that unit.
    start : float
        Where maximum-likelihood fits start.
    label : str
        For plots, in matplotlib's mathtext.
    description : str
        One phrase; says why the default prior is what it is.
    """

    name: str
    unit: str
    prior: Prior
    start: float
    label: str
    description: str


@dataclass(frozen=True, slots=True)
class Shape:
    """A spectral shape: name, parameters and the formula ``dnde(xp, energy, reference, values)``."""

    name: str
    parameters: tuple[Parameter, ...]
    formula: str
    dnde: Callable[[Any, Any, float, Mapping[str, Any]], Any]


AMPLITUDE = Parameter(
    "amplitude",
    "TeV-1 cm-2 s-1",
    LogNormal10(mu=1e-12, sigma=2.0),
    1e-11,
    r"$\phi_0$",
    "differential flux at the reference energy; two decades either side of a few per cent of the Crab at 1 TeV",
)
INDEX = Parameter(
    "index",
    "",
    Normal(mu=2.5, sigma=1.0),
    2.5,
    r"$\Gamma$",
    "photon index, positive for falling spectra; known TeV sources lie between 1.5 and 4.5",
)
CUTOFF = Parameter(
    "lambda_",
    "TeV-1",
    LogNormal10(mu=0.1, sigma=0.7),
    0.1,
    r"$\lambda$",
    "inverse cutoff energy; cutoffs from 2 to 50 TeV within one standard deviation",
)


def _power_law(xp: Any, energy: Any, reference: float, values: Mapping[str, Any]) -> Any:
    return values["amplitude"] * xp.exp(-values["index"] * xp.log(energy / reference))


def _exp_cutoff_power_law(xp: Any, energy: Any, reference: float, values: Mapping[str, Any]) -> Any:
    exponent = -values["index"] * xp.log(energy / reference) - values["lambda_"] * energy
    return values["amplitude"] * xp.exp(exponent)


def _log_parabola(xp: Any, energy: Any, reference: float, values: Mapping[str, Any]) -> Any:
    log_energy = xp.log(energy / reference)
    return values["amplitude"] * xp.exp(-(values["alpha"] + values["beta"] * log_energy) * log_energy)


_SHAPES = (
    Shape("power-law", (AMPLITUDE, INDEX), r"\phi_0 (E/E_0)^{-\Gamma}", _power_law),
    Shape(
        "exp-cutoff-power-law",
        (AMPLITUDE, INDEX, CUTOFF),
        r"\phi_0 (E/E_0)^{-\Gamma} e^{-\lambda E}",
        _exp_cutoff_power_law,
    ),
    Shape(
        "log-parabola",
        (
            AMPLITUDE,
            Parameter(
                "alpha", "", Normal(2.5, 1.0), 2.5, r"$\alpha$", "local index at the reference energy; as a power law's"
            ),
            Parameter(
                "beta",
                "",
                Normal(0.0, 0.5),
                0.1,
                r"$\beta$",
                "curvature in natural logarithms; 0 is a power law, known TeV sources lie below 0.5",
            ),
        ),
        r"\phi_0 (E/E_0)^{-\alpha - \beta \log(E/E_0)}",
        _log_parabola,
    ),
)

SHAPES: dict[str, Shape] = {shape.name: shape for shape in _SHAPES}


def get_shape(name: str) -> Shape:
    """Look up a shape by its hyphenated name.

    Raises
    ------
    InputError
        If there is no shape of that name.
    """
    try:
        return SHAPES[name]
    except KeyError:
        raise InputError("unknown spectral shape", place="model.shape", found=name, allowed=", ".join(SHAPES)) from None
