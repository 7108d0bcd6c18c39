"""The parameter table against plain NumPy and the definitions of its rows."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import astropy.units as u
import numpy as np
import pytest
from astropy.table import QTable

from bayes_onoff.inference import Posterior
from bayes_onoff.models import Normal, SpectralModel, Uniform
from bayes_onoff.products import energy_flux, integral_flux, parameter_table, write_table

COLUMNS = ["parameter", "unit", "mean", "sd", "median", "eti68_lower", "eti68_upper", "eti95_lower", "eti95_upper"]
COLUMNS += ["ess_bulk", "ess_tail", "r_hat", "mcse_mean"]


def row(table: QTable, name: str) -> dict[str, object]:
    (index,) = np.flatnonzero(table["parameter"] == name)
    return {column: table[column][index] for column in table.colnames}


def test_rows_are_spectrum_then_derived_then_background(posterior: Posterior, pooled_posterior: Posterior) -> None:
    spectral = ["amplitude", "index", "integral_flux", "energy_flux"]
    assert parameter_table(posterior)["parameter"].tolist() == spectral
    background = ["slope", "shape_scale", "deviation_scale", "level[23523]", "level[23524]", "level[23525]"]
    found = parameter_table(pooled_posterior)["parameter"].tolist()
    assert found[:4] == spectral
    assert sorted(found[4:]) == sorted(background)


def test_columns_hold_the_moments_and_quantiles_of_the_draws(posterior: Posterior) -> None:
    table = parameter_table(posterior)
    assert table.colnames == COLUMNS
    index = row(table, "index")
    draws = posterior.values["index"]
    assert index["mean"] == pytest.approx(draws.mean(), rel=1e-12)
    assert index["sd"] == pytest.approx(draws.std(ddof=1), rel=1e-12)
    limits = [index[key] for key in ("eti95_lower", "eti68_lower", "median", "eti68_upper", "eti95_upper")]
    np.testing.assert_allclose(limits, np.quantile(draws, [0.025, 0.16, 0.5, 0.84, 0.975]))


def test_independent_draws_are_seen_as_such(posterior: Posterior) -> None:
    table = parameter_table(posterior)
    n_draws = posterior.values["index"].size
    assert np.all(table["ess_bulk"] > 0.7 * n_draws)
    assert np.all(table["r_hat"] < 1.02)
    index = row(table, "index")
    assert index["mcse_mean"] == pytest.approx(index["sd"] / np.sqrt(n_draws), rel=0.15)


def test_stuck_chains_are_seen(posterior: Posterior) -> None:
    tree = posterior.tree.copy()
    tree["posterior"]["index"] = tree["posterior"]["index"] + 0.3 * tree["posterior"]["chain"]
    table = parameter_table(replace(posterior, tree=tree))
    index = row(table, "index")
    assert index["r_hat"] > 1.2
    assert index["ess_bulk"] < 20


def test_units_are_those_of_the_rows(cutoff_posterior: Posterior) -> None:
    table = parameter_table(cutoff_posterior)
    units = {str(name): u.Unit(str(unit)) for name, unit in zip(table["parameter"], table["unit"], strict=True)}
    assert units["amplitude"] == 1 / (u.TeV * u.cm**2 * u.s)
    assert units["index"] == u.dimensionless_unscaled
    assert units["lambda_"] == 1 / u.TeV
    assert units["integral_flux"] == 1 / (u.cm**2 * u.s)
    assert units["energy_flux"] == u.erg / (u.cm**2 * u.s)
    assert units["cutoff_energy"] == u.TeV


def test_fluxes_are_over_the_fitted_range(posterior: Posterior) -> None:
    table = parameter_table(posterior)
    edges = posterior.spectra.energy.quantity
    for name, function in (("integral_flux", integral_flux), ("energy_flux", energy_flux)):
        draws = function(posterior, edges[1], edges[13])
        assert row(table, name)["median"] == pytest.approx(np.median(draws.value), rel=1e-12)
    assert table.meta["energy_range"] == f"{edges[1].value:.4g} - {edges[13].value:.4g} TeV"


def test_cutoff_energy_is_the_inverse_of_lambda(cutoff_posterior: Posterior) -> None:
    table = parameter_table(cutoff_posterior)
    energy, inverse = row(table, "cutoff_energy"), row(table, "lambda_")
    assert energy["median"] == pytest.approx(1 / inverse["median"], rel=1e-3)
    assert energy["eti95_upper"] == pytest.approx(1 / inverse["eti95_lower"], rel=0.02)
    assert energy["mean"] == pytest.approx(np.mean(1 / cutoff_posterior.values["lambda_"]))


def test_cutoff_energy_has_no_mean_if_the_prior_allows_no_cutoff(cutoff_posterior: Posterior) -> None:
    model = SpectralModel("exp-cutoff-power-law", priors={"lambda_": Uniform(0.0, 1.0)})
    energy = row(parameter_table(replace(cutoff_posterior, model=model)), "cutoff_energy")
    assert np.isnan([energy["mean"], energy["sd"], energy["mcse_mean"]]).all()
    assert np.isfinite([energy["median"], energy["eti95_upper"], energy["ess_bulk"], energy["r_hat"]]).all()


def test_negative_lambda_has_no_cutoff_energy(cutoff_posterior: Posterior) -> None:
    model = SpectralModel("exp-cutoff-power-law", priors={"lambda_": Normal(0.0, 0.1)})
    tree = cutoff_posterior.tree.copy()
    tree["posterior"]["lambda_"] = tree["posterior"]["lambda_"] - 0.02
    table = parameter_table(replace(cutoff_posterior, model=model, tree=tree))
    assert "lambda_" in table["parameter"]
    assert "cutoff_energy" not in table["parameter"]


def test_convergence_travels_with_the_table(
    posterior: Posterior, unconverged: Callable[[Posterior], Posterior], tmp_path: Path
) -> None:
    assert parameter_table(posterior).meta["converged"] is True
    path = write_table(parameter_table(unconverged(posterior)), tmp_path / "parameters.ecsv")
    meta = QTable.read(path, format="ascii.ecsv").meta
    assert meta["converged"] is False
    assert "did not converge (R-hat of index is 1.400" in meta["convergence"]
    assert meta["model"] == "power-law"
    assert meta["runs"] == "23523, 23524, 23525"
    assert meta["background"] == ("independent Gamma(shape 0.5, rate 0.001 per count), latent rates integrated out")
