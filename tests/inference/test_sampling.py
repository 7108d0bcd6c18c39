"""The density that is handed to the sampler."""

from importlib.util import find_spec

import numpy as np
import pytest
from pymc.logprob.utils import ParameterValueError

from bayes_onoff.errors import InputError
from bayes_onoff.inference import SamplerSettings, compile_analysis
from bayes_onoff.inference.settings import require_sampler
from bayes_onoff.models import SpectralModel


def test_a_step_into_overflow_is_a_density_of_zero_not_an_end(make_spectra):
    """A far too long step in early tuning makes a rate overflow; the sampler must see a divergence."""
    compiled = compile_analysis(make_spectra(), SpectralModel("exp-cutoff-power-law")).compiled
    point = np.full_like(compiled._starting_point(1), 1e6)
    with pytest.raises(ParameterValueError, match="sigma > 0"):
        compiled.density(point)
    value, gradient = compiled._evaluate(point)
    assert value == -np.inf
    np.testing.assert_array_equal(gradient, 0.0)


@pytest.mark.skipif(find_spec("numpyro") is not None, reason="numpyro is installed: nothing to refuse")
def test_a_sampler_that_is_not_installed_is_refused():
    with pytest.raises(InputError, match=r"sampling\.sampler: .* not installed: .*numpyro; found 'numpyro'"):
        require_sampler(SamplerSettings(sampler="numpyro"))
    require_sampler(SamplerSettings(sampler="nutpie"))
