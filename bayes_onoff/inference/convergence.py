"""Did it converge? Judged here, once; the answer travels with every result."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["BFMI_MIN", "ESS_MIN", "R_HAT_MAX", "Convergence", "judge_convergence"]

R_HAT_MAX = 1.01
ESS_MIN = 400.0
BFMI_MIN = 0.3
DIVERGENT_FRACTION_MAX = 0.001
"""Vehtari et al. (2021), doi:10.1214/20-BA1221 (R-hat, ESS); Betancourt (2016), arXiv:1604.00695 (BFMI)."""


@dataclass(frozen=True, slots=True)
class Convergence:
    """The diagnostics of a sampling run and what they mean.

    Parameters
    ----------
    r_hat_max, ess_bulk_min, ess_tail_min : float
        Worst over every sampled and every printed quantity.
    bfmi_min : float
        Worst chain.
    divergences, draws : int
        Divergent transitions, and all kept draws.
    problems : tuple of str
        One sentence for each criterion that failed; empty if the run converged.
    """

    r_hat_max: float
    ess_bulk_min: float
    ess_tail_min: float
    bfmi_min: float
    divergences: int
    draws: int
    problems: tuple[str, ...]

    @property
    def converged(self) -> bool:
        """Whether no criterion failed."""
        return not self.problems

    @property
    def sentence(self) -> str:
        """The verdict in words."""
        numbers = (
            f"R-hat at most {self.r_hat_max:.3f}, at least {self.ess_bulk_min:.0f} (bulk) and "
            f"{self.ess_tail_min:.0f} (tail) effective draws, {self.divergences} divergences in {self.draws} draws, "
            f"BFMI at least {self.bfmi_min:.2f}"
        )
        if self.converged:
            return f"The sampling converged: {numbers}."
        return f"The sampling did not converge ({'; '.join(self.problems)}). {numbers}."


def _worst(dataset: "xr.Dataset", largest: bool) -> tuple[str, float]:
    """Find the worst value over all quantities; one that is not finite is the worst of all."""
    worst_name, worst = "", -np.inf if largest else np.inf
    for name, values in dataset.data_vars.items():
        array = np.asarray(values)
        if not array.size:
            continue
        value = float(array.max() if largest else array.min())
        if not np.isfinite(value) or (value > worst if largest else value < worst):
            worst_name, worst = str(name), value
            if not np.isfinite(value):
                break
    return worst_name, worst


def judge_convergence(quantities: "xr.Dataset", sample_stats: "xr.Dataset") -> Convergence:
    """Judge a run by R-hat, bulk and tail effective draws, divergences and BFMI.

    Parameters
    ----------
    quantities : Dataset
        Sampled and derived quantities with dims `chain`, `draw`; constant entries must be left out or NaN-free.
    sample_stats : Dataset
        With `diverging` and `energy`, dims (chain, draw).
    """
    import arviz_stats as azs

    # A chain that never moved has no variance to divide by; what is not finite then is the worst there is.
    with np.errstate(divide="ignore", invalid="ignore"):
        r_hat_name, r_hat = _worst(azs.rhat(quantities), largest=True)
        bulk_name, bulk = _worst(azs.ess(quantities, method="bulk"), largest=False)
        tail_name, tail = _worst(azs.ess(quantities, method="tail"), largest=False)
        energy = sample_stats["energy"].values
        bfmi = float(np.min(np.mean(np.diff(energy, axis=1) ** 2, axis=1) / np.var(energy, axis=1)))
    diverging = sample_stats["diverging"].values
    problems = []
    if not r_hat < R_HAT_MAX:
        problems.append(f"R-hat of {r_hat_name} is {r_hat:.3f}, not below {R_HAT_MAX}")
    for kind, name, value in (("bulk", bulk_name, bulk), ("tail", tail_name, tail)):
        if not value >= ESS_MIN:
            problems.append(f"{name} has {value:.0f} effective draws ({kind}), fewer than {ESS_MIN:.0f}")
    if diverging.mean() > DIVERGENT_FRACTION_MAX:
        problems.append(f"{diverging.sum()} of {diverging.size} draws diverged")
    if not bfmi >= BFMI_MIN:
        problems.append(f"BFMI is {bfmi:.2f}, below {BFMI_MIN}")
    return Convergence(r_hat, bulk, tail, bfmi, int(diverging.sum()), int(diverging.size), tuple(problems))
