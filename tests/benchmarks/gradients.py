"""How long ln density and gradient take, latent and marginal, on the four Crab runs: prints a table. Least of many."""

import time
from pathlib import Path

import numpy as np

from bayes_onoff.app.config import load_config
from bayes_onoff.app.inputs import read_inputs
from bayes_onoff.app.progress import Progress
from bayes_onoff.inference import BackgroundModel, compile_analysis
from bayes_onoff.models import SpectralModel

config = load_config(Path(__file__).with_name("crab.yaml"))
spectra = read_inputs(config, Progress()).reduction.spectra
print("| background | latent, us | marginal, us | ratio |\n|---|---|---|---|")
for prior in ("pooled", "independent"):
    seconds = []
    for marginal in (False, True):
        compiled = compile_analysis(
            spectra, SpectralModel("power-law"), BackgroundModel(prior, marginal=marginal)
        ).compiled
        points = compiled.center + np.random.default_rng(1).uniform(-0.1, 0.1, (20, len(compiled.center)))
        best = np.inf
        for _ in range(40):
            start = time.perf_counter()
            for point in points:
                compiled.density.evaluate(point)
            best = min(best, (time.perf_counter() - start) / len(points))
        seconds.append(best)
    latent, marginalised = seconds
    print(f"| {prior} | {1e6 * latent:.0f} | {1e6 * marginalised:.0f} | {marginalised / latent:.1f} |")
