"""Runs as FITS tables in the GADF layout.

Columns are double precision, so that what was written is read back as it was.
"""

from collections.abc import Callable, Sequence
from typing import Any

import astropy.units as u
import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

from bayes_onoff.dl3.background import Background, Background2D
from bayes_onoff.dl3.effective_area import EffectiveArea
from bayes_onoff.dl3.energy_dispersion import EnergyDispersion
from bayes_onoff.dl3.gti import GTI
from bayes_onoff.dl3.irf_axes import IrfAxis
from bayes_onoff.dl3.psf import PSF, PSFTable
from bayes_onoff.dl3.psf_parametric import PSFKing, PSFTripleGauss
from bayes_onoff.dl3.rad_max import RadMax
from bayes_onoff.dl3.run_content import HeaderValues, RunContent
from bayes_onoff.dl3.time_reference import TimeReference
from bayes_onoff.errors import InputError
from bayes_onoff.units import AREA, BACKGROUND_RATE

__all__ = ["Column", "encode_run", "encode_table", "time_keys"]

_GADF: HeaderValues = {
    "HDUCLASS": "GADF",
    "HDUDOC": "https://github.com/open-gamma-ray-astro/gamma-astro-data-formats",
    "HDUVERS": "0.3",
}
_M2 = float(AREA.to(u.m**2))
_PER_MEV = float(BACKGROUND_RATE.to((u.s * u.MeV * u.sr) ** -1))

type Column = tuple[str, NDArray[Any], str | None]  # name, one element a row, unit


def encode_table(name: str, columns: Sequence[Column], keys: HeaderValues) -> fits.BinTableHDU:
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


def time_keys(reference: TimeReference, gti: GTI) -> HeaderValues:
    """State the zero of the times and the span of the good time in header keys."""
    return {
        "MJDREFI": reference.mjd_int,
        "MJDREFF": reference.mjd_frac,
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
        **time_keys(run.gti.reference, run.gti),
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
    return encode_table("EVENTS", columns, {**run.header, **keys})


def _gti_table(gti: GTI) -> fits.BinTableHDU:
    columns: list[Column] = [("START", gti.start, "s"), ("STOP", gti.stop, "s")]
    return encode_table("GTI", columns, {"HDUCLAS1": "GTI", **time_keys(gti.reference, gti)})


def _aeff_table(aeff: EffectiveArea) -> fits.BinTableHDU:
    columns = [
        *_axis_cells("ENERG", aeff.energy_axis, "TeV"),
        *_axis_cells("THETA", aeff.offset_axis, "deg"),
        _cell("EFFAREA", aeff.values * _M2, "m2"),
    ]
    optional = {"LO_THRES": aeff.low_threshold, "HI_THRES": aeff.high_threshold, "RAD_MAX": aeff.rad_max}
    keys = {key: value for key, value in optional.items() if value is not None}
    return encode_table(
        "AEFF", columns, {**_response_keys("EFF_AREA", "AEFF_2D", is_pointlike=aeff.is_pointlike), **keys}
    )


def _edisp_table(edisp: EnergyDispersion) -> fits.BinTableHDU:
    columns = [
        *_axis_cells("ENERG", edisp.energy_axis, "TeV"),
        *_axis_cells("MIGRA", edisp.migra_axis, None),
        *_axis_cells("THETA", edisp.offset_axis, "deg"),
        _cell("MATRIX", edisp.values, None),
    ]
    return encode_table("EDISP", columns, _response_keys("EDISP", "EDISP_2D", is_pointlike=edisp.is_pointlike))


def _psf_values(psf: PSF) -> list[Column]:
    match psf:
        case PSFTable():
            return [*_axis_cells("RAD", psf.rad_axis, "deg"), _cell("RPSF", psf.values, "sr-1")]
        case PSFKing():
            return [_cell("GAMMA", psf.gamma, None), _cell("SIGMA", psf.sigma, "deg")]
        case PSFTripleGauss():
            return [
                _cell("SCALE", psf.scale, "sr-1"),
                _cell("SIGMA_1", psf.sigma_1, "deg"),
                _cell("AMPL_2", psf.ampl_2, None),
                _cell("SIGMA_2", psf.sigma_2, "deg"),
                _cell("AMPL_3", psf.ampl_3, None),
                _cell("SIGMA_3", psf.sigma_3, "deg"),
            ]
        case _:
            raise InputError("a point-spread function of a kind that is not written", found=type(psf).__name__)


def _psf_table(psf: PSF) -> fits.BinTableHDU:
    axes = [*_axis_cells("ENERG", psf.energy_axis, "TeV"), *_axis_cells("THETA", psf.offset_axis, "deg")]
    keys = _response_keys("RPSF", psf.hdu_class.upper(), is_pointlike=False)
    return encode_table("PSF", [*axes, *_psf_values(psf)], keys)


def _bkg_table(bkg: Background | Background2D) -> fits.BinTableHDU:
    keys = _response_keys("BKG", bkg.hdu_class.upper(), is_pointlike=False)
    if isinstance(bkg, Background2D):
        radial = [
            *_axis_cells("ENERG", bkg.energy_axis, "TeV"),
            *_axis_cells("THETA", bkg.offset_axis, "deg"),
            _cell("BKG", bkg.values * _PER_MEV, "s-1 MeV-1 sr-1"),
        ]
        return encode_table("BKG", radial, keys)
    columns = [
        *_axis_cells("ENERG", bkg.energy_axis, "TeV"),
        *_axis_cells("DETX", bkg.lon_axis, "deg"),
        *_axis_cells("DETY", bkg.lat_axis, "deg"),
        _cell("BKG", bkg.values * _PER_MEV, "s-1 MeV-1 sr-1"),
    ]
    return encode_table("BKG", columns, {**keys, "FOVALIGN": bkg.alignment})


def _rad_max_table(rad_max: RadMax) -> fits.BinTableHDU:
    columns = [
        *_axis_cells("ENERG", rad_max.energy_axis, "TeV"),
        *_axis_cells("THETA", rad_max.offset_axis, "deg"),
        _cell("RAD_MAX", rad_max.values, "deg"),
    ]
    return encode_table("RAD_MAX", columns, _response_keys("RAD_MAX", "RAD_MAX_2D", is_pointlike=True))


def encode_run(run: RunContent) -> list[fits.BinTableHDU]:
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
