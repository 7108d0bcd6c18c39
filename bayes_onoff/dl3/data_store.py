"""A GADF data store: observation runs listed by an index, or found in a folder or a file without one."""

import os
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Self

from astropy.table import Table

from bayes_onoff.dl3.folder_scan import find_runs, is_fits_file
from bayes_onoff.dl3.observation import Observation
from bayes_onoff.dl3.run_files import HduLocation, RunFiles
from bayes_onoff.errors import FileError
from bayes_onoff.fits_table import FitsTable, read_fits_table

__all__ = ["REQUIRED_HDUS", "DataStore"]

REQUIRED_HDUS = ("events", "gti", "aeff", "edisp")
"""HDU types without which a run cannot be analysed."""

_INDEX_NAMES = ("obs-index", "hdu-index")


def _existing(path: Path) -> Path | None:
    """`path`, or the same file with or without ``.gz``; None if there is neither."""
    other = path.with_suffix("") if path.suffix == ".gz" else path.with_name(path.name + ".gz")
    return next((candidate for candidate in (path, other) if candidate.is_file()), None)


def _read_index(folder: Path, name: str, columns: tuple[str, ...]) -> tuple[FitsTable, Table]:
    path = _existing(folder / f"{name}.fits.gz")
    if path is None:
        raise FileError(
            folder,
            "no data store: the index is missing",
            found=f"no {name}.fits or {name}.fits.gz",
            allowed="a folder with obs-index and hdu-index, or with neither",
        )
    source = read_fits_table(path)
    table = Table({column.upper(): source.raw_column(column) for column in source.data.names}, copy=False)
    for column in columns:
        values = source.raw_column(column)
        kinds = "iu" if column == "OBS_ID" else "SU"
        if values.ndim != 1 or values.dtype.kind not in kinds:
            raise source.error(
                f"column {column} is of the wrong kind",
                found=str(values.dtype),
                allowed="numbers" if kinds == "iu" else "text",
            )
    for column in source.data.names:
        table[column.upper()].unit = source.data.columns[column].unit and source.unit(column)
    stated = {key: source.key_value(key) for key in ("MJDREFI", "MJDREFF", "TIMESYS")}
    table.meta.update({key: value for key, value in stated.items() if value is not None})
    return source, table


