"""Upper limits: how often do they lie above a source of known flux? Run as

    GAMMAPY_DATA=... python -m tests.proofs.limits --out limits.jsonl --sets 1000 --processes 2
    python -m tests.proofs.limits --out limits.jsonl --table

The limit is that of flux points (`norm_ul`, one-sided, 95 %) in one band over the whole fitted range. First every
position without a source in the real runs is analysed as it is; the median limit over the positions of a run is the
run's scale.
Then sources of 0.5, 1 and 2 times that limit are injected: into the real ON counts of these positions, and into runs
simulated with the response, the acceptance and the background rates found at these positions.

Every set is a line of JSON in `--out`; a run that was stopped goes on where it ended.
"""

import os
import sys
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from bayes_onoff.inference import BackgroundModel, CompiledBands, SamplerSettings, compile_bands
from bayes_onoff.models import SpectralModel, photons
from bayes_onoff.spectra import Spectra, SpectrumOnOff, fold
from tests.proofs.records import append_records, in_processes, proof_parser, read_records, require_seed

__all__ = ["Position", "analyse_set", "coverage_table", "off_source_positions", "with_source"]

FACTORS = (0.5, 1.0, 2.0)
ENERGIES = (0.8, 20.0)
"""TeV: above the threshold of every run, so that all positions share one compiled model."""
OFFSET, RADIUS, N_ANGLES = 0.7, 0.11, 8
MODEL = SpectralModel("power-law")
REFERENCE = {"index": 2.5, "amplitude": 1e-12}
SETTINGS = {"chains": 2, "tune": 500, "draws": 1000}
SOURCES = {
    "Crab nebula": (83.63, 22.01, 0.3),
    "RX J1713.7-3946": (258.39, -39.76, 0.75),
    "HESS J1713-381": (258.48, -38.20, 0.3),
    "HESS J1714-385": (258.58, -38.48, 0.3),
    "HESS J1718-385": (259.53, -38.55, 0.4),
    "HESS J1708-410": (257.09, -41.08, 0.4),
    "HESS J1702-420": (255.68, -42.02, 0.5),
}
"""Right ascension, declination and radius (deg) of what is kept out of ON and OFF regions."""

type Task = tuple[int, str, str, float, int, float, tuple[float, ...]]
"""Seed, kind, position, factor, repetition, true norm, background rates (simulated runs only)."""
type Position = tuple[str, SpectrumOnOff]


@cache
def off_source_positions() -> dict[str, SpectrumOnOff]:
    """Reduce all real runs at eight places around the pointing, away from known sources: name to spectrum."""
    import astropy.units as u
    from astropy.coordinates import SkyCoord
    from regions import CircleSkyRegion

    from bayes_onoff.axes import EnergyAxis
    from bayes_onoff.dl3 import DataStore
    from bayes_onoff.reduction import reduce_observations

    store = DataStore.from_dir(Path(os.environ["GAMMAPY_DATA"]) / "hess-dl3-dr1")
    exclusion = [CircleSkyRegion(SkyCoord(ra, dec, unit="deg"), r * u.deg) for ra, dec, r in SOURCES.values()]
    found = {}
    for obs_id in filter(store.is_present, store.obs_ids):
        observation = store.observation(obs_id)
        for angle in np.arange(N_ANGLES) * 360 / N_ANGLES:
            center = observation.pointing.directional_offset_by(angle * u.deg, OFFSET * u.deg)
            if any(center.separation(region.center) < region.radius + 1.2 * RADIUS * u.deg for region in exclusion):
                continue
            reduction = reduce_observations(
                [observation],
                CircleSkyRegion(center, RADIUS * u.deg),
                energy=EnergyAxis.from_bounds(0.1 * u.TeV, 40 * u.TeV, 40),
                energy_true=EnergyAxis.from_bounds(0.05 * u.TeV, 100 * u.TeV, 100, "energy_true"),
                exclusion=exclusion,
                fit_range=ENERGIES,
            )
            found[f"{obs_id}-{angle:.0f}"] = reduction.spectra[str(obs_id)]
    return found


def with_source(
    spectrum: SpectrumOnOff, norm: float, rng: np.random.Generator, rates: NDArray[np.float64] | None = None
) -> Spectra:
    """Add a source to the real ON counts, or draw all counts anew given the expected OFF counts, shape (energy,)."""
    source = rng.poisson(norm * fold(photons(MODEL, REFERENCE, spectrum.energy_true.edges), spectrum.response))
    n_on, n_off = spectrum.n_on, spectrum.n_off
    if rates is not None:
        n_on, n_off = rng.poisson(spectrum.alpha * rates), rng.poisson(rates)
    # The split between regions is that of the real counts: it takes no part in this analysis.
    return Spectra((spectrum.replace(n_on=n_on + source, n_off=n_off, n_off_by_region=None),))


@cache
def compiled_bands(background: str = "pooled") -> CompiledBands:
    """Compile one norm over the fitted range, once a process."""
    spectrum = next(iter(off_source_positions().values()))
    return compile_bands(Spectra((spectrum,)), MODEL, REFERENCE, np.array(ENERGIES), BackgroundModel(background))  # type: ignore[arg-type]


