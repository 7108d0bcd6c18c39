import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from scipy.special import kl_div

from bayes_onoff.errors import InputError
from bayes_onoff.spectra import combined_significance, li_ma_significance, wstat
from bayes_onoff.spectra.statistics import profiled_background

COUNTS = st.integers(0, 300)
ALPHA = st.floats(0.01, 3.0)


@pytest.mark.parametrize(
    ("n_on", "n_off", "alpha", "n_signal", "expected"),
    [
        (0, 0, 0.5, 1, 2.0),
        (5, 0, 0.5, 1, 6.986122887),
        (5, 0, 0.5, 3, 1.108256238),
        (5, 0, 0.5, 10, 3.068528194),
        (0, 5, 0.5, 2, 8.054651082),
        (5, 5, 0.5, 2.5, 0.0),
    ],
)
def test_wstat_is_gammapys_in_every_edge_case(n_on, n_off, alpha, n_signal, expected):
    assert wstat(n_on, n_off, alpha, n_signal) == pytest.approx(expected, abs=1e-9)


def test_wstat_is_the_published_table():
    """The 13 rows of gammapy's page on fit statistics, printed to three decimals."""
    signal, n_on, n_off, alpha, expected = np.array(
        [
            (0.1, 0, 0, 0.01, 0.200),
            (0.1, 0, 1, 0.01, 0.220),
            (1.4, 0, 1, 0.5, 3.611),
            (0.2, 0, 10, 0.1, 2.306),
            (0.1, 0, 10, 0.2, 3.846),
            (5.2, 5, 0, 0.2, 0.008),
            (6.2, 5, 5, 0.2, 0.736),
            (4.1, 5, 5, 0.01, 0.163),
            (6.4, 5, 20, 0.4, 7.125),
            (4.9, 5, 40, 0.4, 14.578),
            (10.2, 10, 2, 0.2, 0.034),
            (16.9, 20, 70, 0.1, 0.656),
            (102.5, 100, 10, 0.6, 0.663),
        ]
    ).T
    np.testing.assert_allclose(wstat(n_on, n_off, alpha, signal), expected, atol=6e-4)


@given(n_on=COUNTS, n_off=COUNTS, alpha=ALPHA, n_signal=st.floats(-50, 500))
@example(n_on=0, n_off=5, alpha=0.5, n_signal=-20.0)
@example(n_on=7, n_off=0, alpha=0.5, n_signal=7 * 0.5 / 1.5)
@settings(deadline=None)
def test_wstat_is_the_smallest_that_any_background_gives(n_on, n_off, alpha, n_signal):
    def w(background):
        return 2 * (kl_div(n_on, max(n_signal + alpha * background, 0)) + kl_div(n_off, background))

    lowest = max(0.0, -n_signal / alpha)
    highest = lowest + (n_on + 1) / alpha + n_off + 1
    searched = minimize_scalar(w, bounds=(lowest, highest), method="bounded", options={"xatol": 1e-10 * highest})
    smallest = min(searched.fun, w(lowest), w(float(profiled_background(n_on, n_off, alpha, n_signal))))
    assert wstat(n_on, n_off, alpha, n_signal) == pytest.approx(smallest, rel=1e-7, abs=1e-7)
    assert searched.fun >= wstat(n_on, n_off, alpha, n_signal) - 1e-7


@given(n_on=COUNTS, n_off=COUNTS, alpha=st.just(0.0) | st.floats(1e-6, 1e4), n_signal=st.floats(-1e6, 1e6))
def test_wstat_is_finite_and_never_negative(n_on, n_off, alpha, n_signal):
    value = wstat(n_on, n_off, alpha, n_signal)
    assert value >= 0
    assert np.isfinite(value)


@given(n_on=COUNTS, n_off=COUNTS, alpha=ALPHA)
def test_wstat_vanishes_where_the_signal_is_the_excess(n_on, n_off, alpha):
    assume(n_on >= alpha * n_off)
    assert wstat(n_on, n_off, alpha, n_on - alpha * n_off) == pytest.approx(0, abs=1e-10)


def test_wstat_keeps_its_digits_where_counts_are_huge():
    n_on, n_off, alpha = 1e12, 1e13, 0.05
    shift = np.array([0.0, 1e3, 1e6])
    expected = shift**2 / (n_on + alpha**2 * n_off)
    found = wstat(n_on, n_off, alpha, n_on - alpha * n_off + shift)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-12)


def test_a_bin_without_off_measurement_says_nothing():
    np.testing.assert_array_equal(wstat([3, 0], [0, 4], 0.0, [1.0, 100.0]), [0, 0])


