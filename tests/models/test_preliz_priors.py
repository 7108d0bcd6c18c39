"""Distributions of PreliZ keep their density as priors of a model."""

import numpy as np
import preliz as pz
import pytest

from bayes_onoff.errors import InputError
from bayes_onoff.models import Normal, SpectralModel, Uniform

DISTRIBUTIONS = [
    pz.Normal(2.5, 0.7),
    pz.LogNormal(-1.0, 0.8),
    pz.HalfNormal(2.0),
    pz.Uniform(1.0, 4.0),
    pz.TruncatedNormal(2.0, 1.0, 0.5, 5.0),
]


@pytest.mark.parametrize("distribution", DISTRIBUTIONS, ids=lambda found: type(found).__name__)
def test_a_distribution_keeps_its_density(distribution) -> None:
    prior = SpectralModel("power-law", priors={"index": distribution}).priors["index"]
    index = np.linspace(0.55, 3.9, 30)
    np.testing.assert_allclose(prior.log_density(index), distribution.logpdf(index), rtol=1e-10)


def test_an_elicited_distribution_is_a_prior() -> None:
    elicited = pz.maxent(pz.Normal(), 2.0, 3.0, 0.68, plot=False)
    model = SpectralModel("power-law") + SpectralModel("gaussian")
    prior = SpectralModel("sum", components=model.components, priors={"index": elicited}).priors["index"]
    assert isinstance(prior, Normal)
    assert prior.mu == pytest.approx(2.5, abs=1e-3)
    assert prior.sigma == pytest.approx(0.5, rel=0.02)


@pytest.mark.parametrize(
    ("prior", "words"),
    [
        (pz.Cauchy(0, 1), "model.priors.index: not a prior; found .*Cauchy.*PreliZ's Normal, LogNormal"),
        (pz.Normal(mu=2), "model.priors.index: a parameter is not set; found .*PreliZ's Normal"),
        (2.5, "model.priors.index: not a prior; found .*float"),
        (Uniform, "not a prior.*type"),
    ],
    ids=["family", "not set", "number", "class"],
)
def test_what_is_no_prior_is_refused(prior, words) -> None:
    with pytest.raises(InputError, match=words):
        SpectralModel("power-law", priors={"index": prior})
