"""Is there a source? Probability, Bayes factor and significance, and upper limits on its flux."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from astropy.table import QTable
from numpy.typing import NDArray

from bayes_onoff.columns import described
from bayes_onoff.errors import InputError
from bayes_onoff.inference.bands import BandPosterior
from bayes_onoff.inference.fit_data import FitData
from bayes_onoff.models import CRAB, HalfNormal, Prior, SpectralModel, energy_flux, photons
from bayes_onoff.products.absent_source import effective_draws, log_without_source
from bayes_onoff.products.band_likelihood import BandLikelihoods, band_likelihoods
from bayes_onoff.products.flux_points import UL_CONFIDENCE
from bayes_onoff.products.norm_density import N_GRID, NormDensity, log_evidence
from bayes_onoff.products.table_meta import background_name
from bayes_onoff.spectra import combined_significance, li_ma_significance
from bayes_onoff.units import ENERGY, ENERGY_FLUX, FLUX

__all__ = ["CRAB_UNIT", "DEFAULT_PRIOR", "LEAST_EFFECTIVE", "crab_flux", "detection"]

CRAB_UNIT = "magic_lp"
"""The published spectrum of the Crab nebula whose flux in the same energies is the unit of the amplitude's prior."""
DEFAULT_PRIOR = HalfNormal(1.0)
LEAST_EFFECTIVE = 20
"""With fewer effective draws the Bayes factor and its error rest on too few draws to be quoted."""
_COVERED = 15.0
"""By how much the ln density must have fallen at the ends of a grid."""

_DESCRIPTIONS = {
    "energies": "all bands together with one norm, or one band",
    "energy_min": "lower edge, reconstructed energy; the limits' lower true energy",
    "energy_max": "upper edge, reconstructed energy; the limits' upper true energy",
    "n_on": "ON counts of all runs",
    "n_off": "OFF counts of all runs",
    "alpha": "acceptance ratio ON/OFF, sum(alpha n_off) / sum(n_off)",
    "excess": "sum over runs and bins of n_on - alpha n_off",
    "li_ma": "Li & Ma (1983) significance of the summed counts with the mean acceptance ratio, standard deviations",
    "significance": (
        "profile likelihood ratio of one source in all runs and bins, those of equal acceptance ratio added up; equal "
        "to li_ma where there is one ratio, standard deviations"
    ),
    "sqrt_ts": "square root of twice the marginal ln likelihood ratio between the best norm and zero",
    "ln_bayes_factor": "ln of the Bayes factor of a source over none",
    "ln_bayes_factor_error": "its Monte-Carlo error: one standard deviation",
    "n_effective": "effective number of posterior draws of the background behind the Bayes factor",
    "probability": "probability that there is a source, given the prior of its flux and the prior odds",
    "flux_ul": "one-sided 95 % upper limit of the photon flux, flat prior on the norm",
    "eflux_ul": "the same as energy flux",
    "crab_ul": "the same in units of the Crab nebula's photon flux in these energies",
}


@dataclass(frozen=True, eq=False, slots=True)
class _Norm:
    """One norm: its band (None: all of them), its bins, the likelihood of everything else, and its own on a grid.

    `rest` (draw, step) is the ln likelihood of all other bins, their norms integrated out; `total` (draw, step, grid).
    """

    band: int | None
    members: NDArray[np.bool_]
    edges: NDArray[np.float64]
    rest: NDArray[np.float64]
    grid: NDArray[np.float64]
    total: NDArray[np.float64]


def _averaged(weight: NDArray[np.float64], rest: NDArray[np.float64], total: NDArray[np.float64]) -> Any:
    """Evidence of each draw over that under which it was drawn: ln, (draw, step, ...) to (draw, ...)."""
    from scipy.special import logsumexp

    extra = (1,) * (total.ndim - 2)
    drawn = logsumexp(weight, axis=1).reshape(-1, *extra)
    return logsumexp(rest.reshape(*rest.shape, *extra) + total, axis=1) - drawn


def _common_norm(bands: BandPosterior, found: BandLikelihoods) -> _Norm:
    """One norm for all bands: its likelihood on a grid that covers its posterior.

    The draws come from a posterior with a norm for every band; each is weighted with the ratio of its evidences.
    """
    members = bands.band_of_bin >= 0
    variance = np.maximum(bands.norm.var(axis=(0, 1)), 1e-300)
    center = float((bands.norm.mean(axis=(0, 1)) / variance).sum() / (1 / variance).sum())
    width = float((1 / variance).sum() ** -0.5)
    low, high = max(0.0, center - 8 * width), center + 8 * width
    uncertain = bands.background.alpha_uncertainty is not None
    for _ in range(8):
        below = np.linspace(0.0, low, N_GRID if uncertain else 2)[:-1] if low > 0 else np.empty(0)
        grid = np.concatenate([below, np.linspace(low, high, N_GRID)])
        total = found.of_members(members, grid)
        density = _averaged(found.weight, found.rest, total)
        mean = np.logaddexp.reduce(density, axis=0)[len(below) :]
        fallen = mean < mean.max() - _COVERED
        inside = np.flatnonzero(~fallen)
        step = (high - low) / (N_GRID - 1)
        if len(inside) < 2 * N_GRID // 3 and fallen[-1]:
            low, high = max(0.0, low + (inside[0] - 2) * step), low + (inside[-1] + 2) * step
        elif (fallen[0] or low == 0) and fallen[-1]:
            break
        else:
            low, high = (
                (low if fallen[0] else max(0.0, low - (high - low))),
                (high if fallen[-1] else high + (high - low) / 2),
            )
    return _Norm(None, members, bands.edges[[0, -1]], found.rest, grid, total)


