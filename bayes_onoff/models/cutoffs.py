"""Power laws with exponential and other cutoffs."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from bayes_onoff.models.parameters import (
    AMPLITUDE,
    CUTOFF,
    CUTOFF_ENERGY,
    CUTOFF_EXPONENT,
    INDEX,
    NORM,
    Parameter,
)
from bayes_onoff.models.priors import LogNormal, LogNormal10, Normal
from bayes_onoff.models.shape import Shape

__all__ = ["CUTOFFS"]

MEV_PER_TEV = 1e6
SMALL = 2e-2
"""Below it, (exp(y) - 1 - y) / y^2 is replaced by its series."""

CATALOG_EXPONENT = 2 / 3
"""Where the Fermi-LAT catalogues fix the exponent (Abdollahi et al. 2020, ApJS 247, 33)."""

INDEX_1 = replace(INDEX, name="index_1", label=r"$\Gamma_1$")
INDEX_2 = replace(CUTOFF_EXPONENT, name="index_2", label=r"$\Gamma_2$")
FIXED_INDEX_2 = Parameter(
    "index_2",
    "",
    LogNormal(CATALOG_EXPONENT, 0.5),
    CATALOG_EXPONENT,
    r"$\Gamma_2$",
    "exponent of the cutoff; fixed unless given a prior, as in the Fermi-LAT catalogues",
    free=False,
)


def _exp_cutoff_power_law(xp: Any, energy: Any, reference: float, values: Mapping[str, Any]) -> Any:
    exponent = -values["index"] * xp.log(energy / reference) - values["lambda_"] * energy
    return values["amplitude"] * xp.exp(exponent)


def _raised(xp: Any, base: Any, exponent: Any) -> Any:
    return xp.exp(exponent * xp.log(base))


def _cut(xp: Any, energy: Any, reference: float, values: Mapping[str, Any]) -> Any:
    suppression = _raised(xp, values["lambda_"] * energy, values["alpha"])
    return xp.exp(-values["index"] * xp.log(energy / reference) - suppression)


def _super_exp_cutoff_power_law(xp: Any, energy: Any, reference: float, values: Mapping[str, Any]) -> Any:
    return values["amplitude"] * _cut(xp, energy, reference, values)


def _exp_cutoff_power_law_norm(xp: Any, energy: Any, reference: float, values: Mapping[str, Any]) -> Any:
    return values["norm"] * _cut(xp, energy, reference, values)


def _exp_cutoff_power_law_3fgl(xp: Any, energy: Any, reference: float, values: Mapping[str, Any]) -> Any:
    exponent = -values["index"] * xp.log(energy / reference) + (reference - energy) / values["ecut"]
    return values["amplitude"] * xp.exp(exponent)


def _super_exp_cutoff_power_law_3fgl(xp: Any, energy: Any, reference: float, values: Mapping[str, Any]) -> Any:
    at_reference, at_energy = (_raised(xp, e / values["ecut"], values["index_2"]) for e in (reference, energy))
    return values["amplitude"] * xp.exp(-values["index_1"] * xp.log(energy / reference) + at_reference - at_energy)


def _super_exp_cutoff_power_law_4fgl(xp: Any, energy: Any, reference: float, values: Mapping[str, Any]) -> Any:
    at_reference, at_energy = (_raised(xp, MEV_PER_TEV * e, values["index_2"]) for e in (reference, energy))
    exponent = -values["index_1"] * xp.log(energy / reference) + values["expfactor"] * (at_reference - at_energy)
    return values["amplitude"] * xp.exp(exponent)


def _super_exp_cutoff_power_law_4fgl_dr3(xp: Any, energy: Any, reference: float, values: Mapping[str, Any]) -> Any:
    log_energy = xp.log(energy / reference)
    y = values["index_2"] * log_energy
    near = xp.abs(y) < SMALL
    y_far = xp.where(near, 1.0, y)
    series = 1 / 2 + y / 6 * (1 + y / 4 * (1 + y / 5 * (1 + y / 6)))
    curve = xp.where(near, series, (xp.expm1(y_far) - y_far) / y_far**2)
    return values["amplitude"] * xp.exp(-(values["index_1"] + values["expfactor"] * log_energy * curve) * log_energy)


CUTOFFS = (
    Shape(
        "exp-cutoff-power-law",
        (AMPLITUDE, INDEX, CUTOFF),
        r"\phi_0 (E/E_0)^{-\Gamma} e^{-\lambda E}",
        _exp_cutoff_power_law,
        "-",
        "ecpl",
    ),
    Shape(
        "super-exp-cutoff-power-law",
        (AMPLITUDE, INDEX, CUTOFF, CUTOFF_EXPONENT),
        r"\phi_0 (E/E_0)^{-\Gamma} e^{-(\lambda E)^\alpha}",
        _super_exp_cutoff_power_law,
        "Zirakashvili & Aharonian 2007, A&A 465, 695; gammapy `ecpl` with `alpha` free",
        "secpl",
        fineness=4.0,
    ),
    Shape(
        "exp-cutoff-power-law-norm",
        (
            NORM,
            replace(INDEX, prior=Normal(0.0, 0.5), start=0.0, description="added to the photon index", free=False),
            CUTOFF,
            replace(CUTOFF_EXPONENT, free=False),
        ),
        r"n (E/E_0)^{-\Gamma} e^{-(\lambda E)^\alpha}",
        _exp_cutoff_power_law_norm,
        "gammapy `ecpl-norm`",
        "ecpl_norm",
        is_factor=True,
        fineness=4.0,
    ),
    Shape(
        "exp-cutoff-power-law-3fgl",
        (AMPLITUDE, INDEX, CUTOFF_ENERGY),
        r"\phi_0 (E/E_0)^{-\Gamma} e^{(E_0-E)/E_\mathrm{c}}",
        _exp_cutoff_power_law_3fgl,
        "Acero et al. 2015, ApJS 218, 23",
        "ecpl",
    ),
    Shape(
        "super-exp-cutoff-power-law-3fgl",
        (AMPLITUDE, INDEX_1, INDEX_2, CUTOFF_ENERGY),
        r"\phi_0 (E/E_0)^{-\Gamma_1} e^{(E_0/E_\mathrm{c})^{\Gamma_2}-(E/E_\mathrm{c})^{\Gamma_2}}",
        _super_exp_cutoff_power_law_3fgl,
        "Acero et al. 2015, ApJS 218, 23",
        "secpl",
        fineness=4.0,
    ),
    Shape(
        "super-exp-cutoff-power-law-4fgl",
        (
            AMPLITUDE,
            INDEX_1,
            FIXED_INDEX_2,
            Parameter(
                "expfactor",
                "",
                LogNormal10(2e-5, 0.5),
                2e-5,
                r"$a$",
                "strength of the cutoff, in MeV to the power -index_2; a cutoff of 2 to 60 TeV at index_2 2/3",
            ),
        ),
        r"\phi_0 (E/E_0)^{-\Gamma_1} e^{a (E_0^{\Gamma_2}-E^{\Gamma_2})}",
        _super_exp_cutoff_power_law_4fgl,
        "Abdollahi et al. 2020, ApJS 247, 33",
        "secpl",
        fineness=4.0,
    ),
    Shape(
        "super-exp-cutoff-power-law-4fgl-dr3",
        (
            AMPLITUDE,
            replace(INDEX_1, description="local index at the reference energy; as a power law's"),
            FIXED_INDEX_2,
            Parameter(
                "expfactor",
                "",
                LogNormal10(0.1, 0.7),
                0.1,
                r"$d$",
                "local curvature at the reference energy; known sources lie between 0.01 and 1",
            ),
        ),
        r"\phi_0 (E/E_0)^{-\Gamma_1+d/\Gamma_2} e^{d/\Gamma_2^2 (1-(E/E_0)^{\Gamma_2})}",
        _super_exp_cutoff_power_law_4fgl_dr3,
        "Abdollahi et al. 2022, ApJS 260, 53",
        "secpl",
        fineness=4.0,
    ),
)
