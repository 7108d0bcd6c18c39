"""Simulated runs, and configurations for them."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from click.testing import CliRunner

from bayes_onoff.app.cli import main
from bayes_onoff.simulation import simulate_store

Command = Callable[..., tuple[int, str, str]]

CONFIG: dict[str, Any] = {
    "name": "small",
    "on_region": {
        "shape": "circle",
        "center": {"frame": "icrs", "lon": "83.633333 deg", "lat": "22.014444 deg"},
        "radius": "0.11 deg",
    },
    "energy": {"min": "0.5 TeV", "max": "20 TeV", "bins": 8},
    "energy_true": {"min": "0.3 TeV", "max": "40 TeV", "bins": 24},
    "sampling": {"draws": 500, "tune": 500, "chains": 4, "seed": 1},
    "flux_points": {"min": "0.7 TeV", "max": "20 TeV", "bins": 3},
}


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data store with the quickstart's four runs; not to be changed."""
    return simulate_store(tmp_path_factory.mktemp("simulated") / "data", rng=np.random.default_rng(1))


@pytest.fixture(scope="session")
def small_config(store: Path) -> dict[str, Any]:
    """A small analysis of two of the runs; not to be changed."""
    return {**CONFIG, "observations": {"store": str(store), "ids": [1, 3]}}


@pytest.fixture
def write_config(tmp_path: Path, small_config: dict[str, Any]) -> Callable[..., Path]:
    """Write a small configuration with some dotted keys changed; None removes a key."""

    def write(changes: dict[str, Any] | None = None) -> Path:
        content = copy.deepcopy(small_config)
        for dotted, value in (changes or {}).items():
            block = content
            *parents, last = dotted.split(".")
            for parent in parents:
                block = block.setdefault(parent, {})
            block[last] = value
            if value is None:
                del block[last]
        path = tmp_path / "small.yaml"
        path.write_text(yaml.safe_dump(content, sort_keys=False))
        return path

    return write


@pytest.fixture(scope="session")
def command() -> Callable[..., tuple[int, str, str]]:
    """Run ``bayes-onoff`` in this process: exit status, standard output, standard error."""

    def invoke(*arguments: str | Path, answers: str | None = None) -> tuple[int, str, str]:
        texts = [str(argument) for argument in arguments]
        result = CliRunner().invoke(main, texts, prog_name="bayes-onoff", input=answers)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result.exit_code, result.stdout, result.stderr

    return invoke


@pytest.fixture(scope="session")
def reduced(command: Command, small_config: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `reduce` leaves of the small analysis; not to be changed."""
    folder = tmp_path_factory.mktemp("reduced")
    (folder / "small.yaml").write_text(yaml.safe_dump(small_config))
    status, output, errors = command("reduce", folder / "small.yaml", "--out", folder / "spectra-of-two")
    assert (status, errors) == (0, ""), output
    return folder / "spectra-of-two"