def analyse_set(task: Task) -> dict[str, Any]:
    """Analyse one set: its limit, and the truth."""
    from bayes_onoff.errors import BayesOnOffError
    from bayes_onoff.products import flux_points

    seed, kind, name, factor, repetition, norm, rates = task
    spectrum = off_source_positions()[name]
    counts, sampler = np.random.SeedSequence([seed, crc32(f"{kind} {name} {factor}".encode()), repetition]).spawn(2)
    all_rates = np.zeros(spectrum.energy.n_bins)
    all_rates[spectrum.mask] = rates or 0.0
    rng = np.random.default_rng(counts)
    spectra = with_source(spectrum, norm, rng, all_rates if kind == "simulated" else None)
    record: dict[str, Any] = {
        "seed": seed,
        "kind": kind,
        "position": name,
        "factor": factor,
        "set": repetition,
        "norm": norm,
        "n_on": int(spectra.n_on[spectra.mask].sum()),
        "n_off": int(spectra.n_off[spectra.mask].sum()),
        "alpha": float(spectrum.alpha[spectrum.mask].mean()),
    }
    settings = SamplerSettings(seed=int(sampler.generate_state(1)[0]), **SETTINGS)
    try:
        bands = compiled_bands().fit(spectra, MODEL, REFERENCE, np.array(ENERGIES), settings, progress=False)
    except BayesOnOffError as error:
        return {**record, "failure": str(error)}
    table = flux_points(bands).table
    if factor == 0:
        record["rates"] = bands.tree["posterior"]["npred_off"].mean(("chain", "draw")).to_numpy()[0].tolist()
    return {
        **record,
        "limit": float(table["norm_ul"][0]),
        "limit_of_draws": float(np.quantile(bands.norm, 0.95)),
        "draws": int(bands.norm.size),
        "divergences": int(bands.tree["sample_stats"]["diverging"].sum()),
    }


def _tasks(records: Sequence[dict[str, Any]], n_sets: int, seed: int) -> Iterator[Task]:
    """Sets that are not recorded yet: positions as they are first, then, when all of those are there, the sources."""
    require_seed(records, seed)
    done = {(record["kind"], record["position"], record["factor"], record["set"]) for record in records}
    positions = list(off_source_positions())
    plain = [name for name in positions if ("off-source", name, 0.0, 0) not in done]
    if plain:
        yield from ((seed, "off-source", name, 0.0, 0, 0.0, ()) for name in plain)
        return
    limits, rates = median_limits(records), {r["position"]: tuple(r["rates"]) for r in records if r["factor"] == 0}
    for kind in ("simulated", "off-source"):
        for factor in FACTORS:
            for number in range(n_sets):
                name, repetition = positions[number % len(positions)], number // len(positions)
                if (kind, name, factor, repetition) not in done:
                    known = rates[name] if kind == "simulated" else ()
                    yield seed, kind, name, factor, repetition, factor * limits[_run(name)], known


def _run(position: str) -> str:
    return position.split("-")[0]


def median_limits(records: Sequence[dict[str, Any]]) -> dict[str, float]:
    """Median over the positions of a run of the limit where there is no source: run to norm."""
    plain: dict[str, list[float]] = {}
    for record in records:
        if record["factor"] == 0:
            plain.setdefault(_run(record["position"]), []).append(record["limit"])
    return {run: float(np.median(limits)) for run, limits in plain.items()}


def coverage_table(records: Sequence[dict[str, Any]]) -> str:
    """Write the markdown table: how many limits lie above the truth."""
    lines = [
        "| runs | source in limits | sets | positions | covered | quantile of the draws | failed | divergences, ‰ |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for kind in ("simulated", "off-source"):
        for factor in FACTORS:
            chosen = [record for record in records if (record["kind"], record["factor"]) == (kind, factor)]
            whole = [record for record in chosen if "limit" in record]
            if not whole:
                continue
            columns = []
            for key in ("limit", "limit_of_draws"):
                covered = np.mean([record[key] >= record["norm"] for record in whole])
                columns.append(f"{covered:.3f} ± {(covered * (1 - covered) / len(whole)) ** 0.5:.3f}")
            divergent = 1000 * sum(r["divergences"] for r in whole) / sum(r["draws"] for r in whole)
            positions = len({record["position"] for record in whole})
            lines.append(
                f"| {kind} | {factor:g} | {len(whole)} | {positions} | {columns[0]} | {columns[1]} "
                f"| {len(chosen) - len(whole)} | {divergent:.2f} |"
            )
    return "\n".join(lines) + "\n"


def _compile(_: None) -> None:
    compiled_bands()


def main(arguments: list[str] | None = None) -> None:
    """Run sets or print the table."""
    parser = proof_parser(__doc__, "sets a factor and kind of run", "stop each stage after that long")
    chosen = parser.parse_args(arguments)
    if chosen.table:
        sys.stdout.write(coverage_table(read_records(chosen.out)))
        return
    for _ in ("positions as they are", "sources"):
        tasks = list(_tasks(read_records(chosen.out), chosen.sets, chosen.seed))
        if tasks:
            analysed = in_processes(
                analyse_set, tasks, chosen.processes, minutes=chosen.minutes, first=(_compile, [None])
            )
            append_records(chosen.out, analysed, len(tasks))


if __name__ == "__main__":
    main()
