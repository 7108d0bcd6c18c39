"""The acceptance ratio as an uncertain number: stated, or learned from the scatter between OFF regions."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from bayes_onoff.errors import InputError
from bayes_onoff.inference import BackgroundModel, SamplerSettings, compile_analysis, fit, rates
from bayes_onoff.inference.acceptance import (
    SCATTER_PRIOR,
    log_region_likelihood,
    log_shift_prior,
    prior_shift_draws,
    replicated_regions,
    shift_arrays,
    shifted_alpha,
)
from bayes_onoff.inference.fit_data import FitData
from bayes_onoff.inference.pymc_model import build_model
from bayes_onoff.models import LogNormal10, Normal, SpectralModel, photons
from bayes_onoff.spectra import Spectra, fold, stack

MODEL = SpectralModel("power-law")
LEARNED = BackgroundModel("independent", marginal=True, alpha_uncertainty="learned")
QUICK = SamplerSettings(draws=700, tune=400, chains=2, seed=8)


def with_regions(spectra, n_regions=10, scatter=0.0, seed=5):
    """Share the OFF counts among regions whose acceptances scatter."""
    rng = np.random.default_rng(seed)
    runs = []
    for run in spectra:
        acceptance = rng.gamma(scatter**-2, size=n_regions) if scatter else np.ones(n_regions)
        shares = rng.multinomial(run.n_off, acceptance / acceptance.sum()).T
        runs.append(run.replace(n_off_by_region=shares, acceptance_off=float(n_regions)))
    return Spectra(tuple(runs))


def scaled(spectra, **factors):
    """Multiply fields of every run."""
    return Spectra(
        tuple(run.replace(**{key: getattr(run, key) * by for key, by in factors.items()}) for run in spectra)
    )


@pytest.mark.parametrize("value", [0.0, -0.1, 1.0, float("nan"), "often"])
def test_what_is_no_relative_uncertainty_is_refused(value):
    with pytest.raises(InputError, match=r"background\.alpha_uncertainty: not a relative uncertainty; found"):
        BackgroundModel(alpha_uncertainty=value)


@pytest.mark.parametrize("scatter", [1.0, 0.3, 0.1001, 0.0999, 0.03])
def test_region_likelihood_is_dirichlet_multinomial(scatter):
    runs = [np.array([103, 95, 80, 120, 99]), np.array([0, 3])]
    arrays = {
        "region_counts": np.concatenate(runs).astype(float),
        "region_totals": np.array([497.0, 3.0]),
        "region_numbers": np.array([5.0, 2.0]),
    }
    expected = sum(
        stats.dirichlet_multinomial.logpmf(counts, np.full(len(counts), scatter**-2), counts.sum())
        - stats.multinomial.logpmf(counts, counts.sum(), np.full(len(counts), 1 / len(counts)))
        for counts in runs
    )
    assert float(log_region_likelihood(np.array(scatter), arrays)) == pytest.approx(expected, rel=1e-9)


def test_region_likelihood_is_smooth_down_to_no_scatter():
    """Differences of ln Gamma are rounding noise of ten units there, in whose peaks a chain gets stuck."""
    counts = np.array([103.0, 95.0, 80.0, 120.0, 99.0])
    arrays = {"region_counts": counts, "region_totals": np.array([497.0]), "region_numbers": np.array([5.0])}
    scatter = 10.0 ** -np.arange(2.5, 14, 0.25)
    values = np.array([float(log_region_likelihood(np.array(s), arrays)) for s in scatter])
    # To first order in 1/k: the excess of the sum of squares over what Poisson noise gives.
    first = (np.sum(counts * (counts - 1)) / 2 - 497 * 496 / 10) * scatter**2
    np.testing.assert_allclose(values, first, rtol=2e-2, atol=1e-12)


def test_only_regions_of_equal_acceptance_count(spectra):
    known = with_regions(spectra)
    data = FitData.from_spectra(known)
    for run, counts in zip(known, data.off_regions, strict=True):
        np.testing.assert_array_equal(counts, run.n_off_by_region[:, run.mask].sum(axis=1))
    assert [len(counts) for counts in FitData.from_spectra(spectra).off_regions] == [0, 0]
    # The regions of a stacked run belong to runs of their own.
    stacked = FitData.from_spectra(Spectra((stack(known),)))
    assert not stacked.equal_regions[0, 1:].any()
    # A bin in which one of the regions is cut says nothing.
    run = known.runs[0]
    cut = run.replace(acceptance_off=np.where(np.arange(8) < 3, 9.0, 10.0))
    data = FitData.from_spectra(Spectra((cut,)))
    np.testing.assert_array_equal(data.off_regions[0], run.n_off_by_region[:, 3:].sum(axis=1))


def test_certain_by_default(spectra):
    data = FitData.from_spectra(spectra)
    rng = np.random.default_rng(0)
    assert shift_arrays(data, BackgroundModel()) == {}
    assert prior_shift_draws(data, BackgroundModel(), 10, rng) == {}
    assert rng.random() == np.random.default_rng(0).random()  # nothing drawn
    assert shifted_alpha(data, {}) is data.alpha
    names = build_model(data, MODEL, BackgroundModel()).named_vars
    assert not [name for name in names if "shift" in name or "scatter" in name]


def test_prior_draws_have_the_stated_spread(spectra):
    data = FitData.from_spectra(with_regions(spectra, n_regions=4))
    rng = np.random.default_rng(3)
    stated = prior_shift_draws(data, BackgroundModel(alpha_uncertainty=0.02), 4000, rng)
    assert list(stated) == ["log_alpha_shift"]
    np.testing.assert_allclose(stated["log_alpha_shift"].std(axis=(0, 1)), 0.02, rtol=0.05)
    learned = prior_shift_draws(data, LEARNED, 4000, rng)
    ratio = learned["log_alpha_shift"] / learned["alpha_scatter"][..., None]
    np.testing.assert_allclose(ratio.std(axis=(0, 1)), np.sqrt(1 + 1 / 4), rtol=0.05)
    assert np.median(learned["alpha_scatter"]) == pytest.approx(0.01, rel=0.1)
    density = log_shift_prior(data, LEARNED, learned)[0, 7]
    scale = learned["alpha_scatter"][0, 7] * np.sqrt(1.25)
    assert density == pytest.approx(stats.norm(0, scale).logpdf(learned["log_alpha_shift"][0, 7]).sum())


@pytest.mark.parametrize("uncertainty", [0.1, "learned"])
@pytest.mark.parametrize("prior", ["pooled", "independent"])
def test_marginal_density_is_that_of_shifted_ratios(spectra, prior, uncertainty):
    """The model's density is prior times what `rates.log_likelihood` says, at any shift."""
    data = FitData.from_spectra(with_regions(spectra))
    background = BackgroundModel(prior, marginal=True, alpha_uncertainty=uncertainty)
    model = build_model(data, MODEL, background)
    point = model.initial_point() | {"log_alpha_shift_raw": np.array([0.7, -1.9])}
    scatter = 0.08
    if uncertainty == "learned":
        point["alpha_scatter_log__"] = np.log(scatter)
    density = model.compile_logp(vars=model.potentials, mode="FAST_COMPILE")

    scale = 0.1 if uncertainty == 0.1 else scatter * np.sqrt(1.1)
    variables = {name: value[None, None] for name, value in point.items() if name.endswith("_raw")}
    variables |= {"log_alpha_shift": scale * np.array([[[0.7, -1.9]]])}
    variables |= {
        name.removesuffix("_log__"): np.exp(value)[None, None]
        for name, value in point.items()
        if name.endswith("_log__")
    }
    values = {name: variables.get(name, point.get(name)) for name in ("amplitude", "index")}
    signal = fold(
        photons(MODEL, {k: np.reshape(v, (1, 1)) for k, v in values.items()}, data.energy_true.edges), data.response
    )
    draws = rates.background_draws(variables, signal, data, background, np.random.default_rng(1))
    expected = rates.log_likelihood(signal, draws, data, background).sum()
    if uncertainty == "learned":
        expected += log_region_likelihood(np.array(scatter), shift_arrays(data, background))
    np.testing.assert_allclose(float(density(point)), expected, rtol=1e-10)
    certain = rates.log_likelihood(signal, {k: v for k, v in draws.items() if k != "log_alpha_shift"}, data, background)
    assert abs(certain.sum() - rates.log_likelihood(signal, draws, data, background).sum()) > 1e-3


