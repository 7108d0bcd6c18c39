"""A commented configuration for a data store and a source, from what the store itself says."""

import math
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any

import numpy as np
import yaml
from astropy.coordinates import SkyCoord

from bayes_onoff.app.config import make_config
from bayes_onoff.app.inspect_store import inspect_run, open_store
from bayes_onoff.app.progress import Progress
from bayes_onoff.app.source_position import find_position
from bayes_onoff.dl3 import DataStore, Observation
from bayes_onoff.errors import FileError, InputError
from bayes_onoff.files import replaced_when_whole
from bayes_onoff.models import SpectralModel

__all__ = ["write_new_configuration"]

CONE = 2.5
"""deg; runs that point farther away have hardly any events of the source."""
RADIUS = 0.11
"""deg; of the ON region where there is no point-spread function to choose by."""
CONTAINMENT = 0.68
EXTENDED = 2.0
"""An ON region of more than as many containment radii is for an extended source."""
RECO_PER_DECADE, TRUE_PER_DECADE = 10, 20


@dataclass(frozen=True, slots=True)
class Region:
    """The ON region that suits the responses of some runs.

    Parameters
    ----------
    shape : str
    radius : float or None
        deg; None for a point.
    containment : bool
        Whether to correct for what falls outside.
    reason, containment_reason : str
        Why.
    """

    shape: str
    radius: float | None
    containment: bool
    reason: str
    containment_reason: str

    @property
    def is_extended(self) -> bool:
        """Whether the response should be averaged over it."""
        return "extended" in self.reason


def write_new_configuration(
    store_path: str | Path,
    out: str | Path | None = None,
    *,
    source: str | None = None,
    position: tuple[str, str] | None = None,
    radius: float | None = None,
    ask: Callable[[Sequence[str]], str] | None = None,
    progress: Progress | None = None,
) -> Path:
    """Write a commented configuration for the runs of a store on a source.

    Runs are chosen by a cone around the source, the ON region by the kind of response, the energies by the effective
    area.

    Parameters
    ----------
    store_path : path-like
        A folder, or the file of one run.
    out : path-like, optional
        The file; named after the source in the current folder if not given.
    source, position, ask
        As for `find_position`.
    radius : float, optional
        Of the ON region, deg; for an extended source.
    progress : Progress, optional

    Returns
    -------
    Path
        The file; `bayes_onoff.app.config.load_config` reads it.

    Raises
    ------
    InputError
        If the store is refused, the source is not known, no run can be used, or the file exists.
    """
    progress = progress or Progress()
    store = open_store(store_path)
    name, center = find_position(store, source, position, ask)
    path = Path(f"{_file_name(name)}.yaml") if out is None else Path(out)
    if path.exists():
        raise FileError(path, "the file exists", allowed="another --out")
    progress.say(f"{name}: right ascension {center.icrs.ra.deg:.4f} deg, declination {center.icrs.dec.deg:.4f} deg")
    with progress.stage("read", "reading the runs nearby"):
        runs = _runs_nearby(store, center, progress)
        region = _choose_region(runs, center, radius)
        runs, left_out = _reducible(runs, center, region, progress)
    progress.say(f"{len(runs)} runs: {', '.join(run.name for run in runs)}")
    progress.say(f"ON region: {region.reason}")
    content = _filled(Path(store_path), path, name, center, runs, region, left_out)
    make_config({"name": path.stem, **yaml.safe_load(content)}, path.parent)
    with replaced_when_whole(path) as unfinished:
        unfinished.write_text(content, encoding="utf-8")
    progress.say(f"wrote {path}; next: bayes-onoff run {path}")
    return path


def _file_name(name: str) -> str:
    return re.sub(r"\W+", "-", name.casefold()).strip("-") or "source"


