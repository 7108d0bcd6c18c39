"""WSTAT fits of RX J1713.7-3946 with six and fifteen runs: prints the table of docs/measurements.md.

GAMMAPY_DATA=... uv run python tests/benchmarks/rxj1713.py
"""

import os
from itertools import product
from pathlib import Path

import astropy.units as u
import numpy as np
from astropy.coordinates import SkyCoord
from regions import CircleSkyRegion

from bayes_onoff.axes import EnergyAxis
from bayes_onoff.dl3 import DataStore
from bayes_onoff.models import SpectralModel
from bayes_onoff.products.wstat_fit import fit_wstat
from bayes_onoff.reduction import ReductionSettings, SafeRange, reduce_observations

SIX = (20326, 20327, 20349, 20350, 20396, 20397)
OTHERS = (20421, 20422, 20517, 20518, 20519, 20521, 20898, 20899, 20900)
SHELL = CircleSkyRegion(SkyCoord(347.3, -0.5, unit="deg", frame="galactic"), 0.5 * u.deg)


def main() -> None:
    """Reduce and fit every combination."""
    store = DataStore.from_dir(Path(os.environ["GAMMAPY_DATA"]) / "hess-dl3-dr1")
    print("| runs | placement | edisp | ON / OFF | stat | amplitude, 1e-11 TeV-1 cm-2 s-1 | index |")
    print("|---|---|---|---|---|---|---|")
    for ids, placement, edisp in product((SIX, SIX + OTHERS), ("gammapy", "exact"), ("center", "region-average")):
        spectra = reduce_observations(
            store.observations(ids),
            SHELL,
            energy=EnergyAxis.from_bounds(0.3 * u.TeV, 40 * u.TeV, 10),
            energy_true=EnergyAxis.from_bounds(0.05 * u.TeV, 100 * u.TeV, 30, "energy_true"),
            settings=ReductionSettings(
                placement=placement,
                exposure="region-average",
                edisp=edisp,
                safe_range=SafeRange(aeff_max=0.1, aeff_default=True),
            ),
        ).spectra
        fit = fit_wstat(spectra, SpectralModel("power-law"))
        on, off = (np.where(spectra.mask, counts, 0).sum() for counts in (spectra.n_on, spectra.n_off))
        amplitude = f"{1e11 * fit.values['amplitude']:.4f} ± {1e11 * fit.errors['amplitude']:.4f}"
        index = f"{fit.values['index']:.4f} ± {fit.errors['index']:.4f}"
        print(f"| {len(ids)} | {placement} | {edisp} | {on} / {off} | {fit.stat:.3f} | {amplitude} | {index} |")


if __name__ == "__main__":
    main()
