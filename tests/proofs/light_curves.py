"""Light curves: is the posterior of F_var true, and what do the limits say of a constant source? Run as

    python -m tests.proofs.light_curves --out light_curves.jsonl --sets 200 --processes 2
    python -m tests.proofs.light_curves --out light_curves.jsonl --table

Six groups of runs at four levels of counts. `sbc`: all truths (scatter, spectrum, fluxes, background) are drawn from
the priors with which the data are then analysed. `fixed`: the scatter of ln(flux) is 0 (a constant source), 0.1 or 0.3.

Every set is a line of JSON in `--out`; a run that was stopped goes on where it ended.
"""

import sys
import time
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from bayes_onoff.axes import EnergyAxis
from bayes_onoff.inference import (
    BackgroundModel,
    CompiledLightCurve,
    LightCurvePosterior,
    SamplerSettings,
    compile_light_curve,
)
from bayes_onoff.inference.fit_data import FitData
from bayes_onoff.inference.pooled import BackgroundPriors
from bayes_onoff.inference.population import population_geometry
from bayes_onoff.inference.rates import prior_background_draws
from bayes_onoff.models import LogNormal, Normal, SpectralModel, photons
from bayes_onoff.products.light_curve import variability_bayes_factor
from bayes_onoff.spectra import Spectra, SpectrumOnOff, fold
from tests.proofs.records import append_records, in_processes, proof_parser, read_records, require_seed

__all__ = ["MODEL", "analyse_set", "compiled_curve", "light_curve_table", "toy_runs", "toy_with_counts"]

LEVELS = {"few": 2e11, "some": 1e12, "many": 1e13, "very many": 1e14}
"""Exposure at 1 TeV, cm2 s: about 12, 60, 600 and 6000 excess counts a group."""
SCATTERS = (0.0, 0.1, 0.3)
N_GROUPS, N_BINS, ALPHA = 6, 6, 0.1
TRUTH = {"amplitude": 3e-11, "index": 2.5}
MODEL = SpectralModel("power-law", 1.0, {"amplitude": LogNormal(3e-11, 0.5), "index": Normal(2.5, 0.3)})
SETTINGS = {"chains": 2, "tune": 500, "draws": 500}
QUANTITIES = ("fvar_population", "fvar_sample", "amplitude", "index", "factor")

type Task = tuple[int, str, str, float, int]
"""Seed, kind, level, scatter (of `fixed`), repetition."""


@cache
def toy_runs(exposure: float) -> Spectra:
    """Runs without counts, one a group, a day apart; Gaussian dispersion, rising area."""
    energy = EnergyAxis(np.geomspace(0.5, 20, N_BINS + 1))
    energy_true = EnergyAxis(np.geomspace(0.3, 40, 21), "energy_true")
    migration = np.log(energy.centers[None, :] / energy_true.centers[:, None])
    width = np.log(energy.edges[1] / energy.edges[0])
    edisp = np.exp(-0.5 * (migration / 0.2) ** 2) * width / (0.2 * np.sqrt(2 * np.pi))
    edisp /= np.maximum(edisp.sum(axis=1, keepdims=True), 1.0)
    none = np.zeros(N_BINS, dtype=int)
    return Spectra(
        tuple(
            SpectrumOnOff(
                name=f"night-{group}",
                energy=energy,
                energy_true=energy_true,
                n_on=none,
                n_off=none,
                acceptance=1.0,
                acceptance_off=1 / ALPHA,
                exposure=exposure * energy_true.centers**0.5,
                edisp=edisp,
                livetime=1600.0,
                mask_safe=np.ones(N_BINS, dtype=bool),
                gti=np.array([[53343.9 + group, 53343.92 + group]]),
            )
            for group in range(N_GROUPS)
        )
    )


