"""Regions from DS9 region files."""

import re
import warnings
from pathlib import Path

from regions import Regions, SkyRegion

from bayes_onoff.errors import ConfigError, FileError
from bayes_onoff.reduction.shapes import shape_of

__all__ = ["read_region_file"]

_SKY_FRAMES = ("icrs", "fk5", "j2000", "fk4", "b1950", "galactic", "ecliptic")


def read_region_file(path: str | Path) -> tuple[SkyRegion, ...]:
    """Read the regions of a DS9 file, in the order of the file.

    Parameters
    ----------
    path : path-like
        A file with circles, ellipses, boxes, annuli, polygons or points in celestial coordinates.

    Raises
    ------
    FileError
        If the file is missing, no text or without a region; or if a line cannot be understood, or holds a region in
        pixel coordinates, a shape without an inside, or a region marked as excluded. The line is named.
    """
    path = Path(path)
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError as error:
        raise FileError(path, "no such file") from error
    except (OSError, UnicodeDecodeError) as error:
        raise FileError(path, "not a readable text file", found=str(error)) from error
    found: list[SkyRegion] = []
    frame = None
    for number, line in enumerate(lines, start=1):
        statements, _, properties = line.partition("#")
        place = f"line {number}"
        for statement in (part.strip().lower() for part in statements.split(";")):
            if re.fullmatch(r"[a-z0-9]+", statement):
                frame = statement
            elif statement.startswith("global"):
                _check_included(statement, path, place)
            elif statement:
                _check_included(f"{statement} {properties}", path, place)
                found += _regions(statement, frame, path, place)
    if not found:
        raise FileError(path, "no region in the file", allowed="a DS9 region file")
    return tuple(found)


def _check_included(text: str, path: Path, place: str) -> None:
    if text.startswith("-") or re.search(r"\binclude\s*=\s*0", text):
        raise FileError(
            path,
            "the region is marked as excluded, it stands for what is outside of it",
            hdu=place,
            found=text.strip(),
            allowed="a region without a minus sign",
        )


def _regions(statement: str, frame: str | None, path: Path, place: str) -> list[SkyRegion]:
    """Read one statement, which may hold several annuli."""
    if frame not in _SKY_FRAMES:
        raise FileError(
            path,
            "the region is not in celestial coordinates",
            hdu=place,
            found=f"{statement} in {frame}" if frame else f"{statement} without a frame",
            allowed=f"a frame before it: {', '.join(_SKY_FRAMES)}",
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # what cannot be read is skipped with a warning
            regions = list(Regions.parse(f"{frame}\n{statement}", format="ds9"))
    except Exception as error:  # whatever the parser raises on bad text
        raise FileError(path, f"not a region ({error})", hdu=place, found=statement) from error
    for region in regions:
        try:
            shape_of(region, place)
        except ConfigError as error:
            raise FileError(path, error.problem, hdu=place, found=statement, allowed=error.allowed) from error
    return regions
