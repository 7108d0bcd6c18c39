"""Six runs on RX J1713.7-3946, an extended source, against gammapy 2.1."""

from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from regions import CircleSkyRegion

from bayes_onoff.axes import EnergyAxis
from bayes_onoff.dl3 import DataStore
from bayes_onoff.reduction import Reduction, ReductionSettings, SafeRange, reduce_observations
from bayes_onoff.reduction.counting import OnOffCounts

RUNS = (20326, 20327, 20349, 20350, 20396, 20397)
SAFE = SafeRange(aeff_max=0.1, aeff_default=True)
WIDE = EnergyAxis.from_bounds(0.3 * u.TeV, 40 * u.TeV, 10)


def reduce_shell(folder: Path, energy: EnergyAxis = WIDE, safe_range: SafeRange = SAFE, **settings: Any) -> Reduction:
    return reduce_observations(
        DataStore.from_dir(folder / "hess-dl3-dr1").observations(RUNS),
        CircleSkyRegion(SkyCoord(347.3, -0.5, unit="deg", frame="galactic"), 0.5 * u.deg),
        energy=energy,
        energy_true=EnergyAxis.from_bounds(0.05 * u.TeV, 100 * u.TeV, 30, "energy_true"),
        settings=ReductionSettings(**settings, safe_range=safe_range),
    )


@pytest.fixture(scope="module")
def averaged(gammapy_data: Path) -> Reduction:
    return reduce_shell(gammapy_data, placement="gammapy", exposure="region-average")


def test_counts(averaged: Reduction) -> None:
    spectra = averaged.spectra
    assert np.where(spectra.mask, spectra.n_on, 0).sum(axis=1).tolist() == [457, 401, 450, 443, 484, 431]
    assert np.where(spectra.mask, spectra.n_off, 0).sum(axis=1).tolist() == [687, 654, 625, 716, 936, 697]
    assert spectra.alpha[:, 0] == pytest.approx([1 / 2, 1 / 2, 1 / 2, 1 / 2, 1 / 3, 1 / 2])


def test_averaged_exposure_and_central_dispersion(gammapy_data: Path, averaged: Reduction) -> None:
    """gammapy weighs 0.1 deg pixels cut into hundredths, good to 5e-4."""
    run = averaged.spectra["20396"]
    assert run.exposure[[10, 15, 25]] == pytest.approx(
        np.array([263961405.1, 386136790.5, 358809600.3]) * 1e4, rel=5e-4
    )
    center = reduce_shell(gammapy_data, placement="gammapy").spectra["20396"]
    assert center.exposure[[10, 15, 25]] == pytest.approx(
        np.array([270276624.131, 393217848.057, 359120550.075]) * 1e4, rel=1e-9
    )
    assert np.array_equal(center.edisp, run.edisp)
    assert center.edisp[[10, 15, 20], [1, 4, 7]] == pytest.approx(
        [0.690974760953, 0.761704510007, 0.44466697318], abs=1e-9
    )


def test_averaged_dispersion_is_another(gammapy_data: Path, averaged: Reduction) -> None:
    both = reduce_shell(gammapy_data, placement="gammapy", exposure="region-average", edisp="region-average").spectra
    difference = np.abs(both["20396"].edisp - averaged.spectra["20396"].edisp).max()
    assert 1e-3 < difference < 1e-2
    assert both["20396"].edisp.sum(axis=1).max() <= 1 + 1e-12


def test_background_peak(gammapy_data: Path) -> None:
    """Bins from 0.1 TeV, frozen from gammapy 2.1; ON and OFF are so large that the background peaks clearly."""
    peak = SafeRange(aeff_max=None, bkg_peak=True)
    spectra = reduce_shell(
        gammapy_data,
        placement="gammapy",
        safe_range=peak,
        exposure="center",
        energy=EnergyAxis.from_bounds(0.1 * u.TeV, 40 * u.TeV, 15),
    ).spectra
    assert spectra.mask.sum(axis=1).tolist() == [13, 14, 14, 13, 14, 13]
    run = spectra["20396"]
    background = OnOffCounts(run.n_on, run.n_off, 1.0, run.acceptance_off).background
    assert background[:6] == pytest.approx([0, 394.75, 393, 132.75, 70.25, 36.5])
