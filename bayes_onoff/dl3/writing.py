"""Write runs as GADF data stores: one FITS file a run and the two index tables.

Files carry checksums but no dates: the same content gives the same bytes.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from astropy.io import fits

from bayes_onoff.dl3.encoding import Column, encode_run, encode_table, time_keys
from bayes_onoff.dl3.run_content import WRITTEN_PIECES, RunContent
from bayes_onoff.errors import FileError, InputError
from bayes_onoff.files import replaced_when_whole

__all__ = ["run_file_name", "write_index", "write_run", "write_store"]


def run_file_name(obs_id: int) -> str:
    """Name of the file in which `write_run` stores a run."""
    return f"obs_{obs_id:06d}.fits"


def _write_whole(path: Path, hdus: Iterable[fits.BinTableHDU]) -> None:
    """Write primary HDU and tables with checksums; the file appears whole or not at all."""
    content = fits.HDUList([fits.PrimaryHDU(), *hdus])
    for hdu in content:
        hdu.add_checksum(when="")  # astropy's own comment would be a date
    with replaced_when_whole(path) as unfinished, unfinished.open("wb") as stream:
        content.writeto(stream)


def _altitude(run: RunContent) -> float:
    """Altitude of the pointing (ALT_PNT), deg; NaN if the run does not state it."""
    return float(run.header.get("ALT_PNT", np.nan))


def write_run(folder: str | Path, run: RunContent) -> Path:
    """Write one run as ``obs_<id>.fits``: EVENTS, GTI, AEFF, EDISP and, if given, PSF, BKG and RAD_MAX.

    Parameters
    ----------
    folder : path-like
        Created if it is missing. A file of that name is replaced.
    run : RunContent
        The run.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    FileError
        If the file cannot be written.
    """
    path = Path(folder) / run_file_name(run.obs_id)
    _write_whole(path, encode_run(run))
    return path


def write_index(folder: str | Path, runs: Sequence[RunContent]) -> tuple[Path, Path]:
    """Write ``obs-index.fits`` and ``hdu-index.fits`` for runs written by `write_run` into the same folder.

    Parameters
    ----------
    folder : path-like
        Created if it is missing. An index that is already there is replaced.
    runs : sequence of RunContent
        All runs of the store.

    Returns
    -------
    tuple of Path
        The two files.

    Raises
    ------
    FileError
        If a file cannot be written.
    """
    pointings = [run.pointing.icrs for run in runs]
    ontimes = np.array([run.gti.time_sum for run in runs])
    alive = np.array([1 - run.dead_time_fraction for run in runs])
    observations: list[Column] = [
        ("OBS_ID", np.array([run.obs_id for run in runs]), None),
        ("OBJECT", np.array([run.target for run in runs]), None),
        ("RA_PNT", np.array([pointing.ra.deg for pointing in pointings]), "deg"),
        ("DEC_PNT", np.array([pointing.dec.deg for pointing in pointings]), "deg"),
        ("TSTART", np.array([run.gti.start.min() for run in runs]), "s"),
        ("TSTOP", np.array([run.gti.stop.max() for run in runs]), "s"),
        ("ONTIME", ontimes, "s"),
        ("LIVETIME", ontimes * alive, "s"),
        ("DEADC", alive, None),
        ("EVENT_COUNT", np.array([len(run.events) for run in runs]), None),
    ]
    altitudes = np.array([_altitude(run) for run in runs])
    if np.any(np.isfinite(altitudes)):
        observations += [("ALT_PNT", altitudes, "deg"), ("ZEN_PNT", 90 - altitudes, "deg")]
    entries = [
        (run.obs_id, kind, piece.hdu_class, ".", run_file_name(run.obs_id), kind.upper())
        for run in runs
        for kind in WRITTEN_PIECES
        if (piece := getattr(run, kind)) is not None
    ]
    names = ("OBS_ID", "HDU_TYPE", "HDU_CLASS", "FILE_DIR", "FILE_NAME", "HDU_NAME")
    hdus: list[Column] = [
        (name, np.array(values), None) for name, values in zip(names, zip(*entries, strict=True), strict=True)
    ]
    times = time_keys(runs[0].gti.reference, runs[0].gti)
    folder = Path(folder)
    paths = (folder / "obs-index.fits", folder / "hdu-index.fits")
    _write_whole(paths[0], [encode_table("OBS_INDEX", observations, {**times, "HDUCLAS1": "INDEX", "HDUCLAS2": "OBS"})])
    _write_whole(paths[1], [encode_table("HDU_INDEX", hdus, {"HDUCLAS1": "INDEX", "HDUCLAS2": "HDU"})])
    return paths


def write_store(folder: str | Path, runs: Sequence[RunContent]) -> Path:
    """Write runs as a data store. The index comes last, so that an unfinished store has none.

    Parameters
    ----------
    folder : path-like
        Created if missing. A store that is already there is replaced; its run files of other ids stay, unlisted.
    runs : sequence of RunContent
        At least one run; their clocks have one zero.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    InputError
        If there is no run, or an id occurs twice.
    FileError
        If the folder cannot be written.
    """
    ids = [run.obs_id for run in runs]
    if not ids or len(set(ids)) < len(ids):
        raise InputError("a store needs runs with different ids", place="data store", found=ids)
    if len({run.gti.reference for run in runs}) > 1:
        raise InputError("the runs count their times from different zeros", place="data store")
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for stem in ("obs-index", "hdu-index"):
            for suffix in (".fits", ".fits.gz"):
                (folder / f"{stem}{suffix}").unlink(missing_ok=True)
    except OSError as error:
        raise FileError(folder, "the folder cannot be written", found=error.strerror or str(error)) from error
    for run in runs:
        write_run(folder, run)
    write_index(folder, runs)
    return folder
