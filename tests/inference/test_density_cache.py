"""Results repeat to the last digit, whether the machine code is new or comes from the cache on disk."""

import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import numpy as np
from tests.proofs.toy_pooled import pooled_posterior
from tests.proofs.toy_rows import ROWS, draw_spectra
row = ROWS["flat-1"]
found = pooled_posterior(row, draw_spectra(row, np.random.default_rng(1)), 2, np.random.default_rng(3))
print(repr(found["mean"]), repr(found["sd"]))
"""


@pytest.mark.slow
def test_cold_and_warm_caches_give_the_same_draws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTENSOR_FLAGS", f"base_compiledir={tmp_path}")
    cold, warm = (
        subprocess.run([sys.executable, "-c", PROGRAM], check=True, capture_output=True, text=True).stdout
        for _ in range(2)
    )
    assert cold == warm
