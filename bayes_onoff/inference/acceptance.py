"""The ON/OFF acceptance ratio of a run as an uncertain number.

``alpha_r exp(shift_r)`` replaces the nominal ratio alpha_r, with shift_r ~ N(0, spread_r). The spread is stated
(`BackgroundModel.alpha_uncertainty`), or learned: the acceptance of every region, ON or OFF, is its nominal value times
a ~ Gamma(k, rate k), of mean 1 and relative standard deviation ``scatter = k**-0.5``. Then

- the counts of m OFF regions of equal nominal acceptance share their sum as a Dirichlet-multinomial distribution with
  all concentrations k, whatever the energies and the total rate (`log_region_likelihood`);
- to first order in the scatter, ln of (ON acceptance / mean OFF acceptance) has the standard deviation
  ``scatter sqrt(1 + 1/m)`` and, for gamma-distributed acceptances, does not depend on how the OFF regions share.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayes_onoff.inference.fit_data import FitData
from bayes_onoff.inference.settings import LEARNED, BackgroundModel
from bayes_onoff.models import LogNormal, Normal

__all__ = [
    "SCATTER_PRIOR",
    "log_region_likelihood",
    "log_shift_prior",
    "prior_shift_draws",
    "replicated_regions",
    "shift_arrays",
    "shifted_alpha",
]

SCATTER_PRIOR = LogNormal(0.01, 1.0)
"""Relative: 0.15 % to 7 % within two standard deviations."""


def shift_arrays(data: FitData, background: BackgroundModel) -> dict[str, NDArray[np.float64]]:
    """Collect what the model needs to know about the shifts; nothing if the ratio is certain.

    Returns
    -------
    dict
        `shift_scale` (run,): standard deviation of the shift, over the scatter where that is learned; there also
        `region_counts` (region,), the OFF counts of every region of every run, and `region_totals` and `region_numbers`
        (runs with regions,).
    """
    if background.alpha_uncertainty is None:
        return {}
    if background.alpha_uncertainty != LEARNED:
        return {"shift_scale": np.full(len(data.runs), float(background.alpha_uncertainty))}
    # 1/alpha is the number of ON-sized OFF regions, also where they are not known one by one.
    mean_alpha = np.where(data.mask, data.alpha, 0.0).sum(axis=1) / np.maximum(data.mask.sum(axis=1), 1)
    known = [counts.astype(float) for counts in data.off_regions if len(counts)]
    return {
        "shift_scale": np.sqrt(1 + mean_alpha),
        "region_counts": np.concatenate([np.empty(0), *known]),
        "region_totals": np.array([counts.sum() for counts in known], dtype=float),
        "region_numbers": np.array([len(counts) for counts in known], dtype=float),
    }


def log_region_likelihood(scatter: Any, arrays: Mapping[str, Any], xp: Any = np) -> Any:
    """Evaluate ln p(how the OFF counts are shared by the regions | scatter), less its value for a scatter of 0.

    For each run the Dirichlet-multinomial distribution ``Gamma(m k) / Gamma(N + m k) prod_j Gamma(n_j + k) / Gamma(k)``
    (times factorials of the counts) over the multinomial one, k = scatter**-2
    (Mosimann 1962, doi:10.1093/biomet/49.1-2.65).

    Parameters
    ----------
    scatter : array, shape ()
    arrays : mapping
        As from `shift_arrays`.
    xp : module
        ``numpy`` or ``pytensor.tensor``.
    """
    k = scatter**-2
    counts, totals, numbers = (arrays[name] for name in ("region_counts", "region_totals", "region_numbers"))
    return _log_rising(counts, k, xp).sum() - _log_rising(totals, numbers * k, xp).sum()


def _log_rising(n: Any, k: Any, xp: Any) -> Any:
    """Ln of Gamma(n + k) / (Gamma(k) k**n).

    For large k by Stirling's series: the difference of two ln Gamma would be nothing but rounding where the scatter is
    small, and a sampler finds its peaks.
    """
    if xp is np:
        from scipy.special import gammaln
    else:
        gammaln = xp.gammaln

    def correction(z: Any) -> Any:
        return 1 / (12 * z) - 1 / (360 * z**3)

    series = (k + n - 0.5) * xp.log1p(n / k) - n + correction(n + k) - correction(k)
    return xp.where(k > 100.0, series, gammaln(n + k) - gammaln(k) - n * xp.log(k))


def shifted_alpha(data: FitData, draws: Any) -> NDArray[np.float64]:
    """Give the acceptance ratio of each draw.

    Parameters
    ----------
    data : FitData
    draws : mapping, Dataset or DataTree
        Posterior or prior draws with `log_alpha_shift` (..., run), if it is uncertain.

    Returns
    -------
    ndarray, shape (..., run, energy)
        Without leading dimensions where the ratio is certain.
    """
    if "log_alpha_shift" not in draws:
        return data.alpha
    shifted: NDArray[np.float64] = data.alpha * np.exp(np.asarray(draws["log_alpha_shift"]))[..., None]
    return shifted


def prior_shift_draws(
    data: FitData, background: BackgroundModel, n_draws: int, rng: np.random.Generator
) -> dict[str, NDArray[np.float64]]:
    """Draws from the prior, (1, draw, ...): `log_alpha_shift` and, if learned, `alpha_scatter`; none if certain."""
    arrays = shift_arrays(data, background)
    if not arrays:
        return {}
    draws = {}
    scale = arrays["shift_scale"]
    if background.alpha_uncertainty == LEARNED:
        draws["alpha_scatter"] = SCATTER_PRIOR.draw(rng, (1, n_draws))
        scale = draws["alpha_scatter"][..., None] * scale
    return {**draws, "log_alpha_shift": scale * rng.standard_normal((1, n_draws, len(data.runs)))}


def log_shift_prior(
    data: FitData, background: BackgroundModel, draws: Mapping[str, NDArray[np.float64]]
) -> NDArray[np.float64]:
    """Evaluate the ln density of `log_alpha_shift` (..., run), given `alpha_scatter` (...) if learned: (...)."""
    scale = shift_arrays(data, background)["shift_scale"]
    if background.alpha_uncertainty == LEARNED:
        scale = draws["alpha_scatter"][..., None] * scale
    density: NDArray[np.float64] = Normal(0.0, 1.0).log_density(draws["log_alpha_shift"] / scale) - np.log(scale)
    return density.sum(axis=-1)


def replicated_regions(
    data: FitData, n_off: NDArray[np.int64], scatter: float, rng: np.random.Generator
) -> tuple[NDArray[np.int64], ...]:
    """Share new OFF counts (run, energy) among the regions of each run, acceptances drawn with this scatter."""
    regions = []
    for counts, total, equal in zip(data.off_regions, n_off, data.equal_regions, strict=True):
        acceptance = rng.gamma(scatter**-2, size=len(counts))
        shares = rng.multinomial(total[equal].sum(), acceptance / acceptance.sum()) if len(counts) else counts
        regions.append(shares)
    return tuple(regions)
