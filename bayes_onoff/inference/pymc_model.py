"""The specification, translated to PyMC: the only module that builds a PyMC model.

Everything that differs between data sets of one shape enters as `pm.Data`, so the compiled model serves them all.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from numpy.typing import NDArray

from bayes_onoff.axes import BAND, ENERGY_DIM, ENERGY_TRUE_DIM, GROUP_DIM, RUN_DIM
from bayes_onoff.inference import acceptance, marginal, pooled, population
from bayes_onoff.inference.fit_data import FitData
from bayes_onoff.inference.instrument import SEPARATOR
from bayes_onoff.inference.pooled_coordinates import Conditional, background_parameters, pooled_geometry
from bayes_onoff.inference.population import Population, PopulationSignal
from bayes_onoff.inference.settings import LEARNED, BackgroundModel
from bayes_onoff.inference.systematics import (
    AREA_NODE,
    AREA_SHIFT,
    ENERGY_SCALE,
    LARGEST_SCALE,
    NO_SYSTEMATICS,
    Systematics,
    area_prior,
    expected_signal,
)
from bayes_onoff.inference.unfolded_coordinates import bend_arrays, bend_conditional, bend_names
from bayes_onoff.models import (
    HalfNormal,
    LogNormal,
    LogUniform,
    Normal,
    Prior,
    SpectralModel,
    TruncatedNormal,
    Uniform,
)

__all__ = [
    "LIKELIHOODS",
    "BandSignal",
    "Block",
    "Signal",
    "build_joint_model",
    "build_model",
    "data_arrays",
    "joint_arrays",
]

LIKELIHOODS = ("counts", "off_regions")
"""Names of the Potentials of the model; all of them are likelihoods, and no prior is written so."""

MASKED_RATE = 10.0
"""Shape and rate of the placeholder Gamma of masked bins of the independent model: any well-behaved density does."""


@dataclass(frozen=True, eq=False, slots=True)
class BandSignal:
    """The signal as a reference spectrum times a free norm in each reconstructed-energy band.

    Parameters
    ----------
    bands : ndarray of int, shape (energy,) or (run, energy)
        Band of each fitted bin, the same in all runs or of each its own; -1: the bin is outside all bands and its
        signal is the reference's.
    n_bands : int
    reference_counts : ndarray, shape (run, energy)
        Expected signal counts of the reference spectrum.
    """

    bands: NDArray[np.int64]
    n_bands: int
    reference_counts: NDArray[np.float64]


type Signal = SpectralModel | BandSignal | PopulationSignal


@dataclass(frozen=True, eq=False, slots=True)
class Block:
    """What the likelihood of one instrument is made of."""

    data: FitData
    background: BackgroundModel
    systematics: Systematics = NO_SYSTEMATICS


def data_arrays(
    data: FitData,
    signal: Signal,
    background: BackgroundModel,
    priors: pooled.BackgroundPriors = pooled.STATED_PRIORS,
) -> dict[str, Any]:
    """Everything that enters the model as data, by name."""
    from scipy.special import gammaln

    arrays: dict[str, Any] = {
        "acceptance_ratio": data.alpha,
        "mask": data.mask,
    }
    arrays |= acceptance.shift_arrays(data, background)
    if isinstance(signal, BandSignal):
        arrays["reference_counts"] = signal.reference_counts
        membership = signal.bands[..., None] == np.arange(signal.n_bands)
        arrays["band_membership" if signal.bands.ndim == 1 else "cell_membership"] = membership.astype(float)
    else:
        arrays["response"] = data.response
    if isinstance(signal, SpectralModel) and bend_names(signal):
        arrays |= bend_arrays(data, signal)
    if isinstance(signal, PopulationSignal):
        arrays |= population.population_geometry(data, signal)
    if background.prior == "pooled":
        arrays |= pooled_geometry(data, background, priors).arrays()
        if background.marginal:
            arrays["log_factorials"] = gammaln(data.n_on + 1) + gammaln(data.n_off + 1)
    elif background.marginal:
        arrays["gamma_table"] = marginal.gamma_table(
            data.n_on, data.n_off, data.alpha, background.shape, background.rate
        )
    if background.marginal:
        arrays["n_on"] = data.n_on.astype(float)
        arrays["n_off"] = data.n_off.astype(float)
    else:
        arrays["n_on_observed"] = data.n_on
        arrays["n_off_observed"] = data.n_off
        if background.prior == "independent":
            arrays["rate_shape"] = np.where(data.mask, background.shape, MASKED_RATE)
            arrays["rate_rate"] = np.where(data.mask, background.rate, MASKED_RATE)
    return arrays


_DIMS: dict[str, tuple[str, ...]] = {
    "acceptance_ratio": (RUN_DIM, ENERGY_DIM),
    "mask": (RUN_DIM, ENERGY_DIM),
    "shift_scale": (RUN_DIM,),
    "response": (RUN_DIM, ENERGY_DIM, ENERGY_TRUE_DIM),
    "reference_counts": (RUN_DIM, ENERGY_DIM),
    "band_membership": (ENERGY_DIM, BAND),
    "cell_membership": (RUN_DIM, ENERGY_DIM, BAND),
    "group_membership": (RUN_DIM, GROUP_DIM),
    "flux_weights": (RUN_DIM, ENERGY_DIM),
    "flux_log_counts": (GROUP_DIM,),
    "flux_information": (GROUP_DIM,),
    "flux_residual": (GROUP_DIM,),
    "factor_raw": (GROUP_DIM,),
    "shift_raw": (GROUP_DIM,),
    "index_log_energy": (ENERGY_DIM,),
    "bend_rotation": ("bend", "bend_other"),
    "bend_information": ("bend",),
    "bend_estimate": ("bend",),
    "bend_raw": ("bend",),
    "index_mean_log_energy": (GROUP_DIM,),
    "index_spread": (GROUP_DIM,),
    "index_information": (GROUP_DIM,),
    "index_residual": (GROUP_DIM,),
    "offset": (RUN_DIM, ENERGY_DIM),
    "log_energy": (ENERGY_DIM,),
    "spline": (ENERGY_DIM, "basis"),
    "log_mean_at_fit": (RUN_DIM, ENERGY_DIM),
    "information": (RUN_DIM, ENERGY_DIM),
    "residual": (RUN_DIM, ENERGY_DIM),
    "coefficient_design": ("basis", RUN_DIM, ENERGY_DIM),
    "coefficient_prior": ("basis",),
    "coefficient_estimate": ("basis",),
    "slope_design": (RUN_DIM, ENERGY_DIM),
    "slope_shear": ("basis",),
    "level_center": (RUN_DIM,),
    "level_slope_shear": (RUN_DIM,),
    "level_shear": (RUN_DIM, "basis"),
    "level_prior_mean": (RUN_DIM,),
    "level_prior_sd": (RUN_DIM,),
    "n_on": (RUN_DIM, ENERGY_DIM),
    "n_off": (RUN_DIM, ENERGY_DIM),
    "n_on_observed": (RUN_DIM, ENERGY_DIM),
    "n_off_observed": (RUN_DIM, ENERGY_DIM),
    "log_factorials": (RUN_DIM, ENERGY_DIM),
    "rate_shape": (RUN_DIM, ENERGY_DIM),
    "rate_rate": (RUN_DIM, ENERGY_DIM),
    "coefficient_raw": ("basis",),
    "slope_raw": (),
    "level_raw": (RUN_DIM,),
    "deviation_raw": (RUN_DIM, ENERGY_DIM),
}


def random_variable(name: str, prior: Prior) -> Any:
    """Make a PyMC random variable with this prior (call inside a model context).

    Raises
    ------
    TypeError
        If the prior has no translation.
    """
    match prior:
        case Normal(mu, sigma):
            return pm.Normal(name, mu, sigma)
        case LogNormal():  # and LogNormal10
            return pm.LogNormal(name, np.log(prior.mu), prior.log_scale)
        case Uniform(lower, upper):
            return pm.Uniform(name, lower, upper)
        case LogUniform(lower, upper):
            log_value = pm.Uniform(f"log_{name}", np.log(lower), np.log(upper))
            return pm.Deterministic(name, pt.exp(log_value))
        case HalfNormal(sigma):
            return pm.HalfNormal(name, sigma)
        case TruncatedNormal(mu, sigma, lower, upper):
            return pm.TruncatedNormal(name, mu, sigma, lower=lower, upper=upper)
    raise TypeError(f"no PyMC translation of {prior}")


def _acceptance_ratio(background: BackgroundModel, data: Mapping[str, Any]) -> Any:
    """Make the acceptance ratios (run, energy): data, or the nominal ones with an uncertain shift of each run."""
    if background.alpha_uncertainty is None:
        return data["acceptance_ratio"]
    scale = data["shift_scale"]
    if background.alpha_uncertainty == LEARNED:
        scatter = random_variable("alpha_scatter", acceptance.SCATTER_PRIOR)
        pm.Potential("off_regions", acceptance.log_region_likelihood(scatter, data, xp=pt))
        scale = scatter * scale
    dims = _here(RUN_DIM)
    shift = pm.Deterministic("log_alpha_shift", scale * pm.Normal("log_alpha_shift_raw", dims=dims), dims=dims)
    return data["acceptance_ratio"] * pt.exp(shift)[:, None]


def _pooled_background(data: Mapping[str, Any], *, marginal: bool) -> tuple[dict[str, Any], Any]:
    """Make the parameters of the pooled background, and the scale of its deviations."""
    shape_scale = random_variable("shape_scale", pooled.SHAPE_SCALE_PRIOR)
    deviation_scale = random_variable("deviation_scale", pooled.DEVIATION_SCALE_PRIOR)
    return background_parameters(shape_scale, deviation_scale, data, _coordinate, marginal=marginal), deviation_scale


def _coordinate(name: str, conditional: Conditional) -> Any:
    """Make a sampled coordinate that begins at 0 and gives its parameter the prior it has."""
    center, spread = conditional.prior_of_raw()
    dims = _here(*_DIMS[name])
    begin = np.zeros([len(pm.modelcontext(None).coords[dim]) for dim in dims])
    return pm.Normal(name, center, spread, dims=dims, initval=begin)


def _latent_rates(background: BackgroundModel, data: Mapping[str, Any]) -> Any:
    """Make the expected OFF counts b[run, energy] latent variables."""
    if background.prior == "independent":
        return pm.Gamma("npred_off", data["rate_shape"], data["rate_rate"], dims=_here(RUN_DIM, ENERGY_DIM))
    parameters, _ = _pooled_background(data, marginal=False)
    return pt.exp(parameters["log_mean"] + parameters["deviation"])


def _band_counts(signal: BandSignal, data: Mapping[str, Any]) -> Any:
    norm = pm.HalfFlat("norm", dims=BAND, initval=np.ones(signal.n_bands))
    membership = data["band_membership" if signal.bands.ndim == 1 else "cell_membership"]
    outside = 1 - membership.sum(axis=-1)
    return data["reference_counts"] * ((membership * norm).sum(axis=-1) + outside)


def _population_counts(signal: PopulationSignal, data: Mapping[str, Any], energy_true: NDArray[np.float64]) -> Any:
    values = _spectral_parameters(signal.model)
    scatter = random_variable("scatter", signal.population.scatter)
    counts = population.counts_at_mean(signal, values, None, data, energy_true, xp=pt)
    if signal.population.index_scatter is not None:
        index_scatter = random_variable("index_scatter", signal.population.index_scatter)
        conditional = population.shift_conditional(counts, index_scatter, data, xp=pt)
        shift = conditional.parameter(_coordinate("shift_raw", conditional))
        counts = population.counts_at_mean(signal, values, shift, data, energy_true, xp=pt)
    return _scattered(counts, scatter, data)


def _scattered(counts: Any, scatter: Any, data: Mapping[str, Any]) -> Any:
    """Multiply the counts of each group by a factor drawn from the population."""
    conditional = population.factor_conditional(counts, scatter, data, xp=pt)
    factor = pt.exp(conditional.parameter(_coordinate("factor_raw", conditional)))
    return counts * (data["group_membership"] * factor).sum(axis=-1)[:, None]


def _spectral_parameters(model: SpectralModel, data: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Make the spectral parameters; with the data of one instrument, bends in the coordinates that it decides on."""
    bends = () if data is None else bend_names(model)
    values = {name: random_variable(name, prior) for name, prior in model.priors.items() if name not in bends}
    if data is not None and bends:
        roughness = model.local_values(values | dict.fromkeys(bends))["roughness"]
        conditional = bend_conditional(roughness, data)
        rotated = conditional.parameter(_coordinate("bend_raw", conditional))
        bent = pooled.inner(data["bend_rotation"], rotated)
        values |= {name: pm.Deterministic(name, bent[j]) for j, name in enumerate(bends)}
    return values


