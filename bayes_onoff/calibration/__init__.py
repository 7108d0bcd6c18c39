"""Are the intervals true? Simulation-based calibration of an analysis: its own runs and responses, made-up counts."""

from bayes_onoff.calibration.calibrate import Calibration, CalibrationSettings, calibrate
from bayes_onoff.calibration.false_preference import FalsePreference, PreferenceSettings, false_preference
from bayes_onoff.calibration.prior import CalibrationPrior, calibration_prior, require_calibratable
from bayes_onoff.calibration.verdict import calibration_sentence, calibration_table

__all__ = [
    "Calibration",
    "CalibrationPrior",
    "CalibrationSettings",
    "FalsePreference",
    "PreferenceSettings",
    "calibrate",
    "calibration_prior",
    "calibration_sentence",
    "calibration_table",
    "false_preference",
    "require_calibratable",
]
