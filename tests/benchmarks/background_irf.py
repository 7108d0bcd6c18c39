"""The Crab with its background's shape from the background responses, and without: the tables of docs/measurements.md.

GAMMAPY_DATA=... uv run python tests/benchmarks/background_irf.py
"""

import os
from itertools import pairwise
from pathlib import Path

import astropy.units as u
import numpy as np
from astropy.coordinates import SkyCoord
from regions import CircleSkyRegion

from bayes_onoff.axes import EnergyAxis
from bayes_onoff.dl3 import DataStore
from bayes_onoff.inference import BackgroundModel, SamplerSettings, fit
from bayes_onoff.models import SpectralModel
from bayes_onoff.reduction import ReductionSettings, reduce_observations
from bayes_onoff.spectra import Spectra

RUNS = (23523, 23526, 23559, 23592)
BANDS = (0.5, 0.8, 1.2, 2, 4, 8, 40)  # TeV
PARAMETERS = ("amplitude", "index", "slope", "shape_scale", "deviation_scale")


def reduced() -> Spectra:
    """Reduce the four runs as the other measurements do."""
    store = DataStore.from_dir(Path(os.environ["GAMMAPY_DATA"]) / "hess-dl3-dr1")
    return reduce_observations(
        store.observations(RUNS),
        CircleSkyRegion(SkyCoord(83.63, 22.01, unit="deg"), 0.11 * u.deg),
        energy=EnergyAxis.from_bounds(0.1 * u.TeV, 40 * u.TeV, 40),
        energy_true=EnergyAxis.from_bounds(0.05 * u.TeV, 100 * u.TeV, 200, "energy_true"),
        exclusion=[CircleSkyRegion(SkyCoord(183.604, -8.708, unit="deg", frame="galactic"), 0.5 * u.deg)],
        settings=ReductionSettings(expected_background=True),
    ).spectra


def tell_counts(spectra: Spectra) -> None:
    """Print OFF counts seen over OFF counts expected, in bands."""
    band = np.digitize(spectra.energy.centers, BANDS) - 1
    print("| run |", " | ".join(f"{low:g} to {high:g} TeV" for low, high in pairwise(BANDS)), "|")
    for run in spectra:
        assert run.background is not None
        inside = [run.mask & (band == i) for i in range(len(BANDS) - 1)]
        cells = (f"{run.n_off[mask].sum()} / {run.background[mask].sum():.1f}" for mask in inside)
        print(f"| {run.name} |", " | ".join(cells), "|")


def main() -> None:
    """Print both tables."""
    spectra = reduced()
    tell_counts(spectra)
    print("| shape_from |", " | ".join(PARAMETERS), "| ln likelihood, mean | converged |")
    for shape_from in (None, "irf"):
        background = BackgroundModel(shape_from=shape_from)
        posterior = fit(spectra, SpectralModel("power-law"), background, SamplerSettings(seed=1), progress=False)
        group = posterior.tree["posterior"]
        cells = []
        for name in PARAMETERS:
            scale = 1e11 if name == "amplitude" else 1
            low, median, high = np.quantile(scale * group[name].to_numpy(), (0.16, 0.5, 0.84))
            cells.append(f"{median:.4f} ({low:.4f} to {high:.4f})")
        cells.append(f"{posterior.tree['log_likelihood']['counts'].sum('bin').values.mean():.1f}")
        print(f"| {shape_from} |", " | ".join(cells), f"| {posterior.convergence.converged} |")


if __name__ == "__main__":
    main()
