"""Priors as plain data: known, printable and drawable before any sampler exists.

Each prior knows its density and how to draw from it; `bayes_onoff.inference` translates it to PyMC.
Values are plain floats in the parameter's unit.
"""

from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

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
]

LN10 = float(np.log(10))


@dataclass(frozen=True, slots=True)
class Prior:
    """Base of all priors: a name, arguments in the parameter's unit, a density and draws."""

    name: ClassVar[str] = ""
    dimensionless: ClassVar[tuple[str, ...]] = ()
    """Arguments that carry no unit whatever the parameter's unit."""

    def log_density(self, value: NDArray[np.float64]) -> NDArray[np.float64]:
        """Normalised ln density at `value` (any shape); minus infinity outside the support."""
        raise NotImplementedError

    def draw(self, rng: np.random.Generator, size: int | tuple[int, ...]) -> NDArray[np.float64]:
        """Independent draws of the given shape."""
        raise NotImplementedError

    @property
    def support(self) -> tuple[float, float]:
        """Lower and upper limit of the parameter."""
        return (-np.inf, np.inf)

    def to_dict(self) -> dict[str, Any]:
        """The configuration form, ``{name: {argument: value}}``, plain floats in the parameter's unit."""
        return {self.name: asdict(self)}


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


@dataclass(frozen=True, slots=True)
class Normal(Prior):
    """Gaussian with mean `mu` and standard deviation `sigma`."""

    mu: float
    sigma: float
    name: ClassVar[str] = "normal"

    def __post_init__(self) -> None:
        _positive(self, "sigma")

    def log_density(self, value: NDArray[np.float64]) -> NDArray[np.float64]:
        z = (np.asarray(value) - self.mu) / self.sigma
        return -0.5 * z**2 - np.log(self.sigma * np.sqrt(2 * np.pi))

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
    def support(self) -> tuple[float, float]:
        return (0.0, np.inf)

    @property
    def log_scale(self) -> float:
        """Standard deviation of ln(value)."""
        return self.sigma

    def log_density(self, value: NDArray[np.float64]) -> NDArray[np.float64]:
        value = np.asarray(value, dtype=float)
        with np.errstate(divide="ignore", invalid="ignore"):
            z = (np.log(value) - np.log(self.mu)) / self.log_scale
            density = -0.5 * z**2 - np.log(value * self.log_scale * np.sqrt(2 * np.pi))
        return np.where(value > 0, density, -np.inf)

    def draw(self, rng: np.random.Generator, size: int | tuple[int, ...]) -> NDArray[np.float64]:
        return self.mu * np.exp(self.log_scale * rng.standard_normal(size))


@dataclass(frozen=True, slots=True)
class LogNormal10(LogNormal):
    """log10(value) is Gaussian around log10(`mu`) with standard deviation `sigma` (in decades)."""

    name: ClassVar[str] = "lognormal10"

    @property
    def log_scale(self) -> float:
        return self.sigma * LN10


@dataclass(frozen=True, slots=True)
class Uniform(Prior):
    """Flat between `lower` and `upper`."""

    lower: float
    upper: float
    name: ClassVar[str] = "uniform"

    def __post_init__(self) -> None:
        _ordered(self)

    @property
    def support(self) -> tuple[float, float]:
        return (self.lower, self.upper)

    def log_density(self, value: NDArray[np.float64]) -> NDArray[np.float64]:
        inside = (np.asarray(value) >= self.lower) & (np.asarray(value) <= self.upper)
        return np.where(inside, -np.log(self.upper - self.lower), -np.inf)

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
    def support(self) -> tuple[float, float]:
        return (self.lower, self.upper)

    def log_density(self, value: NDArray[np.float64]) -> NDArray[np.float64]:
        value = np.asarray(value, dtype=float)
        inside = (value >= self.lower) & (value <= self.upper)
        safe = np.where(inside, value, self.lower)
        return np.where(inside, -np.log(safe * np.log(self.upper / self.lower)), -np.inf)

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
    def support(self) -> tuple[float, float]:
        return (0.0, np.inf)

    def log_density(self, value: NDArray[np.float64]) -> NDArray[np.float64]:
        value = np.asarray(value, dtype=float)
        density = -0.5 * (value / self.sigma) ** 2 + 0.5 * np.log(2 / np.pi) - np.log(self.sigma)
        return np.where(value >= 0, density, -np.inf)

    def draw(self, rng: np.random.Generator, size: int | tuple[int, ...]) -> NDArray[np.float64]:
        return np.abs(rng.normal(0, self.sigma, size))


@dataclass(frozen=True, slots=True)
class TruncatedNormal(Prior):
    """Gaussian(`mu`, `sigma`) cut at `lower` and `upper`."""

    mu: float
    sigma: float
    lower: float
    upper: float
    name: ClassVar[str] = "truncatednormal"

    def __post_init__(self) -> None:
        _positive(self, "sigma")
        _ordered(self)

    @property
    def support(self) -> tuple[float, float]:
        return (self.lower, self.upper)

    def _limits(self) -> tuple[float, float]:
        from scipy.special import ndtr

        return (
            float(ndtr((self.lower - self.mu) / self.sigma)),
            float(ndtr((self.upper - self.mu) / self.sigma)),
        )

    def log_density(self, value: NDArray[np.float64]) -> NDArray[np.float64]:
        below, above = self._limits()
        value = np.asarray(value, dtype=float)
        z = (value - self.mu) / self.sigma
        density = -0.5 * z**2 - np.log(self.sigma * np.sqrt(2 * np.pi) * (above - below))
        return np.where((value >= self.lower) & (value <= self.upper), density, -np.inf)

    def draw(self, rng: np.random.Generator, size: int | tuple[int, ...]) -> NDArray[np.float64]:
        from scipy.special import ndtri

        below, above = self._limits()
        return self.mu + self.sigma * ndtri(rng.uniform(below, above, size))


PRIORS: dict[str, type[Prior]] = {
    prior.name: prior for prior in (Normal, LogNormal, LogNormal10, Uniform, LogUniform, HalfNormal, TruncatedNormal)
}
