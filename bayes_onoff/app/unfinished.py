"""What an unfinished run has sampled already, and whether this is the run that it belongs to.

Every fit is kept, whole, as soon as it is sampled. The folder goes when the run is finished.
"""

import json
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bayes_onoff.app.progress import Progress
from bayes_onoff.app.provenance import PROVENANCE_FILE, write_record
from bayes_onoff.errors import FileError
from bayes_onoff.inference import BandPosterior, Convergence, GroupNorms, LightCurvePosterior, Posterior
from bayes_onoff.inference.posterior import read_tree, write_tree
from bayes_onoff.inference.run_groups import RunGroups

__all__ = ["Earlier", "KeptFits", "file_stem", "find_earlier"]

UNFINISHED = "unfinished"
START_FILE = "started.json"
SAME = {"configuration": "configuration", "inputs": "data", "versions": "versions of the packages"}
"""What decides over a posterior, by the key of the record."""


def file_stem(label: str) -> str:
    """Make a file name of a model's label."""
    return re.sub(r"[^\w-]+", "_", label).strip("_")


@dataclass(frozen=True, slots=True)
class Earlier:
    """The run that was begun in a folder before.

    Parameters
    ----------
    record : mapping
        As `bayes_onoff.app.provenance.begin_record` made it.
    finished : bool
    """

    record: Mapping[str, Any]
    finished: bool

    @property
    def seed(self) -> int | None:
        """The seed of its sampling."""
        seed: int | None = self.record["configuration"]["sampling"]["seed"]
        return seed

    def require_same(self, record: Mapping[str, Any], folder: Path) -> None:
        """Refuse to go on with another analysis.

        Raises
        ------
        FileError
            If configuration, data or versions differ; the message says where.
        """
        for key, what in SAME.items():
            then, now = _plain(self.record[key]), _plain(record[key])
            if then != now:
                raise FileError(
                    folder,
                    f"this is not the run that was begun there, the {what} differ"
                    + ("s" if key == "configuration" else ""),
                    found="; ".join(_differences(then, now)),
                    allowed="the same configuration, data and versions; or start over, without --resume",
                )


def _plain(value: Any) -> Any:
    """Write a value as JSON and read it back; of files, forget the folders they lie in."""
    if isinstance(value, list) and value and "sha256" in value[0]:
        return {Path(entry["file"]).name: entry["sha256"] for entry in value}
    return json.loads(json.dumps(value))


def _differences(then: Any, now: Any, path: str = "") -> list[str]:
    """Name the keys under which two plain values differ, with both values where they are short."""
    if isinstance(then, dict) and isinstance(now, dict):
        keys = [key for key in dict.fromkeys((*then, *now)) if then.get(key) != now.get(key)]
        return [text for key in keys for text in _differences(then.get(key), now.get(key), f"{path}.{key}".lstrip("."))]
    values = f"{then} then, {now} now"
    return [f"{path}: {values}" if len(values) <= 80 else path]


def find_earlier(folder: Path, *, calibrated: bool = False) -> Earlier | None:
    """Look for a run that was begun in a folder, finished or not.

    Parameters
    ----------
    folder : Path
    calibrated : bool
        Take no run for finished that was not calibrated.

    Raises
    ------
    FileError
        If its record is damaged.
    """
    for path, finished in ((folder / PROVENANCE_FILE, True), (folder / UNFINISHED / START_FILE, False)):
        if path.is_file():
            try:
                record = json.loads(path.read_text(encoding="utf-8"))
                if finished and ("converged" not in record or (calibrated and "calibration" not in record["seeds"])):
                    continue
                return Earlier({key: record[key] for key in (*SAME, *(["converged"] if finished else []))}, finished)
            except (ValueError, KeyError, TypeError) as error:
                problem = "not the record of a run that can be resumed"
                raise FileError(path, problem, allowed="start over, without --resume") from error
    return None


