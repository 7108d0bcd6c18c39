"""Spectra that exist, fitted: a configuration is made for them, and the rest is `bayes_onoff.app.run.run_analysis`."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bayes_onoff.app.config import Configuration, load_config, make_config
from bayes_onoff.app.config.yaml_file import read_yaml
from bayes_onoff.app.progress import Progress
from bayes_onoff.app.provenance import PROVENANCE_FILE
from bayes_onoff.app.run import RunResult, run_analysis
from bayes_onoff.errors import FileError, InputError

__all__ = ["FitOptions", "configuration_for_spectra", "fit_spectra"]

YAML_SUFFIXES = (".yaml", ".yml")
OF_THE_REDUCTION = ("on_region", "exclusion", "energy", "energy_true", "reduction")
"""Keys that are decided once spectra exist."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FitOptions:
    """What takes the place of the configuration's words; None leaves them.

    Parameters
    ----------
    model : str, optional
        The shape of the spectrum.
    fit_range : str, optional
        Energies that are used, such as ``0.5TeV,20TeV``; either may be left out.
    background : str, optional
        Its prior.
    draws : int, optional
        Of each chain; as many are discarded before, at most 1000.
    seed : int, optional
    """

    model: str | None = None
    fit_range: str | None = None
    background: str | None = None
    draws: int | None = None
    seed: int | None = None

    def to_blocks(self) -> dict[str, dict[str, Any]]:
        """Write the options as blocks of a configuration.

        Raises
        ------
        InputError
            If the range is none.
        """
        low, comma, high = (part.strip() for part in (self.fit_range or ",").partition(","))
        if not comma or "," in high:
            allowed = "two energies, such as 0.5TeV,20TeV"
            raise InputError("not a range of energies", place="--fit-range", found=self.fit_range, allowed=allowed)
        tune = None if self.draws is None else min(1000, self.draws)
        blocks: dict[str, dict[str, Any]] = {
            "model": {"shape": self.model},
            "fit_range": {"min": low or None, "max": high or None},
            "background": {"prior": self.background},
            "sampling": {"draws": self.draws, "tune": tune, "seed": self.seed},
        }
        stated = {
            name: {key: value for key, value in block.items() if value is not None} for name, block in blocks.items()
        }
        return {name: block for name, block in stated.items() if block}


def fit_spectra(
    given: Sequence[str | Path],
    out: str | Path | None = None,
    *,
    options: FitOptions | None = None,
    resume: bool = False,
    progress: Progress | None = None,
    command: Sequence[str] = (),
) -> RunResult:
    """Fit spectra from OGIP files or from an earlier reduction.

    Parameters
    ----------
    given, options
        As for `configuration_for_spectra`.
    out : path-like, optional
        Folder for the results; ``<name>-fit`` in the current folder if not given.
    resume, progress, command
        As for `bayes_onoff.app.run.run_file`.

    Raises
    ------
    InputError
        If an input is refused; nothing was sampled then.
    """
    progress = progress or Progress()
    config = configuration_for_spectra(given, options or FitOptions(), on_progress=progress.say)
    folder = Path(f"{config.name}-fit") if out is None else Path(out)
    return run_analysis(config, folder, resume=resume, progress=progress, command=command)


def configuration_for_spectra(
    given: Sequence[str | Path], options: FitOptions, *, on_progress: Callable[[str], None] | None = None
) -> Configuration:
    """Make the configuration that fits spectra.

    Parameters
    ----------
    given : sequence of path-like
        PHA files, patterns, folders with such files, folders of an earlier reduction; before them, or alone, a
        configuration file. The results of an earlier reduction bring their own configuration.
    options : FitOptions
    on_progress : callable, optional
        Told which configuration was found.

    Raises
    ------
    InputError
        If there are no spectra, or the configuration is refused.
    """
    first, *others = [Path(path) for path in given]
    is_config = first.suffix.lower() in YAML_SUFFIXES
    spectra = others if is_config else [first, *others]
    if is_config:
        base = {"name": first.stem, **(read_yaml(first) if not others else load_config(first).to_dict())}
        folder = first.parent
    else:
        base, folder = _earlier_configuration(first, on_progress), Path()
    if spectra:
        base = {key: value for key, value in base.items() if key not in OF_THE_REDUCTION}
        base["observations"] = {"ogip": [pattern for path in spectra for pattern in _patterns(path)]}
        folder = Path()
    config = make_config(_with_options(base, options), folder)
    if config.observations.ogip is None:
        raise InputError(
            "it names runs of a data store, no spectra",
            place=f"{first}: observations.store",
            found=config.observations.store,
            allowed="observations.ogip; or spectra named after the configuration; or `bayes-onoff run`",
        )
    return config


def _earlier_record(path: Path) -> Path | None:
    """Find the record of the reduction or run that spectra come from: beside its folder ``spectra``."""
    inside = path if path.is_dir() else path.parent
    record = (inside.parent if inside.name == "spectra" else inside) / PROVENANCE_FILE
    return record if record.is_file() else None


def _earlier_configuration(path: Path, on_progress: Callable[[str], None] | None) -> dict[str, Any]:
    """Look up with which configuration spectra were made; else name the analysis after them."""
    record = _earlier_record(path)
    if record is not None:
        try:
            found = dict(json.loads(record.read_text(encoding="utf-8"))["configuration"])
        except (ValueError, KeyError, TypeError) as error:
            raise FileError(record, "not the record of a reduction or a run") from error
        if "observations" in found:  # that of products of a saved posterior is none
            if on_progress is not None:
                on_progress(f"with the configuration in {record}")
            return found
    return {"name": path.stem if path.is_file() else path.absolute().name if path.is_dir() else "spectra"}


def _patterns(path: Path) -> list[str]:
    """Give the PHA files that a path stands for, as file names or patterns."""
    if not path.is_dir():
        return [str(path.absolute())]
    for folder in (path, path / "spectra"):
        for pattern in ("pha*.fits", "pha*.fits.gz"):
            if any(folder.glob(pattern)):
                return [str(folder.absolute() / pattern)]
    raise FileError(
        path, "no spectra there", allowed="a folder with pha*.fits, or with a folder spectra that holds them"
    )


def _with_options(base: Mapping[str, Any], options: FitOptions) -> dict[str, Any]:
    content = dict(base)
    for name, block in options.to_blocks().items():
        before = content.get(name) or {}
        # What was said of another shape or prior does not fit.
        is_other = any(block.get(key) not in (None, before.get(key)) for key in ("shape", "prior"))
        kept = {key: value for key, value in before.items() if key == "reference"} if is_other else before
        content[name] = {**kept, **block}
    return content
