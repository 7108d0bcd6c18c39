"""One binary table of a FITS file, with every kind of damage turned into one `FileError` that names file and HDU."""

import gzip
import re
import warnings
import zlib
from dataclasses import dataclass
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

from bayes_onoff.errors import FileError, InputError
from bayes_onoff.units import to_array

__all__ = ["FitsTable", "parse_unit", "read_fits_headers", "read_fits_table", "read_optional_fits_table"]

_GZIP_MAGIC = b"\x1f\x8b"
_DAMAGE = ("truncated", "Error validating header")
_TIME_COLUMNS = ("TIME", "START", "STOP")
_UNIT_WORDS = {
    "tev": "TeV", "gev": "GeV", "mev": "MeV", "kev": "keV", "ev": "eV",
    "deg": "deg", "degs": "deg", "degree": "deg", "degrees": "deg", "rad": "rad", "radian": "rad", "radians": "rad",
    "s": "s", "sec": "s", "second": "s", "seconds": "s", "m": "m", "cm": "cm", "km": "km", "sr": "sr",
}  # fmt: skip


def parse_unit(text: str) -> u.UnitBase:
    """Read a unit as telescope files spell it: ``TeV``, ``TEV``, ``sr^-1``, ``1/s/MeV/sr``, ``m**2``, ``degrees``.

    The case of the usual words is ignored: ``MEV`` and ``mev`` are mega-electronvolts.

    Raises
    ------
    ValueError
        If the text is no unit.
    """
    canonical = re.sub(r"[A-Za-z]+", lambda word: _UNIT_WORDS.get(word[0].lower(), word[0]), text.strip())
    if canonical.count("/") > 1 and "(" not in canonical:  # a/b/c divides by b and by c
        numerator, *divisors = canonical.split("/")
        canonical = f"{numerator}/({' '.join(divisors)})"
    return u.Unit(canonical)


