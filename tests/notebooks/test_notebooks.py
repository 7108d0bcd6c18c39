"""The notebooks run from top to bottom, with fewer draws, and show what is stored in them."""

import copy
import os
import re
from pathlib import Path

import nbformat
import pytest

from tests.conftest import REAL_DATA
from tests.notebooks.store_outputs import NOTEBOOKS, execute

FEW_DRAWS = {"draws": "50", "tune": "50", "chains": "2"}
MAX_BYTES = 700_000

each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=[path.stem for path in NOTEBOOKS])


def kinds_of_output(notebook: nbformat.NotebookNode) -> list[set[str]]:
    """What every code cell shows: text that was printed, or the richest form of its value."""
    return [
        {
            "image/png" if "image/png" in data else "text/html" if "text/html" in data else output.get("name", "text")
            for output in cell.outputs
            for data in [output.get("data", {})]
        }
        for cell in notebook.cells
        if cell.cell_type == "code"
    ]


@each_notebook
def test_notebook_runs_and_shows_what_is_stored(path: Path, tmp_path: Path) -> None:
    stored = nbformat.read(path, as_version=4)
    if "GAMMAPY_DATA" in str(stored) and not os.environ.get("GAMMAPY_DATA"):
        pytest.skip(REAL_DATA)
    notebook = copy.deepcopy(stored)
    (parameters,) = [cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", [])]
    for name, value in FEW_DRAWS.items():
        parameters.source, found = re.subn(rf"\b{name}=\d+", f"{name}={value}", parameters.source)
        assert found == 1, f"the cell of parameters sets {name} {found} times"
    execute(notebook, tmp_path)
    assert kinds_of_output(notebook) == kinds_of_output(stored)


@each_notebook
def test_stored_outputs_are_light_and_clean(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1)), "run store_outputs"
    kinds = kinds_of_output(notebook)
    assert any("image/png" in kind for kind in kinds)
    assert not any("stderr" in kind for kind in kinds)
    assert path.stat().st_size < MAX_BYTES
    outputs = str([cell.outputs for cell in cells])
    assert not re.search(r"/(home|tmp|root|usr|work|Users)/", outputs), "a path of the machine that ran it"
