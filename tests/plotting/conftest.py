"""A posterior made by hand: simulated counts, draws around the truth, the groups that the plots read."""

from collections.abc import Callable

import astropy.units as u
import numpy as np
import pytest
import xarray as xr

from bayes_onoff.axes import EnergyAxis
from bayes_onoff.inference.convergence import Convergence
from bayes_onoff.inference.fit_data import FitData
from bayes_onoff.inference.posterior import Posterior
from bayes_onoff.inference.settings import BackgroundModel, SamplerSettings
from bayes_onoff.models import SpectralModel, photons
from bayes_onoff.spectra import Spectra, SpectrumOnOff, fold
from bayes_onoff.spectra.labelled import to_dataset

TRUTH = {"amplitude": 2.7e-11, "index": 2.6}
DEVIATION = {"amplitude": 1.2e-12, "index": 0.06}
N_CHAINS, N_DRAWS = 4, 500


def make_spectra(model: SpectralModel, rng: np.random.Generator) -> Spectra:
    energy = EnergyAxis.from_bounds(0.1 * u.TeV, 40 * u.TeV, 20)
    energy_true = EnergyAxis.from_bounds(0.1 * u.TeV, 40 * u.TeV, 20, "energy_true")
    exposure = np.full(20, 3e12)
    signal = photons(model, TRUTH, energy_true.edges) * exposure
    runs = []
    for name, n_regions, first_safe in (("23523", 12, 6), ("23559", 41, 5)):
        off = n_regions * 5 * energy.centers**-1.7
        runs.append(
            SpectrumOnOff(
                name=name,
                energy=energy,
                energy_true=energy_true,
                n_on=rng.poisson(signal + off / n_regions),
                n_off=rng.poisson(off),
                acceptance=1.0,
                acceptance_off=float(n_regions),
                exposure=exposure,
                edisp=np.eye(20),
                livetime=1580.0,
                mask_safe=np.arange(20) >= first_safe,
            )
        )
    return Spectra(tuple(runs))


def make_tree(model: SpectralModel, spectra: Spectra, rng: np.random.Generator) -> xr.DataTree:
    data = FitData.from_spectra(spectra)
    shape = (N_CHAINS, N_DRAWS)
    values = {name: TRUTH[name] + DEVIATION[name] * rng.standard_normal(shape) for name in TRUTH}
    signal = fold(photons(model, values, data.energy_true.edges), data.response)
    off = rng.gamma(data.n_off + 0.5, size=(*shape, *data.n_off.shape))
    dims = ("chain", "draw", "run", "energy")
    predicted = {
        "n_on": rng.poisson(np.where(data.mask, signal + data.alpha * off, 0)),
        "n_off": rng.poisson(np.where(data.mask, off, 0)),
    }
    coords = {"run": list(data.runs), "energy": data.energy.centers}
    parameters = {name: (dims[:2], draws) for name, draws in values.items()}
    posterior = xr.Dataset({**parameters, "npred_signal": (dims, signal), "npred_off": (dims, off)}, coords)
    predictive = xr.Dataset({name: (dims, draws) for name, draws in predicted.items()}, coords)
    groups = {"posterior": posterior, "posterior_predictive": predictive, "spectra": to_dataset(spectra)}
    return xr.DataTree.from_dict(groups)


@pytest.fixture(scope="session")
def make_posterior() -> Callable[..., Posterior]:
    """A function from "did it converge" to a posterior."""
    rng = np.random.default_rng(20)
    model = SpectralModel("power-law")
    spectra = make_spectra(model, rng)
    tree = make_tree(model, spectra, rng)

    def make(*, converged: bool = True) -> Posterior:
        problems = () if converged else ("R-hat of index is 1.340, not below 1.01",)
        convergence = Convergence(1.002, 2010.0, 2200.0, 0.9, 0, N_CHAINS * N_DRAWS, problems)
        return Posterior(tree, model, BackgroundModel(), SamplerSettings(), convergence)

    return make


@pytest.fixture(scope="session")
def posterior(make_posterior: Callable[..., Posterior]) -> Posterior:
    return make_posterior()


@pytest.fixture(scope="session")
def unconverged(make_posterior: Callable[..., Posterior]) -> Posterior:
    return make_posterior(converged=False)
