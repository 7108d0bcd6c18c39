"""A spectrum without a parametric form: power laws between nodes, smooth to a degree that is learned."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from bayes_onoff.errors import InputError
from bayes_onoff.models.interpolation import lines, namespace, positive_energies
from bayes_onoff.models.parameters import AMPLITUDE, INDEX, Parameter
from bayes_onoff.models.priors import HalfNormal, Normal
from bayes_onoff.models.shape import Shape

__all__ = ["ROUGHNESS_PRIOR", "UnfoldingNodes"]

ROUGHNESS_PRIOR = HalfNormal(0.5)
"""Standard deviation of the change of the photon index over a factor e in energy."""


@dataclass(frozen=True)
class UnfoldingNodes:
    """Nodes of the shape ``unfolded``, between which and beyond which the spectrum runs as power laws.

    ``ln(dN/dE) = ln(amplitude) - index ln(E / E0) + roughness sum_j g_j(E) bend_j`` with independent standard normal
    `bend_j`: a second-order random walk. The change of the photon index from one node to the next is normal with
    standard deviation ``roughness sqrt(distance in ln E)``, so that the prior does not depend on the number of nodes.
    Amplitude and index are those of the power law nearest to the spectrum (least squares at the nodes), from which it
    departs by the functions g_j, the broadest first.

    Parameters
    ----------
    energy : tuple of float
        TeV, rising, at least 3.
    weight : tuple of float
        How well the data measure the spectrum at each node, as far as that is known without them (`unfolding_model`
        takes it from the response); any unit, equal if not given. They choose what is called amplitude, index and
        bends, such that these are close to independent in the posterior.

    Raises
    ------
    InputError
        If the energies are not positive and rising, or fewer than three, or the weights are negative or more than
        all but one of them 0.
    """

    energy: tuple[float, ...]
    weight: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "energy", positive_energies(self.energy, "model.nodes", least=3))
        weight = np.asarray(self.weight or np.ones(len(self.energy)), dtype=float)
        good = weight.shape == (len(self.energy),) and np.all(np.isfinite(weight) & (weight >= 0))
        if not good or np.count_nonzero(weight) < 2:
            raise InputError(
                "not a weight for every node",
                place="model.weight",
                found=str(self.weight),
                allowed=f"{len(self.energy)} numbers not below 0, at least two of them above",
            )
        object.__setattr__(self, "weight", tuple(weight.tolist()))

    @cached_property
    def basis(self) -> NDArray[np.float64]:
        """Departures from the power law at the nodes for one bend each at roughness 1, shape (node, bend)."""
        x = np.log(self.energy)
        slopes = np.diff(np.eye(len(x)), axis=0) / np.diff(x)[:, None]
        changes = np.diff(slopes, axis=0) / np.sqrt((x[2:] - x[:-2]) / 2)[:, None]
        departures = np.linalg.pinv(changes)
        # Any part that is a power law belongs to amplitude and index: what is left is orthogonal to them.
        weight = np.array(self.weight) / sum(self.weight)
        power_laws = np.column_stack([np.ones_like(x), x - weight @ x])
        moments = power_laws.T @ (weight[:, None] * power_laws)
        departures -= power_laws @ np.linalg.solve(moments, power_laws.T @ (weight[:, None] * departures))
        # A rotation leaves independent standard normals as they are; this one makes their effects orthogonal.
        _, rotation = np.linalg.eigh(departures.T @ (weight[:, None] * departures))
        rotated = departures @ rotation[:, ::-1]
        basis: NDArray[np.float64] = rotated * np.where(rotated[-1] < 0, -1.0, 1.0)
        return basis

    def departures(self, log_energy: NDArray[np.float64]) -> NDArray[np.float64]:
        """Evaluate the functions g_j at ln(E / TeV), shape (..., bend)."""
        nodes = np.log(self.energy)
        return np.stack([lines(np, log_energy, nodes, column) for column in self.basis.T], axis=-1)

    @lru_cache(maxsize=32)  # noqa: B019 - frozen plain data
    def shape(self) -> Shape:
        """Make the shape ``unfolded``."""
        nodes, basis = np.log(self.energy), self.basis
        bends = tuple(
            Parameter(
                f"bend_{j + 1}",
                "",
                Normal(0.0, 1.0),
                0.0,
                f"$u_{{{j + 1}}}$",
                "departure from a power law in units of the roughness; the broadest first",
            )
            for j in range(basis.shape[1])
        )

        def dnde(xp: Any, energy: Any, reference: float, values: Mapping[str, Any]) -> Any:
            space = namespace(xp, energy)
            log_energy = space.log(energy)
            departure = sum(
                lines(space, log_energy, nodes, basis[:, j]) * values[bend.name] for j, bend in enumerate(bends)
            )
            exponent = values["roughness"] * departure - values["index"] * (log_energy - np.log(reference))
            return values["amplitude"] * xp.exp(exponent)

        roughness = Parameter(
            "roughness",
            "",
            ROUGHNESS_PRIOR,
            0.3,
            r"$\varrho$",
            "standard deviation of the change of the photon index over a factor e in energy; 0 is a power law",
        )
        return Shape(
            "unfolded",
            (AMPLITUDE, INDEX, roughness, *bends),
            r"\phi_0 (E/E_0)^{-\Gamma} \exp(\varrho \sum_j g_j(E)\, u_j)",
            dnde,
            "second-order random walk at nodes (docs/unfolding.md)",
            "unfolded",
            nodes=self.energy,
        )

    def to_dict(self) -> dict[str, Any]:
        """Give the plain data."""
        return {"energy": list(self.energy), "weight": list(self.weight)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Rebuild from `to_dict`."""
        return cls(tuple(data["energy"]), tuple(data["weight"]))
