"""Pixels on the sky."""

from astropy.coordinates import SkyCoord
from astropy.wcs import WCS

__all__ = ["tangent_wcs"]


def tangent_wcs(center: SkyCoord, bin_size: float, shape: tuple[int, int]) -> WCS:
    """Make a gnomonic projection about a position.

    Parameters
    ----------
    center : SkyCoord
        In the middle of the pixels, which lie along galactic coordinates if it is galactic and along ICRS ones
        otherwise.
    bin_size : float
        Width of a pixel there, deg.
    shape : (int, int)
        Number of pixels, (y, x).
    """
    is_galactic = center.frame.name == "galactic"
    origin = (center if is_galactic else center.icrs).spherical
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = [f"{name}-TAN" for name in (("GLON", "GLAT") if is_galactic else ("RA--", "DEC-"))]
    wcs.wcs.cunit = ["deg", "deg"]
    wcs.wcs.crval = [origin.lon.deg, origin.lat.deg]
    wcs.wcs.crpix = [(n + 1) / 2 for n in reversed(shape)]
    wcs.wcs.cdelt = [-bin_size, bin_size]
    if not is_galactic:
        wcs.wcs.radesys = "ICRS"
    return wcs
