"""Read effective area and energy dispersion from OGIP files (ARF and RMF), whoever wrote them.

An area that is an exposure already (unit area times time) is taken as such. A dispersion that holds the area itself
(HDUCLAS3 = FULL, or rows that add up to more than 1; usually a .rsp file) needs no ARF.

References
----------
OGIP memo CAL/GEN/92-002 with addendum 92-002a.
"""

from dataclasses import dataclass
from pathlib import Path

import astropy.units as u
import numpy as np
from numpy.typing import NDArray

from bayes_onoff.axes import ENERGY_DIM, ENERGY_TRUE_DIM, EnergyAxis
from bayes_onoff.errors import InputError
from bayes_onoff.fits_table import FitsTable, read_fits_table
from bayes_onoff.spectra.spectrum import ROW_SUM_MARGIN
from bayes_onoff.units import AREA, ENERGY, EXPOSURE

__all__ = ["OgipResponse", "one_number_a_row", "read_response"]

_MATRIX_NAMES = ("MATRIX", "SPECRESP MATRIX")


@dataclass(frozen=True, eq=False)
class OgipResponse:
    """The response of a spectrum.

    Parameters
    ----------
    energy, energy_true : EnergyAxis
        Reconstructed and true energy.
    channels : ndarray, shape (energy,)
        Numbers of the channels.
    exposure : ndarray, shape (energy_true,)
        cm2 s.
    edisp : ndarray, shape (energy_true, energy)
        Energy dispersion.
    """

    energy: EnergyAxis
    energy_true: EnergyAxis
    channels: NDArray[np.float64]
    exposure: NDArray[np.float64]
    edisp: NDArray[np.float64]


def one_number_a_row(table: FitsTable, name: str) -> NDArray[np.float64]:
    """Read a column of plain numbers, whatever its unit is called.

    Raises
    ------
    FileError
        If the column is missing or holds something else.
    """
    raw = table.raw_column(name)
    if raw.ndim == 2 and raw.shape[1] == 1:
        raw = raw[:, 0]
    if raw.dtype.kind not in "fiub" or raw.ndim != 1:
        raise table.error(f"column {name} does not hold one number a row", found=f"{raw.dtype}, shape {raw.shape}")
    return raw.astype(float)


def _axis(table: FitsTable, low: str, high: str, name: str) -> EnergyAxis:
    lower, upper = table.column(low, ENERGY, u.keV), table.column(high, ENERGY, u.keV)
    if lower.ndim != 1 or not len(lower) or not np.allclose(lower[1:], upper[:-1], rtol=1e-5, atol=0):
        raise table.error(f"{low} and {high} are not contiguous bins")
    try:
        return EnergyAxis(np.append(lower, upper[-1]), name)
    except InputError as error:
        raise table.error(error.problem, found=error.found, allowed=error.allowed) from error


def _expanded(matrix: FitsTable, first: int, n_channels: int) -> NDArray[np.float64]:
    """Expand a dispersion stored as groups of channels, shape (energy_true, energy)."""
    n_groups = one_number_a_row(matrix, "N_GRP").astype(int)
    starts, lengths, elements = (matrix.raw_column(name) for name in ("F_CHAN", "N_CHAN", "MATRIX"))
    edisp = np.zeros((len(n_groups), n_channels))
    for row, n_group in enumerate(n_groups):
        start = np.atleast_1d(starts[row])[:n_group].astype(int) - first
        length = np.atleast_1d(lengths[row])[:n_group].astype(int)
        values = np.atleast_1d(elements[row])
        complete = len(start) == len(length) == n_group and length.sum() <= len(values)
        outside = (length > 0) & ((start < 0) | (start + length > n_channels))  # empty groups may begin anywhere
        if not complete or np.any(length < 0) or np.any(outside):
            raise matrix.error(
                f"row {row + 1} has a group outside the channels or without its elements",
                found=f"N_GRP {n_group}, F_CHAN {start + first}, N_CHAN {length}, {len(values)} elements",
                allowed=f"channels {first} to {first + n_channels - 1}",
            )
        stops = np.cumsum(length)
        for channel, n, stop in zip(start, length, stops, strict=True):
            edisp[row, channel : channel + n] += values[stop - n : stop]
    return edisp


