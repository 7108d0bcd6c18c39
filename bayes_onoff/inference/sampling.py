"""Compile a PyMC model once, sample it many times.

The density and its gradient are compiled by PyTensor (numba, cached on disk) and handed to nutpie as a function;
no other graph is compiled: everything derived is computed afterwards in NumPy. The data are shared variables, so
new counts need no compiling.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import nutpie
import pymc as pm
import pytensor.tensor as pt
import xarray as xr
from numpy.typing import NDArray
from nutpie.compiled_pyfunc import from_pyfunc
from pymc.logprob.utils import ParameterValueError
from pytensor.compile import function
from pytensor.compile.mode import Mode
from pytensor.gradient import grad
from pytensor.graph.replace import vectorize_graph

from bayes_onoff.errors import BayesOnOffError
from bayes_onoff.inference.settings import SamplerSettings, require_sampler

__all__ = ["CompiledModel", "Samples", "compile_model"]


@dataclass(frozen=True, eq=False, slots=True)
class Samples:
    """Draws of the sampled variables: name to array (chain, draw, ...), and the sampler's own statistics."""

    variables: dict[str, NDArray[np.float64]]
    sample_stats: xr.Dataset


@dataclass(frozen=True, eq=False, slots=True)
class CompiledModel:
    """A PyMC model with its compiled density: sample it, change its data, sample it again.

    Parameters
    ----------
    model : pymc.Model
        All inputs are `pm.Data`.
    density : callable
        From the flat unconstrained vector to ln density and gradient.
    unpack : callable
        From many such vectors, shape (sample, n), to the variables in their natural space.
    names : tuple of str
        Names of what `unpack` returns.
    """

    model: pm.Model
    density: Any
    unpack: Any
    names: tuple[str, ...]

    def set_data(self, arrays: Mapping[str, Any]) -> None:
        """Replace the data; dimensions must keep their lengths."""
        for name, array in arrays.items():
            shared = self.model[name]
            values = np.ascontiguousarray(array, dtype=shared.type.dtype)
            shared.set_value(values.reshape(np.shape(array)), borrow=False)

    def sample(self, settings: SamplerSettings, *, progress: bool = True) -> Samples:
        """Sample with NUTS.

        Parameters
        ----------
        settings : SamplerSettings
        progress : bool
            Show the sampler's own progress bar (terminal and notebook).

        Raises
        ------
        InputError
            If the sampler needs a package that is not installed.
        BayesOnOffError
            If no starting point with a finite density was found.
        """
        require_sampler(settings)
        if settings.sampler == "nutpie":
            return self._sample_nutpie(settings, progress)
        return self._sample_pymc(settings, progress)

    def _evaluate(self, point: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        """Compute ln density and gradient; a density of 0 where a rate overflows, as in a far too long first step."""
        try:
            value, gradient = self.density(point)
        except ParameterValueError:
            return -np.inf, np.zeros_like(point)
        return float(value), gradient

    def _starting_point(self, seed: int) -> NDArray[np.float64]:
        """Take the model's initial point with a uniform jitter of one unit in every coordinate."""
        rng = np.random.default_rng(seed)
        center = _flat(self.model, self.model.initial_point())
        for attempt in range(20):
            point = center + rng.uniform(-1, 1, len(center)) * 0.7**attempt
            value, gradient = self._evaluate(point)
            if np.isfinite(value) and np.all(np.isfinite(gradient)):
                return point
        raise BayesOnOffError("the density is not finite at any starting point; look at the priors and the data")

    def _sample_nutpie(self, settings: SamplerSettings, progress: bool) -> Samples:
        size = len(_flat(self.model, self.model.initial_point()))

        def make_density() -> Any:
            return self._evaluate

        def make_expand(_seed1: int, _seed2: int, _chain: int) -> Any:
            return lambda point: {"point": point}

        compiled = from_pyfunc(
            size,
            make_density,
            make_expand,
            [np.dtype(float)],
            [(size,)],
            ["point"],
            make_initial_point_fn=self._starting_point,
        )
        tree = nutpie.sample(
            compiled,
            draws=settings.draws,
            tune=settings.tune,
            chains=settings.chains,
            # The density holds Python's lock: a second thread would only wait for the first.
            cores=1,
            seed=settings.seed,
            target_accept=settings.target_accept,
            progress_bar=progress,
            save_warmup=False,
        )
        points = tree["posterior"]["point"].values
        flat = points.reshape(-1, size)
        variables = {
            name: np.asarray(values).reshape(*points.shape[:2], *np.shape(values)[1:])
            for name, values in zip(self.names, self.unpack(flat), strict=True)
        }
        statistics = tree["sample_stats"].to_dataset()
        kept = ["diverging", "energy", "n_steps", "step_size", "depth", "maxdepth_reached", "logp"]
        return Samples(variables, statistics[[name for name in kept if name in statistics]])

    def _sample_pymc(self, settings: SamplerSettings, progress: bool) -> Samples:
        tree = pm.sample(
            draws=settings.draws,
            tune=settings.tune,
            chains=settings.chains,
            cores=1,
            random_seed=settings.seed,
            target_accept=settings.target_accept,
            nuts_sampler=settings.sampler,
            progressbar=progress,
            compute_convergence_checks=False,
            model=self.model,
        )
        posterior = tree["posterior"]
        variables = {name: np.asarray(posterior[name].values) for name in self.names}
        statistics = tree["sample_stats"].to_dataset()
        kept = ["diverging", "energy", "n_steps", "step_size", "tree_depth", "lp"]
        return Samples(variables, statistics[[name for name in kept if name in statistics]])


def _flat(model: pm.Model, point: Mapping[str, Any]) -> NDArray[np.float64]:
    """One vector of all unconstrained values, in the order of the model's value variables."""
    return np.concatenate([np.asarray(point[value.name], dtype=float).ravel() for value in model.value_vars])


def compile_model(model: pm.Model) -> CompiledModel:
    """Compile density and gradient of a PyMC model as a function of one flat unconstrained vector."""
    point = model.initial_point()
    outputs = model.free_RVs + model.deterministics
    natural = model.replace_rvs_by_values(outputs)
    joined, vector = pm.pytensorf.join_nonshared_inputs(
        point=point, outputs=[model.logp(), *natural], inputs=model.value_vars
    )
    log_density = joined[0]
    density = function([vector], [log_density, grad(log_density, vector)], mode="NUMBA", trust_input=True)
    many = pt.matrix("points")
    unpack = function(
        [many],
        vectorize_graph(joined[1:], replace={vector: many}),
        mode=Mode(linker="py", optimizer="fast_compile"),
        on_unused_input="ignore",
    )
    compiled = CompiledModel(model, density, unpack, tuple(variable.name for variable in outputs))
    compiled._evaluate(_flat(model, point))  # numba compiles at the first call, not before
    return compiled
