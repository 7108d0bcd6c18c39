"""The closed forms of one ON/OFF pair: published tables, quadrature, and counts of many millions."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.special import betainc, gammaln, hyperu
from scipy.stats import nbinom, norm

from bayes_onoff.errors import InputError
from bayes_onoff.spectra import OnOffPosterior, binomial_significance, li_ma_significance

COUSINS = np.array(
    [
        (4, 5, 5.0, 1.66, 1.95),
        (6, 18.78, 14.44, 2.63, 2.82),
        (9, 17.83, 4.69, 1.82, 1.99),
        (17, 40.11, 10.56, 4.46, 4.57),
        (50, 55, 2.0, 2.93, 3.02),
        (67, 15, 0.5, 2.89, 3.04),
        (200, 10, 0.1, 2.20, 2.38),
        (523, 2327, 5.99, 5.93, 5.95),
        (498426, 493434, 1.0, 5.01, 5.01),
        (2119449, 23650096, 11.21, 6.40, 6.40),
    ]
)
"""n_on, n_off, 1/alpha, Z_Bi, Z of Li & Ma: Cousins, Linnemann & Tucker (2008), table 1."""

PROBABILITIES = (0.16, 0.5, 0.84, 0.9, 0.95, 0.99)
FLAT = {
    (0, 5, 0.5): (1.0, 1.0, 0, 0.174353, 0.693147, 1.832581, 2.302585, 2.995732, 4.605170, 0, 1.147874, 1),
    (1, 2, 1): (1.4, 1.280625, 0, 0.280802, 1.041370, 2.532135, 3.111028, 3.942332, 5.805838, 0, 1.656180, 0.6),
    (3, 7, 0.5): (
        *(2.018349, 1.713313, 0, 0.448865, 1.584010, 3.607484, 4.350595, 5.390609, 7.640744),
        *(0, 2.442572, 0.366972),
    ),
    (5, 1, 1): (
        *(4.35, 2.545093, 3.4188, 1.826369, 4.025414, 6.830012, 7.761636, 9.024083, 11.654650),
        *(1.2217, 6.0796, 0.05),
    ),
    (5, 5, 0.2): (
        *(4.823988, 2.478603, 3.8510, 2.416665, 4.499792, 7.221358, 8.135986, 9.380247, 11.984424),
        *(1.8534, 6.5083, 0.010903),
    ),
    (10, 5, 0.3): (
        *(9.201279, 3.395456, 8.2625, 5.876616, 8.889279, 12.522893, 13.696742, 15.265916, 18.469168),
        *(5.3021, 11.8684, 0.000267),
    ),
    (10, 23, 0.1): (
        *(8.601232, 3.351196, 7.6253, 5.316063, 8.277100, 11.880731, 13.048296, 14.610595, 17.803493),
        *(4.7207, 11.1931, 0.000362),
    ),
    (13, 11, 0.5): (
        *(8.153348, 3.978238, 7.2655, 4.162921, 7.838523, 12.090465, 13.431162, 15.204752, 18.773440),
        *(3.5757, 11.4542, 0.012268),
    ),
    (29, 34, 0.2): (
        *(23.0, 5.603569, 22.0545, 17.456802, 22.685242, 28.537616, 30.348888, 32.721471, 37.419838),
        *(16.837, 27.908, 0),
    ),
}
"""Mean, sd, mode, quantiles, shortest 68.27 % interval, C_0."""

NO_TAIL = float("nan")
JEFFREYS = {
    (0, 0, 1): ("0.63662 0.77118 0.0654 0.3652 1.2113 2.1820 3.6042", 1, 0),
    (1, 2, 1): ("1.21207 1.14839 0.2309 0.8776 2.2035 3.4979 5.2422", 1.08585, NO_TAIL),
    (5, 1, 1): ("4.25456 2.43248 1.8644 3.9394 6.6128 8.7264 11.2772", 9.0203e-2, 1.6943),
    (5, 5, 0.2): ("4.43081 2.36815 2.1349 4.1047 6.7159 8.8044 11.3369", 2.7926e-2, 2.1983),
    (10, 5, 0.3): ("8.85139 3.31416 5.6087 8.5387 12.0911 14.7821 17.9320", 7.8612e-4, 3.3576),
    (10, 23, 0.1): ("8.15195 3.27428 4.9439 7.8278 11.3540 14.0337 17.1748", 1.5230e-3, 3.1703),
    (13, 11, 0.5): ("7.90908 3.89825 3.9987 7.5920 11.7659 14.8310 18.3495", 4.9244e-2, 1.9665),
    (29, 34, 0.2): ("22.6000 5.5570 17.1034 22.2853 28.0910 32.2445 36.9112", 2.1633e-7, 5.1847),
}
"""Mean, sd, quantiles at 0.16, 0.5, 0.84, 0.95, 0.99; Bayes factor, significance."""

GRB = OnOffPosterior(2119449, 23650096, 1 / 11.21)


@pytest.mark.parametrize("counts", FLAT)
def test_flat_prior_has_the_values_of_the_table(counts):
    """To the digits given: six decimals of moments and quantiles, four of mode and interval."""
    posterior = OnOffPosterior(*counts)
    mean, sd, mode, *quantiles, low, high, none = FLAT[counts]
    assert posterior.mean == pytest.approx(mean, abs=6e-7)
    assert posterior.sd == pytest.approx(sd, abs=6e-7)
    assert posterior.mode == pytest.approx(mode, abs=6e-5)
    np.testing.assert_allclose([posterior.quantile(p) for p in PROBABILITIES], quantiles, rtol=0, atol=6e-7)
    digits = 6e-4 if counts == (29, 34, 0.2) else 6e-5 if low else 6e-7
    np.testing.assert_allclose(posterior.hpd(), (low, high), rtol=0, atol=digits)
    assert posterior.signal_probabilities()[0] == pytest.approx(none, abs=6e-7)


@pytest.mark.parametrize("counts", JEFFREYS)
def test_jeffreys_prior_has_the_values_of_the_table(counts):
    posterior = OnOffPosterior(*counts, "jeffreys")
    printed, factor, significance = JEFFREYS[counts]
    found = [posterior.mean, posterior.sd, *(posterior.quantile(p) for p in (0.16, 0.5, 0.84, 0.95, 0.99))]
    for value, text in zip(found, printed.split(), strict=True):
        assert value == pytest.approx(float(text), abs=0.6 * 10.0 ** -len(text.split(".")[1]))
    assert posterior.bayes_factor == pytest.approx(factor, rel=6e-5)
    assert posterior.significance == pytest.approx(significance, abs=6e-5, nan_ok=True)


def test_significances_are_the_published_ones():
    n_on, n_off, tau, z_bi, z_pl = COUSINS.T
    np.testing.assert_array_equal(np.round(binomial_significance(n_on, n_off, 1 / tau), 2), z_bi)
    np.testing.assert_array_equal(np.round(li_ma_significance(n_on, n_off, 1 / tau), 2), z_pl)


def test_li_ma_is_that_of_the_old_documentation():
    assert li_ma_significance(10, 20, 0.1) == pytest.approx(3.6850322319420274, rel=1e-14)


def test_binomial_significance_is_the_prior_predictive_tail():
    """Z_Bi = Z_Gamma: 10 ON, 5 OFF, alpha 0.3."""
    p_value = 3.987377749791e-4
    assert nbinom.sf(9, 6, 1 / 1.3) == pytest.approx(p_value, rel=1e-12)
    assert betainc(10, 6, 0.3 / 1.3) == pytest.approx(p_value, rel=1e-12)
    assert binomial_significance(10, 5, 0.3) == pytest.approx(norm.isf(p_value), rel=1e-12)


@given(st.integers(1, 400), st.integers(0, 400), st.floats(0.02, 3))
def test_binomial_significance_is_cautious_and_has_both_signs(n_on, n_off, alpha):
    z = float(binomial_significance(n_on, n_off, alpha))
    assert z < li_ma_significance(n_on, n_off, alpha) + 0.2
    p_value = betainc(n_on, n_off + 1, alpha / (1 + alpha))
    if 1e-250 < p_value < 0.9:
        assert norm.sf(z) == pytest.approx(p_value, rel=1e-8)


def test_binomial_significance_beyond_the_smallest_number():
    """A p-value of 1e-700 has its significance, and so has no ON count at all."""
    assert binomial_significance(3000, 100, 1.0) == pytest.approx(li_ma_significance(3000, 100, 1.0), rel=0.01)
    assert binomial_significance(0, 4, 0.5) == -np.inf
    assert binomial_significance(20, 3000, 1.0) < -50


def flat_terms(posterior):
    return np.arange(posterior.n_on + 1), posterior.signal_probabilities()


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 60), st.integers(0, 200), st.floats(0.01, 3))
def test_flat_prior_is_loredos_mixture(n_on, n_off, alpha):
    """Moments and density of sum_i C_i s**i exp(-s) / i!."""
    posterior = OnOffPosterior(n_on, n_off, alpha)
    i, probability = flat_terms(posterior)
    mean, square = (probability * (i + 1)).sum(), (probability * (i + 1) * (i + 2)).sum()
    assert posterior.mean == pytest.approx(mean, rel=1e-9)
    assert posterior.sd == pytest.approx(np.sqrt(square - mean**2), rel=1e-7)
    for s in (1e-6, posterior.mean, posterior.quantile(0.999)):
        density = (probability * np.exp(i * np.log(s) - s - gammaln(i + 1))).sum()
        assert np.exp(posterior.log_density(s)) == pytest.approx(density, rel=1e-9)


@settings(max_examples=25, deadline=None)
@given(
    st.integers(0, 40), st.integers(0, 120), st.floats(0.02, 2), st.sampled_from(["flat", "jeffreys"]),
    st.floats(0.02, 0.995),
)  # fmt: skip
def test_quantiles_and_mode_against_quadrature(n_on, n_off, alpha, prior, probability):
    """SciPy's adaptive rule over the double integral's own form: confluent hypergeometric or a sum."""
    posterior = OnOffPosterior(n_on, n_off, alpha, prior)
    quantile = posterior.quantile(probability)
    offset = 1.0 if prior == "flat" else 0.5

    def density(root):
        """With s = root**2, which takes the edge off a density that rises without bound."""
        s = root**2
        scale = n_on * np.log(max(n_on, 1)) + n_off * np.log(max(n_off, 1)) - n_on - n_off

        def inner(beta):
            log_value = (2 * n_off + 2 * offset - 1) * np.log(beta) - (1 + alpha) * beta**2 - s - scale
            return np.exp(log_value + (n_on + offset - 1) * np.log(s + alpha * beta**2))

        peak = np.sqrt(n_off + 0.5)
        return 2 * root * quad(inner, max(peak - 8, 1e-12), peak + 8, epsabs=0, epsrel=1e-9, limit=200)[0]

    end = np.sqrt(posterior.quantile(0.5) * 2 + 12 * posterior.sd + 20)
    points = np.sqrt([quantile])
    below = quad(density, 0, points[0], epsabs=0, epsrel=1e-7, limit=100)[0]
    above = quad(density, points[0], end, epsabs=0, epsrel=1e-7, limit=100)[0]
    assert below / (below + above) == pytest.approx(probability, abs=2e-6)
    assert posterior.cdf(quantile) == pytest.approx(probability, abs=1e-10)
    if posterior.mode > 0:
        steps = posterior.mode + 1e-3 * posterior.sd * np.array([-1, 1])
        assert posterior.log_density(posterior.mode) > posterior.log_density(steps[steps > 0]).max()


def test_jeffreys_density_is_the_confluent_hypergeometric_function():
    posterior = OnOffPosterior(4, 3, 0.4, "jeffreys")
    s = np.array([0.3, 1.0, 4.0, 9.0])
    form = np.exp(-s) * s**7 * hyperu(3.5, 8, s * (1 + 1 / 0.4))
    ratio = np.exp(posterior.log_density(s)) / form
    np.testing.assert_allclose(ratio, ratio[0], rtol=1e-10)
    assert posterior.log_density(-1.0) == -np.inf


@pytest.mark.parametrize("prior", ["flat", "jeffreys"])
@pytest.mark.parametrize(("n_off", "alpha"), [(0, 0.1), (7, 0.5), (500, 3.0)])
def test_without_on_events_the_off_counts_say_nothing_under_the_flat_prior(n_off, alpha, prior):
    limit = OnOffPosterior(0, n_off, alpha, prior).limit(0.95)
    if prior == "flat":
        assert limit == pytest.approx(-np.log(0.05), rel=1e-10)
    else:
        assert 1.5 < limit < -np.log(0.05)


def test_known_limits():
    """Far above zero the moments are those of two Gammas; without counts Jeffreys' mean is 2/pi."""
    posterior = OnOffPosterior(400, 100, 0.3)
    assert posterior.mean == pytest.approx(401 - 0.3 * 101, rel=1e-9)
    assert posterior.sd**2 == pytest.approx(401 + 0.09 * 101, rel=1e-9)
    assert OnOffPosterior(0, 0, 1.0, "jeffreys").mean == pytest.approx(2 / np.pi, rel=1e-10)
    low, high = posterior.hpd(0.9)
    assert posterior.cdf(high) - posterior.cdf(low) == pytest.approx(0.9, abs=1e-9)
    assert posterior.cdf(0.0) == 0
    assert posterior.cdf(1e9) == 1


