"""Tables of spectra and of optical depths, read from files and from the package `ebltable`."""

import re
from functools import lru_cache
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
from numpy.typing import NDArray

from bayes_onoff.errors import FileError, InputError
from bayes_onoff.fits_table import FitsTable, parse_unit, read_fits_table, read_optional_fits_table
from bayes_onoff.models.tables import OpticalDepth, TemplateSpectrum
from bayes_onoff.units import DIMENSIONLESS, ENERGY

__all__ = ["EBL_MODELS", "optical_depth", "read_optical_depth", "read_template"]

EBL_MODELS = {
    "franceschini": "Franceschini et al. 2008, A&A 487, 837",
    "franceschini2017": "Franceschini & Rodighiero 2017, A&A 603, A34",
    "saldana-lopez": "Saldana-Lopez et al. 2021, MNRAS 507, 5144",
    "saldana-lopez-upper": "Saldana-Lopez et al. 2021, MNRAS 507, 5144, upper uncertainty",
    "saldana-lopez-lower": "Saldana-Lopez et al. 2021, MNRAS 507, 5144, lower uncertainty",
    "kneiske": "Kneiske & Dole 2010, A&A 515, A19",
    "finke": "Finke et al. 2010, ApJ 712, 238, model C",
    "finke2022": "Finke et al. 2022, ApJ 941, 33, model A",
    "dominguez": "Dominguez et al. 2011, MNRAS 410, 2556",
    "dominguez-upper": "Dominguez et al. 2011, MNRAS 410, 2556, upper uncertainty",
    "dominguez-lower": "Dominguez et al. 2011, MNRAS 410, 2556, lower uncertainty",
    "inoue": "Inoue et al. 2013, ApJ 768, 197, baseline",
    "inoue-low-pop3": "Inoue et al. 2013, ApJ 768, 197, low population III",
    "inoue-up-pop3": "Inoue et al. 2013, ApJ 768, 197, high population III",
    "gilmore": "Gilmore et al. 2012, MNRAS 422, 3189, fiducial",
    "gilmore-fixed": "Gilmore et al. 2012, MNRAS 422, 3189, fixed",
}
"""Names in `ebltable`, and the papers."""

SMALLEST_TRANSMISSION = float(np.finfo(np.float32).tiny)
"""Files hold transmissions in single precision; a 0 there is an optical depth of at least 87."""

_FITS = (".fits", ".fit", ".fits.gz", ".fit.gz")
_HEADER = re.compile(r"#\s*(\w+)\s*\[([^\]]+)\]\s*,?\s*(\w+)\s*\[([^\]]+)\]\s*$")


def read_template(path: str | Path) -> TemplateSpectrum:
    """Read a tabulated spectrum.

    Parameters
    ----------
    path : path-like
        FITS or ECSV table with columns `energy` and `dnde` (or `flux`) and their units; a table of two columns may name
        them otherwise. Or a text file of two columns under a line such as ``# energy [TeV] dnde [cm-2 s-1 TeV-1]``.

    Raises
    ------
    FileError
        If the file cannot be read, or columns or units are missing or of the wrong kind.
    """
    path = Path(path)
    try:
        energy, dnde = _template_columns(path)
        order = np.argsort(energy.value)
        return TemplateSpectrum.from_quantities(energy[order], dnde[order], path.name)
    except FileError:
        raise
    except (InputError, OSError, ValueError, TypeError) as error:
        raise FileError(path, "not a tabulated spectrum", found=str(error)) from error


def _template_columns(path: Path) -> tuple[u.Quantity, u.Quantity]:
    if path.name.lower().endswith(_FITS):
        fits_table = read_fits_table(path)
        names = {name.lower(): name for name in fits_table.column_names}
        columns = [names[key] for key in _chosen(path, list(names))]
        units = [fits_table.unit(name) for name in columns]
        values = [fits_table.raw_column(name).astype(float) for name in columns]
        return values[0] * units[0], values[1] * units[1]
    if path.suffix.lower() == ".ecsv":
        from astropy.table import Table

        table = Table.read(path, format="ascii.ecsv")
        columns = _chosen(path, table.colnames)
        return tuple(np.asarray(table[name], dtype=float) * (table[name].unit or DIMENSIONLESS) for name in columns)
    lines = path.read_text(encoding="utf-8").splitlines()
    header = next((match for line in lines if (match := _HEADER.match(line.strip()))), None)
    if header is None:
        raise FileError(path, "no units", allowed="a line such as '# energy [TeV] dnde [cm-2 s-1 TeV-1]'")
    energy, dnde = np.loadtxt(path, ndmin=2, unpack=True, usecols=(0, 1))
    return energy * parse_unit(header[2]), dnde * parse_unit(header[4])


