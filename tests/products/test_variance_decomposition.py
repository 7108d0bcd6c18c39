import numpy as np
import pytest

from bayes_onoff.inference import JointPosterior
from bayes_onoff.products import variance_decomposition
from bayes_onoff.products.variance_decomposition import variance_shares


def shares_of(*columns, values):
    names = ("background", "energy_scale", "effective_area")
    return variance_shares(values, {name: column[:, None] for name, column in zip(names, columns, strict=False)})


def test_independent_sources_have_their_own_variances():
    a, b, noise = np.random.default_rng(1).standard_normal((3, 20_000))
    shares = shares_of(a, b, values=5 + 2 * a + 1 * b + 1 * noise)
    assert shares["background"] == pytest.approx(4 / 6, abs=0.01)
    assert shares["energy_scale"] == pytest.approx(1 / 6, abs=0.01)
    assert shares["counts"] == pytest.approx(1 / 6, abs=0.01)
    assert shares["acceptance_ratio"] == shares["effective_area"] == 0
    assert sum(shares.values()) == pytest.approx(1)


def test_what_two_sources_explain_together_is_halved():
    a, noise, other = np.random.default_rng(2).standard_normal((3, 20_000))
    shares = shares_of(a, a + 1e-3 * noise, values=a + other)
    assert shares["background"] == pytest.approx(0.25, abs=0.01)
    assert shares["energy_scale"] == pytest.approx(0.25, abs=0.01)


def test_regressors_without_a_relation_explain_nothing():
    rng = np.random.default_rng(3)
    shares = variance_shares(rng.standard_normal(4000), {"background": rng.standard_normal((4000, 300))})
    assert shares["counts"] == pytest.approx(1, abs=0.03)


def test_a_certain_response_leaves_counts_and_background(posterior):
    table = variance_decomposition(posterior)
    assert table["parameter"].tolist() == ["amplitude", "index"]
    np.testing.assert_allclose(table["counts"] + table["background"], 1)
    assert np.all(table["counts"] > 0.5)
    assert "linear" in table.meta["method"]
    twice = variance_decomposition(JointPosterior({"one": posterior, "two": posterior}))
    assert twice.meta["instruments"] == "one, two"
    np.testing.assert_allclose(twice["counts"], table["counts"], atol=0.05)
