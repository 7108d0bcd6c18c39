"""Four simulated runs, analysed like any other data."""

from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from string import Template

import numpy as np

from bayes_onoff.app.config import load_config
from bayes_onoff.app.output_folder import prepare_folder
from bayes_onoff.app.progress import Progress
from bayes_onoff.app.run import RunResult, run_analysis
from bayes_onoff.files import replaced_when_whole
from bayes_onoff.simulation import simulate_store

__all__ = ["prepare_quickstart", "run_quickstart"]


def prepare_quickstart(folder: str | Path, seed: int) -> Path:
    """Simulate four Crab-like runs and write a configuration for them.

    Parameters
    ----------
    folder : path-like
        Gets ``data/``, a data store, and ``quickstart.yaml``.
    seed : int
        Of the simulation and of the sampling.

    Returns
    -------
    Path
        The configuration.

    Raises
    ------
    FileError
        If the folder cannot be written.
    """
    folder = Path(folder)
    prepare_folder(folder)
    simulate_store(folder / "data", rng=np.random.default_rng(seed))
    template = Template(files("bayes_onoff.app").joinpath("quickstart.yaml").read_text(encoding="utf-8"))
    config = folder / "quickstart.yaml"
    with replaced_when_whole(config) as unfinished:
        unfinished.write_text(template.substitute(seed=seed), encoding="utf-8")
    return config


def run_quickstart(
    folder: str | Path, *, seed: int, progress: Progress | None = None, command: Sequence[str] = ()
) -> RunResult:
    """Simulate, and run the analysis into the same folder.

    Parameters
    ----------
    folder, seed
        As for `prepare_quickstart`.
    progress, command
        As for `bayes_onoff.app.run.run_file`.

    Raises
    ------
    FileError
        If the folder cannot be written.
    """
    progress = progress or Progress()
    with progress.stage("simulate", "simulating four runs on the Crab nebula"):
        config = prepare_quickstart(folder, seed)
    return run_analysis(load_config(config), Path(folder), progress=progress, command=command)
