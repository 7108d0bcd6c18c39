"""From a configuration's `observations` to reduced spectra, whichever kind they are."""

import re
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from regions import SkyRegion

from bayes_onoff.app.config import Configuration
from bayes_onoff.app.progress import Progress
from bayes_onoff.dl3 import DataStore, Observation, select_runs
from bayes_onoff.errors import FileError, ReductionWarning
from bayes_onoff.reduction import Reduction, reduce_in_time
from bayes_onoff.spectra import Spectra, ogip_set, read_ogip_files, with_fit_range

__all__ = ["Inputs", "read_inputs"]


@dataclass(frozen=True, eq=False, slots=True)
class Inputs:
    """What an analysis starts from.

    Parameters
    ----------
    reduction : Reduction
        Spectra, and the regions of each run; no regions where the spectra come from OGIP files.
    files : tuple of Path
        Every file that was read.
    observations : tuple of Observation
        The runs, in the order of the analysis; none where the spectra come from OGIP files.
    warnings : tuple of str
        What was left out or approximated.
    light_curve : Spectra, optional
        One spectrum for each flux of the light curve, if one is asked for.
    """

    reduction: Reduction
    files: tuple[Path, ...]
    observations: tuple[Observation, ...] = ()
    warnings: tuple[str, ...] = ()
    light_curve: Spectra | None = None


def read_inputs(config: Configuration, progress: Progress) -> Inputs:
    """Read and reduce the runs of a data store, or read spectra from OGIP files.

    Raises
    ------
    InputError
        If a file is missing or damaged, or a run cannot be reduced.
    """
    return _from_ogip(config, progress) if config.observations.ogip is not None else _from_store(config, progress)


def _from_store(config: Configuration, progress: Progress) -> Inputs:
    on_block, energy, energy_true = config.on_region, config.energy, config.energy_true
    # The configuration refuses a store without them.
    assert on_block is not None
    assert energy is not None
    assert energy_true is not None
    on_region: SkyRegion = on_block.to_region()
    exclusion = tuple(part for block in config.exclusion for part in block.to_exclusion())
    told: list[str] = []
    with _heard(progress, told):
        store, observations = _chosen_runs(config)
        progress.say(f"{len(observations)} runs: {', '.join(str(run.obs_id) for run in observations)}")
        reduce = partial(
            reduce_in_time,
            observations,
            on_region,
            energy=energy.to_axis("energy"),
            energy_true=energy_true.to_axis("energy_true"),
            exclusion=exclusion,
            settings=replace(
                config.reduction.to_settings(), expected_background=config.background.shape_from is not None
            ),
            fit_range=None if config.fit_range is None else config.fit_range.to_limits(),
            on_progress=progress.say,
        )
        reduction = reduce(grouping=config.observations.grouping.to_grouping())
        # What is left out of both is told once.
        curve = _in_time(config, reduction, reduce)
    regions = [file for block in (on_block, *config.exclusion) for file in block.files]
    runs = [file for observation in observations for file in observation.files if file.exists()]
    files = (*store.index_files, *regions, *config.model_files, *runs)
    return Inputs(reduction, files, observations, tuple(told), curve)


def _in_time(config: Configuration, reduction: Reduction, reduce: Callable[..., Reduction]) -> Spectra | None:
    """Give the spectra of the light curve: the same as those of the analysis, or reduced with its own grouping."""
    if config.light_curve is None:
        return None
    grouping = config.light_curve.to_grouping()
    if grouping == config.observations.grouping.to_grouping():
        return reduction.spectra
    return reduce(grouping=grouping).spectra


def _chosen_runs(config: Configuration) -> tuple[DataStore, tuple[Observation, ...]]:
    """Open the store and look up the runs that were asked for."""
    chosen = config.observations
    assert chosen.store is not None
    store = DataStore.from_file(chosen.store) if chosen.is_one_file else DataStore.from_dir(chosen.store)
    return store, store.observations(select_runs(store, chosen.to_selection()))


@contextmanager
def _heard(progress: Progress, told: list[str]) -> Iterator[None]:
    """Say what is left out or approximated, and note it; other warnings go their way."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ReductionWarning)
        yield
    for warning in caught:
        if not issubclass(warning.category, ReductionWarning):
            warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)
    told += _gathered(str(w.message) for w in caught if issubclass(w.category, ReductionWarning))
    for text in told:
        progress.say(f"warning: {text}")


def _gathered(texts: Iterable[str]) -> list[str]:
    """Say once what is said of several runs: ``run 1: x`` and ``run 2: x`` become ``runs 1, 2: x``."""
    runs: dict[str, list[str]] = {}
    for text in texts:
        match = re.fullmatch(r"run (\S+): (.*)", text, re.DOTALL)
        names = runs.setdefault(match[2] if match else text, [])
        if match and match[1] not in names:
            names.append(match[1])
    prefix = {0: "", 1: "run {}: "}
    return [prefix.get(len(names), "runs {}: ").format(", ".join(names)) + text for text, names in runs.items()]


def _from_ogip(config: Configuration, progress: Progress) -> Inputs:
    paths = [path for pattern in config.observations.ogip or () for path in _matching(pattern)]
    spectra = read_ogip_files(paths)
    progress.say(f"read {len(spectra)} OGIP spectra")
    if config.fit_range is not None:
        spectra = with_fit_range(spectra, *config.fit_range.to_limits())
    files = (*(file for path in paths for file in ogip_set(path)), *config.model_files)
    return Inputs(Reduction(spectra, ()), files, light_curve=None if config.light_curve is None else spectra)


def _matching(pattern: str) -> Sequence[Path]:
    """Files that a pattern stands for, in order of their names."""
    path = Path(pattern)
    found = sorted(path.parent.glob(path.name))
    if not found:
        raise FileError(
            path, "no such file", allowed="a PHA file, or a pattern such as pha_*.fits in an existing folder"
        )
    return found
