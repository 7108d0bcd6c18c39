"""One row a run and bin: what was counted and what was expected."""

from collections.abc import Callable
from pathlib import Path

import astropy.units as u
import numpy as np
from astropy.table import QTable
from scipy.stats import gamma

from bayes_onoff.inference import Posterior
from bayes_onoff.products import bin_table, predictive_residuals, write_table
from bayes_onoff.spectra import Spectra


def test_rows_are_the_analysed_bins(posterior: Posterior, spectra: Spectra) -> None:
    table = bin_table(posterior)
    assert len(table) == spectra.mask.sum() == 35
    for run in spectra:
        rows = table[table["obs_id"] == int(run.name)]
        assert rows["n_on"].tolist() == run.n_on[run.mask].tolist()
        assert rows["n_off"].tolist() == run.n_off[run.mask].tolist()
        np.testing.assert_array_equal(rows["alpha"], run.alpha[run.mask])
        np.testing.assert_array_equal(rows["energy_min"].to_value(u.TeV), run.energy.edges[:-1][run.mask])
        np.testing.assert_array_equal(rows["energy_max"].to_value(u.TeV), run.energy.edges[1:][run.mask])


def test_expected_counts_are_posterior_quantiles(posterior: Posterior) -> None:
    table = bin_table(posterior)
    draws = posterior.tree["posterior"]
    row = table[(table["obs_id"] == 23524) & (table["n_off"] == 24)][0]
    energy = np.sqrt(row["energy_min"] * row["energy_max"]).value
    for name in ("npred_signal", "npred_off"):
        values = draws[name].sel(run="23524").sel(energy=energy, method="nearest").to_numpy()
        found = [row[key] for key in (f"{name}_eti68_lower", name, f"{name}_eti68_upper")]
        np.testing.assert_allclose(found, np.quantile(values, [0.16, 0.5, 0.84]))


def test_independent_rates_follow_their_own_off_counts(posterior: Posterior) -> None:
    """From OFF alone a rate is Gamma(n_off + 1/2), a few ON events hardly matter: OFF is not counted twice."""
    table = bin_table(posterior)
    n_off = np.asarray(table["n_off"])
    lower, upper = gamma.ppf([[0.16], [0.84]], n_off + 0.5)
    np.testing.assert_allclose(
        table["npred_off_eti68_upper"] - table["npred_off_eti68_lower"], upper - lower, rtol=0.25
    )
    assert np.all(np.abs(table["npred_off"] - gamma.ppf(0.5, n_off + 0.5)) < 0.5 * (upper - lower))


def test_residuals_are_those_of_the_predictive_check(posterior: Posterior) -> None:
    table = bin_table(posterior, seed=5)
    residuals = predictive_residuals(posterior, seed=5)
    rows = table[table["obs_id"] == 23525]
    for region in ("on", "off"):
        expected = residuals.sel(region=region, run="23525")
        np.testing.assert_array_equal(rows[f"residual_{region}"], expected["quantile"].to_numpy())
        np.testing.assert_array_equal(rows[f"standardised_{region}"], expected["standardised"].to_numpy())
    assert table.meta["residual_seed"] == 5


def test_table_is_reproducible_by_its_seed(posterior: Posterior) -> None:
    one, same, other = (bin_table(posterior, seed=seed)["residual_on"] for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)


def test_written_table_tells_what_its_columns_are(
    posterior: Posterior, unconverged: Callable[[Posterior], Posterior], tmp_path: Path
) -> None:
    path = write_table(bin_table(unconverged(posterior)), tmp_path / "bins.ecsv")
    table = QTable.read(path, format="ascii.ecsv")
    assert table["energy_min"].unit == u.TeV
    assert table["npred_off"].info.description == "expected OFF counts b, posterior median"
    assert table.meta["converged"] is False
