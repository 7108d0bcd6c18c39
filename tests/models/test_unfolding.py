"""The prior of an unfolded spectrum is the random walk it is said to be."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bayes_onoff.errors import InputError
from bayes_onoff.models import SpectralModel, UnfoldingNodes, photons

NODES = UnfoldingNodes((0.5, 0.8, 1.5, 4.0, 9.0, 30.0), (3.0, 5.0, 4.0, 2.0, 0.5, 0.0))


@st.composite
def tables(draw):
    """Nodes up to a factor of five apart, some of them without weight."""
    steps = draw(st.lists(st.floats(0.2, 1.6), min_size=2, max_size=11))
    x = np.log(0.1) + np.concatenate([[0.0], np.cumsum(steps)])
    weight = draw(st.lists(st.floats(0, 10), min_size=len(x) - 2, max_size=len(x) - 2))
    return UnfoldingNodes(tuple(np.exp(x).tolist()), (1.0, *weight, 0.5))


@given(table=tables())
def test_the_index_changes_by_independent_amounts_in_proportion_to_the_root_of_the_distance(table):
    x = np.log(table.energy)
    slopes = np.diff(table.basis, axis=0) / np.diff(x)[:, None]
    changes = np.diff(slopes, axis=0)
    np.testing.assert_allclose(changes @ changes.T, np.diag((x[2:] - x[:-2]) / 2), atol=1e-8)


@given(table=tables())
def test_departures_are_orthogonal_to_power_laws_and_to_each_other(table):
    x, weight = np.log(table.energy), np.array(table.weight) / sum(table.weight)
    scale = np.abs(table.basis).max()
    for power_law in (np.ones_like(x), x - x[0]):
        np.testing.assert_allclose((weight * power_law) @ table.basis, 0, atol=1e-9 * scale)
    products = table.basis.T @ (weight[:, None] * table.basis)
    sizes = np.diagonal(products)
    np.testing.assert_allclose(products, np.diag(sizes), atol=1e-9 * scale**2)
    assert np.all(np.diff(sizes) <= 1e-9 * scale**2)


def test_between_and_beyond_the_nodes_runs_a_power_law():
    model = SpectralModel("unfolded", table=NODES)
    values = {"amplitude": 3e-11, "index": 2.5, "roughness": 0.7, **{f"bend_{j}": (-1.0) ** j for j in range(1, 5)}}
    x = np.log(NODES.energy)
    edges = np.concatenate([[x[0] - 2], x[1:-1], [x[-1] + 2]])
    for low, high in pairwise(edges):
        log_flux = np.log(model.dnde(np.exp(np.linspace(low, high, 5)), values))
        np.testing.assert_allclose(np.diff(log_flux, n=2), 0, atol=1e-9)


def test_without_roughness_it_is_the_power_law():
    model, edges = SpectralModel("unfolded", 2.0, table=NODES), np.geomspace(0.2, 60, 31)
    values = {"amplitude": 3e-11, "index": 2.2, "roughness": 0.0, **{f"bend_{j}": 2.0 for j in range(1, 5)}}
    expected = photons(SpectralModel("power-law", 2.0), {"amplitude": 3e-11, "index": 2.2}, edges)
    np.testing.assert_allclose(photons(model, values, edges), expected, rtol=1e-9)


def test_weights_choose_names_not_the_prior():
    """The spread of what is left beside a power law is the same: here against the nodes' unweighted power law."""
    equal = UnfoldingNodes(NODES.energy)
    x = np.log(NODES.energy)
    line = np.column_stack([np.ones_like(x), x])
    free = np.eye(len(x)) - line @ np.linalg.pinv(line)
    covariances = [free @ table.basis @ table.basis.T @ free for table in (NODES, equal)]
    np.testing.assert_allclose(*covariances, atol=1e-9)


def test_the_model_is_plain_data():
    model = SpectralModel("unfolded", 1.4, table=NODES)
    assert SpectralModel.from_dict(model.to_dict()) == model


@pytest.mark.parametrize(
    ("energy", "weight", "message"),
    [
        ((1.0, 2.0), (), r"model\.nodes: not a list of rising numbers.*at least 3"),
        ((1.0, 3.0, 2.0), (), r"model\.nodes: not a list of rising numbers"),
        ((-1.0, 1.0, 2.0), (), r"model\.nodes: not a positive energy"),
        ((1.0, 2.0, 3.0), (1.0, 1.0), r"model\.weight: not a weight for every node.*3 numbers not below 0"),
        ((1.0, 2.0, 3.0), (1.0, -1.0, 1.0), r"model\.weight: not a weight for every node"),
        ((1.0, 2.0, 3.0), (0.0, 0.0, 1.0), r"at least two of them above"),
    ],
)
def test_what_is_no_table_is_refused(energy, weight, message):
    with pytest.raises(InputError, match=message):
        UnfoldingNodes(energy, weight)
