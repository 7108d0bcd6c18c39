"""Which model predicts the data better: leave-one-out cross-validation on the marginal likelihood."""

import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from astropy.table import QTable

from bayes_onoff.errors import InputError
from bayes_onoff.inference import Posterior
from bayes_onoff.inference.fit_data import FitData

__all__ = ["compare"]

NOTICEABLE = 4.0
"""Differences of elpd below 4 cannot be told from 0 whatever their standard error (Sivula et al. 2025)."""
SIGNIFICANT = 2.0
"""Standard errors between a model and the best one before the table calls it worse."""
LEAST_DRAWS = 30
"""In all chains: a fifth of them are the tail that is smoothed, and fewer than six of these determine no Pareto k."""

_NOTE = (
    "PSIS-LOO of (n_on, n_off) pairs, one a run and bin, with the latent background rates integrated out; "
    "elpd in natural logarithms, higher is better; weights by stacking"
)


def _check_same_data(models: Mapping[str, Posterior]) -> None:
    (first, reference), *others = ((name, FitData.from_spectra(model.spectra)) for name, model in models.items())
    for name, data in others:
        same = (
            data.runs == reference.runs
            and data.energy.is_close(reference.energy)
            and all(np.array_equal(getattr(data, key), getattr(reference, key)) for key in ("mask", "n_on", "n_off"))
        )
        if not same:
            raise InputError(
                "the models were fitted to different data",
                place="compare",
                found=f"{first} and {name} differ in runs, bins or counts",
                allowed="posteriors of the same spectra",
            )


def _check_draws(name: str, posterior: Posterior) -> None:
    sizes = posterior.tree["log_likelihood"]["counts"].sizes
    if sizes["chain"] * sizes["draw"] < LEAST_DRAWS:
        raise InputError(
            "too few draws to compare models",
            place=f"compare, {name}",
            found=f"{sizes['chain']} chains of {sizes['draw']}",
            allowed=f"at least {LEAST_DRAWS} draws in all chains",
        )


def _relative_efficiency(posterior: Posterior) -> float:
    """Effective over actual draws, averaged over the spectral parameters: for the length of the smoothed tail."""
    import arviz_stats

    draws = np.stack([np.asarray(values) for values in posterior.values.values()], axis=-1)
    return float(arviz_stats.ess(draws, method="mean", relative=True, chain_axis=0, draw_axis=1).mean())


def _with_warnings[T](function: Callable[[], T]) -> tuple[T, tuple[str, ...]]:
    """Call `function` and return its warnings, to be told in the table, beside its result."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = function()
    return result, tuple(str(warning.message) for warning in caught)


def _loo(name: str, posterior: Posterior) -> tuple[Any, str]:
    """PSIS-LOO of one model and what there is to warn about."""
    import arviz_stats

    efficiency = _relative_efficiency(posterior)
    try:
        result, messages = _with_warnings(
            lambda: arviz_stats.loo(posterior.tree, pointwise=True, var_name="counts", reff=efficiency)
        )
    except ValueError as error:
        raise InputError(
            "these draws cannot be cross-validated",
            place=f"compare, {name}",
            found=f"for some run and bin: {error}",
            allowed="draws that differ, as of a sampling that converged",
        ) from error
    if result.warning:
        # ArviZ's own message says the same at greater length.
        n_bad = _n_bad(result)
        messages = (f"{n_bad} of {result.n_data_points} pairs have a Pareto k above {result.good_k:.2f}",)
    return result, "; ".join(messages)


def _n_bad(result: Any) -> int:
    return int((result.pareto_k > result.good_k).sum())


def _sentence(table: QTable) -> str:
    """Say what the comparison supports."""
    if not np.all(table["converged"]):
        names = ", ".join(table["model"][~table["converged"]])
        return f"No conclusion: the sampling of {names} did not converge."
    best = table["model"][0]
    alike: list[str] = []
    worse: list[str] = []
    for row in table[1:]:
        clear = -row["elpd_diff"] >= NOTICEABLE and -row["elpd_diff"] > SIGNIFICANT * row["diff_se"]
        (worse if clear else alike).append(f"{row['model']} ({row['elpd_diff']:.1f} ± {row['diff_se']:.1f})")
    parts = []
    if worse:
        parts.append(f"{best} predicts the counts better than {', '.join(worse)}")
    if alike:
        parts.append(f"{best} and {', '.join(alike)} cannot be told apart")
    sentence = "; ".join(parts) + " (difference of expected log predictive density)."
    if np.any(table["n_bad_k"] > 0):
        sentence += " Unreliable: some Pareto k are too high, see the warnings."
    return sentence


def compare(models: Mapping[str, Posterior]) -> QTable:
    """Rank models by how well they predict a run's bin that was left out.

    Pareto-smoothed importance-sampling leave-one-out cross-validation (Vehtari et al. 2017,
    doi:10.1007/s11222-016-9696-4) on the pairs (n_on, n_off). The background rates are integrated out: conditional
    on one latent rate per pair importance sampling fails.

    Parameters
    ----------
    models : mapping of str to Posterior
        At least two, of the same spectra; the keys name them.

    Returns
    -------
    QTable
        Best first: `model`, `rank` (1 is best), `elpd_loo`, `elpd_se`, `p_loo` (effective number of parameters),
        `elpd_diff` (to the best, not positive), `diff_se`, `weight` (stacking), `k_hat_max`, `n_bad_k`, `warning`,
        `converged`. ``meta["sentence"]`` says what the table supports.

    Raises
    ------
    InputError
        If there are fewer than two models, they were fitted to different data, or a model has fewer than 30 draws or
        draws that repeat one another.
    """
    if len(models) < 2:
        raise InputError("nothing to compare", place="compare", found=", ".join(models), allowed="at least two models")
    _check_same_data(models)
    for name, posterior in models.items():
        _check_draws(name, posterior)
    import arviz_stats

    results, messages = {}, {}
    for name, posterior in models.items():
        results[name], messages[name] = _loo(name, posterior)
    ranking, remarks = _with_warnings(lambda: arviz_stats.compare(results, method="stacking", round_to="none"))
    names = [str(name) for name in ranking.index]
    table = QTable(
        {
            "model": names,
            "rank": np.arange(len(names)) + 1,
            "elpd_loo": [float(results[name].elpd) for name in names],
            "elpd_se": [float(results[name].se) for name in names],
            "p_loo": [float(results[name].p) for name in names],
            "elpd_diff": ranking["elpd_diff"].to_numpy(dtype=float),
            "diff_se": ranking["dse"].to_numpy(dtype=float),
            "weight": ranking["weight"].to_numpy(dtype=float),
            "k_hat_max": [float(results[name].pareto_k.max()) for name in names],
            "n_bad_k": [_n_bad(results[name]) for name in names],
            "warning": [messages[name] for name in names],
            "converged": [bool(models[name].convergence.converged) for name in names],
        },
        meta={"method": _NOTE, "n_pairs": int(results[names[0]].n_data_points), "remarks": "; ".join(remarks)},
    )
    table.meta["converged"] = bool(np.all(table["converged"]))
    table.meta["sentence"] = _sentence(table)
    return table
