"""Leave-one-out comparison of exact posteriors."""

import warnings
from collections.abc import Callable
from dataclasses import replace

import arviz_stats
import numpy as np
import pytest
import xarray as xr
from astropy.table import QTable
from scipy.special import logsumexp

from bayes_onoff.errors import InputError
from bayes_onoff.inference import Posterior
from bayes_onoff.products import compare
from bayes_onoff.spectra import Spectra
from bayes_onoff.spectra.labelled import to_dataset

COLUMNS = ["model", "rank", "elpd_loo", "elpd_se", "p_loo", "elpd_diff", "diff_se", "weight"]
COLUMNS += ["k_hat_max", "n_bad_k", "warning", "converged"]


def shifted(posterior: Posterior, amount: float) -> Posterior:
    """The same posterior with the marginal ln likelihood of each pair changed by a zero-sum pattern plus `amount`."""
    tree = posterior.tree.copy()
    values = tree["log_likelihood"]["counts"]
    pattern = np.resize([0.3, -0.3], values.sizes["bin"])
    tree["log_likelihood"]["counts"] = values + pattern + amount
    return replace(posterior, tree=tree)


@pytest.fixture(scope="module")
def table(posterior: Posterior, cutoff_posterior: Posterior) -> QTable:
    return compare({"cutoff": cutoff_posterior, "power-law": posterior})


def test_columns_and_ranks(table: QTable) -> None:
    assert table.colnames == COLUMNS
    assert table["rank"].tolist() == [1, 2]
    assert np.all(np.diff(table["elpd_loo"]) <= 0)
    assert table["elpd_diff"][0] == 0
    assert table["diff_se"][0] == 0
    assert table["elpd_diff"][1] == pytest.approx(table["elpd_loo"][1] - table["elpd_loo"][0])
    assert table["weight"].sum() == pytest.approx(1)
    assert table.meta["n_pairs"] == 35


def test_elpd_is_psis_loo_of_the_marginal_pairs(table: QTable, posterior: Posterior) -> None:
    row = table[table["model"] == "power-law"][0]
    reference = arviz_stats.loo(posterior.tree, var_name="counts", reff=1.0, pointwise=True)
    assert row["elpd_loo"] == pytest.approx(reference.elpd, abs=0.05)
    # Plain importance sampling without smoothing: the harmonic mean of the likelihoods.
    pairs = posterior.tree["log_likelihood"]["counts"].to_numpy().reshape(-1, 35)
    plain = -(logsumexp(-pairs, axis=0) - np.log(len(pairs)))
    assert row["elpd_loo"] == pytest.approx(plain.sum(), abs=0.5)
    assert row["elpd_se"] == pytest.approx(np.sqrt(35) * plain.std(), rel=0.05)
    # Two parameters, and the rates are integrated out.
    assert row["p_loo"] == pytest.approx(2, abs=0.8)


def test_nested_models_of_power_law_data_are_not_told_apart(table: QTable) -> None:
    assert table.meta["sentence"].startswith("power-law and cutoff (-")
    assert "cannot be told apart" in table.meta["sentence"]


def test_clear_difference_is_told(posterior: Posterior) -> None:
    table = compare({"good": posterior, "bad": shifted(posterior, -0.5)})
    assert table["model"].tolist() == ["good", "bad"]
    assert table["elpd_diff"][1] == pytest.approx(-0.5 * 35 + 0.3, abs=1e-6)
    assert table["diff_se"][1] == pytest.approx(0.3 * np.sqrt(35), rel=0.01)
    assert table.meta["sentence"].startswith("good predicts the counts better than bad (-17.2 ± 1.8)")


def test_small_difference_is_not_told_apart_however_certain(posterior: Posterior) -> None:
    tree = posterior.tree.copy()
    tree["log_likelihood"]["counts"] = tree["log_likelihood"]["counts"] - 0.1
    table = compare({"one": posterior, "other": replace(posterior, tree=tree)})
    assert table["diff_se"][1] == pytest.approx(0, abs=1e-6)
    assert table.meta["sentence"].startswith("one and other (-3.5 ± 0.0) cannot be told apart")


