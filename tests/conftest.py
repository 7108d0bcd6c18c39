"""Real data are found through ``$GAMMAPY_DATA`` alone; on CI no test that needs them may be skipped."""

import os
from collections.abc import Generator
from pathlib import Path

import pytest

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
