from dataclasses import replace

import astropy.units as u
import numpy as np
import pytest

from bayes_onoff.errors import InputError
from bayes_onoff.inference import Posterior
from bayes_onoff.models import SpectralModel
from bayes_onoff.products import derived_table, energy_flux, peak_energy, pivot_energy

RANGE = (0.1 * u.TeV, 100 * u.TeV)


def with_draws(posterior: Posterior, model: SpectralModel, **values) -> Posterior:
    """The posterior with other spectral draws, (chain, draw) each."""
    tree = posterior.tree.copy()
    group = tree["posterior"].to_dataset()
    dims = ("chain", "draw")
    group = group.isel(chain=slice(0, 2), draw=slice(0, 100))
    group = group.assign(
        {name: (dims, np.broadcast_to(value, (2, 100)).astype(float)) for name, value in values.items()}
    )
    tree["posterior"] = group
    return replace(posterior, tree=tree, model=model)


def test_pivot_energy_of_a_power_law_decorrelates(posterior: Posterior):
    """ln(phi0) and the index are linear in the flux: the pivot has a closed form."""
    pivot = pivot_energy(posterior, *RANGE).to_value("TeV")
    log_amplitude, index = np.log(posterior.values["amplitude"]).ravel(), posterior.values["index"].ravel()
    covariance = np.cov(log_amplitude, index)
    assert pivot == pytest.approx(np.exp(covariance[0, 1] / covariance[1, 1]), rel=1e-6)
    at_pivot = log_amplitude - index * np.log(pivot)
    assert abs(np.corrcoef(at_pivot, index)[0, 1]) < 1e-6


def test_peak_energy_is_that_of_the_closed_form(posterior: Posterior):
    rng = np.random.default_rng(4)
    index, cutoff = rng.uniform(1.0, 1.6, (2, 100)), rng.uniform(0.1, 0.5, (2, 100))
    model = SpectralModel("exp-cutoff-power-law")
    cut = with_draws(posterior, model, amplitude=1e-11, index=index, lambda_=cutoff)
    np.testing.assert_allclose(peak_energy(cut, *RANGE).to_value("TeV"), (2 - index) / cutoff, rtol=1e-3)
    curved = with_draws(posterior, SpectralModel("log-parabola"), amplitude=1e-11, alpha=index, beta=cutoff)
    expected = np.exp((2 - index) / (2 * cutoff))
    np.testing.assert_allclose(peak_energy(curved, 1 * u.GeV, 1e4 * u.TeV).to_value("TeV"), expected, rtol=1e-6)


def test_what_has_no_peak_says_so(posterior: Posterior):
    table = derived_table(posterior, *RANGE)
    row = table[table["quantity"] == "peak_energy"][0]
    assert row["fraction"] == 0
    assert np.isnan(row["median"])
    assert row["note"] == "none in any draw, of E^2 dN/dE between 0.1 and 100 TeV"
    index = np.where(np.arange(100) < 25, 1.5, 2.5)
    model = SpectralModel("exp-cutoff-power-law")
    some = with_draws(posterior, model, amplitude=1e-11, index=index, lambda_=0.1)
    table = derived_table(some, *RANGE)
    row = table[table["quantity"] == "peak_energy"][0]
    assert row["fraction"] == 0.25
    assert row["median"] == pytest.approx(5, rel=1e-3)
    assert "25 % of the draws have one, the intervals are theirs alone" in row["note"]


def test_the_table_holds_energy_flux_with_intervals(posterior: Posterior):
    table = derived_table(posterior, 1 * u.TeV, 10 * u.TeV)
    assert list(table["quantity"]) == ["pivot_energy", "peak_energy", "integral_flux", "energy_flux"]
    row = table[table["quantity"] == "energy_flux"][0]
    draws = energy_flux(posterior, 1 * u.TeV, 10 * u.TeV)
    assert row["unit"] == draws.unit.to_string()
    limits = np.quantile(draws.value, [0.025, 0.16, 0.5, 0.84, 0.975])
    names = ("eti95_lower", "eti68_lower", "median", "eti68_upper", "eti95_upper")
    np.testing.assert_allclose([row[name] for name in names], limits)
    assert table.meta["converged"] is True


def test_a_flux_known_best_at_the_end_of_the_range_has_no_pivot(posterior: Posterior):
    assert np.isnan(pivot_energy(posterior, 20 * u.TeV, 50 * u.TeV).value)
    table = derived_table(posterior, 20 * u.TeV, 50 * u.TeV)
    assert "none: dN/dE is known best at an end" in table["note"][0]


def test_an_empty_range_is_refused(posterior: Posterior):
    with pytest.raises(InputError, match="derived: the energy interval is upside down or empty; found '3 to 2 TeV'"):
        derived_table(posterior, 3 * u.TeV, 2 * u.TeV)


def test_a_composition_has_derived_quantities(posterior: Posterior):
    rng = np.random.default_rng(5)
    model = SpectralModel("power-law") * SpectralModel("exp-cutoff-power-law-norm")
    index, cutoff = rng.uniform(1.0, 1.6, (2, 100)), rng.uniform(0.1, 0.5, (2, 100))
    assert model.parameter_names == ("amplitude", "index", "ecpl_norm_lambda_")
    composed = with_draws(posterior, model, amplitude=1e-11, index=index, ecpl_norm_lambda_=cutoff)
    plain = with_draws(posterior, SpectralModel("exp-cutoff-power-law"), amplitude=1e-11, index=index, lambda_=cutoff)
    table, expected = derived_table(composed, *RANGE), derived_table(plain, *RANGE)
    np.testing.assert_allclose(table["median"], expected["median"], rtol=1e-6)
    assert table.meta["model"] == "power-law * exp-cutoff-power-law-norm"
