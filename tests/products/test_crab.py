"""Flux points of the four H.E.S.S. Crab runs beside the maximum-likelihood ones of gammapy 2.1."""

from collections.abc import Callable

import astropy.units as u
import numpy as np
import pytest

from bayes_onoff.inference import BandPosterior, SamplerSettings, fit_bands
from bayes_onoff.models import SpectralModel
from bayes_onoff.products import FluxPoints, flux_points
from bayes_onoff.reduction import Reduction
from bayes_onoff.spectra import Spectra

# e_ref (TeV), dnde and its error (cm-2 s-1 TeV-1), sqrt_ts: 0.7-30 TeV in 10 bins, snapped to the reconstructed axis.
GAMMAPY = np.array(
    [
        [0.877, 3.645e-11, 2.78e-12, 24.187],
        [1.276, 1.418e-11, 1.651e-12, 16.273],
        [1.856, 6.587e-12, 6.768e-13, 18.718],
        [2.699, 2.464e-12, 3.765e-13, 12.557],
        [3.924, 6.736e-13, 1.239e-13, 9.639],
        [5.707, 3.298e-13, 8.148e-14, 7.949],
        [8.299, 1.248e-13, 3.309e-14, 6.659],
        [12.068, 3.298e-14, 1.766e-14, 2.915],
        [17.550, 6.873e-15, 4.86e-15, 1.782],
        [25.521, 5.281e-22, 1.187e-18, 0.0],
    ]
)
MAXIMUM_LIKELIHOOD = {"amplitude": 2.6903e-11, "index": 2.5876}


@pytest.fixture(scope="module")
def crab(reduce_crab: Callable[..., Reduction]) -> Spectra:
    return reduce_crab().spectra


@pytest.fixture(scope="module")
def crab_bands(crab: Spectra) -> BandPosterior:
    edges = np.geomspace(0.7, 30, 11)
    settings = SamplerSettings(draws=400, tune=400, chains=4, seed=23523)
    return fit_bands(crab, SpectralModel("power-law"), MAXIMUM_LIKELIHOOD, edges, settings=settings, progress=False)


@pytest.fixture(scope="module")
def points(crab_bands: BandPosterior) -> FluxPoints:
    return flux_points(crab_bands)


def test_medians_are_those_of_the_maximum_likelihood_where_significant(points: FluxPoints) -> None:
    table = points.table
    np.testing.assert_allclose(table["e_ref"].to_value(u.TeV), GAMMAPY[:, 0], rtol=1e-3)
    significant = GAMMAPY[:, 3] > 2
    shift = (table["dnde"].value - GAMMAPY[:, 1]) / GAMMAPY[:, 2]
    assert np.all(np.abs(shift[significant]) < 0.5)
    np.testing.assert_allclose(table["dnde_err"].value[significant], GAMMAPY[significant, 2], rtol=0.25)


def test_last_two_bands_are_upper_limits(points: FluxPoints) -> None:
    assert points.table["is_ul"].tolist() == [False] * 8 + [True] * 2
    np.testing.assert_allclose(points.table["sqrt_ts"], GAMMAPY[:, 3], atol=0.6, rtol=0.12)


def test_averaged_density_is_that_of_the_draws(points: FluxPoints, crab_bands: BandPosterior) -> None:
    for band, density in enumerate(points.densities):
        draws = crab_bands.norm[..., band].ravel()
        for probability in (0.16, 0.5, 0.84, 0.95):
            assert (draws < density.quantile(probability)).mean() == pytest.approx(probability, abs=0.05)


def test_bands_are_nearly_uncorrelated(points: FluxPoints) -> None:
    assert np.abs(points.correlation - np.eye(10)).max() < 0.15
