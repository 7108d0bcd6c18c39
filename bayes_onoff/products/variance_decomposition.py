"""Where the uncertainty of the spectrum comes from: counts, background, acceptance ratio, energy scale, area."""

from collections.abc import Iterable, Mapping
from itertools import combinations
from math import comb

import numpy as np
from astropy.table import QTable
from numpy.typing import NDArray

from bayes_onoff.columns import described
from bayes_onoff.inference import JointPosterior, Posterior
from bayes_onoff.inference.systematics import AREA_SHIFT, ENERGY_SCALE
from bayes_onoff.products.table_meta import table_meta

__all__ = ["variance_decomposition", "variance_shares"]

METHOD = (
    "Law of total variance, Var(x) = Var(E[x | u]) + E[Var(x | u)], for the draws of each parameter x and all else "
    "that is uncertain, u. E[x | u] is taken as linear in u (least squares, its R squared adjusted for the number of "
    "regressors): what bends is left with the counts. The part explained by several sources together is shared among "
    "them equally over all orders in which they can be taken (Shapley). The logarithm of a parameter that must be "
    "positive stands for it."
)
_SOURCES = ("background", "acceptance_ratio", "energy_scale", "effective_area")
_DRAWS_PER_REGRESSOR = 10

_DESCRIPTIONS = {
    "sd": "posterior standard deviation, of the logarithm where `log` is true",
    "log": "whether it is that of the logarithm",
    "counts": "share of the variance left were all else known: Poisson noise and the priors of the spectrum",
    "background": "share of the expected OFF counts",
    "acceptance_ratio": "share of the acceptance ratio",
    "energy_scale": "share of the energy scale",
    "effective_area": "share of the effective area",
}

type Draws = NDArray[np.float64]


def variance_decomposition(posterior: Posterior | JointPosterior) -> QTable:
    """Share out the posterior variance of each spectral parameter among its sources.

    Parameters
    ----------
    posterior : Posterior or JointPosterior

    Returns
    -------
    QTable
        `parameter`, `sd` (of the logarithm where `log` is True), and the shares of its variance, of all instruments
        together, which sum to 1: `counts`, what would be left were all else known (Poisson noise, priors of the
        spectrum); `background`, the expected OFF counts; `acceptance_ratio`, `energy_scale`, `effective_area`, 0 where
        they are certain. ``meta["method"]`` states the approximation.
    """
    parts = posterior.instruments if isinstance(posterior, JointPosterior) else {"": posterior}
    sources = _sources(parts.values())
    first = next(iter(parts.values()))
    rows = []
    for name, draws in posterior.values.items():
        is_log = first.model.priors[name].support[0] >= 0 and bool(np.all(draws > 0))
        values = np.log(draws) if is_log else draws
        shares = variance_shares(values.ravel(), sources)
        rows.append((name, float(values.std(ddof=1)), is_log, *(shares[key] for key in ("counts", *_SOURCES))))
    meta = table_meta(first) | {"method": METHOD}
    if isinstance(posterior, JointPosterior):
        meta["instruments"] = ", ".join(parts)
    table = QTable(rows=rows, names=("parameter", "sd", "log", "counts", *_SOURCES), meta=meta)
    return described(table, _DESCRIPTIONS)


def _sources(parts: Iterable[Posterior]) -> dict[str, Draws]:
    """Collect what is uncertain beside the spectrum, (draw, regressor) each, of all instruments."""
    parts = list(parts)
    found: dict[str, list[Draws]] = {name: [] for name in _SOURCES}
    for part in parts:
        group = part.tree["posterior"]
        n_draws = group.sizes["chain"] * group.sizes["draw"]
        alpha = np.asarray(part.tree["constant_data"]["acceptance_ratio"].values)
        mask = np.asarray(part.tree["constant_data"]["mask"].values)
        rates = np.asarray(group["npred_off"].values).reshape(n_draws, *mask.shape)
        found["background"].append(
            _few(np.where(mask, alpha * rates, 0.0), n_draws // _DRAWS_PER_REGRESSOR // len(parts))
        )
        names = {"log_alpha_shift": "acceptance_ratio", ENERGY_SCALE: "energy_scale", AREA_SHIFT: "effective_area"}
        for name, source in names.items():
            if name in group:
                found[source].append(np.asarray(group[name].values).reshape(n_draws, -1))
    return {name: np.concatenate(draws, axis=1) for name, draws in found.items() if draws}


def _few(rates: Draws, most: int) -> Draws:
    """Background counts in ON (draw, run, energy) as at most so many columns: of runs, then of energies added up."""
    columns = rates.reshape(len(rates), -1)
    columns = columns[:, np.ptp(columns, axis=0) > 0]
    if columns.shape[1] > most:
        columns = rates.sum(axis=1)
    while columns.shape[1] > max(most, 1):
        columns = np.add.reduceat(columns, np.arange(0, columns.shape[1], 2), axis=1)
    return columns


def variance_shares(values: Draws, sources: Mapping[str, Draws]) -> dict[str, float]:
    """Share out the variance of draws among sources; what they do not explain is `counts`.

    Parameters
    ----------
    values : ndarray, shape (draw,)
    sources : mapping of str to ndarray, shape (draw, regressor)

    Returns
    -------
    dict of str to float
        `counts` and every possible source, 0 where it is not given; not negative, summing to 1.
    """
    names = list(sources)
    explained: dict[frozenset[str], float] = {frozenset(): 0.0}
    for size in range(1, len(names) + 1):
        for chosen in combinations(names, size):
            regressors = np.concatenate([sources[name] for name in chosen], axis=1)
            explained[frozenset(chosen)] = _explained(values, regressors)
    shares = dict.fromkeys(_SOURCES, 0.0)
    for name in names:
        others = [other for other in names if other != name]
        gains = [
            (explained[frozenset((*before, name))] - explained[frozenset(before)]) / comb(len(others), size)
            for size in range(len(names))
            for before in combinations(others, size)
        ]
        shares[name] = max(sum(gains) / len(names), 0.0)
    total = sum(shares.values())
    if total > 1:  # by noise alone
        shares = {name: share / total for name, share in shares.items()}
    return {"counts": max(1 - sum(shares.values()), 0.0), **shares}


def _explained(values: Draws, regressors: Draws) -> float:
    """Compute the adjusted R squared of a linear regression."""
    centered = values - values.mean()
    columns = regressors - regressors.mean(axis=0)
    columns = columns / np.maximum(columns.std(axis=0), np.finfo(float).tiny)
    # By the normal equations, many times quicker than with all draws; columns that are all but alike count once.
    coefficients, _, rank, _ = np.linalg.lstsq(columns.T @ columns, columns.T @ centered, rcond=1e-10)
    left = float(((centered - columns @ coefficients) ** 2).sum() / (centered**2).sum())
    n_draws = len(values)
    return 1 - left * (n_draws - 1) / max(n_draws - 1 - int(rank), 1)
