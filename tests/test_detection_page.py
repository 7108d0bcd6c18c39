"""The examples of docs/detection.md run, and say what the page says."""

import re
from pathlib import Path

import pytest

PAGE = (Path(__file__).parent.parent / "docs" / "detection.md").read_text(encoding="utf-8")


def test_its_examples_run(capsys: pytest.CaptureFixture[str]) -> None:
    first, second = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
    names: dict[str, object] = {}
    exec(compile(first + second, "detection.md", "exec"), names)
    output = capsys.readouterr().out
    assert "The probability that there is a source is 0." in output
    assert re.search(r"signal [67]\.\d \+- [34]\.\d, below 1\d\.\d counts at 95 %", output)
    assert "flux_5sigma" in output
