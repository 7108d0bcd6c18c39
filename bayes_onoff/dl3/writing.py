"""Write runs as GADF data stores: one FITS file a run and the two index tables.

Columns are double precision, so that what was written is read back as it was. Files carry checksums but no dates:
the same content gives the same bytes.
"""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import astropy.units as u
import numpy as np
from astropy.coordinates import SkyCoord
from astropy.io import fits
from numpy.typing import NDArray

from bayes_onoff.dl3.background import Background
from bayes_onoff.dl3.effective_area import EffectiveArea
from bayes_onoff.dl3.energy_dispersion import EnergyDispersion
from bayes_onoff.dl3.events import Events
from bayes_onoff.dl3.gti import GTI
from bayes_onoff.dl3.irf_axes import IrfAxis
from bayes_onoff.dl3.observation import HDU_CLASSES, Observation
from bayes_onoff.dl3.psf import PSFTable
from bayes_onoff.dl3.rad_max import RadMax
from bayes_onoff.dl3.time_reference import TimeReference
from bayes_onoff.errors import FileError, InputError
from bayes_onoff.units import AREA, BACKGROUND_RATE

__all__ = ["RunContent", "run_file_name", "write_index", "write_run", "write_store"]

type HeaderValues = Mapping[str, str | int | float | bool]

_GADF: HeaderValues = {
    "HDUCLASS": "GADF",
    "HDUDOC": "https://github.com/open-gamma-ray-astro/gamma-astro-data-formats",
    "HDUVERS": "0.3",
}
_CARRIED_KEYS = (
    *("ORIGIN", "TELESCOP", "INSTRUME", "CREATOR", "EV_CLASS", "N_TELS", "TELLIST", "MUONEFF"),
    *("RA_OBJ", "DEC_OBJ", "ALT_PNT", "AZ_PNT", "GEOLON", "GEOLAT", "ALTITUDE"),
    *("DATE-OBS", "TIME-OBS", "DATE-END", "TIME-END"),
)
_M2 = float(AREA.to(u.m**2))
_PER_MEV = float(BACKGROUND_RATE.to((u.s * u.MeV * u.sr) ** -1))


@dataclass(frozen=True, eq=False)
class RunContent:
    """Everything that is written about one run.

    Parameters
    ----------
    obs_id : int
        Observation id.
    events : Events
        Times count from the same zero as those of `gti`.
    gti : GTI
        Good time intervals.
    pointing : SkyCoord
        Fixed pointing direction.
    dead_time_fraction : float
        Fraction of the good time lost.
    aeff, edisp, psf, bkg, rad_max
        Responses; the last three are optional.
    target : str
        Name of the target.
    header : mapping
        More keys for the header of EVENTS, for example ``TELESCOP``.
    """

    obs_id: int
    events: Events
    gti: GTI
    pointing: SkyCoord
    dead_time_fraction: float
    aeff: EffectiveArea
    edisp: EnergyDispersion
    psf: PSFTable | None = None
    bkg: Background | None = None
    rad_max: RadMax | None = None
    target: str = ""
    header: HeaderValues = field(default_factory=dict)

    @classmethod
    def from_observation(cls, observation: Observation) -> Self:
        """Take over everything from a run that was read."""
        o = observation
        header = {key: o.header[key] for key in _CARRIED_KEYS if key in o.header}
        return cls(
            o.obs_id,
            o.events,
            o.gti,
            o.pointing,
            o.dead_time_fraction,
            o.aeff,
            o.edisp,
            psf=o.psf,
            bkg=o.bkg,
            rad_max=o.rad_max,
            target=o.target,
            header=header,
        )


def run_file_name(obs_id: int) -> str:
    """Name of the file in which `write_run` stores a run."""
    return f"obs_{obs_id:06d}.fits"


type Column = tuple[str, NDArray[Any], str | None]  # name, one element a row, unit


def _table(name: str, columns: Sequence[Column], keys: HeaderValues) -> fits.BinTableHDU:
    """Encode columns; big-endian from the start, since astropy swaps bytes slowly."""
    kinds = {"f": ">f8", "i": ">i8"}
    dtypes = [
        (column, kinds.get(values.dtype.kind) or f"S{max(values.dtype.itemsize // 4, 1)}", values.shape[1:])
        for column, values, _ in columns
    ]
    rows = np.empty(len(columns[0][1]), dtype=dtypes)
    for column, values, _ in columns:
        rows[column] = values
    hdu = fits.BinTableHDU(rows.view(fits.FITS_rec), name=name)  # a plain array would be copied in native order
    for number, (_, _, unit) in enumerate(columns, start=1):
        if unit is not None:
            hdu.header.set(f"TUNIT{number}", unit, after=f"TFORM{number}")
    hdu.header.update({**_GADF, **keys})
    return hdu


