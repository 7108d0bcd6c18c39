"""Read ON/OFF spectra from OGIP files, whoever wrote them.

A set is found from the PHA file: its header names the background file (BACKFILE), the effective area (ANCRFILE) and
the energy dispersion (RESPFILE), beside it. Read are type I spectra of counts; units as the columns state them, keV
and cm2 where they do not; QUALITY, BACKSCAL and AREASCAL as columns, as keywords or not at all; dispersions
compressed or not, with channels counted from any number.
"""

from collections.abc import Iterable
from pathlib import Path

import astropy.units as u
import numpy as np
from numpy.typing import NDArray

from bayes_onoff.axes import ENERGY_DIM, ENERGY_TRUE_DIM, EnergyAxis
from bayes_onoff.errors import FileError, InputError
from bayes_onoff.fits_table import FitsTable, read_fits_table, read_optional_fits_table
from bayes_onoff.spectra.spectrum import Spectra, SpectrumOnOff
from bayes_onoff.units import AREA, ENERGY, TIME

__all__ = ["ogip_set", "read_ogip", "read_ogip_files"]

QUALITY_GOOD, QUALITY_SET_BY_USER = 0, 5
_MATRIX_NAMES = ("MATRIX", "SPECRESP MATRIX")
_TIME_SCALES = ("tt", "utc", "tai", "tdb")
_SECONDS_PER_DAY = 86400.0
_COMPANIONS = {"BACKFILE": "background", "ANCRFILE": "effective-area", "RESPFILE": "energy-dispersion"}


def _companion(pha: FitsTable, key: str) -> Path:
    """Find the file that a header key names, beside the PHA file."""
    name = pha.key_text(key)
    if name.upper() in ("", "NONE"):
        raise pha.error(f"header key {key} names no {_COMPANIONS[key]} file", found=name or "nothing")
    candidates = (pha.file.parent / name, pha.file.parent / f"{name}.gz")
    for candidate in candidates:
        if candidate.is_file():
            return candidate
    raise pha.error(
        f"the {_COMPANIONS[key]} file named by header key {key} is missing",
        found=name,
        allowed=f"an existing file; looked for {' and '.join(map(str, candidates))}",
    )


def _numbers(table: FitsTable, name: str) -> NDArray[np.float64]:
    """Read a column of plain numbers, one a row, whatever its unit is called."""
    raw = table.raw_column(name)
    if raw.dtype.kind not in "fiub" or raw.ndim != 1:
        raise table.error(f"column {name} does not hold one number a row", found=f"{raw.dtype}, shape {raw.shape}")
    return raw.astype(float)


def _counts(table: FitsTable) -> NDArray[np.int64]:
    """Read the counts, one a channel or one array a channel."""
    counts = np.asarray(table.raw_column("COUNTS"), dtype=float)
    if np.any(counts < 0) or np.any(counts != np.round(counts)):
        raise table.error("column COUNTS does not hold whole numbers, 0 or more")
    return counts.astype(np.int64)


def _column_or_key(table: FitsTable, name: str, default: float) -> NDArray[np.float64]:
    """Get a value per channel: from a column, else from a header key for all, else `default`."""
    if table.has_column(name):
        return _numbers(table, name)
    number = table.key_float(name)
    return np.full(len(table.data), default if number is None else number)


def _axis(table: FitsTable, low: str, high: str, name: str) -> EnergyAxis:
    lower, upper = table.column(low, ENERGY, u.keV), table.column(high, ENERGY, u.keV)
    if lower.ndim != 1 or not len(lower) or not np.allclose(lower[1:], upper[:-1], rtol=1e-5, atol=0):
        raise table.error(f"{low} and {high} are not contiguous bins")
    try:
        return EnergyAxis(np.append(lower, upper[-1]), name)
    except InputError as error:
        raise table.error(error.problem, found=error.found, allowed=error.allowed) from error


def _read_spectrum(path: Path) -> FitsTable:
    """Read the SPECTRUM extension; refuse what would first have to be applied to the counts or to the response."""
    table = read_fits_table(path, "SPECTRUM")
    if not table.has_column("COUNTS"):
        raise table.error("no column COUNTS", found=", ".join(table.column_names), allowed="counts, not rates")
    if table.raw_column("COUNTS").ndim != 1:
        raise table.error("several spectra in one table (type II)", allowed="one spectrum a file (type I)")
    if np.any(_column_or_key(table, "GROUPING", 0) < 0):
        raise table.error("the channels are grouped", found="GROUPING -1", allowed="0 or 1: every channel apart")
    scales = _column_or_key(table, "AREASCAL", 1)
    if np.any(scales != 1):
        raise table.error("areas scaled by channel", found=f"AREASCAL {scales[scales != 1][0]:g}", allowed="AREASCAL 1")
    return table


