"""The prior that truths are drawn from, and that the refits use: ranks are uniform only where the two agree."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayes_onoff.errors import InputError
from bayes_onoff.inference import BackgroundModel, Posterior
from bayes_onoff.inference.pooled import STATED_PRIORS, BackgroundPriors
from bayes_onoff.models import LogNormal, Normal, Prior, SpectralModel, TruncatedNormal

__all__ = ["CalibrationPrior", "calibration_prior", "require_calibratable"]


@dataclass(frozen=True, eq=False, slots=True)
class CalibrationPrior:
    """What truths are drawn from.

    Parameters
    ----------
    model : SpectralModel
        The shape with the calibration's priors.
    background : BackgroundPriors
        Of levels and slope; shape and scatter of the background are drawn from their stated priors.
    """

    model: SpectralModel
    background: BackgroundPriors

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        names = ("level_mean", "level_sd", "slope_mean", "slope_sd")
        background = {name: np.asarray(getattr(self.background, name)).tolist() for name in names}
        return {"model": self.model.to_dict(), "background": background}


def calibration_prior(posterior: Posterior, widths: float = 3.0) -> CalibrationPrior:
    """Spread truths a few posterior widths around the fit.

    A parameter's prior becomes normal (log-normal where the stated prior allows positive values only, truncated where
    it has bounds) around the posterior median, `widths` posterior standard deviations wide, but no wider than stated.

    Parameters
    ----------
    posterior : Posterior
        Of the real data, with the pooled background.
    widths : float
        In posterior standard deviations.

    Raises
    ------
    InputError
        If the background is not pooled, or `widths` is not positive.
    """
    require_calibratable(posterior.background)
    if not 0 < widths < np.inf:
        raise InputError("not a number of posterior widths", place="widths", found=widths, allowed="above 0")
    model = posterior.model
    priors = {name: _around(model.priors[name], posterior.values[name], widths) for name in model.parameter_names}
    draws = posterior.tree["posterior"]
    level, slope = (draws[name].to_numpy() for name in ("level", "slope"))
    background = BackgroundPriors(
        level_mean=np.median(level, axis=(0, 1)),
        level_sd=np.minimum(widths * level.std(axis=(0, 1)), STATED_PRIORS.level_sd),
        slope_mean=float(np.median(slope)),
        slope_sd=float(min(widths * slope.std(), STATED_PRIORS.slope_sd)),
    )
    return CalibrationPrior(model.changed(priors), background)


def require_calibratable(background: BackgroundModel) -> None:
    """Refuse a background that no truths can be drawn from.

    Raises
    ------
    InputError
        If it is not pooled.
    """
    if background.prior != "pooled":
        raise InputError(
            "a calibration needs the pooled background: independent rates have no common level to draw truths from",
            place="background.prior",
            found=background.prior,
            allowed="pooled",
        )


def _around(prior: Prior, draws: NDArray[np.float64], widths: float) -> Prior:
    center = float(np.median(draws))
    lower, upper = prior.support
    if np.isfinite(upper) or (np.isfinite(lower) and lower != 0):
        return TruncatedNormal(center, widths * float(draws.std()), lower, upper)
    if lower == 0:
        stated = prior.log_scale if isinstance(prior, LogNormal) else np.inf
        return LogNormal(center, min(widths * float(np.log(draws).std()), stated))
    stated = prior.sigma if isinstance(prior, Normal) else np.inf
    return Normal(center, min(widths * float(draws.std()), stated))
