"""Spectra to fit: a small simulated set for the mechanics, the four H.E.S.S. Crab runs for the numbers."""

from collections.abc import Callable
from functools import cache

import astropy.units as u
import numpy as np
import pytest

from bayes_onoff.axes import EnergyAxis
from bayes_onoff.inference import BackgroundModel, Posterior, SamplerSettings, fit
from bayes_onoff.models import LogNormal10, Normal, SpectralModel, photons
from bayes_onoff.reduction import Reduction
from bayes_onoff.spectra import Spectra, SpectrumOnOff, fold

TRUTH = {"amplitude": 3e-11, "index": 2.4}


def toy_spectra(
    seed: int = 1, n_runs: int = 2, n_bins: int = 8, off_level: float = 4.0, alpha: float = 0.1, flux: float = 1.0
) -> Spectra:
    """Counts drawn from a power law and a steep background; Gaussian dispersion, rising area."""
    rng = np.random.default_rng(seed)
    energy = EnergyAxis.from_bounds(0.5 * u.TeV, 20 * u.TeV, n_bins)
    energy_true = EnergyAxis.from_bounds(0.2 * u.TeV, 50 * u.TeV, 30, "energy_true")
    migration = np.log(energy.centers[None, :] / energy_true.centers[:, None])
    width = np.log(energy.edges[1] / energy.edges[0])
    edisp = np.exp(-0.5 * (migration / 0.2) ** 2) * width / (0.2 * np.sqrt(2 * np.pi))
    edisp /= np.maximum(edisp.sum(axis=1, keepdims=True), 1.0)
    exposure = 3e12 * energy_true.centers**0.5
    truth = flux * photons(SpectralModel("power-law"), TRUTH, energy_true.edges)
    runs = []
    for index in range(n_runs):
        mask = np.ones(n_bins, dtype=bool)
        mask[:index] = False
        n_off_expected = off_level * (index + 1) * (energy.centers / 2) ** -1.2
        signal = fold(truth, (edisp * exposure[:, None]).T)
        runs.append(
            SpectrumOnOff(
                name=f"{index + 1}",
                energy=energy,
                energy_true=energy_true,
                n_on=rng.poisson(signal + alpha * n_off_expected),
                n_off=rng.poisson(n_off_expected),
                acceptance=1.0,
                acceptance_off=1 / alpha,
                exposure=exposure,
                edisp=edisp,
                livetime=1600.0,
                mask_safe=mask,
            )
        )
    return Spectra(tuple(runs))


@pytest.fixture(scope="session")
def make_spectra() -> Callable[..., Spectra]:
    return toy_spectra


@pytest.fixture(scope="session")
def spectra() -> Spectra:
    return toy_spectra()


@pytest.fixture(scope="session")
def crab(reduce_crab: Callable[..., Reduction]) -> Spectra:
    """The four Crab runs as `crab.yaml` reduces them."""
    return reduce_crab().spectra


@pytest.fixture(scope="session")
def grid_model() -> SpectralModel:
    """The priors of the frozen grid integration."""
    return SpectralModel("power-law", 1.0, {"index": Normal(2.5, 1.0), "amplitude": LogNormal10(10**-10.5, 1.0)})


@pytest.fixture(scope="session")
def fit_crab(crab: Spectra, grid_model: SpectralModel) -> Callable[[BackgroundModel], Posterior]:
    """Sample the four Crab runs with the grid's priors, once for each background."""

    @cache
    def sample(background: BackgroundModel) -> Posterior:
        return fit(crab, grid_model, background, SamplerSettings(seed=5), progress=False)

    return sample
