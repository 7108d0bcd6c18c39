"""An image of the sky with the regions of the analysis on it."""

from collections.abc import Sequence
from itertools import chain
from typing import Any, Protocol, Self

import matplotlib as mpl
import numpy as np
from astropy.visualization.wcsaxes import WCSAxes
from astropy.wcs import WCS
from matplotlib.colors import Colormap, LinearSegmentedColormap, Normalize
from matplotlib.patheffects import withStroke
from numpy.typing import NDArray

from bayes_onoff.errors import InputError
from bayes_onoff.plotting.sky_regions import (
    RunRegions,
    check_sky_axes,
    draw_exclusion,
    draw_region,
    gathered,
    with_radii,
)
from bayes_onoff.plotting.style import DARK_TEXT, INK, ink, new_axes

__all__ = ["Image", "plot_image"]

_AXIS_NAMES = {
    "RA": "Right ascension (ICRS)",
    "DEC": "Declination (ICRS)",
    "GLON": "Galactic longitude",
    "GLAT": "Galactic latitude",
}


class Image(Protocol):
    """What the plot needs to know of an image; `bayes_onoff.reduction.SkyImage` has it."""

    @property
    def values(self) -> NDArray[np.float64]: ...  # noqa: D102
    @property
    def wcs(self) -> WCS: ...  # noqa: D102
    @property
    def label(self) -> str: ...  # noqa: D102
    def smoothed(self, width: float) -> Self: ...  # noqa: D102


def plot_image(
    image: Image,
    *,
    geometries: Sequence[RunRegions] = (),
    smooth: float | None = None,
    ax: WCSAxes | None = None,
) -> WCSAxes:
    """Draw an image of counts or excess, and on it the ON region, exclusion and pointings.

    Numbers of both signs get colours that are neutral at zero and equally strong above and below; what is not known
    stays blank.

    Parameters
    ----------
    image : SkyImage
        The image.
    geometries : sequence of RunGeometry
        The runs.
    smooth : float, optional
        Standard deviation of a Gaussian to smooth with first, deg.
    ax : WCSAxes, optional
        Axes with the projection of the image; made here if None.

    Returns
    -------
    WCSAxes

    Raises
    ------
    InputError
        If no pixel of the image is known, or `ax` has not its projection.
    """
    if not np.isfinite(image.values).any():
        raise InputError("nothing is known in the image", place="image", allowed="at least one pixel with a number")
    if smooth is not None:
        image = image.smoothed(smooth)
    if ax is None:
        ax = _image_axes(image)
    check_sky_axes(ax)
    if not _have_same_pixels(ax.wcs, image):
        raise InputError("axes with another projection", place="ax", allowed="axes made with projection=image.wcs")
    colors, norm = _colors(image.values)
    drawn = ax.imshow(image.values, origin="lower", cmap=colors, norm=norm, interpolation="nearest", zorder=0)
    n_y, n_x = image.values.shape
    ax.set_xlim(-0.5, n_x - 0.5)
    ax.set_ylim(-0.5, n_y - 0.5)
    bar = ax.figure.colorbar(drawn, ax=ax, shrink=0.85, pad=0.02)
    bar.set_label(image.label.replace(", smoothed", ",\nsmoothed"), color=ink(ax))
    bar.ax.tick_params(color=ink(ax), labelcolor=ink(ax), labelsize=9)
    bar.outline.set_edgecolor(ink(ax))
    if geometries:
        _draw_geometries(ax, geometries)
    return ax


def _image_axes(image: Image) -> WCSAxes:
    n_y, n_x = image.values.shape
    height = min(max(5.2 * n_y / n_x, 2.6), 9.0)
    ax: WCSAxes = new_axes(width=6.8, height=height + 0.4, projection=image.wcs)
    for axis, kind in zip(ax.coords, image.wcs.wcs.ctype, strict=True):
        axis.set_axislabel(_AXIS_NAMES.get(kind.split("-")[0], kind), color=INK)
    return ax


def _have_same_pixels(wcs: WCS, image: Image) -> bool:
    """Whether the corners of the image lie at the same pixels of another projection."""
    n_y, n_x = image.values.shape
    x, y = np.array([0, 0, n_x, n_x]), np.array([0, n_y, 0, n_y])
    return bool(np.allclose(wcs.world_to_pixel(image.wcs.pixel_to_world(x, y)), (x, y), rtol=0, atol=0.01))


def _colors(values: NDArray[np.float64]) -> tuple[Colormap, Normalize]:
    """Colour map and range: from zero up, or for numbers of both signs centred on zero."""
    lowest, highest = float(np.nanmin(values)), float(np.nanmax(values))
    if lowest >= 0:
        return mpl.colormaps["cividis"], Normalize(0.0, highest if highest > 0 else 1.0)
    highest = max(highest, 0.0)
    strongest = max(-lowest, highest)
    scale = mpl.colormaps["RdBu_r"]
    shown = np.linspace(0.5 + 0.5 * lowest / strongest, 0.5 + 0.5 * highest / strongest, 256)
    return LinearSegmentedColormap.from_list("around zero", scale(shown)), Normalize(lowest, highest)


def _draw_geometries(ax: WCSAxes, geometries: Sequence[RunRegions]) -> None:
    exclusion = chain.from_iterable(geometry.exclusion for geometry in geometries)
    draw_exclusion(ax, exclusion, geometries[0].on_region, hatch=None)
    # Dark with a bright rim: seen on every colour of the image.
    halo: Any = [withStroke(linewidth=3.2, foreground="white")]
    for geometry in {str(geometry.on_region): geometry for geometry in geometries}.values():
        for region in with_radii([geometry.on_region], geometry.rad_max):
            draw_region(ax, region, color=DARK_TEXT, linewidth=1.6, path_effects=halo, zorder=3)
    x, y = ax.wcs.world_to_pixel(gathered(geometry.pointing for geometry in geometries))
    limits = ax.get_xlim(), ax.get_ylim()
    ax.plot(x, y, "+", markersize=7, markeredgewidth=1.3, color=DARK_TEXT, path_effects=halo, zorder=3)
    ax.set_xlim(limits[0])
    ax.set_ylim(limits[1])
