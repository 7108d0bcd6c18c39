"""The total WSTAT of several instruments, with penalties for their systematics, as a function to minimise."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bayes_onoff.inference.instrument import SEPARATOR, Instrument
from bayes_onoff.inference.systematics import AREA_SHIFT, ENERGY_SCALE, Systematics, area_prior, seen_photons
from bayes_onoff.models import SpectralModel
from bayes_onoff.products.wstat_objective import WstatObjective, is_positive
from bayes_onoff.spectra import Spectra

__all__ = ["JointWstatObjective"]


@dataclass(frozen=True, eq=False, slots=True)
class _Part:
    """What one instrument adds: its bins, and where its systematics stand among the coordinates."""

    systematics: Systematics
    edges: NDArray[np.float64]
    response: NDArray[np.float64]
    run: NDArray[np.int64]
    scales: slice
    area: slice

    def signal(
        self, model: SpectralModel, values: dict[str, NDArray[np.float64]], own: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Predict the counts (..., bin) of the spectral values and all coordinates `own` (..., parameter)."""
        draws = dict(values)
        if self.systematics.energy_scale is not None:
            scales = own[..., self.scales]
            draws[ENERGY_SCALE] = scales if self.systematics.scale_per_run else scales[..., 0]
        if self.systematics.effective_area is not None:
            draws[AREA_SHIFT] = own[..., self.area] @ area_prior(self.systematics, self.edges).root.T
        flux = seen_photons(model, self.systematics, draws, self.edges)
        if self.systematics.scale_per_run:
            return np.asarray((flux[..., self.run, :] * self.response).sum(axis=-1))
        return np.asarray(flux @ self.response.T)


class JointWstatObjective(WstatObjective):
    """Total W of several instruments plus penalties, in coordinates of the order of 1.

    Coordinates are those of the spectrum, then energy scales as they are and the standardised coordinates of effective
    areas, instrument by instrument.

    Parameters
    ----------
    instruments : mapping of str to Instrument
    model : SpectralModel
    """

    def __init__(self, instruments: Mapping[str, Instrument], model: SpectralModel) -> None:
        self.model = model
        names, roots, parts = list(model.parameter_names), [0.0] * len(model.parameter_names), []
        for name, instrument in instruments.items():
            spectra, systematics = instrument.spectra, instrument.systematics
            first = len(names)
            scales = _scale_names(name, instrument)
            roots += [1 / (systematics.energy_scale or 1.0)] * len(scales)
            area = []
            if systematics.effective_area is not None:
                nodes = area_prior(systematics, spectra.energy_true.edges).energy
                area = [f"{name}{SEPARATOR}area_{index}" for index in range(len(nodes))]
            roots += [1.0] * len(area)
            names += [*scales, *area]
            parts.append(_part(spectra, systematics, first, len(scales), len(area)))
        self.names = tuple(names)
        self.penalty_root = np.array(roots)
        self._parts = parts
        self.positive = np.zeros(len(names), dtype=bool)
        self.positive[: len(model.parameters)] = [is_positive(parameter) for parameter in model.parameters]
        self.n_on, self.n_off, self.alpha = (
            np.concatenate([getattr(i.spectra, key)[i.spectra.mask] for i in instruments.values()])
            for key in ("n_on", "n_off", "alpha")
        )
        self.known_background = np.full(len(self.n_on), np.nan)

    def signal(self, coordinates: NDArray[np.float64]) -> NDArray[np.float64]:
        """Predict the signal counts in the analysed bins of all instruments, shape (..., bin)."""
        values = self.to_values(coordinates)
        spectral = {name: values[..., index] for index, name in enumerate(self.model.parameter_names)}
        return np.concatenate([part.signal(self.model, spectral, values) for part in self._parts], axis=-1)


def _scale_names(name: str, instrument: Instrument) -> list[str]:
    systematics = instrument.systematics
    if systematics.energy_scale is None:
        return []
    stem = f"{name}{SEPARATOR}{ENERGY_SCALE}"
    return [f"{stem}[{run}]" for run in instrument.spectra.names] if systematics.scale_per_run else [stem]


def _part(spectra: Spectra, systematics: Systematics, first: int, n_scales: int, n_area: int) -> _Part:
    return _Part(
        systematics=systematics,
        edges=spectra.energy_true.edges,
        response=spectra.response[spectra.mask],
        run=np.nonzero(spectra.mask)[0],
        scales=slice(first, first + n_scales),
        area=slice(first + n_scales, first + n_scales + n_area),
    )
