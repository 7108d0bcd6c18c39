"""Read ON/OFF spectra from OGIP files, whoever wrote them.

A set is found from the PHA file: its header names the background file (BACKFILE), the effective area (ANCRFILE) and
the energy dispersion (RESPFILE). Read are type I spectra of counts; units as the columns state them, keV and cm2 where
they do not; QUALITY, BACKSCAL, AREASCAL and GROUPING as columns, as keywords or not at all; channels counted from any
number; tables found by their name or by their class (HDUCLAS1, HDUCLAS2), in any order.

References
----------
OGIP memo OGIP/92-007.
"""

import warnings
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import astropy.units as u
import numpy as np
from numpy.typing import NDArray

from bayes_onoff.errors import FileError, InputError, ReductionWarning
from bayes_onoff.fits_table import FitsTable, read_fits_table, read_optional_fits_table
from bayes_onoff.spectra.grouping import group_channels
from bayes_onoff.spectra.ogip_response import OgipResponse, one_number_a_row, read_response
from bayes_onoff.spectra.spectrum import Spectra, SpectrumOnOff
from bayes_onoff.units import SECONDS_PER_DAY, TIME

__all__ = ["ogip_set", "read_ogip", "read_ogip_files"]

QUALITY_GOOD, QUALITY_SET_BY_USER = 0, 5
CONTINUES_GROUP = -1
_TIME_SCALES = ("tt", "utc", "tai", "tdb")
_COMPANIONS = {"BACKFILE": "background", "ANCRFILE": "effective-area", "RESPFILE": "energy-dispersion"}


def _stated_companion(pha: FitsTable, key: str) -> Path | None:
    """Find the file that a header key names: where it says, else beside the PHA file; None if it names none."""
    name = pha.key_text(key)
    if name.upper() in ("", "NONE"):
        return None
    places = dict.fromkeys((pha.file.parent / name, pha.file.parent / Path(name).name))  # a set may have been moved
    candidates = [place.with_name(place.name + suffix) for place in places for suffix in ("", ".gz")]
    for candidate in candidates:
        if candidate.is_file():
            return candidate
    raise pha.error(
        f"the {_COMPANIONS[key]} file named by header key {key} is missing",
        found=name,
        allowed=f"an existing file; looked for {' and '.join(map(str, candidates))}",
    )


def _no_companion(pha: FitsTable, key: str, allowed: str | None = None) -> FileError:
    problem = f"header key {key} names no {_COMPANIONS[key]} file"
    return pha.error(problem, found=pha.key_text(key) or "nothing", allowed=allowed)


def _companion(pha: FitsTable, key: str) -> Path:
    path = _stated_companion(pha, key)
    if path is None:
        raise _no_companion(pha, key)
    return path


def _counts(table: FitsTable) -> NDArray[np.int64]:
    """Read the counts, one a channel or one array a channel."""
    counts = np.asarray(table.raw_column("COUNTS"), dtype=float)
    if not np.all(counts >= 0) or np.any(counts != np.round(counts)):
        raise table.error("column COUNTS does not hold whole numbers, 0 or more")
    return counts.astype(np.int64)


def _column_or_key(table: FitsTable, name: str, default: float) -> NDArray[np.float64]:
    """Get a value per channel: from a column, else from a header key for all, else `default`."""
    if table.has_column(name):
        return one_number_a_row(table, name)
    number = table.key_float(name)
    return np.full(len(table.data), default if number is None else number)


def _checked(table: FitsTable) -> FitsTable:
    """Refuse what is no type I spectrum of counts."""
    if table.key_text("HDUCLAS4").upper().replace(" ", "") == "TYPE:II" or table.has_column("SPEC_NUM"):
        raise table.error("several spectra in one table (type II)", allowed="one spectrum a file (type I)")
    if not table.has_column("COUNTS"):
        raise table.error("no column COUNTS", found=", ".join(table.column_names), allowed="counts, not rates")
    if table.raw_column("COUNTS").ndim != 1:
        raise table.error("several spectra in one table (type II)", allowed="one spectrum a file (type I)")
    return table


def _read_on(path: Path) -> FitsTable:
    """Read the spectrum of the ON region."""
    table = read_fits_table(path, "SPECTRUM", hdu_class=("SPECTRUM",))
    if table.key_text("HDUCLAS2").upper() == "BKG":
        total = read_optional_fits_table(path, hdu_class=("SPECTRUM", "TOTAL"))
        if total is None:
            raise table.error("a background spectrum (HDUCLAS2 BKG)", allowed="the PHA file that names it as BACKFILE")
        table = total
    if table.key_text("HDUCLAS2").upper() == "NET":
        raise table.error("the background is subtracted (HDUCLAS2 NET)", allowed="counts with their background")
    return _checked(table)


