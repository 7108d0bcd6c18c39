from typing import Any

import pytest

from bayes_onoff.errors import ConfigError
from bayes_onoff.reduction import ReductionSettings, SafeRange


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"off_method": "wobble"},
            "off_regions.method: this method is not built yet; found 'wobble'; allowed: reflected",
        ),
        ({"off_method": "phase"}, "off_regions.method: this method is not built yet; found 'phase'"),
        ({"off_method": "ring"}, "off_regions.method: unknown value; found 'ring'; allowed: reflected"),
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
    ],
)
def test_settings_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        ReductionSettings(**options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"bkg_peak": True}, "safe_range.bkg_peak: this criterion is not built yet.*; allowed: aeff_max, aeff_default"),
        ({"aeff_max": 1.5}, "safe_range.aeff_max: not a fraction of the maximum; found 1.5; allowed: 0 % to 100 %"),
        ({"aeff_max": float("nan")}, "safe_range.aeff_max: not a fraction"),
        ({"edisp_bias": 0}, "safe_range.edisp_bias: not positive; found 0; allowed: above 0"),
        ({"offset_max": -2}, "safe_range.offset_max: not positive"),
    ],
)
def test_safe_ranges_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        SafeRange(**options)
