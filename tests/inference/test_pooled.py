"""The pooled background: the data choose coordinates, never the prior."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from bayes_onoff.inference.fit_data import FitData
from bayes_onoff.inference.pooled import (
    N_BASIS,
    background_parameters,
    coefficients,
    level_mean,
    log_mean_rate,
    pooled_geometry,
    slope,
    slope_mean,
)


def _draw_prior_through_geometry(data, rng, n_draws):
    """Draw the sampled coordinates from the densities the PyMC model gives them."""
    geometry = pooled_geometry(data).arrays()
    raw = {"shape_scale": np.exp(np.log(0.5) + 0.7 * rng.standard_normal(n_draws))}
    spread = raw["shape_scale"][:, None] ** geometry["coefficient_centering"]
    raw["coefficient_raw"] = spread * rng.standard_normal((n_draws, N_BASIS))
    shape = coefficients(raw, geometry)
    raw["slope_raw"] = rng.normal(-slope_mean(shape, geometry), 2.0) / geometry["slope_scale"]
    tilt = slope(raw, shape, geometry)
    raw["level_raw"] = rng.normal(-level_mean(shape, tilt, geometry), 3.0) / geometry["level_scale"]
    parameters = background_parameters(raw, geometry)
    return parameters, log_mean_rate(parameters, geometry) - geometry["offset"]


@pytest.mark.parametrize("off_level", [0.0, 0.3, 300.0])
def test_prior_does_not_depend_on_the_counts(make_spectra, off_level):
    data = FitData.from_spectra(make_spectra(off_level=off_level))
    parameters, log_rate = _draw_prior_through_geometry(data, np.random.default_rng(3), 100_000)
    assert stats.kstest(parameters["slope"], stats.norm(0, 2).cdf).pvalue > 1e-4
    for run in range(len(data.runs)):
        assert stats.kstest(parameters["level"][:, run], stats.norm(0, 3).cdf).pvalue > 1e-4
    # The smooth part g alone: 1 in root mean square over the bins at scale 1, whatever the rotation of the basis.
    x = data.log_energy
    smooth = log_rate[:, 0] - parameters["level"][:, :1] - parameters["slope"][:, None] * x
    expected = 0.25 * np.exp(2 * 0.7**2)  # E[scale**2] of the log-normal
    assert np.mean(smooth**2) == pytest.approx(expected, rel=0.05)


def test_prior_covariance_of_the_shape_is_the_same_for_all_counts(make_spectra):
    covariances = []
    for off_level in (0.0, 50.0):
        spline = pooled_geometry(FitData.from_spectra(make_spectra(off_level=off_level))).spline
        covariances.append(spline @ spline.T)
    np.testing.assert_allclose(covariances[0], covariances[1], atol=1e-10)
    assert np.mean(np.diag(covariances[0])) == pytest.approx(1.0)


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 1000),
    n_runs=st.integers(1, 5),
    n_bins=st.integers(1, 30),
    off_level=st.sampled_from([0.0, 0.1, 1.0, 100.0]),
)
def test_geometry_is_finite_for_any_data(make_spectra, seed, n_runs, n_bins, off_level):
    spectra = make_spectra(seed, min(n_runs, n_bins), n_bins, off_level)
    geometry = pooled_geometry(FitData.from_spectra(spectra))
    for name, array in geometry.arrays().items():
        assert np.all(np.isfinite(array)), name
    for centering in (geometry.coefficient_centering, geometry.deviation_centering):
        assert np.all((centering >= 0) & (centering < 1))
    assert geometry.slope_scale > 0
    assert np.all(geometry.level_scale > 0)


def test_coordinates_are_independent_under_prior_and_off_counts(make_spectra):
    """At the fitted means the posterior precision of the sampled coordinates is diagonal."""
    data = FitData.from_spectra(make_spectra(off_level=200.0))
    geometry = pooled_geometry(data).arrays()
    names = [("slope_raw", ()), ("coefficient_raw", (N_BASIS,)), ("level_raw", (len(data.runs),))]
    size = sum(int(np.prod(shape)) for _, shape in names)

    def log_mean_and_prior(vector):
        raw, start = {"shape_scale": np.array(0.5)}, 0
        for name, shape in names:
            length = int(np.prod(shape))
            raw[name] = vector[start : start + length].reshape(shape)
            start += length
        parameters = background_parameters(raw, geometry)
        prior = [np.ravel(parameters["slope"]) / 2, parameters["level"] / 3, parameters["coefficient"] / 0.5]
        return np.concatenate([log_mean_rate(parameters, geometry)[data.mask], *prior])

    origin = log_mean_and_prior(np.zeros(size))
    jacobian = np.stack([log_mean_and_prior(row) - origin for row in np.eye(size)], axis=1)
    # deviation_centering = m t**2 / (1 + m t**2) with t = 0.1: the expected counts m that the geometry was made for
    centering = geometry["deviation_centering"][data.mask]
    weights = np.concatenate([centering / (1 - centering) / 0.01, np.ones(size)])
    precision = jacobian.T @ (weights[:, None] * jacobian)
    scale = np.sqrt(np.diag(precision))
    np.testing.assert_allclose(precision / np.outer(scale, scale), np.eye(size), atol=1e-8)
