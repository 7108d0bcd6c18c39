"""Counts, expected counts and residuals of every analysed bin."""

from typing import Any

import numpy as np
from astropy.table import QTable
from numpy.typing import NDArray

from bayes_onoff.columns import described
from bayes_onoff.inference import Posterior
from bayes_onoff.inference.fit_data import FitData
from bayes_onoff.products.intervals import posterior_quantiles
from bayes_onoff.products.residuals import predictive_residuals
from bayes_onoff.products.table_meta import table_meta
from bayes_onoff.units import ENERGY

__all__ = ["bin_table"]

_DESCRIPTIONS = {
    "alpha": "acceptance ratio ON/OFF, the nominal one if it is uncertain",
    "npred_signal": "expected signal counts, posterior median",
    "npred_off": "expected OFF counts b, posterior median",
    **{
        f"npred_{kind}_eti68_{end}": f"{end} end of their equal-tailed 68 % credible interval"
        for kind in ("signal", "off")
        for end in ("lower", "upper")
    },
    "residual_on": "randomised-quantile residual of the ON counts, standard normal if the model is right",
    "residual_off": "randomised-quantile residual of the OFF counts",
    "standardised_on": "(n_on - predictive mean) / predictive standard deviation",
    "standardised_off": "(n_off - predictive mean) / predictive standard deviation",
}


def bin_table(posterior: Posterior, *, seed: int = 0) -> QTable:
    """Tabulate what was counted and what was expected, one row a run and analysed bin.

    Parameters
    ----------
    posterior : Posterior
    seed : int
        Of the randomisation of the quantile residuals.

    Returns
    -------
    QTable
        `obs_id` (a number where all runs' names are numbers), `energy_min`, `energy_max` (TeV), `n_on`, `n_off`,
        `alpha`; `npred_signal` and `npred_off`, the posterior medians of the expected signal and OFF counts, each with
        `_eti68_lower` and `_eti68_upper`; `residual_on`, `residual_off` (randomised-quantile) and `standardised_on`,
        `standardised_off`, as in `predictive_residuals`.
    """
    data = FitData.from_spectra(posterior.spectra)
    run, energy = np.nonzero(data.mask)
    names = np.array(data.runs)

    def rows(values: NDArray[Any]) -> NDArray[Any]:
        return values[..., run, energy]

    columns: dict[str, Any] = {
        "obs_id": (names.astype(int) if all(name.isdecimal() for name in data.runs) else names)[run],
        "energy_min": data.energy.edges[:-1][energy] * ENERGY,
        "energy_max": data.energy.edges[1:][energy] * ENERGY,
        "n_on": rows(data.n_on),
        "n_off": rows(data.n_off),
        "alpha": rows(data.alpha),
    }
    for name in ("npred_signal", "npred_off"):
        quantiles = posterior_quantiles(rows(posterior.tree["posterior"][name].to_numpy()))
        columns[name] = quantiles["median"]
        columns |= {f"{name}_{limit}": quantiles[limit] for limit in ("eti68_lower", "eti68_upper")}
    residuals = predictive_residuals(posterior, seed=seed)
    for column, variable in (("residual", "quantile"), ("standardised", "standardised")):
        for region in ("on", "off"):
            columns[f"{column}_{region}"] = rows(residuals[variable].sel(region=region).to_numpy())
    table = QTable(columns, meta=table_meta(posterior) | {"residual_seed": seed})
    return described(table, _DESCRIPTIONS)
