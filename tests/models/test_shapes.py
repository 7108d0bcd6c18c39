from itertools import pairwise

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad

from bayes_onoff.models import SHAPES, SpectralModel, energy_flux, photons
from bayes_onoff.models.tables import TABLES as TABLE_SHAPES
from tests.models.spectra_to_try import ENERGY, GAMMAPY, free_model

AXES = {
    "200 bins": np.geomspace(0.05, 100, 201),
    "10 a decade": np.geomspace(0.1, 100, 31),
    "2 a decade": np.geomspace(0.1, 100, 7),
}
EXTREMES = [
    ("smooth-broken-power-law", {"beta": 0.03, "index2": 4.5}),
    ("smooth-broken-power-law", {"index1": 3.1, "index2": 1.8}),
    ("broken-power-law", {"ebreak": 0.01}),
    ("super-exp-cutoff-power-law", {"alpha": 2.0}),
    ("super-exp-cutoff-power-law-3fgl", {"index_2": 2.0}),
    ("power-law-2", {"index": 1.0}),
    ("gaussian", {"sigma": 0.001}),
    ("gaussian", {"sigma": 2.0}),
    ("gaussian", {"mean": 1000.0}),
]
SPECTRA = [*((shape, {}) for shape in GAMMAPY), *EXTREMES]


def test_every_shape_is_here():
    assert {*SHAPES, *TABLE_SHAPES} == {*GAMMAPY, "ebl-absorption"}


@pytest.mark.parametrize("shape", GAMMAPY)
def test_a_shape_is_that_of_gammapy(shape):
    values, expected = GAMMAPY[shape]
    assert {p.name for p in free_model(shape).all_parameters} == set(values)
    np.testing.assert_allclose(free_model(shape).dnde(np.array(ENERGY), values), expected, rtol=1e-8, atol=1e-40)


def adaptive(model, values, low, high, power=0):
    """Adaptive quadrature over ln(energy), split where the model has a kink."""
    kinks = [float(kink) for kink in (*model.nodes, *model.breaks(values)) if low < kink < high]
    edges = np.log(np.unique([low, *kinks, high]))

    def integrand(x):
        return float(model.dnde(np.exp(x), values)) * np.exp((1 + power) * x)

    return sum(quad(integrand, *piece, epsabs=0, epsrel=1e-11, limit=200)[0] for piece in pairwise(edges))


@pytest.mark.parametrize("edges", AXES.values(), ids=AXES)
@pytest.mark.parametrize(("shape", "changes"), SPECTRA)
def test_photons_and_energy_flux_are_the_integrals(shape, changes, edges):
    model, values = free_model(shape), GAMMAPY[shape][0] | changes
    kinks = [*model.nodes, *model.breaks(values)]
    places = np.searchsorted(edges, kinks) - 1
    bins = np.unique(np.clip([*places, *range(0, len(edges), max(1, len(edges) // 10))], 0, len(edges) - 2))
    for power, found in ((0, photons(model, values, edges)), (1, energy_flux(model, values, edges))):
        expected = np.array([adaptive(model, values, edges[i], edges[i + 1], power) for i in bins])
        seen = expected > 1e-13 * expected.max()  # a bin beyond a cutoff holds nothing
        np.testing.assert_allclose(found[bins][seen], expected[seen], rtol=1e-6)
        assert np.all(found[bins][~seen] <= 1.1e-13 * expected.max())


@pytest.mark.parametrize(("shape", "changes"), SPECTRA)
def test_numpy_and_pytensor_agree_in_value_and_gradient(shape, changes):
    model, values = free_model(shape), GAMMAPY[shape][0] | changes
    if shape == "gaussian":
        values = values | {"mean": 0.8, "sigma": 0.3}
    edges = np.geomspace(0.1, 50, 11)
    values = {name: float(value) for name, value in values.items()}
    symbols = {name: pt.dscalar(name) for name in values}
    flux = photons(model, symbols, edges, xp=pt)
    scale = photons(model, values, edges)
    total = (flux / scale.max()).sum()
    outputs = [flux, *pytensor.grad(total, list(symbols.values()), disconnected_inputs="raise")]
    run = pytensor.function(list(symbols.values()), outputs, mode=pytensor.compile.mode.Mode(linker="py"))
    value, *gradient = run(*values.values())
    np.testing.assert_allclose(value, scale, rtol=1e-12, atol=1e-14 * scale.max())
    for name, derivative in zip(values, gradient, strict=True):
        size = abs(values[name]) or 1.0
        step = 1e-5 * size
        sides = [photons(model, values | {name: values[name] + shift}, edges).sum() for shift in (-step, step)]
        slope = (sides[1] - sides[0]) / (2 * step) / scale.max()
        assert derivative == pytest.approx(slope, rel=1e-5, abs=1e-6 / size)


@given(factor=st.sampled_from([1e-3, 1e3]), index=st.floats(1, 4), change=st.floats(0.1, 2), place=st.floats(0.3, 5))
def test_a_change_of_the_unit_of_energy_changes_nothing(factor, index, change, place):
    edges = np.geomspace(0.1, 30, 9)
    values = {"amplitude": 1.0, "index1": index, "index2": index + change, "ebreak": place}
    scaled = values | {"amplitude": 1 / factor, "ebreak": factor * place}
    model = SpectralModel("broken-power-law")
    np.testing.assert_allclose(photons(model, scaled, factor * edges), photons(model, values, edges), rtol=1e-11)
    line = {"amplitude": 1.0, "mean": place, "sigma": 0.2 * index}
    scaled = line | {"mean": factor * place, "sigma": factor * line["sigma"]}
    model = SpectralModel("gaussian")
    np.testing.assert_allclose(photons(model, scaled, factor * edges), photons(model, line, edges), rtol=1e-9)


@given(ebreak=st.floats(0.2, 20))
def test_a_break_may_lie_anywhere_in_a_bin(ebreak):
    """The closed form of a broken power law, added up over all bins."""
    values = {"amplitude": 1.0, "index1": 1.5, "index2": 3.0, "ebreak": ebreak}
    below = ebreak / 0.5 * (1 - (0.1 / ebreak) ** -0.5)
    above = ebreak / 2 * (1 - (50 / ebreak) ** -2.0)
    flux = photons(SpectralModel("broken-power-law"), values, np.geomspace(0.1, 50, 6)).sum()
    assert flux == pytest.approx(-below + above, rel=1e-9)


@pytest.mark.parametrize("shape", GAMMAPY)
def test_draws_are_integrated_one_by_one(shape):
    model, values = free_model(shape), GAMMAPY[shape][0]
    rng = np.random.default_rng(3)
    draws = {name: value * rng.uniform(0.9, 1.1, (2, 3)) for name, value in values.items()}
    edges = np.geomspace(0.1, 50, 6)
    one = {name: float(value[1, 2]) for name, value in draws.items()}
    assert photons(model, draws, edges).shape == (2, 3, 5)
    np.testing.assert_allclose(photons(model, draws, edges)[1, 2], photons(model, one, edges), rtol=1e-12)
    np.testing.assert_allclose(energy_flux(model, draws, edges)[1, 2], energy_flux(model, one, edges), rtol=1e-12)
