"""Log-parabolas, and a Gaussian line."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from bayes_onoff.models.parameters import ALPHA, AMPLITUDE, BETA, NORM, Parameter
from bayes_onoff.models.priors import LogNormal10, Normal
from bayes_onoff.models.shape import Shape

__all__ = ["CURVED"]

SQRT_2PI = float(np.sqrt(2 * np.pi))
LINE_CORE, LINE_END = 2.5, 8.0
"""Where integrals over a line are split, in its standard deviations; beyond the end is less than 1e-15 of it."""


def _log_parabola(xp: Any, energy: Any, reference: float, values: Mapping[str, Any]) -> Any:
    log_energy = xp.log(energy / reference)
    return values["amplitude"] * xp.exp(-(values["alpha"] + values["beta"] * log_energy) * log_energy)


def _log_parabola_2(xp: Any, energy: Any, reference: float, values: Mapping[str, Any]) -> Any:
    index = values["alpha"] + values["beta"] * xp.log(energy / values["escale"])
    return values["amplitude"] * xp.exp(-index * xp.log(energy / reference))


def _log_parabola_norm(xp: Any, energy: Any, reference: float, values: Mapping[str, Any]) -> Any:
    log_energy = xp.log(energy / reference)
    return values["norm"] * xp.exp(-(values["alpha"] + values["beta"] * log_energy) * log_energy)


def _gaussian(xp: Any, energy: Any, reference: float, values: Mapping[str, Any]) -> Any:
    del reference
    pull = (energy - values["mean"]) / values["sigma"]
    return values["amplitude"] / (values["sigma"] * SQRT_2PI) * xp.exp(-(pull**2) / 2)


def _gaussian_breaks(values: Mapping[str, Any]) -> tuple[Any, ...]:
    mean, sigma = values["mean"], values["sigma"]
    return tuple(mean + pull * sigma for pull in (-LINE_END, -LINE_CORE, LINE_CORE, LINE_END))


def _erfc(xp: Any, x: Any) -> Any:
    if xp is not np:
        return xp.erfc(x)
    from scipy.special import erfc

    return erfc(x)


def _gaussian_integral(xp: Any, low: Any, high: Any, values: Mapping[str, Any], power: int) -> Any:
    """Take the difference of the tails on the side where they are small, so that none is lost to rounding."""
    mean, sigma = values["mean"], values["sigma"]
    low_pull, high_pull = (low - mean) / sigma, (high - mean) / sigma
    mirrored = low_pull + high_pull < 0
    near = xp.where(mirrored, -high_pull, low_pull)
    far = xp.where(mirrored, -low_pull, high_pull)
    inside = (_erfc(xp, near / np.sqrt(2)) - _erfc(xp, far / np.sqrt(2))) / 2
    if power == 0:
        return values["amplitude"] * inside
    rise = (xp.exp(-(low_pull**2) / 2) - xp.exp(-(high_pull**2) / 2)) / SQRT_2PI
    return values["amplitude"] * (mean * inside + sigma * rise)


CURVED = (
    Shape(
        "log-parabola",
        (AMPLITUDE, ALPHA, BETA),
        r"\phi_0 (E/E_0)^{-\alpha - \beta \log(E/E_0)}",
        _log_parabola,
        "Massaro et al. 2004, A&A 413, 489; natural logarithm",
        "lp",
    ),
    Shape(
        "log-parabola-2",
        (
            AMPLITUDE,
            replace(ALPHA, description="index at `escale`, of the factor (E/E0); as a power law's"),
            BETA,
            Parameter(
                "escale",
                "TeV",
                LogNormal10(1.0, 0.5),
                1.0,
                r"$E_\mathrm{s}$",
                "scale of the curvature; fixed, as it is degenerate with alpha",
                free=False,
            ),
        ),
        r"\phi_0 (E/E_0)^{-\alpha - \beta \log(E/E_\mathrm{s})}",
        _log_parabola_2,
        "gammapy `lp2`",
        "lp",
    ),
    Shape(
        "log-parabola-norm",
        (
            NORM,
            replace(ALPHA, prior=Normal(0.0, 0.5), start=0.0, description="added to the photon index at E0"),
            BETA,
        ),
        r"n (E/E_0)^{-\alpha - \beta \log(E/E_0)}",
        _log_parabola_norm,
        "gammapy `lp-norm`",
        "lp_norm",
        is_factor=True,
    ),
    Shape(
        "gaussian",
        (
            Parameter(
                "amplitude",
                "cm-2 s-1",
                LogNormal10(1e-13, 1.5),
                1e-12,
                r"$A$",
                "photons in the line; 0.03 % to 30 % of the Crab above 1 TeV within one standard deviation",
            ),
            Parameter(
                "mean", "TeV", LogNormal10(1.0, 0.5), 1.0, r"$\mu$", "centre of the line; 0.3 to 3 TeV in one deviation"
            ),
            Parameter(
                "sigma",
                "TeV",
                LogNormal10(0.1, 0.5),
                0.1,
                r"$\sigma$",
                "width of the line before the energy resolution; 0.03 to 0.3 TeV within one standard deviation",
            ),
        ),
        r"A / (\sigma\sqrt{2\pi}) e^{-(E-\mu)^2 / 2\sigma^2}",
        _gaussian,
        "-",
        "line",
        breaks=_gaussian_breaks,
        least_nodes=16,
        integral=_gaussian_integral,
    ),
)
