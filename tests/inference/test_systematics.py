"""What an instrument with an uncertain response sees; nothing is sampled here."""

from types import SimpleNamespace

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from scipy import stats

from bayes_onoff.calibration import CalibrationPrior
from bayes_onoff.calibration.refit import draw_truth
from bayes_onoff.errors import InputError
from bayes_onoff.inference import BackgroundModel
from bayes_onoff.inference.bands import _band_signal
from bayes_onoff.inference.fit_data import FitData
from bayes_onoff.inference.pooled import STATED_PRIORS
from bayes_onoff.inference.systematics import (
    NO_SYSTEMATICS,
    Systematics,
    area_prior,
    expected_signal,
    log_systematics_prior,
    prior_systematics_draws,
    seen_photons,
)
from bayes_onoff.models import SpectralModel, photons

EDGES = np.geomspace(0.1, 50, 40)
MODEL = SpectralModel("log-parabola")
VALUES = {"amplitude": np.float64(3e-11), "alpha": np.float64(2.3), "beta": np.float64(0.1)}
BOTH = Systematics(energy_scale=0.15, effective_area=0.1)


def test_an_exact_response_sees_the_spectrum_itself():
    np.testing.assert_array_equal(seen_photons(MODEL, NO_SYSTEMATICS, VALUES, EDGES), photons(MODEL, VALUES, EDGES))
    nodes = len(area_prior(BOTH, EDGES).energy)
    values = VALUES | {"energy_scale": 0.0, "area_shift": np.zeros(nodes)}
    np.testing.assert_array_equal(seen_photons(MODEL, BOTH, values, EDGES), photons(MODEL, VALUES, EDGES))


def test_the_area_is_a_smooth_factor():
    prior = area_prior(BOTH, EDGES)
    centers = np.sqrt(EDGES[:-1] * EDGES[1:])
    shift = 0.1 * np.log(prior.energy)
    values = VALUES | {"energy_scale": 0.0, "area_shift": shift}
    factor = seen_photons(MODEL, BOTH, values, EDGES) / photons(MODEL, VALUES, EDGES)
    np.testing.assert_allclose(np.log(factor), 0.1 * np.log(centers), atol=0.004)
    assert prior.energy[[0, -1]] == pytest.approx(centers[[0, -1]])


@pytest.mark.parametrize("length", [0.3, 1.0, 100.0])
def test_the_area_has_the_stated_covariance(length):
    systematics = Systematics(effective_area=0.05, area_length=length)
    prior = area_prior(systematics, EDGES)
    root = prior.interpolation @ prior.root
    centers = np.log(EDGES[:-1] * EDGES[1:]) / 2
    stated = 0.05**2 * np.exp(-((centers[:, None] - centers) ** 2) / (2 * length**2))
    np.testing.assert_allclose(root @ root.T, stated, atol=1e-3 * 0.05**2)


def test_prior_draws_and_densities_are_those_stated():
    draws = prior_systematics_draws(BOTH, 2, EDGES, 4000, np.random.default_rng(1))
    assert draws["energy_scale"].shape == (1, 4000)
    np.testing.assert_allclose(draws["energy_scale"].std(), 0.15, rtol=0.05)
    np.testing.assert_allclose(draws["area_shift"].std(axis=1), 0.1, rtol=0.05)
    density = log_systematics_prior(BOTH, draws, EDGES)
    root = area_prior(BOTH, EDGES).root
    exact = stats.multivariate_normal(np.zeros(len(root)), root @ root.T, allow_singular=True)
    np.testing.assert_allclose(density["area_shift"][0, :5], exact.logpdf(draws["area_shift"][0, :5]), rtol=1e-6)
    np.testing.assert_allclose(density["energy_scale"], stats.norm(0, 0.15).logpdf(draws["energy_scale"]), atol=1e-6)


