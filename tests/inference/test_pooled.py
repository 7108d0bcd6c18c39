"""The pooled background: the data choose coordinates, never the prior."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from bayes_onoff.inference import rates
from bayes_onoff.inference.fit_data import FitData
from bayes_onoff.inference.pooled import N_BASIS, background_design, log_mean_rate
from bayes_onoff.inference.pooled_coordinates import pooled_geometry
from bayes_onoff.inference.pymc_model import build_model
from bayes_onoff.inference.settings import BackgroundModel
from bayes_onoff.models import SpectralModel

POOLED = BackgroundModel()
COORDINATES = ("coefficient_raw", "slope_raw", "level_raw", "deviation_raw")


def coordinate_shapes(data):
    return dict(zip(COORDINATES, ((N_BASIS,), (), (len(data.runs),), data.mask.shape), strict=True))


def split(vectors, data):
    """From (sample, n) to the sampled coordinates by name, (1, sample, ...)."""
    parts, start = {}, 0
    for name, shape in coordinate_shapes(data).items():
        length = int(np.prod(shape))
        parts[name] = vectors[:, start : start + length].reshape(1, len(vectors), *shape)
        start += length
    assert start == vectors.shape[1]
    return parts


def natural_parameters(vectors, data, shape_scale, deviation_scale):
    """What the coordinates (sample, n) stand for: coefficients, slope, levels, d - scale**2 / 2; and ln(mean rate)."""
    scales = {"shape_scale": shape_scale, "deviation_scale": deviation_scale}
    variables = {name: np.full((1, len(vectors)), value) for name, value in scales.items()} | split(vectors, data)
    parameters = rates._pooled_draws(variables, data, POOLED)
    columns = [parameters[name].reshape(len(vectors), -1) for name in ("coefficient", "slope", "level", "deviation")]
    return np.concatenate(columns, axis=1), parameters["log_mean"][0]


def size_of(data):
    return sum(int(np.prod(shape)) for shape in coordinate_shapes(data).values())


@pytest.mark.parametrize("off_level", [0.0, 0.3, 300.0])
@pytest.mark.parametrize("scales", [(0.5, 0.1), (2.0, 0.02), (0.05, 0.6)])
def test_the_prior_is_the_stated_one_whatever_the_counts(make_spectra, off_level, scales):
    """The density of the sampled coordinates is that of the parameters times the Jacobian of the map."""
    data = FitData.from_spectra(make_spectra(2, 2, 4, off_level))
    shape_scale, deviation_scale = scales
    model = build_model(data, SpectralModel("power-law", 1.0), BackgroundModel())
    variables = {model.rvs_to_values[model[name]].name: name for name in COORDINATES}
    log_prior = model.compile_logp(vars=[model[name] for name in COORDINATES], jacobian=False)

    size = size_of(data)
    vector = np.random.default_rng(1).normal(0, 2, size)
    point = model.initial_point() | {value: split(vector[None], data)[name][0, 0] for value, name in variables.items()}
    point |= {"shape_scale_log__": np.log(shape_scale), "deviation_scale_log__": np.log(deviation_scale)}

    values, _ = natural_parameters(vector[None], data, *scales)
    corners, _ = natural_parameters(np.vstack([np.zeros(size), np.eye(size)]), data, *scales)
    _, log_jacobian = np.linalg.slogdet(corners[1:] - corners[0])  # the map is affine given the scales
    sd = [shape_scale] * N_BASIS + [2.0] + [3.0] * len(data.runs) + [deviation_scale] * data.mask.size
    mean = np.concatenate([np.zeros(size - data.mask.size), np.full(data.mask.size, -(deviation_scale**2) / 2)])
    expected = stats.norm(mean, sd).logpdf(values[0]).sum() + log_jacobian
    assert float(log_prior(point)) == pytest.approx(expected, rel=1e-9, abs=1e-7)


def test_the_smooth_shape_has_the_stated_spread(make_spectra):
    """1 in root mean square over the bins at scale 1; and the same covariance whatever the counts."""
    designs = [background_design(FitData.from_spectra(make_spectra(off_level=level)), POOLED) for level in (0.0, 50.0)]
    first, second = (design["spline"] @ design["spline"].T for design in designs)
    np.testing.assert_allclose(first, second, atol=1e-12)
    assert np.mean(np.diag(first)) == pytest.approx(1.0)


def test_the_rotated_basis_spans_the_same_curves(make_spectra):
    data = FitData.from_spectra(make_spectra(off_level=20.0))
    geometry, design = pooled_geometry(data, POOLED), background_design(data, POOLED)
    np.testing.assert_allclose(geometry.rotation @ geometry.rotation.T, np.eye(N_BASIS), atol=1e-12)
    np.testing.assert_allclose(geometry.spline, design["spline"] @ geometry.rotation, atol=1e-12)
    draws = np.random.default_rng(0).standard_normal((5, size_of(data)))
    scales = {"shape_scale": np.full((1, 5), 0.7), "deviation_scale": np.full((1, 5), 0.2)}
    parameters = rates._pooled_draws(scales | split(draws, data), data, POOLED)
    np.testing.assert_allclose(log_mean_rate(parameters, design), parameters["log_mean"], atol=1e-10)


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 1000),
    n_runs=st.integers(1, 5),
    n_bins=st.integers(1, 30),
    off_level=st.sampled_from([0.0, 0.1, 1.0, 100.0, 10_000.0]),
)
def test_geometry_is_finite_for_any_data(make_spectra, seed, n_runs, n_bins, off_level):
    spectra = make_spectra(seed, min(n_runs, n_bins), n_bins, off_level)
    geometry = pooled_geometry(FitData.from_spectra(spectra), POOLED)
    for name, array in geometry.arrays().items():
        assert np.all(np.isfinite(array)), name
    for squared in (geometry.information, geometry.coefficient_design, geometry.slope_design):
        assert np.all(squared >= 0)


def posterior_precision(data, shape_scale, deviation_scale):
    """Of the sampled coordinates under prior and OFF counts, in the Gaussian approximation."""
    vectors = np.vstack([np.zeros(size_of(data)), np.eye(size_of(data))])
    values, log_mean = natural_parameters(vectors, data, shape_scale, deviation_scale)
    effects = (values[1:] - values[0]).T
    n_bins = data.mask.size
    log_rate = (log_mean[1:] - log_mean[0]).reshape(len(effects), -1).T + effects[-n_bins:]
    sd = np.array([shape_scale] * N_BASIS + [2.0] + [3.0] * len(data.runs) + [deviation_scale] * n_bins)
    jacobian = np.vstack([log_rate, effects])
    precision = np.concatenate([pooled_geometry(data, POOLED).information.ravel(), sd**-2.0])
    return jacobian.T @ (precision[:, None] * jacobian)


@pytest.mark.parametrize("off_level", [0.3, 5.0, 200.0])
def test_coordinates_are_standard_normals_at_the_medians_of_the_scales(make_spectra, off_level):
    data = FitData.from_spectra(make_spectra(off_level=off_level))
    np.testing.assert_allclose(posterior_precision(data, 0.5, 0.1), np.eye(size_of(data)), atol=1e-8)


@pytest.mark.parametrize("off_level", [0.3, 5.0, 200.0])
@pytest.mark.parametrize("shape_scale", [0.1, 2.5])
@pytest.mark.parametrize("deviation_scale", [0.02, 0.5])
def test_coordinates_stay_so_where_the_scales_wander(make_spectra, off_level, shape_scale, deviation_scale):
    """At 0.2 to 5 times the medians, 2.3 standard deviations of the priors: no funnel."""
    data = FitData.from_spectra(make_spectra(off_level=off_level))
    eigenvalues = np.linalg.eigvalsh(posterior_precision(data, shape_scale, deviation_scale))
    assert 1 / 3 < eigenvalues.min() <= eigenvalues.max() < 3
