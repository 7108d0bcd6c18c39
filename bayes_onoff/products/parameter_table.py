"""The posterior of every parameter as one table."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from astropy.table import QTable
from numpy.typing import NDArray

from bayes_onoff.axes import RUN_DIM
from bayes_onoff.columns import described
from bayes_onoff.inference import Posterior
from bayes_onoff.inference.systematics import AREA_NODE
from bayes_onoff.products.flux import energy_flux, integral_flux
from bayes_onoff.products.intervals import posterior_quantiles
from bayes_onoff.products.table_meta import table_meta

__all__ = ["parameter_table"]

CUTOFF = "lambda_"
SAMPLE_DIMS = ("chain", "draw")


_DESCRIPTIONS = {
    "ess_bulk": "effective number of draws for the centre of the distribution",
    "ess_tail": "effective number of draws for its 5 % and 95 % quantiles",
    "r_hat": "rank-normalised R-hat, 1 for chains that agree",
    "mcse_mean": "Monte-Carlo error of the mean",
}


class _Row(NamedTuple):
    """One scalar quantity: its draws (chain, draw), and whether its posterior mean exists."""

    name: str
    unit: str
    draws: NDArray[np.float64]
    has_mean: bool = True


def _spectral(posterior: Posterior) -> Iterator[_Row]:
    for parameter in posterior.model.parameters:
        yield _Row(parameter.name, parameter.unit, np.asarray(posterior.values[parameter.name]))


def _derived(posterior: Posterior) -> Iterator[_Row]:
    for name, flux in (("integral_flux", integral_flux(posterior)), ("energy_flux", energy_flux(posterior))):
        yield _Row(name, flux.unit.to_string(), flux.value)
    if CUTOFF in posterior.model.parameter_names and np.all(posterior.values[CUTOFF] > 0):
        # 1/x has a mean only if the density of x vanishes at 0.
        has_mean = bool(np.isneginf(posterior.model.priors[CUTOFF].log_density(np.array(0.0))))
        yield _Row("cutoff_energy", "TeV", 1 / np.asarray(posterior.values[CUTOFF]), has_mean)


def _background(posterior: Posterior) -> Iterator[_Row]:
    """Scalars, values of runs and of area nodes; sampled coordinates (`_raw`) and per-bin quantities are left out."""
    for key, variable in posterior.tree["posterior"].data_vars.items():
        name = str(key)
        if name in posterior.model.parameter_names or name.endswith("_raw"):
            continue
        unit = str(variable.attrs.get("units", ""))
        if variable.dims == SAMPLE_DIMS:
            yield _Row(name, unit, variable.to_numpy())
        elif variable.dims == (*SAMPLE_DIMS, RUN_DIM):
            for run in variable[RUN_DIM].to_numpy():
                yield _Row(f"{name}[{run}]", unit, variable.sel({RUN_DIM: run}).to_numpy())
        elif variable.dims == (*SAMPLE_DIMS, AREA_NODE):
            for node, energy in enumerate(variable[AREA_NODE].to_numpy()):
                yield _Row(f"{name}[{energy:.3g} TeV]", unit, variable.isel({AREA_NODE: node}).to_numpy())


def _diagnostics(draws: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    """Effective sample sizes, R-hat and Monte-Carlo error of the mean; draws (chain, draw, row)."""
    import arviz_stats

    axes = {"chain_axis": 0, "draw_axis": 1}
    return {
        "ess_bulk": arviz_stats.ess(draws, method="bulk", **axes),
        "ess_tail": arviz_stats.ess(draws, method="tail", prob=(0.05, 0.95), **axes),
        "r_hat": arviz_stats.rhat(draws, method="rank", **axes),
        "mcse_mean": arviz_stats.mcse(draws, method="mean", **axes),
    }


def parameter_table(posterior: Posterior) -> QTable:
    """Summarise the spectral parameters, what derives from them, the background's hyperparameters and systematics.

    Derived are the photon and energy flux over the fitted range and, for spectra with a cutoff, its energy
    1/lambda. Units differ from row to row and stand in a column.

    Parameters
    ----------
    posterior : Posterior

    Returns
    -------
    QTable
        `parameter`, `unit`, `mean`, `sd`, `median`, `eti68_lower`, `eti68_upper`, `eti95_lower`, `eti95_upper`
        (equal-tailed intervals), `ess_bulk`, `ess_tail`, `r_hat` (rank-normalised), `mcse_mean` (Monte-Carlo error
        of the mean; Vehtari et al. 2021, doi:10.1214/20-BA1221). `mean`, `sd` and `mcse_mean` are NaN where the
        posterior has no mean: a cutoff energy under a prior that allows no cutoff.
    """
    rows = [*_spectral(posterior), *_derived(posterior), *_background(posterior)]
    draws = np.stack([row.draws for row in rows], axis=-1)
    has_mean = np.array([row.has_mean for row in rows])
    diagnostics = _diagnostics(draws)
    diagnostics["mcse_mean"] = np.where(has_mean, diagnostics["mcse_mean"], np.nan)
    columns = {
        "parameter": [row.name for row in rows],
        "unit": [row.unit for row in rows],
        "mean": np.where(has_mean, draws.mean(axis=(0, 1)), np.nan),
        "sd": np.where(has_mean, draws.std(axis=(0, 1), ddof=1), np.nan),
        **posterior_quantiles(draws),
        **diagnostics,
    }
    n_chains, n_draws = draws.shape[:2]
    meta = table_meta(posterior) | {"chains": n_chains, "draws_per_chain": n_draws}
    return described(QTable(columns, meta=meta), _DESCRIPTIONS)
