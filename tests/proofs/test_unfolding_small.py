"""The small version of the proof of the unfolding: one set, and the bookkeeping."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.proofs import unfolding

SEED = 2026


@pytest.fixture(scope="module")
def record(gammapy_data: Path) -> dict[str, Any]:
    return unfolding.analyse_set((SEED, "broken", 0))


def test_the_true_background_is_close_to_the_counts(gammapy_data: Path) -> None:
    spectra = unfolding.crab_spectra()
    expected, counted = unfolding.expected_off()[spectra.mask].sum(), spectra.n_off[spectra.mask].sum()
    assert expected == pytest.approx(counted, rel=0.02)


def test_what_is_detected_depends_on_the_truth_alone(gammapy_data: Path) -> None:
    energies = {truth: unfolding.detected_energies(truth) for truth in unfolding.TRUTHS}
    assert all(found[0] == pytest.approx(0.56, abs=0.01) for found in energies.values())
    assert energies["power law"][-1] == pytest.approx(9.64, abs=0.01)
    assert energies["broken"][-1] < energies["power law"][-1]


def test_a_set_is_unfolded(record: dict[str, Any]) -> None:
    assert record["divergences"] == 0
    assert record["effective"] > 150
    assert len(record["rank"]) == len(unfolding.detected_energies("broken"))
    assert np.all(np.abs(record["shift"]) < 4 * np.array(record["sd"]))
    assert 0.03 < min(record["sd"]) < max(record["sd"]) < 0.6


def test_the_tables_of_a_file_are_printed(record: dict[str, Any], tmp_path: Path, capsys: Any) -> None:
    path = tmp_path / "unfolding.jsonl"
    covered = {**record, "rank": [0.5] * len(record["rank"])}
    missed = {**record, "set": 1, "rank": [0.9] * len(record["rank"])}
    path.write_text("".join(json.dumps(each) + "\n" for each in (covered, missed)))
    unfolding.main(["--out", str(path), "--table"])
    output = capsys.readouterr().out
    assert "| broken: index 2.0 to 3.0 within half a unit of ln E around 1.5 TeV | 2 | 0.56 to 7.14 | 0.500 |" in output
    assert "| broken | 0.56 | 0.500 |" in output
    with pytest.raises(SystemExit, match="another seed"):
        unfolding.main(["--out", str(path), "--seed", "1"])
