"""What an instrument may have wrong: its energy scale and its effective area, as parameters with priors.

The spectrum that an instrument of energy scale z sees is ``f(E / (1 + z)) / (1 + z)`` (Nigro et al. 2019, A&A 625, A10,
section 4.3): it takes a photon of energy E for one of (1 + z) E. Its effective area is the stated one times
``exp(a(ln E))`` with a Gaussian process a. Everything that predicts counts uses `seen_photons`; everything that states
a flux uses the spectrum itself.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from bayes_onoff.axes import RUN_DIM
from bayes_onoff.errors import InputError
from bayes_onoff.models import Normal, Prior, SpectralModel, TruncatedNormal, photons
from bayes_onoff.spectra import fold

__all__ = [
    "AREA_NODE",
    "AREA_SHIFT",
    "ENERGY_SCALE",
    "NO_SYSTEMATICS",
    "AreaPrior",
    "Systematics",
    "area_prior",
    "dimensions",
    "expected_signal",
    "log_systematics_prior",
    "prior_systematics_draws",
    "seen_photons",
    "systematics_of",
]

ENERGY_SCALE = "energy_scale"
"""The parameter z, of the instrument or of each of its runs."""
AREA_SHIFT = "area_shift"
"""ln(effective area / stated one) at the nodes of `area_prior`."""
AREA_NODE = "area_node"
"""The dimension of those nodes."""
LARGEST_SCALE = 0.9
"""The prior of z is cut at plus and minus this."""
_SPACING = 0.7
"""Of the nodes, in correlation lengths: in between, 99.9 % of the prior's variance is there."""

Owner = Literal["instrument", "run"]


@dataclass(frozen=True, slots=True)
class Systematics:
    """The uncertainties of an instrument's response.

    Parameters
    ----------
    energy_scale : float, optional
        Standard deviation of the relative energy scale z, whose prior is normal around 0. By default it is exact.
    effective_area : float, optional
        Relative standard deviation of the effective area at each energy. By default it is exact.
    area_length : float
        Correlation length of the effective area's error in ln(energy): errors at energies a factor e apart have a
        correlation of exp(-1/2) for a length of 1. A length of 100 makes it one factor for all energies.
    energy_scale_of : {"instrument", "run"}
        Whether all runs have one z, or each its own, independent ones.

    Raises
    ------
    InputError
        If a value is not allowed.
    """

    energy_scale: float | None = None
    effective_area: float | None = None
    area_length: float = 1.0
    energy_scale_of: Owner = "instrument"

    def __post_init__(self) -> None:
        for key, largest in (("energy_scale", 0.5), ("effective_area", 1.0)):
            value = getattr(self, key)
            if value is not None and not 0 < value <= largest:
                raise InputError(
                    "not a relative uncertainty",
                    place=f"systematics.{key}",
                    found=value,
                    allowed=f"above 0, at most {largest:g}",
                )
        if not 0.1 <= self.area_length < np.inf:
            raise InputError(
                "not a correlation length in ln(energy)",
                place="systematics.area_length",
                found=self.area_length,
                allowed="at least 0.1",
            )
        if self.energy_scale_of not in get_args(Owner):
            raise InputError(
                "unknown choice",
                place="systematics.energy_scale_of",
                found=self.energy_scale_of,
                allowed=", ".join(get_args(Owner)),
            )

    def __bool__(self) -> bool:
        """Whether anything is uncertain."""
        return self.energy_scale is not None or self.effective_area is not None

    @property
    def scale_per_run(self) -> bool:
        """Whether each run has an energy scale of its own."""
        return self.energy_scale is not None and self.energy_scale_of == "run"

    @property
    def parameter_names(self) -> tuple[str, ...]:
        """What is uncertain: `energy_scale`, `area_shift`."""
        known = {ENERGY_SCALE: self.energy_scale, AREA_SHIFT: self.effective_area}
        return tuple(name for name, uncertainty in known.items() if uncertainty is not None)

    @property
    def energy_scale_prior(self) -> Prior:
        """The prior of each z.

        Raises
        ------
        InputError
            If the energy scale is exact.
        """
        if self.energy_scale is None:
            raise InputError("the energy scale is exact", place="systematics.energy_scale")
        return TruncatedNormal(0.0, self.energy_scale, -LARGEST_SCALE, LARGEST_SCALE)

    @property
    def label(self) -> str:
        """What is uncertain by how much, in words."""
        parts = []
        if self.energy_scale is not None:
            owner = " in each run" if self.scale_per_run else ""
            parts.append(f"energy scale uncertain by {100 * self.energy_scale:g} %{owner}")
        if self.effective_area is not None:
            parts.append(
                f"effective area uncertain by {100 * self.effective_area:g} % "
                f"(correlation length {self.area_length:g} in ln E)"
            )
        return ", ".join(parts) or "response exact"

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


NO_SYSTEMATICS = Systematics()
"""An exact response."""


@dataclass(frozen=True, eq=False, slots=True)
class AreaPrior:
    """The prior of the effective area's error: a Gaussian process with a squared-exponential covariance.

    Parameters
    ----------
    energy : ndarray, shape (node,)
        TeV; 0.7 correlation lengths apart or less.
    root : ndarray, shape (node, node)
        Lower triangular; times standard normals it gives `area_shift` at the nodes.
    interpolation : ndarray, shape (energy_true, node)
        Times `area_shift` it gives the process in the true-energy bins, its mean given the nodes.
    """

    energy: NDArray[np.float64]
    root: NDArray[np.float64]
    interpolation: NDArray[np.float64]


