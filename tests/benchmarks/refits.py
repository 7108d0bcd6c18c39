"""Effective draws per second and seconds per refit of the Crab, warm; run by crab.py in a process of its own."""

import time
from pathlib import Path

import arviz_stats as azs
import numpy as np

from bayes_onoff.app.config import load_config
from bayes_onoff.app.inputs import read_inputs
from bayes_onoff.app.progress import Progress
from bayes_onoff.inference import BackgroundModel, SamplerSettings, compile_analysis
from bayes_onoff.models import SpectralModel
from bayes_onoff.simulation import simulate_counts

config = load_config(Path(__file__).with_name("crab.yaml"))
spectra = read_inputs(config, Progress()).reduction.spectra
print("| background | effective draws per second (index) | sampling, s | refit of new counts, s |\n|---|---|---|---|")
for prior in ("pooled", "independent"):
    analysis = compile_analysis(spectra, SpectralModel("power-law"), BackgroundModel(prior))
    posterior = analysis.fit(spectra, SamplerSettings(seed=1), progress=False)
    start = time.perf_counter()
    samples = analysis.compiled.sample(SamplerSettings(seed=2), progress=False)
    sampling = time.perf_counter() - start
    effective = float(azs.ess(samples.variables["index"]))
    rates = np.zeros(spectra.n_off.shape)
    fitted = posterior.tree["posterior"]["npred_off"].median(("chain", "draw")).values
    rates[:, -fitted.shape[1] :] = fitted
    rng = np.random.default_rng(3)
    start = time.perf_counter()
    for seed in range(3):
        simulated = simulate_counts(spectra, posterior.model, posterior.medians, npred_off=rates, rng=rng)
        analysis.fit(simulated, SamplerSettings(draws=500, tune=300, chains=2, seed=seed), progress=False)
    refit = (time.perf_counter() - start) / 3
    print(f"| {prior} | {effective / sampling:.0f} | {sampling:.1f} | {refit:.1f} |")
