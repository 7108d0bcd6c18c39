"""Spectra that exist, fitted: a configuration is made for them, and the rest is `bayes_onoff.app.run.run_analysis`."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bayes_onoff.app.config import Configuration, load_config, make_config
from bayes_onoff.app.config.yaml_file import read_yaml
from bayes_onoff.app.progress import Progress
from bayes_onoff.app.provenance import PROVENANCE_FILE
from bayes_onoff.app.run import RunResult, run_analysis
from bayes_onoff.errors import FileError, InputError

__all__ = ["configuration_for_spectra", "fit_spectra"]

YAML_SUFFIXES = (".yaml", ".yml")
OF_THE_REDUCTION = ("on_region", "exclusion", "energy", "energy_true", "reduction")
"""Keys that are decided once spectra exist."""


def fit_spectra(
    given: Sequence[str | Path],
    out: str | Path | None = None,
    *,
    options: Mapping[str, Any] | None = None,
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
    config = configuration_for_spectra(given, options or {})
    folder = Path(f"{config.name}-fit") if out is None else Path(out)
    return run_analysis(config, folder, resume=resume, progress=progress, command=command)


def configuration_for_spectra(given: Sequence[str | Path], options: Mapping[str, Any]) -> Configuration:
    """Make the configuration that fits spectra.

    Parameters
    ----------
    given : sequence of path-like
        PHA files, patterns, folders with such files, folders of an earlier reduction; before them, or alone, a
        configuration file. The results of an earlier reduction bring their own configuration.
    options : mapping
        Blocks of a configuration that take the place of those found; in a block, keys that are None are left.

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
        base, folder = _earlier_configuration(first), Path()
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


def _earlier_configuration(path: Path) -> dict[str, Any]:
    """Look up with which configuration spectra were made; else name the analysis after them."""
    for folder in (path, path.parent, path.parent.parent):
        record = folder / PROVENANCE_FILE
        if record.is_file():
            try:
                return dict(json.loads(record.read_text(encoding="utf-8"))["configuration"])
            except (ValueError, KeyError, TypeError) as error:
                raise FileError(record, "not the record of a reduction or a run") from error
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


def _with_options(base: Mapping[str, Any], options: Mapping[str, Any]) -> dict[str, Any]:
    content = dict(base)
    for name, block in options.items():
        if not isinstance(block, Mapping):
            if block is not None:
                content[name] = block
            continue
        stated = {key: value for key, value in block.items() if value is not None}
        if stated:
            # What is left of a block of another shape or kind would not fit.
            replaces = "shape" in stated or "prior" in stated
            content[name] = stated if replaces else {**(content.get(name) or {}), **stated}
    return content
