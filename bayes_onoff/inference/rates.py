"""Background rates, prior draws, replicated counts and marginal likelihoods, in NumPy after sampling."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayes_onoff.inference import acceptance, marginal, pooled
from bayes_onoff.inference.fit_data import FitData
from bayes_onoff.inference.parts import of_draws, parts
from bayes_onoff.inference.pooled_coordinates import background_parameters, pooled_geometry
from bayes_onoff.inference.settings import BackgroundModel

__all__ = ["background_draws", "hyperparameter_draws", "log_likelihood", "prior_background_draws", "replicated_counts"]

type Draws = dict[str, NDArray[np.float64]]


def background_draws(
    variables: Mapping[str, NDArray[np.float64]],
    signal: NDArray[np.float64],
    data: FitData,
    background: BackgroundModel,
    rng: np.random.Generator,
    priors: pooled.BackgroundPriors = pooled.STATED_PRIORS,
) -> Draws:
    """Background parameters and expected OFF counts in their natural space.

    Parameters
    ----------
    variables : mapping
        Sampled variables, (chain, draw, ...).
    signal : ndarray, shape (chain, draw, run, energy)
        Expected signal counts: in the marginal form the rates are drawn back given them.

    Returns
    -------
    dict
        `npred_off` (chain, draw, run, energy), 0 in masked bins; pooled: also `level`, `slope`, `coefficient`,
        `shape_scale` and `deviation_scale`. Where the acceptance ratio is uncertain, `log_alpha_shift` (chain, draw,
        run) and, if learned, `alpha_scatter`.
    """
    shifts = _shifts(variables)
    alpha = acceptance.shifted_alpha(data, shifts).reshape(-1, *data.mask.shape)
    flat_signal = signal.reshape(-1, *signal.shape[2:])
    if background.prior == "independent":
        if background.marginal:
            rate = _gamma_rates(flat_signal, alpha, data, background, rng).reshape(signal.shape)
        else:
            rate = variables["npred_off"]
        return {**shifts, "npred_off": np.where(data.mask, rate, 0.0)}
    parameters = _pooled_draws(variables, data, background, priors)
    log_mean = parameters.pop("log_mean")
    scales = _scales(variables)
    if background.marginal:
        flat_mean = log_mean.reshape(-1, *log_mean.shape[2:])
        flat_scale = np.broadcast_to(scales["deviation_scale"][..., None, None], log_mean.shape)
        rate = marginal.draw_lognormal_rate(
            data.n_on, data.n_off, alpha, flat_signal, flat_mean, flat_scale.reshape(flat_mean.shape), rng
        ).reshape(log_mean.shape)
    else:
        rate = np.exp(log_mean + parameters.pop("deviation"))
    return {**parameters, **scales, **shifts, "npred_off": np.where(data.mask, rate, 0.0)}


def hyperparameter_draws(
    variables: Mapping[str, NDArray[np.float64]], data: FitData, background: BackgroundModel
) -> Draws:
    """Give all that `background_draws` gives but the rates."""
    if background.prior == "independent":
        return _shifts(variables)
    parameters = _pooled_draws(variables, data, background)
    kept = {name: parameters[name] for name in ("coefficient", "slope", "level")}
    return {**kept, **_scales(variables), **_shifts(variables)}


def _shifts(variables: Mapping[str, NDArray[np.float64]]) -> Draws:
    return {name: variables[name] for name in ("alpha_scatter", "log_alpha_shift") if name in variables}


def _scales(variables: Mapping[str, NDArray[np.float64]]) -> Draws:
    return {name: variables[name] for name in ("shape_scale", "deviation_scale")}


def _gamma_rates(
    signal: NDArray[np.float64],
    alpha: NDArray[np.float64],
    data: FitData,
    background: BackgroundModel,
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """Draw rates back under the independent prior; signal (draw, run, energy), alpha likewise or (1, run, energy)."""
    # With a ratio of its own every draw needs a table of its own: not all of them at once.
    split = [slice(None)] if len(alpha) == 1 else parts(len(signal))
    prior = (background.shape, background.rate)
    return np.concatenate(
        [
            marginal.draw_gamma_rate(data.n_on, data.n_off, of_draws(alpha, part), signal[part], *prior, rng)
            for part in split
        ]
    )


def _pooled_draws(
    variables: Mapping[str, NDArray[np.float64]],
    data: FitData,
    background: BackgroundModel,
    priors: pooled.BackgroundPriors = pooled.STATED_PRIORS,
) -> Draws:
    """From the sampled coordinates to coefficients, slope, levels, `log_mean` and, if latent, deviations."""
    geometry = pooled_geometry(data, background, priors)
    arrays = geometry.arrays()

    def of_part(raw: Draws) -> Draws:
        part = background_parameters(
            raw["shape_scale"],
            raw["deviation_scale"],
            arrays,
            lambda name, _: raw[name],
            marginal=background.marginal,
        )
        # Kept in the basis that does not depend on counts, so that a saved posterior stands on its own.
        return {**part, "coefficient": part["coefficient"] @ geometry.rotation.T}

    names = ("shape_scale", "deviation_scale", "coefficient_raw", "slope_raw", "level_raw", "deviation_raw")
    n_chain, n_draw = variables["slope_raw"].shape
    flat = {name: variables[name].reshape(-1, *variables[name].shape[2:]) for name in names if name in variables}
    done = [of_part({name: values[part] for name, values in flat.items()}) for part in parts(n_chain * n_draw)]
    joined = {name: np.concatenate([part[name] for part in done]) for name in done[0]}
    return {name: values.reshape(n_chain, n_draw, *values.shape[1:]) for name, values in joined.items()}


def prior_background_draws(
    data: FitData,
    background: BackgroundModel,
    n_draws: int,
    rng: np.random.Generator,
    priors: pooled.BackgroundPriors = pooled.STATED_PRIORS,
) -> Draws:
    """Draws from the prior of the background and of the acceptance ratios, (1, draw, ...)."""
    shape = (1, n_draws, *data.mask.shape)
    shifts = acceptance.prior_shift_draws(data, background, n_draws, rng)
    if background.prior == "independent":
        rate = rng.gamma(background.shape, 1 / background.rate, shape)
        return {**shifts, "npred_off": np.where(data.mask, rate, 0.0)}
    draws = {
        "slope": rng.normal(priors.slope_mean, priors.slope_sd, (1, n_draws)),
        "shape_scale": pooled.SHAPE_SCALE_PRIOR.draw(rng, (1, n_draws)),
        "deviation_scale": pooled.DEVIATION_SCALE_PRIOR.draw(rng, (1, n_draws)),
        "level": rng.normal(priors.level_mean, priors.level_sd, (1, n_draws, len(data.runs))),
    }
    draws["coefficient"] = draws["shape_scale"][..., None] * rng.standard_normal((1, n_draws, pooled.N_BASIS))
    scale = draws["deviation_scale"][..., None, None]
    log_rate = (
        pooled.log_mean_rate(draws, pooled.background_design(data, background))
        + scale * rng.standard_normal(shape)
        - scale**2 / 2
    )
    return {**draws, **shifts, "npred_off": np.where(data.mask, np.exp(log_rate), 0.0)}


def replicated_counts(
    signal: NDArray[np.float64], background: Mapping[str, Any], data: FitData, rng: np.random.Generator
) -> dict[str, NDArray[np.int64]]:
    """Draw new ON and OFF counts with Poisson noise, (chain, draw, run, energy); 0 in masked bins.

    Parameters
    ----------
    signal : ndarray, shape (chain, draw, run, energy)
    background : mapping
        Draws of `npred_off` and, where the acceptance ratio is uncertain, of `log_alpha_shift`.
    data : FitData
    rng : Generator
    """
    npred_off = background["npred_off"]
    expected = np.where(data.mask, signal + acceptance.shifted_alpha(data, background) * npred_off, 0.0)
    return {"n_on": rng.poisson(expected), "n_off": rng.poisson(npred_off)}


def log_likelihood(
    signal: NDArray[np.float64], draws: Mapping[str, Any], data: FitData, background: BackgroundModel
) -> NDArray[np.float64]:
    """Evaluate ln p(n_on, n_off), the bin's own rate integrated out: (chain, draw, bin), the unmasked bins in order."""
    n_chain, n_draw = signal.shape[:2]
    used = signal[..., data.mask].reshape(n_chain * n_draw, -1)
    n_on, n_off = data.n_on[data.mask], data.n_off[data.mask]
    alpha = acceptance.shifted_alpha(data, draws)[..., data.mask].reshape(-1, used.shape[1])
    result = np.empty_like(used)
    if background.prior == "independent":
        prior, nominal = (background.shape, background.rate), data.alpha[data.mask]
        table = marginal.gamma_table(n_on, n_off, nominal, *prior)
        for part in parts(len(used)):
            own = marginal.table_at_alpha(table, n_on, n_off, nominal, of_draws(alpha, part), *prior)
            result[part] = marginal.log_marginal_gamma(used[part], own)
        return result.reshape(n_chain, n_draw, -1)
    from scipy.special import gammaln

    log_mean = pooled.log_mean_rate(draws, pooled.background_design(data, background))[..., data.mask].reshape(
        used.shape
    )
    scale = draws["deviation_scale"].reshape(-1, 1)
    log_factorials = gammaln(n_on + 1) + gammaln(n_off + 1)
    for part in parts(len(used)):
        result[part] = marginal.log_marginal_lognormal(
            n_on, n_off, of_draws(alpha, part), used[part], log_mean[part], scale[part], log_factorials
        )
    return result.reshape(n_chain, n_draw, -1)
