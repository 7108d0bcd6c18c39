"""Images of the sky: events counted in pixels, and what of them exceeds the background."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, Self

import numpy as np
from astropy.coordinates import SkyCoord
from astropy.wcs import WCS
from numpy.typing import NDArray
from regions import SkyRegion

from bayes_onoff.dl3 import Events, Observation
from bayes_onoff.errors import InputError, ReductionError
from bayes_onoff.reduction.checks import run_place
from bayes_onoff.reduction.event_selection import check_selection, select_events
from bayes_onoff.reduction.exclusion_mask import ExclusionMask
from bayes_onoff.reduction.projection import tangent_wcs
from bayes_onoff.reduction.ring_background import ring_background
from bayes_onoff.reduction.sphere import separation, sky_coord, unit_vector, unit_vectors

__all__ = ["SkyImage", "counts_image", "excess_image"]

_WIDEST = 60.0  # deg; a gnomonic projection stretches by 1 / cos^2 of the distance from its centre
_MOST_PIXELS = 4000
_MOST_NAMED = 5


@dataclass(frozen=True, eq=False, slots=True)
class SkyImage:
    """Numbers on a grid of pixels in the sky.

    Parameters
    ----------
    values : ndarray, shape (y, x)
        One number a pixel; not a number where nothing is known.
    wcs : WCS
        Celestial coordinates of the pixels.
    label : str
        What the numbers are.
    """

    values: NDArray[np.float64]
    wcs: WCS
    label: str

    def smoothed(self, width: float, kernel: Literal["gauss", "disk"] = "gauss") -> Self:
        """Average over the neighbourhood of each pixel.

        The weights add up to 1 over the pixels that are known and inside the image, so numbers keep their meaning "per
        pixel" up to the edge; unknown pixels stay unknown.

        Parameters
        ----------
        width : float
            Standard deviation of the Gaussian (cut at 4 of them), or radius of the disk, deg.
        kernel : {"gauss", "disk"}
            Weights.

        Raises
        ------
        InputError
            If the width is not positive or the kernel unknown.
        """
        if kernel not in ("gauss", "disk"):
            raise InputError("unknown kernel", place="kernel", found=kernel, allowed="gauss or disk")
        if not 0 < width < np.inf:
            raise InputError("not a width", place="width", found=f"{width:g} deg", allowed="above 0 deg")
        known = np.isfinite(self.values)
        in_pixels = width / abs(self.wcs.wcs.cdelt[1])
        total = _convolved(np.where(known, self.values, 0.0), in_pixels, kernel)
        share = _convolved(known.astype(float), in_pixels, kernel)
        values = np.full(self.values.shape, np.nan)
        values[known] = total[known] / share[known]
        shape = "a Gaussian of σ" if kernel == "gauss" else "a disk of radius"
        return replace(self, values=values, label=f"{self.label}, smoothed with {shape} = {width:g}°")


def counts_image(
    observations: Sequence[Observation],
    center: SkyCoord,
    width: float | tuple[float, float],
    bin_size: float,
    *,
    energy_range: tuple[float, float] | None = None,
) -> SkyImage:
    """Count the events of all runs inside their good time intervals, pixel by pixel.

    Parameters
    ----------
    observations : sequence of Observation
        The runs.
    center : SkyCoord
        Centre of the image, a gnomonic projection there, along galactic coordinates if `center` is galactic and along
        ICRS ones otherwise.
    width : float or (float, float)
        Width, or width and height, deg; rounded to whole pixels.
    bin_size : float
        Width of a pixel at the centre, deg.
    energy_range : (float, float), optional
        Reconstructed energies to count, TeV, the upper one excluded; all by default.

    Raises
    ------
    InputError
        If there is no run, or the width, pixel or energy range is none.
    """
    check_selection(observations, energy_range)
    wcs, shape = _grid(center, width, bin_size)
    values = np.zeros(shape)
    for observation in observations:
        values += _histogram(wcs, shape, select_events(observation, energy_range))
    return SkyImage(values, wcs, f"Events per {bin_size:g}° × {bin_size:g}° pixel")


def excess_image(
    observations: Sequence[Observation],
    center: SkyCoord,
    width: float | tuple[float, float],
    bin_size: float,
    *,
    on_region: SkyRegion,
    exclusion: Sequence[SkyRegion | ExclusionMask] = (),
    energy_range: tuple[float, float] | None = None,
    ring_width: float = 0.1,
) -> SkyImage:
    """Count events above the background of each run's field of view, pixel by pixel.

    The rule of reflected regions, for every pixel: background is the same at all positions of equal distance from the
    pointing. The field of view of each run is cut into rings about the pointing, `ring_width` wide; the background of
    a ring is the number of its events per solid angle outside the ON and exclusion regions. A run counts where it has
    such a background: not where less than a tenth of the ring is free of those regions, nor where the free part of the
    ring holds no event at any energy (the edge of the camera). A pixel that no run covers is not a number.

    Over the free part of a ring the excess adds up to zero.

    Parameters
    ----------
    observations, center, width, bin_size, energy_range
        As for `counts_image`.
    on_region : SkyRegion
        Where the signal is; a point stands for the circle of its largest RAD_MAX.
    exclusion : sequence of SkyRegion or ExclusionMask
        Other parts of the sky that are not background.
    ring_width : float
        Deg.

    Raises
    ------
    InputError
        As for `counts_image`, or if the ring width is none.
    ConfigError
        If a region is not understood.
    ReductionError
        If no run has a background anywhere in the image.
    """
    check_selection(observations, energy_range)
    if not 0 < ring_width < np.inf:
        raise InputError("not a width", place="ring_width", found=f"{ring_width:g} deg", allowed="above 0 deg")
    wcs, shape = _grid(center, width, bin_size)
    pixels = _pixels(wcs, shape)
    values, is_covered = np.zeros(shape), np.zeros(shape, dtype=bool)
    for observation in observations:
        density = ring_background(observation, pixels[0], on_region, exclusion, energy_range, np.deg2rad(ring_width))
        known = np.isfinite(density)
        excess = _histogram(wcs, shape, select_events(observation, energy_range)) - density * pixels[1]
        values[known] += excess[known]
        is_covered |= known
    if not is_covered.any():
        raise ReductionError(
            "no run has a background anywhere in the image",
            place=", ".join(run_place(observation) for observation in observations[:_MOST_NAMED]),
            allowed="an image inside the field of view, with room outside the ON and exclusion regions",
        )
    return SkyImage(np.where(is_covered, values, np.nan), wcs, f"Excess per {bin_size:g}° × {bin_size:g}° pixel")


def _grid(center: SkyCoord, width: float | tuple[float, float], bin_size: float) -> tuple[WCS, tuple[int, int]]:
    """Gnomonic projection at the centre of the image, and its shape (y, x)."""
    widths = np.broadcast_to(np.asarray(width, dtype=float), 2)
    if not np.all((widths > 0) & (widths <= _WIDEST)):
        raise InputError("not a width", place="width", found=f"{width} deg", allowed=f"above 0 to {_WIDEST:g} deg")
    if not 0 < bin_size <= widths.min():
        raise InputError(
            "not a pixel", place="bin_size", found=f"{bin_size:g} deg", allowed="above 0 deg, up to the image's width"
        )
    n_x, n_y = (int(n) for n in np.round(widths / bin_size))
    if max(n_x, n_y) > _MOST_PIXELS:
        raise InputError(
            "too many pixels", place="bin_size", found=f"{n_x} x {n_y}", allowed=f"up to {_MOST_PIXELS} in a row"
        )
    return tangent_wcs(center, bin_size, (n_y, n_x)), (n_y, n_x)


def _origin(wcs: WCS) -> NDArray[np.float64]:
    """Find the unit vector of the projection's centre."""
    return unit_vector(wcs.pixel_to_world(*(wcs.wcs.crpix - 1)))


