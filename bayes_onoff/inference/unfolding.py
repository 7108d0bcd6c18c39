"""Where the nodes of an unfolded spectrum lie: a rule that looks at the response, never at the counts."""

from collections.abc import Mapping

import numpy as np

from bayes_onoff.inference.fit_data import FitData
from bayes_onoff.models import Prior, SpectralModel, UnfoldingNodes, photons
from bayes_onoff.spectra import Spectra

__all__ = ["NODES_PER_DECADE", "unfolding_model"]

NODES_PER_DECADE = 5
"""An energy resolution of 15 % tells no more than twice as many apart."""

_TYPICAL = SpectralModel("power-law", fixed={"amplitude": 1e-11, "index": 2.5})


def unfolding_model(
    spectra: Spectra, *, nodes_per_decade: float = NODES_PER_DECADE, priors: Mapping[str, Prior] | None = None
) -> SpectralModel:
    """Make the model of a spectrum without a parametric form for these spectra: shape ``unfolded``.

    Nodes lie equally spaced in ln E from the lowest to the highest edge of the fitted bins. Their weights are the
    counts that the response expects of a spectrum E^-2.5 from around each of them, and the reference energy is the
    mean of ln E under these weights. Counts play no part.

    Parameters
    ----------
    spectra : Spectra
        Responses and fitted bins.
    nodes_per_decade : float
        The smoothness prior does not depend on it; there are three nodes at least.
    priors : mapping of str to Prior, optional
        Replace the shape's own, for example of ``roughness``.

    Returns
    -------
    SpectralModel
        To be fitted like any other.

    Raises
    ------
    InputError
        If no bin is left to fit, or the response expects no counts at two nodes at least.
    """
    data = FitData.from_spectra(spectra)
    low, high = data.energy.edges[0], data.energy.edges[-1]
    nodes = np.geomspace(low, high, max(3, 1 + round(nodes_per_decade * np.log10(high / low))))
    counts = photons(_TYPICAL, {}, data.energy_true.edges) * data.response.sum(axis=(0, 1))
    x, x_nodes = np.log(data.energy_true.centers), np.log(nodes)
    weight = np.array([counts @ np.interp(x, x_nodes, row) for row in np.eye(len(nodes))])
    table = UnfoldingNodes(tuple(nodes.tolist()), tuple(weight.tolist()))
    reference = float(np.exp(weight @ x_nodes / weight.sum()))
    return SpectralModel("unfolded", float(f"{reference:.3g}"), priors or {}, table=table)
