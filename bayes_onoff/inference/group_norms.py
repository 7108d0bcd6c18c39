"""The posterior of a free norm for each group of runs and each band of energy: the unshrunk light curve."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bayes_onoff.inference.bands import BandPosterior, CompiledBands, Reference, bands_of_bins
from bayes_onoff.inference.fit_data import FitData
from bayes_onoff.inference.run_groups import RunGroups
from bayes_onoff.inference.settings import BackgroundModel, SamplerSettings
from bayes_onoff.models import SpectralModel, photons
from bayes_onoff.spectra import Spectra, fold

if TYPE_CHECKING:
    from bayes_onoff.inference.pymc_model import BandSignal

__all__ = ["CompiledGroupNorms", "GroupNorms", "compile_group_norms", "fit_group_norms"]


@dataclass(frozen=True, eq=False, slots=True)
class GroupNorms:
    """Posterior draws of a norm for each group and band, all sampled together.

    Parameters
    ----------
    bands : BandPosterior
        The norms; its `band_of_bin` is (run, energy).
    groups : RunGroups
    index : ndarray of int, shape (group, band)
        Which norm belongs to a group and band; -1 where no analysed bin expects any signal.
    """

    bands: BandPosterior
    groups: RunGroups
    index: NDArray[np.int64]


@dataclass(frozen=True, eq=False, slots=True)
class CompiledGroupNorms:
    """Norms of groups and bands, compiled for data of one shape.

    Parameters
    ----------
    compiled : CompiledBands
    groups : RunGroups
    edges : ndarray, shape (band + 1,), or None
        TeV.
    """

    compiled: CompiledBands
    groups: RunGroups
    edges: NDArray[np.float64] | None

    def fit(
        self,
        spectra: Spectra,
        model: SpectralModel,
        values: Mapping[str, float],
        settings: SamplerSettings | None = None,
        *,
        progress: bool = True,
    ) -> GroupNorms:
        """Sample the norms for these spectra without compiling anew; arguments as for `fit_group_norms`.

        Raises
        ------
        InputError
            As `fit_group_norms`, and if the spectra differ in shape from those compiled for.
        """
        data = FitData.from_spectra(spectra)
        snapped, index, signal = _signal(data, model, values, self.groups, self.edges)
        bands = self.compiled.fit_signal(
            spectra, data, signal, Reference(model, values, snapped), settings, progress=progress
        )
        return GroupNorms(bands, self.groups, index)


def _signal(
    data: FitData,
    model: SpectralModel,
    values: Mapping[str, float],
    groups: RunGroups,
    edges: NDArray[np.float64] | None,
) -> tuple[NDArray[np.float64], NDArray[np.int64], "BandSignal"]:
    """Snapped edges, the norm of each group and band, and the signal."""
    from bayes_onoff.inference.pymc_model import BandSignal

    snapped, band_of_bin = bands_of_bins(data, data.energy.edges[[0, -1]] if edges is None else edges)
    reference = fold(photons(model, values, data.energy_true.edges), data.response)
    shape = (len(groups), len(snapped) - 1)
    cell = np.where(band_of_bin >= 0, groups.group_of_run[:, None] * shape[1] + band_of_bin, -1)
    # Under a flat prior a norm that scales no expected signal has no posterior.
    reached = np.isin(np.arange(shape[0] * shape[1]), cell[data.mask & (reference > 0)])
    number = np.where(reached, np.cumsum(reached) - 1, -1)
    cells = np.where(cell >= 0, number[cell], -1)
    return snapped, number.reshape(shape), BandSignal(cells, int(reached.sum()), reference)


def compile_group_norms(
    spectra: Spectra,
    model: SpectralModel,
    values: Mapping[str, float],
    groups: Mapping[str, Sequence[str]] | None = None,
    edges: NDArray[np.float64] | None = None,
    background: BackgroundModel | None = None,
) -> CompiledGroupNorms:
    """Build and compile the norms for spectra of this shape; arguments and errors as for `fit_group_norms`."""
    from bayes_onoff.inference.pymc_model import build_model
    from bayes_onoff.inference.sampling import compile_model

    background = background or BackgroundModel()
    data = FitData.from_spectra(spectra)
    of_runs = RunGroups.of(spectra, groups)
    _, _, signal = _signal(data, model, values, of_runs, edges)
    compiled = compile_model(build_model(data, signal, background))
    return CompiledGroupNorms(CompiledBands(background, signal.n_bands, compiled, data), of_runs, edges)


def fit_group_norms(
    spectra: Spectra,
    model: SpectralModel,
    values: Mapping[str, float],
    groups: Mapping[str, Sequence[str]] | None = None,
    edges: NDArray[np.float64] | None = None,
    *,
    background: BackgroundModel | None = None,
    settings: SamplerSettings | None = None,
    progress: bool = True,
) -> GroupNorms:
    """Sample one norm per group of runs and band of reconstructed energy, prior flat and not negative, all together.

    No group knows of the others but through the background: what `fit_light_curve` gives without its population.

    Parameters
    ----------
    spectra : Spectra
    model : SpectralModel
        The reference spectrum, the same for all groups.
    values : mapping of str to float
        Its parameter values, usually posterior medians.
    groups : mapping of str to sequence of str, optional
        As for `fit_light_curve`.
    edges : ndarray, shape (band + 1,), optional
        TeV; snapped to the reconstructed axis. By default one band over all fitted bins.
    background, settings, progress
        As for `fit`.

    Raises
    ------
    InputError
        If a run belongs to no group or to two, no band covers a fitted bin, or the data say nothing about a band.
    """
    compiled = compile_group_norms(spectra, model, values, groups, edges, background)
    return compiled.fit(spectra, model, values, settings, progress=progress)
