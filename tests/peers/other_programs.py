"""Other programs, each in an environment of its own, named by a variable such as ``BAYES_ONOFF_GAMMAPY_PYTHON``."""

import os
import subprocess
from pathlib import Path

import pytest

__all__ = ["interpreter_of", "run_script"]

SCRIPTS = Path(__file__).parent


def interpreter_of(program: str) -> str:
    """Give the interpreter of a program, or skip the test."""
    interpreter = os.environ.get(f"BAYES_ONOFF_{program}_PYTHON")
    if not interpreter:
        pytest.skip(f"another program: set BAYES_ONOFF_{program}_PYTHON to an interpreter that has it")
    return interpreter


def run_script(interpreter: str, name: str, *arguments: object) -> str:
    """Run a script of this folder; what it printed."""
    command = [interpreter, str(SCRIPTS / name), *map(str, arguments)]
    path = {"PYTHONPATH": str(SCRIPTS.parents[1])}
    result = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, env=os.environ | path)
    assert result.returncode == 0, result.stderr
    return result.stdout
