"""Posterior and profile likelihood side by side, with the reason where they differ."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from astropy.table import QTable
from numpy.typing import NDArray

from bayes_onoff.columns import described
from bayes_onoff.errors import InputError
from bayes_onoff.inference import Posterior
from bayes_onoff.inference.fit_data import FitData
from bayes_onoff.products.intervals import posterior_quantiles
from bayes_onoff.products.prior_sensitivity import SENSITIVE, prior_sensitivity
from bayes_onoff.products.table_meta import table_meta
from bayes_onoff.products.wstat_fit import WstatFit
from bayes_onoff.products.wstat_objective import WstatObjective
from bayes_onoff.products.wstat_profile import WstatProfile, profile_wstat

__all__ = ["AGREE", "compare_with_wstat"]

SHIFTED = 0.3
"""Posterior standard deviations between median and best fit that ask for a reason."""
OTHER_WIDTH = 0.15
"""Relative difference of the widths that asks for a reason."""
_NOTICEABLE = 0.1
"""Posterior standard deviations by which a change of the background must move the fit to be named."""
_NEAR_EDGE = 0.2
_SKEWED = 0.3
"""Skewness: median and mode of a distribution lie about a third of it apart, in standard deviations."""
AGREE = "they agree"


_DESCRIPTIONS = {
    "wstat_value": "best fit of WSTAT",
    "wstat_error": "its error, from the curvature",
    "profile_lower": "lower end of the profile interval, where W is 1 above its minimum",
    "profile_upper": "upper end of the profile interval",
    "shift": "posterior median less best fit, in posterior standard deviations",
    "width_ratio": "width of the 68 % credible interval over that of the profile interval",
    "reason": "why the two differ, where they do",
}


def compare_with_wstat(
    posterior: Posterior,
    fit: WstatFit,
    *,
    profiles: Mapping[str, WstatProfile] | None = None,
    sensitivity: QTable | None = None,
) -> QTable:
    """Set the posterior beside the profile likelihood, parameter by parameter.

    Where median and best fit differ by more than 0.3 posterior standard deviations, or the widths of the 68 % intervals
    by more than 15 %, `reason` says which of these was found: bins with ON but no OFF counts, in which WSTAT puts no
    background (tested by refitting with the posterior mean of the background in them); the background of all bins
    (likewise); a limit of the parameter; a prior to whose strength the result is sensitive; skewness.

    Parameters
    ----------
    posterior : Posterior
    fit : WstatFit
        Of the same model and spectra.
    profiles : mapping of str to WstatProfile, optional
        From `profile_wstat`, where they are known already.
    sensitivity : QTable, optional
        From `prior_sensitivity`, where it is known already.

    Returns
    -------
    QTable
        `parameter`, `unit`, `median`, `eti68_lower`, `eti68_upper`; `wstat_value`, `wstat_error` (from the
        curvature), `profile_lower`, `profile_upper` (where W is 1 above its minimum); `shift` (median less best fit, in
        posterior standard deviations), `width_ratio` (posterior to profile interval), `reason`. If the fit found no
        minimum, its columns are NaN. ``meta["n_empty_off"]`` counts the bins with ON but no OFF counts in which the fit
        puts no background; ``meta["sentence"]`` sums up.

    Raises
    ------
    InputError
        If model or spectra of the two differ.
    """
    if posterior.model.identity != fit.model.identity:
        raise InputError(
            "posterior and WSTAT fit are of different models",
            place="compare with WSTAT",
            found=f"{fit.model.label} at {fit.model.reference:g} TeV",
            allowed=f"{posterior.model.label} at {posterior.model.reference:g} TeV",
        )
    if fit.success and profiles is None:
        profiles = profile_wstat(posterior.spectra, fit)
    sensitivity = prior_sensitivity(posterior) if sensitivity is None else sensitivity
    names = posterior.model.parameter_names
    draws = np.stack([np.asarray(posterior.values[name]) for name in names], axis=-1)
    quantiles = {name: posterior_quantiles(draws)[name] for name in ("median", "eti68_lower", "eti68_upper")}
    lower, upper = (
        np.array([getattr((profiles or {}).get(name), side, np.nan) for name in names]) for side in ("lower", "upper")
    )
    best = np.array([fit.values[name] if fit.success else np.nan for name in names])
    table = QTable(
        {
            "parameter": list(names),
            "unit": [parameter.unit for parameter in posterior.model.parameters],
            **quantiles,
            "wstat_value": best,
            "wstat_error": [fit.errors[name] for name in names],
            "profile_lower": lower,
            "profile_upper": upper,
            "shift": (quantiles["median"] - best) / draws.std(axis=(0, 1), ddof=1),
            "width_ratio": (quantiles["eti68_upper"] - quantiles["eti68_lower"]) / (upper - lower),
        },
        meta=table_meta(posterior) | {"n_empty_off": 0},
    )
    if fit.success:
        refits = _Refits.of(posterior, fit)
        table.meta["n_empty_off"] = refits.n_empty
        table["reason"] = [_reason(table, index, posterior, refits, sensitivity) for index in range(len(names))]
    else:
        table["reason"] = [f"WSTAT found no minimum: {fit.message}"] * len(names)
    table.meta["sentence"] = _sentence(table, fit)
    return described(table, _DESCRIPTIONS)


@dataclass(frozen=True, eq=False, slots=True)
class _Refits:
    """Where the fit goes with the posterior mean of the background instead of the profiled one.

    Parameters
    ----------
    n_empty, n_bins : int
        Bins with ON but no OFF counts in which the fit puts no background; all bins.
    best, error : ndarray, shape (parameter,)
        Of the fit itself.
    empty, everywhere : ndarray, shape (parameter,)
        Best values with the posterior's background in those bins, and in all bins.
    error_everywhere : ndarray, shape (parameter,)
        With the background known in all bins.
    """

    n_empty: int
    n_bins: int
    best: NDArray[np.float64]
    error: NDArray[np.float64]
    empty: NDArray[np.float64]
    everywhere: NDArray[np.float64]
    error_everywhere: NDArray[np.float64]

    @classmethod
    def of(cls, posterior: Posterior, fit: WstatFit) -> "_Refits":
        """Refit twice, from the best fit."""
        names = posterior.model.parameter_names
        objective = WstatObjective(posterior.spectra, fit.model)
        best = np.array([fit.values[name] for name in names])
        profiled = objective.background(objective.signal(objective.to_coordinates(best)))
        empty = (objective.n_off == 0) & (objective.n_on > 0) & (profiled == 0)
        # The fitted rectangle is cut out of the spectra in order: its unmasked bins are the analysed ones.
        mask = FitData.from_spectra(posterior.spectra).mask
        mean = posterior.tree["posterior"]["npred_off"].mean(("chain", "draw")).to_numpy()[mask]
        moved, _ = _refit(posterior, fit, np.where(empty, mean, np.nan)) if empty.any() else (best, None)
        everywhere, error = _refit(posterior, fit, mean)
        errors = np.array([fit.errors[name] for name in names])
        return cls(int(empty.sum()), len(empty), best, errors, moved, everywhere, error)


def _refit(
    posterior: Posterior, fit: WstatFit, known_background: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Best values and errors with the background of some bins given."""
    objective = WstatObjective(posterior.spectra, fit.model, known_background)
    start = objective.to_coordinates(np.array([fit.values[name] for name in objective.names]))
    coordinates, _ = objective.minimise(start)
    _, hessian = objective.natural_derivatives(coordinates)
    variances = np.diag(2 * np.linalg.inv(hessian))
    return objective.to_values(coordinates), np.sqrt(np.where(variances > 0, variances, np.nan))


