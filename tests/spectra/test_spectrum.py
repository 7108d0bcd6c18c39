import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bayes_onoff.axes import EnergyAxis
from bayes_onoff.errors import InputError
from bayes_onoff.spectra import Spectra, with_fit_range


def test_a_spectrum_cannot_be_changed(make_spectrum):
    spectrum = make_spectrum()
    with pytest.raises(ValueError, match="read-only"):
        spectrum.n_on[0] = 3
    with pytest.raises(AttributeError):
        spectrum.livetime = 1.0


def test_a_spectrum_does_not_share_the_arrays_it_was_made_from(make_spectrum):
    counts = np.array([9, 4, 1])
    spectrum = make_spectrum(n_on=counts)
    counts[0] = 100
    assert spectrum.n_on[0] == 9


def test_alpha_is_zero_and_the_bin_unused_without_an_off_measurement(make_spectrum):
    spectrum = make_spectrum(acceptance_off=[4.0, 0.0, 4.0], mask_safe=[False, True, True])
    np.testing.assert_array_equal(spectrum.alpha, [0.25, 0, 0.25])
    np.testing.assert_array_equal(spectrum.mask_valid, [False, False, True])
    np.testing.assert_array_equal(spectrum.mask, [False, False, True])


def test_off_regions_are_counted(make_spectrum):
    assert make_spectrum().n_off_regions == 0
    assert make_spectrum(n_off_by_region=[[15, 6, 0], [5, 0, 2]]).n_off_regions == 2


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"n_on": [1, 2]}, r"spectrum 1: n_on: wrong shape; found \(2,\); allowed: \(3,\)"),
        ({"n_on": [1, 2, -1]}, "n_on: counts must be whole numbers, not negative"),
        ({"n_off": [1, 2.5, 1]}, "n_off: counts must be whole numbers"),
        ({"exposure": [1.0, 1, 1, 1, np.nan]}, "exposure: negative or not finite"),
        ({"acceptance_off": -1}, "acceptance_off: negative or not finite; found 'minimum -1.0'"),
        (
            {"edisp": np.full((5, 3), 0.5)},
            "edisp: the probabilities of one true energy add up to more than 1; found 1.5",
        ),
        ({"livetime": 0.0}, "livetime: not a positive time; found 0.0"),
        ({"n_off_by_region": [[20, 6, 1]]}, "n_off_by_region: the OFF regions do not add up to n_off"),
        ({"background": [1.0, np.nan, 1.0]}, "background: negative or not finite"),
        ({"background": [1.0, 2.0]}, "background: wrong shape"),
        ({"gti": [[2.0, 1.0]]}, "gti: an interval that does not stop after its start"),
        ({"gti": [1.0, 2.0, 3.0]}, "gti: wrong shape"),
    ],
)
def test_a_wrong_field_is_refused(make_spectrum, changes, message):
    with pytest.raises(InputError, match=message):
        make_spectrum(**changes)


def test_a_collection_stacks_the_arrays_of_its_runs(make_spectrum):
    spectra = Spectra((make_spectrum("1"), make_spectrum("2", acceptance_off=2.0)))
    assert len(spectra) == 2
    assert spectra.names == ("1", "2")
    assert spectra.response.shape == (2, 3, 5)
    np.testing.assert_array_equal(spectra.alpha, [[0.25] * 3, [0.5] * 3])
    assert spectra["2"] is spectra.runs[1]


def test_a_wrong_collection_is_refused(make_spectrum):
    one = make_spectrum("1")
    with pytest.raises(InputError, match="no spectrum; allowed: at least one run"):
        Spectra(())
    with pytest.raises(InputError, match="a run occurs twice; found '1, 1'"):
        Spectra((one, one))
    with pytest.raises(InputError, match="the energy axis differs between runs; found '1 and 2'"):
        Spectra((one, make_spectrum("2", energy=EnergyAxis(np.array([1.0, 2, 5, 11])))))
    with pytest.raises(InputError, match="unknown run; found '3'; allowed: 1"):
        Spectra((one,))["3"]


def test_the_fit_range_keeps_bins_that_lie_inside(make_spectrum):
    spectra = Spectra((make_spectrum("1"), make_spectrum("2", mask_safe=[False, True, True])))
    np.testing.assert_array_equal(with_fit_range(spectra, 1.0, 9.9).mask, [[True, True, False], [False, True, False]])
    upper = with_fit_range(spectra, 1.5)
    np.testing.assert_array_equal(upper.mask, [[False, True, True], [False, True, True]])
    np.testing.assert_array_equal(with_fit_range(upper, 0.5, 5.0).mask, [[False, True, False], [False, True, False]])
    with pytest.raises(
        InputError, match="fit_range: the fit range leaves no bin to analyse in any run; found '3 to 4 TeV'"
    ):
        with_fit_range(spectra, 3, 4)


@given(factor=st.floats(-3e-8, 3e-8))
@settings(max_examples=20)
def test_the_fit_range_forgives_single_precision(make_spectrum, factor):
    spectra = Spectra((make_spectrum(energy=EnergyAxis(np.array([1.0, 2, 5, 10]) * (1 + factor))),))
    assert with_fit_range(spectra, 1.0, 10.0).mask.all()