def test_counts_of_many_millions():
    """Table 1's last row: 10 000 excess counts of two million."""
    alpha = 1 / 11.21
    excess = 2119450 - alpha * 23650097
    assert GRB.mean == pytest.approx(excess, rel=1e-6)
    assert GRB.sd == pytest.approx(np.sqrt(2119450 + alpha**2 * 23650097), rel=1e-6)
    assert GRB.quantile(0.5) == pytest.approx(excess, rel=1e-4)
    i, probability = flat_terms(GRB)
    assert (probability * (i + 1)).sum() == pytest.approx(excess, rel=1e-6)
    knoetig = OnOffPosterior(2119449, 23650096, alpha, "jeffreys")
    assert 6.0 < knoetig.significance < 6.4
    deficit = OnOffPosterior(1000, 200_000, 1.0, "jeffreys")
    assert deficit.mean == pytest.approx(1 / (1 - 1000 / 100_000), rel=0.01)
    assert deficit.bayes_factor > 100


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((-1, 5, 0.1), "n_on: not a number of counts; found -1"),
        ((1, 2.5, 0.1), "n_off: not a number of counts; found 2.5"),
        ((1, 2, 0.0), "alpha: not an acceptance ratio; found 0.0; allowed: positive"),
        ((1, 2, np.nan), "alpha: not an acceptance ratio"),
        ((1, 2, 1.0, "uniform"), "prior: unknown prior; found 'uniform'; allowed: flat, jeffreys"),
    ],
)
def test_what_is_not_physical_is_refused(arguments, message):
    with pytest.raises(InputError, match=message):
        OnOffPosterior(*arguments)


def test_what_has_no_answer_is_refused():
    flat, jeffreys = OnOffPosterior(3, 4, 0.5), OnOffPosterior(3, 4, 0.5, "jeffreys")
    with pytest.raises(InputError, match="improper prior of the signal has no Bayes factor"):
        flat.log_bayes_factor  # noqa: B018
    with pytest.raises(InputError, match="no closed form; found 'jeffreys'"):
        jeffreys.signal_probabilities()
    with pytest.raises(InputError, match="probability: not a probability; found 1"):
        flat.quantile(1)
    for arguments, name in (((-1, 2, 1), "n_on"), ((1, np.inf, 1), "n_off"), ((1, 2, 0), "alpha")):
        with pytest.raises(InputError, match=f"{name}: not physical"):
            binomial_significance(*arguments)
