"""Runs of made-up telescopes, written with astropy alone: shapes of files that the package's own writer does not make.

`run_tables` makes the tables of one run, `rewritten` changes how a column is stored, `write_tables` puts them into a
file. Nothing here uses the package, so that what it reads is tested against something else.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.io import fits
from numpy.typing import NDArray

__all__ = [
    "ENERGY_EDGES",
    "OFFSETS",
    "PSF_SIGMA",
    "Run",
    "area",
    "rewritten",
    "run_tables",
    "write_run",
    "write_tables",
]

Floats = NDArray[np.float64]
Tables = dict[str, fits.BinTableHDU]

MJD_REFERENCE = 56000  # TT
DEADC = 0.95
ENERGY_EDGES = np.geomspace(0.05, 100, 34)  # TeV
OFFSETS = np.array([0.0, 0.5, 1.0, 2.0, 3.0])  # deg
MIGRA_EDGES = np.linspace(0.2, 3.0, 141)
PSF_SIGMA = 0.05  # deg, width of the point spread at 1 TeV on axis, roughly
ENERGY_RESOLUTION = 0.15


@dataclass(frozen=True)
class Run:
    """What the tables of a run are made from.

    Parameters
    ----------
    obs_id : int
        Observation id.
    source : (float, float)
        Right ascension and declination, deg.
    wobble : (float, float)
        Position angle and distance of the pointing from the source, deg.
    good_time : tuple of (float, float)
        Start and stop of each interval, s since MJD 56000 (TT).
    n_source, n_background : int
        Events of the source, and in a circle of 2.5 deg around the pointing.
    psf : str
        ``"table"``, ``"king"``, ``"3gauss"`` or ``""`` for none.
    bkg : str
        ``"3d"``, ``"2d"`` or ``""`` for none.
    rad_max : str
        ``""`` for a full-enclosure response; a point-like one has the cut ``"fixed"`` (header), ``"offset"`` (by energy
        and offset) or ``"energy"`` (by energy, one offset).
    nodes : bool
        Whether axes of energy and offset are nodes (LO = HI).
    header : mapping
        More keys for the header of the events; None removes one.
    """

    obs_id: int = 11
    source: tuple[float, float] = (83.633, 22.014)
    wobble: tuple[float, float] = (90.0, 0.5)
    good_time: tuple[tuple[float, float], ...] = ((1000.0, 2800.0),)
    n_source: int = 300
    n_background: int = 4000
    psf: str = "table"
    bkg: str = ""
    rad_max: str = ""
    nodes: bool = False
    header: Mapping[str, Any] = field(default_factory=dict)

    @property
    def source_coord(self) -> SkyCoord:
        """Where the source is."""
        return SkyCoord(*self.source, unit="deg")

    @property
    def pointing(self) -> SkyCoord:
        """Where the telescopes point."""
        return self.source_coord.directional_offset_by(self.wobble[0] * u.deg, self.wobble[1] * u.deg)


def area(energy: Floats, offset: Floats) -> Floats:
    """Effective area in m2: linear in ln(energy / TeV) and in the offset (deg), so that interpolation is exact."""
    return np.maximum(1e4 * (3 + np.log(energy / 0.05)) * (1 - 0.1 * offset), 0)


def _column(name: str, values: Any, unit: str = "", kind: str = "D") -> fits.Column:
    array = np.asarray(values)
    if array.ndim == 1:
        return fits.Column(name, kind, unit or None, array=array)
    count = int(np.prod(array.shape[1:]))
    dim = str(array.shape[:0:-1]).replace(" ", "") if array.ndim > 2 else None
    return fits.Column(name, f"{count}{kind}", unit or None, array=array.reshape(len(array), -1), dim=dim)


def _cell(name: str, values: Floats, unit: str = "") -> fits.Column:
    """An array in the only row, its first axis the fastest in the file, in single precision."""
    return _column(name, np.asarray(values).T[None], unit, "E")


def _axis(name: str, edges: Floats, unit: str = "", *, nodes: Floats | None = None) -> list[fits.Column]:
    low, high = (edges[:-1], edges[1:]) if nodes is None else (nodes, nodes)
    return [_cell(f"{name}_LO", low, unit), _cell(f"{name}_HI", high, unit)]


def _table(name: str, columns: list[fits.Column], keys: Mapping[str, Any]) -> fits.BinTableHDU:
    hdu = fits.BinTableHDU.from_columns(columns, name=name)
    hdu.header.update({"HDUCLASS": "GADF", "HDUVERS": "0.3", **keys})
    return hdu


def _response_keys(kind: str, hdu_class: str, run: Run) -> dict[str, str]:
    enclosure = "POINT-LIKE" if run.rad_max else "FULL-ENCLOSURE"
    return {"HDUCLAS1": "RESPONSE", "HDUCLAS2": kind, "HDUCLAS3": enclosure, "HDUCLAS4": hdu_class}


def _axes(run: Run) -> tuple[list[fits.Column], Floats, Floats]:
    """Columns of the axes of true energy and offset, and the centres or nodes, shapes (energy, 1) and (1, offset)."""
    centers = np.sqrt(ENERGY_EDGES[1:] * ENERGY_EDGES[:-1])
    middle = (OFFSETS[1:] + OFFSETS[:-1]) / 2
    energy, offset = (centers, OFFSETS) if run.nodes else (centers, middle)
    columns = [
        *_axis("ENERG", ENERGY_EDGES, "TeV", nodes=energy if run.nodes else None),
        *_axis("THETA", OFFSETS, "deg", nodes=offset if run.nodes else None),
    ]
    return columns, energy[:, None], offset[None, :]


def _times() -> dict[str, Any]:
    return {"MJDREFI": MJD_REFERENCE, "MJDREFF": 0.0, "TIMEUNIT": "s", "TIMESYS": "TT", "TIMEREF": "LOCAL"}


def _events(run: Run) -> fits.BinTableHDU:
    rng = np.random.default_rng(run.obs_id)
    n = run.n_source + run.n_background
    angle = rng.uniform(0, 360, n) * u.deg
    near = PSF_SIGMA * np.sqrt(-2 * np.log(rng.uniform(size=run.n_source)))
    far = 2.5 * np.sqrt(rng.uniform(size=run.n_background))
    gammas = run.source_coord.directional_offset_by(angle[: run.n_source], near * u.deg)
    others = run.pointing.directional_offset_by(angle[run.n_source :], far * u.deg)
    bounds = np.array(run.good_time)
    interval = rng.choice(len(bounds), n, p=np.diff(bounds)[:, 0] / np.diff(bounds).sum())
    time = rng.uniform(bounds[interval, 0], bounds[interval, 1])
    columns = [
        _column("EVENT_ID", np.arange(1, n + 1), kind="K"),
        _column("TIME", time, "s"),
        _column("RA", np.concatenate([gammas.ra.deg, others.ra.deg]), "deg", "E"),
        _column("DEC", np.concatenate([gammas.dec.deg, others.dec.deg]), "deg", "E"),
        _column("ENERGY", 0.1 * (1 - rng.uniform(size=n)) ** (-1 / 1.5), "TeV", "E"),
        _column("PHASE", rng.uniform(size=n), kind="E"),
    ]
    keys: dict[str, Any] = {
        **_times(),
        "HDUCLAS1": "EVENTS",
        "OBS_ID": run.obs_id,
        "OBJECT": "made up",
        "OBS_MODE": "POINTING",
        "RA_PNT": run.pointing.ra.deg,
        "DEC_PNT": run.pointing.dec.deg,
        "RADESYS": "ICRS",
        "TSTART": bounds.min(),
        "TSTOP": bounds.max(),
        "DEADC": DEADC,
        **run.header,
    }
    return _table("EVENTS", columns, {key: value for key, value in keys.items() if value is not None})


def _gti(run: Run) -> fits.BinTableHDU:
    start, stop = np.array(run.good_time).T
    return _table("GTI", [_column("START", start, "s"), _column("STOP", stop, "s")], {"HDUCLAS1": "GTI", **_times()})


def _aeff(run: Run) -> fits.BinTableHDU:
    axes, energy, offset = _axes(run)
    keys: dict[str, Any] = {**_response_keys("EFF_AREA", "AEFF_2D", run), "LO_THRES": 0.1, "HI_THRES": 80.0}
    if run.rad_max == "fixed":
        keys["RAD_MAX"] = 0.1
    return _table("AEFF", [*axes, _cell("EFFAREA", area(energy, offset), "m2")], keys)


def _edisp(run: Run) -> fits.BinTableHDU:
    axes, energy, offset = _axes(run)
    migra = (MIGRA_EDGES[1:] + MIGRA_EDGES[:-1]) / 2
    density = np.exp(-0.5 * ((migra - 1) / ENERGY_RESOLUTION) ** 2) / (np.sqrt(2 * np.pi) * ENERGY_RESOLUTION)
    values = density[None, :, None] * np.ones((energy.size, 1, offset.size))
    columns = [*axes[:2], *_axis("MIGRA", MIGRA_EDGES), *axes[2:], _cell("MATRIX", values)]
    return _table("EDISP", columns, _response_keys("EDISP", "EDISP_2D", run))


def _psf(run: Run) -> fits.BinTableHDU:
    axes, energy, offset = _axes(run)
    sigma = PSF_SIGMA * (1 + 0.1 * offset) * energy**-0.1
    if run.psf == "king":
        values = [_cell("GAMMA", 2 + energy**0.1 + 0.1 * offset), _cell("SIGMA", 0.8 * sigma, "deg")]
        return _table("PSF", [*axes, *values], _response_keys("RPSF", "PSF_KING", run))
    if run.psf == "3gauss":
        relative = {"SIGMA_1": 0.8, "AMPL_2": 0.3, "SIGMA_2": 1.5, "AMPL_3": 0.0, "SIGMA_3": 0.0}
        values = [_cell("SCALE", np.ones_like(sigma))] + [
            _cell(name, factor * (sigma if name.startswith("SIGMA") else np.ones_like(sigma)), "deg" * ("S" in name))
            for name, factor in relative.items()
        ]
        return _table("PSF", [*axes, *values], _response_keys("RPSF", "PSF_3GAUSS", run))
    edges = np.linspace(0, 0.5, 251)
    rad = (edges[1:] + edges[:-1]) / 2
    density = np.exp(-0.5 * (rad / sigma[..., None]) ** 2) / (2 * np.pi * np.deg2rad(sigma[..., None]) ** 2)
    columns = [*axes, *_axis("RAD", edges, "deg"), _cell("RPSF", density, "sr-1")]
    return _table("PSF", columns, _response_keys("RPSF", "PSF_TABLE", run))


def _bkg(run: Run) -> fits.BinTableHDU:
    axes, energy, offset = _axes(run)
    if run.bkg == "2d":
        columns = [*axes, _cell("BKG", 1e-4 * energy**-2.5 * np.exp(-offset), "s-1 MeV-1 sr-1")]
        return _table("BKG", columns, _response_keys("BKG", "BKG_2D", run))
    edges = np.linspace(-3, 3, 13)
    middle = (edges[1:] + edges[:-1]) / 2
    distance = np.hypot(middle[:, None, None], middle[None, :, None])
    values = 1e-4 * energy[:, 0] ** -2.5 * np.exp(-distance)
    columns = [*_axis("DETX", edges, "deg"), *_axis("DETY", edges, "deg"), *axes[:2]]
    columns.append(_cell("BKG", values, "s-1 MeV-1 sr-1"))
    return _table("BKG", columns, {**_response_keys("BKG", "BKG_3D", run), "FOVALIGN": "RADEC"})


def _rad_max(run: Run) -> fits.BinTableHDU:
    axes, energy, offset = _axes(run)
    if run.rad_max == "energy":
        offset = np.array([[0.5]])
        axes = [*axes[:2], _cell("THETA_LO", offset[0], "deg"), _cell("THETA_HI", offset[0], "deg")]
    values = (0.05 + 0.05 / np.sqrt(1 + energy)) * (1 + 0.2 * offset)
    return _table("RAD_MAX", [*axes, _cell("RAD_MAX", values, "deg")], _response_keys("RAD_MAX", "RAD_MAX_2D", run))


def run_tables(run: Run) -> Tables:
    """Make the tables of a run, by GADF's HDU_TYPE."""
    tables = {"events": _events(run), "gti": _gti(run), "aeff": _aeff(run), "edisp": _edisp(run)}
    if run.psf:
        tables["psf"] = _psf(run)
    if run.bkg:
        tables["bkg"] = _bkg(run)
    if run.rad_max in ("offset", "energy"):
        tables["rad_max"] = _rad_max(run)
    return tables


