"""What pooling costs: effective draws per second of the spectrum, pooled beside independent, on every data set.

    GAMMAPY_DATA=... uv run python -m tests.benchmarks.geometry

The last two rows are a hundred made-up runs, with 4 and with 0.3 OFF counts a bin. Read the figures as ratios.
"""

import os
import sys
import time
from pathlib import Path

import arviz_stats as azs

from bayes_onoff.app.config import load_config
from bayes_onoff.app.inputs import read_inputs
from bayes_onoff.app.progress import Progress
from bayes_onoff.inference import BackgroundModel, Posterior, SamplerSettings, compile_analysis
from bayes_onoff.models import SpectralModel
from bayes_onoff.spectra import Spectra
from tests.inference.conftest import toy_spectra
from tests.inference.test_sampling_defaults import DATA_SETS


def hundred_runs(off_level: float) -> Spectra:
    """A hundred runs of 8 bins, each with counts of its own."""
    runs = (
        toy_spectra(seed=number, n_runs=1, off_level=off_level)["1"].replace(name=f"{number}") for number in range(100)
    )
    return Spectra(tuple(runs))


def effective_draws(posterior: Posterior) -> float:
    """Bulk effective draws of the worst spectral parameter."""
    draws = posterior.tree["posterior"].to_dataset()[list(posterior.model.parameter_names)]
    return min(float(values) for values in azs.ess(draws, method="bulk").data_vars.values())


def main() -> None:
    """Print the table, row by row."""
    data = Path(os.environ["GAMMAPY_DATA"])
    crab = read_inputs(load_config(Path(__file__).with_name("crab.yaml")), Progress()).reduction.spectra
    sets = {"Crab": (crab, "power-law")} | {name: (load(data), shape) for name, (load, shape) in DATA_SETS.items()}
    sets |= {f"100 runs, OFF {level:g}": (hundred_runs(level), "power-law") for level in (4.0, 0.3)}
    sys.stdout.write(
        "| data | pooled: s | ESS | divergences | least ESS of all | independent: s | ESS | cost per draw, ratio |\n"
        "|---|---|---|---|---|---|---|---|\n"
    )
    for name, (spectra, shape) in sets.items():
        cells, costs = [], []
        for prior in ("pooled", "independent"):
            analysis = compile_analysis(spectra, SpectralModel(shape), BackgroundModel(prior))
            start = time.perf_counter()
            analysis.sample(analysis.data, SamplerSettings(seed=1), progress=False)
            seconds = time.perf_counter() - start
            posterior = analysis.fit(spectra, SamplerSettings(seed=1), progress=False)
            effective = effective_draws(posterior)
            costs.append(seconds / effective)
            cells += [f"{seconds:.1f}", f"{effective:.0f}"]
            if prior == "pooled":
                cells += [f"{posterior.convergence.divergences}", f"{posterior.convergence.ess_bulk_min:.0f}"]
        sys.stdout.write(f"| {name} | {' | '.join(cells)} | {costs[0] / costs[1]:.2f} |\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
