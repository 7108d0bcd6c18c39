"""Energy axes and the names of dimensions."""

from dataclasses import dataclass
from typing import Self

import astropy.units as u
import numpy as np
from numpy.typing import NDArray

from bayes_onoff.errors import InputError
from bayes_onoff.units import ENERGY, to_array, to_float

__all__ = ["BAND", "ENERGY_DIM", "ENERGY_TRUE_DIM", "GROUP_DIM", "RUN_DIM", "EnergyAxis"]

RUN_DIM = "run"
ENERGY_DIM = "energy"
ENERGY_TRUE_DIM = "energy_true"
BAND = "band"
GROUP_DIM = "group"


@dataclass(frozen=True, eq=False, slots=True)
class EnergyAxis:
    """Contiguous energy bins.

    Parameters
    ----------
    edges : ndarray, shape (n_bins + 1,)
        Bin edges in TeV, positive and strictly increasing.
    name : str
        ``"energy"`` (reconstructed) or ``"energy_true"``.

    Raises
    ------
    InputError
        If the edges are not finite, positive and strictly increasing.
    """

    edges: NDArray[np.float64]
    name: str = ENERGY_DIM

    def __post_init__(self) -> None:
        edges = np.array(self.edges, dtype=float)
        if edges.ndim != 1 or len(edges) < 2:
            raise InputError("an energy axis needs at least two edges", place=self.name, found=edges.tolist())
        if not (np.all(np.isfinite(edges)) and edges[0] > 0 and np.all(np.diff(edges) > 0)):
            raise InputError(
                "energy edges are not positive and increasing",
                place=self.name,
                found=f"{edges[0]:g} to {edges[-1]:g} TeV",
                allowed="0 < min < max, strictly increasing",
            )
        edges.setflags(write=False)
        object.__setattr__(self, "edges", edges)

    @classmethod
    def from_bounds(cls, energy_min: u.Quantity, energy_max: u.Quantity, n_bins: int, name: str = ENERGY_DIM) -> Self:
        """Make bins equally wide in the logarithm of the energy.

        Parameters
        ----------
        energy_min, energy_max : Quantity
            First and last edge.
        n_bins : int
            Total number of bins.
        name : str
            ``"energy"`` or ``"energy_true"``.

        Raises
        ------
        InputError
            If a unit is no energy, the limits are upside down or not positive, or there is no bin.
        """
        lo = to_float(energy_min, ENERGY, f"{name}.min")
        hi = to_float(energy_max, ENERGY, f"{name}.max")
        if not 0 < lo < hi:
            raise InputError(
                "the energy axis is upside down or empty",
                place=name,
                found=f"min {lo:g} TeV, max {hi:g} TeV",
                allowed="0 < min < max",
            )
        if n_bins < 1:
            raise InputError("no bins", place=f"{name}.bins", found=n_bins, allowed="a whole number of at least 1")
        return cls(np.geomspace(lo, hi, n_bins + 1), name)

    @classmethod
    def from_edges(cls, edges: u.Quantity, name: str = ENERGY_DIM) -> Self:
        """Make bins between given edges, a quantity of shape (n_bins + 1,) in any unit of energy.

        Raises
        ------
        InputError
            If the unit is no energy, or the edges are not positive and increasing.
        """
        return cls(to_array(edges, ENERGY, f"{name}.edges"), name)

    @property
    def n_bins(self) -> int:
        """Number of bins."""
        return len(self.edges) - 1

    @property
    def centers(self) -> NDArray[np.float64]:
        """Geometric bin centres in TeV, shape (n_bins,)."""
        return np.sqrt(self.edges[:-1] * self.edges[1:])

    @property
    def quantity(self) -> u.Quantity:
        """The edges with their unit, shape (n_bins + 1,)."""
        return self.edges * ENERGY

    def is_close(self, other: "EnergyAxis") -> bool:
        """Whether both axes have the same edges, to 1e-6 relative (single-precision files)."""
        return self.n_bins == other.n_bins and bool(np.allclose(self.edges, other.edges, rtol=1e-6, atol=0))

    def snap(self, edges: NDArray[np.float64]) -> NDArray[np.float64]:
        """Move each given edge to the nearest edge of this axis in ln(energy), duplicates removed.

        Parameters
        ----------
        edges : ndarray
            Energies above 0, TeV.

        Returns
        -------
        ndarray
            Edges of this axis, TeV, increasing.
        """
        distance = np.abs(np.log(np.asarray(edges)[:, None] / self.edges[None, :]))
        return self.edges[np.unique(distance.argmin(axis=1))]
