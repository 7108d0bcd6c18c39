"""The run that calibrations are tried with."""

import astropy.units as u
import numpy as np

from bayes_onoff.axes import EnergyAxis
from bayes_onoff.spectra import SpectrumOnOff

__all__ = ["empty_run"]


def empty_run(exposure: float) -> SpectrumOnOff:
    """One run of six bins without counts, exact in energy; `exposure` in cm2 s."""
    energy = EnergyAxis.from_bounds(1 * u.TeV, 10 * u.TeV, 6)
    energy_true = EnergyAxis.from_bounds(0.5 * u.TeV, 20 * u.TeV, 12, "energy_true")
    centers = energy_true.centers
    inside = (centers[:, None] > energy.edges[:-1]) & (centers[:, None] <= energy.edges[1:])
    return SpectrumOnOff(
        name="1",
        energy=energy,
        energy_true=energy_true,
        n_on=np.zeros(6),
        n_off=np.zeros(6),
        acceptance=1.0,
        acceptance_off=5.0,
        exposure=np.full(12, exposure),
        edisp=inside.astype(float),
        livetime=1000.0,
        mask_safe=np.ones(6, dtype=bool),
    )