def _pixels(wcs: WCS, shape: tuple[int, int]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Find the unit vectors of the pixel centres (y, x, 3) and solid angles (y, x) in sr.

    A gnomonic projection stretches areas by 1 / cos^3 of the distance from its centre.
    """
    y, x = np.indices(shape)
    points = unit_vector(wcs.pixel_to_world(x, y))
    cos = points @ _origin(wcs)
    return points, np.deg2rad(abs(wcs.wcs.cdelt[0])) * np.deg2rad(wcs.wcs.cdelt[1]) * cos**3


def _histogram(wcs: WCS, shape: tuple[int, int], events: Events) -> NDArray[np.float64]:
    """Count the events in each pixel, shape (y, x)."""
    points = unit_vectors(events.ra, events.dec)
    # What is 90 deg or more away has no place in the projection.
    near = points[separation(points, _origin(wcs)) < np.deg2rad(_WIDEST)]
    x, y = wcs.world_to_pixel(sky_coord(near))
    edges = [np.arange(n + 1) - 0.5 for n in shape]
    counts, _, _ = np.histogram2d(y, x, bins=edges)
    return np.asarray(counts)


def _convolved(values: NDArray[np.float64], width: float, kernel: str) -> NDArray[np.float64]:
    """Smooth an image that is zero outside; `width` in pixels."""
    from scipy import ndimage

    if kernel == "gauss":
        return np.asarray(ndimage.gaussian_filter(values, width, mode="constant", truncate=4.0))
    reach = int(width)
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    disk = (x**2 + y**2 <= width**2).astype(float)
    return np.asarray(ndimage.convolve(values, disk / disk.sum(), mode="constant"))
