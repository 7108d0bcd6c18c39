"""`bayes-onoff schema`: what the schema accepts is what the configuration accepts."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

import bayes_onoff
from bayes_onoff.app.config import Configuration

Command = Callable[..., tuple[int, str, str]]
ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="module")
def validator(command: Command) -> jsonschema.Draft202012Validator:
    status, output, errors = command("schema")
    assert (status, errors) == (0, "")
    schema = json.loads(output)
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def test_every_key_is_in_it(validator: jsonschema.Draft202012Validator) -> None:
    assert set(validator.schema["properties"]) == set(Configuration.model_fields)


def test_configurations_that_load_are_valid(
    validator: jsonschema.Draft202012Validator, small_config: dict[str, Any]
) -> None:
    quickstart = Path(bayes_onoff.__file__).parent / "app" / "quickstart.yaml"
    blocks = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs" / "configuration.md").read_text(), re.DOTALL)
    shortened = {
        **small_config,
        "compare": ["log-parabola", {"shape": "exp-cutoff-power-law", "fixed": {"lambda_": "0.1 TeV-1"}}],
        "light_curve": "night",
        "background": {"prior": "pooled", "alpha_uncertainty": "2 %"},
        "systematics": {"energy_scale": 0.1},
        "model": {"shape": "sum", "components": ["power-law", {"shape": "gaussian", "name": "line"}]},
    }
    for content in (yaml.safe_load(quickstart.read_text().replace("$seed", "1")), yaml.safe_load(blocks[0]), shortened):
        assert [error.message for error in validator.iter_errors(content)] == []
    Configuration.model_validate(small_config)


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"energie": 1}, "energie"),
        ({"energy": {"min": 0.5, "max": "20 TeV", "bins": 8}}, "energy"),
        ({"model": {"shape": "powerlaw"}}, "powerlaw"),
        ({"background": {"prior": "flat"}}, "flat"),
        ({"sampling": {"draws": "many"}}, "many"),
        ({"stacked": "yes"}, "yes"),
    ],
)
def test_what_is_refused_is_not_valid(
    validator: jsonschema.Draft202012Validator, small_config: dict[str, Any], changes: dict[str, Any], key: str
) -> None:
    errors = list(validator.iter_errors({**small_config, **changes}))
    assert any(key in f"{error.json_path} {error.message}" for error in errors)


def test_to_a_file(command: Command, tmp_path: Path, validator: jsonschema.Draft202012Validator) -> None:
    status, output, _ = command("schema", "--out", tmp_path / "schema.json")
    assert (status, output) == (0, f"wrote {tmp_path / 'schema.json'}\n")
    assert json.loads((tmp_path / "schema.json").read_text()) == validator.schema
