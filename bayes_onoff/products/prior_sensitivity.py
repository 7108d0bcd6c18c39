"""Do the priors matter? Power scaling: how far the posterior moves when a prior is made a little stronger or weaker."""

from collections.abc import Sequence
from typing import Any

import astropy.units as u
import numpy as np
from astropy.table import QTable
from numpy.typing import NDArray

from bayes_onoff.columns import described
from bayes_onoff.errors import InputError
from bayes_onoff.inference import Posterior
from bayes_onoff.products.flux import integral_flux
from bayes_onoff.products.table_meta import table_meta
from bayes_onoff.units import ENERGY

__all__ = ["SENSITIVE", "prior_sensitivity"]

SENSITIVE = 0.05
"""From here on a posterior is called sensitive (Kallioinen et al. 2024, section 2.2)."""

_METHOD = (
    "Power scaling (Kallioinen et al. 2024, doi:10.1007/s11222-023-10366-5): prior or likelihood to the powers 0.99 "
    "and 1.01 by importance sampling; the sensitivity is the change of the posterior (cumulative Jensen-Shannon "
    "distance) per doubling of the power"
)
_FLUX_RANGE = (1.0, 10.0)
_FLUX_NAME = "integral_flux (1 - 10 TeV)"
_GIVEN_A_SCALE = {"coefficient": "shape_scale", "acceptance_ratios": "alpha_scatter"}
"""Priors that depend on a learned scale: part of the model, like the likelihood. The scale's own prior is tested."""


_DESCRIPTIONS = {
    "prior_spectrum": "sensitivity to the strength of the spectral parameters' priors",
    "prior_background": "sensitivity to the strength of the background's priors",
    "likelihood": "sensitivity to the strength of the likelihood",
    "diagnosis": "what the three numbers mean",
}


def prior_sensitivity(posterior: Posterior) -> QTable:
    """Find out how much the priors of spectrum and background, each as a whole, shape the result.

    Of a pooled background the priors of level, slope and the two learned scales are scaled; of an independent one the
    Gamma prior of all rates, integrated out as in the likelihood; with either that of uncertain acceptance ratios. The
    test is local: it tells whether the *strength* of
    a prior matters, not what a prior of another form would give.

    Parameters
    ----------
    posterior : Posterior

    Returns
    -------
    QTable
        One row a spectral parameter and one for the photon flux from 1 to 10 TeV: `parameter`, `prior_spectrum`,
        `prior_background`, `likelihood` (sensitivities; 0.05 and above counts), `diagnosis`. ``meta["sentence"]`` says
        in words whether the priors matter, ``meta["method"]`` how it was found.

    Raises
    ------
    InputError
        If the posterior has no `log_prior` group, as one from before that group was written.

    References
    ----------
    Kallioinen, Paananen, Bürkner & Vehtari 2024, Statistics and Computing 34, 57.
    """
    if "log_prior" not in posterior.tree.children:
        raise InputError(
            "the posterior does not hold the density of its priors",
            place="log_prior",
            found=", ".join(posterior.tree.children),
            allowed="a posterior sampled by this version",
        )
    spectral = (*posterior.model.parameter_names, *posterior.systematics.parameter_names)
    stored = [str(name) for name in posterior.tree["log_prior"].data_vars]
    background = [
        name for name in stored if name not in spectral and _GIVEN_A_SCALE.get(name) not in posterior.tree["log_prior"]
    ]
    quantities = _quantities(posterior)
    found = {
        "prior_spectrum": _sensitivity(posterior, quantities, "prior", posterior.model.parameter_names),
        "prior_background": _sensitivity(posterior, quantities, "prior", background),
        "likelihood": _sensitivity(posterior, quantities, "likelihood", ["counts"]),
    }
    table = QTable({"parameter": list(quantities), **found}, meta={**table_meta(posterior), "method": _METHOD})
    table["diagnosis"] = [_diagnosis(*values) for values in zip(*found.values(), strict=True)]
    table.meta["threshold"] = SENSITIVE
    table.meta["sentence"] = f"{_sentence(table, 'spectrum')} {_sentence(table, 'background')}"
    return described(table, _DESCRIPTIONS)


def _quantities(posterior: Posterior) -> dict[str, NDArray[np.float64]]:
    """Draws (chain, draw) of what the reader quotes."""
    low, high = (energy * ENERGY for energy in _FLUX_RANGE)
    flux: u.Quantity = integral_flux(posterior, low, high)
    return {**posterior.values, _FLUX_NAME: flux.value}


def _sensitivity(
    posterior: Posterior, quantities: dict[str, NDArray[np.float64]], group: str, names: Sequence[str]
) -> NDArray[np.float64]:
    """Sensitivity of each quantity to the product of the named densities."""
    import arviz_stats
    import xarray as xr

    weights: Any = posterior.tree[f"log_{group}"].to_dataset()[list(names)]
    summed = sum(
        values.sum([dim for dim in values.dims if dim not in ("chain", "draw")]) for values in weights.values()
    )
    if float(np.ptp(summed.values)) == 0:  # flat: to any power it stays what it is
        return np.zeros(len(quantities))
    draws = xr.Dataset({name: (("chain", "draw"), values) for name, values in quantities.items()})
    tree = xr.DataTree.from_dict({"posterior": draws, f"log_{group}": xr.Dataset({"total": summed})})
    result = arviz_stats.psense(tree, group=group)
    return np.array([float(result[name]) for name in quantities])


def _diagnosis(spectrum: float, background: float, likelihood: float) -> str:
    sensitive = {"spectrum": spectrum >= SENSITIVE, "background": background >= SENSITIVE}
    whose = " and ".join(name for name, matters in sensitive.items() if matters)
    if not whose:
        return "the data decide" if likelihood >= SENSITIVE else "neither priors nor data move it"
    if likelihood < SENSITIVE:
        return f"the prior of the {whose} decides"
    return f"the prior of the {whose} matters beside the data"


def _sentence(table: QTable, whose: str) -> str:
    values = table[f"prior_{whose}"]
    largest = int(np.argmax(values))
    if values[largest] < SENSITIVE:
        return (
            f"The priors of the {whose} do not matter: the sensitivity to their strength is at most "
            f"{values[largest]:.3f} ({table['parameter'][largest]}), below {SENSITIVE:g}."
        )
    concerned = ", ".join(
        f"{row['parameter']} ({row[f'prior_{whose}']:.3f})" for row in table if row[f"prior_{whose}"] >= SENSITIVE
    )
    return (
        f"The priors of the {whose} matter for {concerned}: a sensitivity to their strength of {SENSITIVE:g} or "
        "more, so state them with the result, or repeat the analysis with others."
    )