def _systematic_parameters(systematics: Systematics, energy_true: NDArray[np.float64]) -> dict[str, Any]:
    parameters = {}
    if systematics.energy_scale is not None:
        dims = _here(RUN_DIM) if systematics.scale_per_run else ()
        cut = {"lower": -LARGEST_SCALE, "upper": LARGEST_SCALE}
        parameters[ENERGY_SCALE] = pm.TruncatedNormal(ENERGY_SCALE, 0.0, systematics.energy_scale, **cut, dims=dims)
    if systematics.effective_area is not None:
        prior = area_prior(systematics, energy_true)
        pm.modelcontext(None).add_coords({_here(AREA_NODE)[0]: prior.energy})
        raw = pm.Normal(f"{AREA_SHIFT}_raw", dims=_here(AREA_NODE))
        parameters[AREA_SHIFT] = pm.Deterministic(AREA_SHIFT, (prior.root * raw).sum(axis=-1), dims=_here(AREA_NODE))
    return parameters


def _here(*dims: str) -> tuple[str, ...]:
    """Name the dimensions as in the present context: those of one of several instruments bear its name."""
    prefix = pm.modelcontext(None).prefix
    return tuple(f"{prefix}{SEPARATOR}{dim}" if prefix else dim for dim in dims)


def _coords(data: FitData) -> dict[str, Any]:
    coords: dict[str, Any] = {
        RUN_DIM: list(data.runs),
        ENERGY_DIM: data.energy.centers,
        ENERGY_TRUE_DIM: data.energy_true.centers,
        "basis": np.arange(pooled.N_BASIS),
    }
    return {_here(name)[0]: values for name, values in coords.items()}


