"""Many rounds of a calibration, on several processes, resumed where an earlier one was interrupted."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_onoff.calibration.prior import CalibrationPrior, calibration_prior
from bayes_onoff.calibration.refit import Refit, refit
from bayes_onoff.calibration.rounds import REFIT_SAMPLING, done_rounds, n_cores, require_at_least_one
from bayes_onoff.inference import BackgroundModel, Posterior, SamplerSettings, Systematics
from bayes_onoff.spectra import Spectra

if TYPE_CHECKING:
    from bayes_onoff.inference import CompiledAnalysis

__all__ = ["Calibration", "CalibrationSettings", "calibrate"]


@dataclass(frozen=True, slots=True)
class CalibrationSettings:
    """How to calibrate.

    Parameters
    ----------
    n_fits : int
        Simulated data sets.
    widths : float
        How far truths spread around the fit, in posterior standard deviations.
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

    n_fits: int = 200
    widths: float = 3.0
    seed: int = 0
    processes: int = field(default_factory=n_cores)
    sampling: SamplerSettings = REFIT_SAMPLING

    def __post_init__(self) -> None:
        require_at_least_one(self, ("n_fits", "processes"), "calibration")


@dataclass(frozen=True, eq=False, slots=True)
class Calibration:
    """What a calibration found.

    Parameters
    ----------
    prior : CalibrationPrior
        What truths were drawn from.
    settings : CalibrationSettings
    refits : tuple of Refit
        In order of their numbers.
    """

    prior: CalibrationPrior
    settings: CalibrationSettings
    refits: tuple[Refit, ...]


def calibrate(
    posterior: Posterior,
    settings: CalibrationSettings | None = None,
    *,
    record: Path | None = None,
    on_progress: Callable[[str], None] | None = None,
) -> Calibration:
    """Simulate data sets like the one analysed and analyse them in the same way (Talts et al. 2018, arXiv:1804.06788).

    Truths come from a stated prior around the fit, which the refits use too; responses, livetimes, acceptances and
    masks are those of the data. Then the rank of a truth among the draws of its posterior is uniform.

    Parameters
    ----------
    posterior : Posterior
        Of the real data.
    settings : CalibrationSettings, optional
    record : Path, optional
        File (JSON lines) to which every finished round is added at once; rounds that are there already, of the same
        calibration, are not done again.
    on_progress : callable, optional
        Called with a sentence now and then.

    Raises
    ------
    InputError
        If the background is not pooled.
    FileError
        If the record cannot be written.
    """
    settings = settings or CalibrationSettings()
    prior = calibration_prior(posterior, settings.widths)
    setup = _Setup(
        posterior.spectra, prior, posterior.background, posterior.systematics, settings.sampling, settings.seed
    )
    rounds = done_rounds(setup, settings.n_fits, settings.processes, record=record, on_progress=on_progress)
    return Calibration(prior, settings, tuple(Refit.from_dict(found) for found in rounds))


@dataclass(frozen=True, eq=False, slots=True)
class _Setup:
    """All that a process needs; travels to it once."""

    spectra: Spectra
    prior: CalibrationPrior
    background: BackgroundModel
    systematics: Systematics
    sampling: SamplerSettings
    seed: int

    def compile(self) -> "CompiledAnalysis":
        from bayes_onoff.inference import compile_analysis

        return compile_analysis(self.spectra, self.prior.model, self.background, self.systematics)

    def fingerprint(self) -> str:
        """Tell two calibrations apart: by responses, masks, priors, settings and seed."""
        plain = {
            "prior": self.prior.to_dict(),
            "background": self.background.to_dict(),
            "sampling": asdict(self.sampling),
            "seed": self.seed,
        }
        if self.systematics:
            plain["systematics"] = self.systematics.to_dict()
        digest = hashlib.sha256(json.dumps(plain, sort_keys=True).encode())
        arrays = [self.spectra.response, self.spectra.alpha, self.spectra.mask]
        if self.background.shape_from is not None:
            arrays += [run.background for run in self.spectra if run.background is not None]
        for array in arrays:
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()

    def round(self, compiled: "CompiledAnalysis", number: int) -> dict[str, Any]:
        return refit(compiled, self.prior, self.sampling, self.seed, number).to_dict()