def _chosen(path: Path, names: list[str]) -> list[str]:
    lower = {name.lower(): name for name in names}
    for flux in ("dnde", "flux"):
        if "energy" in lower and flux in lower:
            return [lower["energy"], lower[flux]]
    if len(names) != 2:
        raise FileError(path, "no columns energy and dnde", found=", ".join(names))
    return names


@lru_cache(maxsize=4)
def optical_depth(name: str) -> OpticalDepth:
    """Take a model of the extragalactic background light from the package `ebltable`, whole.

    Parameters
    ----------
    name : str
        One of `EBL_MODELS`. `OpticalDepth.near` makes the table as small as an analysis needs it.

    Raises
    ------
    InputError
        If there is no such model, or `ebltable` is not installed.
    """
    if name not in EBL_MODELS:
        raise InputError("unknown model", place="ebl", found=name, allowed=", ".join(EBL_MODELS))
    try:
        from ebltable.tau_from_model import OptDepth
    except ImportError as error:
        raise InputError(
            "the package ebltable is not installed", place="ebl", allowed="pip install 'bayes-onoff[ebl]'"
        ) from error
    table = OptDepth.readmodel(name)
    energy = 10**table.x * u.GeV.to(ENERGY)
    return _from_arrays(energy, table.y, table.Z, f"{EBL_MODELS[name]} (ebltable `{name}`)")


def _from_arrays(
    energy: NDArray[np.float64], redshift: NDArray[np.float64], tau: NDArray[np.float64], name: str
) -> OpticalDepth:
    """Make a table of tau (energy, redshift); redshift 0, which some tables list, is implied."""
    redshift, first = np.unique(redshift, return_index=True)
    order, kept = np.argsort(energy), redshift > 0
    values = tau[order][:, first[kept]]
    return OpticalDepth(tuple(energy[order]), tuple(redshift[kept]), tuple(map(tuple, values)), name)


def read_optical_depth(path: str | Path) -> OpticalDepth:
    """Read a table of optical depths or transmissions.

    Parameters
    ----------
    path : path-like
        FITS file: an XSPEC table model with one parameter, the redshift (extensions PARAMETERS, ENERGIES, SPECTRA;
        energies without a unit are keV, transmission at the geometric mean of ENERG_LO and ENERG_HI; the form that
        gammapy reads), or what `ebltable` writes (TAU_VS_Z, ENERGIES).

    Raises
    ------
    FileError
        If the file is damaged or of another form.
    """
    path = Path(path)
    energies = read_fits_table(path, "ENERGIES")
    spectra = read_optional_fits_table(path, "SPECTRA")
    if spectra is not None:
        low, high = (energies.column(name, ENERGY, default=u.keV) for name in ("ENERG_LO", "ENERG_HI"))
        energy, redshift = np.sqrt(low * high), _redshifts(spectra)
        transmission = spectra.column("INTPSPEC", DIMENSIONLESS).T
        if np.any(transmission > 1 + 1e-6) or np.any(transmission < 0):
            raise spectra.error("not a transmission", found=f"{transmission.min():g} to {transmission.max():g}")
        tau = -np.log(np.clip(transmission, SMALLEST_TRANSMISSION, 1.0))
    else:
        grid = read_fits_table(path, "TAU_VS_Z")
        energy, redshift = energies.column("ENERGY", ENERGY), grid.column("REDSHIFT", DIMENSIONLESS)
        tau = grid.column("OPT_DEPTH", DIMENSIONLESS).T
    if tau.shape != (len(energy), len(redshift)):
        raise FileError(
            path, "energies and spectra do not agree", found=f"{tau.shape}", allowed=f"{(len(energy), len(redshift))}"
        )
    try:
        return _from_arrays(energy, redshift, tau, path.name)
    except InputError as error:
        raise FileError(path, error.problem, found=error.found, allowed=error.allowed) from error


def _redshifts(spectra: FitsTable) -> NDArray[np.float64]:
    values: NDArray[Any] = spectra.column("PARAMVAL", DIMENSIONLESS)
    if values.reshape(len(values), -1).shape[1] != 1:
        raise spectra.error("more than one parameter", found=str(values.shape[1:]), allowed="the redshift alone")
    return values.reshape(-1)
