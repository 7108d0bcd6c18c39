"""Bayesian gamma-ray ON/OFF spectra: from DL3 files to a posterior."""

__version__ = "0.1.0"
