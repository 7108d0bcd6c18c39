import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bayes_onoff.errors import InputError
from bayes_onoff.spectra import Spectra, fold, read_ogip_files, stack
from bayes_onoff.spectra.stacking import mean_alpha

COUNTS = st.lists(st.integers(0, 50), min_size=3, max_size=3)
MASK = st.lists(st.booleans(), min_size=3, max_size=3)


@st.composite
def runs(draw):
    """What differs between one and four runs; at least one bin is safe in one of them."""
    fields = [
        {
            "n_on": draw(COUNTS),
            "n_off": draw(COUNTS),
            "acceptance_off": draw(st.integers(1, 40)),
            "mask_safe": draw(MASK),
            "livetime": draw(st.floats(10, 1e4)),
            "scale": draw(st.floats(0.1, 10)),
        }
        for _ in range(draw(st.integers(1, 4)))
    ]
    fields[0]["mask_safe"][draw(st.integers(0, 2))] = True
    return fields


def collection(make_spectrum, fields):
    def make(name, scale, **changes):
        run = make_spectrum(name, **changes)
        return run.replace(exposure=run.exposure * scale)

    return Spectra(tuple(make(str(i), **changes) for i, changes in enumerate(fields)))


@given(fields=runs())
@settings(deadline=None)
def test_stacking_conserves_counts_background_and_signal(make_spectrum, fields):
    spectra = collection(make_spectrum, fields)
    stacked = stack(spectra)
    mask = spectra.mask
    np.testing.assert_array_equal(stacked.mask, mask.any(axis=0))
    np.testing.assert_array_equal(stacked.n_on, (spectra.n_on * mask).sum(axis=0))
    np.testing.assert_array_equal(stacked.n_off, (spectra.n_off * mask).sum(axis=0))
    background = (spectra.alpha * spectra.n_off * mask).sum(axis=0)
    np.testing.assert_allclose(stacked.alpha * stacked.n_off, background, rtol=1e-12)
    photons = np.array([5.0, 4, 3, 2, 1]) * 1e-12
    expected = (fold(photons, spectra.response) * mask).sum(axis=0)
    np.testing.assert_allclose(fold(photons, stacked.response), expected, rtol=1e-12)


@given(fields=runs())
@settings(deadline=None)
def test_a_single_run_stacks_to_itself(make_spectrum, fields):
    spectra = collection(make_spectrum, fields[:1])
    (run,), stacked = spectra.runs, stack(spectra)
    mask = run.mask
    np.testing.assert_array_equal(stacked.mask, mask)
    for key in ("n_on", "n_off", "acceptance", "acceptance_off"):
        np.testing.assert_allclose(getattr(stacked, key)[mask], getattr(run, key)[mask], rtol=1e-12)
        np.testing.assert_array_equal(getattr(stacked, key)[~mask], 0)
    np.testing.assert_allclose(stacked.response[mask], run.response[mask], rtol=1e-12)
    np.testing.assert_allclose(stacked.exposure, run.exposure)
    assert stacked.livetime == run.livetime


def test_bins_without_off_counts_take_the_ratio_of_the_whole_spectrum(make_spectrum):
    first = make_spectrum("1", n_off=[12, 0, 0], acceptance_off=4.0)
    second = make_spectrum("2", n_off=[4, 0, 0], acceptance_off=2.0)
    stacked = stack(Spectra((first, second)))
    np.testing.assert_allclose(stacked.alpha, (12 / 4 + 4 / 2) / 16, rtol=1e-12)
    np.testing.assert_array_equal(stacked.acceptance, [2, 2, 2])


def test_without_any_off_count_the_ratio_is_the_mean_over_livetime(make_spectrum):
    first = make_spectrum("1", n_off=[0, 0, 0], acceptance_off=4.0, livetime=3000.0)
    second = make_spectrum("2", n_off=[0, 0, 0], acceptance_off=2.0, livetime=1000.0)
    np.testing.assert_allclose(stack(Spectra((first, second))).alpha, (3 * 0.25 + 0.5) / 4, rtol=1e-12)


def test_runs_without_a_valid_bin_do_not_count(make_spectrum):
    good = make_spectrum("1")
    stacked = stack(Spectra((good, make_spectrum("2", mask_safe=False), make_spectrum("3", acceptance_off=0.0))))
    assert stacked.livetime == good.livetime
    np.testing.assert_allclose(stacked.exposure, good.exposure)


def test_nothing_to_stack_is_refused(make_spectrum):
    with pytest.raises(InputError, match="stack: no run has a bin to stack; found '1'; allowed: a bin inside the safe"):
        stack(Spectra((make_spectrum("1", mask_safe=False),)))


def test_a_bin_is_fitted_only_where_every_run_in_it_is(make_spectrum):
    first = make_spectrum("1", mask_fit=[True, True, False], mask_safe=[True, True, False])
    second = make_spectrum("2", mask_fit=[False, True, True])
    np.testing.assert_array_equal(stack(Spectra((first, second))).mask, [False, True, True])


def test_good_time_is_the_union(make_spectrum):
    first = make_spectrum("1", gti=[[5.0, 6.0], [1.0, 3.0]])
    second = make_spectrum("2", gti=[[2.0, 4.0]])
    np.testing.assert_array_equal(stack(Spectra((first, second))).gti, [[1, 4], [5, 6]])
    assert len(stack(Spectra((first, make_spectrum("3")))).gti) == 0


def test_off_regions_follow_one_another_where_all_are_known(make_spectrum):
    first = make_spectrum("1", n_off_by_region=[[15, 6, 0], [5, 0, 2]], mask_safe=[False, True, True])
    second = make_spectrum("2", n_off_by_region=[[20, 6, 2]])
    stacked = stack(Spectra((first, second)))
    assert stacked.n_off_by_region.tolist() == [[0, 6, 0], [0, 0, 2], [20, 6, 2]]
    assert stack(Spectra((first, make_spectrum("2")))).n_off_by_region is None


def test_mean_alpha_of_nothing_is_zero():
    assert mean_alpha(np.zeros(2), np.zeros(2, dtype=np.int64), np.zeros(2)) == 0


def test_stacked_joint_crab_keeps_the_counts(gammapy_data):
    folder = gammapy_data / "joint-crab/spectra/hess"
    stacked = stack(read_ogip_files(sorted(folder.glob("pha_obs*.fits"))))
    assert (stacked.n_on.sum(), stacked.n_off.sum()) == (459, 645)
    assert stacked.livetime == pytest.approx(6313.81, abs=0.01)


def test_expected_backgrounds_add_up_where_valid_and_if_all_are_known(make_spectrum):
    first = make_spectrum("1", background=[3.0, 2.0, 1.0], mask_safe=[False, True, True])
    second = make_spectrum("2", background=[30.0, 20.0, 10.0])
    np.testing.assert_array_equal(stack(Spectra((first, second))).background, [30, 22, 11])
    assert stack(Spectra((first, make_spectrum("2")))).background is None
