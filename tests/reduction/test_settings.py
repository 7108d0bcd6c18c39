from typing import Any

import pytest

from bayes_onoff.errors import ConfigError
from bayes_onoff.reduction import ReductionSettings, SafeRange
from bayes_onoff.reduction.settings import split_phases


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"off_method": "ring"}, "off_regions.method: unknown value; found 'ring'; allowed: reflected or wobble or ph"),
        ({"placement": "pixels"}, "off_regions.placement: unknown value; found 'pixels'; allowed: exact or gammapy"),
        ({"exposure": "mean"}, "reduction.exposure: unknown value; found 'mean'; allowed: center or region-average"),
        ({"edisp": "mean"}, "reduction.edisp: unknown value"),
        ({"angle_increment": 0}, "off_regions.angle_increment: not positive; found 0; allowed: above 0"),
        ({"min_distance": -0.1}, "off_regions.min_distance: negative; found -0.1; allowed: 0 or more"),
        ({"min_distance_input": -1}, "off_regions.min_distance_input: negative"),
        ({"max_region_number": 0}, "off_regions.max_region_number: no OFF region allowed; found 0; allowed: 1 or more"),
        (
            {"containment_correction": True, "exposure": "region-average"},
            "reduction.containment_correction: .*point source.*; allowed: exposure: center",
        ),
        (
            {"n_off_regions": 5},
            "off_regions.n_off_regions: an option of method: wobble, which method: reflected does not",
        ),
        ({"off_method": "wobble", "placement": "gammapy"}, "off_regions.placement: an option of method: reflected"),
        ({"off_method": "wobble", "n_off_regions": 0}, "off_regions.n_off_regions: no OFF region allowed; found 0"),
        ({"on_phase": ((0.1, 0.2),)}, "off_regions.on_phase: an option of method: phase, which .*; allowed: method: p"),
        ({"off_method": "phase"}, "off_regions.on_phase: method: phase needs phase intervals; found 'none'"),
        ({"off_method": "phase", "on_phase": ((0.1, 0.2),)}, "off_regions.off_phase: method: phase needs phase"),
        (
            {"off_method": "phase", "on_phase": ((0.1, 0.2),), "off_phase": ((0.5, 1.5),)},
            "off_regions.off_phase: not a phase interval; found '0.5 to 1.5'; allowed: two different phases from 0 to",
        ),
        (
            {"off_method": "phase", "on_phase": ((0.1, 0.1),), "off_phase": ((0.5, 1),)},
            "on_phase: not a phase interval",
        ),
        ({"off_method": "phase", "on_phase": ((1, 0),), "off_phase": ((0.5, 1),)}, "on_phase: not a phase interval"),
        (
            {"off_method": "phase", "on_phase": ((0.9, 0.1),), "off_phase": ((0.05, 0.5),)},
            "off_regions.off_phase: phase intervals overlap; found '0.05 to 0.5, and 0 to 0.1 of on_phase'; all",
        ),
        (
            {"off_method": "phase", "on_phase": ((0.1, 0.3), (0.2, 0.4)), "off_phase": ((0.5, 0.9),)},
            "off_regions.on_phase: phase intervals overlap; found '0.2 to 0.4, and 0.1 to 0.3 of on_phase'",
        ),
    ],
)
def test_settings_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        ReductionSettings(**options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"aeff_max": 1.5}, "safe_range.aeff_max: not a fraction of the maximum; found 1.5; allowed: 0 % to 100 %"),
        ({"aeff_max": float("nan")}, "safe_range.aeff_max: not a fraction"),
        ({"edisp_bias": 0}, "safe_range.edisp_bias: not positive; found 0; allowed: above 0"),
        ({"offset_max": -2}, "safe_range.offset_max: not positive"),
    ],
)
def test_safe_ranges_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        SafeRange(**options)


def test_intervals_across_one_are_split() -> None:
    assert split_phases(((0.2, 0.3), (0.9, 0.1))) == ((0.2, 0.3), (0.9, 1.0), (0.0, 0.1))
    assert split_phases(((0.5, 0.0), (1.0, 0.2))) == ((0.5, 1.0), (0.0, 0.2))
    ReductionSettings(off_method="phase", on_phase=((0.9, 0.1),), off_phase=((0.1, 0.5), (0.5, 0.9)))
