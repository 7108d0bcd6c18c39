"""The reduced ON/OFF spectrum of one run, and a collection of them."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bayes_onoff.axes import ENERGY_DIM, ENERGY_TRUE_DIM, EnergyAxis
from bayes_onoff.errors import InputError

__all__ = ["Spectra", "SpectrumOnOff", "with_fit_range"]

ROW_SUM_MARGIN = 0.02
"""By how much the dispersion of one true energy may exceed 1 in total: calibration matrices are off by up to 1 %."""


def _read_only(values: ArrayLike, dtype: type, shape: tuple[int, ...], place: str) -> NDArray[Any]:
    array: NDArray[Any] = np.array(values, dtype=dtype)
    if array.ndim == 0:
        array = np.full(shape, array)
    if array.shape != shape:
        raise InputError("wrong shape", place=place, found=array.shape, allowed=f"{shape}")
    array.setflags(write=False)
    return array


def _counts(values: ArrayLike, shape: tuple[int, ...], place: str) -> NDArray[np.int64]:
    floats = np.asarray(values, dtype=float)
    if not np.all(np.isfinite(floats)) or np.any(floats < 0) or np.any(floats != np.round(floats)):
        raise InputError("counts must be whole numbers, not negative", place=place, found=floats.tolist())
    return _read_only(floats, np.int64, shape, place)


def _intervals(values: ArrayLike, place: str) -> NDArray[np.float64]:
    array = np.asarray(values, dtype=float)
    if array.ndim != 2 or array.shape[1] != 2:
        raise InputError("wrong shape", place=place, found=array.shape, allowed="(interval, 2): start and stop")
    if not np.all(array[:, 0] < array[:, 1]):
        raise InputError("an interval that does not stop after its start", place=place, found=array.tolist())
    return _read_only(array, float, array.shape, place)


@dataclass(frozen=True, eq=False, slots=True)
class SpectrumOnOff:
    """ON and OFF counts of one run with its response. Immutable.

    Parameters
    ----------
    name : str
        The run: its observation id as text, or ``"stacked"``.
    energy, energy_true : EnergyAxis
        Reconstructed and true energy.
    n_on, n_off : ndarray of int, shape (energy,)
        Counts in the ON region and in all OFF regions together.
    acceptance, acceptance_off : float or ndarray, shape (energy,)
        Background acceptance of the ON and of the OFF regions; `acceptance_off` 0 means: no OFF measurement.
    exposure : ndarray, shape (energy_true,)
        Effective area times livetime, cm2 s.
    edisp : ndarray, shape (energy_true, energy)
        Probability to be reconstructed in a bin, given the true-energy bin; rows sum to at most 1.
    livetime : float
        Dead-time corrected observation time, s.
    mask_safe : ndarray of bool, shape (energy,)
        The safe range: True where the response can be trusted.
    mask_fit : ndarray of bool, shape (energy,)
        The user's own range; all True by default.
    n_off_by_region : ndarray of int, shape (off_region, energy), optional
        OFF counts region by region. Where OFF regions overlap, an event counts in the first one only.
    gti : ndarray, shape (interval, 2)
        Good time intervals, start and stop, MJD in TT; empty if unknown.
    background : ndarray, shape (energy,), optional
        OFF counts expected from a background response, in all OFF regions together; their shape in energy is of use,
        not their sum.

    Raises
    ------
    InputError
        If a shape is wrong, a count is negative or not whole, the response or `background` is negative or not finite,
        a row of `edisp` adds up to more than 1, `livetime` is not positive, or a good time interval is empty.
    """

    name: str
    energy: EnergyAxis
    energy_true: EnergyAxis
    n_on: NDArray[np.int64]
    n_off: NDArray[np.int64]
    acceptance: NDArray[np.float64]
    acceptance_off: NDArray[np.float64]
    exposure: NDArray[np.float64]
    edisp: NDArray[np.float64]
    livetime: float
    mask_safe: NDArray[np.bool_]
    mask_fit: NDArray[np.bool_] = field(default_factory=lambda: np.array(True))
    n_off_by_region: NDArray[np.int64] | None = None
    gti: NDArray[np.float64] = field(default_factory=lambda: np.empty((0, 2)))
    background: NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        n, n_true = self.energy.n_bins, self.energy_true.n_bins

        def place(key: str) -> str:
            return f"spectrum {self.name}: {key}"

        for key in ("n_on", "n_off"):
            object.__setattr__(self, key, _counts(getattr(self, key), (n,), place(key)))
        for key, shape in (
            ("acceptance", (n,)),
            ("acceptance_off", (n,)),
            ("exposure", (n_true,)),
            ("edisp", (n_true, n)),
            ("background", (n,)),
        ):
            if getattr(self, key) is None:
                continue
            values = _read_only(getattr(self, key), float, shape, place(key))
            if not np.all(np.isfinite(values)) or np.any(values < 0):
                raise InputError("negative or not finite", place=place(key), found=f"minimum {values.min()}")
            object.__setattr__(self, key, values)
        if np.any(self.edisp.sum(axis=1) > 1 + ROW_SUM_MARGIN):
            raise InputError(
                "the probabilities of one true energy add up to more than 1",
                place=place("edisp"),
                found=float(self.edisp.sum(axis=1).max()),
                allowed="rows that sum to at most 1",
            )
        for key in ("mask_safe", "mask_fit"):
            object.__setattr__(self, key, _read_only(getattr(self, key), bool, (n,), place(key)))
        if self.n_off_by_region is not None:
            regions = np.asarray(self.n_off_by_region)
            regions = _counts(regions, (len(regions), n), place("n_off_by_region"))
            if not np.array_equal(regions.sum(axis=0), self.n_off):
                raise InputError("the OFF regions do not add up to n_off", place=place("n_off_by_region"))
            object.__setattr__(self, "n_off_by_region", regions)
        object.__setattr__(self, "gti", _intervals(self.gti, place("gti")))
        if not np.isfinite(self.livetime) or self.livetime <= 0:
            raise InputError("not a positive time", place=place("livetime"), found=self.livetime)

    @property
    def alpha(self) -> NDArray[np.float64]:
        """Acceptance ratio ON/OFF, shape (energy,); 0 where there is no OFF measurement."""
        ratio = np.zeros_like(self.acceptance)
        np.divide(self.acceptance, self.acceptance_off, out=ratio, where=self.acceptance_off > 0)
        return ratio

    @property
    def mask(self) -> NDArray[np.bool_]:
        """The bins that are analysed: safe, inside the fit range, and with an OFF measurement."""
        return self.mask_valid & self.mask_fit

    @property
    def mask_valid(self) -> NDArray[np.bool_]:
        """The bins that can be analysed: safe, and with an OFF measurement (a positive acceptance ratio)."""
        return self.mask_safe & (self.alpha > 0)

    @property
    def n_off_regions(self) -> int:
        """Number of OFF regions (0 if they are not known one by one)."""
        return 0 if self.n_off_by_region is None else len(self.n_off_by_region)

    @property
    def response(self) -> NDArray[np.float64]:
        """Exposure times dispersion, shape (energy, energy_true), cm2 s: counts = response @ photons."""
        return (self.edisp * self.exposure[:, None]).T

    def replace(self, **changes: Any) -> Self:
        """Copy with some fields changed."""
        return replace(self, **changes)


@dataclass(frozen=True, eq=False, slots=True)
class Spectra:
    """The ON/OFF spectra of several runs on common energy axes. Immutable.

    Parameters
    ----------
    runs : tuple of SpectrumOnOff
        At least one; names differ, axes agree.

    Raises
    ------
    InputError
        If there is no run, a name occurs twice, or the axes differ.
    """

    runs: tuple[SpectrumOnOff, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "runs", tuple(self.runs))
        if not self.runs:
            raise InputError("no spectrum", place="spectra", allowed="at least one run")
        names = self.names
        if len(set(names)) < len(names):
            raise InputError("a run occurs twice", place="spectra", found=", ".join(names))
        for run in self.runs[1:]:
            for axis in (ENERGY_DIM, ENERGY_TRUE_DIM):
                if not getattr(run, axis).is_close(getattr(self.runs[0], axis)):
                    raise InputError(
                        f"the {axis} axis differs between runs", place="spectra", found=f"{names[0]} and {run.name}"
                    )

    def __iter__(self) -> Iterator[SpectrumOnOff]:
        return iter(self.runs)

    def __len__(self) -> int:
        return len(self.runs)

    def _repr_html_(self) -> str:
        """Show the runs in a notebook: counts inside their safe ranges."""
        from bayes_onoff.notation import format_number, html_table
        from bayes_onoff.spectra.source_statistics import run_table
        from bayes_onoff.units import TIME, to_float

        header = ("run", "livetime [h]", "ON", "OFF", "α", "excess", "significance", "energies [TeV]")
        rows = [
            (
                str(row["obs_id"]),
                format_number(to_float(row["livetime"], TIME, "livetime") / 3600),
                str(row["n_on"]),
                str(row["n_off"]),
                format_number(row["alpha"]),
                format_number(row["excess"]),
                format_number(row["significance"]),
                f"{format_number(row['energy_min'].value)} to {format_number(row['energy_max'].value)}",
            )
            for row in run_table(self)
        ]
        return html_table(header, rows, f"{len(self)} ON/OFF spectra, {self.energy.n_bins} energy bins, safe ranges")

    def __getitem__(self, name: str) -> SpectrumOnOff:
        for run in self.runs:
            if run.name == name:
                return run
        raise InputError("unknown run", place="spectra", found=name, allowed=", ".join(self.names))

    @property
    def names(self) -> tuple[str, ...]:
        """The runs' names, in order."""
        return tuple(run.name for run in self.runs)

    @property
    def energy(self) -> EnergyAxis:
        """The common reconstructed-energy axis."""
        return self.runs[0].energy

    @property
    def energy_true(self) -> EnergyAxis:
        """The common true-energy axis."""
        return self.runs[0].energy_true

    @property
    def n_on(self) -> NDArray[np.int64]:
        """ON counts, shape (run, energy)."""
        return np.stack([run.n_on for run in self.runs])

    @property
    def n_off(self) -> NDArray[np.int64]:
        """OFF counts, shape (run, energy)."""
        return np.stack([run.n_off for run in self.runs])

    @property
    def alpha(self) -> NDArray[np.float64]:
        """Acceptance ratio, shape (run, energy)."""
        return np.stack([run.alpha for run in self.runs])

    @property
    def mask(self) -> NDArray[np.bool_]:
        """The analysed bins, shape (run, energy)."""
        return np.stack([run.mask for run in self.runs])

    @property
    def response(self) -> NDArray[np.float64]:
        """Exposure times dispersion, shape (run, energy, energy_true), cm2 s."""
        return np.stack([run.response for run in self.runs])