@pytest.mark.parametrize("prior", ["pooled", "independent"])
def test_a_source_on_a_strong_background_is_as_uncertain_as_it_must_be(make_spectra, prior):
    """The width of the amplitude by Fisher's information of amplitude and shift: 1.9 times the statistical one."""
    spectra = make_spectra(n_runs=1, n_bins=4, off_level=2000.0)
    model = SpectralModel("power-law", 1.0, {"index": Normal(2.4, 1e-4), "amplitude": LogNormal10(3e-11, 1.0)})
    background = BackgroundModel(prior, alpha_uncertainty=0.05)
    posterior = fit(spectra, model, background, QUICK, progress=False)
    assert posterior.convergence.divergences == 0

    data = FitData.from_spectra(spectra)
    amplitude = posterior.values["amplitude"]
    signal = fold(photons(model, {"amplitude": amplitude.mean(), "index": 2.4}, data.energy_true.edges), data.response)
    expected = data.alpha * data.n_off
    variance = signal + expected * (1 + data.alpha)
    mixed = (signal * expected / variance).sum()
    information = np.array([[(signal**2 / variance).sum(), mixed], [mixed, (expected**2 / variance).sum() + 0.05**-2]])
    relative = np.sqrt(np.linalg.inv(information)[0, 0])
    assert relative > 1.5 * information[0, 0] ** -0.5
    assert amplitude.std() / amplitude.mean() == pytest.approx(relative, rel=0.1)


