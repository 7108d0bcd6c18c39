"""The PyMC model against the same density written out in NumPy and SciPy."""

import numpy as np
import pymc as pm
import pytest
from scipy import optimize, stats

from bayes_onoff.axes import ENERGY_DIM, ENERGY_TRUE_DIM, RUN_DIM
from bayes_onoff.inference.fit_data import FitData
from bayes_onoff.inference.pymc_model import BandSignal, build_model, random_variable
from bayes_onoff.inference.settings import BackgroundModel
from bayes_onoff.models import (
    HalfNormal,
    LogNormal,
    LogNormal10,
    LogUniform,
    Normal,
    SpectralModel,
    TruncatedNormal,
    Uniform,
    photons,
)
from bayes_onoff.spectra import Spectra, fold

MODEL = SpectralModel("power-law")
ALL_BACKGROUNDS = [
    BackgroundModel("pooled"),
    BackgroundModel("pooled", marginal=True),
    BackgroundModel("independent"),
    BackgroundModel("independent", marginal=True),
]


def _identity(background):
    return f"{background.prior}-{'marginal' if background.marginal else 'latent'}"


@pytest.mark.parametrize("background", ALL_BACKGROUNDS, ids=_identity)
def test_gradient_is_that_of_the_density(spectra, background):
    model = build_model(FitData.from_spectra(spectra), MODEL, background)
    density = model.compile_logp(mode="FAST_COMPILE")
    gradient = model.compile_dlogp(mode="FAST_COMPILE")
    point = model.initial_point()
    point["index"] = np.array(2.3)
    point["amplitude_log__"] = np.log(2.5e-11)
    mapped = pm.blocking.DictToArrayBijection.map(point)

    def value(x):
        return float(density(pm.blocking.DictToArrayBijection.rmap(pm.blocking.RaveledVars(x, mapped.point_map_info))))

    numeric = optimize.approx_fprime(mapped.data, value, 1e-6)
    np.testing.assert_allclose(gradient(point), numeric, rtol=2e-3, atol=2e-2)


def test_independent_density_is_the_formula(spectra):
    data = FitData.from_spectra(spectra)
    background = BackgroundModel("independent", shape=0.5, rate=1e-3)
    model = build_model(data, MODEL, background)
    rates = np.random.default_rng(2).gamma(3.0, 1.0, data.mask.shape)
    values = {"amplitude": 2.5e-11, "index": 2.3}
    point = {"amplitude_log__": np.log(2.5e-11), "index": 2.3, "npred_off_log__": np.log(rates)}
    signal = fold(photons(MODEL, values, data.energy_true.edges), data.response)
    used = data.mask
    expected = (
        stats.norm.logpdf(2.3, 2.5, 1)
        + stats.norm.logpdf(np.log(2.5e-11), np.log(1e-12), 2 * np.log(10))
        + np.sum((stats.gamma.logpdf(rates, 0.5, scale=1000) + np.log(rates))[used])
        + np.sum((stats.gamma.logpdf(rates, 10, scale=0.1) + np.log(rates))[~used])  # placeholders of masked bins
        + np.sum(stats.poisson.logpmf(data.n_off, rates)[used])
        + np.sum(stats.poisson.logpmf(data.n_on, signal + data.alpha * rates)[used])
    )
    assert model.compile_logp(mode="FAST_COMPILE")(point) == pytest.approx(expected, rel=1e-10)


def test_dims_and_coordinates_have_names(spectra):
    model = build_model(FitData.from_spectra(spectra), MODEL, BackgroundModel("independent"))
    assert model.named_vars_to_dims["npred_off"] == (RUN_DIM, ENERGY_DIM)
    assert model.named_vars_to_dims["response"] == (RUN_DIM, ENERGY_DIM, ENERGY_TRUE_DIM)
    assert list(model.coords[RUN_DIM]) == ["1", "2"]
    np.testing.assert_allclose(model.coords[ENERGY_DIM], spectra.energy.centers)


def test_masked_bins_say_nothing(make_spectra):
    """Counts of a masked bin do not change the density."""
    runs = list(make_spectra())
    changed = runs[1].replace(n_on=runs[1].n_on + np.where(runs[1].mask, 0, 99))
    densities = []
    for second in (runs[1], changed):
        data = FitData.from_spectra(Spectra((runs[0], second)))
        model = build_model(data, MODEL, BackgroundModel("independent"))
        densities.append(float(model.compile_logp(mode="FAST_COMPILE")(model.initial_point())))
    assert densities[0] == densities[1]
    assert np.isfinite(densities[0])


def test_bands_scale_the_reference(spectra):
    data = FitData.from_spectra(spectra)
    reference = fold(photons(MODEL, {"amplitude": 3e-11, "index": 2.4}, data.energy_true.edges), data.response)
    bands = np.array([-1, 0, 0, 1, 1, 1, -1, -1])
    background = BackgroundModel("independent", marginal=True)
    model = build_model(data, BandSignal(bands, 2, reference), background)
    norm = np.array([0.7, 1.6])
    density = float(model.compile_logp(mode="FAST_COMPILE")({"norm_log__": np.log(norm)}))
    from bayes_onoff.inference.marginal import gamma_table, log_marginal_gamma

    signal = reference * np.where(bands >= 0, norm[np.maximum(bands, 0)], 1.0)
    table = gamma_table(data.n_on, data.n_off, data.alpha, 0.5, 1e-3)
    expected = log_marginal_gamma(signal, table)[data.mask].sum() + np.log(norm).sum()  # flat prior, log transform
    assert density == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize(
    "prior",
    [
        Normal(1.0, 2.0),
        LogNormal(2.0, 0.5),
        LogNormal10(1e-11, 0.5),
        Uniform(-1.0, 3.0),
        LogUniform(0.1, 10.0),
        HalfNormal(2.0),
        TruncatedNormal(1.0, 2.0, 0.0, 4.0),
    ],
    ids=lambda prior: prior.name,
)
def test_every_prior_is_translated(prior):
    value = float(np.median(prior.draw(np.random.default_rng(1), 101)))
    with pm.Model() as model:
        variable = random_variable("x", prior)
    if isinstance(prior, LogUniform):  # sampled as its logarithm
        log_density = float(pm.logp(model["log_x"], np.array(np.log(value))).eval()) - np.log(value)
    else:
        log_density = float(pm.logp(variable, np.array(value)).eval())
    # PyMC keeps constants such as 2.0 in single precision and takes their logarithm there: 1e-8, the same everywhere.
    assert log_density == pytest.approx(float(prior.log_density(np.array(value))), rel=1e-7)


def test_unknown_prior_is_refused():
    with pm.Model(), pytest.raises(TypeError, match="no PyMC translation"):
        random_variable("x", object())
