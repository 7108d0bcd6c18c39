"""How well a model predicts what was left out of its fit: bins by refits, runs by importance sampling or refits."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from astropy.table import QTable
from numpy.typing import NDArray

from bayes_onoff.columns import described
from bayes_onoff.inference import Posterior
from bayes_onoff.inference.fit_data import FitData
from bayes_onoff.inference.psis import psis_elpd

if TYPE_CHECKING:
    from bayes_onoff.inference import CompiledAnalysis

__all__ = ["GOOD_K", "leave_one_run_out", "log_density_of_left_out_bin"]

GOOD_K = 0.7
"""Above this Pareto k the importance weights cannot be trusted (Vehtari et al. 2024, JMLR 25(72))."""


_DESCRIPTIONS = {
    "run": "the run that is predicted from the others",
    "elpd": "ln predictive probability of its counts",
    "error": "Monte-Carlo error; NaN for PSIS",
    "k_hat": "Pareto k: how reliable the importance sampling is",
    "method": "psis: by importance sampling; refit: from a fit without the run",
}


def log_density_of_left_out_bin(analysis: "CompiledAnalysis", posterior: Posterior, number: int) -> float:
    """Refit without one (run, energy) bin and compute ln p(its counts | all other counts).

    Parameters
    ----------
    analysis : CompiledAnalysis
        Of the posterior's model.
    posterior : Posterior
    number : int
        Of the bin among the unmasked ones, as in `log_likelihood`.
    """
    from bayes_onoff.inference import log_likelihood_of, refit

    data = FitData.from_spectra(posterior.spectra)
    left_out = np.zeros(data.mask.shape, dtype=bool)
    left_out.flat[np.flatnonzero(data.mask)[number]] = True
    settings = replace(posterior.settings, seed=posterior.settings.seed + number + 1)
    found = refit(analysis, data.without(left_out), settings)
    return _log_mean(log_likelihood_of(found, analysis, data)[..., number])


def _log_mean(log_values: NDArray[np.float64]) -> float:
    from scipy.special import logsumexp

    return float(logsumexp(log_values) - np.log(log_values.size))


def leave_one_run_out(
    models: Mapping[str, Posterior],
    *,
    exact: bool = False,
    analyses: Mapping[str, "CompiledAnalysis"] | None = None,
    on_progress: Callable[[str], None] | None = None,
) -> QTable:
    """Compute for every run ln p(its counts | the counts of the other runs), for each model.

    By PSIS on the sums over the bins of a run. Where a Pareto k is above 0.7 the model is sampled again without the run
    (without compiling anew), and the result is ln(evidence of all runs / evidence of the others), which is the same
    number and needs no average over the run's own, unknown background level. If one model is refitted for a run, all
    are, so that differences compare like with like.

    Parameters
    ----------
    models : mapping of str to Posterior
        Of the same spectra with at least two runs.
    exact : bool
        Refit for every run.
    analyses : mapping of str to CompiledAnalysis, optional
        Compiled here where they are not given, if needed.
    on_progress : callable, optional
        Called with a sentence before every refit.

    Returns
    -------
    QTable
        One row a model and run: `model`, `run`, `elpd` (ln probability), `error` (Monte Carlo; NaN for PSIS), `k_hat`,
        `method` ("psis" or "refit"). ``meta["total"]``: sum by model.
    """
    by_psis = {name: _psis_by_run(posterior) for name, posterior in models.items()}
    runs = next(iter(models.values())).spectra.names
    bad = [exact or any(not k[index] <= GOOD_K for _, k in by_psis.values()) for index in range(len(runs))]
    rows = []
    for name, posterior in models.items():
        elpd, k_hat = by_psis[name]
        exactly = _by_refits(posterior, bad, (analyses or {}).get(name), on_progress) if any(bad) else {}
        for index, run in enumerate(runs):
            value, error = exactly.get(run, (float(elpd[index]), np.nan))
            rows.append((name, run, value, error, float(k_hat[index]), "refit" if run in exactly else "psis"))
    table = QTable(rows=rows, names=("model", "run", "elpd", "error", "k_hat", "method"))
    table.meta["total"] = {name: float(table["elpd"][table["model"] == name].sum()) for name in models}
    return described(table, _DESCRIPTIONS)


def _by_refits(
    posterior: Posterior,
    wanted: Sequence[bool],
    analysis: "CompiledAnalysis | None",
    on_progress: Callable[[str], None] | None,
) -> dict[str, tuple[float, float]]:
    """Compute ln(evidence of all runs / evidence of the others) and its error for the runs that are wanted."""
    from bayes_onoff.inference import compile_analysis, compute_evidence, refit

    whole = compute_evidence(posterior)
    analysis = analysis or compile_analysis(
        posterior.spectra, posterior.model, posterior.background, posterior.systematics
    )
    data = FitData.from_spectra(posterior.spectra)
    found = {}
    for index, run in enumerate(data.runs):
        if not wanted[index]:
            continue
        if on_progress is not None:
            on_progress(f"{posterior.model.shape_name} without run {run}")
        left_out = (np.arange(len(data.runs)) == index)[:, None] & data.mask
        settings = replace(posterior.settings, seed=posterior.settings.seed + index + 1)
        others = refit(analysis, data.without(left_out), settings).evidence
        found[run] = whole.log_evidence - others.log_evidence, float(np.hypot(whole.error, others.error))
    return found


def _psis_by_run(posterior: Posterior) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Estimate elpd and Pareto k of each run by importance sampling."""
    group = posterior.tree["log_likelihood"].to_dataset()
    names = group["bin_run"].to_numpy()
    runs = posterior.spectra.names
    counts = group["counts"]
    summed = np.stack([counts.to_numpy()[..., names == run].sum(axis=-1) for run in runs], axis=-1)
    return psis_elpd(summed)
