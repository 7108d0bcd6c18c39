"""Model comparison on simulated truths: are the probabilities true, and how often is the wrong model preferred? Run as

    python -m tests.proofs.model_comparison --out comparison.jsonl --sets 200 --processes 2
    python -m tests.proofs.model_comparison --out comparison.jsonl --table

A power law and one with an exponential cutoff are fitted to four simulated runs with Crab-like exposure. Truths are
drawn from the priors of either model ("prior": with equal numbers of both, the posterior probability of the cutoff has
to be the frequency of cutoffs), or are a fixed power law or that with a cutoff at 10 TeV ("fixed").

Every set is a line of JSON in `--out`; a run that was stopped goes on where it ended.
"""

import itertools
import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Any
from zlib import crc32

import astropy.units as u
import numpy as np

from bayes_onoff.axes import EnergyAxis
from bayes_onoff.calibration.false_preference import compare_refits
from bayes_onoff.inference import BackgroundModel, CompiledAnalysis, SamplerSettings, compile_analysis
from bayes_onoff.inference.rates import prior_background_draws, replicated_counts
from bayes_onoff.models import LogNormal, Normal, SpectralModel, photons
from bayes_onoff.spectra import Spectra, SpectrumOnOff, fold
from tests.proofs.records import append_records, in_processes, proof_parser, read_records, require_seed

__all__ = ["analyse_set", "analysed_sets", "comparison_table", "compiled_models"]

PRIORS = {"amplitude": LogNormal(3e-11, 0.5), "index": Normal(2.5, 0.4)}
"""Narrower than the package's defaults, so that most truths are sources bright enough to be told apart."""
MODELS = {
    "power-law": SpectralModel("power-law", 1.0, PRIORS),
    "exp-cutoff-power-law": SpectralModel("exp-cutoff-power-law", 1.0, PRIORS),
}
FIXED = {
    "power-law": {"amplitude": 4e-11, "index": 2.6},
    "exp-cutoff-power-law": {"amplitude": 4e-11, "index": 2.4, "lambda_": 0.1},
}
BACKGROUND = BackgroundModel("pooled")
SETTINGS = {"chains": 2, "tune": 400, "draws": 500, "target_accept": 0.8}
RATES = {"level": np.log(0.6), "slope": -1.5, "shape_scale": 0.3, "deviation_scale": 0.1}
"""Of the fixed truths: counts per ON-sized region and bin, the slope and the scales of the background."""
PROBABILITIES = (0, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0)
"""Edges of the classes of sets whose posterior probabilities are compared with frequencies."""

MOST_COUNTS = 10**7
"""Sets with more in a bin are left out: no telescope counts so many, but priors four standard deviations out do. The
choice is made from the data alone, so that the probabilities of the others stay what they are."""

type Task = tuple[int, str, str, int]
"""Seed, kind of truth, model of the truth, repetition."""


def runs() -> Spectra:
    """Four runs without counts: 24 bins from 0.7 to 30 TeV, 15 % dispersion, 28 minutes of a large telescope array."""
    energy = EnergyAxis.from_bounds(0.7 * u.TeV, 30 * u.TeV, 24)
    energy_true = EnergyAxis.from_bounds(0.3 * u.TeV, 100 * u.TeV, 60, "energy_true")
    edges = np.log(energy.edges)
    from scipy.special import ndtr

    migration = ndtr((edges[None, :] - np.log(energy_true.centers)[:, None]) / 0.15)
    exposure = 3.5e12 * (energy_true.centers / (1 + energy_true.centers)) ** 0.5
    zeros = np.zeros(energy.n_bins, dtype=int)
    return Spectra(
        tuple(
            SpectrumOnOff(
                name=f"run-{number}",
                energy=energy,
                energy_true=energy_true,
                n_on=zeros,
                n_off=zeros,
                acceptance=1.0,
                acceptance_off=float(regions),
                exposure=exposure,
                edisp=np.diff(migration, axis=1),
                livetime=1680.0,
                mask_safe=np.ones(energy.n_bins, dtype=bool),
            )
            for number, regions in enumerate((12, 12, 20, 20))
        )
    )


@cache
def compiled_models() -> tuple[CompiledAnalysis, CompiledAnalysis]:
    """Compile both models, once a process."""
    simpler, richer = (compile_analysis(runs(), model, BACKGROUND) for model in MODELS.values())
    return simpler, richer


