"""Which runs the images show."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from bayes_onoff.app.config import load_config
from bayes_onoff.app.inputs import read_inputs
from bayes_onoff.app.progress import Progress
from bayes_onoff.app.sky import _runs
from bayes_onoff.reduction import Reduction


def test_runs_that_were_reduced_whole_or_in_pieces(write_config: Callable[..., Path], store: Path) -> None:
    observations = {"store": str(store), "ids": [1, 2, 3, 4], "grouping": {"width": "10 min"}}
    settings = {"safe_range": {"offset_max": "1 deg"}}  # the runs are at 0.5, 0.5, 1.5 and 1.5 deg
    inputs = read_inputs(load_config(write_config({"observations": observations, "reduction": settings})), Progress())
    assert [run.name for run in _runs(inputs)] == ["1", "2"]
    second = inputs.reduction.geometries[1]
    pieces = tuple(replace(second, name=f"{second.name}-{k}") for k in (1, 2))
    drifting = replace(inputs, reduction=Reduction(inputs.reduction.spectra, pieces))
    assert [run.name for run in _runs(drifting)] == ["2"]
