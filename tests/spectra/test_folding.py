import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest

from bayes_onoff.spectra import Spectra, fold


@pytest.fixture(scope="module")
def response(make_spectrum):
    one = make_spectrum("1")
    return Spectra((one, make_spectrum("2", exposure=3 * one.exposure))).response


def test_fold_is_the_sum_over_true_energies(response):
    photons = np.array([5.0, 4, 3, 2, 1]) * 1e-12
    expected = np.zeros((2, 3))
    for run, energy, energy_true in np.ndindex(response.shape):
        expected[run, energy] += response[run, energy, energy_true] * photons[energy_true]
    np.testing.assert_allclose(fold(photons, response), expected, rtol=1e-14)
    np.testing.assert_allclose(fold(photons, response[0]), expected[0], rtol=1e-14)


def test_fold_keeps_leading_axes(response):
    photons = np.random.default_rng(1).uniform(size=(4, 7, 5))
    folded = fold(photons, response)
    assert folded.shape == (4, 7, 2, 3)
    np.testing.assert_allclose(folded[2, 6], fold(photons[2, 6], response), rtol=1e-14)


@pytest.mark.parametrize("symbolic_response", [False, True])
@pytest.mark.parametrize("shape", [(5,), (4, 5)])
def test_fold_is_the_same_in_pytensor(response, shape, symbolic_response):
    values = np.random.default_rng(2).uniform(size=shape)
    photons = pt.tensor("photons", shape=(None,) * len(shape))
    tensor = pt.tensor("response", shape=response.shape) if symbolic_response else response
    inputs = [photons, tensor] if symbolic_response else [photons]
    run = pytensor.function(inputs, fold(photons, tensor), mode=pytensor.compile.mode.Mode(linker="py"))
    np.testing.assert_allclose(run(*[values, response][: len(inputs)]), fold(values, response), rtol=1e-13)