@dataclass(frozen=True, eq=False)
class DataStore:
    """Observation runs in the GADF format. Files that an index lists may be absent.

    Parameters
    ----------
    path : Path
        The folder to which file names are relative.
    obs_table : Table
        One row per observation; column names in upper case, the zero of its times in `meta`.
    hdu_table : Table
        One row per HDU: OBS_ID, HDU_TYPE, HDU_CLASS, FILE_DIR, FILE_NAME, HDU_NAME.
    index_files : tuple of Path
        The files with the two tables; none if the runs were found without index.
    """

    path: Path
    obs_table: Table
    hdu_table: Table
    index_files: tuple[Path, ...] = ()

    @classmethod
    def from_dir(cls, path: str | Path) -> Self:
        """Open the store in a folder.

        With ``obs-index.fits`` and ``hdu-index.fits``, compressed or not, these say what there is. Without both, every
        FITS file in the folder and below is looked into; responses may lie in other files than the events, if they
        state the same OBS_ID.

        Raises
        ------
        FileError
            If the folder is missing, one index without the other, an index damaged; or, without index, if there is no
            run, a file is damaged, or it is not clear what belongs to which run.
        """
        folder = Path(path)
        if not folder.is_dir():
            raise FileError(folder, "no data store: no such folder")
        if all(_existing(folder / f"{name}.fits.gz") is None for name in _INDEX_NAMES):
            found = find_runs(folder, sorted(filter(is_fits_file, folder.rglob("*"))))
            return cls(folder, found.obs_table, found.hdu_table)
        observations, obs_table = _read_index(folder, "obs-index", ("OBS_ID",))
        columns = ("OBS_ID", "HDU_TYPE", "HDU_CLASS", "FILE_DIR", "FILE_NAME", "HDU_NAME")
        hdus, hdu_table = _read_index(folder, "hdu-index", columns)
        base = hdus.key_text("BASE_DIR")
        return cls(folder / os.path.expandvars(base), obs_table, hdu_table, (observations.file, hdus.file))

    @classmethod
    def from_file(cls, path: str | Path) -> Self:
        """Open one file with everything of a run: events, good time and responses.

        Raises
        ------
        FileError
            If the file is missing or damaged, has no events, or holds several HDUs that cannot be told apart.
        """
        file = Path(path)
        found = find_runs(file.parent, [file])
        return cls(file.parent, found.obs_table, found.hdu_table)

    @cached_property
    def obs_ids(self) -> tuple[int, ...]:
        """Ids of all listed observations, in the order of the index; their files may be absent."""
        return tuple(int(obs_id) for obs_id in self.obs_table["OBS_ID"])

    @cached_property
    def _hdus(self) -> dict[int, dict[str, list[tuple[Path, str, str]]]]:
        """Of each run and HDU type: file as listed, HDU name, HDU class."""
        hdus: dict[int, dict[str, list[tuple[Path, str, str]]]] = defaultdict(lambda: defaultdict(list))
        columns = (self.hdu_table[name] for name in ("OBS_ID", "HDU_TYPE", "HDU_CLASS", "FILE_DIR", "FILE_NAME"))
        for obs_id, kind, hdu_class, folder, file, name in zip(*columns, self.hdu_table["HDU_NAME"], strict=True):
            path = self.path / os.path.expandvars(str(folder).strip()) / str(file).strip()
            entry = (path, str(name).strip(), str(hdu_class).strip().lower())
            hdus[int(obs_id)][str(kind).strip().lower()].append(entry)
        return hdus

    def _missing_files(self, obs_id: int) -> tuple[Path, ...]:
        run = self._hdus.get(obs_id, {})
        files = (path for kind in REQUIRED_HDUS for path, _, _ in run.get(kind, ()))
        return tuple(path for path in dict.fromkeys(files) if _existing(path) is None)

    def is_present(self, obs_id: int) -> bool:
        """Whether a run is listed with all required HDUs and their files exist."""
        run = self._hdus.get(obs_id, {})
        return obs_id in self.obs_ids and all(k in run for k in REQUIRED_HDUS) and not self._missing_files(obs_id)

    def _check(self, obs_id: int) -> None:
        if obs_id not in self.obs_ids:
            ids = self.obs_ids
            raise FileError(
                self.path,
                f"unknown run {obs_id}: the {'observation index does' if self.index_files else 'files do'} not list it",
                allowed=f"{len(ids)} runs from {min(ids)} to {max(ids)}" if ids else "none, the index is empty",
            )
        for kind in REQUIRED_HDUS:
            if kind in self._hdus.get(obs_id, {}):
                continue
            if self.index_files:
                raise FileError(self.index_files[-1], f"run {obs_id}: the HDU index lists no {kind}")
            raise FileError(
                self._hdus[obs_id]["events"][0][0],
                f"run {obs_id} has no {kind}, neither here nor in another file with this OBS_ID",
            )
        if missing := self._missing_files(obs_id):
            raise FileError(missing[0], f"run {obs_id} is absent: its file does not exist")

    def observation(self, obs_id: int) -> Observation:
        """One run; nothing of it is read yet.

        Raises
        ------
        FileError
            If the run is not listed, or a file it needs does not exist.
        """
        self._check(obs_id)
        locations = {
            kind: tuple(HduLocation(_existing(path) or path, name, hdu_class) for path, name, hdu_class in entries)
            for kind, entries in self._hdus[obs_id].items()
        }
        return Observation(RunFiles(obs_id, locations))

    def observations(self, obs_ids: Iterable[int]) -> tuple[Observation, ...]:
        """Several runs, in the order asked for; all of them are looked up before anything is read.

        Raises
        ------
        FileError
            If a run is not listed, or a file it needs does not exist.
        """
        return tuple(self.observation(obs_id) for obs_id in obs_ids)
