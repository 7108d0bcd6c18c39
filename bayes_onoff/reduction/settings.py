"""How to reduce: every choice as plain data."""

from dataclasses import dataclass, field, fields
from itertools import pairwise
from typing import Literal

from bayes_onoff.errors import ConfigError

__all__ = ["Intervals", "ReductionSettings", "ResponsePlace", "SafeRange", "split_phases"]

type Intervals = tuple[tuple[float, float], ...]
type ResponsePlace = Literal["center", "region-average"]

_OFF = "reduction.off_regions"
_OPTIONS = {
    "reflected": ("placement", "angle_increment", "min_distance", "min_distance_input", "max_region_number"),
    "wobble": ("n_off_regions",),
    "phase": ("on_phase", "off_phase", "phase_column_name"),
}


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
        Keep energies from the bin with the largest background upwards.
    offset_max : float or None
        Leave out runs whose ON region is farther from the pointing than this, deg.

    Raises
    ------
    ConfigError
        If a value is out of range.
    """

    aeff_max: float | None = 0.10
    aeff_default: bool = False
    edisp_bias: float | None = None
    bkg_peak: bool = False
    offset_max: float | None = None

    def __post_init__(self) -> None:
        place = "reduction.safe_range"
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
    off_method : {"reflected", "wobble", "phase"}
        ``"reflected"`` turns the ON region about the pointing as often as it fits; ``"wobble"`` turns it to
        `n_off_regions` positions at equal steps; ``"phase"`` takes the background from other phases in the ON region.
    placement : {"exact", "gammapy"}
        ``"exact"`` turns the ON region on the sphere and keeps the OFF regions disjoint; ``"gammapy"`` works on pixels
        as gammapy 2.1 does, with OFF regions that overlap slightly. For ``"reflected"``.
    exposure, edisp : {"center", "region-average"} or None
        Where the response is taken: at the centre of the ON region, or averaged over its area. None averages over
        extended shapes, and takes the centre of circles and points.
    containment_correction : bool
        Multiply the exposure by the fraction of the point-spread function inside the (circular) ON region.
    safe_range : SafeRange
        Criteria of the safe range.
    expected_background : bool
        Compute the OFF counts that the background response of the run expects (`background` of the spectrum).
    angle_increment : float
        Rotation in rad after a position that touches an exclusion region. For ``"reflected"``.
    min_distance, min_distance_input : float
        Least gap in rad between OFF regions, and between the ON region and the OFF regions. For ``"reflected"``.
    max_region_number : int
        Most OFF regions a run may have. For ``"reflected"``.
    n_off_regions : int
        Number of OFF positions. For ``"wobble"``.
    on_phase, off_phase : tuple of (float, float)
        Phase intervals in [0, 1]; one whose end is smaller than its start goes across 1. For ``"phase"``.
    phase_column_name : str
        Column of the event list that holds the phases. For ``"phase"``.

    Raises
    ------
    ConfigError
        If a value is unknown or out of range, or an option belongs to another method.
    """

    off_method: Literal["reflected", "wobble", "phase"] = "reflected"
    placement: Literal["exact", "gammapy"] = "exact"
    exposure: ResponsePlace | None = None
    edisp: ResponsePlace | None = None
    containment_correction: bool = False
    safe_range: SafeRange = field(default_factory=SafeRange)
    expected_background: bool = False
    angle_increment: float = 0.1
    min_distance: float = 0.0
    min_distance_input: float = 0.1
    max_region_number: int = 10000
    n_off_regions: int = 3
    on_phase: Intervals = ()
    off_phase: Intervals = ()
    phase_column_name: str = "PHASE"

    def __post_init__(self) -> None:
        self._check_choices()
        self._check_options_of_other_methods()
        if self.containment_correction and self.exposure == "region-average":
            raise ConfigError(
                "a containment correction holds for a point source, not for an average over the region",
                place="reduction.containment_correction",
                allowed="exposure: center",
            )
        if not self.angle_increment > 0:
            raise ConfigError(
                "not positive", place=f"{_OFF}.angle_increment", found=self.angle_increment, allowed="above 0"
            )
        for name in ("min_distance", "min_distance_input"):
            if not getattr(self, name) >= 0:
                raise ConfigError("negative", place=f"{_OFF}.{name}", found=getattr(self, name), allowed="0 or more")
        for name in ("max_region_number", "n_off_regions"):
            if getattr(self, name) < 1:
                raise ConfigError(
                    "no OFF region allowed", place=f"{_OFF}.{name}", found=getattr(self, name), allowed="1 or more"
                )
        if self.off_method == "phase":
            self._check_phases()

    def _check_choices(self) -> None:
        for place, found, allowed in (
            (f"{_OFF}.method", self.off_method, tuple(_OPTIONS)),
            (f"{_OFF}.placement", self.placement, ("exact", "gammapy")),
            ("reduction.exposure", self.exposure, (None, "center", "region-average")),
            ("reduction.edisp", self.edisp, (None, "center", "region-average")),
        ):
            if found not in allowed:
                names = " or ".join(name for name in allowed if name is not None)
                raise ConfigError("unknown value", place=place, found=found, allowed=names)

    def _check_options_of_other_methods(self) -> None:
        defaults = {f.name: f.default for f in fields(self)}
        for method, names in _OPTIONS.items():
            for name in names:
                if method != self.off_method and getattr(self, name) != defaults[name]:
                    raise ConfigError(
                        f"an option of method: {method}, which method: {self.off_method} does not use",
                        place=f"{_OFF}.{name}",
                        found=getattr(self, name),
                        allowed=f"method: {method}, or leave it out",
                    )

    def _check_phases(self) -> None:
        pieces = []
        for name in ("on_phase", "off_phase"):
            if not getattr(self, name):
                raise ConfigError("method: phase needs phase intervals", place=f"{_OFF}.{name}", found="none")
            for low, high in getattr(self, name):
                if not (0 <= low <= 1 and 0 <= high <= 1 and low != high and split_phases(((low, high),))):
                    raise ConfigError(
                        "not a phase interval",
                        place=f"{_OFF}.{name}",
                        found=f"{low:g} to {high:g}",
                        allowed="two different phases from 0 to 1; from the larger to the smaller goes across 1",
                    )
            pieces += [(*piece, name) for piece in split_phases(getattr(self, name))]
        pieces.sort()
        for (low, high, name), (next_low, next_high, next_name) in pairwise(pieces):
            if next_low < high:
                raise ConfigError(
                    "phase intervals overlap",
                    place=f"{_OFF}.{next_name}",
                    found=f"{next_low:g} to {next_high:g}, and {low:g} to {high:g} of {name}",
                    allowed="ON and OFF intervals without common phases",
                )


def split_phases(intervals: Intervals) -> Intervals:
    """Split phase intervals that go across 1; then each ends after it starts."""
    pieces: list[tuple[float, float]] = []
    for low, high in intervals:
        pieces += [(low, high)] if low < high else [(low, 1.0), (0.0, high)]
    return tuple((low, high) for low, high in pieces if low < high)