def test_three_models_are_sorted_into_alike_and_worse(posterior: Posterior) -> None:
    models = {"a": posterior, "b": shifted(posterior, -0.03), "c": shifted(posterior, -1.0)}
    sentence = compare(models).meta["sentence"]
    assert sentence.startswith("a predicts the counts better than c (-34.7 ± 1.8); a and b (-")


def test_high_pareto_k_is_counted_and_told(posterior: Posterior) -> None:
    tree = posterior.tree.copy()
    values = tree["log_likelihood"]["counts"].copy()
    tail = np.random.default_rng(1).pareto(0.8, size=values.shape[:2])
    values[..., 7] = values[..., 7] - np.log1p(tail) * 2
    tree["log_likelihood"]["counts"] = values
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # the table tells it, not a warning
        table = compare({"fine": posterior, "fragile": replace(posterior, tree=tree)})
    row = table[table["model"] == "fragile"][0]
    assert row["n_bad_k"] == 1
    assert row["k_hat_max"] > 0.7
    assert row["warning"] == "1 of 35 pairs have a Pareto k above 0.67"
    assert table[table["model"] == "fine"]["warning"][0] == ""
    assert "Unreliable" in table.meta["sentence"]


def test_unconverged_model_allows_no_conclusion(
    posterior: Posterior, cutoff_posterior: Posterior, unconverged: Callable[[Posterior], Posterior]
) -> None:
    table = compare({"pl": posterior, "cutoff": unconverged(cutoff_posterior)})
    assert table.meta["converged"] is False
    assert table.meta["sentence"] == "No conclusion: the sampling of cutoff did not converge."
    assert table[table["model"] == "cutoff"]["converged"][0] == np.False_


def test_one_model_is_no_comparison(posterior: Posterior) -> None:
    with pytest.raises(InputError, match="compare: nothing to compare; found 'pl'; allowed: at least two models"):
        compare({"pl": posterior})


def with_draws(posterior: Posterior, n_draws: int) -> Posterior:
    """The first draws of every chain."""
    groups = {
        name: group.to_dataset().isel(draw=slice(n_draws), missing_dims="ignore")
        for name, group in posterior.tree.children.items()
    }
    return replace(posterior, tree=xr.DataTree.from_dict(groups))


def test_too_few_draws_are_refused(posterior: Posterior) -> None:
    few = with_draws(posterior, 7)
    message = "compare, few: too few draws to compare models; found '4 chains of 7'; allowed: at least 30 draws in all"
    with pytest.raises(InputError, match=message):
        compare({"all": posterior, "few": few})
    table = compare({"all": posterior, "enough": with_draws(posterior, 8)})
    assert np.all(np.isfinite(table["k_hat_max"]))


def test_draws_that_repeat_one_another_are_refused(posterior: Posterior) -> None:
    tree = posterior.tree.copy()
    values = tree["log_likelihood"]["counts"]
    tree["log_likelihood"]["counts"] = xr.zeros_like(values) + values.isel(draw=0)
    with pytest.raises(InputError, match="compare, stuck: these draws cannot be cross-validated; found 'for some run"):
        compare({"fine": posterior, "stuck": replace(posterior, tree=tree)})


def test_different_data_are_refused(posterior: Posterior, spectra: Spectra) -> None:
    run = spectra.runs[1]
    n_on = run.n_on.copy()
    n_on[4] += 1
    other = Spectra((spectra.runs[0], run.replace(n_on=n_on), spectra.runs[2]))
    tree = posterior.tree.copy()
    tree["spectra"] = tree["spectra"].copy()
    tree["spectra"].dataset = to_dataset(other)
    with pytest.raises(InputError, match="fitted to different data; found 'a and b differ in runs, bins or counts'"):
        compare({"a": posterior, "b": replace(posterior, tree=tree)})