def _cell(name: str, values: NDArray[np.float64], unit: str | None) -> Column:
    """Put an array into the only row; FITS counts its axes the other way round."""
    return name, values.T[None], unit


def _axis_cells(name: str, axis: IrfAxis, unit: str | None) -> list[Column]:
    low, high = axis.bounds
    return [_cell(f"{name}_LO", low, unit), _cell(f"{name}_HI", high, unit)]


def _response_keys(kind: str, hdu_class: str, *, is_pointlike: bool) -> HeaderValues:
    enclosure = "POINT-LIKE" if is_pointlike else "FULL-ENCLOSURE"
    return {"HDUCLAS1": "RESPONSE", "HDUCLAS2": kind, "HDUCLAS3": enclosure, "HDUCLAS4": hdu_class}


def _time_keys(reference: TimeReference, gti: GTI) -> HeaderValues:
    return {
        "MJDREFI": int(reference.mjd_int),
        "MJDREFF": float(reference.mjd_frac),
        "TIMEUNIT": "s",
        "TIMESYS": reference.scale.upper(),
        "TIMEREF": "LOCAL",
        "TSTART": float(gti.start.min()),
        "TSTOP": float(gti.stop.max()),
    }


def _events_table(run: RunContent) -> fits.BinTableHDU:
    events = run.events.relative_to(run.gti.reference)
    ontime, alive = run.gti.time_sum, 1 - run.dead_time_fraction
    pointing = run.pointing.icrs
    keys = {
        **_time_keys(run.gti.reference, run.gti),
        "HDUCLAS1": "EVENTS",
        "OBS_ID": run.obs_id,
        "OBJECT": run.target,
        "OBS_MODE": "POINTING",
        "RA_PNT": float(pointing.ra.deg),
        "DEC_PNT": float(pointing.dec.deg),
        "RADESYS": "ICRS",
        "EQUINOX": 2000.0,
        "ONTIME": ontime,
        "LIVETIME": ontime * alive,
        "DEADC": alive,
    }
    columns: list[Column] = [
        ("EVENT_ID", np.arange(1, len(events) + 1), None),
        ("TIME", events.time, "s"),
        ("RA", events.ra, "deg"),
        ("DEC", events.dec, "deg"),
        ("ENERGY", events.energy, "TeV"),
    ]
    return _table("EVENTS", columns, {**run.header, **keys})


def _gti_table(gti: GTI) -> fits.BinTableHDU:
    columns: list[Column] = [("START", gti.start, "s"), ("STOP", gti.stop, "s")]
    return _table("GTI", columns, {"HDUCLAS1": "GTI", **_time_keys(gti.reference, gti)})


def _aeff_table(aeff: EffectiveArea) -> fits.BinTableHDU:
    columns = [
        *_axis_cells("ENERG", aeff.energy_axis, "TeV"),
        *_axis_cells("THETA", aeff.offset_axis, "deg"),
        _cell("EFFAREA", aeff.values * _M2, "m2"),
    ]
    optional = {"LO_THRES": aeff.low_threshold, "HI_THRES": aeff.high_threshold, "RAD_MAX": aeff.rad_max}
    keys = {key: value for key, value in optional.items() if value is not None}
    return _table("AEFF", columns, {**_response_keys("EFF_AREA", "AEFF_2D", is_pointlike=aeff.is_pointlike), **keys})


def _edisp_table(edisp: EnergyDispersion) -> fits.BinTableHDU:
    columns = [
        *_axis_cells("ENERG", edisp.energy_axis, "TeV"),
        *_axis_cells("MIGRA", edisp.migra_axis, None),
        *_axis_cells("THETA", edisp.offset_axis, "deg"),
        _cell("MATRIX", edisp.values, None),
    ]
    return _table("EDISP", columns, _response_keys("EDISP", "EDISP_2D", is_pointlike=edisp.is_pointlike))


