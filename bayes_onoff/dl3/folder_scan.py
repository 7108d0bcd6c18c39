"""Runs found by looking into files, where no index lists them.

HDUs are told by HDUCLAS1 to HDUCLAS4 (GADF), else by their names; to which run they belong by OBS_ID, else by the
events in the same file.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from astropy.io import fits
from astropy.table import Table

from bayes_onoff.dl3.run_files import HDU_CLASSES
from bayes_onoff.dl3.time_reference import read_time_reference
from bayes_onoff.errors import FileError
from bayes_onoff.fits_table import FitsTable, read_fits_headers

__all__ = ["FoundRuns", "find_runs", "is_fits_file"]

_SUFFIXES = (".fits", ".fits.gz", ".fit", ".fit.gz", ".fts", ".fts.gz")
_KIND_OF_RESPONSE = {
    "EFF_AREA": "aeff",
    "EDISP": "edisp",
    "RPSF": "psf",
    "PSF": "psf",
    "BKG": "bkg",
    "RAD_MAX": "rad_max",
}
_KIND_OF_NAME = {
    "EVENTS": "events",
    "GTI": "gti",
    "POINTING": "pointing",
    "AEFF": "aeff",
    "EFFECTIVE AREA": "aeff",
    "EDISP": "edisp",
    "ENERGY DISPERSION": "edisp",
    "PSF": "psf",
    "POINT SPREAD FUNCTION": "psf",
    "BKG": "bkg",
    "BACKGROUND": "bkg",
    "RAD_MAX": "rad_max",
}
_TELLING_COLUMNS = {
    "psf": {"RPSF": "psf_table", "GAMMA": "psf_king", "AMPL_2": "psf_3gauss"},
    "bkg": {"DETX_LO": "bkg_3d", "THETA_LO": "bkg_2d"},
}
_NUMBERS = {
    **dict.fromkeys(("RA_PNT", "DEC_PNT", "ALT_PNT", "AZ_PNT", "ZEN_PNT", "RA_OBJ", "DEC_OBJ"), "deg"),
    **dict.fromkeys(("TSTART", "TSTOP", "ONTIME", "LIVETIME"), "s"),
    "DEADC": None,
}
_NO_ROWS = np.zeros(0).view(fits.FITS_rec)


@dataclass(frozen=True, eq=False)
class FoundRuns:
    """What was found, as an index would list it.

    Parameters
    ----------
    obs_table : Table
        One row per run, from the headers of the events; NaN or empty where a header does not say.
    hdu_table : Table
        One row per HDU. HDU_NAME is empty where the name does not tell HDUs of a file apart, but their class does.
    """

    obs_table: Table
    hdu_table: Table


@dataclass(frozen=True, eq=False)
class _FoundHdu:
    file: Path
    name: str
    kind: str
    hdu_class: str
    obs_id: int
    table: FitsTable


def is_fits_file(path: Path) -> bool:
    """Whether a file is called one, and not hidden."""
    return path.name.lower().endswith(_SUFFIXES) and not path.name.startswith(".") and path.is_file()


def find_runs(folder: Path, files: Sequence[Path]) -> FoundRuns:
    """Look into files for events, good time and responses, and put together what belongs to one run.

    Parameters
    ----------
    folder : Path
        The files lie in it or below.
    files : sequence of Path
        Files without anything of a run are passed over.

    Raises
    ------
    FileError
        If a file is damaged, a piece of a run is there twice, it is not clear to which run something belongs, or there
        is no run at all.
    """
    hdus = [hdu for path in files for hdu in _pieces(path)]
    events = [hdu for hdu in hdus if hdu.kind == "events"]
    if not events:
        raise FileError(
            files[0] if len(files) == 1 else folder,
            "no data store: neither an index nor events",
            found=f"{len(files)} FITS files",
            allowed="obs-index and hdu-index, or files with EVENTS, GTI and responses",
        )
    known = {hdu.obs_id for hdu in events}
    kept = [hdu for hdu in hdus if hdu.obs_id in known]
    _refuse_doubles(kept)
    rows = [(hdu.obs_id, hdu.kind, hdu.hdu_class, ".", str(hdu.file.relative_to(folder)), hdu.name) for hdu in kept]
    names = ("OBS_ID", "HDU_TYPE", "HDU_CLASS", "FILE_DIR", "FILE_NAME", "HDU_NAME")
    return FoundRuns(_observation_table(events), Table(rows=rows, names=names))


def _refuse_doubles(hdus: Sequence[_FoundHdu]) -> None:
    seen: dict[tuple[int, str], Path] = {}
    for hdu in hdus:
        key = hdu.obs_id, hdu.hdu_class
        if key in seen:
            raise FileError(
                hdu.file,
                f"run {hdu.obs_id} has two HDUs of class {hdu.hdu_class}",
                hdu=hdu.name or hdu.hdu_class,
                found=f"the other in {seen[key]}",
                allowed="one of each class, or an index that says which",
            )
        seen[key] = hdu.file


def _kind_and_class(table: FitsTable) -> tuple[str, str] | None:
    """GADF's HDU_TYPE and HDU_CLASS of an HDU; None if it is nothing of a run."""
    first, second, last = (table.key_text(f"HDUCLAS{level}").upper() for level in (1, 2, 4))
    if first in ("EVENTS", "GTI", "POINTING"):
        return first.lower(), first.lower()
    if first == "RESPONSE":
        known = {hdu_class: kind for kind, classes in HDU_CLASSES.items() for hdu_class in classes}
        kind = known.get(last.lower()) or _KIND_OF_RESPONSE.get(second)
    else:
        kind = None if first else _KIND_OF_NAME.get(table.key_text("EXTNAME").upper())
    if kind is None:
        return None
    columns = {table.key_text(key).upper() for key in table.header if key.startswith("TTYPE")}
    told = next((c for column, c in _TELLING_COLUMNS.get(kind, {}).items() if column in columns), None)
    return kind, last.lower() or told or HDU_CLASSES[kind][0]


