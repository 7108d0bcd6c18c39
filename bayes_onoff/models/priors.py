"""Priors as plain data: known, printable and drawable before any sampler exists.

Each prior knows its density and how to draw from it; `bayes_onoff.inference` translates it to PyMC.
Values are plain floats in the parameter's unit.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar, override

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bayes_onoff.errors import InputError

__all__ = [
    "PRIORS",
    "HalfNormal",
    "LogNormal",
    "LogNormal10",
    "LogUniform",
    "Normal",
    "Prior",
    "TruncatedNormal",
    "Uniform",
    "prior_from_dict",
]

LN10 = float(np.log(10))
LN_SQRT_2PI = float(0.5 * np.log(2 * np.pi))


@dataclass(frozen=True, slots=True)
class Prior:
    """Base of all priors: a name, arguments in the parameter's unit, a density and draws.

    Raises
    ------
    InputError
        If an argument has no sense: a width that is not positive, limits upside down, something not finite.
    """

    name: ClassVar[str] = ""
    dimensionless: ClassVar[tuple[str, ...]] = ()
    """Arguments that carry no unit whatever the parameter's unit."""

    def log_density(self, value: ArrayLike) -> NDArray[np.float64]:
        """Normalised ln density at `value` (any shape); minus infinity outside the support."""
        raise NotImplementedError

    def draw(self, rng: np.random.Generator, size: int | tuple[int, ...]) -> NDArray[np.float64]:
        """Draw independent values, an array of the given shape."""
        raise NotImplementedError

    @property
    def support(self) -> tuple[float, float]:
        """Lower and upper limit of the parameter."""
        return (-np.inf, np.inf)

    def to_dict(self) -> dict[str, Any]:
        """Give the configuration form, ``{name: {argument: value}}``, plain floats in the parameter's unit."""
        return {self.name: asdict(self)}

    def __str__(self) -> str:
        """Write it for people, in the parameter's unit: ``normal(mu 2.5, sigma 1)``."""
        arguments = ", ".join(f"{key} {value:g}" for key, value in self.to_dict()[self.name].items())
        return f"{self.name}({arguments})"

    def _repr_html_(self) -> str:
        """Show it in a notebook."""
        return f"<code>{self}</code>"


def _finite(prior: Prior, *arguments: str) -> None:
    for argument in arguments:
        value = getattr(prior, argument)
        if not np.isfinite(value):
            raise InputError("not finite", place=f"prior {prior.name}.{argument}", found=value, allowed="a number")


def _positive(prior: Prior, *arguments: str) -> None:
    for argument in arguments:
        value = getattr(prior, argument)
        if not (np.isfinite(value) and value > 0):
            raise InputError("not positive", place=f"prior {prior.name}.{argument}", found=value, allowed="above 0")


def _ordered(prior: Prior) -> None:
    lower, upper = prior.support
    if not lower < upper:
        raise InputError(
            "the limits are upside down",
            place=f"prior {prior.name}",
            found=f"{lower} to {upper}",
            allowed="lower < upper",
        )


