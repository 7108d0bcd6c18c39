import astropy.units as u
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bayes_onoff.axes import EnergyAxis
from bayes_onoff.errors import InputError


def test_bins_from_bounds_are_equally_wide_in_the_logarithm():
    axis = EnergyAxis.from_bounds(100 * u.GeV, 10 * u.TeV, 4)
    np.testing.assert_allclose(axis.edges, [0.1, 10**-0.5, 1, 10**0.5, 10])
    np.testing.assert_allclose(axis.centers, 10 ** np.array([-0.75, -0.25, 0.25, 0.75]))
    assert axis.n_bins == 4
    assert axis.quantity.unit == u.TeV


def test_edges_cannot_be_changed():
    given_edges = np.array([1.0, 2.0])
    axis = EnergyAxis(given_edges)
    given_edges[0] = 0.5
    assert axis.edges[0] == 1
    with pytest.raises(ValueError, match="read-only"):
        axis.edges[0] = 0.5


def test_axes_from_single_precision_files_are_close():
    axis = EnergyAxis(np.geomspace(0.1, 40, 41))
    assert axis.is_close(EnergyAxis(axis.edges.astype(np.float32)))
    assert not axis.is_close(EnergyAxis(axis.edges * 1.0001))
    assert not axis.is_close(EnergyAxis(axis.edges[:-1]))


@given(st.lists(st.floats(1e-3, 1e3), min_size=1, max_size=8))
def test_snapped_edges_are_the_nearest(energies):
    axis = EnergyAxis(np.geomspace(0.1, 10, 9))
    snapped = axis.snap(np.array(energies))
    assert np.all(np.diff(snapped) > 0)
    for energy in energies:
        distance = np.abs(np.log(axis.edges / energy))
        assert np.isclose(np.abs(np.log(snapped / energy)).min(), distance.min())


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: EnergyAxis(np.array([1.0])), r"energy: an energy axis needs at least two edges; found \[1.0\]"),
        (lambda: EnergyAxis(np.array([2.0, 1.0])), "energy: energy edges are not positive and increasing"),
        (lambda: EnergyAxis(np.array([0.0, 1.0]), "energy_true"), "energy_true: energy edges are not positive"),
        (lambda: EnergyAxis(np.array([1.0, np.nan, 3])), "energy: energy edges are not positive and increasing"),
        (lambda: EnergyAxis.from_edges([1, 2] * u.m), "energy.edges: the unit is of the wrong kind"),
        (
            lambda: EnergyAxis.from_bounds(40 * u.TeV, 1 * u.TeV, 4),
            "energy: the energy axis is upside down or empty; found 'min 40 TeV, max 1 TeV'; allowed: '?0 < min < max",
        ),
        (lambda: EnergyAxis.from_bounds(1 * u.TeV, 2 * u.TeV, 0), "energy.bins: no bins; found 0"),
        (lambda: EnergyAxis.from_bounds(1 * u.s, 2 * u.TeV, 3), "energy.min: the unit is of the wrong kind"),
    ],
)
def test_a_wrong_axis_is_refused(make, message):
    with pytest.raises(InputError, match=message):
        make()
