"""What the likelihood sees of the spectra: plain arrays over (run, energy)."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from bayes_onoff.axes import EnergyAxis
from bayes_onoff.errors import InputError
from bayes_onoff.spectra import Spectra

__all__ = ["FitData"]


@dataclass(frozen=True, eq=False, slots=True)
class FitData:
    """The fitted bins of a set of runs.

    The energy axis is the smallest contiguous range that holds every bin analysed in some run. Bins outside the
    range of one run stay in the rectangle with `mask` False; there counts and response are 0 and the likelihood is 1.

    Parameters
    ----------
    runs : tuple of str
        Names of the runs.
    energy, energy_true : EnergyAxis
        The fitted reconstructed bins, and all true-energy bins.
    n_on, n_off : ndarray of int, shape (run, energy)
    alpha : ndarray, shape (run, energy)
        Acceptance ratio; 1 where `mask` is False.
    mask : ndarray of bool, shape (run, energy)
    response : ndarray, shape (run, energy, energy_true)
        cm2 s.
    off_regions : tuple of ndarray of int, shape (region,), one a run
        OFF counts region by region, summed over `equal_regions`; empty where the regions are not known.
    equal_regions : ndarray of bool, shape (run, energy)
        The bins in which every OFF region known of the run has the acceptance of the ON region.
    expected_off : tuple, one a run, of ndarray, shape (energy,), or None
        OFF counts that a background response expects, where the run has one; 0 where `mask` is False.
    """

    runs: tuple[str, ...]
    energy: EnergyAxis
    energy_true: EnergyAxis
    n_on: NDArray[np.int64]
    n_off: NDArray[np.int64]
    alpha: NDArray[np.float64]
    mask: NDArray[np.bool_]
    response: NDArray[np.float64]
    off_regions: tuple[NDArray[np.int64], ...]
    equal_regions: NDArray[np.bool_]
    expected_off: tuple[NDArray[np.float64] | None, ...]

    @classmethod
    def from_spectra(cls, spectra: Spectra) -> "FitData":
        """Cut the fitted bins out of the spectra.

        Raises
        ------
        InputError
            If no bin of any run is left.
        """
        mask = spectra.mask
        used = np.flatnonzero(mask.any(axis=0))
        if len(used) == 0:
            raise InputError(
                "no bin is left to fit: every bin is outside the safe range, outside the fit range or without OFF",
                place=f"runs {', '.join(spectra.names)}",
            )
        bins = slice(used[0], used[-1] + 1)
        mask = mask[:, bins]
        # Not where some regions are cut at some energies, and not in a stacked run: its regions belong to several.
        numbers = np.array([[run.n_off_regions] for run in spectra])
        equal_regions = mask & np.isclose(spectra.alpha[:, bins] * numbers, 1.0, rtol=1e-6, atol=0)
        return cls(
            runs=spectra.names,
            energy=EnergyAxis(spectra.energy.edges[bins.start : bins.stop + 1], spectra.energy.name),
            energy_true=spectra.energy_true,
            n_on=np.where(mask, spectra.n_on[:, bins], 0),
            n_off=np.where(mask, spectra.n_off[:, bins], 0),
            alpha=np.where(mask, spectra.alpha[:, bins], 1.0),
            mask=mask,
            response=np.where(mask[:, :, None], spectra.response[:, bins], 0.0),
            off_regions=tuple(
                np.empty(0, dtype=np.int64)
                if run.n_off_by_region is None
                else run.n_off_by_region[:, bins][:, equal].sum(axis=1)
                for run, equal in zip(spectra, equal_regions, strict=True)
            ),
            equal_regions=equal_regions,
            expected_off=tuple(
                None if run.background is None else np.where(used_bins, run.background[bins], 0.0)
                for run, used_bins in zip(spectra, mask, strict=True)
            ),
        )

    def without(self, left_out: NDArray[np.bool_]) -> "FitData":
        """Leave bins (run, energy) out of the fit; the axis and all shapes stay.

        How the OFF counts are shared by the regions of a run is kept, unless the whole run is left out.
        """
        mask = self.mask & ~left_out
        used = mask.any(axis=1)
        regions = zip(self.off_regions, used, strict=True)
        expected = zip(self.expected_off, mask, strict=True)
        return replace(
            self,
            mask=mask,
            n_on=np.where(mask, self.n_on, 0),
            n_off=np.where(mask, self.n_off, 0),
            alpha=np.where(mask, self.alpha, 1.0),
            response=np.where(mask[:, :, None], self.response, 0.0),
            off_regions=tuple(counts if kept else np.empty(0, dtype=np.int64) for counts, kept in regions),
            equal_regions=self.equal_regions & mask,
            expected_off=tuple(None if run is None else np.where(bins, run, 0.0) for run, bins in expected),
        )

    @property
    def log_energy(self) -> NDArray[np.float64]:
        """ln(bin centre / centre of the fitted range), shape (energy,)."""
        edges = self.energy.edges
        ratio: NDArray[np.float64] = self.energy.centers / np.sqrt(edges[0] * edges[-1])
        return np.log(ratio)
