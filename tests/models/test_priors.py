import itertools
import json

import numpy as np
import pytest
from scipy import stats
from scipy.integrate import quad

from bayes_onoff.errors import InputError
from bayes_onoff.models import (
    HalfNormal,
    LogNormal,
    LogNormal10,
    LogUniform,
    Normal,
    TruncatedNormal,
    Uniform,
    prior_from_dict,
)
from bayes_onoff.models.priors import PRIORS, Prior

# each with the same distribution of scipy
PAIRS = [
    (Normal(2.5, 0.7), stats.norm(2.5, 0.7)),
    (LogNormal(1e-11, 0.5), stats.lognorm(0.5, scale=1e-11)),
    (LogNormal10(1e-12, 2.0), stats.lognorm(2 * np.log(10), scale=1e-12)),
    (Uniform(-1, 3), stats.uniform(-1, 4)),
    (LogUniform(1e-12, 1e-10), stats.loguniform(1e-12, 1e-10)),
    (HalfNormal(0.3), stats.halfnorm(scale=0.3)),
    (TruncatedNormal(2, 1, -1, 2.5), stats.truncnorm(-3, 0.5, 2, 1)),
    (TruncatedNormal(2, 1, 2.5, np.inf), stats.truncnorm(0.5, np.inf, 2, 1)),
    (TruncatedNormal(0, 1, 10, 11), stats.truncnorm(10, 11)),
    (TruncatedNormal(0, 2, -80, -60), stats.truncnorm(-40, -30, 0, 2)),
]
IDS = [f"{prior.name}-{i}" for i, (prior, _) in enumerate(PAIRS)]


def test_every_prior_is_tested():
    assert {type(prior) for prior, _ in PAIRS} == set(PRIORS.values())


@pytest.mark.parametrize(("prior", "expected"), PAIRS, ids=IDS)
def test_the_density_is_normalised_and_scipys(prior, expected):
    quantiles = expected.ppf(np.linspace(0.001, 0.999, 41))
    np.testing.assert_allclose(prior.log_density(quantiles), expected.logpdf(quantiles), rtol=1e-9)

    def density(x):
        return float(np.exp(prior.log_density(np.asarray(x))))

    pieces = expected.ppf(np.linspace(0.001, 0.999, 12))
    total = sum(quad(density, low, high)[0] for low, high in itertools.pairwise(pieces))
    assert total == pytest.approx(0.998, abs=1e-6)


@pytest.mark.parametrize(("prior", "expected"), PAIRS, ids=IDS)
def test_draws_follow_the_density(prior, expected):
    draws = prior.draw(np.random.default_rng(7), (100, 40))
    assert draws.shape == (100, 40)
    assert stats.kstest(draws.ravel(), expected.cdf).pvalue > 1e-3


@pytest.mark.parametrize(("prior", "expected"), PAIRS, ids=IDS)
def test_outside_the_support_the_density_is_zero(prior, expected):
    lower, upper = prior.support
    assert (lower, upper) == pytest.approx(expected.support())
    outside = [value for value in (lower - 1, upper + 1) if np.isfinite(value)]
    assert np.all(prior.log_density(np.array(outside)) == -np.inf)


@pytest.mark.parametrize(("prior", "expected"), PAIRS, ids=IDS)
def test_a_prior_is_plain_data(prior, expected):
    assert prior_from_dict(json.loads(json.dumps(prior.to_dict()))) == prior


def test_draws_are_reproducible():
    prior = TruncatedNormal(0, 1, -1, 1)
    np.testing.assert_array_equal(prior.draw(np.random.default_rng(1), 5), prior.draw(np.random.default_rng(1), 5))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Normal(np.nan, 1), r"prior normal.mu: not finite; found nan; allowed: a number"),
        (lambda: Normal(0, 0), r"prior normal.sigma: not positive; found 0; allowed: above 0"),
        (lambda: LogNormal(-1, 1), r"prior lognormal.mu: not positive; found -1"),
        (lambda: LogNormal10(1, np.inf), r"prior lognormal10.sigma: not positive; found inf"),
        (lambda: Uniform(2, 1), r"prior uniform: the limits are upside down; found '2 to 1'; allowed: lower < upper"),
        (lambda: Uniform(0, np.inf), r"prior uniform.upper: not finite; found inf"),
        (lambda: LogUniform(0, 1), r"prior loguniform.lower: not positive; found 0"),
        (lambda: LogUniform(2, 1), r"prior loguniform: the limits are upside down"),
        (lambda: HalfNormal(-1), r"prior halfnormal.sigma: not positive"),
        (lambda: TruncatedNormal(0, 1, 1, 1), r"prior truncatednormal: the limits are upside down"),
    ],
)
def test_senseless_arguments_are_refused(make, message):
    with pytest.raises(InputError, match=message):
        make()


@pytest.mark.parametrize(
    ("specification", "message"),
    [
        ({}, r"model.priors.index: not one prior"),
        ({"normal": {}, "uniform": {}}, r"model.priors.index: not one prior; found 'normal, uniform'"),
        ({"cauchy": {"mu": 1}}, r"model.priors.index: unknown prior; found 'cauchy'; allowed: normal, lognormal"),
        ({"normal": {"mu": 1}}, r"model.priors.index.normal: wrong arguments; found 'mu'; allowed: mu, sigma"),
        ({"normal": {}}, r"wrong arguments; found 'none'"),
    ],
)
def test_what_is_no_prior_is_refused(specification, message):
    with pytest.raises(InputError, match=message):
        prior_from_dict(specification, "model.priors.index")


def test_the_base_has_no_density():
    for call in (lambda: Prior().log_density(0.0), lambda: Prior().draw(np.random.default_rng(), 1)):
        with pytest.raises(NotImplementedError):
            call()
