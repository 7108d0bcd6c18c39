"""What a reduction leaves: spectra, and the regions they were counted in."""

from dataclasses import dataclass

from astropy.coordinates import SkyCoord
from regions import SkyRegion

from bayes_onoff.reduction.exclusion_mask import ExclusionMask
from bayes_onoff.spectra import Spectra, SpectrumOnOff

__all__ = ["ReducedRun", "Reduction", "RunGeometry"]


@dataclass(frozen=True, eq=False, slots=True)
class RunGeometry:
    """The regions of one run on the sky.

    Parameters
    ----------
    name : str
        The run, or the piece of a run.
    pointing : SkyCoord
        Centre of the field of view.
    on_region : SkyRegion
        The ON region as it was asked for; the circle if a point was asked for and the response has one radius.
    off_regions : tuple of SkyRegion
        The OFF regions, in the order of ``n_off_by_region``; none if the background is from other phases.
    exclusion : tuple of SkyRegion or ExclusionMask
        The exclusion regions as they were asked for.
    rad_max : (float, float), optional
        Where ON and OFF regions are points: smallest and largest radius, over all bins, within which events were
        counted about them, deg.
    """

    name: str
    pointing: SkyCoord
    on_region: SkyRegion
    off_regions: tuple[SkyRegion, ...]
    exclusion: tuple[SkyRegion | ExclusionMask, ...]
    rad_max: tuple[float, float] | None = None


@dataclass(frozen=True, eq=False, slots=True)
class ReducedRun:
    """One run: its spectrum and its regions."""

    spectrum: SpectrumOnOff
    geometry: RunGeometry


@dataclass(frozen=True, eq=False, slots=True)
class Reduction:
    """All runs, in the order they were given: their spectra and their regions."""

    spectra: Spectra
    geometries: tuple[RunGeometry, ...]
