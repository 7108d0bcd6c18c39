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

from bayes_onoff.axes import BAND, ENERGY_DIM, ENERGY_TRUE_DIM, RUN_DIM
from bayes_onoff.inference import acceptance, marginal, pooled
from bayes_onoff.inference import pooled_coordinates as coordinates
from bayes_onoff.inference.fit_data import FitData
from bayes_onoff.inference.instrument import SEPARATOR
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

__all__ = ["BandSignal", "Block", "Signal", "build_joint_model", "build_model", "data_arrays"]

MASKED_RATE = 10.0
"""Shape and rate of the placeholder Gamma of masked bins of the independent model: any well-behaved density does."""


@dataclass(frozen=True, eq=False, slots=True)
class BandSignal:
    """The signal as a reference spectrum times a free norm in each reconstructed-energy band.

    Parameters
    ----------
    bands : ndarray of int, shape (energy,)
        Band of each fitted bin; -1: the bin is outside all bands and its signal is the reference's.
    n_bands : int
    reference_counts : ndarray, shape (run, energy)
        Expected signal counts of the reference spectrum.
    """

    bands: NDArray[np.int64]
    n_bands: int
    reference_counts: NDArray[np.float64]


type Signal = SpectralModel | BandSignal


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
        membership = signal.bands[:, None] == np.arange(signal.n_bands)
        arrays["band_membership"] = membership.astype(float)
    else:
        arrays["response"] = data.response
    if background.prior == "pooled":
        arrays |= coordinates.pooled_geometry(data, background, priors).arrays()
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


def _pooled_mean(data: Mapping[str, Any]) -> tuple[Any, Any]:
    """Ln of the mean rates and the scale of the deviations, from the sampled coordinates."""
    shape_scale = random_variable("shape_scale", pooled.SHAPE_SCALE_PRIOR)
    deviation_scale = random_variable("deviation_scale", pooled.DEVIATION_SCALE_PRIOR)
    conditional = coordinates.coefficient_conditional(shape_scale, deviation_scale, data)
    coefficient = _carried("coefficient_raw", conditional, 0.0, shape_scale, ("basis",))
    conditional = coordinates.slope_conditional(coefficient, deviation_scale, data)
    slope = _carried("slope_raw", conditional, data["slope_prior_mean"], data["slope_prior_sd"], ())
    conditional = coordinates.level_conditional(coefficient, slope, deviation_scale, data)
    level = _carried("level_raw", conditional, data["level_prior_mean"], data["level_prior_sd"], (RUN_DIM,))
    parameters = {"coefficient": coefficient, "slope": slope, "level": level}
    return pooled.log_mean_rate(parameters, data), deviation_scale


def _carried(name: str, conditional: coordinates.Conditional, mean: Any, sd: Any, dims: tuple[str, ...]) -> Any:
    """Make the parameter whose prior is N(mean, sd), from a sampled coordinate that begins at 0."""
    center, spread = conditional.prior_of_raw(mean, sd)
    dims = _here(*dims)
    begin = np.zeros([len(pm.modelcontext(None).coords[dim]) for dim in dims])
    return conditional.parameter(pm.Normal(name, center, spread, dims=dims, initval=begin))


def _latent_rates(background: BackgroundModel, data: Mapping[str, Any]) -> Any:
    """Make the expected OFF counts b[run, energy] latent variables."""
    dims = (RUN_DIM, ENERGY_DIM)
    if background.prior == "independent":
        return pm.Gamma("npred_off", data["rate_shape"], data["rate_rate"], dims=_here(*dims))
    log_mean, scale = _pooled_mean(data)
    conditional = coordinates.deviation_conditional(log_mean, scale, data)
    return pt.exp(log_mean + _carried("deviation_raw", conditional, -(scale**2) / 2, scale, dims))


def _band_counts(signal: BandSignal, data: Mapping[str, Any]) -> Any:
    norm = pm.HalfFlat("norm", dims=BAND, initval=np.ones(signal.n_bands))
    membership = data["band_membership"]
    outside = 1 - membership.sum(axis=1)
    return data["reference_counts"] * ((membership * norm).sum(axis=1) + outside)


def _spectral_parameters(model: SpectralModel) -> dict[str, Any]:
    return {name: random_variable(name, prior) for name, prior in model.priors.items()}


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

    ``n_off ~ Poisson(b)``, ``n_on ~ Poisson(signal + acceptance_ratio b)``, with b latent or integrated out.
    """
    with pm.Model() as model:
        if isinstance(signal, BandSignal):
            model.add_coords({BAND: np.arange(signal.n_bands)})
        spectral = {} if isinstance(signal, BandSignal) else _spectral_parameters(signal)
        _add_block(Block(data, background, systematics), signal, spectral)
    return model


def build_joint_model(blocks: Mapping[str, Block], signal: SpectralModel) -> pm.Model:
    """Build the PyMC model of several instruments with one spectrum.

    What belongs to one instrument, data and dimensions included, bears its name: ``hess::level_raw``.
    """
    with pm.Model() as model:
        spectral = _spectral_parameters(signal)
        for name, block in blocks.items():
            with pm.Model(name=name):
                _add_block(block, signal, spectral)
    return model


def _add_block(block: Block, signal: Signal, spectral: Mapping[str, Any]) -> None:
    """Add data, own parameters and likelihood of one instrument to the model in context."""
    data, background = block.data, block.background
    pm.modelcontext(None).add_coords(_coords(data))
    inputs = {
        name: pm.Data(name, array, dims=_here(*_DIMS[name]) if name in _DIMS else None)
        for name, array in data_arrays(data, signal, background).items()
    }
    if isinstance(signal, BandSignal):
        n_signal = _band_counts(signal, inputs)
    else:
        edges = data.energy_true.edges
        values = {**spectral, **_systematic_parameters(block.systematics, edges)}
        n_signal = expected_signal(signal, block.systematics, values, edges, inputs["response"], xp=pt)
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
    log_mean, scale = _pooled_mean(data)
    return marginal.log_marginal_lognormal(n_on, n_off, alpha, n_signal, log_mean, scale, data["log_factorials"], xp=pt)
