"""Telescope files: GADF data stores, observations, events, good time intervals and responses."""

from bayes_onoff.dl3.background import Background, Background2D
from bayes_onoff.dl3.data_store import DataStore
from bayes_onoff.dl3.effective_area import EffectiveArea
from bayes_onoff.dl3.energy_dispersion import EnergyDispersion
from bayes_onoff.dl3.events import Events
from bayes_onoff.dl3.gti import GTI
from bayes_onoff.dl3.irf_axes import IrfAxis
from bayes_onoff.dl3.observation import Observation
from bayes_onoff.dl3.psf import PSF, PSFTable
from bayes_onoff.dl3.psf_parametric import PSFKing, PSFTripleGauss
from bayes_onoff.dl3.rad_max import RadMax
from bayes_onoff.dl3.run_content import RunContent
from bayes_onoff.dl3.selection import Selection, select_runs
from bayes_onoff.dl3.time_reference import TimeReference
from bayes_onoff.dl3.writing import write_index, write_run, write_store

__all__ = [
    "GTI",
    "PSF",
    "Background",
    "Background2D",
    "DataStore",
    "EffectiveArea",
    "EnergyDispersion",
    "Events",
    "IrfAxis",
    "Observation",
    "PSFKing",
    "PSFTable",
    "PSFTripleGauss",
    "RadMax",
    "RunContent",
    "Selection",
    "TimeReference",
    "select_runs",
    "write_index",
    "write_run",
    "write_store",
]
