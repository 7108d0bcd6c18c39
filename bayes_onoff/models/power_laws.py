"""Power laws, broken and unbroken, and a constant."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from bayes_onoff.models.parameters import AMPLITUDE, INDEX, NORM, TILT, Parameter
from bayes_onoff.models.priors import LogNormal, LogNormal10, Normal
from bayes_onoff.models.shape import Shape

__all__ = ["POWER_LAWS"]

SMALL = 1e-2
"""Below it, a fraction whose numerator and denominator vanish is replaced by its series."""

INDEX1 = Parameter(
    "index1",
    "",
    Normal(2.0, 0.7),
    2.0,
    r"$\Gamma_1$",
    "photon index far below the break; harder than above it in most known sources",
)
INDEX2 = Parameter("index2", "", Normal(3.0, 1.0), 3.0, r"$\Gamma_2$", "photon index far above the break")
BREAK = Parameter(
    "ebreak",
    "TeV",
    LogNormal10(mu=1.0, sigma=0.7),
    1.0,
    r"$E_\mathrm{b}$",
    "break energy; 0.2 to 5 TeV within one standard deviation, where these telescopes see most",
)
SHARPNESS = Parameter(
    "beta",
    "",
    LogNormal(1.0, 0.7),
    1.0,
    r"$\beta$",
    "width of the break: its extent in ln(energy) is about beta / |Gamma2 - Gamma1|",
    free=False,
)
FLUX_AMPLITUDE = Parameter(
    "amplitude",
    "cm-2 s-1",
    LogNormal10(mu=1e-12, sigma=2.0),
    1e-11,
    r"$F_0$",
    "photon flux between emin and emax; two decades either side of 1 % of the Crab above 1 TeV",
)


def _constant(xp: Any, energy: Any, reference: float, values: Mapping[str, Any]) -> Any:
    del reference
    return values["const"] * xp.ones_like(energy)


def _power_law(xp: Any, energy: Any, reference: float, values: Mapping[str, Any]) -> Any:
    return values["amplitude"] * xp.exp(-values["index"] * xp.log(energy / reference))


def _power_law_norm(xp: Any, energy: Any, reference: float, values: Mapping[str, Any]) -> Any:
    return values["norm"] * xp.exp(-values["tilt"] * xp.log(energy / reference))


def _power_law_2(xp: Any, energy: Any, reference: float, values: Mapping[str, Any]) -> Any:
    """Write the integral about the middle of the interval, where it has no hole at index 1: sinh(x) / x."""
    del reference
    log_min, log_max = xp.log(values["emin"]), xp.log(values["emax"])
    middle, half = (log_min + log_max) / 2, (log_max - log_min) / 2
    x = (1 - values["index"]) * half
    near = xp.abs(x) < SMALL
    x_far = xp.where(near, 1.0, x)
    sinhc = xp.where(near, 1 + x**2 / 6 + x**4 / 120, xp.sinh(x_far) / x_far)
    # dN/dE over its integral, exp(-index (ln E - middle) - middle) / (2 half sinhc).
    exponent = -values["index"] * (xp.log(energy) - middle) - middle
    return values["amplitude"] * xp.exp(exponent) / (2 * half * sinhc)


def _broken_power_law(xp: Any, energy: Any, reference: float, values: Mapping[str, Any]) -> Any:
    del reference
    log_energy = xp.log(energy / values["ebreak"])
    index = xp.where(log_energy < 0, values["index1"], values["index2"])
    return values["amplitude"] * xp.exp(-index * log_energy)


def _smooth_broken_power_law(xp: Any, energy: Any, reference: float, values: Mapping[str, Any]) -> Any:
    change = values["index2"] - values["index1"]
    log_ratio = xp.abs(change) / values["beta"] * xp.log(energy / values["ebreak"])
    # ln(1 + exp(x)) that does not overflow
    softplus = xp.maximum(log_ratio, 0.0) + xp.log1p(xp.exp(-xp.abs(log_ratio)))
    exponent = -values["index1"] * xp.log(energy / reference) - values["beta"] * xp.sign(change) * softplus
    return values["amplitude"] * xp.exp(exponent)


def _at_break(values: Mapping[str, Any]) -> tuple[Any, ...]:
    return (values["ebreak"],)


def _fixed(name: str, value: float, label: str, description: str) -> Parameter:
    return Parameter(name, "TeV", LogNormal10(value, 0.5), value, label, description, free=False)


POWER_LAWS = (
    Shape("power-law", (AMPLITUDE, INDEX), r"\phi_0 (E/E_0)^{-\Gamma}", _power_law, "-", "pl"),
    Shape(
        "power-law-norm",
        (NORM, TILT),
        r"n (E/E_0)^{-\Delta\Gamma}",
        _power_law_norm,
        "gammapy `pl-norm`",
        "pl_norm",
        is_factor=True,
    ),
    Shape(
        "power-law-2",
        (
            FLUX_AMPLITUDE,
            INDEX,
            _fixed("emin", 0.1, r"$E_\mathrm{min}$", "lower end of the interval of the flux"),
            _fixed("emax", 100.0, r"$E_\mathrm{max}$", "upper end of the interval of the flux"),
        ),
        r"F_0 (1-\Gamma) / (E_\mathrm{max}^{1-\Gamma} - E_\mathrm{min}^{1-\Gamma}) E^{-\Gamma}",
        _power_law_2,
        "Fermi-LAT `PowerLaw2`",
        "pl",
    ),
    Shape(
        "broken-power-law",
        (
            replace(AMPLITUDE, description="differential flux at the break; two decades either side"),
            INDEX1,
            INDEX2,
            BREAK,
        ),
        r"\phi_0 (E/E_\mathrm{b})^{-\Gamma_1\ \mathrm{below},\ -\Gamma_2\ \mathrm{above}}",
        _broken_power_law,
        "Fermi-LAT `BrokenPowerLaw`",
        "bpl",
        breaks=_at_break,
    ),
    Shape(
        "smooth-broken-power-law",
        (AMPLITUDE, INDEX1, INDEX2, BREAK, SHARPNESS),
        r"\phi_0 (E/E_0)^{-\Gamma_1} [1 + (E/E_\mathrm{b})^{(\Gamma_2-\Gamma_1)/b}]^{-b}",
        _smooth_broken_power_law,
        "Fermi-LAT `SmoothBrokenPowerLaw`; b = beta sign(Gamma2 - Gamma1) as in gammapy",
        "sbpl",
        breaks=_at_break,
        fineness=2.0,
        least_nodes=8,
    ),
    Shape(
        "constant",
        (replace(AMPLITUDE, name="const", description="differential flux; the prior is an amplitude's"),),
        r"\phi_0",
        _constant,
        "-",
        "const",
    ),
)
