"""Where results come from: written last, so that a folder with this file is a finished one."""

import hashlib
import json
import platform
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from bayes_onoff.app.inputs import Inputs
from bayes_onoff.files import replaced_when_whole

__all__ = [
    "PROVENANCE_FILE",
    "begin_record",
    "describe_files",
    "installed_versions",
    "write_provenance",
    "write_record",
]

PROVENANCE_FILE = "provenance.json"


def describe_files(paths: Iterable[str | Path]) -> list[dict[str, Any]]:
    """Identify files by path, size and SHA-256.

    Returns
    -------
    list of dict
        ``file`` (absolute), ``bytes``, ``sha256``; in the order given, each file once.
    """
    records = []
    for path in dict.fromkeys(Path(path).absolute() for path in paths):
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        records.append({"file": str(path), "bytes": path.stat().st_size, "sha256": digest})
    return records


def installed_versions() -> dict[str, str]:
    """Look up the versions of Python, of this package and of all it requires to run."""
    requirements = metadata.requires("bayes-onoff") or []
    names = [re.split(r"[^\w.-]", text, maxsplit=1)[0] for text in requirements if "extra ==" not in text]
    versions = {name: metadata.version(name) for name in ["bayes-onoff", *sorted(names)]}
    return {"python": platform.python_version(), **versions}


def begin_record(name: str, configuration: Mapping[str, Any], inputs: Inputs, command: Sequence[str]) -> dict[str, Any]:
    """Note what is known before the first fit: command, date, versions, input files, warnings, configuration."""
    return {
        "name": name,
        "command": list(command),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": installed_versions(),
        "platform": platform.platform(),
        "inputs": describe_files(inputs.files),
        "warnings": list(inputs.warnings),
        "configuration": dict(configuration),
    }


def write_provenance(folder: Path, record: Mapping[str, Any]) -> Path:
    """Write the record as ``provenance.json``.

    Raises
    ------
    FileError
        If it cannot be written.
    """
    return write_record(record, folder / PROVENANCE_FILE)


def write_record(record: Mapping[str, Any], path: Path) -> Path:
    """Write a record as JSON, whole or not at all.

    Raises
    ------
    FileError
        If it cannot be written.
    """
    with replaced_when_whole(path) as unfinished:
        unfinished.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    return path
