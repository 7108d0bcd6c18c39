"""Do the instruments agree? The flux of each over their mean, and how much they scatter."""

import numpy as np
from astropy.table import QTable

from bayes_onoff.columns import described
from bayes_onoff.errors import InputError
from bayes_onoff.inference import JointPosterior
from bayes_onoff.inference.fit_data import FitData
from bayes_onoff.inference.population import instrument_geometry
from bayes_onoff.products.intervals import posterior_quantiles
from bayes_onoff.products.scatter import (
    HINT,
    SHOWN,
    bayes_factor_in_words,
    fractional_scatter,
    scatter_bayes_factor,
    summarised,
)

__all__ = ["instrument_agreement"]

_DESCRIPTIONS = {
    "flux_factor": "flux of the instrument over the mean of the population: median",
    "flux_factor_errn": "median less lower end of the 68 % interval",
    "flux_factor_errp": "upper end of the 68 % interval less median",
}


def instrument_agreement(joint: JointPosterior) -> QTable:
    """Tabulate how the fluxes of the instruments differ, and say whether they do.

    Parameters
    ----------
    joint : JointPosterior
        From ``fit_joint(..., among=Population())``.

    Returns
    -------
    QTable
        One row an instrument: `instrument`, `flux_factor` with `_errn` and `_errp` (68 % equal-tailed interval around
        the median). The metadata hold the fractional scatter of the fluxes (standard deviation over mean of the
        population: median, 68 % interval, one-sided 95 % limit), the Bayes factor of a scatter over one flux for the
        stated prior, and a `sentence`.

    Raises
    ------
    InputError
        If the instruments were made to see the same flux.
    """
    if joint.among is None:
        raise InputError(
            "the instruments were made to see the same flux",
            place="joint",
            allowed="fit_joint(..., among=Population())",
        )
    groups = {name: posterior.tree["posterior"] for name, posterior in joint.instruments.items()}
    scatter = np.asarray(next(iter(groups.values()))["scatter"].values)
    quantiles = {name: posterior_quantiles(np.asarray(group["flux_factor"].values)) for name, group in groups.items()}
    table = QTable(
        {
            "instrument": list(groups),
            "flux_factor": [float(found["median"]) for found in quantiles.values()],
            "flux_factor_errn": [float(found["median"] - found["eti68_lower"]) for found in quantiles.values()],
            "flux_factor_errp": [float(found["eti68_upper"] - found["median"]) for found in quantiles.values()],
        }
    )
    described(table, _DESCRIPTIONS)
    information = sum(
        float(instrument_geometry(FitData.from_spectra(posterior.spectra), joint.model)["flux_information"].sum())
        for posterior in joint.instruments.values()
    )
    factor, is_limit = scatter_bayes_factor(scatter, joint.among.scatter, information)
    meta = summarised("scatter", fractional_scatter(scatter))
    interval = f"{meta['scatter_eti68_lower']:.2g} to {meta['scatter_eti68_upper']:.2g}, 68 %"
    known = bayes_factor_in_words(factor, is_limit)
    if factor >= HINT:
        verb = "differ" if factor >= SHOWN else "seem to differ"
        sentence = (
            f"The fluxes of the instruments {verb} (Bayes factor {known}): standard deviation over mean "
            f"{meta['scatter_median']:.2g} ({interval})."
        )
    else:
        sentence = (
            f"The data do not show that the instruments disagree: their fluxes scatter by less than "
            f"{100 * meta['scatter_ul95']:.2g} % (95 %)."
        )
    table.meta |= meta | {
        "bayes_factor": factor,
        "prior_of_scatter": f"standard deviation of ln(flux): {joint.among.scatter}",
        "sentence": sentence,
        "converged": bool(joint.convergence.converged),
        "convergence": joint.convergence.sentence,
    }
    return table