class KeptFits:
    """The fits of an unfinished run, on disk.

    Parameters
    ----------
    folder : Path
        For the results; the fits lie in a folder in it.
    progress : Progress
        Told what is not sampled again.
    """

    def __init__(self, folder: Path, progress: Progress) -> None:
        self._folder = folder / UNFINISHED
        self._progress = progress

    def begin(self, record: Mapping[str, Any]) -> None:
        """Forget what is there, and note what is begun."""
        self.forget()
        write_record(record, self._folder / START_FILE)

    def forget(self) -> None:
        """Remove everything, the note of what was begun first."""
        (self._folder / START_FILE).unlink(missing_ok=True)
        shutil.rmtree(self._folder, ignore_errors=True)

    @contextmanager
    def told_when_interrupted(self) -> Iterator[None]:
        """Say that nothing finished is lost where the user stops the run."""
        try:
            yield
        except KeyboardInterrupt:
            self._progress.say("interrupted: what was sampled is kept; the same command with --resume goes on from it")
            raise

    def posterior(self, name: str, sample: Callable[[], Posterior]) -> Posterior:
        """Give the posterior that was kept under a name, or sample and keep it."""
        path = self._path(name)
        if path.exists():
            posterior = Posterior.load(path)
            self._tell(name)
            return posterior
        posterior = sample()
        posterior.save(path)
        return posterior

    def bands(self, name: str, sample: Callable[[], BandPosterior], **known: Any) -> BandPosterior:
        """Give the norms that were kept under a name, or sample and keep them.

        Parameters
        ----------
        name : str
        sample : callable
        **known
            What a `BandPosterior` holds that is known without sampling: spectra, model, values, background,
            systematics.
        """
        found = self._recall(name)
        if found is None:
            bands = sample()
            self._keep(name, bands.tree, bands.convergence, edges=bands.edges, band_of_bin=bands.band_of_bin)
            return bands
        tree, convergence, arrays = found
        return BandPosterior(tree, convergence=convergence, **arrays, **known)

    def light_curve(self, name: str, sample: Callable[[], LightCurvePosterior], **known: Any) -> LightCurvePosterior:
        """Give the population of fluxes that was kept under a name, or sample and keep it; `known` as for `bands`."""
        found = self._recall(name)
        if found is None:
            curve = sample()
            self._keep(name, curve.tree, curve.convergence)
            return curve
        tree, convergence, _ = found
        return LightCurvePosterior(tree, convergence=convergence, groups=RunGroups.of(known["spectra"]), **known)

    def group_norms(self, name: str, sample: Callable[[], GroupNorms], **known: Any) -> GroupNorms:
        """Give the norms of groups that were kept under a name, or sample and keep them; `known` as for `bands`."""
        found = self._recall(name)
        if found is None:
            norms = sample()
            edges, band_of_bin = norms.bands.edges, norms.bands.band_of_bin
            self._keep(
                name,
                norms.bands.tree,
                norms.bands.convergence,
                edges=edges,
                band_of_bin=band_of_bin,
                index=norms.index,
            )
            return norms
        tree, convergence, arrays = found
        index = arrays.pop("index")
        bands = BandPosterior(tree, convergence=convergence, **arrays, **known)
        return GroupNorms(bands, RunGroups.of(known["spectra"]), index)

    def _path(self, name: str) -> Path:
        return self._folder / f"{file_stem(name)}.nc"

    def _tell(self, name: str) -> None:
        self._progress.say(f"{name}: sampled before the interruption")

    def _recall(self, name: str) -> tuple[Any, Convergence, Any] | None:
        path = self._path(name)
        if not path.exists():
            return None
        tree, stored = read_tree(path)
        self._tell(name)
        verdict = {**stored["convergence"], "problems": tuple(stored["convergence"]["problems"])}
        return tree, Convergence(**verdict), {key: np.asarray(values) for key, values in stored["arrays"].items()}

    def _keep(self, name: str, tree: Any, convergence: Convergence, **arrays: Any) -> None:
        plain = {key: np.asarray(values).tolist() for key, values in arrays.items()}
        write_tree(tree, {"convergence": asdict(convergence), "arrays": plain}, self._path(name))
