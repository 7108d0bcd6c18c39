"""The posterior of a norm per band of reconstructed energy, relative to a reference spectrum: raw flux points."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from bayes_onoff.errors import InputError
from bayes_onoff.inference.convergence import Convergence
from bayes_onoff.inference.fit_data import FitData
from bayes_onoff.inference.settings import BackgroundModel, SamplerSettings
from bayes_onoff.inference.systematics import NO_SYSTEMATICS, Systematics, expected_signal
from bayes_onoff.models import SpectralModel
from bayes_onoff.spectra import Spectra

if TYPE_CHECKING:
    from bayes_onoff.inference.pymc_model import BandSignal
    from bayes_onoff.inference.sampling import CompiledModel

__all__ = ["BandPosterior", "CompiledBands", "Reference", "bands_of_bins", "compile_bands", "fit_bands"]


@dataclass(frozen=True, eq=False, slots=True)
class BandPosterior:
    """Posterior draws of one norm per band, all bands sampled together.

    Parameters
    ----------
    tree : DataTree
        Groups `posterior` (`norm` and the background), `sample_stats`.
    spectra : Spectra
    model : SpectralModel
        The reference spectrum ...
    values : mapping of str to float
        ... and its parameter values, with those of the systematics.
    edges : ndarray, shape (band + 1,)
        Band edges in TeV, on edges of the reconstructed axis.
    band_of_bin : ndarray of int, shape (energy,) or (run, energy)
        Band of each fitted bin, or of each bin of each run (see `fit_group_norms`); -1 outside all bands.
    background : BackgroundModel
    convergence : Convergence
    systematics : Systematics
        Kept at `values` in all draws.
    """

    tree: xr.DataTree
    spectra: Spectra
    model: SpectralModel
    values: Mapping[str, Any]
    edges: NDArray[np.float64]
    band_of_bin: NDArray[np.int64]
    background: BackgroundModel
    convergence: Convergence
    systematics: Systematics = NO_SYSTEMATICS

    @property
    def reference_counts(self) -> NDArray[np.float64]:
        """Expected signal counts of the reference spectrum in the fitted bins, shape (run, energy)."""
        data = FitData.from_spectra(self.spectra)
        counts = expected_signal(self.model, self.systematics, self.values, data.energy_true.edges, data.response)
        return np.asarray(counts)

    @property
    def norm(self) -> NDArray[np.float64]:
        """Draws, shape (chain, draw, band)."""
        return np.asarray(self.tree["posterior"]["norm"].values)


def bands_of_bins(data: FitData, edges: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Snap band edges to the fitted bins.

    Returns
    -------
    edges : ndarray, shape (band + 1,)
        On bin edges, TeV; bands without any fitted bin in any run are dropped at both ends.
    band_of_bin : ndarray of int, shape (energy,)
        -1 outside all bands.

    Raises
    ------
    InputError
        If no band is left, or the data say nothing about one of them.
    """
    snapped = data.energy.snap(np.asarray(edges, dtype=float))
    if len(snapped) < 2:
        raise InputError(
            "no flux-point band covers a fitted bin",
            place="flux_points",
            found=f"{np.min(edges):g} to {np.max(edges):g} TeV",
            allowed=f"bands within {data.energy.edges[0]:g} to {data.energy.edges[-1]:g} TeV",
        )
    band = np.searchsorted(snapped, data.energy.centers) - 1
    # Under a flat prior a norm that scales no expected signal has no posterior.
    reached = (data.mask & (data.response.sum(axis=-1) > 0)).any(axis=0)
    for index in range(len(snapped) - 1):
        if not reached[band == index].any():
            raise InputError(
                "no analysed bin of this flux-point band expects any signal",
                place="flux_points",
                found=f"{snapped[index]:g} to {snapped[index + 1]:g} TeV",
                allowed="bands with at least one bin inside the safe range of some run; make it wider",
            )
    return snapped, np.where((band >= 0) & (band < len(snapped) - 1), band, -1)


@dataclass(frozen=True, eq=False, slots=True)
class Reference:
    """The spectrum whose norms are sampled; its values, with those of the systematics; band edges on those of bins."""

    model: SpectralModel
    values: Mapping[str, Any]
    edges: NDArray[np.float64]
    systematics: Systematics = NO_SYSTEMATICS