def build_model(
    data: FitData, signal: Signal, background: BackgroundModel, systematics: Systematics = NO_SYSTEMATICS
) -> pm.Model:
    """Build the PyMC model of ON and OFF counts.

    ``n_off ~ Poisson(b)``, ``n_on ~ Poisson(signal + acceptance_ratio b)``, with b latent or integrated out. The signal
    of bands has its systematics in its reference counts, and that of a population has none.
    """
    with pm.Model() as model:
        if isinstance(signal, BandSignal):
            model.add_coords({BAND: np.arange(signal.n_bands)})
        if isinstance(signal, PopulationSignal):
            model.add_coords({GROUP_DIM: list(signal.groups.names)})
        if isinstance(signal, SpectralModel):
            model.add_coords(dict.fromkeys(("bend", "bend_other"), np.arange(len(bend_names(signal)))))
        _add_block(Block(data, background, systematics), signal)
    return model


def joint_arrays(block: Block, signal: SpectralModel, *, scattered: bool) -> dict[str, Any]:
    """Everything of one instrument that enters a joint model as data; `scattered`: with a factor on its flux."""
    arrays = data_arrays(block.data, signal, block.background)
    # The bends belong to all instruments: none of them decides on their coordinates.
    arrays = {name: array for name, array in arrays.items() if not name.startswith("bend_")}
    return arrays | population.instrument_geometry(block.data, signal) if scattered else arrays


