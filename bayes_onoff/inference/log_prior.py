"""Logarithm of the prior density at every draw of the posterior: what power scaling of the priors needs."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from bayes_onoff.inference import acceptance, marginal, pooled
from bayes_onoff.inference.fit_data import FitData
from bayes_onoff.inference.parts import of_draws, parts
from bayes_onoff.inference.settings import BackgroundModel
from bayes_onoff.inference.systematics import NO_SYSTEMATICS, Systematics, log_systematics_prior
from bayes_onoff.models import Normal, Prior, SpectralModel

__all__ = ["log_prior", "parameter_log_prior"]

type Draws = dict[str, NDArray[np.float64]]


def log_prior(
    draws: Mapping[str, NDArray[np.float64]],
    data: FitData,
    model: SpectralModel,
    background: BackgroundModel,
    systematics: Systematics = NO_SYSTEMATICS,
) -> Draws:
    """Evaluate the prior of every parameter on which the marginal likelihood depends, at its draws.

    Parameters
    ----------
    draws : mapping
        Natural parameters and `npred_signal` of the posterior, (chain, draw, ...).
    data : FitData
    model : SpectralModel
    background : BackgroundModel
    systematics : Systematics

    Returns
    -------
    dict
        Each spectral parameter, and of a pooled background `level`, `slope`, `shape_scale`, `deviation_scale` and
        `coefficient` (given `shape_scale`), in the shape of the parameter's draws. Of an independent background
        `rates` (chain, draw): they are integrated out in `log_likelihood`, and so they are here. It is the
        expectation of their summed ln prior density given counts and spectrum, which is the derivative of the ln
        marginal likelihood by the power of the prior. Where the acceptance ratio is uncertain, `acceptance_ratios`
        (chain, draw), of the shifts of all runs, and `alpha_scatter` if their scale is learned.
        Each systematic parameter, (chain, draw).
    """
    densities = parameter_log_prior(draws, data, model.priors, background, systematics)
    if background.prior == "independent":
        densities["rates"] = _expected_rate_prior(draws, data, background)
    return densities


def parameter_log_prior(
    draws: Mapping[str, NDArray[np.float64]],
    data: FitData,
    spectral: Mapping[str, Prior],
    background: BackgroundModel,
    systematics: Systematics = NO_SYSTEMATICS,
) -> Draws:
    """Give all that `log_prior` gives but the rates of an independent background: the ln prior of the marginal form."""
    densities = {name: prior.log_density(draws[name]) for name, prior in spectral.items()}
    densities |= log_systematics_prior(systematics, draws, data.energy_true.edges)
    if "log_alpha_shift" in draws:
        densities["acceptance_ratios"] = acceptance.log_shift_prior(data, background, draws)
    if "alpha_scatter" in draws:
        densities["alpha_scatter"] = acceptance.SCATTER_PRIOR.log_density(draws["alpha_scatter"])
    if background.prior == "independent":
        return densities
    shape_scale = draws["shape_scale"][..., None]
    return {
        **densities,
        "level": pooled.LEVEL_PRIOR.log_density(draws["level"]),
        "slope": pooled.SLOPE_PRIOR.log_density(draws["slope"]),
        "shape_scale": pooled.SHAPE_SCALE_PRIOR.log_density(draws["shape_scale"]),
        "deviation_scale": pooled.DEVIATION_SCALE_PRIOR.log_density(draws["deviation_scale"]),
        "coefficient": Normal(0.0, 1.0).log_density(draws["coefficient"] / shape_scale) - np.log(shape_scale),
    }


def _expected_rate_prior(
    draws: Mapping[str, NDArray[np.float64]], data: FitData, background: BackgroundModel
) -> NDArray[np.float64]:
    signal = draws["npred_signal"]
    used = signal[..., data.mask].reshape(-1, int(data.mask.sum()))
    n_on, n_off = data.n_on[data.mask], data.n_off[data.mask]
    alpha = acceptance.shifted_alpha(data, draws)[..., data.mask].reshape(-1, used.shape[1])
    total = np.empty(len(used))
    for part in parts(len(used)):
        total[part] = marginal.expected_log_gamma_prior(
            used[part], n_on, n_off, of_draws(alpha, part), background.shape, background.rate
        ).sum(axis=-1)
    return total.reshape(signal.shape[:2])
