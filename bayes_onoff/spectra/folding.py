"""From photons to expected counts: the one place where the instrument response is applied."""

from typing import Any

import numpy as np

__all__ = ["fold"]


def fold(photons: Any, response: Any, *, run_by_run: bool = False) -> Any:
    """Fold a spectrum with the response: expected signal counts in reconstructed energy.

    ``n_signal[run, energy] = sum over energy_true of response[run, energy, energy_true] photons[energy_true]``

    Parameters
    ----------
    photons : array, shape (energy_true,) or (..., energy_true)
        Photons per area and time in each true-energy bin, cm-2 s-1; NumPy or PyTensor.
    response : array, shape (energy, energy_true) or (run, energy, energy_true)
        Exposure times energy dispersion, cm2 s; NumPy, or for PyTensor photons NumPy or PyTensor.
    run_by_run : bool
        The photons are (..., run, energy_true): each run has its own.

    Returns
    -------
    array, shape (..., energy) or (..., run, energy)
        Expected counts.
    """
    if run_by_run:
        if isinstance(photons, np.ndarray):
            return np.einsum("...rt,ret->...re", photons, response)
        return (response * photons[..., None, :]).sum(axis=-1)
    if photons.ndim == 1:
        # For one spectrum as quick as a matrix product, which takes PyTensor ten times as long to compile.
        return (response * photons).sum(axis=-1)
    shape = response.shape
    counts = photons @ response.reshape((-1, shape[-1])).T
    leading = tuple(photons.shape[i] for i in range(photons.ndim - 1))
    return counts.reshape((*leading, *(shape[i] for i in range(response.ndim - 1))))
