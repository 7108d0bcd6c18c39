"""The band likelihood under a pooled background, where its latent rates are known."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import poisson

from bayes_onoff.inference import BackgroundModel
from bayes_onoff.inference.bands import BandPosterior, bands_of_bins
from bayes_onoff.inference.fit_data import FitData
from bayes_onoff.inference.groups import draws_dataset
from bayes_onoff.inference.marginal import gamma_table, log_marginal_gamma
from bayes_onoff.inference.pooled import N_BASIS
from bayes_onoff.models import photons
from bayes_onoff.products import flux_points
from bayes_onoff.products.band_likelihood import band_densities
from bayes_onoff.products.norm_density import NormDensity
from bayes_onoff.spectra import Spectra, fold


def pooled_bands(bands: BandPosterior, levels: NDArray[np.float64], deviation_scale: float) -> BandPosterior:
    """The norms of `bands` beside a pooled background with one level a draw (chain, draw), a common slope, no shape."""
    data = FitData.from_spectra(bands.spectra)
    size = levels.shape
    draws = {
        "norm": bands.norm,
        "level": np.repeat(levels[..., None], len(data.runs), axis=-1),
        "slope": np.full(size, -1.5),
        "coefficient": np.zeros((*size, N_BASIS)),
        "deviation_scale": np.full(size, deviation_scale),
    }
    tree = bands.tree.copy()
    tree["posterior"].dataset = draws_dataset(draws, data, {})
    return replace(bands, tree=tree, background=BackgroundModel())


def known_rate_density(bands: BandPosterior, band: int, level: float, norm: NDArray[np.float64]) -> NDArray[np.float64]:
    """Normalised likelihood on a grid of norms if ln(alpha b) is `level` - 1.5 x in every bin."""
    data = FitData.from_spectra(bands.spectra)
    used = data.mask & (bands.band_of_bin == band)
    rate = (np.exp(level - 1.5 * data.log_energy) / data.alpha)[used]
    reference = fold(photons(bands.model, bands.values, data.energy_true.edges), data.response)[used]
    expected = norm[:, None] * reference + data.alpha[used] * rate
    log_likelihood = poisson.logpmf(data.n_on[used], expected).sum(axis=1)
    likelihood = np.exp(log_likelihood - log_likelihood.max())
    return likelihood / np.trapezoid(likelihood, norm)


@pytest.mark.parametrize("band", [0, 3, 4])
def test_without_scatter_the_rates_are_known(bands: BandPosterior, band: int) -> None:
    fixed = pooled_bands(bands, np.full(bands.norm.shape[:2], -1.8), 1e-4)
    density = band_densities(fixed)[band]
    expected = known_rate_density(bands, band, -1.8, density.norm)
    np.testing.assert_allclose(density.density, expected, rtol=1e-3, atol=1e-5 * expected.max())


def test_density_averages_over_the_hyperparameters(bands: BandPosterior) -> None:
    """Half of the draws have a high, half a low background."""
    levels = np.where(np.arange(bands.norm.shape[1]) % 2, -0.5, -3.0) * np.ones(bands.norm.shape[:2])
    density = band_densities(pooled_bands(bands, levels, 1e-4))[2]
    low, high = (known_rate_density(bands, 2, level, density.norm) for level in (-3.0, -0.5))
    # The evenly spaced choice of draws takes as many of both, to within a few.
    np.testing.assert_allclose(density.density, (low + high) / 2, atol=0.06 * high.max())


def test_table_calls_the_pooled_significance_approximate(bands: BandPosterior) -> None:
    pooled_points = flux_points(pooled_bands(bands, np.full(bands.norm.shape[:2], -1.8), 0.1))
    assert "approximated by averaging" in pooled_points.table.meta["note_significance"]
    assert "approximated" not in flux_points(bands).table.meta["note_significance"]
    assert pooled_points.table.meta["background"] == "pooled"


UNCERTAIN = BackgroundModel("independent", alpha_uncertainty=0.1)


def band_log_likelihoods(bands: BandPosterior, norm: NDArray[np.float64], shift: NDArray[np.float64]) -> list[Any]:
    """ln likelihood (shift, norm) of every band of a single run, rates integrated out exactly."""
    data = FitData.from_spectra(bands.spectra)
    reference = fold(photons(bands.model, bands.values, data.energy_true.edges), data.response)[0]
    found = []
    for band in range(len(bands.edges) - 1):
        total = np.zeros((len(shift), len(norm)))
        for e in np.flatnonzero(data.mask[0] & (bands.band_of_bin == band)):
            table = gamma_table(data.n_on[0, e], data.n_off[0, e], data.alpha[0, e] * np.exp(shift), 0.5, 1e-3)
            total += log_marginal_gamma(norm * reference[e], table[:, None])
        found.append(total)
    return found


def test_a_shift_of_alpha_can_stand_in_for_a_source(bands: BandPosterior) -> None:
    """Densities and significances of a run on a strong background, by the exact integral over the shift."""
    run = bands.spectra.runs[0]
    extra = 600
    run = run.replace(n_off=run.n_off + extra, n_on=run.n_on + np.round(1.08 * extra * run.alpha).astype(int))
    spectra = Spectra((run,))
    edges, band_of_bin = bands_of_bins(FitData.from_spectra(spectra), bands.edges)
    one = replace(bands, spectra=spectra, background=UNCERTAIN, edges=edges, band_of_bin=band_of_bin)
    norm, shift = np.linspace(0, 40, 801), np.linspace(-0.8, 0.8, 401)
    likelihoods = band_log_likelihoods(one, norm, shift)
    evidence = [np.log(np.trapezoid(np.exp(total - total.max()), norm, axis=1)) + total.max() for total in likelihoods]
    weight = sum(evidence) - shift**2 / 2 / 0.1**2
    exact = []
    for total, own in zip(likelihoods, evidence, strict=True):
        density = np.exp(total + (weight - own)[:, None] - weight.max()).sum(axis=0)
        exact.append(density / np.trapezoid(density, norm))

    def drawn(values: NDArray[np.float64], density: NDArray[np.float64]) -> NDArray[np.float64]:
        cumulative = np.cumsum(density)
        uniform = np.random.default_rng(6).uniform(size=bands.norm.shape[:2])
        return np.interp(uniform * cumulative[-1], cumulative, values)

    draws = {
        "norm": np.stack([drawn(norm, density) for density in exact], axis=-1),
        "log_alpha_shift": drawn(shift, np.exp(weight - weight.max()))[..., None],
    }
    tree = bands.tree.copy()
    tree["posterior"].dataset = draws_dataset(draws, FitData.from_spectra(one.spectra), {})
    for density, expected in zip(band_densities(replace(one, tree=tree)), exact, strict=True):
        reference = NormDensity(norm, np.log(np.maximum(expected, 1e-300)))
        assert density.sqrt_ts == pytest.approx(reference.sqrt_ts, abs=0.02)
        for probability in (0.16, 0.5, 0.95):
            assert density.quantile(probability) == pytest.approx(reference.quantile(probability), rel=0.01)
