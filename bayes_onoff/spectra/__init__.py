"""ON/OFF spectra: the reduced counts and response of runs, and what follows from counts alone."""

from bayes_onoff.spectra.folding import fold
from bayes_onoff.spectra.spectrum import Spectra, SpectrumOnOff

__all__ = ["Spectra", "SpectrumOnOff", "fold"]
