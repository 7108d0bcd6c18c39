"""Flux points: columns, limits, significance and the files."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import astropy.units as u
import numpy as np
import pytest
import xarray as xr
from astropy.table import QTable

from bayes_onoff.inference.bands import BandPosterior
from bayes_onoff.inference.fit_data import FitData
from bayes_onoff.inference.marginal import gamma_table, log_marginal_gamma
from bayes_onoff.models import photons
from bayes_onoff.products import FluxPoints, flux_points, write_flux_points
from bayes_onoff.spectra import Spectra, fold, wstat

QUANTITIES = ("dnde", "flux", "eflux", "e2dnde", "norm")


@pytest.fixture(scope="module")
def points(bands: BandPosterior) -> FluxPoints:
    return flux_points(bands)


@pytest.fixture(scope="module")
def faint(bands: BandPosterior) -> FluxPoints:
    """The same with no ON event in the highest band."""
    first = int(np.flatnonzero(bands.band_of_bin == 4)[0]) + 1  # one unfitted bin lies below
    runs = [run.replace(n_on=np.where(np.arange(14) >= first, 0, run.n_on)) for run in bands.spectra]
    return flux_points(replace(bands, spectra=Spectra(tuple(runs))))


def test_bands_lie_on_bin_edges_and_touch(points: FluxPoints) -> None:
    table = points.table
    np.testing.assert_array_equal(table["e_max"][:-1], table["e_min"][1:])
    np.testing.assert_allclose(table["e_ref"] ** 2, table["e_min"] * table["e_max"])


@pytest.mark.parametrize("name", QUANTITIES)
def test_every_quantity_is_the_norm_times_its_reference(points: FluxPoints, name: str) -> None:
    table = points.table
    reference = 1 if name == "norm" else table[f"ref_{name}"]
    for suffix in ("", "_err", "_errn", "_errp", "_ul"):
        np.testing.assert_allclose((table[f"{name}{suffix}"] / (table[f"norm{suffix}"] * reference)).value, 1)


def test_reference_is_the_model_in_the_band(points: FluxPoints, bands: BandPosterior) -> None:
    row = points.table[1]
    amplitude, index = bands.values["amplitude"], bands.values["index"]
    lower, upper = row["e_min"].value, row["e_max"].value
    assert row["ref_dnde"].value == pytest.approx(amplitude * row["e_ref"].value ** -index)
    assert row["ref_flux"].value == pytest.approx(
        amplitude * (lower ** (1 - index) - upper ** (1 - index)) / (index - 1)
    )
    energy = amplitude * (lower ** (2 - index) - upper ** (2 - index)) / (index - 2)
    assert row["ref_eflux"].to_value(u.TeV / u.cm**2 / u.s) == pytest.approx(energy)
    assert row["ref_e2dnde"].unit == u.erg / (u.cm**2 * u.s)


def test_point_and_bars_are_quantiles_of_the_draws(points: FluxPoints, bands: BandPosterior) -> None:
    table = points.table
    lower, median, upper = np.quantile(bands.norm, [0.16, 0.5, 0.84], axis=(0, 1))
    np.testing.assert_allclose(table["norm"], median)
    np.testing.assert_allclose(table["norm"] - table["norm_errn"], lower)
    np.testing.assert_allclose(table["norm"] + table["norm_errp"], upper)
    np.testing.assert_allclose(table["norm_err"], bands.norm.std(axis=(0, 1), ddof=1))


def test_upper_limit_is_the_posterior_quantile(points: FluxPoints, bands: BandPosterior) -> None:
    below = (bands.norm < np.asarray(points.table["norm_ul"])).mean(axis=(0, 1))
    np.testing.assert_allclose(below, 0.95, atol=0.025)


def test_significance_is_the_marginal_likelihood_ratio(points: FluxPoints, bands: BandPosterior) -> None:
    """Beside a fine scan of the closed-form marginal likelihood, and near that of the profile likelihood."""
    data = FitData.from_spectra(bands.spectra)
    reference = fold(photons(bands.model, bands.values, data.energy_true.edges), data.response)
    used = data.mask & (bands.band_of_bin == 4)
    background = bands.background
    table = gamma_table(data.n_on[used], data.n_off[used], data.alpha[used], background.shape, background.rate)
    norm = np.linspace(0, 4, 4001)
    signal = norm[:, None] * reference[used]
    marginal = log_marginal_gamma(signal, table).sum(axis=-1)
    expected = np.sqrt(2 * (marginal.max() - marginal[0]))
    assert points.table["sqrt_ts"][4] == pytest.approx(expected, rel=2e-3)
    profile = wstat(data.n_on[used], data.n_off[used], data.alpha[used], signal).sum(axis=-1)
    assert points.table["sqrt_ts"][4] == pytest.approx(np.sqrt(profile[0] - profile.min()), rel=0.15)
    assert points.table["ts"][4] == pytest.approx(expected**2, rel=4e-3)


def test_bright_bands_are_points_and_the_empty_one_is_a_limit(points: FluxPoints, faint: FluxPoints) -> None:
    assert points.table["is_ul"].tolist() == [False] * 5
    assert faint.table["is_ul"].tolist() == [False] * 4 + [True]
    assert faint.table["sqrt_ts"][4] == 0


def test_limit_without_on_events_is_three_counts(faint: FluxPoints, bands: BandPosterior) -> None:
    """No ON event: exp(-s) whatever the background; 95 % of it lies below 2.9957 expected signal counts."""
    data = FitData.from_spectra(bands.spectra)
    reference = fold(photons(bands.model, bands.values, data.energy_true.edges), data.response)
    signal = reference[data.mask & (bands.band_of_bin == 4)].sum()
    assert faint.table["norm_ul"][4] * signal == pytest.approx(2.9957, rel=5e-3)
    assert faint.table["n_on"][4] == 0


def test_counts_are_those_of_the_band(points: FluxPoints, bands: BandPosterior) -> None:
    data = FitData.from_spectra(bands.spectra)
    inside = bands.band_of_bin >= 0
    assert points.table["n_on"].sum() == data.n_on[:, inside].sum()
    assert points.table["n_off"].sum() == data.n_off[:, inside].sum()
    excess = (data.n_on - data.alpha * data.n_off)[data.mask & inside].sum()
    assert points.table["excess"].sum() == pytest.approx(excess)


def test_densities_are_those_of_the_draws(points: FluxPoints, bands: BandPosterior) -> None:
    for band, density in enumerate(points.densities):
        draws = bands.norm[..., band].ravel()
        for probability in (0.16, 0.5, 0.84):
            assert (draws < density.quantile(probability)).mean() == pytest.approx(probability, abs=0.04)


def test_correlation_matrix(bands: BandPosterior) -> None:
    norm = bands.norm.copy()
    norm[..., 1] = norm[..., 0] + 0.5 * norm[..., 1]
    tree = bands.tree.copy()
    tree["posterior"]["norm"] = tree["posterior"]["norm"].copy(data=norm)
    correlation = flux_points(replace(bands, tree=tree)).correlation
    np.testing.assert_allclose(np.diag(correlation), 1)
    np.testing.assert_allclose(correlation, correlation.T)
    assert correlation[0, 1] > 0.5
    assert abs(correlation[0, 2]) < 0.12


def test_one_band_has_a_correlation_matrix_too(points: FluxPoints) -> None:
    single = FluxPoints(points.table[:1], points.norm[..., :1], points.densities[:1])
    np.testing.assert_array_equal(single.correlation, [[1.0]])


def test_table_says_what_it_holds(
    bands: BandPosterior, unconverged: Callable[[BandPosterior], BandPosterior], tmp_path: Path
) -> None:
    path, _ = write_flux_points(flux_points(unconverged(bands)), tmp_path / "flux_points.ecsv")
    table = QTable.read(path, format="ascii.ecsv")
    assert table.meta["SED_TYPE"] == "dnde"
    assert table.meta["UL_CONF"] == 0.95
    assert "one-sided 95 % quantile of the posterior under a flat prior" in table.meta["note_upper_limit"]
    assert "marginal log-likelihood ratio" in table.meta["note_significance"]
    assert table.meta["reference_model"]["amplitude"] == "3e-11 TeV-1 cm-2 s-1"
    assert table.meta["reference_model"]["index"] == "2.5"
    assert table.meta["converged"] is False
    assert table["dnde_ul"].unit == 1 / (u.cm**2 * u.s * u.TeV)
    assert table["eflux"].unit == u.erg / (u.cm**2 * u.s)
    assert table["is_ul"].dtype == bool


def test_columns_do_not_collide_with_what_other_readers_take_for_axes(points: FluxPoints) -> None:
    """Readers of the SED format make extra axes of these names."""
    assert not {"counts", "datasets", "norm_scan", "stat_scan", "npred", "npred_excess"} & set(points.table.colnames)


def test_draws_are_written_with_units_and_covariance(points: FluxPoints, tmp_path: Path) -> None:
    _, path = write_flux_points(points, tmp_path / "flux_points.ecsv")
    assert path.name == "flux_points.nc"
    with xr.open_dataset(path, engine="netcdf4") as file:
        stored = file.load()
    np.testing.assert_array_equal(stored["norm"], points.norm)
    np.testing.assert_array_equal(stored["correlation"], points.correlation)
    dnde = stored["norm"].median(("chain", "draw")) * stored["ref_dnde"]
    np.testing.assert_allclose(dnde, points.table["dnde"].value)
    assert u.Unit(stored["ref_dnde"].attrs["units"]) == points.table["dnde"].unit
    assert stored["e_min"].attrs["units"] == "TeV"
    assert stored["norm_grid"].shape == stored["log_density"].shape
    assert stored.attrs["converged"] == "True"
    assert "flat prior" in stored.attrs["note_upper_limit"]
