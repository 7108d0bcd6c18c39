"""How to reduce: every choice as plain data."""

from dataclasses import dataclass, field
from typing import Literal

from bayes_onoff.errors import ConfigError

__all__ = ["ReductionSettings", "SafeRange"]


@dataclass(frozen=True, slots=True)
class SafeRange:
    """Which reconstructed energies can be trusted; criteria combine with AND.

    Parameters
    ----------
    aeff_max : float or None
        Keep energies above the one where the effective area first reaches this fraction of its maximum.
    aeff_default : bool
        Keep the range between ``LO_THRES`` and ``HI_THRES`` of the effective area's header.
    edisp_bias : float or None
        Keep energies above the one where the relative bias of the reconstructed energy falls to this value.
    bkg_peak : bool
        Not built yet.
    offset_max : float or None
        Refuse runs whose ON region is farther from the pointing than this, deg.

    Raises
    ------
    ConfigError
        If a value is out of range or a criterion is not built yet.
    """

    aeff_max: float | None = 0.10
    aeff_default: bool = False
    edisp_bias: float | None = None
    bkg_peak: bool = False
    offset_max: float | None = None

    def __post_init__(self) -> None:
        place = "reduction.safe_range"
        if self.bkg_peak:
            raise ConfigError(
                "this criterion is not built yet",
                place=f"{place}.bkg_peak",
                found="true",
                allowed="aeff_max, aeff_default, edisp_bias, offset_max",
            )
        if self.aeff_max is not None and not 0 <= self.aeff_max < 1:
            raise ConfigError(
                "not a fraction of the maximum", place=f"{place}.aeff_max", found=self.aeff_max, allowed="0 % to 100 %"
            )
        for name, value in (("edisp_bias", self.edisp_bias), ("offset_max", self.offset_max)):
            if value is not None and not value > 0:
                raise ConfigError("not positive", place=f"{place}.{name}", found=value, allowed="above 0")


@dataclass(frozen=True, slots=True)
class ReductionSettings:
    """How observations become ON/OFF spectra.

    Parameters
    ----------
    off_method : str
        ``"reflected"``; ``"wobble"`` and ``"phase"`` are not built yet.
    placement : {"exact", "gammapy"}
        ``"exact"`` turns the ON region on the sphere and keeps the OFF regions disjoint; ``"gammapy"`` works on pixels
        as gammapy 2.1 does, with OFF regions that overlap slightly.
    exposure, edisp : {"center", "region-average"}
        Where the response is taken: at the centre of the ON region, or averaged over its area.
    containment_correction : bool
        Multiply the exposure by the fraction of the point-spread function inside the (circular) ON region.
    safe_range : SafeRange
        Criteria of the safe range.
    angle_increment : float
        Rotation in rad after a position that touches an exclusion region.
    min_distance, min_distance_input : float
        Least gap in rad between OFF regions, and between the ON region and the OFF regions.
    max_region_number : int
        Most OFF regions a run may have.

    Raises
    ------
    ConfigError
        If a value is unknown, out of range, or not built yet.
    """

    off_method: str = "reflected"
    placement: Literal["exact", "gammapy"] = "exact"
    exposure: Literal["center", "region-average"] = "center"
    edisp: Literal["center", "region-average"] = "center"
    containment_correction: bool = False
    safe_range: SafeRange = field(default_factory=SafeRange)
    angle_increment: float = 0.1
    min_distance: float = 0.0
    min_distance_input: float = 0.1
    max_region_number: int = 10000

    def __post_init__(self) -> None:
        off = "reduction.off_regions"
        if self.off_method in ("wobble", "phase"):
            raise ConfigError(
                "this method is not built yet", place=f"{off}.method", found=self.off_method, allowed="reflected"
            )
        for place, found, allowed in (
            (f"{off}.method", self.off_method, ("reflected",)),
            (f"{off}.placement", self.placement, ("exact", "gammapy")),
            ("reduction.exposure", self.exposure, ("center", "region-average")),
            ("reduction.edisp", self.edisp, ("center", "region-average")),
        ):
            if found not in allowed:
                raise ConfigError("unknown value", place=place, found=found, allowed=" or ".join(allowed))
        if self.containment_correction and self.exposure == "region-average":
            raise ConfigError(
                "a containment correction holds for a point source, not for an average over the region",
                place="reduction.containment_correction",
                allowed="exposure: center",
            )
        if not self.angle_increment > 0:
            raise ConfigError(
                "not positive", place=f"{off}.angle_increment", found=self.angle_increment, allowed="above 0"
            )
        for name in ("min_distance", "min_distance_input"):
            if not getattr(self, name) >= 0:
                raise ConfigError("negative", place=f"{off}.{name}", found=getattr(self, name), allowed="0 or more")
        if self.max_region_number < 1:
            raise ConfigError(
                "no OFF region allowed",
                place=f"{off}.max_region_number",
                found=self.max_region_number,
                allowed="1 or more",
            )
