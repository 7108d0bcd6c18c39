"""Proof: at the default settings the Crab is sampled without a divergence, for several seeds. Minutes; marked slow.

Run with ``pytest -m slow -s tests/inference/test_sampling_defaults.py``; docs/measurements.md keeps the printed table.
"""

import sys

import pytest

from bayes_onoff.inference import BackgroundModel, SamplerSettings, compile_analysis
from bayes_onoff.models import SpectralModel

SEEDS = (1, 2, 3, 4, 5)


@pytest.mark.slow
@pytest.mark.parametrize("prior", ["pooled", "independent"])
def test_defaults_converge_for_every_seed(crab, prior):
    analysis = compile_analysis(crab, SpectralModel("power-law"), BackgroundModel(prior))
    for seed in SEEDS:
        verdict = analysis.fit(crab, SamplerSettings(seed=seed), progress=False).convergence
        sys.stdout.write(
            f"| {prior} | {seed} | {verdict.divergences} | {verdict.r_hat_max:.4f} | {verdict.ess_bulk_min:.0f} "
            f"| {verdict.ess_tail_min:.0f} | {verdict.bfmi_min:.2f} |\n"
        )
        assert verdict.divergences == 0
        assert verdict.r_hat_max < 1.01
        assert min(verdict.ess_bulk_min, verdict.ess_tail_min) >= 400
