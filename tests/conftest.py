"""Real data are found through ``$GAMMAPY_DATA`` alone; on CI no test that needs them may be skipped."""

import os
from collections.abc import Callable, Generator
from functools import cache
from pathlib import Path

import astropy.units as u
import pytest
from astropy.coordinates import SkyCoord
from regions import CircleSkyRegion

from bayes_onoff.axes import EnergyAxis
from bayes_onoff.dl3 import DataStore
from bayes_onoff.reduction import Reduction, ReductionSettings, reduce_observations

AS_THE_TUTORIAL = ReductionSettings(placement="gammapy")
REAL_DATA = "real data: set GAMMAPY_DATA to the folder that holds hess-dl3-dr1"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn a test that was skipped for want of real data into a failed one where real data are required."""
    report = yield
    if report.skipped and os.environ.get("REQUIRE_REAL_DATA") and REAL_DATA in str(report.longrepr):
        report.outcome = "failed"
        report.longrepr = "REQUIRE_REAL_DATA is set, but GAMMAPY_DATA is not"
    return report


@pytest.fixture(scope="session")
def gammapy_data() -> Path:
    """The folder with ``hess-dl3-dr1``, ``joint-crab`` and ``magic``."""
    folder = os.environ.get("GAMMAPY_DATA")
    if not folder:
        pytest.skip(REAL_DATA)
    return Path(folder)


@pytest.fixture(scope="session")
def reduce_crab(gammapy_data: Path) -> Callable[..., Reduction]:
    """Reduce the four H.E.S.S. Crab runs in the set-up of the point-source tutorial, other settings by name."""

    @cache
    def reduce(settings: ReductionSettings = AS_THE_TUTORIAL, n_bins: int = 40, n_true: int = 200) -> Reduction:
        return reduce_observations(
            DataStore.from_dir(gammapy_data / "hess-dl3-dr1").observations([23523, 23526, 23559, 23592]),
            CircleSkyRegion(SkyCoord(83.63, 22.01, unit="deg"), 0.11 * u.deg),
            energy=EnergyAxis.from_bounds(0.1 * u.TeV, 40 * u.TeV, n_bins),
            energy_true=EnergyAxis.from_bounds(0.05 * u.TeV, 100 * u.TeV, n_true, "energy_true"),
            exclusion=[CircleSkyRegion(SkyCoord(183.604, -8.708, unit="deg", frame="galactic"), 0.5 * u.deg)],
            settings=settings,
        )

    return reduce