def _norms(bands: BandPosterior, found: BandLikelihoods) -> list[_Norm]:
    """All bands together, then each on its own beside the others' free norms."""
    each = [
        _Norm(band, bands.band_of_bin == band, bands.edges[band : band + 2], found.weight - evidence, grid, total)
        for band, (grid, total, evidence) in enumerate(zip(found.grids, found.totals, found.evidences, strict=True))
    ]
    return [_common_norm(bands, found), *each]


def crab_flux(edges: NDArray[np.float64]) -> float:
    """Photon flux of the Crab nebula, cm-2 s-1, between two energies (TeV)."""
    crab = CRAB[CRAB_UNIT]
    assert isinstance(crab.model, SpectralModel)
    return float(photons(crab.model, crab.values, edges)[0])


def _with_prior(norm: _Norm, prior: Prior, scale: float, found: BandLikelihoods) -> NDArray[np.float64]:
    """Ln integral of likelihood times prior over the norm, shape (draw, step); `scale` is Crab units per norm."""
    draws = prior.draw(np.random.default_rng(0), 4000) / scale
    grid, total = norm.grid, norm.total
    if np.diff(grid).max() > 0.1 * draws.std():
        extra = np.setdiff1d(np.quantile(draws, np.linspace(0, 1, 41)), grid)
        extra = extra[extra < grid[-1]]
        order = np.argsort(np.concatenate([grid, extra]))
        total = np.concatenate([total, found.of_members(norm.members, extra)], axis=-1)[..., order]
        grid = np.concatenate([grid, extra])[order]
    return log_evidence(grid, total + prior.log_density(grid * scale) + np.log(scale))


def _ratio(numerator: NDArray[np.float64], denominator: NDArray[np.float64]) -> tuple[float, float, float]:
    """Ln of the ratio of two means given as logarithms (draw,), its error, and the effective number of draws."""
    from scipy.special import logsumexp, softmax

    value = float(logsumexp(numerator) - logsumexp(denominator))
    shares = softmax(numerator), softmax(denominator)
    n_draws = len(numerator)
    if n_draws == 1:
        return value, 0.0, np.inf
    error = float(np.sqrt(n_draws / (n_draws - 1) * ((shares[0] - shares[1]) ** 2).sum()))
    return value, error, min(effective_draws(numerator), effective_draws(denominator))


def _counts(bands: BandPosterior, members: NDArray[np.bool_]) -> dict[str, Any]:
    """Add counts up, and compute the significances that rest on them alone."""
    data = FitData.from_spectra(bands.spectra)
    reference = bands.reference_counts
    used = data.mask & members
    on, off, alpha = data.n_on[used], data.n_off[used], data.alpha[used]
    weights = off if off.sum() > 0 else np.ones(len(off))
    mean_alpha = float((alpha * weights).sum() / weights.sum())
    return {
        "n_on": int(on.sum()),
        "n_off": int(off.sum()),
        "alpha": mean_alpha,
        "excess": float((on - alpha * off).sum()),
        "li_ma": float(li_ma_significance(on.sum(), off.sum(), mean_alpha)),
        "significance": combined_significance(on, off, alpha, reference[used]),
    }


def _row(
    bands: BandPosterior, norm: _Norm, found: BandLikelihoods, prior: Prior, prior_odds: float, name: str
) -> dict[str, Any]:
    from scipy.special import expit, logsumexp

    flux = float(photons(bands.model, bands.values, norm.edges)[0])
    eflux = float(energy_flux(bands.model, bands.values, norm.edges)[0])
    crab = crab_flux(norm.edges)
    without = log_without_source(bands, found, norm.band)
    density = logsumexp(_averaged(found.weight, norm.rest, norm.total), axis=0)
    density[0] = logsumexp(without)
    density = NormDensity(norm.grid, density - log_evidence(norm.grid, density))
    with_source = _averaged(found.weight, norm.rest, _with_prior(norm, prior, flux / crab, found))
    log_factor, error, n_effective = _ratio(with_source, without)
    limit = density.quantile(UL_CONFIDENCE)
    return {
        "energies": name,
        "energy_min": norm.edges[0] * ENERGY,
        "energy_max": norm.edges[1] * ENERGY,
        **_counts(bands, norm.members),
        "sqrt_ts": density.sqrt_ts,
        "ln_bayes_factor": log_factor,
        "ln_bayes_factor_error": error,
        "n_effective": n_effective,
        "probability": float(expit(log_factor + np.log(prior_odds))),
        "flux_ul": limit * flux * FLUX,
        "eflux_ul": (limit * eflux * ENERGY * FLUX).to(ENERGY_FLUX),
        "crab_ul": limit * flux / crab,
    }