def _reason(table: QTable, index: int, posterior: Posterior, refits: _Refits, sensitivity: QTable) -> str:
    shifted = abs(float(table["shift"][index])) > SHIFTED
    other_width = not abs(float(table["width_ratio"][index]) - 1) <= OTHER_WIDTH
    if not (shifted or other_width):
        return AGREE
    found = [
        *_systematics_reasons(posterior),
        *_background_reasons(index, posterior, refits),
        *_limit_reasons(table, index, posterior),
        *_prior_reasons(str(table["parameter"][index]), sensitivity),
        *_skewness_reasons(str(table["parameter"][index]), posterior),
    ]
    return "; ".join(found) or "none of the known reasons: look at the convergence and at the residuals"


def _background_reasons(index: int, posterior: Posterior, refits: _Refits) -> Iterator[str]:
    """Compare the fit with refits whose background is the posterior's."""
    name = posterior.model.parameter_names[index]
    deviation = float(np.std(posterior.values[name], ddof=1))
    in_empty = (refits.empty[index] - refits.best[index]) / deviation
    elsewhere = (refits.everywhere[index] - refits.empty[index]) / deviation
    if refits.n_empty and abs(in_empty) > _NOTICEABLE:
        yield (
            f"empty OFF: {refits.n_empty} of {refits.n_bins} bins have ON but no OFF counts and WSTAT puts no "
            f"background there; with the posterior's background in them the fit moves by {in_empty:+.2f} sd"
        )
    if abs(elsewhere) > _NOTICEABLE:
        yield f"background: with the posterior's in all other bins too the fit moves by a further {elsewhere:+.2f} sd"
    narrower = refits.error_everywhere[index] / refits.error[index]
    if narrower < 1 - OTHER_WIDTH:
        yield f"background: were it known in all bins, the error would be {narrower:.2f} times that of WSTAT"


