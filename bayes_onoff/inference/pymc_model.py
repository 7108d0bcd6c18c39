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
from bayes_onoff.inference.fit_data import FitData
from bayes_onoff.inference.pooled_coordinates import Conditional, background_parameters, pooled_geometry
from bayes_onoff.inference.settings import LEARNED, BackgroundModel
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
    photons,
)
from bayes_onoff.spectra import fold

__all__ = ["BandSignal", "Signal", "build_model", "data_arrays"]

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
        if bend_names(signal):
            arrays |= bend_arrays(data, signal)
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
    "bend_rotation": ("bend", "bend_other"),
    "bend_information": ("bend",),
    "bend_estimate": ("bend",),
    "bend_raw": ("bend",),
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
    shift = pm.Deterministic("log_alpha_shift", scale * pm.Normal("log_alpha_shift_raw", dims=RUN_DIM), dims=RUN_DIM)
    return data["acceptance_ratio"] * pt.exp(shift)[:, None]


def _pooled_background(data: Mapping[str, Any], *, marginal: bool) -> tuple[dict[str, Any], Any]:
    """Make the parameters of the pooled background, and the scale of its deviations."""
    shape_scale = random_variable("shape_scale", pooled.SHAPE_SCALE_PRIOR)
    deviation_scale = random_variable("deviation_scale", pooled.DEVIATION_SCALE_PRIOR)
    return background_parameters(shape_scale, deviation_scale, data, _coordinate, marginal=marginal), deviation_scale


def _coordinate(name: str, conditional: Conditional) -> Any:
    """Make a sampled coordinate that begins at 0 and gives its parameter the prior it has."""
    center, spread = conditional.prior_of_raw()
    dims = _DIMS[name]
    begin = np.zeros([len(pm.modelcontext(None).coords[dim]) for dim in dims])
    return pm.Normal(name, center, spread, dims=dims, initval=begin)


def _latent_rates(background: BackgroundModel, data: Mapping[str, Any]) -> Any:
    """Make the expected OFF counts b[run, energy] latent variables."""
    if background.prior == "independent":
        return pm.Gamma("npred_off", data["rate_shape"], data["rate_rate"], dims=(RUN_DIM, ENERGY_DIM))
    parameters, _ = _pooled_background(data, marginal=False)
    return pt.exp(parameters["log_mean"] + parameters["deviation"])


def _spectral_parameters(model: SpectralModel, data: Mapping[str, Any]) -> dict[str, Any]:
    bends = bend_names(model)
    values = {name: random_variable(name, prior) for name, prior in model.priors.items() if name not in bends}
    if bends:
        roughness = model.local_values(values | dict.fromkeys(bends))["roughness"]
        conditional = bend_conditional(roughness, data)
        rotated = conditional.parameter(_coordinate("bend_raw", conditional))
        bent = pooled.inner(data["bend_rotation"], rotated)
        values |= {name: pm.Deterministic(name, bent[j]) for j, name in enumerate(bends)}
    return values


def _expected_signal(signal: Signal, data: Mapping[str, Any], energy_true: NDArray[np.float64]) -> Any:
    if isinstance(signal, BandSignal):
        norm = pm.HalfFlat("norm", dims=BAND, initval=np.ones(signal.n_bands))
        membership = data["band_membership"]
        outside = 1 - membership.sum(axis=1)
        return data["reference_counts"] * ((membership * norm).sum(axis=1) + outside)
    return fold(photons(signal, _spectral_parameters(signal, data), energy_true, xp=pt), data["response"])


def build_model(data: FitData, signal: Signal, background: BackgroundModel) -> pm.Model:
    """Build the PyMC model of ON and OFF counts.

    ``n_off ~ Poisson(b)``, ``n_on ~ Poisson(signal + acceptance_ratio b)``, with b latent or integrated out.
    """
    coords: dict[str, Any] = {
        RUN_DIM: list(data.runs),
        ENERGY_DIM: data.energy.centers,
        ENERGY_TRUE_DIM: data.energy_true.centers,
        "basis": np.arange(pooled.N_BASIS),
    }
    if isinstance(signal, BandSignal):
        coords[BAND] = np.arange(signal.n_bands)
    else:
        coords |= dict.fromkeys(("bend", "bend_other"), np.arange(len(bend_names(signal))))
    with pm.Model(coords=coords) as model:
        inputs = {
            name: pm.Data(name, array, dims=_DIMS.get(name))
            for name, array in data_arrays(data, signal, background).items()
        }
        n_signal = _expected_signal(signal, inputs, data.energy_true.edges)
        alpha = _acceptance_ratio(background, inputs)
        mask = inputs["mask"]
        if background.marginal:
            pm.Potential("counts", pt.switch(mask, _log_marginal(background, inputs, n_signal, alpha), 0.0).sum())
        else:
            rate = _latent_rates(background, inputs)
            npred_on = n_signal + alpha * rate
            # A masked bin holds no counts; an expectation of (nearly) 0 gives it a likelihood of 1.
            pm.Poisson("n_off", pt.switch(mask, rate, marginal.TINY), observed=inputs["n_off_observed"])
            pm.Poisson("n_on", pt.switch(mask, npred_on, marginal.TINY), observed=inputs["n_on_observed"])
    return model


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