def _check_channels(table: FitsTable, channels: NDArray[np.float64]) -> None:
    found = _numbers(table, "CHANNEL") if table.has_column("CHANNEL") else channels[: len(table.data)]
    if len(table.data) != len(channels) or not np.array_equal(found, channels):
        raise table.error(
            "the channels are not those of the energy dispersion",
            found=f"{len(found)} from {found[0] if len(found) else 0:g}",
            allowed=f"{len(channels)} from {channels[0]:g}",
        )


def _expanded(matrix: FitsTable, first: int, n_channels: int) -> NDArray[np.float64]:
    """Expand a dispersion stored as groups of channels, shape (energy_true, energy)."""
    n_groups = _numbers(matrix, "N_GRP").astype(int)
    starts, lengths, elements = (matrix.raw_column(name) for name in ("F_CHAN", "N_CHAN", "MATRIX"))
    edisp = np.zeros((len(n_groups), n_channels))
    for row, n_group in enumerate(n_groups):
        start = np.atleast_1d(starts[row])[:n_group].astype(int) - first
        length = np.atleast_1d(lengths[row])[:n_group].astype(int)
        values = np.atleast_1d(elements[row])
        complete = len(start) == len(length) == n_group and length.sum() <= len(values)
        if not complete or np.any(start < 0) or np.any(length < 0) or np.any(start + length > n_channels):
            raise matrix.error(
                f"row {row + 1} has a group outside the channels or without its elements",
                found=f"N_GRP {n_group}, F_CHAN {start + first}, N_CHAN {length}, {len(values)} elements",
                allowed=f"channels {first} to {first + n_channels - 1}",
            )
        stops = np.cumsum(length)
        for channel, n, stop in zip(start, length, stops, strict=True):
            edisp[row, channel : channel + n] = values[stop - n : stop]
    return edisp


def _read_matrix(path: Path) -> tuple[EnergyAxis, EnergyAxis, NDArray[np.float64], NDArray[np.float64]]:
    """Read true and reconstructed energies, the dispersion (energy_true, energy), and the channel numbers."""
    matrix, ebounds = read_fits_table(path, *_MATRIX_NAMES), read_fits_table(path, "EBOUNDS")
    energy_true = _axis(matrix, "ENERG_LO", "ENERG_HI", ENERGY_TRUE_DIM)
    energy = _axis(ebounds, "E_MIN", "E_MAX", ENERGY_DIM)
    channels = _numbers(ebounds, "CHANNEL")
    # F_CHAN counts from its TLMIN; where the file does not say, from the first channel of EBOUNDS.
    number = (
        matrix.key_float(f"TLMIN{matrix.column_names.index('F_CHAN') + 1}") if matrix.has_column("F_CHAN") else None
    )
    first = int(channels[0] if number is None else number)
    return energy_true, energy, _expanded(matrix, first, energy.n_bins), channels


def _read_extra(counts: FitsTable, key: str, *hdu_names: str) -> FitsTable | None:
    """Read an HDU that need not be there, unless the header of the counts announces its rows under `key`."""
    table = read_optional_fits_table(counts.file, *hdu_names)
    if table is None and (counts.key_float(key) or 0) > 0:
        problem = f"no HDU {hdu_names[0]}, which header key {key} announces: the file is truncated"
        raise counts.error(problem, found=f"{key} {counts.key_float(key):g}")
    return table


def _read_gti(pha: FitsTable) -> NDArray[np.float64]:
    """Read the good time intervals as MJD in TT, shape (interval, 2); empty if the file has none."""
    table = _read_extra(pha, "NGTI", "GTI", "STDGTI")
    if table is None or not len(table.data):
        return np.empty((0, 2))
    scale = table.key_text("TIMESYS", "TT").lower()
    if scale not in _TIME_SCALES:
        raise table.error("unknown time system TIMESYS", found=scale, allowed=", ".join(_TIME_SCALES).upper())
    whole = table.key_float("MJDREFI")
    day, fraction = (table.required_float("MJDREF"), 0.0) if whole is None else (whole, table.required_float("MJDREFF"))
    seconds = np.column_stack([table.column("START", TIME, u.s), table.column("STOP", TIME, u.s)])
    if scale == "tt":
        return day + (fraction + seconds / _SECONDS_PER_DAY)
    from astropy.time import Time

    return np.asarray(Time(day, fraction + seconds / _SECONDS_PER_DAY, format="mjd", scale=scale).tt.mjd)