def analyse_set(task: Task) -> dict[str, Any]:
    """Simulate one set and compare the models with it."""
    seed, kind, truth, number = task
    identity = [seed, crc32(f"{kind} {truth}".encode()), number]
    truth_seed, sampler_seed = np.random.SeedSequence(identity).spawn(2)
    rng = np.random.default_rng(truth_seed)
    model, compiled = MODELS[truth], compiled_models()
    data = compiled[0].data
    background = prior_background_draws(data, BACKGROUND, 1, rng)
    values = {name: prior.draw(rng, (1, 1)) for name, prior in model.priors.items()}
    if kind == "fixed":
        values = {name: np.full((1, 1), value) for name, value in FIXED[truth].items()}
        log_rate = RATES["level"] - np.log(data.alpha) + RATES["slope"] * data.log_energy
        scatter = RATES["deviation_scale"]
        log_rate = log_rate + scatter * rng.standard_normal(data.mask.shape) - scatter**2 / 2
        background = {"npred_off": np.exp(log_rate)[None, None]}
    signal = fold(photons(model, values, data.energy_true.edges), data.response)
    counts = {name: drawn[0, 0] for name, drawn in replicated_counts(signal, background, data, rng).items()}
    settings = SamplerSettings(seed=int(sampler_seed.generate_state(1)[0]), **SETTINGS)
    set_of = {"seed": seed, "kind": kind, "truth": truth, "set": number}
    if max(values.max() for values in counts.values()) > MOST_COUNTS:
        return {**set_of, "left_out": True}
    return {
        **set_of,
        "excess": float(signal.sum()),
        **{name: float(value[0, 0]) for name, value in values.items()},
        **compare_refits(compiled, replace(data, **counts), settings),
    }


def analysed_sets(records: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Records of the sets that were not left out."""
    return [record for record in records if not record.get("left_out")]


def comparison_table(records: Sequence[dict[str, Any]]) -> str:
    """Write the markdown tables: calibration of the probabilities, and false preferences."""
    lines = ["| probability of the cutoff | sets | mean probability | cutoffs among them |", "|---|---|---|---|"]
    records = analysed_sets(records)
    drawn = [record for record in records if record["kind"] == "prior"]
    probability = 1 / (1 + np.exp(-np.array([record["log_bayes_factor"] for record in drawn])))
    is_cutoff = np.array([record["truth"] == "exp-cutoff-power-law" for record in drawn])
    for low, high in itertools.pairwise(PROBABILITIES):
        inside = (probability >= low) & ((probability < high) | (high == 1.0))
        if np.any(inside):
            p, n_sets = probability[inside], inside.sum()
            found, error = is_cutoff[inside].mean(), np.sqrt(p @ (1 - p)) / n_sets
            lines.append(f"| {low:g} to {high:g} | {n_sets} | {p.mean():.3f} | {found:.3f} ± {error:.3f} |")
    lines += [
        "",
        "| fixed truth | sets | wrong model: evidence above 0 | above 1 | above 3 | LOO above 0 | LOO clearly | "
        "errors of ln evidence | k-hat | s a set |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for truth, sign in (("power-law", 1), ("exp-cutoff-power-law", -1)):
        chosen = [record for record in records if (record["kind"], record["truth"]) == ("fixed", truth)]
        if not chosen:
            continue
        column = {
            key: np.array([record[key] for record in chosen]) for key in chosen[0] if key not in ("kind", "truth")
        }
        factor, elpd = sign * column["log_bayes_factor"], sign * column["elpd_difference"]
        clear = (elpd > 4) & (elpd > 2 * column["elpd_se"])
        rates = [np.mean(wrong) for wrong in (factor > 0, factor > 1, factor > 3, elpd > 0, clear)]
        lines.append(
            f"| {truth} | {len(chosen)} | "
            + " | ".join(f"{rate:.3f} ± {np.sqrt(rate * (1 - rate) / len(chosen)):.3f}" for rate in rates)
            + f" | {np.median(column['evidence_error']):.3f} | {column['k_hat'].max():.2f}"
            + f" | {column['seconds'].mean():.1f} |"
        )
    return "\n".join(lines) + "\n"


def _compile(_: None) -> None:
    compiled_models()


def main(arguments: list[str] | None = None) -> None:
    """Run sets or print the tables."""
    parser = proof_parser(__doc__, "sets a truth and kind", "stop after that long", default_sets=200)
    chosen = parser.parse_args(arguments)
    records = read_records(chosen.out)
    if chosen.table:
        sys.stdout.write(comparison_table(records))
        return
    require_seed(records, chosen.seed)
    done = {(record["kind"], record["truth"], record["set"]) for record in records}
    tasks = [
        (chosen.seed, kind, truth, number)
        for number in range(chosen.sets)
        for kind in ("prior", "fixed")
        for truth in MODELS
        if (kind, truth, number) not in done
    ]
    if tasks:
        analysed = in_processes(analyse_set, tasks, chosen.processes, minutes=chosen.minutes, first=(_compile, [None]))
        append_records(chosen.out, analysed, len(tasks))


if __name__ == "__main__":
    main()