def build_joint_model(blocks: Mapping[str, Block], signal: SpectralModel, among: Population | None = None) -> pm.Model:
    """Build the PyMC model of several instruments with one spectrum, each with a factor on it drawn from a population.

    Without `among` the flux is the same for all. What belongs to one instrument, data and dimensions included, bears
    its name: ``hess::level_raw``.
    """
    with pm.Model() as model:
        spectral = _spectral_parameters(signal)
        scatter = None if among is None else random_variable("scatter", among.scatter)
        for name, block in blocks.items():
            with pm.Model(name=name):
                _add_block(block, signal, spectral, scatter)
    return model


def _add_block(block: Block, signal: Signal, spectral: Mapping[str, Any] | None = None, scatter: Any = None) -> None:
    """Add data, own parameters and likelihood of one instrument to the model in context.

    `spectral` is what it shares with other instruments; without it the spectrum is its own.
    """
    data, background = block.data, block.background
    pm.modelcontext(None).add_coords(_coords(data))
    if scatter is not None:
        pm.modelcontext(None).add_coords({_here(GROUP_DIM)[0]: ["all"]})
    if spectral is not None and isinstance(signal, SpectralModel):
        arrays = joint_arrays(block, signal, scattered=scatter is not None)
    else:
        arrays = data_arrays(data, signal, background)
    inputs = {
        name: pm.Data(name, array, dims=_here(*_DIMS[name]) if name in _DIMS else None)
        for name, array in arrays.items()
    }
    edges = data.energy_true.edges
    if isinstance(signal, BandSignal):
        n_signal = _band_counts(signal, inputs)
    elif isinstance(signal, PopulationSignal):
        n_signal = _population_counts(signal, inputs, edges)
    else:
        own = _spectral_parameters(signal, inputs) if spectral is None else spectral
        values = {**own, **_systematic_parameters(block.systematics, edges)}
        n_signal = expected_signal(signal, block.systematics, values, edges, inputs["response"], xp=pt)
        if scatter is not None:
            n_signal = _scattered(n_signal, scatter, inputs)
    alpha = _acceptance_ratio(background, inputs)
    mask = inputs["mask"]
    if background.marginal:
        pm.Potential("counts", pt.switch(mask, _log_marginal(background, inputs, n_signal, alpha), 0.0).sum())
        return
    rate = _latent_rates(background, inputs)
    npred_on = n_signal + alpha * rate
    # A masked bin holds no counts; an expectation of (nearly) 0 gives it a likelihood of 1.
    pm.Poisson("n_off", pt.switch(mask, rate, marginal.TINY), observed=inputs["n_off_observed"])
    pm.Poisson("n_on", pt.switch(mask, npred_on, marginal.TINY), observed=inputs["n_on_observed"])


def _log_marginal(background: BackgroundModel, data: Mapping[str, Any], n_signal: Any, alpha: Any) -> Any:
    n_on, n_off = data["n_on"], data["n_off"]
    if background.prior == "independent":
        table = data["gamma_table"]
        if background.alpha_uncertainty is not None:
            table = marginal.table_at_alpha(
                table, n_on, n_off, data["acceptance_ratio"], alpha, background.shape, background.rate, xp=pt
            )
        return marginal.log_marginal_gamma(n_signal, table, xp=pt)
    parameters, scale = _pooled_background(data, marginal=True)
    return marginal.log_marginal_lognormal(
        n_on, n_off, alpha, n_signal, parameters["log_mean"], scale, data["log_factorials"], xp=pt
    )
