"""Write ON/OFF spectra as OGIP files that other spectral-fitting programs read as they are.

One set a run: ``pha_obs<ID>.fits`` (ON counts), ``bkg_obs<ID>.fits`` (OFF counts), ``arf_obs<ID>.fits`` (effective
area) and ``rmf_obs<ID>.fits`` (energy dispersion), energies in keV, areas in cm2, channels from 0. What the programs
differ in is written so that each finds what it looks for:

* QUALITY is an integer column: 0 good, 1 outside the safe range, 5 ("set bad by the user") safe but not analysed:
  outside the fit range, or without an OFF measurement. Programs that ignore bad channels use `SpectrumOnOff.mask`.
* BACKSCAL (the acceptance) is a column; if it has one value in all good channels it is a keyword too.
* A true energy without response has no group (N_GRP 0), never an empty one.
* Everything is double precision, exposures too, so that what is read back is equal to about 1e-15.

What OGIP has no place for is kept in extras that other programs ignore: the column FIT_RANGE of SPECTRUM
(`SpectrumOnOff.mask_fit`), and, in the background file, the HDU OFF_REGIONS (OFF counts, region by region) and the
column BKG_IRF of SPECTRUM (`SpectrumOnOff.background`).

References
----------
OGIP memos OGIP/92-007 (PHA) and CAL/GEN/92-002 with addendum 92-002a (ARF, RMF).
"""

from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

import bayes_onoff
from bayes_onoff.axes import EnergyAxis
from bayes_onoff.errors import FileError, InputError
from bayes_onoff.files import replaced_when_whole
from bayes_onoff.spectra.spectrum import SpectrumOnOff
from bayes_onoff.units import KEV_PER_TEV, SECONDS_PER_DAY

__all__ = ["FIRST_CHANNEL", "ogip_paths", "write_ogip"]

FIRST_CHANNEL = 0
QUALITY_GOOD, QUALITY_UNSAFE, QUALITY_UNUSED = 0, 1, 5

type HeaderValues = Mapping[str, str | int | float | bool]


def ogip_paths(name: str, folder: str | Path) -> dict[str, Path]:
    """Tell the files of a run's set, by kind: ``pha``, ``bkg``, ``arf``, ``rmf``.

    Raises
    ------
    InputError
        If the run's name cannot be part of a file name.
    """
    if not name.isascii() or not all(letter.isalnum() or letter in "._-+" for letter in name) or len(name) > 40:
        raise InputError(
            "the run's name cannot be part of a file name",
            place="spectrum",
            found=name,
            allowed="up to 40 letters, digits and . _ - +",
        )
    return {kind: Path(folder) / f"{kind}_obs{name}.fits" for kind in ("pha", "bkg", "arf", "rmf")}


def _table(name: str, columns: Sequence[fits.Column], keys: HeaderValues) -> fits.BinTableHDU:
    hdu = fits.BinTableHDU.from_columns(columns, name=name)
    origin = {"TELESCOP": "UNKNOWN", "INSTRUME": "UNKNOWN", "FILTER": "NONE", "CHANTYPE": "PHA"}
    hdu.header.update({**origin, **keys, "CREATOR": f"bayes_onoff {bayes_onoff.__version__}"})
    return hdu


def _bounds(axis: EnergyAxis, low: str, high: str) -> list[fits.Column]:
    edges = axis.edges * KEV_PER_TEV
    return [
        fits.Column(low, "D", unit="keV", array=edges[:-1]),
        fits.Column(high, "D", unit="keV", array=edges[1:]),
    ]


def _channels(axis: EnergyAxis) -> fits.Column:
    return fits.Column("CHANNEL", "J", array=np.arange(axis.n_bins) + FIRST_CHANNEL)


def _channel_limits(axis: EnergyAxis, column: int) -> HeaderValues:
    first, last = FIRST_CHANNEL, FIRST_CHANNEL + axis.n_bins - 1
    return {"DETCHANS": axis.n_bins, f"TLMIN{column}": first, f"TLMAX{column}": last}


def _ebounds(spectrum: SpectrumOnOff) -> fits.BinTableHDU:
    columns = [_channels(spectrum.energy), *_bounds(spectrum.energy, "E_MIN", "E_MAX")]
    keys = {"HDUCLASS": "OGIP", "HDUCLAS1": "RESPONSE", "HDUCLAS2": "EBOUNDS", "HDUVERS": "1.2.0"}
    return _table("EBOUNDS", columns, {**_channel_limits(spectrum.energy, 1), **keys})


