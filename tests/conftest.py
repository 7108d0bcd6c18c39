"""Real data are found through ``$GAMMAPY_DATA`` alone; on CI no test that needs them may be skipped."""

import os
from collections.abc import Generator
from pathlib import Path

import pytest


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn a skipped test of real data into a failed one where real data are required."""
    report = yield
    if report.skipped and os.environ.get("REQUIRE_REAL_DATA") and "gammapy_data" in getattr(item, "fixturenames", ()):
        report.outcome = "failed"
        report.longrepr = f"skipped, but REQUIRE_REAL_DATA is set: {report.longrepr}"
    return report


@pytest.fixture(scope="session")
def gammapy_data() -> Path:
    """The folder with ``hess-dl3-dr1``, ``joint-crab`` and ``magic``."""
    folder = os.environ.get("GAMMAPY_DATA")
    if not folder:
        pytest.skip("real data: set GAMMAPY_DATA to the folder that holds hess-dl3-dr1")
    return Path(folder)