def area_prior(systematics: Systematics, edges: NDArray[np.float64]) -> AreaPrior:
    """Lay nodes over true-energy bins with these edges (TeV), from the centre of the first to that of the last.

    Raises
    ------
    InputError
        If the effective area is exact.
    """
    if systematics.effective_area is None:
        raise InputError("the effective area is exact", place="systematics.effective_area")
    length = systematics.area_length
    centers = (np.log(edges[:-1]) + np.log(edges[1:])) / 2
    n_nodes = 1 + int(np.ceil((centers[-1] - centers[0]) / (_SPACING * length)))
    nodes = np.linspace(centers[0], centers[-1], n_nodes)

    def correlation(one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
        distance = (one[:, None] - other) / length
        return np.exp(-(distance**2) / 2)

    among = correlation(nodes, nodes) + 1e-9 * np.eye(n_nodes)
    root = systematics.effective_area * np.linalg.cholesky(among)
    return AreaPrior(np.exp(nodes), root, np.linalg.solve(among, correlation(nodes, centers)).T)


def systematics_of(systematics: Systematics, draws: Mapping[str, Any]) -> dict[str, Any]:
    """Pick the systematic parameters out of draws."""
    return {name: draws[name] for name in systematics.parameter_names}


def seen_photons(
    model: SpectralModel,
    systematics: Systematics,
    values: Mapping[str, Any],
    edges: NDArray[np.float64],
    xp: Any = np,
) -> Any:
    """Photons per area and time in each bin of what the instrument takes for true energy.

    With an exact response these are `bayes_onoff.models.photons`, to the last bit. The factor on the effective area is
    that at the bin's centre, as the exposure itself is one number a bin.

    Parameters
    ----------
    model : SpectralModel
    systematics : Systematics
    values : mapping of str to float or array
        The spectral parameters and, where uncertain, `energy_scale` (z; ..., or ..., run if each run has its own) and
        `area_shift` (..., node). For NumPy the dots are the same for all; for PyTensor there are none.
    edges : ndarray, shape (energy_true + 1,)
        TeV.
    xp : module
        ``numpy`` or ``pytensor.tensor``.

    Returns
    -------
    array, shape (..., energy_true), or (..., run, energy_true)
        cm-2 s-1.
    """
    if not systematics:
        return photons(model, values, edges, xp)
    spectral = {name: values[name] for name in model.parameter_names}
    if xp is np and systematics.scale_per_run:
        spectral = {name: np.asarray(value)[..., None] for name, value in spectral.items()}
    scale = None if systematics.energy_scale is None else 1 + values[ENERGY_SCALE]
    seen = photons(model, spectral, edges, xp, scale)
    if systematics.effective_area is not None:
        matrix = area_prior(systematics, edges).interpolation
        factor = xp.exp((matrix * values[AREA_SHIFT][..., None, :]).sum(axis=-1))
        seen = seen * (factor[..., None, :] if systematics.scale_per_run else factor)
    return seen


def expected_signal(
    model: SpectralModel,
    systematics: Systematics,
    values: Mapping[str, Any],
    edges: NDArray[np.float64],
    response: Any,
    xp: Any = np,
) -> Any:
    """Predict the signal counts: `seen_photons` folded with the response of the runs.

    Parameters
    ----------
    model, systematics, values, edges, xp
        As for `seen_photons`.
    response : array, shape (run, energy, energy_true)
        cm2 s.

    Returns
    -------
    array, shape (..., run, energy)
    """
    return fold(seen_photons(model, systematics, values, edges, xp), response, run_by_run=systematics.scale_per_run)


def prior_systematics_draws(
    systematics: Systematics, n_runs: int, edges: NDArray[np.float64], n_draws: int, rng: np.random.Generator
) -> dict[str, NDArray[np.float64]]:
    """Draws from the prior, (1, draw, ...): `energy_scale` and `area_shift` where they are uncertain."""
    draws = {}
    if systematics.energy_scale is not None:
        shape = (1, n_draws, n_runs) if systematics.scale_per_run else (1, n_draws)
        draws[ENERGY_SCALE] = systematics.energy_scale_prior.draw(rng, shape)
    if systematics.effective_area is not None:
        root = area_prior(systematics, edges).root
        draws[AREA_SHIFT] = rng.standard_normal((1, n_draws, len(root))) @ root.T
    return draws


def log_systematics_prior(
    systematics: Systematics, draws: Mapping[str, NDArray[np.float64]], edges: NDArray[np.float64]
) -> dict[str, NDArray[np.float64]]:
    """Evaluate the ln prior density of each systematic parameter, summed over runs and nodes: (chain, draw)."""
    densities = {}
    if systematics.energy_scale is not None:
        density = systematics.energy_scale_prior.log_density(draws[ENERGY_SCALE])
        densities[ENERGY_SCALE] = density.sum(axis=-1) if systematics.scale_per_run else density
    if systematics.effective_area is not None:
        root = area_prior(systematics, edges).root
        standard = np.linalg.solve(root, draws[AREA_SHIFT][..., None])[..., 0]
        densities[AREA_SHIFT] = Normal(0.0, 1.0).log_density(standard).sum(axis=-1) - np.log(np.diag(root)).sum()
    return densities


def dimensions(systematics: Systematics, name: str) -> tuple[str, ...]:
    """Name the dimensions of a systematic parameter beside chain and draw."""
    if name == AREA_SHIFT:
        return (AREA_NODE,)
    return (RUN_DIM,) if systematics.scale_per_run else ()
