"""The density that is handed to the sampler."""

import numpy as np
import pytest
from pymc.logprob.utils import ParameterValueError

from bayes_onoff.inference import compile_analysis
from bayes_onoff.models import SpectralModel


def test_a_step_into_overflow_is_a_density_of_zero_not_an_end(make_spectra):
    """A far too long step in early tuning makes a rate overflow; the sampler must see a divergence."""
    compiled = compile_analysis(make_spectra(), SpectralModel("exp-cutoff-power-law")).compiled
    point = np.full_like(compiled._starting_point(1), 1e6)
    with pytest.raises(ParameterValueError, match="mu >= 0"):
        compiled.density(point)
    value, gradient = compiled._evaluate(point)
    assert value == -np.inf
    np.testing.assert_array_equal(gradient, 0.0)
