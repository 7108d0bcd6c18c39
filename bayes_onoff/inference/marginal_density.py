"""The joint density of counts and parameters with the background rates integrated out, in NumPy, many points at once.

It is the density that the marginal form of the PyMC model has, constants included; a test compares the two. Nothing is
compiled for it, and it needs only the draws of a posterior, sampled with latent rates or without.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bayes_onoff.inference import acceptance, rates
from bayes_onoff.inference.fit_data import FitData
from bayes_onoff.inference.log_prior import parameter_log_prior
from bayes_onoff.inference.pooled import N_BASIS
from bayes_onoff.inference.pooled_coordinates import Conditional, background_parameters, pooled_geometry
from bayes_onoff.inference.settings import LEARNED, BackgroundModel
from bayes_onoff.inference.systematics import (
    AREA_SHIFT,
    ENERGY_SCALE,
    NO_SYSTEMATICS,
    Systematics,
    area_prior,
    expected_signal,
)
from bayes_onoff.models import Prior, SpectralModel

__all__ = ["MarginalDensity"]

type Array = NDArray[np.float64]
type Draws = dict[str, Array]


@dataclass(frozen=True, eq=False, slots=True)
class MarginalDensity:
    """Ln of likelihood times priors over a flat vector of unbounded coordinates.

    Spectral parameters enter as they are, by their logarithm where they are positive, by the logit of their position
    between limits; the scales by their logarithms; the rest of the pooled background in the sampler's coordinates.

    Parameters
    ----------
    data : FitData
    signal : SpectralModel or ndarray, shape (run, energy) or (point, run, energy)
        A model, its parameters among the coordinates; or the expected signal counts, at all points or at each.
    background : BackgroundModel
    systematics : Systematics
        Of a model's signal.
    """

    data: FitData
    signal: SpectralModel | Array
    background: BackgroundModel
    systematics: Systematics = NO_SYSTEMATICS

    def points(self, draws: Mapping[str, Array]) -> Array:
        """Map draws in their natural space, (chain, draw, ...) each, to coordinates (chain, draw, n)."""
        parts = [_free(prior, np.asarray(draws[name])) for name, prior in self._spectral_priors.items()]
        if self.systematics.energy_scale is not None:
            parts.append(_free(self.systematics.energy_scale_prior, np.asarray(draws[ENERGY_SCALE])))
        if self.systematics.effective_area is not None:
            parts.append(np.linalg.solve(self._area_root, draws[AREA_SHIFT][..., None])[..., 0])
        if self.background.alpha_uncertainty is not None:
            parts += [np.log(draws["alpha_scatter"])] if self.background.alpha_uncertainty == LEARNED else []
            parts.append(draws["log_alpha_shift"] / self._shift_scale(draws))
        if self.background.prior == "pooled":
            parts += self._pooled_coordinates(draws)
        shape = parts[0].shape[:2]
        return np.concatenate([part.reshape(*shape, -1) for part in parts], axis=-1)

    def _pooled_coordinates(self, draws: Mapping[str, Array]) -> list[Array]:
        found = pooled_geometry(self.data, self.background)
        known = {name: np.asarray(draws[name]) for name in ("slope", "level")}
        known["coefficient"] = draws["coefficient"] @ found.rotation
        raw: list[Array] = []

        def coordinate(name: str, conditional: Conditional) -> Array:
            raw.append(conditional.raw(known[name.removesuffix("_raw")]))
            return raw[-1]

        shape_scale, deviation_scale = (np.asarray(draws[name]) for name in ("shape_scale", "deviation_scale"))
        background_parameters(shape_scale, deviation_scale, found.arrays(), coordinate, marginal=True)
        return [np.log(shape_scale), np.log(deviation_scale), *raw]

    def log_density(self, points: Array) -> Array:
        """Evaluate at coordinates (point, n): (point,); minus infinity where a rate overflows."""
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            draws, log_jacobian = self._natural(points)
            signal = self._signal_counts(draws, len(points))
            total = rates.log_likelihood(signal, draws, self.data, self.background).sum(axis=-1)[0] + log_jacobian
            if self.background.alpha_uncertainty == LEARNED:
                total = total + self._log_regions(draws["alpha_scatter"][0])
            priors = parameter_log_prior(draws, self.data, self._spectral_priors, self.background, self.systematics)
            for density in priors.values():
                total = total + density.reshape(len(points), -1).sum(axis=-1)
        return np.where(np.isfinite(total), total, -np.inf)

    @property
    def _spectral_priors(self) -> Mapping[str, Prior]:
        return self.signal.priors if isinstance(self.signal, SpectralModel) else {}

    def _signal_counts(self, draws: Draws, n_points: int) -> Array:
        if isinstance(self.signal, SpectralModel):
            edges, response = self.data.energy_true.edges, self.data.response
            counts: Array = expected_signal(self.signal, self.systematics, draws, edges, response)
            return counts
        return np.broadcast_to(self.signal, (1, n_points, *self.signal.shape[-2:]))

    @property
    def _area_root(self) -> Array:
        return area_prior(self.systematics, self.data.energy_true.edges).root

    def _log_regions(self, scatter: Array) -> Array:
        arrays = acceptance.shift_arrays(self.data, self.background)
        return np.array([float(acceptance.log_region_likelihood(value, arrays)) for value in scatter])

    def _shift_scale(self, draws: Mapping[str, Array]) -> Array:
        scale = acceptance.shift_arrays(self.data, self.background)["shift_scale"]
        if self.background.alpha_uncertainty == LEARNED:
            return np.asarray(draws["alpha_scatter"][..., None] * scale)
        return scale

    def _natural(self, points: Array) -> tuple[Draws, Array]:
        """Go back to one chain of draws in their natural space; ln of the Jacobian."""
        columns = iter(points.T)
        log_jacobian = np.zeros(len(points))
        draws: Draws = {}

        def take(n: int) -> Array:
            return np.stack([next(columns) for _ in range(n)], axis=-1)[None]

        for name, prior in self._spectral_priors.items():
            draws[name], slope = _bounded(prior, next(columns)[None])
            log_jacobian += slope[0]
        n_runs = len(self.data.runs)
        if self.systematics.energy_scale is not None:
            free = take(n_runs) if self.systematics.scale_per_run else next(columns)[None]
            draws[ENERGY_SCALE], slope = _bounded(self.systematics.energy_scale_prior, free)
            log_jacobian += slope.reshape(len(points), -1).sum(axis=-1)
        if self.systematics.effective_area is not None:
            root = self._area_root
            draws[AREA_SHIFT] = take(len(root)) @ root.T
            log_jacobian += np.log(np.diag(root)).sum()
        if self.background.alpha_uncertainty is not None:
            if self.background.alpha_uncertainty == LEARNED:
                log_scatter = next(columns)[None]
                draws["alpha_scatter"] = np.exp(log_scatter)
                log_jacobian += log_scatter[0]
            scale = self._shift_scale(draws)
            draws["log_alpha_shift"] = scale * take(n_runs)
            log_jacobian += np.broadcast_to(np.log(scale), draws["log_alpha_shift"].shape)[0].sum(axis=-1)
        if self.background.prior == "pooled":
            logs = take(2)
            log_jacobian += logs[0].sum(axis=-1)
            sizes = {"coefficient_raw": N_BASIS, "slope_raw": 1, "level_raw": n_runs}

            def coordinate(name: str, conditional: Conditional) -> Array:
                nonlocal log_jacobian
                log_jacobian = log_jacobian + np.log(conditional.sd).reshape(len(points), -1).sum(axis=-1)
                raw = take(sizes[name])
                return raw[..., 0] if name == "slope_raw" else raw

            draws["shape_scale"], draws["deviation_scale"] = np.exp(logs[..., 0]), np.exp(logs[..., 1])
            found = pooled_geometry(self.data, self.background)
            parameters = background_parameters(
                draws["shape_scale"], draws["deviation_scale"], found.arrays(), coordinate, marginal=True
            )
            draws |= {name: parameters[name] for name in ("slope", "level")}
            draws["coefficient"] = parameters["coefficient"] @ found.rotation.T
        return draws, log_jacobian


def _free(prior: Prior, value: Array) -> Array:
    """From a parameter to its unbounded coordinate."""
    lower, upper = prior.support
    if np.isfinite(lower) and np.isfinite(upper):
        return np.asarray(np.log((value - lower) / (upper - value)))
    if np.isfinite(lower):
        return np.asarray(np.log(value - lower))
    return -np.log(upper - value) if np.isfinite(upper) else value


def _bounded(prior: Prior, free: Array) -> tuple[Array, Array]:
    """From the unbounded coordinate to the parameter; ln of the derivative."""
    lower, upper = prior.support
    if np.isfinite(lower) and np.isfinite(upper):
        position = 1 / (1 + np.exp(-free))
        return lower + (upper - lower) * position, np.log(upper - lower) + np.log(position) + np.log1p(-position)
    if np.isfinite(lower):
        return lower + np.exp(free), free
    return (upper - np.exp(-free), -free) if np.isfinite(upper) else (free, np.zeros_like(free))
