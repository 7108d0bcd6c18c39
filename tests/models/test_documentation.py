"""The tables of docs/models.md are those of the code."""

from pathlib import Path

import pytest

from bayes_onoff.models import EBL_MODELS, SHAPES, Parameter, Shape
from tests.models.spectra_to_try import TABLES
from tests.models.test_tables import DEPTH

TEXT = (Path(__file__).parents[2] / "docs" / "models.md").read_text(encoding="utf-8")
ALL_SHAPES = [*SHAPES.values(), *(table.shape() for table in (*TABLES.values(), DEPTH))]


def prior_text(parameter: Parameter) -> str:
    ((name, arguments),) = parameter.prior.to_dict().items()
    return f"{name}({', '.join(f'{value:.3g}' for value in arguments.values())})"


def parameter_text(parameter: Parameter) -> str:
    unit = f" {parameter.unit}" if parameter.unit else ""
    if parameter.stated:
        return f"`{parameter.name}` to be stated"
    if not parameter.free:
        return f"`{parameter.name}` fixed {parameter.start:.3g}{unit}"
    return f"`{parameter.name}` {prior_text(parameter)}{unit}"


def row(shape: Shape) -> str:
    """A row of the table of shapes: of several alike one is shown."""
    shown = {"piecewise-norm": 1, "unfolded": 4}.get(shape.name)
    told = ", ".join(parameter_text(parameter) for parameter in shape.parameters[:shown])
    told = told.replace("norm_0", "norm_k").replace("bend_1", "bend_j")
    source = shape.source if shape.name not in ("template", "ebl-absorption") else "-"
    return f"| `{shape.name}` | $`{shape.formula}`$ | {told} | {source} |"


@pytest.mark.parametrize("shape", ALL_SHAPES, ids=lambda shape: shape.name)
def test_every_shape_is_documented(shape):
    assert row(shape) in TEXT


@pytest.mark.parametrize("name", EBL_MODELS)
def test_every_model_of_the_background_light_is_documented(name):
    assert f"| `{name}` | {EBL_MODELS[name]} |" in TEXT
