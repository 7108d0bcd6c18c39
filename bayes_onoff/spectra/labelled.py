"""Spectra as one labelled data set, and back: what travels inside a posterior file."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bayes_onoff.axes import ENERGY_DIM, ENERGY_TRUE_DIM, RUN_DIM, EnergyAxis
from bayes_onoff.spectra.spectrum import Spectra, SpectrumOnOff

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["from_dataset", "to_dataset"]

_PER_BIN = ("n_on", "n_off", "acceptance", "acceptance_off", "mask_safe", "mask_fit")
_UNITS = {"exposure": "cm2 s", "livetime": "s", "gti": "d", "energy_edges": "TeV", "energy_true_edges": "TeV"}


def _padded(arrays: list[NDArray[Any]], fill: float) -> NDArray[Any]:
    """Stack arrays that differ in their first dimension; the missing rows hold `fill`."""
    longest = max(len(array) for array in arrays)
    shape = (len(arrays), longest, *arrays[0].shape[1:])
    result = np.full(shape, fill, dtype=arrays[0].dtype)
    for row, array in zip(result, arrays, strict=True):
        row[: len(array)] = array
    return result


def to_dataset(spectra: Spectra) -> "xr.Dataset":
    """Everything the spectra hold, with dims `run`, `energy`, `energy_true`.

    OFF counts by region and good time intervals are ragged: rows past the last region hold -1, past the last
    interval NaN. `background` is there if a run has one, and NaN in the others.
    """
    import xarray as xr

    runs = list(spectra)
    variables: dict[str, Any] = {
        name: ((RUN_DIM, ENERGY_DIM), np.stack([getattr(run, name) for run in runs])) for name in _PER_BIN
    }
    variables["exposure"] = ((RUN_DIM, ENERGY_TRUE_DIM), np.stack([run.exposure for run in runs]))
    variables["edisp"] = ((RUN_DIM, ENERGY_TRUE_DIM, ENERGY_DIM), np.stack([run.edisp for run in runs]))
    variables["livetime"] = ((RUN_DIM,), np.array([run.livetime for run in runs]))
    none = np.empty((0, spectra.energy.n_bins), dtype=np.int64)
    regions = [none if run.n_off_by_region is None else run.n_off_by_region for run in runs]
    variables["n_off_by_region"] = ((RUN_DIM, "off_region", ENERGY_DIM), _padded(regions, -1))
    variables["gti"] = ((RUN_DIM, "interval", "bound"), _padded([run.gti for run in runs], np.nan))
    if any(run.background is not None for run in runs):
        unknown = np.full(spectra.energy.n_bins, np.nan)
        rows = [unknown if run.background is None else run.background for run in runs]
        variables["background"] = ((RUN_DIM, ENERGY_DIM), np.stack(rows))
    variables["energy_edges"] = (("energy_edge",), spectra.energy.edges)
    variables["energy_true_edges"] = (("energy_true_edge",), spectra.energy_true.edges)
    dataset = xr.Dataset(
        variables,
        coords={
            RUN_DIM: list(spectra.names),
            ENERGY_DIM: spectra.energy.centers,
            ENERGY_TRUE_DIM: spectra.energy_true.centers,
        },
    )
    for name, unit in _UNITS.items():
        dataset[name].attrs["units"] = unit
    return dataset


def from_dataset(dataset: "xr.Dataset") -> Spectra:
    """Rebuild the spectra from `to_dataset`."""
    energy = EnergyAxis(dataset["energy_edges"].values, ENERGY_DIM)
    energy_true = EnergyAxis(dataset["energy_true_edges"].values, ENERGY_TRUE_DIM)
    runs = []
    for index, name in enumerate(dataset[RUN_DIM].values):
        row = dataset.isel({RUN_DIM: index})
        regions = row["n_off_by_region"].values
        regions = regions[regions[:, 0] >= 0] if regions.size else regions
        gti = row["gti"].values
        background = row["background"].values if "background" in row else np.array(np.nan)
        runs.append(
            SpectrumOnOff(
                name=str(name),
                energy=energy,
                energy_true=energy_true,
                exposure=row["exposure"].values,
                edisp=row["edisp"].values,
                livetime=float(row["livetime"]),
                n_off_by_region=regions if len(regions) else None,
                gti=gti[np.isfinite(gti).all(axis=1)],
                background=background if np.isfinite(background).all() else None,
                **{key: row[key].values for key in _PER_BIN},
            )
        )
    return Spectra(tuple(runs))
