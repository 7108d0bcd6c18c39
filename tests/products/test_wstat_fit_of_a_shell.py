"""RX J1713.7-3946, six runs on an extended source, in the set-up of gammapy's tutorial."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from regions import CircleSkyRegion

from bayes_onoff.axes import EnergyAxis
from bayes_onoff.dl3 import DataStore
from bayes_onoff.models import SpectralModel
from bayes_onoff.products.wstat_fit import WstatFit, fit_wstat
from bayes_onoff.reduction import ReductionSettings, SafeRange, reduce_observations
from bayes_onoff.spectra import Spectra

RUNS = (20326, 20327, 20349, 20350, 20396, 20397)
AMPLITUDE_ERROR, INDEX_ERROR = 1.03e-12, 0.0649


@pytest.fixture(scope="module")
def reduce_shell(gammapy_data: Path) -> Callable[..., Spectra]:
    @cache
    def reduce(**settings: Any) -> Spectra:
        return reduce_observations(
            DataStore.from_dir(gammapy_data / "hess-dl3-dr1").observations(RUNS),
            CircleSkyRegion(SkyCoord(347.3, -0.5, unit="deg", frame="galactic"), 0.5 * u.deg),
            energy=EnergyAxis.from_bounds(0.3 * u.TeV, 40 * u.TeV, 10),
            energy_true=EnergyAxis.from_bounds(0.05 * u.TeV, 100 * u.TeV, 30, "energy_true"),
            settings=ReductionSettings(
                **{"placement": "gammapy", "exposure": "region-average", **settings},
                safe_range=SafeRange(aeff_max=0.1, aeff_default=True),
            ),
        ).spectra

    return reduce


@pytest.fixture(scope="module")
def fit_shell(reduce_shell: Callable[..., Spectra]) -> Callable[..., WstatFit]:
    @cache
    def fit(**settings: Any) -> WstatFit:
        return fit_wstat(reduce_shell(**settings), SpectralModel("power-law"))

    return fit


def assert_fitted(fit: WstatFit, stat: float, amplitude: float, index: float) -> None:
    """Total W within 0.05, values and errors within 0.05 of the errors."""
    assert fit.success, fit.message
    assert fit.stat == pytest.approx(stat, abs=0.05)
    assert fit.values["amplitude"] == pytest.approx(amplitude, abs=0.05 * AMPLITUDE_ERROR)
    assert fit.values["index"] == pytest.approx(index, abs=0.05 * INDEX_ERROR)
    assert fit.errors["amplitude"] == pytest.approx(AMPLITUDE_ERROR, rel=0.05)
    assert fit.errors["index"] == pytest.approx(INDEX_ERROR, rel=0.05)


def test_counts(reduce_shell: Callable[..., Spectra]) -> None:
    spectra = reduce_shell(edisp="center")
    assert np.where(spectra.mask, spectra.n_on, 0).sum(axis=1).tolist() == [457, 401, 450, 443, 484, 431]
    assert np.where(spectra.mask, spectra.n_off, 0).sum(axis=1).tolist() == [687, 654, 625, 716, 936, 697]


def test_averaged_area_and_central_dispersion_give_gammapys_fit(fit_shell: Callable[..., WstatFit]) -> None:
    assert_fitted(fit_shell(edisp="center"), 70.31, 1.354e-11, 2.1072)


def test_averaging_the_dispersion_too_moves_the_fit_little(fit_shell: Callable[..., WstatFit]) -> None:
    """These numbers, and the next ones, are in docs/measurements.md."""
    averaged, center = fit_shell(edisp="region-average"), fit_shell(edisp="center")
    assert_fitted(averaged, 70.343, 1.3551e-11, 2.1072)
    assert averaged.stat == pytest.approx(70.343, abs=2e-3)
    shift = (averaged.values["amplitude"] - center.values["amplitude"]) / AMPLITUDE_ERROR
    assert shift == pytest.approx(0.004, abs=0.002)


def test_disjoint_off_regions_move_the_fit_little(fit_shell: Callable[..., WstatFit]) -> None:
    exact = fit_shell(placement="exact", edisp="region-average")
    assert exact.stat == pytest.approx(69.879, abs=2e-3)
    assert exact.values["amplitude"] == pytest.approx(1.3474e-11, rel=1e-4)
    assert exact.values["index"] == pytest.approx(2.1077, abs=1e-4)
