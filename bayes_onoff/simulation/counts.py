"""New counts for spectra that exist, from a model and an expected background."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from bayes_onoff.errors import InputError
from bayes_onoff.models import SpectralModel, photons
from bayes_onoff.spectra import Spectra, SpectrumOnOff, fold

__all__ = ["simulate_counts"]


def simulate_counts(
    spectra: Spectra,
    model: SpectralModel,
    values: Mapping[str, float],
    *,
    npred_off: NDArray[np.float64],
    rng: np.random.Generator,
) -> Spectra:
    """Draw ON and OFF counts with Poisson noise; everything else stays as it is.

    ``n_off ~ Poisson(npred_off)``, ``n_on ~ Poisson(npred_signal + alpha npred_off)``. Where a run knows its OFF
    regions one by one, each gets an equal share of `npred_off`.

    Parameters
    ----------
    spectra : Spectra
        The runs: their response, acceptances and masks.
    model : SpectralModel
        The source's spectrum.
    values : mapping of str to float
        Its parameters, in their units.
    npred_off : ndarray, shape (run, energy)
        Expected OFF counts, all OFF regions of a run together.
    rng : Generator
        The source of randomness.

    Returns
    -------
    Spectra
        Same names, axes, response and masks; new counts in every bin.

    Raises
    ------
    InputError
        If `npred_off` has another shape or is negative or not finite, a parameter is missing, or the model predicts
        negative counts.
    """
    expected_off = np.asarray(npred_off, dtype=float)
    shape = (len(spectra), spectra.energy.n_bins)
    if expected_off.shape != shape:
        raise InputError("wrong shape", place="npred_off", found=expected_off.shape, allowed=f"(run, energy): {shape}")
    if not np.all(np.isfinite(expected_off)) or np.any(expected_off < 0):
        raise InputError("expected counts must be finite and not negative", place="npred_off")
    if missing := set(model.parameter_names) - set(values):
        raise InputError("a parameter has no value", place="values", found=", ".join(sorted(missing)))
    signal = fold(photons(model, values, spectra.energy_true.edges), spectra.response)
    if not np.all(np.isfinite(signal)) or np.any(signal < 0):
        raise InputError("the model predicts negative or infinite counts", place="values", found=dict(values))
    runs = zip(spectra, signal, expected_off, strict=True)
    return Spectra(tuple(_with_new_counts(run, s, b, rng) for run, s, b in runs))


def _with_new_counts(
    run: SpectrumOnOff, signal: NDArray[np.float64], expected_off: NDArray[np.float64], rng: np.random.Generator
) -> SpectrumOnOff:
    n_on = rng.poisson(signal + run.alpha * expected_off)
    if run.n_off_by_region is None:
        return run.replace(n_on=n_on, n_off=rng.poisson(expected_off))
    by_region = rng.poisson(np.broadcast_to(expected_off / max(run.n_off_regions, 1), run.n_off_by_region.shape))
    return run.replace(n_on=n_on, n_off=by_region.sum(axis=0), n_off_by_region=by_region)
