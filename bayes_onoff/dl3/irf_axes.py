"""Axes of instrument responses and the linear interpolation between their centres."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Self

import astropy.units as u
import numpy as np
from numpy.typing import ArrayLike, NDArray

from bayes_onoff.fits_table import FitsTable

__all__ = ["IrfAxis", "interpolate", "read_irf_axis"]

_TINY = np.finfo(float).tiny


@dataclass(frozen=True, eq=False)
class IrfAxis:
    """One axis of an instrument response, of bins or of nodes.

    Parameters
    ----------
    edges : ndarray, shape (n + 1,)
        Bin edges. For an axis of nodes: half-way between them, and as far outside the first and last; for a single
        node everything.
    centers : ndarray, shape (n,)
        Where the values hold: geometric mean of the edges on a logarithmic axis, arithmetic mean on a linear one.
    is_log : bool
        Whether to interpolate in the logarithm.
    is_nodes : bool
        Whether the file gave nodes (low and high bounds equal).
    """

    edges: NDArray[np.float64]
    centers: NDArray[np.float64]
    is_log: bool
    is_nodes: bool

    @classmethod
    def from_edges(cls, edges: ArrayLike, *, is_log: bool = False) -> Self:
        """Make an axis of contiguous bins."""
        e = np.asarray(edges, dtype=float)
        centers = np.sqrt(e[:-1] * e[1:]) if is_log else (e[:-1] + e[1:]) / 2
        return cls(e, centers, is_log, False)

    @classmethod
    def from_nodes(cls, nodes: ArrayLike, *, is_log: bool = False) -> Self:
        """Make an axis of nodes."""
        n = np.asarray(nodes, dtype=float)
        if len(n) == 1:
            return cls(np.array([0.0 if is_log else -np.inf, np.inf]), n, is_log, True)
        x = np.log(n) if is_log else n
        middle = (x[:-1] + x[1:]) / 2
        edges = np.concatenate([[1.5 * x[0] - 0.5 * x[1]], middle, [1.5 * x[-1] - 0.5 * x[-2]]])
        return cls(np.exp(edges) if is_log else edges, n, is_log, True)

    def __len__(self) -> int:
        return len(self.centers)

    @property
    def bounds(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Low and high bounds as GADF writes them: bin edges, or the nodes twice."""
        return (self.centers, self.centers) if self.is_nodes else (self.edges[:-1], self.edges[1:])

    @property
    def widths(self) -> NDArray[np.float64]:
        """Bin widths, shape (n,)."""
        return np.diff(self.edges)

    def contains(self, values: ArrayLike) -> NDArray[np.bool_]:
        """Whether values lie between the first and the last edge, both included."""
        v = np.asarray(values, dtype=float)
        return np.asarray((v >= self.edges[0]) & (v <= self.edges[-1]))

    def bracket(self, values: ArrayLike) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
        """Index of the centre below each value and the weight of the next one; outside 0 to 1 it extrapolates."""
        x = np.asarray(values, dtype=float)
        nodes = self.centers
        if self.is_log:
            x, nodes = np.log(np.maximum(x, _TINY)), np.log(nodes)
        index = np.clip(np.searchsorted(nodes, x, side="right") - 1, 0, len(nodes) - 2)
        return index, (x - nodes[index]) / (nodes[index + 1] - nodes[index])


def interpolate(
    values: NDArray[np.float64], axes: Sequence[IrfAxis], coordinates: Sequence[ArrayLike]
) -> NDArray[np.float64]:
    """Multilinear interpolation between axis centres; linear extrapolation beyond the first and last.

    Axes of length one are dropped from the interpolation.

    Parameters
    ----------
    values : ndarray, shape (axis, ...)
        Values at the centres.
    axes : sequence of IrfAxis
        One per dimension.
    coordinates : sequence of array-like
        One per axis; they broadcast against each other.

    Returns
    -------
    ndarray
        Shape of the broadcast coordinates.
    """
    brackets = [axis.bracket(c) if len(axis) > 1 else None for axis, c in zip(axes, coordinates, strict=True)]
    result = np.zeros(np.broadcast_shapes(*(np.shape(c) for c in coordinates)))
    for corner in product(*((0,) if bracket is None else (0, 1) for bracket in brackets)):
        weight: NDArray[np.float64] = np.ones(())
        index: list[NDArray[np.intp] | int] = []
        for side, bracket in zip(corner, brackets, strict=True):
            if bracket is None:
                index.append(0)
                continue
            low, fraction = bracket
            weight = weight * (fraction if side else 1 - fraction)
            index.append(low + side)
        result += weight * values[tuple(index)]
    return result


def read_irf_axis(
    table: FitsTable, name: str, unit: u.UnitBase, *, is_log: bool = False, is_density: bool = False
) -> IrfAxis:
    """Read an axis from the columns ``<name>_LO`` and ``<name>_HI`` (GADF).

    Parameters
    ----------
    table : FitsTable
        The response.
    name : str
        The axis.
    unit : Unit
        The internal unit.
    is_log : bool
        Whether to interpolate in the logarithm.
    is_density : bool
        Whether the values are densities along this axis, so that it needs bin widths.

    Raises
    ------
    FileError
        If a column is missing or damaged, the bins are not contiguous and increasing, or an energy is not positive.
    """
    low = table.cell(f"{name}_LO", unit)
    high = table.cell(f"{name}_HI", unit)
    if len(low) != len(high) or len(low) == 0:
        raise table.error(f"{name}_LO and {name}_HI differ in length", found=f"{len(low)} and {len(high)}")
    if is_log and min(low[0], high[0]) <= 0:
        raise table.error(f"the {name} axis is not positive", found=f"{low[0]:g} {unit}")
    is_nodes = np.allclose(low, high)
    edges = low if is_nodes else np.append(low, high[-1])
    if np.any(np.diff(edges) <= 0):
        raise table.error(f"the {name} axis does not increase", found=f"{edges[0]:g} to {edges[-1]:g} {unit}")
    if is_nodes:
        if is_density and len(low) == 1:
            raise table.error(f"the {name} axis has no width", found="a single node", allowed="bins")
        return IrfAxis.from_nodes(low, is_log=is_log)
    if not np.allclose(low[1:], high[:-1], rtol=1e-4, atol=1e-6 * abs(edges[-1] - edges[0])):
        raise table.error(f"the bins of the {name} axis are not contiguous")
    return IrfAxis.from_edges(edges, is_log=is_log)
