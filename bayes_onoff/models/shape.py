"""What a spectral shape is."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from bayes_onoff.models.parameters import Parameter

__all__ = ["Integral", "Shape", "rising"]


class Integral(Protocol):
    """The closed form of an integral of dN/dE."""

    def __call__(self, xp: Any, low: Any, high: Any, values: Mapping[str, Any], power: int) -> Any:
        """Integrate ``E^power dN/dE`` from `low` to `high` (TeV), shapes broadcast."""


def _no_breaks(values: Mapping[str, Any]) -> tuple[Any, ...]:
    del values
    return ()


@dataclass(frozen=True, slots=True)
class Shape:
    """A spectral shape: name, parameters and the formula ``dnde(xp, energy, reference, values)``.

    Parameters
    ----------
    name : str
        Hyphenated.
    parameters : tuple of Parameter
    formula : str
        For the report, in LaTeX.
    dnde : callable
        Written with the functions of an array namespace `xp`, ``numpy`` or ``pytensor.tensor``.
    source : str
        Where the formula comes from.
    prefix : str
        Put before the names of the parameters where they clash with another component's.
    is_factor : bool
        Whether it has no unit, and multiplies a spectrum.
    breaks : callable
        Energies (TeV, rising) where the formula has a kink or changes within less than an energy bin, from the
        parameter values: integrals are split there.
    nodes : tuple of float
        Such energies that do not depend on parameters.
    fineness : float
        How many times more quadrature nodes the formula needs than a smooth one.
    least_nodes : int
        The fewest quadrature nodes between two breaks.
    integral : Integral, optional
        The closed form, where there is one that must be used.
    """

    name: str
    parameters: tuple[Parameter, ...]
    formula: str
    dnde: Callable[[Any, Any, float, Mapping[str, Any]], Any]
    source: str
    prefix: str
    is_factor: bool = False
    breaks: Callable[[Mapping[str, Any]], tuple[Any, ...]] = _no_breaks
    nodes: tuple[float, ...] = ()
    fineness: float = 1.0
    least_nodes: int = 3
    integral: Integral | None = None


def rising(xp: Any, values: list[Any]) -> list[Any]:
    """Sort arrays element by element by exchanging neighbours: minimum and maximum have gradients; they are few."""
    values = list(values)
    for last in range(len(values) - 1, 0, -1):
        for i in range(last):
            values[i], values[i + 1] = xp.minimum(values[i], values[i + 1]), xp.maximum(values[i], values[i + 1])
    return values
