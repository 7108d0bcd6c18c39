"""The prior density at the draws: the sampled density's own prior, and the derivative by the power of the prior."""

from collections.abc import Callable
from typing import Literal

import numpy as np
import pytest
from scipy import stats

from bayes_onoff.inference import BackgroundModel
from bayes_onoff.inference.acceptance import shift_arrays
from bayes_onoff.inference.fit_data import FitData
from bayes_onoff.inference.log_prior import log_prior
from bayes_onoff.inference.marginal import draw_gamma_rate, expected_log_gamma_prior, gamma_table, log_marginal_gamma
from bayes_onoff.inference.rates import prior_background_draws
from bayes_onoff.models import SpectralModel, Uniform
from bayes_onoff.spectra import Spectra

MODEL = SpectralModel("power-law", priors={"index": Uniform(1.0, 5.0)})


def spectral_draws(rng: np.random.Generator, n_draws: int) -> dict[str, np.ndarray]:
    return {name: prior.draw(rng, (1, n_draws)) for name, prior in MODEL.priors.items()}


def test_densities_are_those_of_the_stated_priors(spectra: Spectra) -> None:
    rng = np.random.default_rng(1)
    data = FitData.from_spectra(spectra)
    draws = {**spectral_draws(rng, 50), **prior_background_draws(data, BackgroundModel(), 50, rng)}
    found = log_prior(draws, data, MODEL, BackgroundModel())
    np.testing.assert_allclose(
        found["amplitude"], stats.lognorm.logpdf(draws["amplitude"], 2 * np.log(10), scale=1e-12), rtol=1e-12
    )
    np.testing.assert_allclose(found["index"], -np.log(4))
    np.testing.assert_allclose(found["level"], stats.norm.logpdf(draws["level"], 0, 3))
    np.testing.assert_allclose(found["slope"], stats.norm.logpdf(draws["slope"], 0, 2))
    for name, median in (("shape_scale", 0.5), ("deviation_scale", 0.1)):
        np.testing.assert_allclose(found[name], stats.lognorm.logpdf(draws[name], 0.7, scale=median), rtol=1e-10)
    expected = stats.norm.logpdf(draws["coefficient"], 0, draws["shape_scale"][..., None])
    np.testing.assert_allclose(found["coefficient"], expected)


@pytest.mark.parametrize("uncertainty", [0.05, "learned"])
def test_uncertain_acceptance_ratios_have_their_prior(
    spectra: Spectra, uncertainty: float | Literal["learned"]
) -> None:
    rng = np.random.default_rng(3)
    data, background = FitData.from_spectra(spectra), BackgroundModel(alpha_uncertainty=uncertainty)
    draws = {**spectral_draws(rng, 50), **prior_background_draws(data, background, 50, rng)}
    found = log_prior(draws, data, MODEL, background)
    scale: float | np.ndarray = 0.05
    if uncertainty == "learned":
        np.testing.assert_allclose(
            found["alpha_scatter"], stats.lognorm.logpdf(draws["alpha_scatter"], 1.0, scale=0.01), rtol=1e-10
        )
        scale = draws["alpha_scatter"][..., None] * shift_arrays(data, background)["shift_scale"]
    expected = stats.norm.logpdf(draws["log_alpha_shift"], 0, scale).sum(axis=-1)
    np.testing.assert_allclose(found["acceptance_ratios"], expected)
    assert ("alpha_scatter" in found) == (uncertainty == "learned")


@pytest.mark.parametrize(("shape", "rate"), [(0.5, 1e-3), (1.0, 0.2), (3.0, 0.7)])
def test_expectation_is_the_derivative_by_the_power_of_the_prior(shape: float, rate: float) -> None:
    n_on, n_off, alpha = np.array([0, 3, 12, 7]), np.array([0, 0, 5, 40]), np.array([0.1, 0.5, 0.2, 1.0])
    signal = np.array([[0.3, 1.0, 4.0, 2.0], [0.0, 0.01, 9.0, 0.5]])

    def log_evidence(power: float) -> np.ndarray:
        scaled = (power * (shape - 1) + 1, power * rate)
        normalisation = power * stats.gamma.logpdf(1.0, shape, scale=1 / rate)
        normalisation -= stats.gamma.logpdf(1.0, scaled[0], scale=1 / scaled[1])
        return log_marginal_gamma(signal, gamma_table(n_on, n_off, alpha, *scaled)) + normalisation

    slope = (log_evidence(1 + 1e-4) - log_evidence(1 - 1e-4)) / 2e-4
    found = expected_log_gamma_prior(signal, n_on, n_off, alpha, shape, rate)
    np.testing.assert_allclose(found, slope, rtol=1e-5, atol=1e-5)


def test_expectation_is_the_mean_over_rates_drawn_back(make_spectra: Callable[..., Spectra]) -> None:
    rng = np.random.default_rng(2)
    background = BackgroundModel("independent", shape=0.7, rate=0.05)
    data = FitData.from_spectra(make_spectra(off_level=0.5))
    signal = np.broadcast_to(rng.uniform(0, 3, data.mask.shape), (1, 20_000, *data.mask.shape))
    draws = spectral_draws(rng, 1)
    expected = log_prior({**draws, "npred_signal": signal[:, :1]}, data, MODEL, background)["rates"]
    assert expected.shape == (1, 1)
    drawn = draw_gamma_rate(data.n_on, data.n_off, data.alpha, signal[0], background.shape, background.rate, rng)
    literal = np.where(data.mask, stats.gamma.logpdf(drawn, background.shape, scale=1 / background.rate), 0)
    total = literal.sum(axis=(1, 2))
    assert expected.item() == pytest.approx(total.mean(), abs=4 * total.std() / np.sqrt(len(total)))
