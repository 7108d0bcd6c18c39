"""The command line: what it answers, how fast, and how it refuses."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from bayes_onoff import __version__
from bayes_onoff.app.cli import main


def invoke(*arguments: str | Path) -> tuple[int, str, str]:
    result = CliRunner().invoke(main, [str(argument) for argument in arguments], prog_name="bayes-onoff")
    return result.exit_code, result.stdout, result.stderr


@pytest.mark.parametrize("command", [(), *((name,) for name in main.commands)])
def test_every_command_has_help_with_an_example(command: tuple[str, ...]) -> None:
    status, output, _ = invoke(*command, "--help")
    assert status == 0
    assert "Example" in output
    assert "bayes-onoff " + (command[0] if command else "run") in output.split("Example")[1]


def test_all_commands_are_listed_in_the_order_of_their_use() -> None:
    names = ["quickstart", "inspect", "init", "run", "reduce", "fit", "products", "compare", "calibrate"]
    assert list(main.commands) == [*names, "simulate", "download", "schema"]
    listing = invoke("--help")[1]
    assert "..." not in listing.split("Commands:")[1]


def test_version() -> None:
    assert invoke("--version") == (0, f"bayes-onoff {__version__}\n", "")


def test_help_imports_nothing_that_takes_time() -> None:
    slow = ("numpy", "scipy", "astropy", "pymc", "pytensor", "arviz", "matplotlib", "pydantic", "xarray")
    script = f"""import sys
from click.testing import CliRunner
from bayes_onoff.app.cli import main
assert CliRunner().invoke(main, ["--help"]).exit_code == 0
print(*[name for name in {slow} if name in sys.modules])"""
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert done.stdout.split() == []


@pytest.mark.parametrize("command", ["run", "reduce"])
def test_a_missing_configuration_is_refused_with_one_message(tmp_path: Path, command: str) -> None:
    status, _, errors = invoke(command, tmp_path / "crab.yaml")
    assert status == 2
    path = tmp_path / "crab.yaml"
    assert errors == (
        f"bayes-onoff: refused: {path}: cannot be read as a text file; found 'No such file or directory'\n"
    )


def test_usage_errors_have_the_same_status() -> None:
    status, _, errors = invoke("run")
    assert status == 2
    assert "Missing argument 'CONFIG'" in errors


def test_as_a_process_the_first_line_comes_before_the_refusal(tmp_path: Path) -> None:
    (tmp_path / "crab.yaml").write_text("energie: 3\n")
    command = [sys.executable, "-m", "bayes_onoff", "run", str(tmp_path / "crab.yaml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "COLUMNS": "80"})
    assert done.returncode == 2
    assert done.stdout.startswith("[   0.")
    assert f"bayes-onoff {__version__}" in done.stdout
    assert done.stderr == (
        "bayes-onoff: refused: energie: unknown key; found 'energie'; allowed: energy (did you mean that?), or one of "
        "name, observations, on_region, exclusion, energy, energy_true, reduction, fit_range, model, background, "
        "systematics, sampling, stacked, flux_points, detection, unfolding, light_curve, compare\n"
    )


def test_the_page_of_the_command_line_tells_of_every_command() -> None:
    page = (Path(__file__).parent.parent.parent / "docs" / "command-line.md").read_text(encoding="utf-8")
    for name in main.commands:
        assert re.search(rf"^\| `{name}\b", page, re.MULTILINE), name
    assert len(re.findall(r"^\$ bayes-onoff ", page, re.MULTILINE)) >= 8
    assert not re.search(r"/(?:home|tmp|root|work)/", page)