def _runs_nearby(store: DataStore, center: SkyCoord, progress: Progress) -> list[Observation]:
    """Read the runs that point to within the cone and can be used; all must have one kind of response."""
    present = [obs_id for obs_id in store.obs_ids if store.is_present(obs_id)]
    table = store.obs_table
    if {"RA_PNT", "DEC_PNT"} <= set(table.colnames):
        distance = {
            obs_id: SkyCoord(row["RA_PNT"], row["DEC_PNT"], unit="deg").separation(center).deg
            for row, obs_id in zip(table, store.obs_ids, strict=True)
        }
        present = [obs_id for obs_id in present if not distance[obs_id] > CONE]
    inspected = [inspect_run(store, obs_id) for obs_id in present]
    for found in inspected:
        if not found.is_usable:
            progress.say(f"run {found.obs_id} is left out: {found.problem}")
    usable = [found.observation for found in inspected if found.is_usable and found.observation is not None]
    nearby = [run for run in usable if run.pointing.separation(center).deg <= CONE]
    if not nearby:
        raise InputError(
            f"no run that can be used points to within {CONE} deg of the source",
            place=str(store.path),
            found=f"{len(store.obs_ids)} runs, {len(present)} of them nearby and there",
            allowed="a source that was observed; `bayes-onoff inspect` lists the runs",
        )
    is_pointlike = nearby[0].aeff.is_pointlike
    for run in nearby:
        if run.aeff.is_pointlike != is_pointlike:
            progress.say(f"run {run.name} is left out: its response is of the other kind than that of {nearby[0].name}")
    return [run for run in nearby if run.aeff.is_pointlike == is_pointlike]


def _choose_region(runs: Sequence[Observation], center: SkyCoord, radius: float | None) -> Region:
    first = runs[0]
    if first.aeff.is_pointlike:
        if radius is not None:
            allowed = "no --radius: the response holds for its own directional cut"
            raise InputError("the responses are point-like", place="--radius", found=f"{radius:g} deg", allowed=allowed)
        no = "The response is point-like, it contains the containment already."
        if first.aeff.rad_max is not None:
            return Region("circle", first.aeff.rad_max, False, "The cut that the point-like response was made for.", no)
        return Region("point", None, False, "Point-like response: events within its cut, which varies with energy.", no)
    psf = first.psf
    if psf is None:
        no = "There is no point-spread function to correct with."
        size = RADIUS if radius is None else radius
        return Region("circle", size, False, f"Full-enclosure response; a circle of {size:g} deg.", no)
    offset = float(first.pointing.separation(center).deg)
    contained = float(np.max(psf.containment_radius(CONTAINMENT, np.array([1.0]), np.array([offset]))))
    size = max(math.ceil(contained * 100 - 1e-6) / 100, 0.05) if radius is None else radius
    if size > EXTENDED * contained:
        return Region(
            "circle",
            size,
            False,
            f"A circle of {size:g} deg for an extended source; the response is averaged over it.",
            "Of an extended source; the correction is for a point.",
        )
    reason = (
        f"Full-enclosure response; at 1 TeV {100 * CONTAINMENT:.0f} % of a point source lie within {contained:.2f} deg."
    )
    return Region("circle", size, True, reason, "For the photons of a point source that fall outside the ON region.")


def _reducible(
    runs: Sequence[Observation], center: SkyCoord, region: Region, progress: Progress
) -> tuple[list[Observation], str]:
    """Leave out the runs whose ON region is not in the field of view, or lies on the pointing."""
    kept = []
    for run in runs:
        offset, size = float(run.pointing.separation(center).deg), region.radius or 0.0
        axes = run.aeff.offset_axis.edges, run.edisp.offset_axis.edges
        reach = min(edges[-1] for edges in axes)
        if offset + size > reach or offset < max(edges[0] for edges in axes):
            progress.say(f"run {run.name} is left out: the source is {offset:.2f} deg off, the response ends before")
        elif offset <= 1.1 * size or offset == 0:
            progress.say(f"run {run.name} is left out: pointed at the source, no OFF region has its distance")
        else:
            kept.append(run)
    if not kept:
        raise InputError(
            "no run leaves room for OFF regions",
            place="--radius",
            found=f"{len(runs)} runs within {CONE} deg, an ON region of {region.radius or 0:g} deg",
            allowed="a smaller ON region, or runs that point beside the source",
        )
    left_out = "" if len(kept) == len(runs) else f" ({len(runs) - len(kept)} left out: no room for OFF regions)"
    return kept, left_out


