"""Exclusion by an image: pixels no OFF region may touch."""

import warnings
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from astropy.io import fits
from astropy.wcs import WCS, FITSFixedWarning
from astropy.wcs.utils import wcs_to_celestial_frame
from numpy.typing import NDArray
from regions import SkyRegion

from bayes_onoff.errors import FileError, InputError
from bayes_onoff.fits_table import read_fits_headers
from bayes_onoff.reduction.areas import Arcs, Area, share_area
from bayes_onoff.reduction.shapes import shape_of
from bayes_onoff.reduction.sphere import sky_coord, unit_vector

__all__ = ["ExclusionMask", "excluded_area", "read_exclusion_mask"]

_CYLINDRICAL = ("CAR", "CEA", "CYP", "MER")
_SOMEWHERE = np.array([0.0, 0.0, 1.0])


@dataclass(frozen=True, eq=False)
class ExclusionMask:
    """Pixels of an image of the sky that are excluded; what lies outside of the image is allowed.

    Parameters
    ----------
    wcs : WCS
        Celestial projection of the image, any frame.
    excluded : ndarray of bool, shape (y, x)
        The excluded pixels.

    Raises
    ------
    InputError
        If the image is not two-dimensional, not one of the sky, distorted, or reaches beyond the seam of a cylindrical
        projection.
    """

    wcs: WCS
    excluded: NDArray[np.bool_]

    def __post_init__(self) -> None:
        if self.excluded.ndim != 2 or self.excluded.dtype != bool:
            found = f"{self.excluded.ndim} axes of {self.excluded.dtype}"
            raise InputError("not an image of true and false", place="excluded", found=found, allowed="2 axes of bool")
        if self.wcs.naxis != 2 or not self.wcs.has_celestial:
            found = " ".join(self.wcs.wcs.ctype)
            raise InputError("not an image of the sky", place="wcs", found=found, allowed="two celestial axes")
        try:
            wcs_to_celestial_frame(self.wcs)
        except ValueError as error:
            found = f"{' '.join(self.wcs.wcs.ctype)} {self.wcs.wcs.radesys}".strip()
            raise InputError("an unknown celestial frame", place="wcs", found=found) from error
        if self.wcs.has_distortion:
            raise InputError("a distorted image", place="wcs", allowed="a projection without distortion terms")
        self._check_seam()

    def _check_seam(self) -> None:
        """Refuse excluded pixels beyond the seam of a cylindrical projection, where they have no coordinates.

        In other projections such pixels lie in the corners beside the sky, and exclude nothing.
        """
        y, x = np.nonzero(self.excluded)
        if self.wcs.wcs.ctype[0][-3:] not in _CYLINDRICAL or np.isfinite(self.wcs.wcs_pix2world(x, y, 0)).all():
            return
        raise InputError(
            "excluded pixels lie more than 180 deg from the reference longitude, beyond the seam of the projection",
            place="wcs",
            found=f"CRVAL {self.wcs.wcs.crval.tolist()} at CRPIX {self.wcs.wcs.crpix.tolist()}",
            allowed="an image that covers each position once, with the reference longitude in its middle",
        )

    @property
    def center(self) -> NDArray[np.float64]:
        """Any position: the mask may be anywhere on the sky; unit vector of shape (3,)."""
        return _SOMEWHERE

    @property
    def outer_radius(self) -> float:
        """That of the whole sky, rad."""
        return float(np.pi)

    @cached_property
    def outline(self) -> Arcs:
        """Sides of pixels between an excluded and an allowed one, or at the border of the image."""
        padded = np.pad(self.excluded, 1)
        y_upright, x_upright = np.nonzero(padded[1:-1, 1:] != padded[1:-1, :-1])
        y_flat, x_flat = np.nonzero(padded[1:, 1:-1] != padded[:-1, 1:-1])
        x, y = np.concatenate([x_upright, x_flat]) - 0.5, np.concatenate([y_upright, y_flat]) - 0.5
        upright = np.concatenate([np.ones(len(x_upright)), np.zeros(len(x_flat))])
        start = unit_vector(self.wcs.pixel_to_world(x, y))
        stop = unit_vector(self.wcs.pixel_to_world(x + 1 - upright, y + upright))
        on_sky = np.isfinite(start).all(axis=-1) & np.isfinite(stop).all(axis=-1)
        return Arcs(start[on_sky], stop[on_sky])

    def covers(self, points: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Which positions (n, 3) lie in an excluded pixel."""
        return self.contains(points)

    def contains(self, points: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Which positions (..., 3) lie in an excluded pixel."""
        pixels = np.stack(self.wcs.world_to_pixel(sky_coord(points)), axis=-1) + 0.5
        n_y, n_x = self.excluded.shape
        inside = np.all((pixels >= 0) & (pixels < [n_x, n_y]), axis=-1)  # false for what the projection cannot show
        x, y = np.moveaxis(np.where(inside[..., None], pixels, 0).astype(int), -1, 0)
        return np.asarray(inside & self.excluded[y, x])

    def overlaps(self, other: Area) -> bool:
        """Whether the other area shares any part of an excluded pixel."""
        return share_area(self, other)


def read_exclusion_mask(path: str | Path) -> ExclusionMask:
    """Read an exclusion mask: a two-dimensional FITS image of the sky with 0 where excluded and 1 where allowed.

    Further axes of length 1, such as one bin of energy, are left out.

    Raises
    ------
    FileError
        If the file is missing, damaged, or does not hold one such image.
    """
    path = Path(path)
    name, header, values = _read_image(path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FITSFixedWarning)  # of dates and the like, which do not matter here
        wcs = WCS(header)
    if values.ndim > 2 and wcs.has_celestial and all(length == 1 for length in values.shape[:-2]):
        wcs, values = wcs.celestial, values.reshape(values.shape[-2:])
    if values.ndim != 2:
        raise FileError(path, "not a two-dimensional image", hdu=name, found=f"axes {values.shape}", allowed="2 axes")
    if not np.all((values == 0) | (values == 1)):
        other = np.unique(values[(values != 0) & (values != 1)])
        found = ", ".join(f"{value:g}" for value in other[:3]) + (", ..." if len(other) > 3 else "")
        raise FileError(path, "not a mask", hdu=name, found=found, allowed="0 where excluded and 1 where allowed")
    try:
        return ExclusionMask(wcs, values == 0)
    except InputError as error:
        raise FileError(path, error.problem, hdu=name, found=error.found, allowed=error.allowed) from error


def _read_image(path: Path) -> tuple[str, fits.Header, NDArray[np.float64]]:
    """Read name, header and pixels of the only image in a FITS file."""
    headers = read_fits_headers(path)  # refuses a damaged file
    images = [
        (number, header.get("EXTNAME", "PRIMARY"))
        for number, header in enumerate(headers)
        if header["NAXIS"] > 0 and ("SIMPLE" in header or header["XTENSION"] == "IMAGE")
    ]
    if len(images) != 1:
        found = ", ".join(name for _, name in images) or "none"
        raise FileError(path, "not one image", found=found, allowed="one image HDU")
    number, name = images[0]
    return name, headers[number], np.asarray(fits.getdata(path, number))


def excluded_area(exclusion: SkyRegion | ExclusionMask, place: str) -> Area:
    """Translate an exclusion region or mask to what OFF regions are compared with.

    Raises
    ------
    ConfigError
        As for `shape_of`.
    """
    return exclusion if isinstance(exclusion, ExclusionMask) else shape_of(exclusion, place)