def _quality(spectrum: SpectrumOnOff) -> NDArray[np.int16]:
    bad = np.where(spectrum.mask_safe, QUALITY_UNUSED, QUALITY_UNSAFE)
    return np.where(spectrum.mask, QUALITY_GOOD, bad).astype(np.int16)


def _counts_table(
    spectrum: SpectrumOnOff,
    counts: NDArray[np.int64],
    acceptance: NDArray[np.float64],
    keys: HeaderValues,
    extra_columns: Sequence[fits.Column] = (),
) -> fits.BinTableHDU:
    """Encode the SPECTRUM extension of a PHA or background file."""
    columns = [
        _channels(spectrum.energy),
        fits.Column("COUNTS", "J" if counts.max() < 2**31 else "K", unit="count", array=counts),
        fits.Column("QUALITY", "I", array=_quality(spectrum)),
        fits.Column("BACKSCAL", "D", array=acceptance),
        fits.Column("FIT_RANGE", "I", array=spectrum.mask_fit.astype(np.int16)),  # 3ML reads no logical columns
        *extra_columns,
    ]
    common: HeaderValues = {
        "HDUCLASS": "OGIP",
        "HDUCLAS1": "SPECTRUM",
        "HDUVERS": "1.2.1",
        "HDUCLAS3": "COUNT",
        "HDUCLAS4": "TYPE:I",
        "OBS_ID": spectrum.name,
        "EXPOSURE": spectrum.livetime,
        "AREASCAL": 1.0,
        "CORRFILE": "NONE",
        "CORRSCAL": 1.0,
        "POISSERR": True,
        "SYS_ERR": 0,
        "GROUPING": 0,
    }
    scales = np.unique(acceptance[spectrum.mask])
    backscal = {"BACKSCAL": float(scales[0])} if len(scales) == 1 else {}
    return _table("SPECTRUM", columns, {**_channel_limits(spectrum.energy, 1), **common, **backscal, **keys})


def _gti_table(gti: NDArray[np.float64]) -> fits.BinTableHDU:
    zero = np.floor(gti.min())
    seconds = (gti - zero) * SECONDS_PER_DAY
    columns = [
        fits.Column("START", "D", unit="s", array=seconds[:, 0]),
        fits.Column("STOP", "D", unit="s", array=seconds[:, 1]),
    ]
    keys: HeaderValues = {
        "HDUCLASS": "OGIP",
        "HDUCLAS1": "GTI",
        "MJDREFI": int(zero),
        "MJDREFF": 0.0,
        "TIMESYS": "TT",
        "TIMEUNIT": "s",
    }
    return _table("GTI", columns, keys)


def _off_regions_table(spectrum: SpectrumOnOff, counts: NDArray[np.int64]) -> fits.BinTableHDU:
    """Encode the OFF counts region by region: one row a channel, one element a region."""
    # Not HDUCLAS2 = BKG: programs that look for that word would take this table for the background spectrum.
    columns = [_channels(spectrum.energy), fits.Column("COUNTS", f"{len(counts)}K", unit="count", array=counts.T)]
    return _table("OFF_REGIONS", columns, {"NREGION": len(counts)})