def _round_down(value: float) -> float:
    unit = 10 ** (math.floor(math.log10(value)) - 1)
    return float(f"{math.floor(value / unit + 1e-6) * unit:.3g}")


def _round_up(value: float) -> float:
    unit = 10 ** (math.floor(math.log10(value)) - 1)
    return float(f"{math.ceil(value / unit - 1e-6) * unit:.3g}")


def _axes(runs: Sequence[Observation], center: SkyCoord) -> dict[str, Any]:
    """Choose the energies by the effective areas at the source."""
    low = max(float(run.aeff.energy_edges[0]) for run in runs)
    high = min(float(run.aeff.energy_edges[-1]) for run in runs)
    starts = []
    for run in runs:
        area = run.aeff.evaluate(run.aeff.energy, float(run.pointing.separation(center).deg))
        starts.append(float(run.aeff.energy[np.argmax(area >= 0.01 * area.max())]))
    reco_min, reco_max = _round_down(max(min(starts), low)), _round_down(high / 2)
    true_min, true_max = max(_round_up(low), _round_down(reco_min / 3)), _round_down(high)

    def bins(start: float, stop: float, per_decade: int) -> int:
        return max(1, round(per_decade * math.log10(stop / start)))

    return {
        "reco_min": f"{reco_min:g}",
        "reco_max": f"{reco_max:g}",
        "reco_bins": bins(reco_min, reco_max, RECO_PER_DECADE),
        "true_min": f"{true_min:g}",
        "true_max": f"{true_max:g}",
        "true_bins": bins(true_min, true_max, TRUE_PER_DECADE),
        "n_reco": RECO_PER_DECADE,
        "n_true": TRUE_PER_DECADE,
    }


def _reduction_lines(region: Region) -> str:
    lines = "  off_regions: {method: reflected}\n"
    if region.shape == "point":
        lines = (
            "  # Reflected regions need an ON region of one size.\n  off_regions: {method: wobble, n_off_regions: 1}\n"
        )
    return lines + ("  exposure: region-average\n  edisp: region-average\n" if region.is_extended else "")


def _prior_lines() -> str:
    model = SpectralModel("power-law")
    lines = []
    for parameter in model.parameters:
        ((name, arguments),) = model.priors[parameter.name].to_dict().items()
        plain = model.priors[parameter.name].dimensionless
        texts = [
            f"{key}: {value:g} {'' if key in plain else parameter.unit}".strip() for key, value in arguments.items()
        ]
        lines.append(f"    {parameter.name}: {{{name}: {{{', '.join(texts)}}}}}")
    return "\n".join(lines)


def _filled(
    store: Path, path: Path, name: str, center: SkyCoord, runs: Sequence[Observation], region: Region, left_out: str
) -> str:
    text = str(store) if store.is_absolute() else os.path.relpath(store, path.parent)
    template = Template(files("bayes_onoff.app").joinpath("configuration_template.yaml").read_text(encoding="utf-8"))
    return template.substitute(
        title=name,
        file=path.name,
        name=path.stem,
        store=store.name or store,
        store_text=yaml.safe_dump(Path(text).as_posix(), width=1000).removesuffix("...\n").strip(),
        n_runs=f"{len(runs)} run" + ("s" if len(runs) > 1 else ""),
        cone=f"{CONE:g}",
        left_out=left_out,
        ids=f"[{', '.join(str(run.obs_id) for run in runs)}]",
        region_reason=region.reason,
        shape=region.shape,
        radius="" if region.radius is None else f"  radius: {region.radius:g} deg\n",
        ra=f"{center.icrs.ra.deg:.5f}",
        dec=f"{center.icrs.dec.deg:.5f}",
        off_regions=_reduction_lines(region),
        containment=str(region.containment).lower(),
        containment_reason=region.containment_reason,
        priors=_prior_lines(),
        **_axes(runs, center),
    )
