"""The small version of the proof of model comparison: one set of each kind, and the bookkeeping."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.proofs import model_comparison as proof
from tests.proofs.records import read_records

SEED = 2026


@pytest.fixture(scope="module")
def cutoff() -> dict[str, Any]:
    return proof.analyse_set((SEED, "fixed", "exp-cutoff-power-law", 0))


def test_a_set_is_compared(cutoff: dict[str, Any]) -> None:
    assert cutoff["lambda_"] == 0.1
    assert 100 < cutoff["excess"] < 3000
    assert cutoff["evidence_error"] < 0.2
    assert cutoff["k_hat"] < 1
    # Neither can be far ahead of the other with so few counts.
    assert abs(cutoff["log_bayes_factor"]) < 20
    assert (
        np.sign(cutoff["elpd_difference"]) == np.sign(cutoff["log_bayes_factor"]) or abs(cutoff["log_bayes_factor"]) < 3
    )


def test_truths_of_the_prior_differ_from_set_to_set(cutoff: dict[str, Any]) -> None:
    found = proof.analyse_set((SEED, "prior", "power-law", 0))
    assert found["amplitude"] != cutoff["amplitude"]
    assert np.isfinite(found["log_bayes_factor"])


def made_up(kind: str, truth: str, number: int, factor: float) -> dict[str, Any]:
    columns = {"evidence_error": 0.05, "elpd_difference": factor, "elpd_se": 1.0, "k_hat": 0.3, "seconds": 2.0}
    return {"seed": SEED, "kind": kind, "truth": truth, "set": number, "log_bayes_factor": factor, **columns}


def test_tables_count_what_is_wrong() -> None:
    records = [made_up("fixed", "power-law", number, factor) for number, factor in enumerate((-2, 0.5, 2, 5))]
    records += [made_up("fixed", "exp-cutoff-power-law", number, factor) for number, factor in enumerate((-2, 3))]
    records += [made_up("prior", "exp-cutoff-power-law", number, np.log(3)) for number in range(3)]
    records += [made_up("prior", "power-law", 0, np.log(3))]
    table = proof.comparison_table(records)
    assert "| 0.75 to 0.9 | 4 | 0.750 | 0.750 ± 0.217 |" in table
    assert "| power-law | 4 | 0.750 ± 0.217 | 0.500 ± 0.250 | 0.250 ± 0.217 | 0.750 ± 0.217 | 0.250" in table
    assert "| exp-cutoff-power-law | 2 | 0.500 ± 0.354 | 0.500 ± 0.354 | 0.000" in table


def test_sets_that_are_there_are_not_done_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[proof.Task] = []

    def pretend(analyse: Any, tasks: list[proof.Task], *_: Any, **__: Any) -> list[dict[str, Any]]:
        asked.extend(tasks)
        return [made_up(kind, truth, number, 0.0) for _, kind, truth, number in tasks]

    monkeypatch.setattr(proof, "in_processes", pretend)
    path = tmp_path / "sets.jsonl"
    path.write_text(json.dumps(made_up("fixed", "power-law", 0, 1.0)) + "\n")
    proof.main(["--out", str(path), "--sets", "1"])
    assert [task[1:] for task in asked] == [
        ("prior", "power-law", 0),
        ("prior", "exp-cutoff-power-law", 0),
        ("fixed", "exp-cutoff-power-law", 0),
    ]
    assert len(read_records(path)) == 4
    with pytest.raises(SystemExit, match="holds sets of seed 2026, not 1"):
        proof.main(["--out", str(path), "--seed", "1"])
