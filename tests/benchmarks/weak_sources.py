"""Bayes factors of weak sources with the draws of the background left where they are, and moved: prints a table.

    uv run python tests/benchmarks/weak_sources.py

Ten bins, one run, pooled background; docs/detection.md quotes it.
"""

import sys
from unittest.mock import patch

import numpy as np

from bayes_onoff.axes import EnergyAxis
from bayes_onoff.inference import SamplerSettings, compile_bands
from bayes_onoff.models import SpectralModel
from bayes_onoff.products import detection
from bayes_onoff.spectra import Spectra, SpectrumOnOff

MODEL, VALUES = SpectralModel("power-law"), {"amplitude": 1e-12, "index": 2.5}
ENERGY = EnergyAxis(np.geomspace(1, 10, 11))
SHARE = ENERGY.centers**-1.5 / np.sum(ENERGY.centers**-1.5)
BANDS = np.geomspace(1, 10, 4)
CASES = ((1.0, 50, 30), (1.0, 50, 50), (1 / 3, 30, 25), (0.1, 30, 20), (1.0, 200, 200))
"""Alpha, expected background counts in the ON region, expected source counts."""


def simulated(alpha: float, background: float, source: float, seed: int) -> Spectra:
    """One run, source and background of the same shape."""
    rng = np.random.default_rng(seed)
    spectrum = SpectrumOnOff(
        name="1",
        energy=ENERGY,
        energy_true=EnergyAxis(ENERGY.edges, "energy_true"),
        n_on=rng.poisson((background + source) * SHARE),
        n_off=rng.poisson(background * SHARE / alpha),
        acceptance=1.0,
        acceptance_off=1 / alpha,
        exposure=np.full(10, 1e13),
        edisp=np.eye(10),
        livetime=3600.0,
        mask_safe=np.ones(10, dtype=bool),
    )
    return Spectra((spectrum,))


def main() -> None:
    """Analyse two sets of each case, twice."""
    compiled = compile_bands(simulated(1.0, 50, 30, 1), MODEL, VALUES, BANDS)
    settings = SamplerSettings(seed=1)
    print("| alpha | background | source | Li & Ma | ln B, moved | effective | ln B, not moved | effective |")
    print("|---|---|---|---|---|---|---|---|")
    for alpha, background, source in CASES:
        for seed in (1, 2):
            spectra = simulated(alpha, background, source, seed)
            bands = compiled.fit(spectra, MODEL, VALUES, BANDS, settings, progress=False)
            rows = [detection(bands)[0]]
            with patch.object(sys.modules["bayes_onoff.products.absent_source"], "_moved", lambda *_: None):
                rows.append(detection(bands)[0])
            cells = [f"{alpha:.2f}", str(background), str(source), f"{rows[0]['li_ma']:.2f}"]
            for row in rows:
                cells.append(f"{row['ln_bayes_factor']:.2f} ± {row['ln_bayes_factor_error']:.2f}")
                cells.append(f"{row['n_effective']:.0f}")
            print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