def _inside(prior: Prior, value: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """`value` as an array, and where it lies in the support."""
    array = np.asarray(value, dtype=float)
    lower, upper = prior.support
    return array, (array >= lower) & (array <= upper)


def _gaussian(pull: NDArray[np.float64], sigma: float) -> NDArray[np.float64]:
    """Ln density of a Gaussian `pull` standard deviations `sigma` away from its mean."""
    density: NDArray[np.float64] = -0.5 * pull**2 - np.log(sigma) - LN_SQRT_2PI
    return density


@dataclass(frozen=True, slots=True)
class Normal(Prior):
    """Gaussian with mean `mu` and standard deviation `sigma`."""

    mu: float
    sigma: float
    name: ClassVar[str] = "normal"

    def __post_init__(self) -> None:
        _finite(self, "mu")
        _positive(self, "sigma")

    @override
    def log_density(self, value: ArrayLike) -> NDArray[np.float64]:
        return _gaussian((np.asarray(value, dtype=float) - self.mu) / self.sigma, self.sigma)

    @override
    def draw(self, rng: np.random.Generator, size: int | tuple[int, ...]) -> NDArray[np.float64]:
        return rng.normal(self.mu, self.sigma, size)


@dataclass(frozen=True, slots=True)
class LogNormal(Prior):
    """ln(value) is Gaussian around ln(`mu`) with standard deviation `sigma` (dimensionless); `mu` is the median."""

    mu: float
    sigma: float
    name: ClassVar[str] = "lognormal"
    dimensionless: ClassVar[tuple[str, ...]] = ("sigma",)

    def __post_init__(self) -> None:
        _positive(self, "mu", "sigma")

    @property
    @override
    def support(self) -> tuple[float, float]:
        return (0.0, np.inf)

    @property
    def log_scale(self) -> float:
        """Standard deviation of ln(value)."""
        return self.sigma

    @override
    def log_density(self, value: ArrayLike) -> NDArray[np.float64]:
        array = np.asarray(value, dtype=float)
        positive = array > 0
        log_value = np.log(np.where(positive, array, self.mu))
        density = _gaussian((log_value - np.log(self.mu)) / self.log_scale, self.log_scale) - log_value
        return np.where(positive, density, -np.inf)

    @override
    def draw(self, rng: np.random.Generator, size: int | tuple[int, ...]) -> NDArray[np.float64]:
        return self.mu * np.exp(self.log_scale * rng.standard_normal(size))


@dataclass(frozen=True, slots=True)
class LogNormal10(LogNormal):
    """log10(value) is Gaussian around log10(`mu`) with standard deviation `sigma` (in decades)."""

    name: ClassVar[str] = "lognormal10"

    @property
    @override
    def log_scale(self) -> float:
        return self.sigma * LN10


@dataclass(frozen=True, slots=True)
class Uniform(Prior):
    """Flat between `lower` and `upper`."""

    lower: float
    upper: float
    name: ClassVar[str] = "uniform"

    def __post_init__(self) -> None:
        _finite(self, "lower", "upper")
        _ordered(self)

    @property
    @override
    def support(self) -> tuple[float, float]:
        return (self.lower, self.upper)

    @override
    def log_density(self, value: ArrayLike) -> NDArray[np.float64]:
        _, inside = _inside(self, value)
        return np.where(inside, -np.log(self.upper - self.lower), -np.inf)

    @override
    def draw(self, rng: np.random.Generator, size: int | tuple[int, ...]) -> NDArray[np.float64]:
        return rng.uniform(self.lower, self.upper, size)


@dataclass(frozen=True, slots=True)
class LogUniform(Prior):
    """Flat in the logarithm between `lower` and `upper`, both positive."""

    lower: float
    upper: float
    name: ClassVar[str] = "loguniform"

    def __post_init__(self) -> None:
        _positive(self, "lower", "upper")
        _ordered(self)

    @property
    @override
    def support(self) -> tuple[float, float]:
        return (self.lower, self.upper)

    @override
    def log_density(self, value: ArrayLike) -> NDArray[np.float64]:
        array, inside = _inside(self, value)
        safe = np.where(inside, array, self.lower)
        return np.where(inside, -np.log(safe) - np.log(np.log(self.upper / self.lower)), -np.inf)

    @override
    def draw(self, rng: np.random.Generator, size: int | tuple[int, ...]) -> NDArray[np.float64]:
        return np.exp(rng.uniform(np.log(self.lower), np.log(self.upper), size))


@dataclass(frozen=True, slots=True)
class HalfNormal(Prior):
    """Gaussian around 0 with standard deviation `sigma`, folded to positive values."""

    sigma: float
    name: ClassVar[str] = "halfnormal"

    def __post_init__(self) -> None:
        _positive(self, "sigma")

    @property
    @override
    def support(self) -> tuple[float, float]:
        return (0.0, np.inf)

    @override
    def log_density(self, value: ArrayLike) -> NDArray[np.float64]:
        array, inside = _inside(self, value)
        return np.where(inside, _gaussian(array / self.sigma, self.sigma) + np.log(2), -np.inf)

    @override
    def draw(self, rng: np.random.Generator, size: int | tuple[int, ...]) -> NDArray[np.float64]:
        return np.abs(rng.normal(0, self.sigma, size))


@dataclass(frozen=True, slots=True)
class TruncatedNormal(Prior):
    """Gaussian(`mu`, `sigma`) cut at `lower` and `upper`; one of them may be infinite."""

    mu: float
    sigma: float
    lower: float
    upper: float
    name: ClassVar[str] = "truncatednormal"

    def __post_init__(self) -> None:
        _finite(self, "mu")
        _positive(self, "sigma")
        _ordered(self)

    @property
    @override
    def support(self) -> tuple[float, float]:
        return (self.lower, self.upper)

    def _tails(self) -> tuple[float, float, bool]:
        """Ln of the smaller and the larger tail at the two limits, and whether they are upper tails.

        Taken on the side where they are small, so that limits far from `mu` lose no digits.
        """
        from scipy.special import log_ndtr

        below, above = (self.lower - self.mu) / self.sigma, (self.upper - self.mu) / self.sigma
        mirrored = below > 0
        limits = (-above, -below) if mirrored else (below, above)
        return float(log_ndtr(limits[0])), float(log_ndtr(limits[1])), mirrored

    @override
    def log_density(self, value: ArrayLike) -> NDArray[np.float64]:
        small, large, _ = self._tails()
        log_inside = large + np.log1p(-np.exp(small - large))
        array, inside = _inside(self, value)
        return np.where(inside, _gaussian((array - self.mu) / self.sigma, self.sigma) - log_inside, -np.inf)

    @override
    def draw(self, rng: np.random.Generator, size: int | tuple[int, ...]) -> NDArray[np.float64]:
        from scipy.special import ndtri_exp

        small, large, mirrored = self._tails()
        log_tail = np.logaddexp(small, large + np.log1p(-np.exp(small - large)) - rng.exponential(size=size))
        pull: NDArray[np.float64] = ndtri_exp(log_tail)
        return np.clip(self.mu + self.sigma * (-pull if mirrored else pull), self.lower, self.upper)


PRIORS: dict[str, type[Prior]] = {
    prior.name: prior for prior in (Normal, LogNormal, LogNormal10, Uniform, LogUniform, HalfNormal, TruncatedNormal)
}


def prior_from_dict(specification: Mapping[str, Mapping[str, float]], place: str = "prior") -> Prior:
    """Build a prior from its configuration form, the inverse of `Prior.to_dict`.

    Parameters
    ----------
    specification : mapping
        ``{name: {argument: value}}``, plain floats in the parameter's unit.
    place : str
        The name to blame in the error.

    Raises
    ------
    InputError
        If it is not one known prior with exactly its arguments, or an argument has no sense.
    """
    if len(specification) != 1:
        raise InputError(
            "not one prior", place=place, found=", ".join(specification), allowed="{name: {argument: value}}"
        )
    ((name, arguments),) = specification.items()
    if name not in PRIORS:
        raise InputError("unknown prior", place=place, found=name, allowed=", ".join(PRIORS))
    known = [item.name for item in fields(PRIORS[name])]
    if sorted(arguments) != sorted(known):
        raise InputError(
            "wrong arguments", place=f"{place}.{name}", found=", ".join(arguments) or "none", allowed=", ".join(known)
        )
    return PRIORS[name](**arguments)
