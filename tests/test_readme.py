"""What the README shows works, and the README stays short."""

import re
from pathlib import Path

import numpy as np
import pytest

from bayes_onoff.simulation import simulate_store

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_it_stays_short() -> None:
    assert len(README.splitlines()) <= 80


def test_its_links_lead_somewhere() -> None:
    targets = re.findall(r"\]\((?!http)([^)#]+)\)", README)
    assert len(targets) >= 5
    assert [target for target in targets if not (ROOT / target).exists()] == []


def test_its_example_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    assert "quickstart-results/data" in example
    simulate_store(tmp_path / "quickstart-results" / "data", rng=np.random.default_rng(1))
    monkeypatch.chdir(tmp_path)
    exec(compile(example, "README.md", "exec"), {})
    output = capsys.readouterr().out
    assert "The sampling converged" in output
    assert re.search(r"amplitude\s+TeV-1 cm-2 s-1", output)
