"""The small version of the proof of upper limits: some sets of each kind, and the bookkeeping."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.proofs import limits
from tests.proofs.records import read_records

SEED = 2026


@pytest.fixture(scope="module")
def plain(gammapy_data: Path) -> dict[str, Any]:
    return limits.analyse_set((SEED, "off-source", "23523-90", 0.0, 0, 0.0, ()))


def test_positions_are_away_from_the_sources(gammapy_data: Path) -> None:
    """No excess in all of them together: no source was forgotten."""
    positions = limits.off_source_positions()
    assert len(positions) == 93
    assert len({name.split("-")[0] for name in positions}) == 19
    spectra = list(positions.values())
    n_on = sum(spectrum.n_on[spectrum.mask].sum() for spectrum in spectra)
    expected = sum((spectrum.alpha * spectrum.n_off)[spectrum.mask].sum() for spectrum in spectra)
    assert abs(n_on - expected) < 3 * np.sqrt(expected)


def test_limit_without_a_source(plain: dict[str, Any]) -> None:
    assert plain["n_on"] == 12
    assert plain["n_off"] == 121
    assert plain["limit"] == pytest.approx(plain["limit_of_draws"], rel=0.1)
    assert len(plain["rates"]) == 21


def test_sources_are_injected_and_found(plain: dict[str, Any]) -> None:
    """A source of ten limits is far above zero: its own limit lies above it or not far below."""
    records = [plain]
    for kind, rates in (("simulated", tuple(plain["rates"])), ("off-source", ())):
        record = limits.analyse_set((SEED, kind, "23523-90", 2.0, 1, 10 * plain["limit"], rates))
        assert record["n_on"] > plain["n_on"] + 40
        assert 0.8 * record["norm"] < record["limit"] < 2 * record["norm"]
        records.append(record)
    table = limits.coverage_table(records)
    assert table.count("\n") == 4
    assert "| simulated | 2 | 1 | 1 |" in table
    assert limits.median_limits(records) == {"23523": plain["limit"]}


def test_the_table_of_a_file_is_printed(plain: dict[str, Any], tmp_path: Path, capsys: Any) -> None:
    path = tmp_path / "limits.jsonl"
    path.write_text(json.dumps({**plain, "factor": 0.5, "kind": "simulated", "norm": 0.1}) + '\n{"cut off')
    assert len(read_records(path)) == 1
    limits.main(["--out", str(path), "--table"])
    assert "| simulated | 0.5 | 1 | 1 | 1.000 ± 0.000 |" in capsys.readouterr().out


def test_another_seed_is_refused(plain: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "limits.jsonl"
    path.write_text(json.dumps(plain) + "\n")
    with pytest.raises(SystemExit, match="another seed"):
        limits.main(["--out", str(path), "--seed", "1"])