def rewritten(
    hdu: fits.BinTableHDU,
    *names: str,
    unit: str | None = None,
    factor: float = 1.0,
    integers: tuple[float, float] | None = None,
) -> fits.BinTableHDU:
    """Store columns in another way: values times `factor` in `unit`, or as 32-bit integers (step TSCAL, zero TZERO)."""
    columns, keys = [], {}
    for number, column in enumerate(hdu.columns, start=1):
        if column.name not in names:
            columns.append(column)
            continue
        values = np.asarray(hdu.data[column.name], dtype=float) * factor
        kind = column.format
        if integers is not None:  # astropy's own scaling of columns is made for images
            step, zero = integers
            values, kind = np.round((values - zero) / step).astype(np.int32), f"{kind[:-1]}J"
            keys |= {f"TSCAL{number}": step, f"TZERO{number}": zero}
        columns.append(
            fits.Column(column.name, kind, column.unit if unit is None else unit, array=values, dim=column.dim)
        )
    kept = {key: hdu.header[key] for key in hdu.header if not key.startswith(_STRUCTURE)}
    new = fits.BinTableHDU.from_columns(columns, name=hdu.name)
    new.header.update({**kept, **keys})
    return new


_STRUCTURE = ("XTENSION", "BITPIX", "NAXIS", "PCOUNT", "GCOUNT", "TFIELDS", "TTYPE", "TFORM", "TUNIT", "TDIM")


def write_tables(path: Path, tables: Iterable[fits.BinTableHDU]) -> Path:
    """Write tables into one file, in the order given."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fits.HDUList([fits.PrimaryHDU(), *tables]).writeto(path)
    return path


def write_run(folder: Path, run: Run) -> Path:
    """Write a run with all its tables into one file."""
    return write_tables(folder / f"run_{run.obs_id}.fits", run_tables(run).values())