def _systematics_reasons(posterior: Posterior) -> Iterator[str]:
    if posterior.systematics:
        yield f"systematics: the posterior has {posterior.systematics.label}, the fit takes the response as exact"


def _limit_reasons(table: QTable, index: int, posterior: Posterior) -> Iterator[str]:
    name = str(table["parameter"][index])
    if table["profile_lower"][index] == 0:
        yield "limit: the profile interval reaches the limit 0"
    elif not np.isfinite(table["profile_lower"][index] + table["profile_upper"][index]):
        yield "limit: the profile interval has no end"
    draws = posterior.values[name]
    for edge in posterior.model.priors[name].support:
        if np.isfinite(edge) and np.abs(np.quantile(draws, [0.025, 0.975]) - edge).min() < _NEAR_EDGE * draws.std():
            yield f"limit: the posterior touches the prior's edge at {edge:g}"
    low, high = posterior.model.priors[name].support
    if not low <= float(table["wstat_value"][index]) <= high:
        yield f"limit: the best fit lies outside the prior's range {low:g} to {high:g}"


def _prior_reasons(name: str, sensitivity: QTable) -> Iterator[str]:
    row = sensitivity[sensitivity["parameter"] == name][0]
    for whose in ("spectrum", "background"):
        value = float(row[f"prior_{whose}"])
        if value >= SENSITIVE:
            yield f"prior: the result is sensitive to the prior of the {whose} ({value:.2f})"


def _skewness_reasons(name: str, posterior: Posterior) -> Iterator[str]:
    draws = np.asarray(posterior.values[name])
    skewness = float(np.mean(((draws - draws.mean()) / draws.std()) ** 3))
    if abs(skewness) > _SKEWED:
        yield f"skewness: that of the posterior is {skewness:+.1f}, so that its median is not where it is highest"


def _sentence(table: QTable, fit: WstatFit) -> str:
    if not fit.success:
        return f"The WSTAT fit found no minimum ({fit.message}); there is nothing to compare the posterior with."
    empty = f"{table.meta['n_empty_off']} of {fit.n_bins} bins have ON but no OFF counts and no background in the fit."
    different = [str(row["parameter"]) for row in table if row["reason"] != AGREE]
    shift, width = f"{SHIFTED:g} standard deviations", f"{100 * OTHER_WIDTH:g} % in width"
    if not different:
        return f"Posterior and profile likelihood agree within {shift} and {width} for every parameter. {empty}"
    return (
        f"Posterior and profile likelihood differ by more than {shift} or {width} for {', '.join(different)}. {empty}"
    )