def _psf_table(psf: PSFTable) -> fits.BinTableHDU:
    columns = [
        *_axis_cells("ENERG", psf.energy_axis, "TeV"),
        *_axis_cells("THETA", psf.offset_axis, "deg"),
        *_axis_cells("RAD", psf.rad_axis, "deg"),
        _cell("RPSF", psf.values, "sr-1"),
    ]
    return _table("PSF", columns, _response_keys("RPSF", "PSF_TABLE", is_pointlike=False))


def _bkg_table(bkg: Background) -> fits.BinTableHDU:
    columns = [
        *_axis_cells("DETX", bkg.lon_axis, "deg"),
        *_axis_cells("DETY", bkg.lat_axis, "deg"),
        *_axis_cells("ENERG", bkg.energy_axis, "TeV"),
        _cell("BKG", np.moveaxis(bkg.values, 0, -1) * _PER_MEV, "s-1 MeV-1 sr-1"),
    ]
    keys = _response_keys("BKG", "BKG_3D", is_pointlike=False)
    return _table("BKG", columns, {**keys, "FOVALIGN": bkg.alignment})


def _rad_max_table(rad_max: RadMax) -> fits.BinTableHDU:
    columns = [
        *_axis_cells("ENERG", rad_max.energy_axis, "TeV"),
        *_axis_cells("THETA", rad_max.offset_axis, "deg"),
        _cell("RAD_MAX", rad_max.values, "deg"),
    ]
    return _table("RAD_MAX", columns, _response_keys("RAD_MAX", "RAD_MAX_2D", is_pointlike=True))


def _encode(run: RunContent) -> list[fits.BinTableHDU]:
    """Encode the pieces that a run has."""
    encoders: dict[str, Callable[[Any], fits.BinTableHDU]] = {
        "gti": _gti_table,
        "aeff": _aeff_table,
        "edisp": _edisp_table,
        "psf": _psf_table,
        "bkg": _bkg_table,
        "rad_max": _rad_max_table,
    }
    pieces = {kind: getattr(run, kind) for kind in encoders}
    return [_events_table(run), *(encoders[kind](piece) for kind, piece in pieces.items() if piece is not None)]


def _write_whole(path: Path, hdus: Iterable[fits.BinTableHDU]) -> None:
    """Write under a temporary name in the same folder, then rename: the file appears whole or not at all."""
    content = fits.HDUList([fits.PrimaryHDU(), *hdus])
    for hdu in content:
        hdu.add_checksum(when="")  # astropy's own comment would be a date
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with temporary.open("wb") as stream:
            content.writeto(stream)
        temporary.replace(path)
    except OSError as error:
        raise FileError(path, "the file cannot be written", found=error.strerror or str(error)) from error
    finally:
        temporary.unlink(missing_ok=True)


def write_run(folder: str | Path, run: RunContent) -> Path:
    """Write one run as ``obs_<id>.fits``: EVENTS, GTI, AEFF, EDISP and, if given, PSF, BKG and RAD_MAX.

    Parameters
    ----------
    folder : path-like
        An existing folder. A file of that name is replaced.
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
    _write_whole(path, _encode(run))
    return path


def write_index(folder: str | Path, runs: Sequence[RunContent]) -> tuple[Path, Path]:
    """Write ``obs-index.fits`` and ``hdu-index.fits`` for runs written by `write_run` into the same folder.

    Parameters
    ----------
    folder : path-like
        An existing folder. An index that is already there is replaced.
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
    entries = [
        (run.obs_id, kind, hdu_class, ".", run_file_name(run.obs_id), kind.upper())
        for run in runs
        for kind, hdu_class in HDU_CLASSES.items()
        if getattr(run, kind) is not None
    ]
    names = ("OBS_ID", "HDU_TYPE", "HDU_CLASS", "FILE_DIR", "FILE_NAME", "HDU_NAME")
    hdus: list[Column] = [
        (name, np.array(values), None) for name, values in zip(names, zip(*entries, strict=True), strict=True)
    ]
    times = _time_keys(runs[0].gti.reference, runs[0].gti)
    folder = Path(folder)
    paths = (folder / "obs-index.fits", folder / "hdu-index.fits")
    _write_whole(paths[0], [_table("OBS_INDEX", observations, {**times, "HDUCLAS1": "INDEX", "HDUCLAS2": "OBS"})])
    _write_whole(paths[1], [_table("HDU_INDEX", hdus, {"HDUCLAS1": "INDEX", "HDUCLAS2": "HDU"})])
    return paths


def write_store(folder: str | Path, runs: Sequence[RunContent]) -> Path:
    """Write runs as a data store. The index comes last, so that an unfinished store is no store.

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