def _read_off_regions(bkg: FitsTable) -> NDArray[np.int64] | None:
    """Read the OFF counts region by region, shape (off_region, energy), where the file has them."""
    table = _read_extra(bkg, "NREGION", "OFF_REGIONS")
    return None if table is None else _counts(table).reshape(len(table.data), -1).T


def _masks(pha: FitsTable, has_off: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Safe range and fit range: QUALITY 0 is good, 5 was set bad by the user, anything else by software."""
    quality = _column_or_key(pha, "QUALITY", QUALITY_GOOD)
    excluded = quality == QUALITY_SET_BY_USER
    fit_range = _numbers(pha, "FIT_RANGE") > 0 if pha.has_column("FIT_RANGE") else ~excluded
    # Our own files mark a safe channel without OFF measurement as 5 too: that is no statement about the fit range.
    return (quality == QUALITY_GOOD) | excluded, fit_range & ~(excluded & has_off)


def _positive_key(table: FitsTable, key: str) -> float:
    number = table.required_float(key)
    if number <= 0:
        raise table.error(f"header key {key} is not positive", found=number)
    return number


def read_ogip(pha_path: str | Path) -> SpectrumOnOff:
    """Read a set of OGIP files.

    The acceptance ratio is ``EXPOSURE BACKSCAL`` of the PHA file over that of the background file; a BACKSCAL that is
    neither a column nor a keyword is 1. Bins of QUALITY 0 are safe; those of QUALITY 5 ("set bad by the user") are safe
    but outside the fit range. The name is OBS_ID, or else taken from the file's name.

    Parameters
    ----------
    pha_path : path-like
        The PHA file, compressed or not; its companions lie beside it.

    Returns
    -------
    SpectrumOnOff
        Good time intervals and OFF counts per region where the files hold them.

    Raises
    ------
    FileError
        If a file is missing, damaged or truncated, lacks something, states a wrong unit, or holds what is not
        supported: rates, type II, grouped channels, scaled areas, an effective area inside the dispersion.
    """
    path = Path(pha_path)
    pha = _read_spectrum(path)
    files = {key: _companion(pha, key) for key in _COMPANIONS}
    bkg, arf = _read_spectrum(files["BACKFILE"]), read_fits_table(files["ANCRFILE"], "SPECRESP")
    energy_true, energy, edisp, channels = _read_matrix(files["RESPFILE"])
    area_axis = _axis(arf, "ENERG_LO", "ENERG_HI", ENERGY_TRUE_DIM)
    if not area_axis.is_close(energy_true):
        raise arf.error("the true energies are not those of the energy dispersion", found=str(files["RESPFILE"]))
    for table in (pha, bkg):
        _check_channels(table, channels)
    livetime = _positive_key(pha, "EXPOSURE")
    acceptance_off = _column_or_key(bkg, "BACKSCAL", 1) * (_positive_key(bkg, "EXPOSURE") / livetime)
    mask_safe, mask_fit = _masks(pha, acceptance_off > 0)
    stem = path.name.removesuffix(".gz").removesuffix(".fits").removesuffix(".pha")
    try:
        return SpectrumOnOff(
            name=pha.key_text("OBS_ID") or stem.removeprefix("pha_obs"),
            energy=energy,
            energy_true=area_axis,
            n_on=_counts(pha),
            n_off=_counts(bkg),
            acceptance=_column_or_key(pha, "BACKSCAL", 1),
            acceptance_off=acceptance_off,
            exposure=arf.column("SPECRESP", AREA, AREA) * livetime,
            edisp=edisp,
            livetime=livetime,
            mask_safe=mask_safe,
            mask_fit=mask_fit,
            n_off_by_region=_read_off_regions(bkg),
            gti=_read_gti(pha),
        )
    except FileError:
        raise
    except InputError as error:
        problem = f"{error.place}: {error.problem}"
        raise FileError(path, problem, found=error.found, allowed=error.allowed) from error


def ogip_set(pha_path: str | Path) -> tuple[Path, ...]:
    """List the files of a set: the PHA file and the companions that its header names.

    Raises
    ------
    FileError
        If one is missing, or the PHA file is damaged.
    """
    path = Path(pha_path)
    pha = _read_spectrum(path)
    return (path, *(_companion(pha, key) for key in _COMPANIONS))


def read_ogip_files(paths: Iterable[str | Path]) -> Spectra:
    """Read several sets of OGIP files, in the order given.

    Parameters
    ----------
    paths : iterable of path-like
        PHA files.

    Raises
    ------
    FileError
        As for `read_ogip`.
    InputError
        If there is no file, a run occurs twice, or the energy axes differ.
    """
    return Spectra(tuple(read_ogip(path) for path in paths))
