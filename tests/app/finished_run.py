"""A run given on the command line, and what it left."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml
from astropy.table import Table

Command = Callable[..., tuple[int, str, str]]


class Finished:
    """A run that has ended: its folder, exit status and what it said."""

    def __init__(self, folder: Path, status: int, output: str) -> None:
        self.folder, self.status, self.output = folder, status, output
        self.provenance = json.loads((folder / "provenance.json").read_text())

    def table(self, name: str) -> Table:
        return Table.read(self.folder / name, format="ascii.ecsv")


def run(command: Command, folder: Path, config: dict[str, Any]) -> Finished:
    path = folder / "small.yaml"
    path.write_text(yaml.safe_dump(config))
    status, output, errors = command("run", path)
    assert errors == ""
    return Finished(folder / "small-results", status, output)
