"""The posterior density of a PyMC model as native code: a C function of a point and the data, without Python's lock.

PyTensor writes the density and its gradient for numba; one entry point with plain pointers is put before it, which the
sampler calls from all its threads. Calling back into Python instead costs three times the density itself. The machine
code is kept on disk by PyTensor's own cache, so a model of the same shape is compiled once on a machine.
"""

import ctypes
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import reduce
from hashlib import sha256
from operator import mul
from typing import Any

import numba
import numpy as np
import pymc as pm
import pytensor.tensor as pt
from numba import carray, types
from numba.core.ccallback import CFunc
from numpy.typing import NDArray
from nutpie.compile_pymc import CompiledPyMCModel
from pytensor.compile import function
from pytensor.compile.sharedvalue import SharedVariable
from pytensor.configdefaults import config
from pytensor.gradient import grad
from pytensor.graph.basic import Variable
from pytensor.graph.replace import clone_replace
from pytensor.graph.traversal import graph_inputs
from pytensor.link.numba.cache import CACHED_SRC_FUNCTIONS, compile_numba_function_src

__all__ = ["Density", "compile_density", "flat_vector"]

_DOUBLES = types.CPointer(types.double)
_DENSITY_SIGNATURE = types.int64(types.uint64, _DOUBLES, _DOUBLES, _DOUBLES, _DOUBLES)
_EXPAND_SIGNATURE = types.int64(types.uint64, types.uint64, _DOUBLES, _DOUBLES, types.voidptr)

# What the sampler calls: nutpie's convention is 0 for a density, and above 0 for a point it has to turn back from.
_ENTRY = """
def density_entry(n_point, point, gradient, value, data):
    try:
        log_density, slope = log_density_and_gradient(carray(point, ({n_point},)), carray(data, (int(data[0]),)))
        value[0] = log_density.item()
        found = carray(gradient, ({n_point},))
        found[...] = slope
        if not (isfinite(value[0]) and all(isfinite(found))):
            return 2
    except Exception:
        return 1
    return 0
"""
_EXPAND = """
def density_expand(n_point, n_expanded, point, expanded, data):
    for i in range(n_expanded):
        expanded[i] = point[i]
    return 0
"""


