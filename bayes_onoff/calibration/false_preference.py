"""The simulated error rate of a preference: how often the simpler model's truth gives one as clear as the data's."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bayes_onoff.calibration.rounds import REFIT_SAMPLING, done_rounds, n_cores, require_at_least_one
from bayes_onoff.errors import InputError
from bayes_onoff.inference import Posterior, SamplerSettings
from bayes_onoff.inference.acceptance import replicated_regions
from bayes_onoff.inference.fit_data import FitData
from bayes_onoff.inference.psis import psis_elpd
from bayes_onoff.inference.rates import replicated_counts

if TYPE_CHECKING:
    from bayes_onoff.inference import CompiledAnalysis

__all__ = ["FalsePreference", "PreferenceSettings", "compare_refits", "false_preference"]

type Draws = dict[str, NDArray[np.float64]]


@dataclass(frozen=True, slots=True)
class PreferenceSettings:
    """How to simulate.

    Parameters
    ----------
    n_sets : int
        Simulated data sets.
    seed : int
        Of truths, counts and refits.
    processes : int
        That share the work; the result does not depend on it.
    sampling : SamplerSettings
        Of every refit.

    Raises
    ------
    InputError
        If a number is not positive.
    """

    n_sets: int = 100
    seed: int = 0
    processes: int = field(default_factory=n_cores)
    sampling: SamplerSettings = REFIT_SAMPLING

    def __post_init__(self) -> None:
        require_at_least_one(self, ("n_sets", "processes"), "preference")


@dataclass(frozen=True, eq=False, slots=True)
class FalsePreference:
    """What the simulations found.

    Parameters
    ----------
    log_bayes_factor, elpd_difference : float
        Of the real data: richer less simpler model.
    simulated_log_bayes_factor, simulated_elpd_difference : ndarray, shape (set,)
        Of data sets made with the simpler model.
    """

    log_bayes_factor: float
    elpd_difference: float
    simulated_log_bayes_factor: NDArray[np.float64]
    simulated_elpd_difference: NDArray[np.float64]

    @property
    def evidence_rate(self) -> float:
        """How often ln(Bayes factor) is at least that of the real data; the data count as one of the sets."""
        return _rate(self.simulated_log_bayes_factor, self.log_bayes_factor)

    @property
    def loo_rate(self) -> float:
        """The same for the difference of elpd."""
        return _rate(self.simulated_elpd_difference, self.elpd_difference)

    @property
    def sentence(self) -> str:
        """Say what it means."""
        n_sets = len(self.simulated_log_bayes_factor)
        positive = float(np.mean(self.simulated_log_bayes_factor > 0))
        return (
            f"If the simpler model were true, the richer one would be preferred at least as clearly as in the data in "
            f"{100 * self.evidence_rate:.2g} % of cases by evidence (ln Bayes factor {self.log_bayes_factor:.1f}) and "
            f"in {100 * self.loo_rate:.2g} % by leave-one-out (difference {self.elpd_difference:.1f}); its evidence "
            f"would be the higher one in {100 * positive:.2g} %. From {n_sets} simulated data sets."
        )


def _rate(simulated: NDArray[np.float64], observed: float) -> float:
    return float((1 + np.sum(simulated >= observed)) / (1 + len(simulated)))


def false_preference(
    simpler: Posterior,
    richer: Posterior,
    settings: PreferenceSettings | None = None,
    *,
    record: Path | None = None,
    on_progress: Callable[[str], None] | None = None,
) -> FalsePreference:
    """Simulate from the posterior of the simpler model, fit both models, and compare them as the data are compared.

    As BXA calibrates the threshold of a Bayes factor (Buchner et al. 2014, doi:10.1051/0004-6361/201322971), here with
    truths from the posterior: a posterior predictive tail probability, not the probability of either model.

    Parameters
    ----------
    simpler, richer : Posterior
        Of the same spectra.
    settings : PreferenceSettings, optional
    record : Path, optional
        File (JSON lines) to which every finished set is added at once; sets that are there already, of the same
        models, data and settings, are not done again.
    on_progress : callable, optional
        Called with a sentence now and then.

    Raises
    ------
    InputError
        If the two are not of the same runs and bins.
    FileError
        If the record cannot be written.
    """
    from bayes_onoff.inference import compute_evidence

    settings = settings or PreferenceSettings()
    data, other = (FitData.from_spectra(posterior.spectra) for posterior in (simpler, richer))
    if data.runs != other.runs or data.mask.shape != other.mask.shape or np.any(data.n_on != other.n_on):
        raise InputError("the models were fitted to different data", place="false_preference")
    setup = _Setup(simpler, richer, settings)
    rounds = done_rounds(
        setup, settings.n_sets, settings.processes, record=record, on_progress=on_progress, what="data sets"
    )
    evidences = [compute_evidence(posterior).log_evidence for posterior in (richer, simpler)]
    pairs = [posterior.tree["log_likelihood"]["counts"].to_numpy() for posterior in (richer, simpler)]
    elpds = [float(psis_elpd(pair)[0].sum()) for pair in pairs]
    return FalsePreference(
        evidences[0] - evidences[1],
        elpds[0] - elpds[1],
        np.array([found["log_bayes_factor"] for found in rounds]),
        np.array([found["elpd_difference"] for found in rounds]),
    )


@dataclass(frozen=True, eq=False, slots=True)
class _Setup:
    """All that a process needs; travels to it once."""

    simpler: Posterior
    richer: Posterior
    settings: PreferenceSettings

    def compile(self) -> "tuple[CompiledAnalysis, CompiledAnalysis]":
        from bayes_onoff.inference import compile_analysis

        simpler, richer = (
            compile_analysis(posterior.spectra, posterior.model, posterior.background, posterior.systematics)
            for posterior in (self.simpler, self.richer)
        )
        return simpler, richer

    def fingerprint(self) -> str:
        """Tell two simulations apart: by models, data, draws, settings and seed."""
        plain = {
            "models": [posterior.model.to_dict() for posterior in (self.simpler, self.richer)],
            "backgrounds": [posterior.background.to_dict() for posterior in (self.simpler, self.richer)],
            "systematics": [posterior.systematics.to_dict() for posterior in (self.simpler, self.richer)],
            "sampling": asdict(self.settings.sampling),
            "seed": self.settings.seed,
        }
        digest = hashlib.sha256(json.dumps(plain, sort_keys=True).encode())
        spectra = self.simpler.spectra
        arrays = [spectra.response, spectra.alpha, spectra.mask, spectra.n_on, spectra.n_off]
        for array in (*arrays, *self.simpler.values.values()):
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()

    def round(self, compiled: "tuple[CompiledAnalysis, CompiledAnalysis]", number: int) -> dict[str, Any]:
        """Simulate one data set and compare the models with it."""
        truth_seed, fit_seed = np.random.SeedSequence([self.settings.seed, number]).spawn(2)
        data = _replicated(self.simpler, np.random.default_rng(truth_seed))
        sampling = replace(self.settings.sampling, seed=int(fit_seed.generate_state(1)[0]))
        return {"number": number, **compare_refits(compiled, data, sampling)}


def _replicated(posterior: Posterior, rng: np.random.Generator) -> FitData:
    """Draw new counts from one draw of the posterior."""
    data = FitData.from_spectra(posterior.spectra)
    group = posterior.tree["posterior"]
    n_chains, n_draws = group["npred_signal"].shape[:2]
    chain, draw = int(rng.integers(n_chains)), int(rng.integers(n_draws))
    one = {
        name: group[name].to_numpy()[chain : chain + 1, draw : draw + 1]
        for name in ("npred_signal", "npred_off", "log_alpha_shift", "alpha_scatter")
        if name in group
    }
    counts = {name: values[0, 0] for name, values in replicated_counts(one["npred_signal"], one, data, rng).items()}
    regions = data.off_regions
    if "alpha_scatter" in one:
        regions = replicated_regions(data, counts["n_off"], float(one["alpha_scatter"][0, 0]), rng)
    return replace(data, **counts, off_regions=regions)


def compare_refits(
    compiled: "tuple[CompiledAnalysis, CompiledAnalysis]", data: FitData, sampling: SamplerSettings
) -> dict[str, float]:
    """Fit the simpler and the richer model to one data set.

    Returns
    -------
    dict
        `log_bayes_factor` and `elpd_difference` (richer less simpler), their errors `evidence_error` (Monte Carlo) and
        `elpd_se` (over the pairs of counts), `k_hat` (largest), `divergences` and `seconds`.
    """
    from bayes_onoff.inference import log_likelihood_of, refit

    begin = perf_counter()
    found = [refit(analysis, data, sampling) for analysis in compiled]
    pointwise = [
        psis_elpd(log_likelihood_of(one, analysis, data)) for one, analysis in zip(found, compiled, strict=True)
    ]
    difference = pointwise[1][0] - pointwise[0][0]
    simpler, richer = (one.evidence for one in found)
    return {
        "log_bayes_factor": richer.log_evidence - simpler.log_evidence,
        "evidence_error": float(np.hypot(richer.error, simpler.error)),
        "elpd_difference": float(difference.sum()),
        "elpd_se": float(np.sqrt(len(difference) * difference.var())),
        "k_hat": float(max(k.max() for _, k in pointwise)),
        "divergences": sum(one.divergences for one in found),
        "seconds": perf_counter() - begin,
    }