@dataclass(frozen=True, eq=False)
class FitsTable:
    """A binary table in memory.

    Parameters
    ----------
    file : Path
        Where it came from.
    name : str
        Name of the HDU.
    header : Header
        The HDU's header.
    data : FITS_rec
        The rows.
    """

    file: Path
    name: str
    header: fits.Header
    data: fits.FITS_rec

    def error(self, problem: str, *, found: object = None, allowed: str | None = None) -> FileError:
        """Make an error that names this file and HDU."""
        return FileError(self.file, problem, hdu=self.name, found=found, allowed=allowed)

    @property
    def column_names(self) -> tuple[str, ...]:
        """Names of the columns, upper case."""
        return tuple(str(name).upper() for name in self.data.names)

    def has_column(self, name: str) -> bool:
        """Whether there is a column of that name, in any case."""
        return name.upper() in self.column_names

    def unit(self, name: str, default: u.UnitBase = u.dimensionless_unscaled) -> u.UnitBase:
        """Tell the unit of a column; `default` if the file states none (times: the header's TIMEUNIT first)."""
        text = self.data.columns[name].unit
        if not text and name in _TIME_COLUMNS:
            text = self.key_text("TIMEUNIT")
        if text is None or not str(text).strip():
            return default
        try:
            return parse_unit(str(text))
        except ValueError as error:
            raise self.error(f"column {name} has an unreadable unit", found=str(text)) from error

    def raw_column(self, name: str) -> NDArray[Any]:
        """Decode a column as it is in the file: shape (row, ...), native byte order, strings without trailing blanks.

        Raises
        ------
        FileError
            If the column is missing or cannot be decoded.
        """
        if not self.has_column(name):
            raise self.error(f"no column {name}", found=", ".join(self.column_names) or "no columns")
        try:
            values = np.asarray(self.data.field(name))
            return values.astype(values.dtype.newbyteorder("="))
        except Exception as error:  # whatever astropy raises on a damaged table
            raise self.error(f"column {name} cannot be decoded", found=str(error)) from error

    def column(
        self, name: str, unit: u.UnitBase, default: u.UnitBase = u.dimensionless_unscaled
    ) -> NDArray[np.float64]:
        """Decode a column of numbers in `unit`, shape (row, ...), read-only; `default` is its unit if none is stated.

        Raises
        ------
        FileError
            If the column is missing, is not numeric, has a unit of another kind, or holds values that are not finite.
        """
        raw = self.raw_column(name)
        if raw.dtype == object:  # variable-length arrays
            raw = np.asarray(raw[0])[None] if len(raw) == 1 else raw
        if raw.dtype.kind not in "fiu":
            raise self.error(f"column {name} does not hold numbers", found=str(raw.dtype))
        found = self.unit(name, default)
        try:
            values = to_array(u.Quantity(raw.astype(float), found, copy=False), unit, name)
        except InputError as error:
            raise self.error(
                f"column {name} has a unit of the wrong kind",
                found=str(found) or "none",
                allowed=f"a unit convertible to {unit}",
            ) from error
        if not np.all(np.isfinite(values)):
            raise self.error(f"column {name} is not finite", found=f"{np.sum(~np.isfinite(values))} such values")
        values.setflags(write=False)
        return values

    def cell(self, name: str, unit: u.UnitBase) -> NDArray[np.float64]:
        """Decode the array in the one row of a response table, flattened, in `unit`.

        Raises
        ------
        FileError
            As for `column`, or if the table does not have exactly one row.
        """
        if len(self.data) != 1:
            raise self.error("a response table has one row", found=f"{len(self.data)} rows")
        return np.asarray(self.column(name, unit)[0]).reshape(-1)

    def _value(self, key: str) -> str | float | None:
        """Get a header value; None where the key is missing or has no value."""
        try:
            value = self.header.get(key)
        except fits.VerifyError as error:
            raise self.error(f"header key {key} cannot be decoded", found=str(error)) from error
        return None if isinstance(value, fits.card.Undefined) else value

    def key_float(self, key: str) -> float | None:
        """Get a number from the header; None where the key is missing or empty.

        Raises
        ------
        FileError
            If the value is not a finite number.
        """
        value = self._value(key)
        if value is None or value == "":
            return None
        try:
            number = float(value)
        except (TypeError, ValueError):
            number = np.nan
        if not np.isfinite(number):
            raise self.error(f"header key {key} is not a finite number", found=str(value))
        return number

    def required_float(self, key: str) -> float:
        """Get a number that the header must hold.

        Raises
        ------
        FileError
            If the key is missing or its value is not a finite number.
        """
        number = self.key_float(key)
        if number is None:
            raise self.error(f"no header key {key}")
        return number

    def key_text(self, key: str, default: str = "") -> str:
        """Get a header value as stripped text; `default` where the key is missing or empty."""
        value = self._value(key)
        return ("" if value is None else str(value).strip()) or default

    def time_scale(self, known: tuple[str, ...]) -> str:
        """Get the time system TIMESYS in lower case, by default terrestrial time.

        Raises
        ------
        FileError
            If it is not one of `known`.
        """
        scale = self.key_text("TIMESYS", "TT").lower()
        if scale not in known:
            raise self.error("unknown time system TIMESYS", found=scale, allowed=", ".join(known).upper())
        return scale


