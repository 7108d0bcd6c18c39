"""Stacking: several runs' ON/OFF spectra as one."""

import numpy as np
from numpy.typing import NDArray

from bayes_onoff.errors import InputError
from bayes_onoff.spectra.spectrum import Spectra, SpectrumOnOff

__all__ = ["mean_alpha", "stack"]


def mean_alpha(alpha: NDArray[np.float64], n_off: NDArray[np.int64], weights: NDArray[np.float64]) -> float:
    """Average an acceptance ratio so that the estimated background is kept: sum(alpha n_off) / sum(n_off).

    Where no OFF count was seen, that ratio is undefined; the mean weighted with `weights` is taken instead.

    Parameters
    ----------
    alpha, n_off : ndarray
        Acceptance ratio and OFF counts of what is averaged, of one shape.
    weights : ndarray
        What stands in for `n_off` when all of them are 0: livetimes.

    Returns
    -------
    float
        0 if there is nothing to average.
    """
    if n_off.sum() > 0:
        return float((alpha * n_off).sum() / n_off.sum())
    return float((alpha * weights).sum() / weights.sum()) if weights.sum() > 0 else 0.0


def _merged(intervals: NDArray[np.float64]) -> NDArray[np.float64]:
    """Union of time intervals, shape (interval, 2), in time order."""
    merged: list[list[float]] = []
    for start, stop in intervals[np.argsort(intervals[:, 0])]:
        if merged and start <= merged[-1][1]:
            merged[-1][1] = max(merged[-1][1], stop)
        else:
            merged.append([start, stop])
    return np.array(merged)


def _stacked_response(
    runs: tuple[SpectrumOnOff, ...], valid: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Sum the exposures, and average the dispersions, cut to each run's valid bins, with them as weights."""
    exposure = np.stack([run.exposure for run in runs]).sum(axis=0)
    response = sum(run.exposure[:, None] * run.edisp * mask for run, mask in zip(runs, valid, strict=True))
    edisp = np.zeros_like(runs[0].edisp)
    np.divide(response, exposure[:, None], out=edisp, where=exposure[:, None] > 0)
    return exposure, edisp


def _off_regions(runs: tuple[SpectrumOnOff, ...], valid: NDArray[np.bool_]) -> NDArray[np.int64] | None:
    """Gather the OFF counts region by region in the valid bins, shape (off_region, energy); None if a run has none."""
    regions = [run.n_off_by_region for run in runs]
    known = [counts * mask for counts, mask in zip(regions, valid, strict=True) if counts is not None]
    return np.concatenate(known) if len(known) == len(runs) else None


def _background(runs: tuple[SpectrumOnOff, ...], valid: NDArray[np.bool_]) -> NDArray[np.float64] | None:
    """Add up the expected OFF counts in the valid bins, shape (energy,); None if a run has none."""
    known = [run.background * mask for run, mask in zip(runs, valid, strict=True) if run.background is not None]
    return np.sum(known, axis=0) if len(known) == len(runs) else None


def stack(spectra: Spectra, name: str = "stacked") -> SpectrumOnOff:
    """Add up the runs inside their safe ranges.

    Counts, expected backgrounds, exposures and livetimes are summed, over the runs that have a valid bin (safe, with an
    OFF measurement). The acceptances are such that the estimated background is kept: ``acceptance`` is the sum over the
    valid runs and ``acceptance_off = acceptance sum(n_off) / sum(alpha n_off)``; a bin without any OFF count takes the
    ratio of the whole spectrum. The dispersion of each run is weighted with its exposure, and a run adds nothing to a
    bin that is invalid in it: any spectrum predicts the same signal as the sum over the runs' valid bins. (gammapy
    weights with an exposure before containment correction, and keeps this to 0.1 % only.)

    Parameters
    ----------
    spectra : Spectra
        The runs.
    name : str
        Name of the result.

    Returns
    -------
    SpectrumOnOff
        Safe where any run is valid; inside the fit range where every run valid there has it inside. The OFF regions
        follow one another, run by run, if those of every run are known. Good time intervals are the union, or empty
        if a run's are not known. Bins valid in no run hold 0 and have no acceptance.

    Raises
    ------
    InputError
        If no run has a valid bin.
    """
    runs = tuple(run for run in spectra if run.mask_valid.any())
    if not runs:
        raise InputError(
            "no run has a bin to stack",
            place="stack",
            found=", ".join(spectra.names),
            allowed="a bin inside the safe range with an OFF measurement",
        )
    valid = np.stack([run.mask_valid for run in runs])
    n_on = np.where(valid, [run.n_on for run in runs], 0).sum(axis=0)
    n_off = np.where(valid, [run.n_off for run in runs], 0)
    alpha = np.where(valid, [run.alpha for run in runs], 0.0)
    livetimes = np.array([run.livetime for run in runs])
    acceptance = np.where(valid, [run.acceptance for run in runs], 0.0).sum(axis=0)
    ratio = np.full(len(acceptance), mean_alpha(alpha, n_off, np.where(valid, livetimes[:, None], 0.0)))
    np.divide((alpha * n_off).sum(axis=0), n_off.sum(axis=0), out=ratio, where=n_off.sum(axis=0) > 0)
    acceptance_off = np.zeros_like(acceptance)
    np.divide(acceptance, ratio, out=acceptance_off, where=valid.any(axis=0))
    exposure, edisp = _stacked_response(runs, valid)
    known = all(len(run.gti) for run in runs)
    return SpectrumOnOff(
        name=name,
        energy=spectra.energy,
        energy_true=spectra.energy_true,
        n_on=n_on,
        n_off=n_off.sum(axis=0),
        acceptance=acceptance,
        acceptance_off=acceptance_off,
        exposure=exposure,
        edisp=edisp,
        livetime=float(livetimes.sum()),
        mask_safe=valid.any(axis=0),
        mask_fit=np.all(~valid | np.stack([run.mask_fit for run in runs]), axis=0),
        n_off_by_region=_off_regions(runs, valid),
        gti=_merged(np.concatenate([run.gti for run in runs])) if known else np.empty((0, 2)),
        background=_background(runs, valid),
    )
