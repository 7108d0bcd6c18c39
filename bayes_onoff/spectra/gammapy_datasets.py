"""ON/OFF spectra out of gammapy's own objects. gammapy itself is not needed: whoever has such objects has it."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayes_onoff.axes import ENERGY_DIM, ENERGY_TRUE_DIM, EnergyAxis
from bayes_onoff.errors import InputError
from bayes_onoff.spectra.spectrum import Spectra, SpectrumOnOff
from bayes_onoff.units import ENERGY, EXPOSURE, TIME, to_array, to_float

__all__ = ["from_gammapy"]

_KIND = "SpectrumDatasetOnOff"
_NEEDED = ("counts", "counts_off", "acceptance", "acceptance_off", "exposure", "edisp")


def from_gammapy(datasets: Any) -> Spectra:
    """Take over ON/OFF spectra from gammapy, as they are in memory.

    Counts, acceptances, exposure, energy dispersion, masks and good time intervals are copied; models are not.
    Spectra that gammapy has written to files are read by `read_ogip_files`.

    Parameters
    ----------
    datasets : gammapy.datasets.SpectrumDatasetOnOff, or several of them, or gammapy.datasets.Datasets

    Returns
    -------
    Spectra
        One spectrum a dataset, with its name.

    Raises
    ------
    InputError
        If an object is of another kind, covers more than one region, lacks counts or a part of the response, does not
        know its livetime, or its numbers are refused by `SpectrumOnOff`.
    """
    found = list(datasets) if isinstance(datasets, Iterable) else [datasets]
    return Spectra(tuple(_spectrum(dataset) for dataset in found))


def _spectrum(dataset: Any) -> SpectrumOnOff:
    if _KIND not in {kind.__name__ for kind in type(dataset).__mro__}:
        raise InputError("not an ON/OFF spectrum of gammapy", found=type(dataset).__name__, allowed=_KIND)
    place = f"dataset {dataset.name}"
    missing = [name for name in _NEEDED if getattr(dataset, name) is None]
    if missing:
        raise InputError("incomplete", place=place, found=f"no {', '.join(missing)}", allowed=", ".join(_NEEDED))
    if dataset.counts.data.shape[1:] != (1, 1):
        raise InputError("more than one region", place=place, found=f"pixels {dataset.counts.data.shape[1:]}")
    livetime = dataset.exposure.meta.get("livetime")
    if livetime is None:
        raise InputError("the livetime is unknown", place=f"{place}: exposure.meta", allowed='"livetime", a quantity')
    energy = dataset.counts.geom.axes[ENERGY_DIM]
    return SpectrumOnOff(
        name=dataset.name,
        energy=_axis(energy, ENERGY_DIM, place),
        energy_true=_axis(dataset.exposure.geom.axes[ENERGY_TRUE_DIM], ENERGY_TRUE_DIM, place),
        n_on=_values(dataset.counts),
        n_off=_values(dataset.counts_off),
        acceptance=_values(dataset.acceptance),
        acceptance_off=_values(dataset.acceptance_off),
        exposure=to_array(dataset.exposure.quantity[:, 0, 0], EXPOSURE, f"{place}: exposure"),
        edisp=np.asarray(dataset.edisp.get_edisp_kernel(energy_axis=energy).pdf_matrix),
        livetime=to_float(livetime, TIME, f"{place}: livetime"),
        mask_safe=_mask(dataset.mask_safe, energy.nbin),
        mask_fit=_mask(dataset.mask_fit, energy.nbin),
        gti=_intervals(dataset.gti),
    )


def _values(region_map: Any) -> NDArray[Any]:
    values: NDArray[Any] = np.asarray(region_map.data)[:, 0, 0]
    return values


def _axis(axis: Any, name: str, place: str) -> EnergyAxis:
    return EnergyAxis(to_array(axis.edges, ENERGY, f"{place}: {name}"), name)


def _mask(region_map: Any, n_bins: int) -> NDArray[np.bool_]:
    return np.ones(n_bins, dtype=bool) if region_map is None else _values(region_map)


def _intervals(gti: Any) -> NDArray[np.float64]:
    if gti is None:
        return np.empty((0, 2))
    return np.stack([gti.time_start.tt.mjd, gti.time_stop.tt.mjd], axis=1)