@dataclass(frozen=True, eq=False, slots=True)
class CompiledBands:
    """Norms of as many bands, compiled for data of one shape: fit many data sets and reference spectra with it.

    Parameters
    ----------
    background : BackgroundModel
    n_bands : int
    compiled : CompiledModel
    data : FitData
        The data it was compiled for; others must agree in the number of runs and bins and in true energy.
    """

    background: BackgroundModel
    n_bands: int
    compiled: "CompiledModel"
    data: FitData

    def fit(
        self,
        spectra: Spectra,
        model: SpectralModel,
        values: Mapping[str, Any],
        edges: NDArray[np.float64],
        settings: SamplerSettings | None = None,
        *,
        systematics: Systematics = NO_SYSTEMATICS,
        progress: bool = True,
    ) -> BandPosterior:
        """Sample the norms for these spectra without compiling anew; arguments as for `fit_bands`.

        Raises
        ------
        InputError
            As `fit_bands`, and if spectra or number of bands differ from those compiled for.
        """
        data = FitData.from_spectra(spectra)
        snapped, signal = _band_signal(data, model, values, edges, systematics)
        reference = Reference(model, values, snapped, systematics)
        return self.fit_signal(spectra, data, signal, reference, settings, progress=progress)

    def fit_signal(
        self,
        spectra: Spectra,
        data: FitData,
        signal: "BandSignal",
        reference: Reference,
        settings: SamplerSettings | None = None,
        *,
        progress: bool = True,
    ) -> BandPosterior:
        """Sample the norms of a signal; `reference` is what it was made of.

        Raises
        ------
        InputError
            If spectra or number of bands differ from those compiled for.
        """
        from bayes_onoff.inference import groups, rates
        from bayes_onoff.inference.analysis import convergence_of
        from bayes_onoff.inference.posterior_tree import random_streams
        from bayes_onoff.inference.pymc_model import data_arrays

        settings = settings or SamplerSettings()
        self._require_shape(data, signal.n_bands)
        self.compiled.set_data(data_arrays(data, signal, self.background))
        samples = self.compiled.sample(settings, progress=progress)
        norm = samples.variables["norm"]
        factor = np.where(signal.bands >= 0, norm[..., signal.bands], 1.0)
        npred_signal = signal.reference_counts * (factor[..., None, :] if signal.bands.ndim == 1 else factor)
        rates_rng, _, _ = random_streams(settings.seed)
        draws = {
            "norm": norm,
            **rates.background_draws(samples.variables, npred_signal, data, self.background, rates_rng),
            "npred_signal": npred_signal,
        }
        tree = xr.DataTree.from_dict(
            {"posterior": groups.draws_dataset(draws, data, {}), "sample_stats": samples.sample_stats}
        )
        convergence = convergence_of(draws, samples, data)
        return BandPosterior(
            tree,
            spectra,
            reference.model,
            dict(reference.values),
            reference.edges,
            signal.bands,
            self.background,
            convergence,
            reference.systematics,
        )

    def _require_shape(self, data: FitData, n_bands: int) -> None:
        if (data.mask.shape, n_bands) != (self.data.mask.shape, self.n_bands):
            raise InputError(
                "the spectra or bands differ in shape from those compiled for",
                place="spectra",
                found=f"(run, energy) = {data.mask.shape}, {n_bands} bands",
                allowed=f"{self.data.mask.shape}, {self.n_bands} bands",
            )


def _band_signal(
    data: FitData,
    model: SpectralModel,
    values: Mapping[str, Any],
    edges: NDArray[np.float64],
    systematics: Systematics,
) -> tuple[NDArray[np.float64], "BandSignal"]:
    """Snapped edges, and the reference spectrum's counts with the band of every bin."""
    from bayes_onoff.inference.pymc_model import BandSignal

    snapped, band_of_bin = bands_of_bins(data, edges)
    reference = expected_signal(model, systematics, values, data.energy_true.edges, data.response)
    return snapped, BandSignal(band_of_bin, len(snapped) - 1, reference)


def compile_bands(
    spectra: Spectra,
    model: SpectralModel,
    values: Mapping[str, Any],
    edges: NDArray[np.float64],
    background: BackgroundModel | None = None,
    systematics: Systematics = NO_SYSTEMATICS,
) -> CompiledBands:
    """Build and compile the norms of bands for spectra of this shape; arguments as for `fit_bands`.

    Raises
    ------
    InputError
        If no band covers a fitted bin, or the data say nothing about one of them.
    """
    from bayes_onoff.inference.pymc_model import build_model
    from bayes_onoff.inference.sampling import compile_model

    background = background or BackgroundModel()
    data = FitData.from_spectra(spectra)
    _, signal = _band_signal(data, model, values, edges, systematics)
    return CompiledBands(background, signal.n_bands, compile_model(build_model(data, signal, background)), data)


def fit_bands(
    spectra: Spectra,
    model: SpectralModel,
    values: Mapping[str, Any],
    edges: NDArray[np.float64],
    *,
    background: BackgroundModel | None = None,
    systematics: Systematics = NO_SYSTEMATICS,
    settings: SamplerSettings | None = None,
    progress: bool = True,
) -> BandPosterior:
    """Sample one norm per band of reconstructed energy, prior flat and not negative, all bands in one run.

    Bins outside all bands keep the reference spectrum.

    Parameters
    ----------
    spectra : Spectra
    model : SpectralModel
        The reference spectrum.
    values : mapping of str to float
        Its parameter values, usually the posterior medians.
    edges : ndarray, shape (band + 1,)
        TeV; snapped to the reconstructed axis.
    background, settings, progress
        As for `fit`.
    systematics : Systematics, optional
        They stay at the values that `values` then holds too (`Posterior.systematic_medians`): the norms' errors are
        without them.

    Raises
    ------
    InputError
        If no band covers a fitted bin, or the data say nothing about one of them.
    """
    compiled = compile_bands(spectra, model, values, edges, background, systematics)
    return compiled.fit(spectra, model, values, edges, settings, systematics=systematics, progress=progress)
