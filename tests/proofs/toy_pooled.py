"""A toy analysed by the package's own pooled model, the norm as its only spectral parameter."""

from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayes_onoff.inference import BackgroundModel, SamplerSettings, pooled, rates
from bayes_onoff.inference.fit_data import FitData
from bayes_onoff.inference.pymc_model import BandSignal, build_model, data_arrays
from bayes_onoff.inference.sampling import CompiledModel, Samples, compile_model
from bayes_onoff.spectra import Spectra
from tests.proofs.toy_rows import ROWS, Toy, draw_spectra

__all__ = ["CHECKS", "check_off_counts", "compiled_model", "pooled_posterior"]

BACKGROUND = BackgroundModel("pooled")
SETTINGS = {"chains": 2, "tune": 500, "draws": 700, "target_accept": 0.8}
EVERY = 4
"""Every fourth draw enters the predictive checks."""
CHECKS = {
    "given_rates": "chi2 of the OFF counts given the rates of their own bins: what a plot of residuals shows",
    "scatter": "chi2 around the mean rate, each replicated set with new deviations",
    "largest": "largest standardised excess or deficit of a bin around the mean rate",
    "neighbours": "sum of products of neighbouring residuals",
    "slope": "largest slope of the residuals of a run against ln E",
}


def _band_signal(signal: NDArray[np.float64]) -> BandSignal:
    """One norm, prior flat and not negative, times the true shape."""
    return BandSignal(np.zeros(signal.shape[1], dtype=np.int64), 1, signal)


@cache
def compiled_model(n_runs: int, n_bins: int) -> CompiledModel:
    """Compile the model of one shape, once a process; every set brings its own data."""
    any_row = next(row for row in ROWS.values() if row.shape == (n_runs, n_bins))
    data = FitData.from_spectra(draw_spectra(any_row, np.random.default_rng(0)))
    return compile_model(build_model(data, _band_signal(any_row.signal), BACKGROUND))


def pooled_posterior(row: Toy, spectra: Spectra, seed: int, rng: np.random.Generator) -> dict[str, Any]:
    """Sample the posterior of norm and background; its summary, diagnostics and predictive checks."""
    data = FitData.from_spectra(spectra)
    compiled = compiled_model(*row.shape)
    compiled.set_data(data_arrays(data, _band_signal(row.signal), BACKGROUND))
    samples = compiled.sample(SamplerSettings(seed=seed, **SETTINGS), progress=False)  # type: ignore[arg-type]
    norm = samples.variables["norm"][..., 0]
    draws = rates.background_draws(samples.variables, norm[..., None, None] * row.signal, data, BACKGROUND, rng)
    lower, median, upper, limit = np.quantile(norm, [0.16, 0.5, 0.84, 0.95])
    summary = {
        "value": median,
        "mean": norm.mean(),
        "sd": norm.std(),
        "lower": lower,
        "upper": upper,
        "limit": limit,
        "shape_scale": np.median(draws["shape_scale"]),
        "deviation_scale": np.median(draws["deviation_scale"]),
        "bfmi": _bfmi(samples),
    }
    return {
        **{name: float(value) for name, value in summary.items()},
        "divergences": int(samples.sample_stats["diverging"].sum()),
        "draws": int(norm.size),
        "effective": _effective_draws(norm, draws),
        "checks": check_off_counts(data, draws, rng),
    }


def _bfmi(samples: Samples) -> float:
    energy = samples.sample_stats["energy"].to_numpy()
    return float(np.min(np.mean(np.diff(energy, axis=1) ** 2, axis=1) / np.var(energy, axis=1)))


def _effective_draws(norm: NDArray[np.float64], draws: Mapping[str, NDArray[np.float64]]) -> dict[str, float]:
    """Count effective draws (bulk) of the norm and of every hyperparameter, the worst of those with several."""
    import arviz_stats as azs
    import xarray as xr

    names = ("level", "slope", "coefficient", "shape_scale", "deviation_scale")
    dataset = xr.Dataset(
        {
            name: (("chain", "draw", f"{name}_index"), values.reshape(*norm.shape, -1))
            for name, values in {"norm": norm, **{name: draws[name] for name in names}}.items()
        }
    )
    return {str(name): float(values.min()) for name, values in azs.ess(dataset, method="bulk").data_vars.items()}


def check_off_counts(
    data: FitData, draws: Mapping[str, NDArray[np.float64]], rng: np.random.Generator
) -> dict[str, float]:
    """Posterior predictive p-values of the OFF counts: how often a replicated set is as odd as the observed one.

    Given its own rate a bin predicts itself well whatever its count, so most discrepancies compare with the *mean*
    rate, and replicated sets draw their deviations anew (mixed replication: Gelman, Meng & Stern 1996,
    Statistica Sinica 6, 733).
    """
    thinned = {name: values[:, ::EVERY] for name, values in draws.items()}
    mean = np.exp(pooled.log_mean_rate(thinned, pooled.background_design(data, BACKGROUND)))
    mean = mean.reshape(-1, *data.mask.shape)
    scale = thinned["deviation_scale"].reshape(-1, 1, 1)
    rate = thinned["npred_off"].reshape(mean.shape)
    deviation = scale * rng.standard_normal(mean.shape) - scale**2 / 2
    replicated = rng.poisson(mean * np.exp(deviation))
    given = rng.poisson(rate)
    observed = np.broadcast_to(data.n_off, mean.shape)
    odd = _discrepancies(observed, mean, scale, data.log_energy)
    expected = _discrepancies(replicated, mean, scale, data.log_energy)
    p_values = {"given_rates": _p_value(_chi2(given, rate), _chi2(observed, rate))}
    p_values |= {name: _p_value(expected[name], odd[name]) for name in odd}
    return {name: p_values[name] for name in CHECKS}


def _chi2(counts: NDArray[Any], rate: NDArray[np.float64]) -> NDArray[np.float64]:
    total: NDArray[np.float64] = ((counts - rate) ** 2 / rate).sum((1, 2))
    return total


def _p_value(replicated: NDArray[np.float64], observed: NDArray[np.float64]) -> float:
    return float(np.mean(replicated >= observed))


def _discrepancies(
    counts: NDArray[Any], mean: NDArray[np.float64], scale: NDArray[np.float64], log_energy: NDArray[np.float64]
) -> dict[str, NDArray[np.float64]]:
    """Discrepancies of counts (draw, run, energy) around their mean rate, (draw,) each."""
    deviation = np.sqrt(mean + mean**2 * np.expm1(scale**2))
    residual = (counts - mean) / deviation
    # The score of a tilt of the run's background, the part along its level projected out, over its standard deviation.
    information = (mean / deviation) ** 2
    pivot = (log_energy * information).sum(axis=2, keepdims=True) / information.sum(axis=2, keepdims=True)
    weight = (log_energy - pivot) * mean / deviation
    slope = (residual * weight).sum(axis=2) / np.sqrt((weight**2).sum(axis=2))
    return {
        "scatter": (residual**2).sum((1, 2)),
        "largest": np.abs(residual).max((1, 2)),
        "neighbours": (residual[..., 1:] * residual[..., :-1]).sum((1, 2)),
        "slope": np.abs(slope).max(axis=1),
    }