def _groups(row: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """First index and length of each run of elements that are not 0."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], row != 0, [False]])))
    return edges[::2], edges[1::2] - edges[::2]


def _variable_length(rows: Sequence[NDArray[np.generic]]) -> NDArray[np.object_]:
    cells = np.empty(len(rows), dtype=object)
    for i, row in enumerate(rows):
        cells[i] = row
    return cells


def _matrix_table(spectrum: SpectrumOnOff) -> fits.BinTableHDU:
    """Encode the energy dispersion, compressed: the elements that are 0 are left out."""
    groups = [_groups(row) for row in spectrum.edisp]
    first = [(starts + FIRST_CHANNEL).astype(np.int32) for starts, _ in groups]
    length = [lengths.astype(np.int32) for _, lengths in groups]
    columns = [
        *_bounds(spectrum.energy_true, "ENERG_LO", "ENERG_HI"),
        fits.Column("N_GRP", "I", array=np.array([len(starts) for starts in first], dtype=np.int16)),
        fits.Column("F_CHAN", "PJ()", array=_variable_length(first)),
        fits.Column("N_CHAN", "PJ()", array=_variable_length(length)),
        fits.Column("MATRIX", "PD()", array=_variable_length([row[row != 0] for row in spectrum.edisp])),
    ]
    keys: HeaderValues = {
        "HDUCLASS": "OGIP",
        "HDUCLAS1": "RESPONSE",
        "HDUCLAS2": "RSP_MATRIX",
        "HDUCLAS3": "REDIST",
        "HDUVERS": "1.3.0",
        "NUMGRP": sum(len(starts) for starts in first),
        "NUMELT": int(np.count_nonzero(spectrum.edisp)),
        "LO_THRES": 0.0,
    }
    return _table("MATRIX", columns, {**_channel_limits(spectrum.energy, 4), **keys})


def _area_table(spectrum: SpectrumOnOff) -> fits.BinTableHDU:
    area = fits.Column("SPECRESP", "D", unit="cm2", array=spectrum.exposure / spectrum.livetime)
    keys = {"HDUCLASS": "OGIP", "HDUCLAS1": "RESPONSE", "HDUCLAS2": "SPECRESP", "HDUVERS": "1.1.0"}
    return _table("SPECRESP", [*_bounds(spectrum.energy_true, "ENERG_LO", "ENERG_HI"), area], keys)


def _encoded(spectrum: SpectrumOnOff, paths: Mapping[str, Path]) -> dict[str, list[fits.BinTableHDU]]:
    """Encode the extensions of each file, by kind."""
    companions = {"BACKFILE": paths["bkg"].name, "ANCRFILE": paths["arf"].name, "RESPFILE": paths["rmf"].name}
    regions = spectrum.n_off_by_region
    # The numbers of rows in extensions that need not be there: a file cut off before them shows.
    on_keys: HeaderValues = {"HDUCLAS2": "TOTAL", **companions, "NGTI": len(spectrum.gti)}
    off_keys: HeaderValues = {"HDUCLAS2": "BKG", **dict.fromkeys(companions, "NONE"), "NREGION": spectrum.n_off_regions}
    on = _counts_table(spectrum, spectrum.n_on, spectrum.acceptance, on_keys)
    expected = spectrum.background
    extra = [] if expected is None else [fits.Column("BKG_IRF", "D", unit="count", array=expected)]
    off = _counts_table(spectrum, spectrum.n_off, spectrum.acceptance_off, off_keys, extra)
    return {
        "arf": [_area_table(spectrum)],
        "rmf": [_matrix_table(spectrum), _ebounds(spectrum)],
        "bkg": [off, _ebounds(spectrum), *([] if regions is None else [_off_regions_table(spectrum, regions)])],
        "pha": [on, _ebounds(spectrum), *([_gti_table(spectrum.gti)] if len(spectrum.gti) else [])],
    }


def _write(path: Path, hdus: Sequence[fits.BinTableHDU]) -> None:
    """Write with checksums; the same content gives the same bytes."""
    content = BytesIO()
    fits.HDUList([fits.PrimaryHDU(), *hdus]).writeto(content)
    # Variable-length arrays have their place, and the table its checksum, only once they were written.
    with fits.open(BytesIO(content.getvalue())) as written:
        for hdu in written:
            hdu.add_checksum(when="")  # astropy's own comment would be a date
        written.writeto(path, overwrite=True)


def write_ogip(spectrum: SpectrumOnOff, folder: str | Path, overwrite: bool = False) -> tuple[Path, ...]:
    """Write a spectrum as a set of OGIP files (see the module's text for what is in them).

    Each file appears whole or not at all, the PHA file last: where it is, its companions are.

    Parameters
    ----------
    spectrum : SpectrumOnOff
        The spectrum.
    folder : path-like
        Created if missing.
    overwrite : bool
        Whether files of these names may be replaced.

    Returns
    -------
    tuple of Path
        The PHA, background, ARF and RMF file.

    Raises
    ------
    InputError
        If the spectrum's name cannot be part of a file name.
    FileError
        If a file exists and `overwrite` is False (nothing is written then), or the folder cannot be written.
    """
    paths = ogip_paths(spectrum.name, folder)
    for path in paths.values():
        if path.exists() and not overwrite:
            raise FileError(path, "the file exists", allowed="another folder, or overwrite=True")
    for kind, hdus in _encoded(spectrum, paths).items():
        with replaced_when_whole(paths[kind]) as unfinished:
            _write(unfinished, hdus)
    return tuple(paths.values())
