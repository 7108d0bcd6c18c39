"""Power scaling, against what is known: conjugate answers, a prior that fights the data, a prior that is flat."""

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import pytest
import xarray as xr
from scipy import stats

from bayes_onoff.errors import InputError
from bayes_onoff.inference import Posterior
from bayes_onoff.models import Normal, SpectralModel, Uniform
from bayes_onoff.products import prior_sensitivity

FLUX = "integral_flux (1 - 10 TeV)"
COLUMNS = ["parameter", "prior_spectrum", "prior_background", "likelihood", "diagnosis"]


def with_log_prior(posterior: Posterior, changes: Mapping[str, np.ndarray]) -> Posterior:
    """The same draws, as if the priors had been others."""
    tree = posterior.tree.copy()
    group = tree["log_prior"].to_dataset()
    tree["log_prior"] = xr.DataTree(
        group.assign({name: (("chain", "draw"), values) for name, values in changes.items()})
    )
    return replace(posterior, tree=tree)


def test_table_of_a_well_measured_source(posterior: Posterior) -> None:
    table = prior_sensitivity(posterior)
    assert table.colnames == COLUMNS
    assert table["parameter"].tolist() == ["amplitude", "index", FLUX]
    assert np.all(table["prior_background"] < 0.05)
    assert np.all(table["likelihood"] > 0.05)
    assert table.meta["converged"] is True
    assert table.meta["threshold"] == 0.05
    assert "doi:10.1007/s11222-023-10366-5" in table.meta["method"]
    assert "The priors of the background do not matter" in table.meta["sentence"]


def test_prior_that_pulls_is_named(posterior: Posterior) -> None:
    """A prior as narrow as the posterior, two of its deviations off, moves the mean by about one when doubled."""
    index = posterior.values["index"]
    pulling = Normal(float(index.mean() + 2 * index.std()), float(index.std()))
    table = prior_sensitivity(with_log_prior(posterior, {"index": pulling.log_density(index)}))
    row = table[table["parameter"] == "index"][0]
    assert row["prior_spectrum"] > 0.2
    assert row["prior_background"] < 0.05
    assert row["diagnosis"] == "the prior of the spectrum matters beside the data"
    assert "The priors of the spectrum matter for" in table.meta["sentence"]
    assert f"index ({row['prior_spectrum']:.3f})" in table.meta["sentence"]


def test_sensitivity_of_a_normal_posterior_is_the_shift_it_stands_for(posterior: Posterior) -> None:
    """The prior 2**(x/2) shifts a normal x by half a deviation per doubling; the distance by quadrature."""
    normal = stats.norm.ppf((np.arange(1000) + 0.5) / 1000)
    x = np.linspace(normal[0], normal[-1], 10_001)
    one, other = stats.norm.cdf(x), stats.norm.cdf(x + 0.5 * np.log2(1.01))
    middle = (one + other) / 2
    divergence = one * np.log2(one / middle) + other * np.log2(other / middle)
    distance = np.sqrt(np.trapezoid(divergence, x) / np.trapezoid(one + other, x)) / np.log2(1.01)
    assert 0.10 < distance < 0.12  # 0.05 is a shift by about a quarter of a deviation

    normal = np.random.default_rng(1).permutation(normal).reshape(4, 250)
    changed = with_log_prior(posterior, {"index": normal * 0.5 / np.log(2), "amplitude": np.zeros_like(normal)})
    draws = changed.tree["posterior"].to_dataset()
    changed.tree["posterior"] = xr.DataTree(draws.assign(index=(("chain", "draw"), 2.5 + 0.1 * normal)))
    table = prior_sensitivity(changed)
    assert table[table["parameter"] == "index"]["prior_spectrum"][0] == pytest.approx(distance, rel=0.03)


def test_flat_priors_have_no_strength(posterior: Posterior) -> None:
    flat = {
        "amplitude": Uniform(0, 1e-9).log_density(posterior.values["amplitude"]),
        "index": Uniform(0, 6).log_density(posterior.values["index"]),
    }
    table = prior_sensitivity(with_log_prior(posterior, flat))
    assert table["prior_spectrum"].tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    ("spectrum", "background", "diagnosis"),
    [
        (False, True, "the prior of the background decides"),
        (True, True, "the prior of the spectrum and background decides"),
        (False, False, "neither priors nor data move it"),
    ],
)
def test_diagnosis_where_the_data_say_nothing(
    posterior: Posterior, spectrum: bool, background: bool, diagnosis: str
) -> None:
    index = posterior.values["index"]
    pull = 2 * (index - index.mean()) / index.std()
    nothing = np.zeros_like(index)
    changed = with_log_prior(posterior, {"amplitude": nothing, "index": pull * spectrum, "rates": pull * background})
    changed.tree["log_likelihood"] = xr.DataTree(changed.tree["log_likelihood"].to_dataset() * 0)
    table = prior_sensitivity(changed)
    assert table[table["parameter"] == "index"]["diagnosis"][0] == diagnosis


def test_pooled_background_scales_its_top_priors_only(pooled_posterior: Posterior) -> None:
    """The coefficients' prior given their scale is the pooling itself."""
    index = pooled_posterior.values["index"]
    pull = 2 * (index - index.mean()) / index.std()
    moved = prior_sensitivity(with_log_prior(pooled_posterior, {"slope": pull}))
    assert moved[moved["parameter"] == "index"]["prior_background"][0] > 0.05
    unmoved = prior_sensitivity(with_log_prior(pooled_posterior, {"coefficient": pull}))
    expected = prior_sensitivity(pooled_posterior)
    np.testing.assert_array_equal(unmoved["prior_background"], expected["prior_background"])


def test_a_weak_prior_matters_less_than_a_strong_one(cutoff_posterior: Posterior) -> None:
    lambda_ = cutoff_posterior.values["lambda_"]
    weak, strong = (
        prior_sensitivity(with_log_prior(cutoff_posterior, {"lambda_": Normal(0.3, sigma).log_density(lambda_)}))
        for sigma in (10.0, 0.03)
    )
    assert strong["prior_spectrum"][2] > 2 * weak["prior_spectrum"][2]


def test_unconverged_is_marked(posterior: Posterior, unconverged: Callable[[Posterior], Posterior]) -> None:
    assert prior_sensitivity(unconverged(posterior)).meta["converged"] is False


def test_posterior_of_an_earlier_version_is_refused(posterior: Posterior) -> None:
    tree = posterior.tree.copy()
    del tree["log_prior"]
    with pytest.raises(InputError, match="does not hold the density of its priors"):
        prior_sensitivity(replace(posterior, tree=tree, model=SpectralModel("power-law")))
