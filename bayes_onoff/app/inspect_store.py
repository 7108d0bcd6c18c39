"""What is in a data store, and what of it can be used."""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
from astropy.coordinates import SkyCoord
from astropy.table import QTable

from bayes_onoff.app.progress import Progress
from bayes_onoff.columns import described
from bayes_onoff.dl3 import Background, Background2D, DataStore, Observation
from bayes_onoff.errors import FileError, InputError
from bayes_onoff.products import write_table

__all__ = ["InspectedRun", "inspect_run", "inspect_store", "open_store", "store_table"]

MAX_PROBLEMS = 12
"""Lines of runs with a problem; there are tables of thousands."""
_RESPONSE_WIDTH, _BACKGROUND_WIDTH = 13.0, 4.5  # inches
_DESCRIPTIONS = {
    "target": "name of the target, as the header of the events states it",
    "ra": "right ascension of the pointing, ICRS",
    "dec": "declination of the pointing, ICRS",
    "zenith": "zenith angle of the pointing",
    "livetime": "good time less the dead time",
    "n_events": "events of the run, all energies and directions",
    "kind": "whether the responses are full-enclosure or point-like",
    "responses": "classes of the responses that can be read",
    "usable": "whether events, good time, pointing, effective area and energy dispersion can be read",
    "problem": "what cannot be read, and why",
}


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class InspectedRun:
    """What is known of a run.

    Parameters
    ----------
    obs_id : int
    observation : Observation or None
        None where a file is absent.
    problem : str
        Why the run cannot be used; empty if it can.
    remarks : tuple of str
        What is wrong with it all the same: optional responses that cannot be read.
    """

    obs_id: int
    observation: Observation | None = None
    problem: str = ""
    remarks: tuple[str, ...] = ()

    @property
    def is_usable(self) -> bool:
        """Whether events, good time, pointing, effective area and energy dispersion can be read."""
        return self.observation is not None and not self.problem

    @property
    def responses(self) -> str:
        """Name the responses, by their classes."""
        if self.observation is None:
            return ""
        found = (
            getattr(self.observation, kind) for kind in ("psf", "bkg", "rad_max") if not self._cannot_be_read(kind)
        )
        classes = [response.hdu_class for response in found if response is not None]
        return ", ".join(["aeff_2d", "edisp_2d", *classes])

    def _cannot_be_read(self, kind: str) -> bool:
        return any(remark.startswith(f"{kind}: ") for remark in self.remarks)

    @property
    def kind(self) -> str:
        """Tell whether the responses are full-enclosure or point-like."""
        if not self.is_usable or self.observation is None:
            return ""
        return "point-like" if self.observation.aeff.is_pointlike else "full-enclosure"


def open_store(path: str | Path) -> DataStore:
    """Open a folder, or the file of one run, as a data store.

    Raises
    ------
    FileError
        If there is none.
    """
    return DataStore.from_file(path) if Path(path).is_file() else DataStore.from_dir(path)


