import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad

from bayes_onoff.models import CRAB, SpectralModel, energy_flux, photons

VALUES = [
    ("power-law", {"amplitude": 3e-11, "index": 1.0}),
    ("power-law", {"amplitude": 3e-11, "index": 2.6}),
    ("power-law", {"amplitude": 3e-11, "index": -1.5}),
    ("power-law", {"amplitude": 3e-11, "index": 5.0}),
    ("exp-cutoff-power-law", {"amplitude": 3e-11, "index": 1.0, "lambda_": 0.1}),
    ("exp-cutoff-power-law", {"amplitude": 3e-11, "index": 2.3, "lambda_": 0.3}),
    ("log-parabola", {"amplitude": 3e-11, "alpha": 1.0, "beta": 0.2}),
    ("log-parabola", {"amplitude": 3e-11, "alpha": 2.3, "beta": -0.3}),
]
AXES = {
    "200 bins": np.geomspace(0.05, 100, 201),
    "10 a decade": np.geomspace(0.1, 100, 31),
    "2 a decade": np.geomspace(0.1, 100, 7),
    "decades": np.geomspace(0.1, 100, 4),
    "one": np.array([0.1, 100.0]),
    "uneven": np.array([0.1, 0.11, 3.0, 100.0]),
}


def integral(model, values, low, high, power=0):
    """Adaptive quadrature over ln(energy)."""

    def integrand(x):
        return float(model.dnde(np.exp(x), values)) * np.exp((1 + power) * x)

    return quad(integrand, np.log(low), np.log(high), epsabs=0, epsrel=1e-11, limit=500)[0]


@pytest.mark.parametrize("edges", AXES.values(), ids=AXES)
@pytest.mark.parametrize(("shape", "values"), VALUES)
def test_photons_are_the_integral_over_each_bin(shape, values, edges):
    model = SpectralModel(shape)
    step = max(1, len(edges) // 12)
    bins = range(0, len(edges) - 1, step)
    expected = [integral(model, values, edges[i], edges[i + 1]) for i in bins]
    np.testing.assert_allclose(photons(model, values, edges)[::step], expected, rtol=1e-5)
    expected = [integral(model, values, edges[i], edges[i + 1], power=1) for i in bins]
    np.testing.assert_allclose(energy_flux(model, values, edges)[::step], expected, rtol=1e-4)


def test_a_power_law_has_no_hole_at_index_1():
    edges = np.geomspace(0.1, 100, 4)
    index = np.array([1 - 1e-9, 1.0, 1 + 1e-9])
    flux = photons(SpectralModel("power-law"), {"amplitude": np.ones(3), "index": index}, edges)
    np.testing.assert_allclose(flux, np.log(10), rtol=1e-7)


@given(index=st.floats(-2, 6).filter(lambda index: abs(index - 1) > 1e-3), reference=st.floats(0.1, 30))
def test_a_power_law_is_its_closed_form(index, reference):
    edges = np.geomspace(0.1, 100, 13)
    model = SpectralModel("power-law", reference=reference)
    expected = reference / (1 - index) * np.diff((edges / reference) ** (1 - index))
    np.testing.assert_allclose(photons(model, {"amplitude": 1.0, "index": index}, edges), expected, rtol=1e-6)


def test_values_may_be_draws():
    rng = np.random.default_rng(1)
    edges = np.geomspace(0.1, 100, 31)
    model = SpectralModel("exp-cutoff-power-law")
    draws = {name: rng.uniform(0.5, 2, (4, 5)) for name in model.parameter_names}
    flux = photons(model, draws, edges)
    assert flux.shape == (4, 5, 30)
    one = {name: value[2, 3] for name, value in draws.items()}
    np.testing.assert_allclose(flux[2, 3], photons(model, one, edges), rtol=1e-14)
    np.testing.assert_allclose(energy_flux(model, draws, edges)[2, 3], energy_flux(model, one, edges), rtol=1e-14)


@given(energy=st.floats(0.05, 100))
@settings(max_examples=30)
def test_the_shapes_are_their_formulas(energy):
    ratio = energy / 3.0

    def dnde(shape, **values):
        return SpectralModel(shape, reference=3.0).dnde(energy, values)

    assert dnde("power-law", amplitude=2, index=2.5) == pytest.approx(2 * ratio**-2.5, rel=1e-12)
    expected = 2 * ratio**-2.5 * np.exp(-0.1 * energy)
    assert dnde("exp-cutoff-power-law", amplitude=2, index=2.5, lambda_=0.1) == pytest.approx(expected, rel=1e-12)
    expected = 2 * ratio ** (-2.5 - 0.2 * np.log(ratio))
    assert dnde("log-parabola", amplitude=2, alpha=2.5, beta=0.2) == pytest.approx(expected, rel=1e-12)


def test_published_spectra_can_be_folded():
    spectrum = CRAB["meyer"]
    flux = photons(spectrum.model, spectrum.values, np.array([1.0, 10.0]))
    expected = quad(lambda energy: float(spectrum.dnde(energy)), 1, 10, epsrel=1e-10)[0]
    assert flux[0] == pytest.approx(expected, rel=1e-8)
