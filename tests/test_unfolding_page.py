"""The example of docs/unfolding.md runs, and says what the page says."""

import re
from pathlib import Path

import pytest

PAGE = (Path(__file__).parent.parent / "docs" / "unfolding.md").read_text(encoding="utf-8")


def test_its_example_runs(capsys: pytest.CaptureFixture[str]) -> None:
    """Its truth lies in the posterior: chi2 of 8 points is below 20 in 99 of 100 cases."""
    (example,) = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
    exec(compile(example, "unfolding.md", "exec"), {})
    output = capsys.readouterr().out
    assert "The sampling converged" in output
    found = re.search(r"chi2 ([\d.]+) for 8 points", output)
    assert found is not None
    assert float(found[1]) < 20
    assert re.search(r"roughness 0\.[2-9]\d", output)
