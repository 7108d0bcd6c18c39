"""Regions from DS9 region files."""

from pathlib import Path

from regions import SkyRegion

__all__ = ["read_region_file"]


def read_region_file(path: str | Path) -> tuple[SkyRegion, ...]:
    """Read the regions of a DS9 file, in the order of the file.

    Raises
    ------
    FileError
        If a line cannot be understood, or holds a region in pixel coordinates, a shape without area, or a region
        marked as excluded; the line is named.
    """
    raise NotImplementedError