def _read_off(path: Path, pha: Path) -> FitsTable:
    """Read the spectrum of the OFF regions, from a file of its own or from the PHA file."""
    table = read_optional_fits_table(path, hdu_class=("SPECTRUM", "BKG"))
    if table is None and path == pha:
        raise FileError(path, "BACKFILE names the PHA file itself, which holds no background (HDUCLAS2 BKG)")
    return _checked(table or read_fits_table(path, "SPECTRUM", hdu_class=("SPECTRUM",)))


def _check_channels(table: FitsTable, channels: NDArray[np.float64]) -> None:
    found = one_number_a_row(table, "CHANNEL") if table.has_column("CHANNEL") else channels[: len(table.data)]
    if len(table.data) != len(channels) or not np.array_equal(found, channels):
        raise table.error(
            "the channels are not those of the energy dispersion",
            found=f"{len(found)} from {found[0] if len(found) else 0:g}",
            allowed=f"{len(channels)} from {channels[0]:g}",
        )


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
    if table.key_float("MJDREF") is None and table.key_float("MJDREFI") is None:
        text = f"{table.file} [{table.name}]: no zero of the times (MJDREF): the good time of this spectrum is unknown"
        warnings.warn(text, ReductionWarning, stacklevel=3)
        return np.empty((0, 2))
    scale = table.time_scale(_TIME_SCALES)
    whole = table.key_float("MJDREFI")
    day, fraction = (table.required_float("MJDREF"), 0.0) if whole is None else (whole, table.required_float("MJDREFF"))
    seconds = np.column_stack([table.column("START", TIME, u.s), table.column("STOP", TIME, u.s)])
    if scale == "tt":
        return day + (fraction + seconds / SECONDS_PER_DAY)
    from astropy.time import Time

    return np.asarray(Time(day, fraction + seconds / SECONDS_PER_DAY, format="mjd", scale=scale).tt.mjd)


def _read_off_regions(bkg: FitsTable) -> NDArray[np.int64] | None:
    """Read the OFF counts region by region, shape (off_region, energy), where the file has them."""
    table = _read_extra(bkg, "NREGION", "OFF_REGIONS")
    return None if table is None else _counts(table).reshape(len(table.data), -1).T


