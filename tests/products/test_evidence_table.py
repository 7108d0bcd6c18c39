"""Evidence, left-out runs, nested models and stacked spectra of exact posteriors."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from astropy.table import QTable
from scipy import stats

from bayes_onoff.errors import InputError
from bayes_onoff.inference import Posterior, compute_evidence
from bayes_onoff.inference.fit_data import FitData
from bayes_onoff.inference.psis import psis_elpd
from bayes_onoff.inference.rates import log_likelihood
from bayes_onoff.models import Normal, SpectralModel, photons
from bayes_onoff.products import compare, leave_one_run_out, savage_dickey, spectral_band, stacked_band
from bayes_onoff.products.evidence_scale import bayes_factor_words, model_probabilities
from bayes_onoff.spectra import fold


@pytest.fixture(scope="module")
def table(posterior: Posterior, cutoff_posterior: Posterior) -> QTable:
    return compare({"power-law": posterior, "cutoff": cutoff_posterior}, evidence=True)


def by_prior_draws(posterior: Posterior) -> tuple[float, float]:
    """The evidence as the mean likelihood of draws from the prior, and its error."""
    rng = np.random.default_rng(99)
    data = FitData.from_spectra(posterior.spectra)
    values = {name: prior.draw(rng, (1, 20_000)) for name, prior in posterior.model.priors.items()}
    signal = fold(photons(posterior.model, values, data.energy_true.edges), data.response)
    total = log_likelihood(signal, {}, data, posterior.background).sum(axis=-1)[0]
    likelihood = np.exp(total - total.max())
    error = likelihood.std() / likelihood.mean() / np.sqrt(likelihood.size)
    return float(total.max() + np.log(likelihood.mean())), float(error)


def test_evidence_is_the_mean_likelihood_of_prior_draws(posterior: Posterior, cutoff_posterior: Posterior) -> None:
    for model in (posterior, cutoff_posterior):
        found = compute_evidence(model)
        expected, error = by_prior_draws(model)
        assert found.error < 0.03
        # The draws of the exact posteriors are resampled: fewer of them are different than their number says.
        assert found.log_evidence == pytest.approx(expected, abs=3 * error + 0.05)


def test_columns_of_the_evidence(table: QTable, posterior: Posterior, cutoff_posterior: Posterior) -> None:
    row = table[table["model"] == "power-law"][0]
    assert row["log_evidence"] == compute_evidence(posterior).log_evidence
    assert table["probability"].sum() == pytest.approx(1)
    assert table["log_bayes_factor"].max() == 0
    odds = np.log(table["probability"][0] / table["probability"][1])
    assert odds == pytest.approx(table["log_evidence"][0] - table["log_evidence"][1])
    assert sorted(table["evidence_for_best"])[0] == "best"
    # The draws of the exact posterior of the cutoff repeat: the weights of one pair fail, so a refit leaves it out.
    cutoff = table[table["model"] == "cutoff"][0]
    assert (row["n_refits"], cutoff["n_refits"]) == (0, 1)
    assert cutoff["warning"] == "1 pairs left out by refits, their Pareto k was above 0.7"
    assert np.all(table["k_hat_max"] <= 0.7)
    by_psis = compare({"power-law": posterior, "cutoff": cutoff_posterior})
    before = by_psis[by_psis["model"] == "cutoff"][0]
    assert before["k_hat_max"] > 0.7
    assert 0 < abs(cutoff["elpd_loo"] - before["elpd_loo"]) < 0.5
    assert "Evidence is highest for" in table.meta["sentence"]
    assert "Kass and Raftery" in table.meta["evidence_method"]


def test_without_enough_draws_the_reason_is_told(posterior: Posterior, cutoff_posterior: Posterior) -> None:
    tree = posterior.tree.copy()
    for group in ("posterior", "log_likelihood"):
        tree[group] = tree[group].to_dataset().isel(draw=slice(0, 24))
    short = replace(posterior, tree=tree)
    found = compare({"short": short, "cutoff": cutoff_posterior}, evidence=True)
    row = found[found["model"] == "short"][0]
    assert "too few draws for bridge sampling" in row["warning"]
    assert np.isnan(row["log_evidence"])
    assert np.all(np.isnan(found["probability"]))
    assert found.meta["sentence"].endswith("Evidences were not computed, see the warnings.")


def test_words() -> None:
    scale = [bayes_factor_words(value) for value in (0.5, -2.0, 4.0, -5.0, 30.0)]
    assert scale == ["not worth more than a bare mention", "positive", "strong", "very strong", "very strong"]


def test_probabilities_of_small_evidences() -> None:
    np.testing.assert_allclose(model_probabilities(np.array([-1000.0, -1000 + np.log(3)])), [0.25, 0.75])


def test_psis_is_exact_for_a_conjugate_datum() -> None:
    """y_i ~ N(mu, 1), flat prior: p(y_i | others) is normal around the mean of the others."""
    rng = np.random.default_rng(3)
    y = rng.normal(size=20)
    mu = rng.normal(y.mean(), 20**-0.5, (4, 2000))
    elpd, k_hat = psis_elpd(stats.norm.logpdf(y, mu[..., None], 1))
    others = (y.sum() - y) / 19
    np.testing.assert_allclose(elpd, stats.norm.logpdf(y, others, np.sqrt(1 + 1 / 19)), atol=0.02)
    assert k_hat.max() < 0.5


def test_runs_left_out_by_importance_sampling_or_by_a_refit(posterior: Posterior) -> None:
    table = leave_one_run_out({"pl": posterior})
    assert table["run"].tolist() == list(posterior.spectra.names)
    np.testing.assert_array_equal(table["method"] == "refit", table["k_hat"] > 0.7)
    np.testing.assert_array_equal(table["method"] == "refit", np.isfinite(table["error"]))
    assert table.meta["total"]["pl"] == pytest.approx(table["elpd"].sum())
    # ln p(run | others) by draws of the prior, weighted by the likelihood of the others.
    rng = np.random.default_rng(7)
    data = FitData.from_spectra(posterior.spectra)
    values = {name: prior.draw(rng, (1, 20_000)) for name, prior in posterior.model.priors.items()}
    signal = fold(photons(posterior.model, values, data.energy_true.edges), data.response)
    pairs = log_likelihood(signal, {}, data, posterior.background)[0]
    run = np.nonzero(data.mask)[0]
    for index in range(3):
        own, others = pairs[:, run == index].sum(axis=1), pairs[:, run != index].sum(axis=1)
        weights = np.exp(others - others.max())
        expected = np.log((np.exp(own) * weights).sum() / weights.sum())
        assert table["elpd"][index] == pytest.approx(expected, abs=0.15)


def gaussian(posterior: Posterior, mean: float, sd: float) -> Posterior:
    """A log-parabola whose curvature has a normal posterior; its prior is N(0, 0.5)."""
    rng = np.random.default_rng(8)
    tree = posterior.tree.copy()
    draws = tree["posterior"].to_dataset()
    draws["alpha"] = draws["index"]
    draws["beta"] = draws["index"].copy(data=rng.normal(mean, sd, draws["index"].shape))
    tree["posterior"] = draws
    return replace(posterior, tree=tree, model=SpectralModel("log-parabola"))


def test_density_ratio_at_the_nested_value(posterior: Posterior) -> None:
    found, error = savage_dickey(gaussian(posterior, 0.1, 0.08), "beta")
    expected = stats.norm(0.1, 0.08).logpdf(0) - Normal(0.0, 0.5).log_density(0.0)
    assert error < 0.15
    assert found == pytest.approx(float(expected), abs=3 * error)


def test_no_density_ratio_at_a_boundary_or_far_away(posterior: Posterior, cutoff_posterior: Posterior) -> None:
    with pytest.raises(InputError, match=r"lambda_: the value is not inside the support.*compare evidences"):
        savage_dickey(cutoff_posterior, "lambda_")
    with pytest.raises(InputError, match="hardly a draw of the posterior is near the value"):
        savage_dickey(gaussian(posterior, 1.0, 0.05), "beta")
    with pytest.raises(InputError, match="no such parameter; found 'beta'; allowed: amplitude, index"):
        savage_dickey(posterior, "beta")


def test_stacked_band_lies_between_the_models(
    posterior: Posterior, cutoff_posterior: Posterior, unconverged: Callable[[Posterior], Posterior]
) -> None:
    models = {"pl": posterior, "cutoff": cutoff_posterior}
    one, other = spectral_band(posterior), spectral_band(cutoff_posterior)
    mixed = stacked_band(models, {"pl": 3.0, "cutoff": 1.0})
    assert mixed.meta["weights"] == {"pl": 0.75, "cutoff": 0.25}
    low, high = np.minimum(one.median, other.median), np.maximum(one.median, other.median)
    assert np.all((mixed.median >= 0.995 * low) & (mixed.median <= 1.005 * high))
    assert np.all(mixed.eti95_lower >= 0.995 * np.minimum(one.eti95_lower, other.eti95_lower))
    assert np.all(mixed.eti95_upper <= 1.005 * np.maximum(one.eti95_upper, other.eti95_upper))
    alone = stacked_band(models, {"pl": 1.0, "cutoff": 0.0})
    np.testing.assert_allclose(alone.median, one.median, rtol=0.005)
    assert stacked_band({"pl": unconverged(posterior)}, {"pl": 1.0}).meta["converged"] is False


@pytest.mark.parametrize("weights", [{"pl": -1.0}, {"pl": 0.0}, {"pl": np.nan}])
def test_what_is_no_weight_is_refused(posterior: Posterior, weights: dict[str, float]) -> None:
    with pytest.raises(InputError, match="stacked_band: not weights"):
        stacked_band({"pl": posterior}, weights)


def test_missing_weight_is_refused(posterior: Posterior) -> None:
    with pytest.raises(InputError, match="stacked_band: a model has no weight; found 'pl'"):
        stacked_band({"pl": posterior}, {})
