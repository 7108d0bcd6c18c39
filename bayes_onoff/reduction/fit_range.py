"""The fit range: the reconstructed energies the user wants, within the safe range."""

import numpy as np
from numpy.typing import NDArray

from bayes_onoff.axes import EnergyAxis
from bayes_onoff.errors import InputError
from bayes_onoff.reduction.safe_range import bins_inside
from bayes_onoff.spectra import Spectra

__all__ = ["check_fit_range", "fit_mask"]

# A fit range is typed with few digits: edges that agree to this relative precision are the same.
_EDGE_TOLERANCE = 1e-6


def fit_mask(energy: EnergyAxis, fit_range: tuple[float, float] | None) -> NDArray[np.bool_]:
    """Find the bins that lie completely inside the fit range.

    Parameters
    ----------
    energy : EnergyAxis
        Reconstructed energy.
    fit_range : (float, float) or None
        Lowest and highest energy, TeV; None means every bin.

    Returns
    -------
    ndarray of bool, shape (energy,)

    Raises
    ------
    InputError
        If the range is upside down or not positive.
    """
    if fit_range is None:
        return np.ones(energy.n_bins, dtype=bool)
    low, high = fit_range
    if not 0 < low < high:
        raise InputError(
            "the fit range is upside down or empty",
            place="fit_range",
            found=f"min {low:g} TeV, max {high:g} TeV",
            allowed="0 < min < max",
        )
    return bins_inside(energy, low * (1 - _EDGE_TOLERANCE), high * (1 + _EDGE_TOLERANCE))


def check_fit_range(spectra: Spectra) -> None:
    """Refuse spectra of which no bin is left to analyse.

    Raises
    ------
    InputError
        If no run has a bin that is both safe and inside the fit range.
    """
    if not spectra.mask.any():
        raise InputError(
            "the fit range leaves no safe bin in any run",
            place="fit_range",
            found=_extent(spectra.energy, np.any([run.mask_fit for run in spectra], axis=0)),
            allowed=_extent(spectra.energy, np.any([run.mask_safe for run in spectra], axis=0)),
        )


def _extent(energy: EnergyAxis, mask: NDArray[np.bool_]) -> str:
    """From where to where bins are used, in words."""
    if not mask.any():
        return "no complete bin"
    return f"{energy.edges[:-1][mask].min():.4g} to {energy.edges[1:][mask].max():.4g} TeV"
