"""Coordinates in which the posterior of an unfolded spectrum is close to independent normals, whatever its roughness.

The departures from a power law are ``roughness * bend_j``. Where the data say little about a departure, its bend keeps
its standard normal prior; where they determine it, bend and roughness are tied by a hyperbola that no sampler likes.
Sampled are therefore the bends, rotated, less the mean and over the standard deviation that a Gaussian approximation to
the ON counts gives them *conditional on the roughness*: `bend_raw`. It decides on coordinates alone; the priors enter
exactly, as for the background (`bayes_onoff.inference.pooled_coordinates`).
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayes_onoff.inference.fit_data import FitData
from bayes_onoff.inference.pooled_coordinates import Conditional
from bayes_onoff.models import Normal, SpectralModel, UnfoldingNodes

__all__ = ["bend_arrays", "bend_conditional", "bend_names"]

_ROUGHNESS = 0.5
"""At which the counts are fitted."""
_LEAST_INFORMATION = 1e-8
_N_STEPS = 50


def bend_names(model: SpectralModel) -> tuple[str, ...]:
    """Names of the bends, where they can be rotated: the model is one unfolded spectrum, and they are all N(0, 1)."""
    names = tuple(name for name in model.parameter_names if name.rpartition("_")[0].endswith("bend"))
    plain = isinstance(model.table, UnfoldingNodes) and len(names) == model.table.basis.shape[1]
    return names if plain and all(model.priors[name] == Normal(0.0, 1.0) for name in names) else ()


def bend_conditional(roughness: Any, arrays: Mapping[str, Any]) -> Conditional:
    """Approximate the rotated bends given the roughness, NumPy or PyTensor, (bend,)."""
    information = arrays["bend_information"]
    precision = 1 + roughness**2 * information
    return Conditional(roughness * information * arrays["bend_estimate"] / precision, precision**-0.5, 0.0, 1.0)


def bend_arrays(data: FitData, model: SpectralModel) -> dict[str, NDArray[np.float64]]:
    """Fit the ON counts, and diagonalise the information on the departures, amplitude and index projected out.

    Returns
    -------
    dict
        `bend_rotation` (bend, bend_other), from the rotated bends to those of the model; `bend_information` (bend,),
        precision of each rotated departure under the counts; `bend_estimate` (bend,), where the counts alone put it.
    """
    table = model.table
    assert isinstance(table, UnfoldingNodes)
    log_energy = np.log(data.energy_true.centers)
    design = np.column_stack(
        [np.ones_like(log_energy), np.log(model.reference) - log_energy, table.departures(log_energy)]
    )
    # The fit is of departures, not of bends: its prior is that at the roughness above; one of the index is needed too.
    prior_mean = np.zeros(design.shape[1])
    prior_mean[:2] = np.log(1e-12), 2.5
    precision = np.concatenate([[1 / 5.0**2, 1.0], np.full(design.shape[1] - 2, _ROUGHNESS**-2)])
    fitted, information = _fit_excess(data, design, prior_mean, precision)
    fixed = information[:2, :2] + np.diag(precision[:2])
    projected = information[2:, 2:] - information[2:, :2] @ np.linalg.solve(fixed, information[:2, 2:])
    eigenvalues, rotation = np.linalg.eigh(projected)
    known = np.maximum(eigenvalues, _LEAST_INFORMATION)
    return {
        "bend_rotation": rotation,
        "bend_information": known,
        "bend_estimate": rotation.T @ fitted[2:] * (1 + _ROUGHNESS**-2 / known),
    }


def _fit_excess(
    data: FitData,
    design: NDArray[np.float64],
    prior_mean: NDArray[np.float64],
    precision: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Fit ``ln(dN/dE) = design @ theta`` to the excess by Fisher scoring: theta and information.

    The excess has the variance of the ON counts expected and of alpha times the OFF counts.
    """
    response = data.response[data.mask] * np.diff(data.energy_true.edges)
    alpha, n_off = data.alpha[data.mask], data.n_off[data.mask] + 0.5
    excess = data.n_on[data.mask] - alpha * n_off
    theta = prior_mean.copy()
    expected = response @ np.exp(design @ theta)
    theta[0] += np.log(np.maximum(excess.sum(), 1.0) / np.maximum(expected.sum(), np.finfo(float).tiny))
    information = np.zeros((len(theta), len(theta)))
    for _ in range(_N_STEPS):
        photons = np.exp(np.clip(design @ theta, -200, 50))
        expected = response @ photons
        slopes = (response * photons) @ design
        weights = 1 / (expected + alpha * n_off * (1 + alpha))
        information = slopes.T @ (weights[:, None] * slopes)
        gradient = slopes.T @ (weights * (excess - expected)) - precision * (theta - prior_mean)
        step = np.linalg.solve(information + np.diag(precision), gradient)
        largest = float(np.abs(design @ step).max())
        theta = theta + step / max(1.0, largest)
        if largest < 1e-6:
            break
    return theta, information
