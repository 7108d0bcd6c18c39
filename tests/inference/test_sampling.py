"""The density that is handed to the sampler."""

from importlib.util import find_spec

import numpy as np
import pytest

from bayes_onoff.errors import BayesOnOffError, InputError
from bayes_onoff.inference import SamplerSettings, compile_analysis
from bayes_onoff.inference.settings import require_sampler
from bayes_onoff.models import SpectralModel
from bayes_onoff.spectra import Spectra


def test_a_step_into_overflow_is_a_density_of_zero_not_an_end(make_spectra):
    """A far too long step in early tuning makes a rate overflow; the sampler must see a divergence."""
    compiled = compile_analysis(make_spectra(), SpectralModel("exp-cutoff-power-law")).compiled
    value, gradient = compiled.density.evaluate(np.full_like(compiled.center, 1e6))
    assert value == -np.inf
    np.testing.assert_array_equal(gradient, 0.0)


def test_the_native_density_is_the_models_own_with_its_gradient(make_spectra):
    """Against PyMC's compiled density, and the gradient against central differences."""
    compiled = compile_analysis(make_spectra(), SpectralModel("exp-cutoff-power-law")).compiled
    log_density = compiled.model.compile_logp()
    rng = np.random.default_rng(3)
    for _ in range(3):
        flat = compiled.center + rng.uniform(-0.5, 0.5, len(compiled.center))
        value, gradient = compiled.density.evaluate(flat)
        assert value == pytest.approx(float(log_density(as_point(compiled, flat))), rel=1e-12)
        for i in range(0, len(flat), 7):
            step = np.where(np.arange(len(flat)) == i, 1e-5, 0.0)
            difference = compiled.density.evaluate(flat + step)[0] - compiled.density.evaluate(flat - step)[0]
            assert gradient[i] == pytest.approx(difference / 2e-5, rel=1e-5, abs=1e-5)


def test_new_data_need_no_compiling(make_spectra):
    compiled = compile_analysis(make_spectra(), SpectralModel("power-law")).compiled
    before = compiled.density.evaluate(compiled.center)[0]
    compiled.set_data({"n_on_observed": compiled.model["n_on_observed"].get_value() + 3})
    after = compiled.density.evaluate(compiled.center)[0]
    point = as_point(compiled, compiled.center)
    assert after == pytest.approx(float(compiled.model.compile_logp()(point)), rel=1e-12)
    assert after != before


def test_draws_do_not_depend_on_the_number_of_cores(make_spectra, monkeypatch):
    compiled = compile_analysis(make_spectra(), SpectralModel("power-law")).compiled
    settings = SamplerSettings(draws=50, tune=50, chains=2, seed=5)
    two = compiled.sample(settings, progress=False)
    monkeypatch.setattr("bayes_onoff.inference.sampling.os.cpu_count", lambda: 1)
    one = compiled.sample(settings, progress=False)
    np.testing.assert_array_equal(one.variables["index"], two.variables["index"])


def as_point(compiled, flat):
    """Name the parts of a flat vector."""
    point, start = {}, 0
    for name, value in compiled.model.initial_point().items():
        point[name] = flat[start : start + value.size].reshape(value.shape)
        start += value.size
    return point


@pytest.mark.skipif(find_spec("numpyro") is not None, reason="numpyro is installed: nothing to refuse")
def test_counts_beyond_all_telescopes_are_refused_in_words(make_spectra):
    analysis = compile_analysis(make_spectra(), SpectralModel("power-law"))
    run, *others = make_spectra().runs
    absurd = Spectra((run.replace(n_off=np.full(run.energy.n_bins, 6 * 10**15)), *others))
    with pytest.raises(BayesOnOffError, match="the density is not finite at any starting point; look at the priors"):
        analysis.fit(absurd, SamplerSettings(draws=10, tune=10, chains=2, seed=1), progress=False)


def test_a_sampler_that_is_not_installed_is_refused():
    with pytest.raises(InputError, match=r"sampling\.sampler: .* not installed: .*numpyro; found 'numpyro'"):
        require_sampler(SamplerSettings(sampler="numpyro"))
    require_sampler(SamplerSettings(sampler="nutpie"))