def test_wstat_broadcasts():
    assert wstat(np.ones((4, 1)), np.ones(3), 0.1, 1.0).shape == (4, 3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((-1, 0, 0.1, 0), "n_on: negative or not finite; found -1.0; allowed: 0 or more"),
        ((1, np.nan, 0.1, 0), "n_off: negative or not finite; found nan"),
        ((1, 0, -0.1, 0), "alpha: negative or not finite; found -0.1"),
        ((1, 0, 0.1, [0, np.inf]), "n_signal: negative or not finite; found inf"),
    ],
)
def test_wstat_refuses_what_is_no_count(arguments, message):
    with pytest.raises(InputError, match=message):
        wstat(*arguments)


@pytest.mark.parametrize(
    ("n_on", "n_off", "tau", "expected"),
    [
        (4, 5, 5.0, 1.95),
        (6, 18.78, 14.44, 2.82),
        (9, 17.83, 4.69, 1.99),
        (17, 40.11, 10.56, 4.57),
        (50, 55, 2.0, 3.02),
        (67, 15, 0.5, 3.04),
        (200, 10, 0.1, 2.38),
        (523, 2327, 5.99, 5.95),
        (498426, 493434, 1.0, 5.01),
        (2119449, 23650096, 11.21, 6.40),
    ],
)
def test_li_ma_is_the_published_table(n_on, n_off, tau, expected):
    """Cousins, Linnemann & Tucker (2008), table 1, Z_PL."""
    assert li_ma_significance(n_on, n_off, 1 / tau) == pytest.approx(expected, abs=6e-3)


@pytest.mark.parametrize(
    ("n_on", "n_off", "alpha", "expected"),
    [
        (10, 20, 0.1, 3.6850322319420274),
        (1, 2, 1, -0.5829),
        (5, 1, 1, 1.7062),
        (10, 5, 0.3, 3.5854),
        (10, 23, 0.1, 3.4434),
        (1, 20, 1, -4.5904),
    ],
)
def test_li_ma_has_the_sign_of_the_excess(n_on, n_off, alpha, expected):
    assert li_ma_significance(n_on, n_off, alpha) == pytest.approx(expected, abs=6e-5)


@given(n_on=st.integers(1, 500), n_off=st.integers(1, 500), alpha=ALPHA)
def test_li_ma_is_equation_17(n_on, n_off, alpha):
    on = n_on * np.log((1 + alpha) / alpha * n_on / (n_on + n_off))
    off = n_off * np.log((1 + alpha) * n_off / (n_on + n_off))
    assert li_ma_significance(n_on, n_off, alpha) ** 2 == pytest.approx(2 * (on + off), rel=1e-9, abs=1e-9)


def test_one_source_in_runs_of_one_ratio_is_li_mas():
    """Runs of equal acceptance ratio are added up, whatever they expect of the source."""
    found = combined_significance([12, 30], [40, 90], [0.1, 0.1], [1.0, 5.0])
    assert found == pytest.approx(float(li_ma_significance(42, 130, 0.1)))


@given(st.lists(st.tuples(COUNTS, COUNTS, ALPHA, st.floats(0.1, 10)), min_size=2, max_size=4))
def test_one_source_in_runs_of_several_ratios(pairs):
    """Never above the significances of free signals together; the sign is that of the best common signal."""
    n_on, n_off, alpha, reference = (np.array(column) for column in zip(*pairs, strict=True))
    found = combined_significance(n_on, n_off, alpha, reference)
    free = np.sqrt((li_ma_significance(n_on, n_off, alpha) ** 2).sum())
    assert abs(found) <= free + 1e-6
    doubled = combined_significance(n_on, n_off, alpha, 2 * reference)
    assert doubled == pytest.approx(found, abs=1e-6)


def test_one_source_is_seen_where_it_is_expected():
    """An excess split like the expectation adds up; where nothing is expected or measured, nothing is said."""
    together = combined_significance([30, 60], [100, 100], [0.1, 0.2], [20.0, 40.0])
    assert together == pytest.approx(
        np.hypot(li_ma_significance(30, 100, 0.1), li_ma_significance(60, 100, 0.2)), rel=1e-4
    )
    assert combined_significance([0, 3], [100, 100], [0.1, 0.2], [1.0, 1.0]) < -3
    assert np.isnan(combined_significance([3], [5], [0.1], [0.0]))
    assert np.isnan(combined_significance([3], [5], [0.0], [1.0]))