def inspect_run(store: DataStore, obs_id: int) -> InspectedRun:
    """Read everything of a run, and note what cannot be read."""
    try:
        observation = store.observation(obs_id)
    except InputError as error:
        return InspectedRun(obs_id=obs_id, problem=str(error))
    needed: tuple[Callable[[Observation], Any], ...] = (
        lambda run: run.events,
        lambda run: run.pointing,
        lambda run: run.livetime,
        lambda run: run.aeff,
        lambda run: run.edisp,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # `run` tells what it approximates; here is told what cannot be read
        for read in needed:
            try:
                read(observation)
            except InputError as error:
                return InspectedRun(obs_id=obs_id, observation=observation, problem=str(error))
        remarks = []
        for kind in ("psf", "bkg", "rad_max"):
            try:
                getattr(observation, kind)
            except InputError as error:
                remarks.append(f"{kind}: {error}")
    return InspectedRun(obs_id=obs_id, observation=observation, remarks=tuple(remarks))


def store_table(runs: Sequence[InspectedRun]) -> QTable:
    """List runs with what can be told of them.

    Returns
    -------
    QTable
        One row a run: `obs_id`, `target`, `ra`, `dec` (of the pointing), `zenith`, `livetime`, `n_events`, `kind`
        (full-enclosure or point-like), `responses`, `usable`, `problem`. NaN or empty where it is not known.
    """
    known = [run.observation if run.is_usable else None for run in runs]

    def numbers(value: Callable[[Observation], float]) -> list[float]:
        return [np.nan if run is None else value(run) for run in known]

    pointings = [SkyCoord(np.nan, np.nan, unit="deg") if run is None else run.pointing for run in known]
    table = QTable(
        {
            "obs_id": [run.obs_id for run in runs],
            "target": ["" if run is None else run.target for run in known],
            "ra": [pointing.ra.deg for pointing in pointings] * u.deg,
            "dec": [pointing.dec.deg for pointing in pointings] * u.deg,
            "zenith": numbers(_zenith) * u.deg,
            "livetime": numbers(lambda run: run.livetime) * u.s,
            "n_events": [0 if run is None else len(run.events) for run in known],
            "kind": [run.kind for run in runs],
            "responses": [run.responses if run.is_usable else "" for run in runs],
            "usable": [run.is_usable for run in runs],
            "problem": ["; ".join(filter(None, (run.problem, *run.remarks))) for run in runs],
        }
    )
    return described(table, _DESCRIPTIONS)


def _zenith(run: Observation) -> float:
    """Zenith angle of the pointing, deg, as the header of the events states it."""
    stated = {key: run.run_files.events_table.key_float(key) for key in ("ZEN_PNT", "ALT_PNT")}
    if stated["ZEN_PNT"] is not None:
        return stated["ZEN_PNT"]
    return np.nan if stated["ALT_PNT"] is None else 90 - stated["ALT_PNT"]


def inspect_store(path: str | Path, out: str | Path | None = None, *, progress: Progress | None = None) -> QTable:
    """Say what is in a data store: its runs, their responses, what is absent or damaged.

    Parameters
    ----------
    path : path-like
        A folder, or the file of one run.
    out : path-like, optional
        Folder for ``store.ecsv`` and a figure of the responses of a run for each target.
    progress : Progress, optional

    Returns
    -------
    QTable
        As for `store_table`.

    Raises
    ------
    FileError
        If there is no data store, or no run of it can be used.
    """
    progress = progress or Progress()
    with progress.stage("read", f"reading {path}"):
        store = open_store(path)
        runs = [inspect_run(store, obs_id) for obs_id in store.obs_ids]
    table = store_table(runs)
    progress.say("\n".join(_overview(table)))
    if not any(run.is_usable for run in runs):
        found = runs[0].problem if runs else "an empty index"
        raise FileError(path, "no run of this data store can be used", found=found)
    if out is not None:
        write_table(table, Path(out) / "store.ecsv")
        drawn = _draw(runs, Path(out), progress)
        progress.say(f"store.ecsv and {', '.join(drawn)} in {out}")
    return table


def _overview(table: QTable) -> list[str]:
    """Tell how many runs there are, list those that can be used, and say what is wrong with the others."""
    usable = table[table["usable"]]
    lines = [f"{len(table)} runs, {len(usable)} can be used, {usable['livetime'].sum().to('h'):.2f} of livetime"]
    if len(usable):
        shown = usable[["obs_id", "target", "ra", "dec", "zenith", "livetime", "n_events", "kind", "responses"]]
        for name, form in {"ra": ".3f", "dec": ".3f", "zenith": ".1f", "livetime": ".0f"}.items():
            shown[name].info.format = form
        lines += [str(line) for line in shown.pformat(max_lines=-1, max_width=-1)]
    # What is absent is often absent for a whole archive: it is told in short.
    odd = table[table["problem"] != ""]
    absent = [row["obs_id"] for row in odd if "is absent" in row["problem"]]
    damaged = [row for row in odd if "is absent" not in row["problem"]]
    if absent:
        rest = ", ..." if len(absent) > MAX_PROBLEMS else ""
        listed = ", ".join(map(str, absent[:MAX_PROBLEMS]))
        lines.append(f"listed, but files are absent: {len(absent)} of the runs: {listed}{rest}")
    lines += [f"run {row['obs_id']}: {row['problem']}" for row in damaged[:MAX_PROBLEMS]]
    if len(damaged) > MAX_PROBLEMS:
        lines.append(f"and {len(damaged) - MAX_PROBLEMS} runs more with something that cannot be read")
    return lines


def _draw(runs: Sequence[InspectedRun], folder: Path, progress: Progress) -> list[str]:
    """Draw the responses of the first usable run of each target."""
    from bayes_onoff.plotting import plot_background, plot_response, write_figure
    from bayes_onoff.plotting.style import new_axes, new_figure

    first: dict[str, tuple[Observation, Background | Background2D | None]] = {}
    for run in runs:
        if run.is_usable and run.observation is not None and not run._cannot_be_read("psf"):
            background = None if run._cannot_be_read("bkg") else run.observation.bkg
            first.setdefault(run.observation.target, (run.observation, background))
    names = []
    with progress.stage("figures", "drawing the responses of the first run of each target"):
        for observation, background in first.values():
            width = _RESPONSE_WIDTH if background is None else _RESPONSE_WIDTH + _BACKGROUND_WIDTH
            figure = new_figure(width, 4.0)
            if background is None:
                plot_response(observation, figure=figure)
            else:
                grid = figure.add_gridspec(1, 2, width_ratios=[_RESPONSE_WIDTH, _BACKGROUND_WIDTH])
                plot_response(observation, figure=figure.add_subfigure(grid[0]))
                plot_background(background, ax=new_axes(figure.add_subfigure(grid[1])))
            names.append(f"response_{observation.name}.png")
            write_figure(figure, folder / names[-1])
    return names
