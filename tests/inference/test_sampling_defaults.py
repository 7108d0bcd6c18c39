"""Proof: at the default settings every real data set is sampled without a divergence, for several seeds.

Minutes; marked slow. Run with ``pytest -m slow -s tests/inference/test_sampling_defaults.py``; docs/measurements.md
keeps the printed table.
"""

import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import astropy.units as u
import pytest
from astropy.coordinates import SkyCoord
from regions import CircleSkyRegion, PointSkyRegion

from bayes_onoff.axes import EnergyAxis
from bayes_onoff.dl3 import DataStore
from bayes_onoff.errors import ReductionWarning
from bayes_onoff.inference import BackgroundModel, SamplerSettings, compile_analysis
from bayes_onoff.models import SpectralModel
from bayes_onoff.reduction import ReductionSettings, SafeRange, reduce_observations
from bayes_onoff.spectra import Spectra, read_ogip_files, with_fit_range

SEEDS = (1, 2, 3)
SIX = (20326, 20327, 20349, 20350, 20396, 20397)
OTHERS = (20421, 20422, 20517, 20518, 20519, 20521, 20898, 20899, 20900)

type Load = Callable[[Path], Spectra]


def shell(runs: tuple[int, ...]) -> Load:
    def load(data: Path) -> Spectra:
        return reduce_observations(
            DataStore.from_dir(data / "hess-dl3-dr1").observations(runs),
            CircleSkyRegion(SkyCoord(347.3, -0.5, unit="deg", frame="galactic"), 0.5 * u.deg),
            energy=EnergyAxis.from_bounds(0.3 * u.TeV, 40 * u.TeV, 10),
            energy_true=EnergyAxis.from_bounds(0.05 * u.TeV, 100 * u.TeV, 30, "energy_true"),
            settings=ReductionSettings(
                exposure="region-average", edisp="region-average", safe_range=SafeRange(aeff_default=True)
            ),
        ).spectra

    return load


def directional_cuts(data: Path) -> Spectra:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ReductionWarning)  # no HI_THRES in these files
        return reduce_observations(
            DataStore.from_dir(data / "magic" / "rad_max" / "data").observations([5029747, 5029748]),
            PointSkyRegion(SkyCoord(83.63, 22.01, unit="deg")),
            energy=EnergyAxis.from_bounds(0.05 * u.TeV, 100 * u.TeV, 17),
            energy_true=EnergyAxis.from_bounds(0.01 * u.TeV, 100 * u.TeV, 40, "energy_true"),
            settings=ReductionSettings(off_method="wobble", safe_range=SafeRange(aeff_max=None, aeff_default=True)),
            fit_range=(0.08, 20.0),
        ).spectra


def ogip(instrument: str) -> Load:
    def load(data: Path) -> Spectra:
        files = sorted((data / "joint-crab" / "spectra" / instrument).glob("pha_*.fits"))
        return with_fit_range(read_ogip_files(files), 0.0, 30.0)

    return load


DATA_SETS: dict[str, tuple[Load, str]] = {
    "RX J1713, 6 runs": (shell(SIX), "power-law"),
    "RX J1713, 15 runs": (shell(SIX + OTHERS), "power-law"),
    "MAGIC, directional cuts": (directional_cuts, "log-parabola"),
    "joint-crab H.E.S.S.": (ogip("hess"), "log-parabola"),
    "joint-crab MAGIC": (ogip("magic"), "log-parabola"),
}


def check(name: str, spectra: Spectra, shape: str, prior: str) -> None:
    analysis = compile_analysis(spectra, SpectralModel(shape), BackgroundModel(prior))
    for seed in SEEDS:
        verdict = analysis.fit(spectra, SamplerSettings(seed=seed), progress=False).convergence
        sys.stdout.write(
            f"| {name} | {prior} | {seed} | {verdict.divergences} | {verdict.r_hat_max:.4f} "
            f"| {verdict.ess_bulk_min:.0f} | {verdict.ess_tail_min:.0f} | {verdict.bfmi_min:.2f} |\n"
        )
        assert verdict.divergences == 0
        assert verdict.r_hat_max < 1.01
        assert min(verdict.ess_bulk_min, verdict.ess_tail_min) >= 400


@pytest.mark.slow
@pytest.mark.parametrize("prior", ["pooled", "independent"])
def test_crab(crab, prior):
    check("Crab, 4 runs", crab, "power-law", prior)


@pytest.mark.slow
@pytest.mark.parametrize("name", DATA_SETS)
def test_other_data(gammapy_data, name):
    load, shape = DATA_SETS[name]
    check(name, load(gammapy_data), shape, "pooled")
