"""What every table says about the posterior it comes from."""

from typing import Any

from bayes_onoff.inference import BackgroundModel, Posterior
from bayes_onoff.inference.fit_data import FitData
from bayes_onoff.inference.settings import LEARNED

__all__ = ["background_name", "fitted_range", "table_meta"]


def fitted_range(posterior: Posterior) -> tuple[float, float]:
    """Lowest and highest edge of the fitted reconstructed energies, TeV."""
    edges = FitData.from_spectra(posterior.spectra).energy.edges
    return float(edges[0]), float(edges[-1])


def background_name(background: BackgroundModel) -> str:
    """Name the background model with its constants."""
    if background.prior == "pooled":
        name = "pooled"
        if background.shape_from == "irf":
            name += ", shape measured from the background response"
    else:
        name = f"independent Gamma(shape {background.shape:g}, rate {background.rate:g} per count)"
    if background.marginal:
        name += ", latent rates integrated out"
    if background.alpha_uncertainty == LEARNED:
        name += ", uncertainty of the acceptance ratio learned"
    elif background.alpha_uncertainty is not None:
        name += f", acceptance ratio uncertain by {100 * background.alpha_uncertainty:g} %"
    return name


def table_meta(posterior: Posterior) -> dict[str, Any]:
    """Model, data and convergence as plain values for a table's header.

    ``converged`` is False and ``convergence`` says why where the numbers must not be trusted.
    """
    energy_min, energy_max = fitted_range(posterior)
    systematics = {"systematics": posterior.systematics.label} if posterior.systematics else {}
    return {
        "model": posterior.model.label,
        "reference_energy": f"{posterior.model.reference:g} TeV",
        "background": background_name(posterior.background),
        **systematics,
        "runs": ", ".join(posterior.spectra.names),
        "energy_range": f"{energy_min:.4g} - {energy_max:.4g} TeV",
        "converged": bool(posterior.convergence.converged),
        "convergence": posterior.convergence.sentence,
    }
