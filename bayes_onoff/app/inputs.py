"""From a configuration's `observations` to reduced spectra, whichever kind they are."""

from dataclasses import dataclass
from pathlib import Path

from bayes_onoff.app.config import Configuration
from bayes_onoff.app.progress import Progress
from bayes_onoff.dl3 import DataStore
from bayes_onoff.errors import FileError
from bayes_onoff.reduction import Reduction, reduce_observations
from bayes_onoff.spectra import ogip_set, read_ogip_files, with_fit_range

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
    """

    reduction: Reduction
    files: tuple[Path, ...]


def read_inputs(config: Configuration, progress: Progress) -> Inputs:
    """Read and reduce the runs of a data store, or read spectra from OGIP files.

    Raises
    ------
    InputError
        If a file is missing or damaged, or a run cannot be reduced.
    """
    return _from_ogip(config, progress) if config.observations.ogip is not None else _from_store(config, progress)


def _from_store(config: Configuration, progress: Progress) -> Inputs:
    folder, on_region = config.observations.store, config.on_region
    energy, energy_true = config.energy, config.energy_true
    # The configuration refuses a store without them.
    assert folder is not None
    assert on_region is not None
    assert energy is not None
    assert energy_true is not None
    observations = DataStore.from_dir(folder).observations(config.observations.ids or ())
    reduction = reduce_observations(
        observations,
        on_region.to_region(),
        energy=energy.to_axis("energy"),
        energy_true=energy_true.to_axis("energy_true"),
        exclusion=tuple(region.to_region() for region in config.exclusion),
        settings=config.reduction.to_settings(),
        fit_range=None if config.fit_range is None else config.fit_range.to_limits(),
        on_progress=progress.say,
    )
    files = [file for observation in observations for file in observation.files if file.exists()]
    return Inputs(reduction, (*sorted(Path(folder).glob("*-index.fits*")), *files))


def _from_ogip(config: Configuration, progress: Progress) -> Inputs:
    paths = [path for pattern in config.observations.ogip or () for path in _matching(pattern)]
    spectra = read_ogip_files(paths)
    progress.say(f"read {len(spectra)} OGIP spectra")
    if config.fit_range is not None:
        spectra = with_fit_range(spectra, *config.fit_range.to_limits())
    return Inputs(Reduction(spectra, ()), tuple(file for path in paths for file in ogip_set(path)))


def _matching(pattern: str) -> list[Path]:
    """Files that a pattern stands for, in order of their names."""
    path = Path(pattern)
    found = sorted(path.parent.glob(path.name))
    if not found:
        raise FileError(
            path, "no such file", allowed="a PHA file, or a pattern such as pha_*.fits in an existing folder"
        )
    return found
