"""Which model do the data support: leave-one-out cross-validation and evidence, both on the marginal likelihood."""

import warnings
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy.table import QTable

from bayes_onoff.columns import described
from bayes_onoff.errors import InputError
from bayes_onoff.inference import Posterior
from bayes_onoff.inference.fit_data import FitData
from bayes_onoff.products.evidence_scale import bayes_factor_words, model_probabilities
from bayes_onoff.products.left_out import GOOD_K, log_density_of_left_out_bin

if TYPE_CHECKING:
    from bayes_onoff.inference import CompiledAnalysis, Evidence

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
_EVIDENCE_NOTE = (
    "ln evidence by bridge sampling of the same likelihood, with n! terms; probabilities of models that are equally "
    "probable beforehand; words of Kass and Raftery (1995). It depends on the priors of the parameters that models do "
    "not share: halving the width of such a prior adds up to 0.7"
)


_DESCRIPTIONS = {
    "rank": "place by predictive density, the best first",
    "elpd_loo": "expected log predictive density of counts left out, PSIS-LOO",
    "elpd_se": "its standard error",
    "p_loo": "effective number of parameters",
    "elpd_diff": "expected log predictive density less that of the best model",
    "diff_se": "standard error of that difference",
    "weight": "stacking weight",
    "k_hat_max": "largest Pareto k: how reliable the importance sampling is",
    "n_bad_k": "number of run and bin pairs whose Pareto k is too high",
    "warning": "what limits the numbers of this row",
    "log_evidence": "ln of the marginal likelihood",
    "log_evidence_error": "its Monte-Carlo error: one standard deviation",
    "log_bayes_factor": "ln of the evidence over that of the best model",
    "probability": "probability of the model, all equally probable before",
    "evidence_for_best": "what the Bayes factor supports, in words",
    "n_refits": "number of pairs left out by refits",
}


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


def _refit_bad_bins(result: Any, posterior: Posterior, analysis: "CompiledAnalysis | None") -> int:
    """Put exact values where importance sampling failed; how many there were."""
    bad = np.flatnonzero(np.asarray(result.pareto_k) > GOOD_K)
    if len(bad) and analysis is None:
        from bayes_onoff.inference import compile_analysis

        analysis = compile_analysis(posterior.spectra, posterior.model, posterior.background, posterior.systematics)
    for number in bad:
        assert analysis is not None
        result.elpd_i[number] = log_density_of_left_out_bin(analysis, posterior, int(number))
        result.pareto_k[number] = 0.0
    if len(bad):
        result.elpd = float(result.elpd_i.sum())
        result.se = float(np.sqrt(result.elpd_i.size * np.var(np.asarray(result.elpd_i))))
    return len(bad)


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
    if "log_evidence" in table.colnames:
        sentence += f" {_evidence_sentence(table)}"
    return sentence


def _evidence_sentence(table: QTable) -> str:
    if not np.all(np.isfinite(table["log_evidence"])):
        return "Evidences were not computed, see the warnings."
    order = np.argsort(-table["log_evidence"])
    best, others = table[order[0]], table[order[1:]]
    parts = [
        f"{bayes_factor_words(row['log_bayes_factor'])} against {row['model']} "
        f"(ln Bayes factor {-row['log_bayes_factor']:.1f} ± "
        f"{np.hypot(row['log_evidence_error'], best['log_evidence_error']):.1g})"
        for row in others
    ]
    return f"Evidence is highest for {best['model']}: {'; '.join(parts)}."


def _evidence(posterior: Posterior) -> "tuple[Evidence | None, str]":
    """Compute the evidence, or say why there is none."""
    from bayes_onoff.inference import compute_evidence

    try:
        return compute_evidence(posterior), ""
    except InputError as error:
        return None, str(error)


def _evidence_columns(evidences: "list[Evidence | None]") -> dict[str, Any]:
    log_evidence = np.array([np.nan if found is None else found.log_evidence for found in evidences])
    columns = {
        "log_evidence": log_evidence,
        "log_evidence_error": [np.nan if found is None else found.error for found in evidences],
        "log_bayes_factor": np.full(len(evidences), np.nan),
        "probability": np.full(len(evidences), np.nan),
        "evidence_for_best": ["not computed"] * len(evidences),
    }
    if np.all(np.isfinite(log_evidence)):
        relative = log_evidence - log_evidence.max()
        columns["log_bayes_factor"] = relative
        columns["probability"] = model_probabilities(log_evidence)
        columns["evidence_for_best"] = ["best" if value == 0 else bayes_factor_words(value) for value in relative]
    return columns


def compare(
    models: Mapping[str, Posterior],
    *,
    evidence: bool = False,
    analyses: Mapping[str, "CompiledAnalysis"] | None = None,
) -> QTable:
    """Rank models by how well they predict a run's bin that was left out; say how probable each is, if asked for.

    Pareto-smoothed importance-sampling leave-one-out cross-validation (Vehtari et al. 2017,
    doi:10.1007/s11222-016-9696-4) on the pairs (n_on, n_off). The background rates are integrated out: conditional
    on one latent rate per pair importance sampling fails.

    Parameters
    ----------
    models : mapping of str to Posterior
        At least two, of the same spectra; the keys name them.
    evidence : bool
        Compute the evidence of each model by bridge sampling, and refit without the bins whose Pareto k is above 0.7.
    analyses : mapping of str to CompiledAnalysis, optional
        Used for refits instead of compiling.

    Returns
    -------
    QTable
        Best first: `model`, `rank` (1 is best), `elpd_loo`, `elpd_se`, `p_loo` (effective number of parameters),
        `elpd_diff` (to the best, not positive), `diff_se`, `weight` (stacking), `k_hat_max`, `n_bad_k`, `warning`,
        `converged`. With evidences also `log_evidence`, `log_evidence_error`, `log_bayes_factor` (against the model of
        highest evidence, not positive), `probability` (of models equally probable beforehand), `evidence_for_best`
        (how strong the evidence against the model is, in words) and `n_refits` (bins left out exactly).
        ``meta["sentence"]`` says what the table supports.

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
    n_refits: dict[str, int] = {}
    evidences: dict[str, Evidence | None] = {}
    if evidence:
        for name, posterior in models.items():
            analysis = (analyses or {}).get(name)
            # No refits of what has to be sampled again anyway.
            converged = posterior.convergence.converged
            n_refits[name] = _refit_bad_bins(results[name], posterior, analysis) if converged else 0
            if n_refits[name]:
                messages[name] = f"{n_refits[name]} pairs left out by refits, their Pareto k was above {GOOD_K:g}"
            evidences[name], refusal = _evidence(posterior)
            messages[name] = "; ".join(text for text in (messages[name], refusal) if text)
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
    if evidence:
        for column, values in _evidence_columns([evidences[name] for name in names]).items():
            table[column] = values
        table["n_refits"] = [n_refits[name] for name in names]
        table.meta["evidence_method"] = _EVIDENCE_NOTE
    table.meta["converged"] = bool(np.all(table["converged"]))
    table.meta["sentence"] = _sentence(table)
    return described(table, _DESCRIPTIONS)
