"""A toy analysed by the package's own pooled model, the norm as its only spectral parameter."""

from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayes_onoff.inference import BackgroundModel, SamplerSettings, rates
from bayes_onoff.inference.fit_data import FitData
from bayes_onoff.inference.pymc_model import BandSignal, build_model, data_arrays
from bayes_onoff.inference.sampling import CompiledModel, Samples, compile_model
from bayes_onoff.products.background_checks import CHECKS as PACKAGE_CHECKS
from bayes_onoff.products.background_checks import off_residuals
from bayes_onoff.spectra import Spectra
from tests.proofs.toy_rows import ROWS, Toy, draw_spectra

__all__ = ["CHECKS", "check_off_counts", "compiled_model", "pooled_posterior"]

BACKGROUND = BackgroundModel("pooled")
SETTINGS = {"chains": 2, "tune": 500, "draws": 700, "target_accept": 0.8}
MANY_BINS, VERY_MANY_BINS = 100, 2000
MANY_BINS_SETTINGS = {"chains": 1, "tune": 150, "draws": 300, "target_accept": 0.6}
VERY_MANY_BINS_SETTINGS = MANY_BINS_SETTINGS | {"draws": 150}
"""Of rows with more bins than that, or a thousand sets take days: the tables tell how many draws are effective."""
EVERY = 4
"""Every fourth draw enters the predictive checks."""
CHECKS = {
    "given_rates": "chi2 of the OFF counts given the rates of their own bins: what a plot of residuals shows",
    **PACKAGE_CHECKS,
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


def _settings(row: Toy) -> dict[str, float]:
    _, n_bins = row.shape
    if n_bins > VERY_MANY_BINS:
        return VERY_MANY_BINS_SETTINGS
    return MANY_BINS_SETTINGS if n_bins > MANY_BINS else SETTINGS


def pooled_posterior(row: Toy, spectra: Spectra, seed: int, rng: np.random.Generator) -> dict[str, Any]:
    """Sample the posterior of norm and background; its summary, diagnostics and predictive checks."""
    data = FitData.from_spectra(spectra)
    compiled = compiled_model(*row.shape)
    compiled.set_data(data_arrays(data, _band_signal(row.signal), BACKGROUND))
    samples = compiled.sample(SamplerSettings(seed=seed, **_settings(row)), progress=False)  # type: ignore[arg-type]
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

    One-sided throughout. `given_rates` is no check of the package: it shows that given its own rate a bin predicts
    itself well whatever its count.
    """
    thinned = {
        name: draws[name][:, ::EVERY] for name in ("level", "slope", "coefficient", "deviation_scale", "npred_off")
    }
    flat = {name: values.reshape(-1, *values.shape[2:]) for name, values in thinned.items()}
    found = off_residuals(data, BACKGROUND, flat, rng).discrepancies()
    rate = flat["npred_off"]
    found |= {"given_rates": (_chi2(data.n_off, rate), _chi2(rng.poisson(rate), rate))}
    return {name: float(np.mean(found[name][1] >= found[name][0])) for name in CHECKS}


def _chi2(counts: NDArray[np.int64], rate: NDArray[np.float64]) -> NDArray[np.float64]:
    total: NDArray[np.float64] = ((counts - rate) ** 2 / rate).sum((1, 2))
    return total
