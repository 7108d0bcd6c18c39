"""The safe range: the reconstructed energies at which the response can be trusted.

A threshold is an energy; a bin is safe if it lies completely above the lower and below the upper one.
"""

import warnings

import numpy as np
from numpy.typing import NDArray

from bayes_onoff.axes import EnergyAxis
from bayes_onoff.dl3 import Observation
from bayes_onoff.errors import ReductionError, ReductionWarning
from bayes_onoff.reduction.checks import run_place
from bayes_onoff.reduction.settings import SafeRange

__all__ = ["aeff_threshold", "bias_threshold", "bins_inside", "safe_bins"]

# Smallest value whose logarithm is interpolated; zeros and negative values count as this.
_TINY = float(np.finfo(np.float32).tiny)


def safe_bins(
    criteria: SafeRange,
    observation: Observation,
    *,
    energy: EnergyAxis,
    energy_true: EnergyAxis,
    aeff: NDArray[np.float64],
    edisp: NDArray[np.float64],
    background: NDArray[np.float64],
) -> NDArray[np.bool_]:
    """Find the bins that meet every criterion.

    Parameters
    ----------
    criteria : SafeRange
        The criteria.
    observation : Observation
        The run.
    energy, energy_true : EnergyAxis
        Reconstructed and true energy.
    aeff : ndarray, shape (energy_true,)
        Effective area of the spectrum, including a containment correction.
    edisp : ndarray, shape (energy_true, energy)
        Energy dispersion of the spectrum.
    background : ndarray, shape (energy,)
        Background counts expected in the ON region.

    Returns
    -------
    ndarray of bool, shape (energy,)

    Raises
    ------
    ReductionError
        If no bin is safe.
    """
    lows: dict[str, float] = {}
    highs: dict[str, float] = {}
    if criteria.aeff_default:
        low, high = _stated_thresholds(observation)
        lows |= {} if low is None else {"aeff_default": low}
        highs |= {} if high is None else {"aeff_default": high}
    if criteria.aeff_max is not None:
        lows["aeff_max"] = aeff_threshold(energy_true.centers, aeff, criteria.aeff_max)
    if criteria.edisp_bias is not None:
        lows["edisp_bias"] = bias_threshold(energy_true.centers, energy.centers, edisp, criteria.edisp_bias)
    if criteria.bkg_peak:
        lows["bkg_peak"] = float(energy.edges[background.argmax()])
    mask = bins_inside(energy, max(lows.values(), default=None), min(highs.values(), default=None))
    if not mask.any():
        found = [f"above {value:.4g} TeV ({name})" for name, value in lows.items()]
        found += [f"below {value:.4g} TeV ({name})" for name, value in highs.items()]
        raise ReductionError(
            "every bin is outside the safe range",
            place=run_place(observation),
            found=f"bins from {energy.edges[0]:.4g} to {energy.edges[-1]:.4g} TeV, safe {', '.join(found)}",
            allowed="an energy axis with at least one bin completely inside",
        )
    return mask


def _stated_thresholds(observation: Observation) -> tuple[float | None, float | None]:
    """LO_THRES and HI_THRES of the effective area, TeV; a warning where the file states none."""
    thresholds = {"LO_THRES": observation.aeff.low_threshold, "HI_THRES": observation.aeff.high_threshold}
    missing = [key for key, value in thresholds.items() if value is None]
    if missing:
        sides = {"LO_THRES": "from below", "HI_THRES": "from above"}
        text = (
            f"{run_place(observation)}: the effective area states no {' and no '.join(missing)}; "
            f"safe_range.aeff_default does not bound the energies {' or '.join(sides[key] for key in missing)}"
        )
        warnings.warn(text, ReductionWarning, stacklevel=2)
    return thresholds["LO_THRES"], thresholds["HI_THRES"]


def bins_inside(energy: EnergyAxis, low: float | None, high: float | None) -> NDArray[np.bool_]:
    """Which bins lie completely between two energies in TeV; None means no bound on that side.

    Returns
    -------
    ndarray of bool, shape (energy,)
    """
    mask = np.ones(energy.n_bins, dtype=bool)
    if low is not None:
        mask &= energy.edges[:-1] >= low
    if high is not None:
        mask &= energy.edges[1:] <= high
    return mask


def aeff_threshold(energy_true: NDArray[np.float64], aeff: NDArray[np.float64], fraction: float) -> float:
    """Energy at which an effective-area curve first reaches a fraction of its maximum.

    The curve is linear in log(energy) and log(area) between its nodes. A curve that starts above the fraction has its
    threshold at its first positive node.

    Parameters
    ----------
    energy_true : ndarray, shape (energy_true,)
        True energies, TeV.
    aeff : ndarray, shape (energy_true,)
        Effective area, in any unit; not zero everywhere.
    fraction : float
        Of the maximum.

    Returns
    -------
    float
        True energy in TeV; it is applied to reconstructed energies.
    """
    first = int(np.flatnonzero(aeff > 0)[0])
    value = fraction * aeff.max()
    if aeff[first] >= value:
        return float(energy_true[first])
    crossing = first + int(np.flatnonzero(aeff[first:] >= value)[0])
    return _log_crossing(energy_true, aeff, crossing, value)


def bias_threshold(
    energy_true: NDArray[np.float64], energy: NDArray[np.float64], kernel: NDArray[np.float64], bias: float
) -> float:
    """Energy above which the reconstructed energy is biased by less than a fraction.

    The bias is ``<E_reco> / E_true - 1``, with the mean over the dispersion kernel at the bin centres. The search
    starts at the energy of the largest bias; without a crossing, that energy is the threshold.

    Parameters
    ----------
    energy_true : ndarray, shape (energy_true,)
        True energies, TeV.
    energy : ndarray, shape (energy,)
        Centres of the reconstructed-energy bins, TeV.
    kernel : ndarray, shape (energy_true, energy)
        Energy dispersion.
    bias : float
        Largest relative bias allowed.

    Returns
    -------
    float
        Reconstructed energy in TeV: the true energy times ``1 + bias``.
    """
    norm = kernel.sum(axis=1)
    mean = np.zeros_like(norm)
    np.divide(kernel @ energy, norm, out=mean, where=norm > 0)
    curve = mean / energy_true - 1
    peak = int(curve.argmax())
    below = np.flatnonzero(curve[peak:] < bias)
    if len(below) == 0 or below[0] == 0:
        return float(energy_true[peak] * (1 + bias))
    return _log_crossing(energy_true, curve, peak + int(below[0]), bias) * (1 + bias)


def _log_crossing(x: NDArray[np.float64], y: NDArray[np.float64], index: int, value: float) -> float:
    """Where the curve, linear in log x and log y, reaches `value` between the nodes `index - 1` and `index`."""
    log_x = np.log(x[index - 1 : index + 1])
    log_y = np.log(np.maximum(y[index - 1 : index + 1], _TINY))
    share = (np.log(value) - log_y[0]) / (log_y[1] - log_y[0])
    return float(np.exp(log_x[0] + share * (log_x[1] - log_x[0])))
