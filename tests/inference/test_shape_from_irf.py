"""The pooled background measured from what a background response expects."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bayes_onoff.errors import InputError
from bayes_onoff.inference import BackgroundModel, Posterior, SamplerSettings, fit
from bayes_onoff.inference.fit_data import FitData
from bayes_onoff.inference.pooled import background_design, expected_shape
from bayes_onoff.inference.pooled_coordinates import pooled_geometry
from bayes_onoff.inference.rates import prior_background_draws
from bayes_onoff.models import SpectralModel
from bayes_onoff.spectra import Spectra

PLAIN, FROM_IRF = BackgroundModel(), BackgroundModel(shape_from="irf")


def threshold(energy):
    """OFF counts a bin that rise by a factor of a thousand at the threshold, and fall as a power law above."""
    return 12 * (energy / 2) ** -1.5 / (1 + (energy / 1.5) ** -8)


def with_background(spectra, *curves):
    return Spectra(tuple(run.replace(background=curve) for run, curve in zip(spectra, curves, strict=True)))


@pytest.fixture(scope="module")
def known(make_spectra):
    """Two runs with few OFF counts of a background with a threshold, known up to a factor of its own a run."""
    rng = np.random.default_rng(7)
    plain = make_spectra()
    expected = np.stack([threshold(plain.energy.centers), 0.7 * threshold(plain.energy.centers)])
    runs = (run.replace(n_off=rng.poisson(b)) for run, b in zip(plain, expected, strict=True))
    return with_background(Spectra(tuple(runs)), 0.3 * expected[0], 40 * expected[1]), expected


@given(factors=st.tuples(st.floats(1e-6, 1e6), st.floats(1e-6, 1e6)), off_level=st.sampled_from([0.3, 30.0]))
@settings(deadline=None, max_examples=20)
def test_the_normalisation_drops_out(make_spectra, factors, off_level):
    """So the posterior is the same: design, prior and coordinates are."""
    spectra = make_spectra(off_level=off_level)
    curve = threshold(spectra.energy.centers)
    one = FitData.from_spectra(with_background(spectra, curve, curve))
    other = FitData.from_spectra(with_background(spectra, factors[0] * curve, factors[1] * curve))
    for name, array in pooled_geometry(one, FROM_IRF).arrays().items():
        np.testing.assert_allclose(pooled_geometry(other, FROM_IRF).arrays()[name], array, rtol=1e-6, atol=1e-8)


def test_a_flat_curve_changes_nothing(make_spectra):
    spectra = make_spectra()
    data = FitData.from_spectra(with_background(spectra, np.full(8, 3.0), np.full(8, 0.1)))
    for name, array in background_design(data, PLAIN).items():
        np.testing.assert_allclose(background_design(data, FROM_IRF)[name], array, rtol=1e-14)


def test_a_known_background_is_ignored_unless_asked_for(make_spectra):
    """Bit for bit."""
    spectra = make_spectra()
    curve = threshold(spectra.energy.centers)
    without, given_one = (FitData.from_spectra(s) for s in (spectra, with_background(spectra, curve, curve)))
    for name, array in pooled_geometry(without, PLAIN).arrays().items():
        np.testing.assert_array_equal(pooled_geometry(given_one, PLAIN).arrays()[name], array)


def test_the_level_stays_that_of_the_centre(make_spectra):
    """Counts per ON-sized region: an acceptance ratio that depends on the energy is no shape of the background."""
    spectra = make_spectra(n_bins=9)
    per_region = threshold(spectra.energy.centers)
    regions = np.array([10, 10, 10, 10, 10, 8, 8, 5, 5.0])
    changed = Spectra(tuple(run.replace(acceptance_off=regions, background=per_region * regions) for run in spectra))
    data = FitData.from_spectra(changed)
    shape = expected_shape(data)
    assert shape[0, 4] == pytest.approx(0, abs=1e-12)  # the middle of nine bins
    np.testing.assert_allclose(shape[0], np.log(per_region / per_region[4]), atol=1e-12)
    offset = background_design(data, FROM_IRF)["offset"]
    np.testing.assert_allclose(offset[0], np.log(regions) + shape[0])
    assert np.all(np.isfinite(offset))  # masked bins included
    draws = prior_background_draws(data, FROM_IRF, 4000, np.random.default_rng(1))
    steepness = np.median(draws["npred_off"][0, :, 0, 0] / draws["npred_off"][0, :, 0, 4])
    assert steepness == pytest.approx(per_region[0] * 10 / (per_region[4] * 10), rel=0.3)


def test_a_run_without_expected_background_is_refused(make_spectra):
    spectra = make_spectra()
    curve = threshold(spectra.energy.centers)
    message = r"^background\.shape_from: the shape .* not known of every run; found 'no expected background of 2'"
    with pytest.raises(InputError, match=message):
        fit(with_background(spectra, curve, None), SpectralModel("power-law"), FROM_IRF)


def test_nothing_expected_in_a_fitted_bin_is_refused(make_spectra):
    spectra = make_spectra()
    curve = threshold(spectra.energy.centers)
    hole = np.where(np.arange(8) == 0, 0, curve)
    message = r"^spectrum 1: background: the expected background is 0 in a fitted bin; found '0 at 0\.\d+ TeV'"
    with pytest.raises(InputError, match=message):
        expected_shape(FitData.from_spectra(with_background(spectra, hole, curve)))
    expected_shape(FitData.from_spectra(with_background(spectra, curve, hole)))  # that bin is masked in the second run


def test_only_a_pooled_background_has_a_shape():
    with pytest.raises(InputError, match=r"^background\.shape_from: only a pooled .* found 'prior independent'"):
        BackgroundModel("independent", shape_from="irf")
    with pytest.raises(InputError, match=r"^background\.shape_from: unknown choice; found 'guess'; allowed: irf"):
        BackgroundModel(shape_from="guess")


def test_a_known_threshold_is_followed(known, tmp_path):
    """Curve and scatter have little to add, and the rates lie nearer to the truth."""
    spectra, truth = known
    quick = SamplerSettings(draws=300, tune=300, chains=2, seed=3)
    mask, error, scale = spectra.mask, {}, {}
    for background in (PLAIN, FROM_IRF):
        posterior = fit(spectra, SpectralModel("power-law"), background, quick, progress=False)
        group = posterior.tree["posterior"]
        mean = np.log(group["npred_off"].values.clip(1e-300)).mean(axis=(0, 1))
        error[background] = np.sqrt(np.mean((mean - np.log(truth))[mask] ** 2))
        scale[background] = float(np.median(group["shape_scale"]))
    assert error[FROM_IRF] < 0.5 * error[PLAIN]
    assert scale[FROM_IRF] < 0.6 < scale[PLAIN]
    loaded = Posterior.load(posterior.save(tmp_path / "posterior.nc"))
    assert loaded.background == FROM_IRF
    np.testing.assert_array_equal([run.background for run in loaded.spectra], [run.background for run in spectra])