def toy_with_counts(
    exposure: float,
    factors: NDArray[np.float64],
    rng: np.random.Generator,
    values: dict[str, float] | None = None,
    rates: NDArray[np.float64] | None = None,
    index_shifts: NDArray[np.float64] | float = 0.0,
) -> Spectra:
    """Draw counts for fluxes of `factors` (group,) times the mean; `rates` (group, energy) are expected OFF counts."""
    runs, values = toy_runs(exposure), values or TRUTH
    if rates is None:
        rates = np.tile(10 * (exposure / 1e12) ** 0.5 * (runs.energy.centers / 2) ** -1.2, (N_GROUPS, 1))
    shifts = np.broadcast_to(index_shifts, N_GROUPS)
    signal = [
        factor
        * fold(photons(MODEL, {**values, "index": values["index"] + shift}, runs.energy_true.edges), run.response)
        for factor, shift, run in zip(factors, shifts, runs, strict=True)
    ]
    counts = zip(runs, rng.poisson(np.array(signal) + ALPHA * rates), rng.poisson(rates), strict=True)
    return Spectra(tuple(run.replace(n_on=n_on, n_off=n_off) for run, n_on, n_off in counts))


@cache
def compiled_curve() -> CompiledLightCurve:
    """Compile once a process; every level has the same shape."""
    return compile_light_curve(toy_runs(LEVELS["some"]), MODEL)


def _background_priors(exposure: float) -> BackgroundPriors:
    """Around the rates of `toy_with_counts`: ln(counts per region and bin), and the slope per ln(energy)."""
    level = np.log(10 * ALPHA * (exposure / 1e12) ** 0.5 * (np.sqrt(10) / 2) ** -1.2)
    return BackgroundPriors(level_mean=float(level), level_sd=0.3, slope_mean=-1.2, slope_sd=0.3)


def _drawn_from_the_priors(exposure: float, rng: np.random.Generator) -> tuple[Spectra, dict[str, float]]:
    curve = compiled_curve()
    data = FitData.from_spectra(toy_runs(exposure))
    priors = _background_priors(exposure)
    rates = prior_background_draws(data, BackgroundModel(), 1, rng, priors)["npred_off"][0, 0]
    values = {name: float(prior.draw(rng, 1)[0]) for name, prior in MODEL.priors.items()}
    scatter = float(curve.signal.population.scatter.draw(rng, 1)[0])
    factors = _factors(scatter, rng)
    truth = {**values, **_variability(scatter, factors), "factor": float(factors[0])}
    return toy_with_counts(exposure, factors, rng, values, rates), truth


def _factors(scatter: float, rng: np.random.Generator) -> NDArray[np.float64]:
    factors: NDArray[np.float64] = np.exp(scatter * rng.standard_normal(N_GROUPS) - scatter**2 / 2)
    return factors


def _variability(scatter: float, factors: NDArray[np.float64]) -> dict[str, float]:
    sample = float(factors.std(ddof=1) / factors.mean())
    return {"fvar_population": float(np.sqrt(np.expm1(scatter**2))), "fvar_sample": sample}


def _draws(posterior: LightCurvePosterior) -> dict[str, NDArray[np.float64]]:
    factor = posterior.draws("factor")
    return {
        "fvar_population": np.sqrt(np.expm1(posterior.draws("scatter") ** 2)),
        "fvar_sample": factor.std(axis=-1, ddof=1) / factor.mean(axis=-1),
        **posterior.values,
        "factor": factor[..., 0],
    }


def analyse_set(task: Task) -> dict[str, Any]:
    """Analyse one set: ranks of the truths, limits on F_var, evidence of variability."""
    seed, kind, level, scatter, repetition = task
    exposure, curve = LEVELS[level], compiled_curve()
    counts, sampler = np.random.SeedSequence([seed, crc32(f"{kind} {level} {scatter}".encode()), repetition]).spawn(2)
    rng = np.random.default_rng(counts)
    priors = _background_priors(exposure)
    if kind == "sbc":
        spectra, truth = _drawn_from_the_priors(exposure, rng)
    else:
        factors = _factors(scatter, rng)
        spectra, truth = toy_with_counts(exposure, factors, rng), _variability(scatter, factors)
    settings = SamplerSettings(seed=int(sampler.generate_state(1)[0]), **SETTINGS)  # type: ignore[arg-type]
    start = time.process_time()
    posterior = curve.fit(spectra, settings, priors=priors, progress=False)
    spent = time.process_time() - start
    draws = _draws(posterior)
    information = population_geometry(FitData.from_spectra(spectra), curve.signal)["flux_information"]
    return {
        "seed": seed,
        "kind": kind,
        "level": level,
        "scatter": scatter,
        "set": repetition,
        "truth": truth,
        "rank": {name: float((draws[name] < value).mean()) for name, value in truth.items()},
        "limit": {name: float(np.quantile(draws[name], 0.95)) for name in ("fvar_population", "fvar_sample")},
        "bayes_factor": variability_bayes_factor(posterior)[0],
        "relative_error": float(np.mean(information**-0.5)),
        "draws": posterior.convergence.draws,
        "divergences": posterior.convergence.divergences,
        "ess": posterior.convergence.ess_bulk_min,
        "cpu_s": spent,
    }


