"""What a calibration says: uniformity of ranks, coverage of intervals and limits."""

import numpy as np
from astropy.table import Table
from numpy.typing import NDArray

from bayes_onoff.calibration.calibrate import Calibration
from bayes_onoff.columns import described

__all__ = ["SIGNIFICANCE", "calibration_sentence", "calibration_table"]

SIGNIFICANCE = 0.01
"""Uniformity is rejected below this probability, after Holm's correction over all quantities."""

INTERVALS = {"coverage_68": (0.16, 0.84), "coverage_95": (0.025, 0.975), "coverage_ul95": (0.0, 0.95)}
"""Quantiles between which a truth must lie: the central intervals, and below the one-sided 95 % upper limit."""

_DESCRIPTIONS = {
    "quantity": "what was simulated and found again",
    "p_uniform": "probability of ranks at least as uneven if the posterior is right",
    "p_holm": "the same, corrected for the number of quantities",
    "coverage_68": "share of the truths inside the central 68 % interval",
    "coverage_68_error": "binomial error of that share if the posterior is right",
    "coverage_95": "share of the truths inside the central 95 % interval",
    "coverage_95_error": "binomial error of that share if the posterior is right",
    "coverage_ul95": "share of the truths below the one-sided 95 % upper limit",
    "coverage_ul95_error": "binomial error of that share if the posterior is right",
    "mean_pit": "mean rank of the truths, 0.5 if the posterior is right",
}


def _uniformity(pit: NDArray[np.float64]) -> float:
    """Probability of ranks at least as uneven: ArviZ's test of pointwise order statistics (``pot_c``)."""
    from arviz_stats.base import array_stats

    return float(array_stats.uniformity_test(pit)[0])


def _holm(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    """Adjust probabilities for testing several quantities (Holm 1979, Scand. J. Statist. 6, 65)."""
    order = np.argsort(probabilities)
    factors = len(probabilities) - np.arange(len(probabilities))
    adjusted = np.empty_like(probabilities)
    adjusted[order] = np.minimum(1, np.maximum.accumulate(factors * probabilities[order]))
    return adjusted


def calibration_table(calibration: Calibration) -> Table:
    """One row a quantity.

    Returns
    -------
    Table
        ``quantity``; ``p_uniform`` and ``p_holm``: probability of the ranks if the posterior is right, alone and
        corrected for the number of quantities; ``coverage_68``, ``coverage_95`` of the central intervals and
        ``coverage_ul95`` of the one-sided 95 % upper limit, each with its binomial ``_error``; ``mean_pit``.
    """
    refits = calibration.refits
    names = list(refits[0].pit)
    pit = {name: np.array([found.pit[name] for found in refits]) for name in names}
    p_uniform = np.array([_uniformity(pit[name]) for name in names])
    table = Table({"quantity": names, "p_uniform": p_uniform, "p_holm": _holm(p_uniform)})
    for column, (lower, upper) in INTERVALS.items():
        below = np.array([[found.below[name] for found in refits] for name in names])
        table[column] = np.mean((below >= lower) & (below <= upper), axis=1)
        nominal = upper - lower
        table[f"{column}_error"] = np.sqrt(nominal * (1 - nominal) / len(refits))
    table["mean_pit"] = [float(values.mean()) for values in pit.values()]
    table.meta |= {
        "n_fits": len(refits),
        "seed": calibration.settings.seed,
        "widths": calibration.settings.widths,
        "not_converged": sum(not found.converged for found in refits),
        "repeated": sum(found.tries > 1 for found in refits),
        "divergences": sum(found.divergences for found in refits),
        "sentence": "",
    }
    table.meta["sentence"] = calibration_sentence(table)
    return described(table, _DESCRIPTIONS)


def calibration_sentence(table: Table) -> str:
    """Say in words what the table says."""
    n_fits = table.meta["n_fits"]
    rejected = [str(row["quantity"]) for row in table if row["p_holm"] < SIGNIFICANCE]
    verdict = (
        f"the ranks of {', '.join(rejected)} are not uniform"
        if rejected
        else f"no quantity's ranks are rejected as uniform at {SIGNIFICANCE:.0%} (Holm)"
    )
    coverage = ", ".join(
        f"{name} {np.min(table[column]):.3f} to {np.max(table[column]):.3f}"
        for column, name in (("coverage_68", "68 %"), ("coverage_95", "95 %"), ("coverage_ul95", "upper limits 95 %"))
    )
    error = float(table["coverage_68_error"][0])
    missed = table.meta["not_converged"]
    caveat = f" {missed} refits did not converge; they count like the others." if missed else ""
    told = f"In {n_fits} simulated data sets {verdict}; coverage over the quantities: {coverage}"
    return f"{told} (± {error:.3f} at 68 %).{caveat}"