def _sentence(row: Any, prior_text: str, prior_odds: float) -> str:
    if row["n_effective"] < LEAST_EFFECTIVE:
        factor = f"its logarithm is about {row['ln_bayes_factor']:.0f}, from too few effective draws to say more"
    else:
        factor = f"its logarithm is {row['ln_bayes_factor']:.2f} +- {row['ln_bayes_factor_error']:.2f}"
    probability = float(row["probability"])
    told = f"{probability:.3g}" if probability < 0.999 else "above 0.999"
    return (
        f"The probability that there is a source is {told}, with prior odds {prior_odds:g} and a prior of its flux "
        f"of {prior_text}. Bayes factor of a source over none: {factor}. "
        f"Li & Ma: {row['li_ma']:.2f} standard deviations."
    )


def _require(prior: object, prior_odds: float) -> Prior:
    if not isinstance(prior, Prior):
        raise InputError(
            "no proper prior of the source's flux: under an improper one, such as a flat one without end, the Bayes "
            "factor has an arbitrary constant",
            place="detection.prior",
            found=str(prior),
            allowed="a prior of bayes_onoff.models in units of the Crab nebula's flux, such as HalfNormal(1)",
        )
    if prior.support[0] < 0:
        raise InputError(
            "the prior gives negative fluxes a probability",
            place="detection.prior",
            found=str(prior.to_dict()),
            allowed="a prior on values of 0 and more",
        )
    if not (np.isfinite(prior_odds) and prior_odds > 0):
        raise InputError("not odds", place="detection.prior_odds", found=prior_odds, allowed="a positive number")
    return prior


def detection(
    bands: BandPosterior,
    prior: Prior = DEFAULT_PRIOR,
    *,
    prior_odds: float = 1.0,
    likelihoods: BandLikelihoods | None = None,
) -> QTable:
    """Tabulate the evidence for a source and upper limits on its flux: integral, and band by band.

    The source has the reference spectrum's shape, multiplied by one norm for all bands (first row) or in one band while
    the other bands are free (other rows). Given the background's hyperparameters the likelihood of a norm is known
    without sampling; it is averaged over their posterior draws. The Bayes factor is the average of
    ``integral L(norm) p(norm) dnorm`` over the average of ``L(0)``, which is Savage and Dickey's density ratio at zero
    (Dickey 1971, Ann. Math. Stat. 42, 204) with the density at zero known and not estimated from draws.
    The grids of norms make its logarithm accurate to 0.01.

    Parameters
    ----------
    bands : BandPosterior
        From `bayes_onoff.inference.fit_bands`.
    prior : Prior
        Of the photon flux in the row's energies in units of the Crab nebula's flux in the same energies
        (`CRAB_UNIT`). It enters the Bayes factor alone. By default half-normal with a scale of one Crab: known data
        hold few sources above it, and the data at hand have no part in it.
    prior_odds : float
        Odds of a source against none before the data.
    likelihoods : BandLikelihoods, optional
        From `band_likelihoods`, where they serve more than this.

    Returns
    -------
    QTable
        ``energies`` (``all`` or ``band``), ``energy_min``, ``energy_max``; ``n_on``, ``n_off``, ``alpha``, ``excess``;
        ``li_ma``, ``significance``, ``sqrt_ts``; ``ln_bayes_factor`` with ``ln_bayes_factor_error`` and
        ``n_effective``, ``probability``; ``flux_ul``, ``eflux_ul``, ``crab_ul``: one-sided 95 % limits under a flat
        prior on a norm that is not negative. Each column is described in the table; the metadata state the priors, and
        ``sentence`` says it in words.

    Raises
    ------
    InputError
        If the prior is improper or allows negative fluxes, or the odds are not positive.
    """
    prior = _require(prior, prior_odds)
    found = likelihoods or band_likelihoods(bands)
    rows = [
        _row(bands, norm, found, prior, prior_odds, "all" if number == 0 else "band")
        for number, norm in enumerate(_norms(bands, found))
    ]
    table = QTable(rows)[list(_DESCRIPTIONS)]
    described(table, _DESCRIPTIONS)
    stated = f"{prior} in Crab units"
    table.meta |= {
        "prior_of_flux": stated,
        "crab_unit": f"photon flux of {CRAB[CRAB_UNIT].citation} in the same energies",
        "prior_odds": prior_odds,
        "prior_of_limits": "flat on a norm of 0 and more",
        "UL_CONF": UL_CONFIDENCE,
        "reference_model": bands.model.shape_name,
        "background": background_name(bands.background),
        "runs": ", ".join(bands.spectra.names),
        "sentence": _sentence(table[0], stated, prior_odds),
        "converged": bool(bands.convergence.converged),
        "convergence": bands.convergence.sentence,
    }
    return table
