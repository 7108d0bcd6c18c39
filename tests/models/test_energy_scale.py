"""Spectra on a shifted energy scale: f(E / s) / s, integrated."""

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest

from bayes_onoff.models import SpectralModel, photons
from tests.models.spectra_to_try import GAMMAPY, TABLES, free_model

EDGES = np.geomspace(0.1, 50, 40)
SEVERAL = ["power-law", "log-parabola", "broken-power-law", "gaussian", "piecewise-norm", "template"]


def values_of(shape):
    return {name: np.float64(value) for name, value in GAMMAPY[shape][0].items()}


@pytest.mark.parametrize("shape", GAMMAPY)
def test_a_scale_of_one_changes_nothing(shape):
    model, values = free_model(shape), values_of(shape)
    plain, scaled = photons(model, values, EDGES), photons(model, values, EDGES, scale=1.0)
    if shape in TABLES:  # bins are split at other places, in another order of sums
        np.testing.assert_allclose(scaled, plain, rtol=1e-12)
    else:
        np.testing.assert_array_equal(scaled, plain)


@pytest.mark.parametrize("scale", [0.7, 0.98, 1.3])
@pytest.mark.parametrize("shape", GAMMAPY)
def test_a_scale_moves_the_edges(shape, scale):
    model, values = free_model(shape), values_of(shape)
    expected = photons(model, values, EDGES / scale)
    np.testing.assert_allclose(photons(model, values, EDGES, scale=scale), expected, rtol=1e-9, atol=1e-30)


def test_several_nodes_may_lie_in_one_bin_and_meet_a_break():
    model = free_model("piecewise-norm") * free_model("broken-power-law")
    values = values_of("piecewise-norm") | values_of("broken-power-law")
    edges = np.array([0.1, 1.2, 40.0])
    for scale in (0.6, 0.95, 1.0, 1.7):
        expected = [
            photons(model, values, np.geomspace(low, high, 4000)).sum()
            for low, high in zip(edges[:-1] / scale, edges[1:] / scale, strict=True)
        ]
        np.testing.assert_allclose(photons(model, values, edges, scale=scale), expected, rtol=1e-5)


def test_scales_broadcast_before_the_bins():
    model, values = free_model("template"), values_of("template")
    scales = np.array([[0.8, 1.0], [1.1, 1.3]])
    found = photons(model, values, EDGES, scale=scales)
    assert found.shape == (2, 2, 39)
    np.testing.assert_array_equal(found[1, 0], photons(model, values, EDGES, scale=1.1))


@pytest.mark.parametrize("shape", SEVERAL)
def test_numpy_pytensor_and_finite_differences_agree(shape):
    model, values = free_model(shape), values_of(shape)
    symbols, scale = {name: pt.dscalar(name) for name in values}, pt.dscalar("scale")
    flux = photons(model, symbols, EDGES, xp=pt, scale=scale)
    weights = EDGES[:-1] ** 1.7  # all energies count
    inputs = [*symbols.values(), scale]
    run = pytensor.function(
        inputs,
        [flux, *pytensor.grad((flux * weights).sum(), inputs)],
        mode=pytensor.compile.mode.Mode(linker="py", optimizer="fast_compile"),
    )
    found, *gradient = run(*values.values(), 1.07)
    expected = photons(model, values, EDGES, scale=1.07)
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-14 * expected.max())

    def total(scale, **changed):
        return float((photons(model, values | changed, EDGES, scale=scale) * weights).sum())

    slope = (total(1.07 + 1e-5) - total(1.07 - 1e-5)) / 2e-5
    assert gradient[-1] == pytest.approx(slope, rel=1e-5)
    for (name, value), derivative in zip(values.items(), gradient[:-1], strict=True):
        step = 1e-5 * (abs(value) or 1)
        slope = (total(1.07, **{name: value + step}) - total(1.07, **{name: value - step})) / (2 * step)
        assert derivative == pytest.approx(slope, rel=1e-5, abs=1e-7 * abs(total(1.07)) / (abs(value) or 1))


def test_an_instrument_that_reads_too_high_sees_a_line_above_its_energy():
    line = SpectralModel("gaussian")
    values = {"amplitude": 1e-12, "mean": 2.0, "sigma": 0.01}
    edges = np.linspace(1.0, 4.0, 301)
    centers = (edges[:-1] + edges[1:]) / 2
    for z in (-0.2, 0.0, 0.15):
        seen = photons(line, values, edges, scale=1 + z)
        assert seen.sum() == pytest.approx(1e-12)  # photons are neither lost nor made
        mean = (seen * centers).sum() / seen.sum()
        assert mean == pytest.approx(2 * (1 + z), abs=1e-4)
        width = np.sqrt((seen * (centers - mean) ** 2).sum() / seen.sum())
        assert width == pytest.approx(np.hypot(0.01 * (1 + z), 0.01 / np.sqrt(12)), rel=1e-3)