def _read_bytes(path: Path, hdu: str | None) -> bytes:
    """Read a file, decompressed; a whole-file decompression checks the gzip checksum too."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise FileError(path, "the file cannot be read", hdu=hdu, found=error.strerror or str(error)) from error
    if not content.startswith(_GZIP_MAGIC):
        return content
    try:
        return gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        raise FileError(path, "the gzip file is damaged or truncated", hdu=hdu, found=str(error)) from error


def _damage(caught: list[warnings.WarningMessage]) -> str | None:
    for warning in caught:
        text = str(warning.message)
        if any(word in text for word in _DAMAGE):
            return text.splitlines()[0]
    return None


def _is_wanted(header: fits.Header, names: tuple[str, ...], hdu_class: tuple[str, ...]) -> bool:
    if not names and not hdu_class:
        return True
    stated = {str(header.get(f"HDUCLAS{level}", "")).strip().upper() for level in (1, 2, 3, 4)}
    named = str(header.get("EXTNAME", "")).strip().upper() in [name.upper() for name in names]
    return named or (bool(hdu_class) and stated.issuperset(hdu_class))


def _label(hdu_names: tuple[str, ...], hdu_class: tuple[str, ...]) -> str:
    return " or ".join(hdu_names) or " ".join(hdu_class) or "first extension"


def _read(path: Path, hdu_names: tuple[str, ...], hdu_class: tuple[str, ...]) -> tuple[FitsTable | None, str]:
    """Read the first HDU that is wanted, None if a whole file has none; and the names of all HDUs, as text."""
    label = _label(hdu_names, hdu_class)
    content = _read_bytes(path, label)
    table, sound, complete, names = None, True, True, ""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            with fits.open(BytesIO(content), memmap=False) as hdus:
                # one after the other: asking by name would read all of them
                hdu = next((h for h in islice(hdus, 1, None) if _is_wanted(h.header, hdu_names, hdu_class)), None)
                if hdu is None:
                    names = ", ".join(hdu.name for hdu in hdus) or "none"
                elif not isinstance(hdu, fits.BinTableHDU):
                    raise FileError(path, "not a binary table", hdu=label, found=type(hdu).__name__)
                else:
                    label = hdu.name or label
                    sound = hdu.verify_checksum() and hdu.verify_datasum()  # true where the file states none
                    table = FitsTable(path, label, hdu.header.copy(), hdu.data)
                    complete = len(table.data) == hdu.header["NAXIS2"]
        except FileError:
            raise
        except Exception as error:  # whatever astropy raises on a damaged file
            raise FileError(path, "the table is truncated or damaged", hdu=label, found=str(error)) from error
    if not sound:
        raise FileError(
            path,
            "the table is damaged: its checksum differs",
            hdu=label,
            allowed="an undamaged file (one edited on purpose needs new checksums: fitscheck --write --force)",
        )
    if (damage := _damage(caught)) or not complete:
        what = "file" if table is None else "table"
        raise FileError(path, f"the {what} is truncated or damaged", hdu=label, found=damage)
    for warning in caught:
        warnings.warn(f"{path} [{label}]: {warning.message}", warning.category, stacklevel=3)
    return table, names


def read_fits_table(path: Path, *hdu_names: str, hdu_class: tuple[str, ...] = ()) -> FitsTable:
    """Read one binary table of a FITS file, compressed or not, into memory.

    Parameters
    ----------
    path : Path
        The file.
    *hdu_names : str
        Names of the extension, in any case; the first that has one of them is read. Without any, the first extension.
    hdu_class : tuple of str
        Upper-case values of HDUCLAS1 to HDUCLAS4: an extension that states all of them is taken too, however named.

    Raises
    ------
    FileError
        If the file is missing, damaged or truncated, has no such HDU, or the HDU is no binary table.
    """
    table, names = _read(path, hdu_names, hdu_class)
    if table is None:
        raise FileError(path, "no such HDU", hdu=_label(hdu_names, hdu_class), found=names)
    return table


def read_optional_fits_table(path: Path, *hdu_names: str, hdu_class: tuple[str, ...] = ()) -> FitsTable | None:
    """Read one binary table as `read_fits_table` does; None if a whole file has no such HDU.

    Raises
    ------
    FileError
        If the file is missing, damaged or truncated, or the HDU is no binary table.
    """
    return _read(path, hdu_names, hdu_class)[0]


def read_fits_headers(path: Path) -> tuple[fits.Header, ...]:
    """Read the headers of all HDUs of a FITS file, compressed or not, the primary one first.

    Raises
    ------
    FileError
        If the file is missing, damaged or truncated, or no FITS file.
    """
    content = _read_bytes(path, None)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            with fits.open(BytesIO(content), memmap=False) as hdus:
                headers = tuple(hdu.header.copy() for hdu in hdus)
        except Exception as error:  # whatever astropy raises on a damaged file
            raise FileError(path, "no FITS file, or a damaged one", found=str(error)) from error
    if damage := _damage(caught):
        raise FileError(path, "the file is truncated or damaged", found=damage)
    return headers