def with_fit_range(spectra: Spectra, energy_min: float = 0.0, energy_max: float = np.inf) -> Spectra:
    """Narrow the fit range to the bins that lie completely between two reconstructed energies.

    Parameters
    ----------
    spectra : Spectra
        The runs; bins that are outside their fit range already stay outside.
    energy_min, energy_max : float
        TeV.

    Raises
    ------
    InputError
        If the range is upside down, or leaves no bin of any run to analyse.
    """
    if not energy_min < energy_max:
        raise InputError(
            "the fit range is upside down or empty",
            place="fit_range",
            found=f"min {energy_min:g} TeV, max {energy_max:g} TeV",
            allowed="min < max",
        )
    edges = spectra.energy.edges
    # Edges that went through a single-precision file or another unit still count as the same energy.
    inside = (edges[:-1] >= energy_min * (1 - 1e-6)) & (edges[1:] <= energy_max * (1 + 1e-6))
    narrowed = Spectra(tuple(run.replace(mask_fit=run.mask_fit & inside) for run in spectra))
    if not narrowed.mask.any():
        used = np.flatnonzero(spectra.mask.any(axis=0))
        analysed = f"{edges[used[0]]:.4g} to {edges[used[-1] + 1]:.4g} TeV" if len(used) else "no bin at all"
        raise InputError(
            "the fit range leaves no bin to analyse in any run",
            place="fit_range",
            found=f"{energy_min:g} to {energy_max:g} TeV",
            allowed=f"a range that holds at least one bin of those analysed without it, {analysed}",
        )
    return narrowed