@pytest.fixture(scope="module")
def learning(spectra):
    return compile_analysis(with_regions(spectra), MODEL, LEARNED)


def test_without_information_the_posterior_is_the_prior(learning, spectra):
    dark = scaled(spectra, acceptance_off=1e6)  # no regions known, no background in the ON region
    posterior = learning.fit(dark, QUICK, progress=False)
    draws = posterior.tree["posterior"]
    z = np.log(draws["alpha_scatter"].values / SCATTER_PRIOR.mu) / SCATTER_PRIOR.sigma
    shift = (draws["log_alpha_shift"] / draws["alpha_scatter"]).values
    assert z.mean() == pytest.approx(0, abs=0.1)
    assert z.std() == pytest.approx(1, abs=0.08)
    np.testing.assert_allclose(shift.mean(axis=(0, 1)), 0, atol=0.1)
    np.testing.assert_allclose(shift.std(axis=(0, 1)), 1, atol=0.08)


def test_scatter_between_regions_is_learned(learning, make_spectra):
    """Ten per cent injected into 2 x 20 regions of 350 counts each: found to about 1.5 per cent."""
    spectra = with_regions(make_spectra(off_level=700.0, alpha=0.05), 20, 0.1)
    posterior = learning.fit(spectra, QUICK, progress=False)
    scatter = posterior.tree["posterior"]["alpha_scatter"].values
    assert posterior.convergence.divergences == 0
    assert abs(scatter.mean() - 0.1) < 2.5 * scatter.std()
    assert 0.008 < scatter.std() < 0.02
    even = learning.fit(with_regions(make_spectra(off_level=700.0, alpha=0.05), 20), QUICK, progress=False)
    assert np.quantile(even.tree["posterior"]["alpha_scatter"].values, 0.95) < 0.06


def test_replicated_regions_share_the_new_counts(spectra):
    data = FitData.from_spectra(with_regions(spectra, 10))
    regions = replicated_regions(data, data.n_off, 0.1, np.random.default_rng(2))
    for new, old in zip(regions, data.off_regions, strict=True):
        assert new.sum() == old.sum()
        assert len(new) == len(old)


@pytest.mark.slow
def test_ranks_of_truths_are_uniform(spectra):
    """Simulation-based calibration: scatter, shifts, spectrum and counts from the prior, regions included."""
    model = SpectralModel("power-law", 1.0, {"index": Normal(2.4, 0.3), "amplitude": LogNormal10(3e-11, 0.2)})
    background = BackgroundModel("independent", 4.0, 0.02, marginal=True, alpha_uncertainty="learned")
    analysis = compile_analysis(with_regions(spectra), model, background)
    data, ranks = analysis.data, []
    for number in range(100):
        rng = np.random.default_rng([7, number])
        truth = {name: prior.draw(rng, (1, 1)) for name, prior in model.priors.items()}
        signal = fold(photons(model, truth, data.energy_true.edges), data.response)
        truth |= rates.prior_background_draws(data, background, 1, rng)
        counts = {name: values[0, 0] for name, values in rates.replicated_counts(signal, truth, data, rng).items()}
        regions = replicated_regions(data, counts["n_off"], truth["alpha_scatter"][0, 0], rng)
        settings = SamplerSettings(draws=300, tune=300, chains=2, seed=number)
        found = analysis.sample(replace(data, **counts, off_regions=regions), settings, progress=False).variables
        names = (*model.parameter_names, "alpha_scatter", "log_alpha_shift")
        ranks.append(np.hstack([(found[name] < truth[name]).mean(axis=(0, 1)).ravel() for name in names]))
    p_values = [stats.kstest(column, "uniform").pvalue for column in np.transpose(ranks)]
    assert min(p_values) > 0.01 / len(p_values)


def test_posterior_draws_of_everything_follow_the_shift(learning, make_spectra):
    spectra = with_regions(make_spectra(off_level=200.0))
    posterior = learning.fit(spectra, QUICK, progress=False)
    data, draws = FitData.from_spectra(spectra), posterior.tree["posterior"]
    alpha = shifted_alpha(data, draws)
    expected = (draws["npred_signal"] + alpha * draws["npred_off"]).values[..., data.mask]
    predicted = posterior.tree["posterior_predictive"]["n_on"].values[..., data.mask]
    pull = (predicted - expected) / np.sqrt(expected)
    np.testing.assert_allclose(pull.std(axis=(0, 1)), 1, atol=0.08)
    assert posterior.tree["prior"]["log_alpha_shift"].dims == ("chain", "draw", "run")
    np.testing.assert_array_equal(posterior.tree["constant_data"]["acceptance_ratio"], data.alpha)
