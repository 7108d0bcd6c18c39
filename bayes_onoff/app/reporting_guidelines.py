"""What of the steps of a Bayesian analysis this report holds, after the reporting guidelines of Kruschke (2021)."""

from bayes_onoff.app.results import Results
from bayes_onoff.report import ReportTable, Section

__all__ = ["reporting_guidelines"]

_HELD, _ABSENT = "yes", "absent"
LEAST_ESS = 400


def reporting_guidelines(results: Results) -> Section:
    """Go through the steps of the Bayesian analysis reporting guidelines (BARG; doi:10.1038/s41562-021-01177-7).

    What depends on the run is looked up, not asserted: an analysis without comparison or calibration says so.
    """
    convergence = results.fits.main.convergence
    ess = min(convergence.ess_bulk_min, convergence.ess_tail_min)
    reached = _HELD if convergence.converged else "not reached"
    asked = "absent: one model only; `compare` in the configuration adds others"
    calibrated = "absent: `bayes-onoff calibrate` adds it"
    compared, judged = results.comparison is not None, results.calibration is not None
    sensitive = str(results.sensitivity.meta["sentence"])
    steps = (
        ("Preamble", "why Bayesian: uncertainty of spectrum and background together", _HELD, "Model and priors"),
        ("1 Model", "data, likelihood and parameters", _HELD, "Data; Model and priors"),
        ("1 Model", "prior of every parameter, with its meaning", _HELD, "Model and priors"),
        ("1 Model", "formal specification", _HELD, "Model and priors; configuration under Provenance"),
        ("1 Model", "prior predictive check", _HELD, "Model and priors"),
        ("2 Computation", "software and sampler, with versions", _HELD, "Provenance"),
        ("2 Computation", "convergence of the chains", reached, "Convergence"),
        ("2 Computation", f"{LEAST_ESS} effective draws", _HELD if ess >= LEAST_ESS else f"{ess:.0f}", "Convergence"),
        ("3 Posterior", "posterior predictive check", _HELD, "Counts and residuals"),
        ("3 Posterior", "central values and intervals, their kind named", _HELD, "Parameters; Flux points"),
        ("3 Posterior", "marginal and joint distributions", _HELD, "Parameters"),
        ("4 Decisions", "probability of a source, with the prior odds", _HELD, "Detection and upper limits"),
        ("4 Decisions", "comparison of models, with its priors", _HELD if compared else asked, "Model comparison"),
        ("4 Decisions", "limits: kind, probability and prior", _HELD, "Detection and upper limits"),
        ("5 Sensitivity", "other strengths of the priors", _HELD, f"Sensitivity to the priors. {sensitive}"),
        ("5 Sensitivity", "beside a fit without priors", _HELD, "Profile likelihood (WSTAT) beside the posterior"),
        ("6 Reproducible", "configuration, seed, versions, checksums of the input", _HELD, "Provenance"),
        ("6 Reproducible", "posterior draws as a file", _HELD, "posterior.nc, for ArviZ"),
        ("Beyond", "intervals calibrated on simulated data", _HELD if judged else calibrated, "Calibration"),
    )
    rows = tuple((step, what, held, "–" if held.startswith(_ABSENT) else where) for step, what, held, where in steps)
    table = ReportTable("Steps of the guidelines", ("step", "what", "reported", "where"), rows)
    text = (
        "The steps of the Bayesian analysis reporting guidelines (Kruschke 2021, doi:10.1038/s41562-021-01177-7): what "
        "this report holds, and what it does not."
    )
    return Section((text,), (table,))