def test_each_run_may_have_a_scale_of_its_own(spectra):
    edges, response = spectra.energy_true.edges, spectra.response
    one = Systematics(energy_scale=0.1)
    each = Systematics(energy_scale=0.1, energy_scale_of="run", effective_area=0.05)
    values = {name: np.full((1, 3), value) for name, value in VALUES.items()}
    area = np.full((1, 3, len(area_prior(each, edges).energy)), 0.02)
    scales = np.array([[[0.1, -0.1], [0.0, 0.2], [0.05, 0.05]]])
    counts = expected_signal(MODEL, each, values | {"energy_scale": scales, "area_shift": area}, edges, response)
    assert counts.shape == (1, 3, *spectra.mask.shape)
    for run in range(2):
        alone = expected_signal(MODEL, one, values | {"energy_scale": scales[..., run]}, edges, response)
        np.testing.assert_allclose(counts[..., run, :], alone[..., run, :] * np.exp(0.02), rtol=1e-3)


@pytest.mark.parametrize("owner", ["instrument", "run"])
def test_numpy_pytensor_and_finite_differences_agree(spectra, owner):
    systematics = Systematics(energy_scale=0.15, effective_area=0.1, energy_scale_of=owner)
    edges, response = spectra.energy_true.edges, spectra.response
    n_nodes = len(area_prior(systematics, edges).energy)
    values = VALUES | {
        "energy_scale": np.array([0.07, -0.1]) if owner == "run" else np.float64(0.07),
        "area_shift": np.random.default_rng(1).normal(0, 0.1, n_nodes),
    }
    symbols = {name: pt.tensor(name, shape=np.shape(value), dtype="float64") for name, value in values.items()}
    counts = expected_signal(MODEL, systematics, symbols, edges, response, xp=pt)
    run = pytensor.function(
        list(symbols.values()),
        [counts, *pytensor.grad(counts.sum(), list(symbols.values()))],
        mode=pytensor.compile.mode.Mode(linker="py", optimizer="fast_compile"),
    )
    found, *gradient = run(*values.values())
    np.testing.assert_allclose(found, expected_signal(MODEL, systematics, values, edges, response), rtol=1e-12)
    for (name, value), derivative in zip(values.items(), gradient, strict=True):
        for index in np.ndindex(np.shape(value)):
            step = np.zeros(np.shape(value))
            step[index] = 1e-5 * (abs(np.asarray(value)[index]) or 1)
            up, down = (
                expected_signal(MODEL, systematics, values | {name: value + sign * step}, edges, response).sum()
                for sign in (1, -1)
            )
            assert np.asarray(derivative)[index] == pytest.approx((up - down) / (2 * step[index]), rel=1e-5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"energy_scale": 0.0}, r"systematics\.energy_scale: not a relative uncertainty; found 0"),
        ({"energy_scale": 0.6}, r"energy_scale: not a relative uncertainty"),
        ({"effective_area": -0.1}, r"effective_area: not a relative uncertainty"),
        ({"area_length": 0.0}, r"area_length: not a correlation length"),
        ({"energy_scale_of": "night"}, r"energy_scale_of: unknown choice; found 'night'"),
    ],
)
def test_impossible_systematics_are_refused(arguments, message):
    with pytest.raises(InputError, match=message):
        Systematics(**arguments)


def test_truths_of_a_calibration_are_seen_through_drawn_systematics(spectra):
    data = FitData.from_spectra(spectra)
    analysis = SimpleNamespace(data=data, background=BackgroundModel(), systematics=BOTH)
    truth, _ = draw_truth(analysis, CalibrationPrior(MODEL, STATED_PRIORS), np.random.default_rng(1))
    assert truth["energy_scale"].shape == (1, 1)
    values = {name: truth[name] for name in (*MODEL.parameter_names, "energy_scale", "area_shift")}
    expected = expected_signal(MODEL, BOTH, values, data.energy_true.edges, data.response)
    np.testing.assert_array_equal(truth["npred_signal"], expected)
    assert not np.allclose(
        expected, expected_signal(MODEL, NO_SYSTEMATICS, values, data.energy_true.edges, data.response)
    )


def test_the_reference_of_flux_points_is_seen_through_the_systematics(spectra):
    data = FitData.from_spectra(spectra)
    values = VALUES | {"energy_scale": np.float64(0.1)}
    scale = Systematics(energy_scale=0.15)
    _, signal = _band_signal(data, MODEL, values, np.array([0.8, 2.0, 6.0]), scale)
    expected = expected_signal(MODEL, scale, values, data.energy_true.edges, data.response)
    np.testing.assert_array_equal(signal.reference_counts, expected)
