"""Predictive residuals of a posterior: per bin, stacked over runs, and totals of the runs."""

import numpy as np
import pytest

from bayes_onoff.errors import InputError
from bayes_onoff.inference import Posterior
from bayes_onoff.products import predictive_residuals


def test_residuals_compare_counts_with_their_predictive(posterior: Posterior) -> None:
    result = predictive_residuals(posterior)
    draws = posterior.tree["posterior"].sel(run="23524")
    alpha = 1 / 12
    mean_on = (draws["npred_signal"] + alpha * draws["npred_off"]).stack(sample=("chain", "draw")).to_numpy()
    found = result.sel(run="23524", region="on")
    np.testing.assert_allclose(found["expected"], mean_on.mean(axis=1))
    deviation = np.sqrt(mean_on.mean(axis=1) + mean_on.var(axis=1))
    np.testing.assert_allclose(found["deviation"], deviation)
    np.testing.assert_allclose(found["standardised"], (found["counts"] - mean_on.mean(axis=1)) / deviation)


def test_masked_bins_have_no_residual(posterior: Posterior) -> None:
    result = predictive_residuals(posterior)
    masked = result.sel(run="23523").isel(energy=0)
    for variable in result.data_vars:
        assert np.isnan(masked[variable]).all()
        assert int(np.isnan(result[variable]).sum()) == 2  # ON and OFF of that bin


def test_predictive_moments_are_those_of_replicates(posterior: Posterior) -> None:
    rng = np.random.default_rng(6)
    draws = posterior.tree["posterior"].isel(run=1, energy=3)
    expected = (draws["npred_signal"] + draws["npred_off"] / 12).to_numpy().ravel()
    replicates = rng.poisson(expected, size=(200, expected.size))
    found = predictive_residuals(posterior).isel(run=1, energy=3).sel(region="on")
    assert float(found["expected"]) == pytest.approx(replicates.mean(), rel=0.01)
    assert float(found["deviation"]) == pytest.approx(replicates.std(), rel=0.01)


@pytest.mark.parametrize(("summed_over", "left", "axis"), [("run", "energy", 0), ("energy", "run", 1)])
def test_sums_add_up_analysed_bins_only(posterior: Posterior, summed_over: str, left: str, axis: int) -> None:
    result = predictive_residuals(posterior, summed_over=summed_over)
    assert result["counts"].dims == ("region", left)
    single = predictive_residuals(posterior)
    for variable in ("counts", "expected"):
        np.testing.assert_allclose(result[variable], np.nansum(single[variable], axis=axis + 1))
    # The signal is common to the bins: its uncertainty adds up linearly, not in squares.
    quadratic = np.sqrt(np.nansum(single["deviation"].sel(region="on") ** 2, axis=axis))
    assert np.all(result["deviation"].sel(region="on") > quadratic)
    assert np.isfinite(result["quantile"]).all()


def test_a_good_model_leaves_no_pattern(posterior: Posterior) -> None:
    on = predictive_residuals(posterior)["quantile"].sel(region="on").to_numpy()
    on = on[np.isfinite(on)]
    assert abs(on.mean()) < 3 / np.sqrt(len(on))
    assert 0.7 < on.std() < 1.25


def test_independent_off_residuals_are_narrow_since_each_rate_was_fitted(posterior: Posterior) -> None:
    off = predictive_residuals(posterior)["standardised"].sel(region="off")
    assert float(off.std()) < 0.5


def test_other_seed_changes_the_randomisation_alone(posterior: Posterior) -> None:
    one, other = predictive_residuals(posterior, seed=1), predictive_residuals(posterior, seed=2)
    np.testing.assert_array_equal(one["standardised"], other["standardised"])
    assert not np.array_equal(one["quantile"], other["quantile"], equal_nan=True)
    assert one.attrs["seed"] == 1


def test_unknown_dimension_is_refused(posterior: Posterior) -> None:
    with pytest.raises(InputError, match="summed_over: not a dimension of the counts; found 'band'"):
        predictive_residuals(posterior, summed_over="band")  # type: ignore[arg-type]