def _obs_id(table: FitsTable) -> int | None:
    text = table.key_text("OBS_ID")
    return int(text) if text.removeprefix("-").isdecimal() else None


def _pieces(path: Path) -> list[_FoundHdu]:
    primary, *headers = (FitsTable(path, f"HDU {i}", h, _NO_ROWS) for i, h in enumerate(read_fits_headers(path)))
    told = [(table, found) for table in headers if (found := _kind_and_class(table)) is not None]
    names = [table.key_text("EXTNAME").upper() for table, _ in told]
    classes = [hdu_class for _, (_, hdu_class) in told]
    runs = {_obs_id(table) for table, (kind, _) in told if kind == "events"}
    if None in runs:
        raise FileError(path, "no run number OBS_ID in the header of the events", hdu="EVENTS")
    owner = next(iter(runs)) if len(runs) == 1 else _obs_id(primary)
    pieces = []
    for (table, (kind, hdu_class)), name in zip(told, names, strict=True):
        obs_id = _obs_id(table)
        obs_id = owner if obs_id is None else obs_id
        if obs_id is None:
            continue  # responses of no run, or spectra
        is_told_by_name = name != "" and names.count(name) == 1
        if not is_told_by_name and classes.count(hdu_class) > 1:
            raise FileError(path, "HDUs of one class cannot be told apart by their names", hdu=name or hdu_class)
        pieces.append(_FoundHdu(path, name if is_told_by_name else "", kind, hdu_class, obs_id, table))
    return pieces


def _number(table: FitsTable, key: str) -> float:
    value = table.key_float(key)
    return np.nan if value is None else value


def _observation_table(events: Sequence[_FoundHdu]) -> Table:
    """One row per run, all times on the clock of the first."""
    tables = [hdu.table for hdu in events]
    references = [read_time_reference(table) for table in tables]
    columns = {key: np.array([_number(table, key) for table in tables]) for key in _NUMBERS}
    columns["ZEN_PNT"] = np.where(np.isnan(columns["ZEN_PNT"]), 90 - columns["ALT_PNT"], columns["ZEN_PNT"])
    for key in ("TSTART", "TSTOP"):
        columns[key] += [references[0].seconds_of(reference.mjd_tt) for reference in references]
    result = Table({"OBS_ID": [hdu.obs_id for hdu in events], "OBJECT": [t.key_text("OBJECT") for t in tables]})
    for key, unit in _NUMBERS.items():
        result[key] = columns[key]
        result[key].unit = unit
    zero = references[0]
    result.meta.update(MJDREFI=zero.mjd_int, MJDREFF=zero.mjd_frac, TIMESYS=zero.scale.upper())
    return result