def _masks(pha: FitsTable, has_off: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Safe range and fit range: QUALITY 0 is good, 5 was set bad by the user, anything else by software."""
    quality = _column_or_key(pha, "QUALITY", QUALITY_GOOD)
    excluded = quality == QUALITY_SET_BY_USER
    fit_range = one_number_a_row(pha, "FIT_RANGE") > 0 if pha.has_column("FIT_RANGE") else ~excluded
    # Our own files mark a safe channel without OFF measurement as 5 too: that is no statement about the fit range.
    return (quality == QUALITY_GOOD) | excluded, fit_range & ~(excluded & has_off)


def _positive_key(table: FitsTable, key: str) -> float:
    number = table.required_float(key)
    if number <= 0:
        raise table.error(f"header key {key} is not positive", found=number)
    return number


def _name(pha: FitsTable) -> str:
    """Name the run: OBS_ID or else the file's name, letters that no file name should have replaced by ``_``."""
    stem = _stem(pha.file)
    name = pha.key_text("OBS_ID") or stem.removeprefix("pha_obs")
    return "".join(letter if letter.isascii() and (letter.isalnum() or letter in "._-+") else "_" for letter in name)


def _stem(path: Path) -> str:
    name = path.name.removesuffix(".gz")
    return name[: -len(path.suffix)] if (path := Path(name)).suffix in (".fits", ".fit", ".pha", ".pi") else name


def _grouped(pha: FitsTable, spectrum: SpectrumOnOff) -> SpectrumOnOff:
    """Put the channels together as GROUPING says: -1 continues the group of the channel before."""
    grouping = _column_or_key(pha, "GROUPING", 0)
    if not np.any(grouping < 0):
        return spectrum
    return group_channels(spectrum, grouping != CONTINUES_GROUP)


def _assembled(pha: FitsTable, bkg: FitsTable, response: OgipResponse) -> SpectrumOnOff:
    """Put together what was read; AREASCAL scales the response of each channel, and the acceptances."""
    livetime = _positive_key(pha, "EXPOSURE")
    scale = _column_or_key(pha, "AREASCAL", 1)
    if not np.all(np.isfinite(scale)) or np.any(scale < 0) or not np.any(scale > 0):
        raise pha.error("AREASCAL is negative, 0 or not finite", found=f"{scale.min():g} to {scale.max():g}")
    acceptance_off = _column_or_key(bkg, "BACKSCAL", 1) * _column_or_key(bkg, "AREASCAL", 1)
    acceptance_off = acceptance_off * (_positive_key(bkg, "EXPOSURE") / livetime)
    mask_safe, mask_fit = _masks(pha, acceptance_off > 0)
    return SpectrumOnOff(
        name=_name(pha),
        energy=response.energy,
        energy_true=response.energy_true,
        n_on=_counts(pha),
        n_off=_counts(bkg),
        acceptance=_column_or_key(pha, "BACKSCAL", 1) * scale,
        acceptance_off=acceptance_off,
        exposure=response.exposure * scale.max(),
        edisp=response.edisp * (scale / scale.max()),
        livetime=livetime,
        mask_safe=mask_safe,
        mask_fit=mask_fit,
        n_off_by_region=_read_off_regions(bkg),
        gti=_read_gti(pha),
        background=one_number_a_row(bkg, "BKG_IRF") if bkg.has_column("BKG_IRF") else None,
    )


def read_ogip(pha_path: str | Path) -> SpectrumOnOff:
    """Read a set of OGIP files.

    The acceptance ratio is ``EXPOSURE BACKSCAL AREASCAL`` of the PHA file over that of the background file; what is
    neither a column nor a keyword is 1. AREASCAL of the PHA file scales the predicted signal too. Bins of QUALITY 0 are
    safe; those of QUALITY 5 ("set bad by the user") are safe but outside the fit range. Channels grouped by GROUPING
    are put together. The name is OBS_ID, or else taken from the file's name; letters that cannot be part of a file
    name become ``_``.

    Parameters
    ----------
    pha_path : path-like
        The PHA file, compressed or not; its companions lie where its header says, or beside it.

    Returns
    -------
    SpectrumOnOff
        Good time intervals, OFF counts per region and expected OFF counts where the files hold them.

    Raises
    ------
    FileError
        If a file is missing, damaged or truncated, lacks something, states a wrong unit, or holds what is not
        supported: rates, type II, subtracted backgrounds, an ARF beside a dispersion that holds the area.

    Warns
    -----
    ReductionWarning
        If the good time intervals have no zero of the times.
    """
    path = Path(pha_path)
    pha = _read_on(path)
    files = {key: _companion(pha, key) for key in ("BACKFILE", "RESPFILE")}
    arf = _stated_companion(pha, "ANCRFILE")
    bkg = _read_off(files["BACKFILE"], path)
    response = read_response(files["RESPFILE"], arf, _positive_key(pha, "EXPOSURE"))
    if response is None:
        raise _no_companion(pha, "ANCRFILE", "an ARF, or a dispersion that holds the area (HDUCLAS3 FULL)")
    for table in (pha, bkg):
        _check_channels(table, response.channels)
    try:
        return _grouped(pha, _assembled(pha, bkg, response))
    except FileError:
        raise
    except InputError as error:
        problem = f"{error.place}: {error.problem}"
        raise FileError(path, problem, found=error.found, allowed=error.allowed) from error


def ogip_set(pha_path: str | Path) -> tuple[Path, ...]:
    """List the files of a set, each once: the PHA file and the companions that its header names.

    Raises
    ------
    FileError
        If one is missing, or the PHA file is damaged.
    """
    path = Path(pha_path)
    pha = _read_on(path)
    companions = (_companion(pha, "BACKFILE"), _stated_companion(pha, "ANCRFILE"), _companion(pha, "RESPFILE"))
    return tuple(dict.fromkeys((path, *(companion for companion in companions if companion is not None))))


def read_ogip_files(paths: Iterable[str | Path]) -> Spectra:
    """Read several sets of OGIP files, in the order given.

    Parameters
    ----------
    paths : iterable of path-like
        PHA files.

    Returns
    -------
    Spectra
        Sets that share an OBS_ID are named after their files.

    Raises
    ------
    FileError
        As for `read_ogip`.
    InputError
        If there is no file, one occurs twice, or the energy axes differ.
    """
    files = [Path(path) for path in paths]
    runs = [read_ogip(path) for path in files]
    seen = Counter(run.name for run in runs)
    named = (
        run if seen[run.name] == 1 else run.replace(name=_stem(path)) for run, path in zip(runs, files, strict=True)
    )
    return Spectra(tuple(named))