def _tasks(records: Sequence[dict[str, Any]], n_sets: int, seed: int) -> Iterator[Task]:
    """Sets that are not recorded yet, a few of every kind first."""
    require_seed(records, seed)
    done = {(record["kind"], record["level"], record["scatter"], record["set"]) for record in records}
    cases = [("sbc", level, -1.0) for level in LEVELS]
    cases += [("fixed", level, scatter) for scatter in SCATTERS for level in LEVELS]
    for repetition in range(n_sets):
        yield from ((seed, *case, repetition) for case in cases if (*case, repetition) not in done)


def light_curve_table(records: Sequence[dict[str, Any]]) -> str:
    """Write two markdown tables: uniformity of the ranks, and limits of fixed scatters."""
    return _rank_table(records) + "\n" + _limit_table(records)


def _rank_table(records: Sequence[dict[str, Any]]) -> str:
    from scipy.stats import kstest

    lines = [
        "| counts | sets | "
        + " | ".join(f"p, {name}" for name in QUANTITIES)
        + " | F_var limits cover | divergences |",
        "|---|---|" + "---|" * (len(QUANTITIES) + 2),
    ]
    for level in LEVELS:
        chosen = [record for record in records if (record["kind"], record["level"]) == ("sbc", level)]
        if not chosen:
            continue
        p_values = [kstest([record["rank"][name] for record in chosen], "uniform").pvalue for name in QUANTITIES]
        covered = np.mean([record["rank"]["fvar_population"] <= 0.95 for record in chosen])
        cells = [level, str(len(chosen)), *(f"{p:.2f}" for p in p_values)]
        lines.append(f"| {' | '.join(cells)} | {covered:.3f} | {sum(r['divergences'] for r in chosen)} |")
    return "\n".join(lines) + "\n"


def _limit_table(records: Sequence[dict[str, Any]]) -> str:
    lines = [
        "| scatter | counts | sets | relative error of a flux | median 95 % limit on F_var | over that error | "
        "limits above F_var | Bayes factor above 3 | above 20 | divergences |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for scatter in SCATTERS:
        for level in LEVELS:
            key = ("fixed", level, scatter)
            chosen = [record for record in records if (record["kind"], record["level"], record["scatter"]) == key]
            if not chosen:
                continue
            error = float(np.median([record["relative_error"] for record in chosen]))
            limits = np.array([record["limit"]["fvar_population"] for record in chosen])
            covered = np.mean(limits >= np.sqrt(np.expm1(scatter**2)))
            factors = np.array([record["bayes_factor"] for record in chosen])
            cells = [f"{scatter:g}", level, str(len(chosen)), f"{error:.3f}", f"{np.median(limits):.3f}"]
            cells += [f"{np.median(limits) / error:.2f}", f"{covered:.3f}"]
            cells += [f"{np.mean(factors > 3):.3f}", f"{np.mean(factors > 20):.3f}"]
            cells.append(str(sum(record["divergences"] for record in chosen)))
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _compile(_: None) -> None:
    compiled_curve()


def main(arguments: list[str] | None = None) -> None:
    """Run sets or print the tables."""
    parser = proof_parser(__doc__, "sets of each kind and level", "stop after that long", default_sets=200)
    chosen = parser.parse_args(arguments)
    records = read_records(chosen.out)
    if chosen.table:
        sys.stdout.write(light_curve_table(records))
        return
    tasks = list(_tasks(records, chosen.sets, chosen.seed))
    if tasks:
        analysed = in_processes(analyse_set, tasks, chosen.processes, minutes=chosen.minutes, first=(_compile, [None]))
        append_records(chosen.out, analysed, len(tasks))


if __name__ == "__main__":
    main()
