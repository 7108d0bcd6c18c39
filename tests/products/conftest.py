"""A small simulated data set and its exact posterior without a sampler.

The posterior is resampled from its prior with the marginal likelihood as weights; the rates of an independent
background are then drawn from their exact conditional.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import xarray as xr
from numpy.typing import NDArray

from bayes_onoff.axes import EnergyAxis
from bayes_onoff.inference import BackgroundModel, CompiledAnalysis, Posterior, SamplerSettings, compile_analysis
from bayes_onoff.inference.bands import BandPosterior, bands_of_bins
from bayes_onoff.inference.convergence import Convergence
from bayes_onoff.inference.fit_data import FitData
from bayes_onoff.inference.groups import constant_data, draws_dataset, log_likelihood_dataset, observed_data
from bayes_onoff.inference.log_prior import log_prior
from bayes_onoff.inference.rates import background_draws, log_likelihood, prior_background_draws
from bayes_onoff.models import LogNormal, Normal, SpectralModel, photons
from bayes_onoff.products.band_likelihood import band_densities
from bayes_onoff.spectra import Spectra, SpectrumOnOff, fold
from bayes_onoff.spectra.labelled import to_dataset

CHAINS, DRAWS, PROPOSALS = 4, 250, 20_000
INDEPENDENT = BackgroundModel("independent", shape=0.5, rate=1e-3, marginal=True)
TRUTH = {"amplitude": 3e-11, "index": 2.5}
PRIORS = {"amplitude": LogNormal(3e-11, 0.4), "index": Normal(2.5, 0.4), "lambda_": LogNormal(0.05, 0.7)}
CONVERGED = Convergence(1.002, 3000.0, 2500.0, 0.9, 0, CHAINS * DRAWS, ())
FAILED = Convergence(1.4, 12.0, 15.0, 0.9, 3, CHAINS * DRAWS, ("R-hat of index is 1.400, not below 1.01",))


def simulated_spectra() -> Spectra:
    """Three runs of a power law, 12 fitted bins; the lowest of them is not safe in the first run."""
    rng = np.random.default_rng(20)
    energy = EnergyAxis(np.geomspace(0.5, 50, 15))
    energy_true = EnergyAxis(np.geomspace(0.3, 100, 31), "energy_true")
    spread = np.log(energy_true.centers[:, None] / energy.centers) / 0.15
    edisp = np.exp(-0.5 * spread**2)
    edisp /= edisp.sum(axis=1, keepdims=True).clip(min=1)
    exposure = 3e12 * energy_true.centers**0.4
    signal = edisp.T @ (exposure * photons(SpectralModel("power-law"), TRUTH, energy_true.edges))
    runs = []
    for number, n_regions in enumerate((10, 12, 30)):
        rate = 1.5 * n_regions * energy.centers**-1.5
        safe = (energy.centers > 0.6) & (energy.centers < 40)
        safe[1] &= number > 0
        run = SpectrumOnOff(
            name=str(23523 + number),
            energy=energy,
            energy_true=energy_true,
            n_on=rng.poisson(signal + rate / n_regions),
            n_off=rng.poisson(rate),
            acceptance=np.array(1.0),
            acceptance_off=np.array(float(n_regions)),
            exposure=exposure,
            edisp=edisp,
            livetime=1500.0,
            mask_safe=safe,
        )
        runs.append(run)
    return Spectra(tuple(runs))


def _spectral_draws(model: SpectralModel, data: FitData, rng: np.random.Generator) -> dict[str, NDArray[np.float64]]:
    """Draws of the exact posterior: prior draws, resampled by their likelihood."""
    proposals = {name: prior.draw(rng, (1, PROPOSALS)) for name, prior in model.priors.items()}
    signal = fold(photons(model, proposals, data.energy_true.edges), data.response)
    total = log_likelihood(signal, {}, data, INDEPENDENT).sum(axis=-1)[0]
    weights = np.exp(total - total.max())
    assert weights.sum() ** 2 / (weights**2).sum() > 200
    chosen = rng.choice(PROPOSALS, size=(CHAINS, DRAWS), p=weights / weights.sum())
    return {name: values[0, chosen] for name, values in proposals.items()}


def exact_posterior(spectra: Spectra, shape: str = "power-law", background: BackgroundModel = INDEPENDENT) -> Posterior:
    """Posterior of `spectra`; a pooled background stays at its prior (its parameters only fill a table)."""
    rng = np.random.default_rng(21)
    model = SpectralModel(shape)
    model = SpectralModel(shape, priors={name: PRIORS[name] for name in model.parameter_names})
    data = FitData.from_spectra(spectra)
    draws = _spectral_draws(model, data, rng)
    signal = fold(photons(model, draws, data.energy_true.edges), data.response)
    if background.prior == "independent":
        rates = background_draws({}, signal, data, background, rng)
    else:
        rates = {
            name: array.reshape(CHAINS, DRAWS, *array.shape[2:])
            for name, array in prior_background_draws(data, background, CHAINS * DRAWS, rng).items()
        }
    draws |= {**rates, "npred_signal": signal}
    units = {parameter.name: parameter.unit for parameter in model.parameters}
    tree = xr.DataTree.from_dict(
        {
            "posterior": draws_dataset(draws, data, units),
            "log_likelihood": log_likelihood_dataset(log_likelihood(signal, rates, data, background), data),
            "log_prior": draws_dataset(log_prior(draws, data, model, background), data, {}),
            "observed_data": observed_data(data),
            "constant_data": constant_data(data),
            "spectra": to_dataset(spectra),
        }
    )
    return Posterior(tree, model, background, SamplerSettings(draws=DRAWS, chains=CHAINS), CONVERGED)


def exact_bands(spectra: Spectra) -> BandPosterior:
    """Norms of five bands under an independent background: their densities are known, draws invert them."""
    rng = np.random.default_rng(22)
    data = FitData.from_spectra(spectra)
    edges, band_of_bin = bands_of_bins(data, np.geomspace(0.6, 40, 6))

    def bands(norm: NDArray[np.float64]) -> BandPosterior:
        tree = xr.DataTree.from_dict({"posterior": draws_dataset({"norm": norm}, data, {})})
        model = SpectralModel("power-law")
        return BandPosterior(tree, spectra, model, TRUTH, edges, band_of_bin, INDEPENDENT, CONVERGED)

    shape = (CHAINS, DRAWS, len(edges) - 1)
    range_of_norms = np.broadcast_to(np.linspace(0, 4, CHAINS * DRAWS).reshape(CHAINS, DRAWS, 1), shape)
    densities = band_densities(bands(range_of_norms))
    uniform = rng.uniform(size=shape)
    norm = [np.vectorize(density.quantile)(uniform[..., band]) for band, density in enumerate(densities)]
    return bands(np.stack(norm, axis=-1))


@pytest.fixture(scope="session")
def spectra() -> Spectra:
    """The simulated runs."""
    return simulated_spectra()


@pytest.fixture(scope="session")
def compiled(spectra: Spectra) -> CompiledAnalysis:
    """Power law and pooled background, compiled for spectra of this shape."""
    return compile_analysis(spectra, SpectralModel("power-law"))


@pytest.fixture(scope="session")
def posterior(spectra: Spectra) -> Posterior:
    """Power law, independent background."""
    return exact_posterior(spectra)


@pytest.fixture(scope="session")
def sparse_posterior() -> Posterior:
    """Four runs of a weak source with a fraction of an OFF count a bin: WSTAT finds bins without background."""
    rng = np.random.default_rng(2)
    energy, energy_true = (EnergyAxis(np.geomspace(0.5, 50, 13), name) for name in ("energy", "energy_true"))
    exposure = 5e10 * energy_true.centers**1.5
    signal = photons(SpectralModel("power-law"), TRUTH, energy_true.edges) * exposure
    off = 2 * 0.5 * energy.centers**-0.3
    runs = [
        SpectrumOnOff(
            name=str(number),
            energy=energy,
            energy_true=energy_true,
            n_on=rng.poisson(signal + off / 2),
            n_off=rng.poisson(off),
            acceptance=np.array(1.0),
            acceptance_off=np.array(2.0),
            exposure=exposure,
            edisp=np.eye(12),
            livetime=1500.0,
            mask_safe=np.ones(12, dtype=bool),
        )
        for number in range(4)
    ]
    return exact_posterior(Spectra(tuple(runs)))


@pytest.fixture(scope="session")
def cutoff_posterior(spectra: Spectra) -> Posterior:
    """Power law with exponential cutoff, independent background."""
    return exact_posterior(spectra, "exp-cutoff-power-law")


@pytest.fixture(scope="session")
def pooled_posterior(spectra: Spectra) -> Posterior:
    """Power law, pooled background left at its prior."""
    return exact_posterior(spectra, background=BackgroundModel())


@pytest.fixture(scope="session")
def bands(spectra: Spectra) -> BandPosterior:
    """Norms of five bands, independent background."""
    return exact_bands(spectra)


@pytest.fixture(scope="session")
def unconverged() -> Callable[[Posterior | BandPosterior], Posterior | BandPosterior]:
    """The same posterior with a failed verdict."""
    return lambda posterior: replace(posterior, convergence=FAILED)