@dataclass(frozen=True, eq=False, slots=True)
class Density:
    """Compiled ln density and gradient over the flat vector of all unconstrained values.

    Parameters
    ----------
    n_point : int
        Length of the vector.
    fixed, free : tuple of pytensor shared variables
        The model's data whose shapes are known by their dimensions, and the others, in the order in which they lie in
        the buffer that the compiled function reads: its length, the shapes of the free data, then all data.
    entry, expand : numba.core.ccallback.CFunc
        Density, and the identity (nutpie asks for a function to what is to be kept of a point).
    """

    n_point: int
    fixed: tuple[SharedVariable, ...]
    free: tuple[SharedVariable, ...]
    entry: CFunc
    expand: CFunc

    def data(self) -> NDArray[np.float64]:
        """Copy the present data of the model into one buffer."""
        free = [variable.get_value(borrow=True) for variable in self.free]
        fixed = [variable.get_value(borrow=True) for variable in self.fixed]
        data = _joined([0, *(np.shape(array) for array in free), *fixed, *free])
        data[0] = len(data)
        return data

    def evaluate(self, point: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        """Compute ln density and gradient, shape (n_point,); a density of 0 where a rate overflows."""
        return self._evaluate(point, self.data())

    def log_densities(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Compute the ln density at many points, shape (point, n_point); minus infinity where a rate overflows."""
        data = self.data()
        return np.array([self._evaluate(point, data)[0] for point in points])

    def _evaluate(self, point: NDArray[np.float64], data: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        gradient, value = np.zeros(self.n_point), np.zeros(1)
        point = np.ascontiguousarray(point, dtype=float)
        status = self.entry.ctypes(self.n_point, *(_pointer(array) for array in (point, gradient, value, data)))
        if status != 0:
            return -np.inf, np.zeros(self.n_point)
        return float(value[0]), gradient

    def for_nutpie(self, initial_point: Any) -> CompiledPyMCModel:
        """Wrap for nutpie, with the present data; the draws are one variable `point`."""
        return CompiledPyMCModel(
            dims={},
            compiled_logp_func=self.entry,
            compiled_expand_func=self.expand,
            initial_point_func=initial_point,
            shared_data={},
            shared_var_keys={},
            user_data=self.data(),
            n_expanded=self.n_point,
            shape_info=(["point"], [slice(0, self.n_point)], [(self.n_point,)]),
            logp_func=None,
            expand_func=None,
            _n_dim=self.n_point,
            _shapes={"point": (self.n_point,)},
            _coords={},
        )


def compile_density(model: pm.Model) -> Density:
    """Compile density and gradient of a PyMC model whose inputs are all `pm.Data`; dimensions keep their lengths."""
    log_density = model.logp()
    initial = model.initial_point()
    lengths = {length for length in model.dim_lengths.values() if isinstance(length, SharedVariable)}
    inputs = [v for v in graph_inputs([log_density]) if isinstance(v, SharedVariable) and v not in lengths]
    free = tuple(v for v in inputs if v.type.ndim and v.name not in model.named_vars_to_dims)
    fixed = tuple(v for v in inputs if v not in free)

    point, data = pt.vector("point", shape=(sum(value.size for value in initial.values()),)), pt.vector("data")
    replacements: dict[Variable, Any] = {length: pt.constant(length.get_value()) for length in lengths}
    values = {v: initial[v.name] for v in model.value_vars}
    replacements |= _parts(point, 0, {v: value.shape for v, value in values.items()})
    n_sizes = sum(v.type.ndim for v in free)
    sizes = iter([data[1 + i].astype("int64") for i in range(n_sizes)])
    shapes = {v: v.get_value(borrow=True).shape for v in fixed}
    shapes |= {v: tuple(next(sizes) for _ in range(v.type.ndim)) for v in free}
    replacements |= _parts(data, 1 + n_sizes, shapes)

    (log_density,) = clone_replace([log_density], replacements, rebuild_strict=False)
    # Without fast arithmetic the last digits do not depend on whether the machine code is new or from the cache.
    with config.change_flags(numba__fastmath=False):
        compiled = function([point, data], [log_density, grad(log_density, point)], mode="NUMBA", trust_input=True)
    inner = compiled.vm.jit_fn
    key = CACHED_SRC_FUNCTIONS.get(inner.py_func)
    n_point = point.type.shape[0]
    entry = _c_function(
        _ENTRY.format(n_point=n_point),
        _DENSITY_SIGNATURE,
        {"log_density_and_gradient": inner, "carray": carray, "isfinite": np.isfinite, "all": np.all},
        key,
    )
    return Density(n_point, fixed, free, entry, _c_function(_EXPAND, _EXPAND_SIGNATURE, {}, "bayes_onoff"))


def flat_vector(model: pm.Model, point: Mapping[str, Any]) -> NDArray[np.float64]:
    """One vector of all unconstrained values, in the order of the model's value variables."""
    return _joined(point[value.name] for value in model.value_vars)


def _joined(arrays: Iterable[Any]) -> NDArray[np.float64]:
    return np.concatenate([np.asarray(array, dtype=float).ravel() for array in arrays])


def _parts(vector: Variable, start: Any, shapes: Mapping[Variable, tuple[Any, ...]]) -> dict[Variable, Any]:
    """Map every variable to its part of the vector, in the variable's shape and type; lengths may be symbolic."""
    parts: dict[Variable, Any] = {}
    for variable, shape in shapes.items():
        stop = start + reduce(mul, shape, 1)
        part = vector[start:stop].reshape(shape) if shape else vector[start]
        parts[variable] = part.astype(variable.type.dtype)
        start = stop
    return parts


def _c_function(source: str, signature: Any, names: dict[str, Any], key: str | None) -> CFunc:
    """Compile source text to a C function; PyTensor's cache on disk finds it by `key` and the text."""
    name = source.split("(")[0].split()[-1]
    cache_key = None if key is None else sha256(f"{key}{source}".encode()).hexdigest()
    # Numba looks for the module of what it loads from the cache.
    compiled = compile_numba_function_src(source, name, {"__name__": __name__, **names}, cache_key=cache_key)
    c_function: CFunc = numba.cfunc(signature, cache=key is not None)(compiled)
    return c_function


def _pointer(array: NDArray[np.float64]) -> Any:
    return array.ctypes.data_as(ctypes.POINTER(ctypes.c_double))
