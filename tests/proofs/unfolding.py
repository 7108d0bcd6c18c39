"""Unfolding: how often does the 68 % band hold the true spectrum, energy by energy? Run as

    GAMMAPY_DATA=... python -m tests.proofs.unfolding --out unfolding.jsonl --sets 300 --processes 2
    python -m tests.proofs.unfolding --out unfolding.jsonl --table

ON and OFF counts of the four Crab runs are drawn from spectra of four forms and from the smooth fit to the real OFF
counts, and unfolded with the pooled background. The band is looked at in the middle of every fitted bin between the
first and the last detected one. A bin counts as detected if the *expected* excess of all runs is more than twice the
standard deviation of the ON counts and of the scaled OFF counts: a property of the truth, not of a set.

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

from bayes_onoff.inference import (
    BackgroundModel,
    CompiledAnalysis,
    SamplerSettings,
    compile_analysis,
    unfolding_model,
)
from bayes_onoff.inference.fit_data import FitData
from bayes_onoff.inference.pooled_coordinates import pooled_geometry
from bayes_onoff.models import SpectralModel, photons
from bayes_onoff.simulation import simulate_counts
from bayes_onoff.spectra import Spectra, fold
from tests.proofs.records import append_records, in_processes, proof_parser, read_records, require_seed

__all__ = ["TRUTHS", "analyse_set", "coverage_tables", "detected_energies"]

RUNS = (23523, 23526, 23559, 23592)
TRUTHS: dict[str, tuple[str, SpectralModel, dict[str, float]]] = {
    "power law": ("index 2.6", SpectralModel("power-law"), {"amplitude": 3.5e-11, "index": 2.6}),
    "cutoff": (
        "index 2.0, cutoff at 6 TeV",
        SpectralModel("exp-cutoff-power-law"),
        {"amplitude": 4.2e-11, "index": 2.0, "lambda_": 1 / 6},
    ),
    "broken": (
        "index 2.0 to 3.0 within half a unit of ln E around 1.5 TeV",
        SpectralModel("smooth-broken-power-law", fixed={"beta": 0.5}),
        {"amplitude": 3.2e-11, "index1": 2.0, "index2": 3.0, "ebreak": 1.5},
    ),
    "sharply broken": (
        "index 2.0 to 3.0 at 1.5 TeV",
        SpectralModel("broken-power-law"),
        {"amplitude": 1.42e-11, "index1": 2.0, "index2": 3.0, "ebreak": 1.5},
    ),
}
SETTINGS = {"chains": 2, "tune": 500, "draws": 750, "target_accept": 0.8}
DETECTED = 2.0
BAND = (0.60, 0.76)

type Task = tuple[int, str, int]
"""Seed, truth, set."""


@cache
def crab_spectra() -> Spectra:
    """Reduce the four Crab runs: their responses, acceptances and safe ranges."""
    import astropy.units as u
    from astropy.coordinates import SkyCoord
    from regions import CircleSkyRegion

    from bayes_onoff.axes import EnergyAxis
    from bayes_onoff.dl3 import DataStore
    from bayes_onoff.reduction import reduce_observations

    return reduce_observations(
        DataStore.from_dir(Path(os.environ["GAMMAPY_DATA"]) / "hess-dl3-dr1").observations(RUNS),
        CircleSkyRegion(SkyCoord(83.63, 22.01, unit="deg"), 0.11 * u.deg),
        energy=EnergyAxis.from_bounds(0.1 * u.TeV, 40 * u.TeV, 40),
        energy_true=EnergyAxis.from_bounds(0.05 * u.TeV, 100 * u.TeV, 100, "energy_true"),
    ).spectra


@cache
def expected_off() -> NDArray[np.float64]:
    """Smooth fit to the real OFF counts, (run, energy) over all bins; 0 outside the fitted range."""
    spectra = crab_spectra()
    data = FitData.from_spectra(spectra)
    fitted = np.exp(pooled_geometry(data, BackgroundModel()).log_mean_at_fit)
    first = int(np.searchsorted(spectra.energy.edges, data.energy.edges[0] * (1 - 1e-9)))
    counts = np.zeros(spectra.mask.shape)
    counts[:, first : first + data.energy.n_bins] = np.where(data.mask, fitted, 0.0)
    return counts


@cache
def detected_energies(truth: str) -> NDArray[np.float64]:
    """Centres of the fitted bins from the first to the last detected one, TeV."""
    spectra = crab_spectra()
    _, model, values = TRUTHS[truth]
    signal = np.where(spectra.mask, fold(photons(model, values, spectra.energy_true.edges), spectra.response), 0.0)
    background = np.where(spectra.mask, spectra.alpha * expected_off(), 0.0)
    variance = (signal + background * (1 + np.where(spectra.mask, spectra.alpha, 0.0))).sum(axis=0)
    seen = np.flatnonzero(signal.sum(axis=0) > DETECTED * np.sqrt(variance))
    return spectra.energy.centers[seen[0] : seen[-1] + 1]


@cache
def compiled_analysis() -> CompiledAnalysis:
    """Compile the unfolding with the pooled background, once a process."""
    spectra = crab_spectra()
    return compile_analysis(spectra, unfolding_model(spectra))


def analyse_set(task: Task) -> dict[str, Any]:
    """Draw one set and unfold it: where the truth lies in the posterior at each energy, and how wide that is."""
    seed, truth, number = task
    counts, sampler = np.random.SeedSequence([seed, crc32(truth.encode()), number]).spawn(2)
    _, model, values = TRUTHS[truth]
    simulated = simulate_counts(
        crab_spectra(), model, values, npred_off=expected_off(), rng=np.random.default_rng(counts)
    )
    analysis = compiled_analysis()
    settings = SamplerSettings(seed=int(sampler.generate_state(1)[0]), **SETTINGS)  # type: ignore[arg-type]
    samples = analysis.sample(FitData.from_spectra(simulated), settings, progress=False)
    energies = detected_energies(truth)
    draws = {name: samples.variables[name][..., None] for name in analysis.model.parameter_names}
    log_ratio = np.log(analysis.model.dnde(energies, draws) / model.dnde(energies, values))
    roughness = samples.variables["roughness"]
    return {
        "seed": seed,
        "truth": truth,
        "set": number,
        "rank": (log_ratio < 0).mean(axis=(0, 1)).tolist(),
        "shift": np.median(log_ratio, axis=(0, 1)).tolist(),
        "sd": log_ratio.std(axis=(0, 1)).tolist(),
        "roughness": float(np.median(roughness)),
        "draws": int(roughness.size),
        "divergences": int(samples.sample_stats["diverging"].sum()),
        "effective": effective_draws(roughness),
    }


def effective_draws(draws: NDArray[np.float64]) -> float:
    """Effective number of draws of (chain, draw)."""
    import arviz_stats

    return float(arviz_stats.ess(draws, method="bulk", chain_axis=0, draw_axis=1))


def coverage(records: Sequence[dict[str, Any]]) -> NDArray[np.float64]:
    """Share of the sets whose 68 % band holds the truth, (energy,)."""
    ranks = np.array([record["rank"] for record in records])
    inside: NDArray[np.float64] = ((ranks > 0.16) & (ranks < 0.84)).mean(axis=0)
    return inside


def coverage_tables(records: Sequence[dict[str, Any]]) -> str:
    """Write two markdown tables: one line a truth, and the coverage at every energy."""
    found = {name: [r for r in records if r["truth"] == name] for name in TRUTHS}
    found = {name: some for name, some in found.items() if some}
    summary = [
        "| truth | sets | energies, TeV | mean | least | most | outside the bar, TeV "
        "| roughness | divergences, ‰ | effective draws of the roughness, median (least) |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    details = ["| truth | energy, TeV | covered | shift, % | width (sd), % |", "|---|---|---|---|---|"]
    for name, some in found.items():
        energies, covered = detected_energies(name), coverage(some)
        outside = ", ".join(f"{e:.2f}" for e in energies[(covered < BAND[0]) | (covered > BAND[1])]) or "none"
        divergent = 1000 * sum(r["divergences"] for r in some) / sum(r["draws"] for r in some)
        effective = [r["effective"] for r in some]
        error = np.sqrt(0.68 * 0.32 / len(some))
        summary.append(
            f"| {name}: {TRUTHS[name][0]} | {len(some)} | {energies[0]:.2f} to {energies[-1]:.2f} "
            f"| {covered.mean():.3f} | {covered.min():.3f} ± {error:.3f} | {covered.max():.3f} ± {error:.3f} "
            f"| {outside} | {np.median([r['roughness'] for r in some]):.2f} | {divergent:.2f} "
            f"| {np.median(effective):.0f} ({min(effective):.0f}) |"
        )
        shift, sd = (np.mean([r[key] for r in some], axis=0) for key in ("shift", "sd"))
        details += [
            f"| {name} | {e:.2f} | {c:.3f} | {100 * m:+.1f} | {100 * s:.0f} |"
            for e, c, m, s in zip(energies, covered, shift, sd, strict=True)
        ]
    return "\n".join([*summary, "", *details]) + "\n"


def _tasks(records: Sequence[dict[str, Any]], n_sets: int, seed: int) -> Iterator[Task]:
    """Sets that are not recorded yet."""
    require_seed(records, seed)
    done = {(record["truth"], record["set"]) for record in records}
    for number in range(n_sets):
        yield from ((seed, truth, number) for truth in TRUTHS if (truth, number) not in done)


def _compile(_: None) -> None:
    compiled_analysis()


def main(arguments: list[str] | None = None) -> None:
    """Run sets or print the tables."""
    chosen = proof_parser(__doc__, "sets a truth", "stop after that long").parse_args(arguments)
    if chosen.table:
        sys.stdout.write(coverage_tables(read_records(chosen.out)))
        return
    tasks = list(_tasks(read_records(chosen.out), chosen.sets, chosen.seed))
    if tasks:
        analysed = in_processes(analyse_set, tasks, chosen.processes, minutes=chosen.minutes, first=(_compile, [None]))
        append_records(chosen.out, analysed, len(tasks))


if __name__ == "__main__":
    main()
