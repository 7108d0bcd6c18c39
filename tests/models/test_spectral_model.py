import json

import astropy.units as u
import numpy as np
import pytest

from bayes_onoff.errors import InputError
from bayes_onoff.models import SHAPES, LogUniform, Normal, SpectralModel, get_shape


@pytest.mark.parametrize("name", SHAPES)
def test_every_parameter_says_what_it_is(name):
    shape = get_shape(name)
    assert shape.name == name
    assert shape.formula
    for parameter in shape.parameters:
        u.Unit(parameter.unit)
        lower, upper = parameter.prior.support
        assert lower < parameter.start < upper
        assert parameter.label
        assert parameter.description


@pytest.mark.parametrize(
    ("name", "low", "high"), [("amplitude", 1e-14, 1e-10), ("index", 1.5, 4.5), ("lambda_", 1 / 50, 1 / 2)]
)
def test_default_priors_hold_the_known_sources(name, low, high):
    """From a thousandth of the Crab to three times the Crab; both ends are nothing unusual for the prior."""
    draws = SpectralModel("exp-cutoff-power-law").priors[name].draw(np.random.default_rng(1), 20000)
    assert 0.02 < np.mean(draws < low) < 0.4
    assert 0.02 < np.mean(draws > high) < 0.4


@pytest.mark.parametrize("name", SHAPES)
def test_a_model_is_plain_data(name):
    first = get_shape(name).parameters[0].name
    model = SpectralModel(name, reference=2.5, priors={first: LogUniform(1e-13, 1e-10)})
    again = SpectralModel.from_dict(json.loads(json.dumps(model.to_dict())))
    assert again == model
    assert again.priors[first] == LogUniform(1e-13, 1e-10)


def test_priors_of_choice_replace_the_defaults():
    model = SpectralModel("power-law", priors={"index": Normal(3, 0.1)})
    assert model.parameter_names == ("amplitude", "index")
    assert list(model.priors) == ["amplitude", "index"]
    assert model.priors["index"] == Normal(3, 0.1)
    assert model.priors["amplitude"] == model.parameters[0].prior


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: SpectralModel("powerlaw"),
            "model.shape: unknown spectral shape; found 'powerlaw'; allowed: power-law",
        ),
        (lambda: SpectralModel("power-law", reference=0), "model.reference: not a positive energy; found 0"),
        (lambda: SpectralModel("power-law", reference=np.inf), "model.reference: not a positive energy"),
        (
            lambda: SpectralModel("power-law", priors={"beta": Normal(0, 1)}),
            "model.priors.beta: power-law has no such parameter; found 'beta'; allowed: amplitude, index",
        ),
        (lambda: SpectralModel.from_dict({"shape": "power-law"}), "an incomplete model; found 'no reference, priors'"),
        (
            lambda: SpectralModel.from_dict({"shape": "power-law", "reference": 1, "priors": {"index": {"flat": {}}}}),
            "model.priors.index: unknown prior; found 'flat'",
        ),
    ],
)
def test_what_is_no_model_is_refused(make, message):
    with pytest.raises(InputError, match=message):
        make()
