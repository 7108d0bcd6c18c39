"""The band likelihood under a pooled background, where its latent rates are known."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import poisson

from bayes_onoff.inference import BackgroundModel
from bayes_onoff.inference.bands import BandPosterior
from bayes_onoff.inference.fit_data import FitData
from bayes_onoff.inference.groups import draws_dataset
from bayes_onoff.inference.pooled import N_BASIS
from bayes_onoff.models import photons
from bayes_onoff.products import flux_points
from bayes_onoff.products.band_likelihood import band_densities
from bayes_onoff.spectra import fold


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
