import warnings

import numpy as np
import pytest

from bayes_onoff.dl3 import Background, EffectiveArea, EnergyDispersion, IrfAxis, PSFTable, RadMax

ENERGY = IrfAxis.from_edges(np.geomspace(1, 100, 3), is_log=True)  # centres 3.16 and 31.6 TeV
OFFSET = IrfAxis.from_nodes([0.0, 1.0])


def test_effective_area_extrapolates_to_the_edges_is_cut_at_zero_and_vanishes_outside() -> None:
    aeff = EffectiveArea(ENERGY, OFFSET, np.array([[1.0, 1.0], [5.0, 5.0]]))
    energies = np.array([0.99, 1.0, 10**0.5, 10, 100, 101])
    np.testing.assert_allclose(aeff.evaluate(energies, 0.5), [0, 0, 1, 3, 7, 0], atol=1e-12)
    assert aeff.evaluate(10, 1.51) == 0
    assert aeff.evaluate(energies[:, None], np.array([0.0, 1.0])).shape == (6, 2)


def test_energy_dispersion_vanishes_outside_by_gammapys_rule() -> None:
    migra = IrfAxis.from_edges([0.5, 1.0, 1.5])
    edisp = EnergyDispersion(ENERGY, migra, OFFSET, np.ones((2, 2, 2)))
    assert edisp.evaluate(10, 1, 0.5) == pytest.approx(1)
    assert edisp.evaluate(1000, 1, 0.5) == pytest.approx(1)  # the energy alone is outside
    assert edisp.evaluate(10, 3, 0.5) == pytest.approx(1)  # the migra alone is outside
    assert edisp.evaluate(1000, 3, 0.5) == 0
    assert edisp.evaluate(10, 1, 2) == 0


def test_ringing_below_zero_is_kept_in_the_values_but_never_evaluated() -> None:
    migra = IrfAxis.from_edges([0.5, 1.0, 1.5])
    edisp = EnergyDispersion(ENERGY, migra, OFFSET, np.full((2, 2, 2), -0.001))
    assert edisp.values.min() < 0
    assert edisp.evaluate(10, 1, 0.5) == 0


def test_containment_of_a_gaussian() -> None:
    sigma = 0.05
    rad = IrfAxis.from_edges(np.linspace(0, 0.4, 401))
    density = np.exp(-0.5 * (rad.centers / sigma) ** 2) / (2 * np.pi * np.deg2rad(sigma) ** 2)
    psf = PSFTable(ENERGY, OFFSET, rad, np.broadcast_to(density, (2, 2, 400)))
    radius = np.array([0.02, 0.05, 0.11, 0.3])
    np.testing.assert_allclose(psf.containment(radius, 5, 0.5), 1 - np.exp(-0.5 * (radius / sigma) ** 2), atol=1e-4)
    assert psf.containment(0, 5, 0.5) == 0
    np.testing.assert_allclose(psf.containment(2.0, 5, 0.5), 1, atol=1e-4)
    np.testing.assert_array_equal(psf.containment(0.1, [0.5, 200, 5], [0.5, 0.5, 1.6]), 0)


def test_background_is_interpolated_in_its_logarithm() -> None:
    fov = IrfAxis.from_edges([-2.0, 0.0, 2.0])
    rate = np.array([1e-2, 1e-4])[:, None, None] * np.ones((2, 2, 2))
    bkg = Background(ENERGY, fov, fov, rate)
    np.testing.assert_allclose(bkg.evaluate([10**0.5, 10, 10**1.5], 0.0, 0.3), [1e-2, 1e-3, 1e-4])
    np.testing.assert_array_equal(bkg.evaluate([10, 10, 1000], [3, 0, 0], [0, -2.1, 0]), 0)


def test_next_to_an_empty_bin_the_last_rate_holds() -> None:
    """The logarithm of nothing gives no slope: half a bin beyond the last centre it once made 1e16 of 1e-2."""
    fov = IrfAxis.from_edges(np.linspace(-2, 2, 5))
    rate = np.full((2, 4, 4), 1e-2)
    rate[:, 2] = 0
    bkg = Background(ENERGY, fov, fov, rate)
    np.testing.assert_allclose(bkg.evaluate(10, [1.5, 1.9, -1.9], 0.0), 1e-2)
    assert bkg.evaluate(10, 0.5, 0.0) == 0
    assert 0 < bkg.evaluate(10, 1.0, 0.0) < 1e-2
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert bkg.evaluate(10, 500.0, 0.0) == 0


def test_no_background_stays_none() -> None:
    fov = IrfAxis.from_edges([-2.0, 0.0, 2.0])
    assert Background(ENERGY, fov, fov, np.zeros((2, 2, 2))).evaluate(10, 0, 0) == 0


@pytest.mark.parametrize(("energy", "offset", "expected"), [(1, 0, 0.1), (9, 0.4, 0.1), (11, 0.4, 0.3), (11, 0.6, 0.4)])
def test_rad_max_is_looked_up_at_the_nearest_centre(energy: float, offset: float, expected: float) -> None:
    assert RadMax(ENERGY, OFFSET, np.array([[0.1, 0.2], [0.3, 0.4]])).evaluate(energy, offset) == expected
