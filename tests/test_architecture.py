"""The layout that docs/architecture.md promises: who may import whom, and how large a piece may grow."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from importlinter.cli import lint_imports

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "bayes_onoff"
FILES = sorted(PACKAGE.rglob("*.py"))
NAMES = [str(path.relative_to(PACKAGE)) for path in FILES]
MAX_LINES = 500
MAX_FUNCTION_LINES = 60
"""Without the docstring."""
DRAWERS = {"utils", "util", "helpers", "helper", "common", "misc", "tools"}


def functions(path: Path) -> Iterator[ast.FunctionDef]:
    yield from (node for node in ast.walk(parsed(path)) if isinstance(node, ast.FunctionDef))


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imported_libraries(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom):
            names.add(node.module or "")
    return {name.split(".")[0] for name in names}


def test_data_flow_one_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    assert lint_imports(no_cache=True, no_logo=True) == 0


def test_every_room_has_its_layer() -> None:
    rooms = {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").exists()}
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert {room for room in rooms if f"bayes_onoff.{room}" not in text} == set()


def test_the_documentation_lists_every_folder() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    rooms = [path for path in PACKAGE.iterdir() if (path / "__init__.py").exists()]
    assert [room.name for room in rooms if f"`bayes_onoff/{room.name}`" not in text] == []
    leaves = {path.name for path in PACKAGE.glob("*.py")} - {"__init__.py", "__main__.py"}
    assert {leaf for leaf in leaves if leaf not in text} == set()


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_files_and_functions_stay_small(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) < MAX_LINES
    for function in functions(path):
        documented = ast.get_docstring(function) is not None
        first = function.body[1 if documented and len(function.body) > 1 else 0]
        length = (function.end_lineno or 0) - first.lineno + 1
        assert length <= MAX_FUNCTION_LINES, f"{function.name} has {length} lines"


def test_no_drawers() -> None:
    parts = {part for path in FILES for part in (path.stem, *path.relative_to(PACKAGE).parts[:-1])}
    assert parts & DRAWERS == set()


@pytest.mark.parametrize(
    ("library", "rooms"),
    [
        ("pymc", {"inference"}),
        ("pytensor", {"inference"}),
        ("nutpie", {"inference"}),
        ("matplotlib", {"plotting", "report"}),
        ("click", {"app"}),
        ("pydantic", {"app"}),
        ("gammapy", set()),
    ],
)
def test_only_its_own_room_imports_a_library(library: str, rooms: set[str]) -> None:
    found = {path.relative_to(PACKAGE).parts[0] for path in FILES if library in imported_libraries(path)}
    assert found <= rooms


def test_only_units_converts_quantities() -> None:
    """Elsewhere a conversion would be a second place to get a unit wrong."""
    found = {
        f"{path.relative_to(PACKAGE)}:{node.lineno}"
        for path in FILES
        if path.name != "units.py"
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Attribute) and node.attr == "to_value"
    }
    assert found == set()


def test_nothing_prints() -> None:
    found = {
        f"{path.relative_to(PACKAGE)}:{node.lineno}"
        for path in FILES
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    }
    assert found == set()


def test_init_files_only_reexport() -> None:
    for path in FILES:
        if path.name == "__init__.py":
            definitions = [node for node in parsed(path).body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
            # Names of what is slow to import may be looked up when they are asked for (PEP 562).
            assert {definition.name for definition in definitions} <= {"__getattr__"}, path


HEAVY = {"pymc", "pytensor", "nutpie", "arviz", "matplotlib"}


@pytest.mark.parametrize(
    ("module", "unavoidable"),
    [
        ("", set()),
        (".dl3", set()),
        (".spectra", set()),
        (".models", set()),
        (".inference", set()),
        (".products", set()),
        (".app.cli", set()),
        (".reduction", {"matplotlib"}),  # `regions` imports it
        (".simulation", {"matplotlib"}),
        (".app.run", {"matplotlib"}),
    ],
)
def test_importing_stays_light(module: str, unavoidable: set[str]) -> None:
    code = f"import sys, bayes_onoff{module}\nprint(*sorted({HEAVY} & set(sys.modules)))"
    command = [sys.executable, "-W", "error", "-c", code]
    output = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    assert set(output.stdout.split()) <= unavoidable
