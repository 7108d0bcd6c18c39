"""Real data are found through ``$GAMMAPY_DATA`` alone; on CI no test that needs them may be skipped."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def gammapy_data() -> Path:
    """The folder with ``hess-dl3-dr1``, ``joint-crab`` and ``magic``."""
    folder = os.environ.get("GAMMAPY_DATA")
    if not folder:
        if os.environ.get("REQUIRE_REAL_DATA"):
            pytest.fail("REQUIRE_REAL_DATA is set but GAMMAPY_DATA is not")
        pytest.skip("real data: set GAMMAPY_DATA to the folder that holds hess-dl3-dr1")
    return Path(folder)
