"""Profiles against brute force, and reasons where posterior and profile likelihood differ."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import xarray as xr
from scipy.optimize import brentq, minimize_scalar

from bayes_onoff.errors import InputError
from bayes_onoff.inference import Posterior
from bayes_onoff.models import SpectralModel, Uniform, photons
from bayes_onoff.products import WstatFit, WstatProfile, compare_with_wstat, fit_wstat, prior_sensitivity, profile_wstat
from bayes_onoff.products.wstat_objective import WstatObjective
from bayes_onoff.spectra import Spectra, fold, wstat
from bayes_onoff.spectra.labelled import to_dataset

PL = SpectralModel("power-law")


def total(spectra: Spectra, amplitude: float, index: float) -> float:
    flux = photons(PL, {"amplitude": amplitude, "index": index}, spectra.energy_true.edges)
    return float(wstat(spectra.n_on, spectra.n_off, spectra.alpha, fold(flux, spectra.response))[spectra.mask].sum())


def profiled_over_amplitude(spectra: Spectra, index: float) -> float:
    def of(log_amplitude: float) -> float:
        return total(spectra, 1e-11 * np.exp(log_amplitude), index)

    grid = np.linspace(-6, 4, 41)
    best = grid[np.argmin([of(point) for point in grid])]
    return float(minimize_scalar(of, bounds=(best - 0.3, best + 0.3), method="bounded").fun)


@pytest.fixture(scope="module")
def fit(posterior: Posterior) -> WstatFit:
    return fit_wstat(posterior.spectra, posterior.model)


@pytest.fixture(scope="module")
def hardly_bent(cutoff_posterior: Posterior) -> Posterior:
    """Counts as expected of a cutoff too weak to be seen; the draws do not know of them."""
    values = {"amplitude": 3e-11, "index": 2.4, "lambda_": 0.022}
    spectra = cutoff_posterior.spectra
    signal = fold(photons(cutoff_posterior.model, values, spectra.energy_true.edges), spectra.response)
    on = np.round(signal + spectra.alpha * spectra.n_off)
    bent = Spectra(tuple(run.replace(n_on=counts) for run, counts in zip(spectra, on, strict=True)))
    tree = cutoff_posterior.tree.copy()
    tree["spectra"] = xr.DataTree(to_dataset(bent))
    return replace(cutoff_posterior, tree=tree)


@pytest.fixture(scope="module")
def sparse_fit(sparse_posterior: Posterior) -> WstatFit:
    return fit_wstat(sparse_posterior.spectra, sparse_posterior.model)


def test_profile_is_the_minimum_over_the_other_parameters(sparse_posterior: Posterior, sparse_fit: WstatFit) -> None:
    spectra = sparse_posterior.spectra
    profile = profile_wstat(spectra, sparse_fit)["index"]
    assert np.all(np.diff(profile.values) > 0)
    inside = np.flatnonzero(profile.delta_stat < 4)
    for point in (inside[0], inside[len(inside) // 3], inside[-1]):
        expected = profiled_over_amplitude(spectra, profile.values[point]) - sparse_fit.stat
        assert profile.delta_stat[point] == pytest.approx(expected, abs=1e-3)
    assert profile.delta_stat.min() == 0
    np.testing.assert_allclose(profile.likelihood, np.exp(-profile.delta_stat / 2))


def test_interval_ends_where_w_is_one_above_its_minimum(sparse_posterior: Posterior, sparse_fit: WstatFit) -> None:
    spectra, best = sparse_posterior.spectra, sparse_fit.values["index"]
    profile = profile_wstat(spectra, sparse_fit)["index"]

    def above(index: float) -> float:
        return profiled_over_amplitude(spectra, index) - sparse_fit.stat - 1

    assert profile.lower == pytest.approx(brentq(above, best - 1, best), abs=0.01 * sparse_fit.errors["index"])
    assert profile.upper == pytest.approx(brentq(above, best, best + 1.5), abs=0.01 * sparse_fit.errors["index"])
    assert profile.upper - best > 1.3 * (best - profile.lower)  # not symmetric: that is why it is profiled


def test_profile_of_a_well_measured_source_is_a_parabola(posterior: Posterior, fit: WstatFit) -> None:
    for name, profile in profile_wstat(posterior.spectra, fit).items():
        expected = fit.values[name] + fit.errors[name] * np.array([-1, 1])
        np.testing.assert_allclose([profile.lower, profile.upper], expected, atol=0.1 * fit.errors[name])
        assert not profile.reaches_limit


def test_interval_of_an_undetermined_cutoff_reaches_its_limit(hardly_bent: Posterior) -> None:
    found = fit_wstat(hardly_bent.spectra, hardly_bent.model)
    profile = profile_wstat(hardly_bent.spectra, found)["lambda_"]
    assert found.success
    assert profile.lower == 0
    assert profile.reaches_limit
    straight = fit_wstat(hardly_bent.spectra, PL)
    assert 0 < straight.stat - found.stat < 1
    assert profile.delta_stat[0] == pytest.approx(straight.stat - found.stat, abs=0.01)
    assert "limit: the profile interval reaches the limit 0" in compare_with_wstat(hardly_bent, found)["reason"][2]


def test_known_background_replaces_the_profiled_one(posterior: Posterior, fit: WstatFit) -> None:
    """With the profiled values held, the same gradient; second derivatives are larger without their freedom."""
    objective = WstatObjective(posterior.spectra, fit.model)
    best = objective.to_coordinates(np.array(list(fit.values.values())))
    held = WstatObjective(posterior.spectra, fit.model, objective.background(objective.signal(best)))
    np.testing.assert_allclose(held.gradient(best), 0, atol=1e-3)
    assert np.all(np.linalg.eigvalsh(held.hessian(best) - objective.hessian(best)) > 0)
    shift = np.array([0.01, -0.02])
    numerical = [
        (held.total(best + shift + step) - held.total(best + shift - step)) / 2e-4 for step in 1e-4 * np.eye(2)
    ]
    np.testing.assert_allclose(held.gradient(best + shift), numerical, rtol=1e-4)


def test_agreement(posterior: Posterior, fit: WstatFit) -> None:
    table = compare_with_wstat(posterior, fit)
    assert table["parameter"].tolist() == ["amplitude", "index"]
    assert table["unit"].tolist() == ["TeV-1 cm-2 s-1", ""]
    assert set(table["reason"]) == {"they agree"}
    index = posterior.values["index"]
    row = table[1]
    assert row["median"] == np.median(index)
    assert row["wstat_value"] == fit.values["index"]
    assert row["wstat_error"] == fit.errors["index"]
    assert row["shift"] == pytest.approx((np.median(index) - fit.values["index"]) / index.std(ddof=1))
    width = np.subtract(*np.quantile(index, [0.84, 0.16]))
    assert row["width_ratio"] == pytest.approx(width / (row["profile_upper"] - row["profile_lower"]))
    assert "agree within 0.3 standard deviations and 15 % in width" in table.meta["sentence"]
    assert table.meta["converged"] is True


def test_empty_off_is_found_and_quantified(sparse_posterior: Posterior, sparse_fit: WstatFit) -> None:
    profiles, sensitivity = (
        profile_wstat(sparse_posterior.spectra, sparse_fit),
        prior_sensitivity(sparse_posterior),
    )
    table = compare_with_wstat(sparse_posterior, sparse_fit, profiles=profiles, sensitivity=sensitivity)
    spectra = sparse_posterior.spectra
    candidates = np.sum((spectra.n_off == 0) & (spectra.n_on > 0))
    assert 0 < table.meta["n_empty_off"] <= candidates
    row = table[0]
    assert abs(row["shift"]) > 0.3
    assert row["shift"] < 0
    assert f"empty OFF: {table.meta['n_empty_off']} of 48 bins have ON but no OFF counts" in row["reason"]
    assert "the fit moves by -" in row["reason"]
    assert "skewness: that of the posterior is +" in row["reason"]
    assert "prior: the result is sensitive to the prior of the background" in row["reason"]
    assert "differ by more than 0.3 standard deviations or 15 % in width for amplitude" in table.meta["sentence"]


def test_with_off_counts_everywhere_empty_off_is_no_reason(posterior: Posterior, fit: WstatFit) -> None:
    """The draws displaced by a standard deviation: none of the reasons holds, and none is made up."""
    tree = posterior.tree.copy()
    draws = tree["posterior"].to_dataset()
    tree["posterior"] = xr.DataTree(draws.assign(index=draws["index"] + float(draws["index"].std())))
    table = compare_with_wstat(replace(posterior, tree=tree), fit)
    assert table["reason"][0] == "they agree"
    assert not table["reason"][1].startswith("empty OFF")
    assert "limit" not in table["reason"][1]


def test_edge_of_the_prior_is_named(sparse_posterior: Posterior, sparse_fit: WstatFit) -> None:
    index = sparse_posterior.values["index"]
    edge = float(np.quantile(index, 0.025) - 0.1 * index.std())
    high = sparse_fit.values["index"] - 1e-3
    model = replace(sparse_posterior.model, priors={**sparse_posterior.model.priors, "index": Uniform(edge, high)})
    table = compare_with_wstat(replace(sparse_posterior, model=model), sparse_fit)
    assert f"limit: the posterior touches the prior's edge at {edge:g}" in table["reason"][1]
    assert f"limit: the best fit lies outside the prior's range {edge:g} to {high:g}" in table["reason"][1]


def test_failed_fit_gives_no_numbers(posterior: Posterior, fit: WstatFit) -> None:
    nothing = dict.fromkeys(fit.errors, np.nan)
    failed = replace(fit, success=False, errors=nothing, message="index runs towards its limit 0")
    table = compare_with_wstat(posterior, failed)
    for name in ("wstat_value", "wstat_error", "profile_lower", "profile_upper", "shift", "width_ratio"):
        assert np.all(np.isnan(table[name]))
    assert set(table["reason"]) == {"WSTAT found no minimum: index runs towards its limit 0"}
    assert "nothing to compare" in table.meta["sentence"]
    with pytest.raises(InputError, match="no profile around a fit that found no minimum"):
        profile_wstat(posterior.spectra, failed)


def test_other_model_is_refused(posterior: Posterior, fit: WstatFit) -> None:
    with pytest.raises(InputError, match="different models"):
        compare_with_wstat(posterior, replace(fit, model=SpectralModel("power-law", reference=2.0)))


def test_other_spectra_are_refused(posterior: Posterior, sparse_fit: WstatFit) -> None:
    with pytest.raises(InputError, match="not of these spectra"):
        profile_wstat(posterior.spectra, sparse_fit)


def test_unconverged_is_marked(
    posterior: Posterior, fit: WstatFit, unconverged: Callable[[Posterior], Posterior]
) -> None:
    profiles: dict[str, WstatProfile] = profile_wstat(posterior.spectra, fit)
    assert compare_with_wstat(unconverged(posterior), fit, profiles=profiles).meta["converged"] is False
