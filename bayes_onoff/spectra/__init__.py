"""ON/OFF spectra: the reduced counts and response of runs, and what follows from counts alone."""

from bayes_onoff.spectra.folding import fold
from bayes_onoff.spectra.gammapy_datasets import from_gammapy
from bayes_onoff.spectra.ogip import ogip_set, read_ogip, read_ogip_files
from bayes_onoff.spectra.ogip_writing import write_ogip
from bayes_onoff.spectra.on_off_posterior import OnOffPosterior, binomial_significance
from bayes_onoff.spectra.source_statistics import cumulative_table, run_table
from bayes_onoff.spectra.spectrum import Spectra, SpectrumOnOff, with_fit_range
from bayes_onoff.spectra.stacking import stack
from bayes_onoff.spectra.statistics import combined_significance, li_ma_significance, wstat

__all__ = [
    "OnOffPosterior",
    "Spectra",
    "SpectrumOnOff",
    "binomial_significance",
    "combined_significance",
    "cumulative_table",
    "fold",
    "from_gammapy",
    "li_ma_significance",
    "ogip_set",
    "read_ogip",
    "read_ogip_files",
    "run_table",
    "stack",
    "with_fit_range",
    "write_ogip",
    "wstat",
]
