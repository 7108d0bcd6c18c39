"""The groups of an ArviZ tree, made from plain arrays: names, dims, coordinates and units in one place."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from bayes_onoff.axes import BAND, ENERGY_DIM, ENERGY_TRUE_DIM, GROUP_DIM, RUN_DIM
from bayes_onoff.inference.fit_data import FitData
from bayes_onoff.inference.pooled import N_BASIS
from bayes_onoff.inference.systematics import AREA_NODE, NO_SYSTEMATICS, Systematics, area_prior, dimensions

__all__ = ["constant_data", "draws_dataset", "log_likelihood_dataset", "observed_data"]

_DIMS: dict[str, tuple[str, ...]] = {
    "level": (RUN_DIM,),
    "log_alpha_shift": (RUN_DIM,),
    "coefficient": ("basis",),
    "npred_signal": (RUN_DIM, ENERGY_DIM),
    "npred_off": (RUN_DIM, ENERGY_DIM),
    "n_on": (RUN_DIM, ENERGY_DIM),
    "n_off": (RUN_DIM, ENERGY_DIM),
    "norm": (BAND,),
    "factor": (GROUP_DIM,),
    "index_shift": (GROUP_DIM,),
}


def _energy_coordinates(data: FitData) -> dict[str, Any]:
    edges = data.energy.edges
    return {
        RUN_DIM: list(data.runs),
        ENERGY_DIM: (ENERGY_DIM, data.energy.centers, {"units": "TeV"}),
        "energy_lo": (ENERGY_DIM, edges[:-1], {"units": "TeV"}),
        "energy_hi": (ENERGY_DIM, edges[1:], {"units": "TeV"}),
    }


def draws_dataset(
    draws: Mapping[str, NDArray[Any]],
    data: FitData,
    units: Mapping[str, str],
    systematics: Systematics = NO_SYSTEMATICS,
) -> xr.Dataset:
    """Draws (chain, draw, ...) as a labelled data set; `units` becomes each variable's attribute."""
    known = _DIMS | {name: dimensions(systematics, name) for name in systematics.parameter_names}
    variables = {
        name: (("chain", "draw", *known.get(name, ())), values, {"units": units.get(name, "")})
        for name, values in draws.items()
    }
    n_chain, n_draw = next(iter(draws.values())).shape[:2]
    coords: dict[str, Any] = {"chain": np.arange(n_chain), "draw": np.arange(n_draw)}
    used = {dim for dims, _, _ in variables.values() for dim in dims}
    if ENERGY_DIM in used or RUN_DIM in used:
        energy = _energy_coordinates(data)
        coords |= energy if ENERGY_DIM in used else {RUN_DIM: energy[RUN_DIM]}
    if AREA_NODE in used:
        nodes = area_prior(systematics, data.energy_true.edges).energy
        coords[AREA_NODE] = (AREA_NODE, nodes, {"units": "TeV"})
    if "basis" in used:
        coords["basis"] = np.arange(N_BASIS)
    return xr.Dataset(variables, coords=coords, attrs={"sample_dims": ["chain", "draw"]})


def observed_data(data: FitData) -> xr.Dataset:
    """ON and OFF counts of the fitted bins; 0 where masked."""
    return xr.Dataset(
        {name: ((RUN_DIM, ENERGY_DIM), getattr(data, name)) for name in ("n_on", "n_off")},
        coords=_energy_coordinates(data),
    )


def constant_data(data: FitData) -> xr.Dataset:
    """Collect acceptance ratio, mask and response of the fitted bins."""
    bins = (RUN_DIM, ENERGY_DIM)
    edges = data.energy_true.edges
    return xr.Dataset(
        {
            "acceptance_ratio": (bins, data.alpha),
            "mask": (bins, data.mask),
            "response": ((*bins, ENERGY_TRUE_DIM), data.response, {"units": "cm2 s"}),
        },
        coords={
            **_energy_coordinates(data),
            ENERGY_TRUE_DIM: (ENERGY_TRUE_DIM, data.energy_true.centers, {"units": "TeV"}),
            "energy_true_lo": (ENERGY_TRUE_DIM, edges[:-1], {"units": "TeV"}),
            "energy_true_hi": (ENERGY_TRUE_DIM, edges[1:], {"units": "TeV"}),
        },
    )


def log_likelihood_dataset(values: NDArray[np.float64], data: FitData) -> xr.Dataset:
    """Marginal ln likelihood of each fitted (run, energy) pair, dims (chain, draw, bin)."""
    run, energy = np.nonzero(data.mask)
    n_chain, n_draw, n_bin = values.shape
    return xr.Dataset(
        {"counts": (("chain", "draw", "bin"), values)},
        coords={
            "chain": np.arange(n_chain),
            "draw": np.arange(n_draw),
            "bin": np.arange(n_bin),
            "bin_run": ("bin", np.array(data.runs)[run]),
            "bin_energy": ("bin", data.energy.centers[energy], {"units": "TeV"}),
        },
        attrs={"sample_dims": ["chain", "draw"]},
    )