def _first_channel(matrix: FitsTable, channels: NDArray[np.float64]) -> int:
    """Tell from which number F_CHAN counts: its TLMIN, or else the first channel of EBOUNDS."""
    stated = None
    if matrix.has_column("F_CHAN"):
        stated = matrix.key_float(f"TLMIN{matrix.column_names.index('F_CHAN') + 1}")
    return int(channels[0] if stated is None else stated)


def _exposure(arf: FitsTable, energy_true: EnergyAxis, livetime: float, rmf: Path) -> NDArray[np.float64]:
    """Read the exposure from an ARF, cm2 s, shape (energy_true,)."""
    if not _axis(arf, "ENERG_LO", "ENERG_HI", ENERGY_TRUE_DIM).is_close(energy_true):
        raise arf.error("the true energies are not those of the energy dispersion", found=str(rmf))
    if arf.has_column("SPECRESP") and arf.unit("SPECRESP", AREA).is_equivalent(EXPOSURE):
        return arf.column("SPECRESP", EXPOSURE)
    return arf.column("SPECRESP", AREA, AREA) * livetime


def _holds_area(matrix: FitsTable, rows: NDArray[np.float64]) -> bool:
    """Whether a dispersion holds the effective area: it says so, or it cannot be made of probabilities.

    The name SPECRESP MATRIX would mean it too, but is given to dispersions without area as often.
    """
    return matrix.key_text("HDUCLAS3").upper() == "FULL" or bool(np.any(rows.sum(axis=1) > 1 + ROW_SUM_MARGIN))


def _split(
    matrix: FitsTable, rows: NDArray[np.float64], livetime: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Split a dispersion that holds the area into the exposure, cm2 s, and what is left of it."""
    unit = matrix.unit("MATRIX", AREA)
    if not unit.is_equivalent(AREA) and unit != u.dimensionless_unscaled:
        raise matrix.error("column MATRIX has a unit of the wrong kind", found=str(unit), allowed="an area")
    area = rows.sum(axis=1) * (unit.to(AREA) if unit.is_equivalent(AREA) else 1.0)
    edisp = np.zeros_like(rows)
    np.divide(rows, rows.sum(axis=1, keepdims=True), out=edisp, where=rows.sum(axis=1, keepdims=True) > 0)
    return area * livetime, edisp


def read_response(rmf: Path, arf: Path | None, livetime: float) -> OgipResponse | None:
    """Read the response.

    Parameters
    ----------
    rmf : Path
        File with the energy dispersion.
    arf : Path or None
        File with the effective area.
    livetime : float
        s.

    Returns
    -------
    OgipResponse or None
        None if there is no `arf` and the dispersion holds no area either.

    Raises
    ------
    FileError
        If a file is missing or damaged, lacks something, states a wrong unit, or the energies disagree.
    """
    matrix = read_fits_table(rmf, *_MATRIX_NAMES, hdu_class=("RESPONSE", "RSP_MATRIX"))
    ebounds = read_fits_table(rmf, "EBOUNDS", hdu_class=("RESPONSE", "EBOUNDS"))
    energy_true = _axis(matrix, "ENERG_LO", "ENERG_HI", ENERGY_TRUE_DIM)
    energy = _axis(ebounds, "E_MIN", "E_MAX", ENERGY_DIM)
    channels = one_number_a_row(ebounds, "CHANNEL")
    edisp = _expanded(matrix, _first_channel(matrix, channels), energy.n_bins)
    if not np.all(np.isfinite(edisp)) or np.any(edisp < 0):
        raise matrix.error("column MATRIX is negative or not finite", found=f"minimum {edisp.min()}")
    if arf is not None:
        area = read_fits_table(arf, "SPECRESP", hdu_class=("RESPONSE", "SPECRESP"))
        if np.any(edisp.sum(axis=1) > 1 + ROW_SUM_MARGIN):
            raise matrix.error(
                "the probabilities of one true energy add up to more than 1: does it hold the effective area?",
                found=float(edisp.sum(axis=1).max()),
                allowed="rows that sum to at most 1, or no ANCRFILE",
            )
        return OgipResponse(energy, energy_true, channels, _exposure(area, energy_true, livetime, rmf), edisp)
    if not _holds_area(matrix, edisp):
        return None
    return OgipResponse(energy, energy_true, channels, *_split(matrix, edisp, livetime))
