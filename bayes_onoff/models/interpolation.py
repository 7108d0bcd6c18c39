"""Straight lines between nodes, for NumPy and PyTensor alike, and the checks of the nodes."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayes_onoff.errors import InputError

__all__ = ["hat", "lines", "namespace", "positive_energies", "rising"]


def rising(values: Sequence[float], place: str, least: int = 2) -> tuple[float, ...]:
    """Refuse what is not a list of rising numbers."""
    array = np.asarray(values, dtype=float)
    if array.ndim != 1 or len(array) < least or not np.all(np.isfinite(array)) or not np.all(np.diff(array) > 0):
        raise InputError("not a list of rising numbers", place=place, found=str(values), allowed=f"at least {least}")
    return tuple(array.tolist())


def positive_energies(values: Sequence[float], place: str, least: int = 2) -> tuple[float, ...]:
    """Refuse what is not a list of rising energies above 0."""
    energies = rising(values, place, least)
    if energies[0] <= 0:
        raise InputError("not a positive energy", place=place, found=energies[0], allowed="above 0 TeV")
    return energies


def hat(xp: Any, x: Any, nodes: NDArray[np.float64], k: int) -> Any:
    """Weight of node `k` in linear interpolation between nodes; the end nodes hold beyond the ends."""
    weight = None
    if k > 0:
        weight = xp.clip((x - nodes[k - 1]) / (nodes[k] - nodes[k - 1]), 0.0, 1.0)
    if k < len(nodes) - 1:
        falling = xp.clip((nodes[k + 1] - x) / (nodes[k + 1] - nodes[k]), 0.0, 1.0)
        weight = falling if weight is None else xp.minimum(weight, falling)
    return weight


def lines(xp: Any, x: Any, nodes: NDArray[np.float64], values: Any) -> Any:
    """Interpolate lines through the nodes, continued beyond the ends; constants are worked out with NumPy."""
    if namespace(xp, x) is np:
        i = np.clip(np.searchsorted(nodes, x) - 1, 0, len(nodes) - 2)
        part = (x - nodes[i]) / (nodes[i + 1] - nodes[i])
        lower, upper = values[i.ravel()].reshape(i.shape), values[i.ravel() + 1].reshape(i.shape)
        return lower + (upper - lower) * part
    slopes = (values[1:] - values[:-1]) / np.diff(nodes)
    bends = (slopes[1:] - slopes[:-1]) * xp.maximum(x[..., None] - nodes[1:-1], 0.0)
    return values[0] + slopes[0] * (x - nodes[0]) + bends.sum(axis=-1)


def namespace(xp: Any, value: Any) -> Any:
    """Choose the namespace for a value: constants are worked out with NumPy."""
    return np if isinstance(value, np.ndarray | np.generic | float | int) else xp
