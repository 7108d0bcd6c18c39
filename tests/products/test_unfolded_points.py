"""Points of an unfolded spectrum: their quantiles and covariance, as tables and files say them."""

from pathlib import Path

import astropy.units as u
import numpy as np
import pytest
import xarray as xr
from astropy.table import QTable

from bayes_onoff.errors import InputError
from bayes_onoff.inference import Posterior, SamplerSettings, unfolding_model
from bayes_onoff.inference.fit_data import FitData
from bayes_onoff.inference.groups import draws_dataset
from bayes_onoff.models import OpticalDepth, SpectralModel
from bayes_onoff.products import unfolded_points, write_unfolded_points
from bayes_onoff.spectra import Spectra
from bayes_onoff.spectra.labelled import to_dataset
from tests.products.conftest import CHAINS, CONVERGED, DRAWS, INDEPENDENT


def made_up(spectra: Spectra, model: SpectralModel) -> Posterior:
    """A posterior with draws around a power law, roughness half-normal."""
    rng = np.random.default_rng(5)
    draws = {name: prior.draw(rng, (CHAINS, DRAWS)) for name, prior in model.priors.items()}
    draws["amplitude"] = 3e-11 * np.exp(0.05 * rng.standard_normal((CHAINS, DRAWS)))
    draws["index"] = rng.normal(2.5, 0.05, (CHAINS, DRAWS))
    tree = xr.DataTree.from_dict(
        {"posterior": draws_dataset(draws, FitData.from_spectra(spectra), {}), "spectra": to_dataset(spectra)}
    )
    return Posterior(tree, model, INDEPENDENT, SamplerSettings(), CONVERGED)


@pytest.fixture(scope="module")
def unfolded(spectra: Spectra) -> Posterior:
    return made_up(spectra, unfolding_model(spectra))


def test_points_are_quantiles_of_the_flux_at_the_nodes(unfolded: Posterior) -> None:
    points = unfolded_points(unfolded)
    table, nodes = points.table, np.array(unfolded.model.table.energy)  # type: ignore[union-attr]
    np.testing.assert_allclose(table["e_ref"].to_value("TeV"), nodes)
    np.testing.assert_allclose(table["e_max"][:-1], table["e_min"][1:])
    np.testing.assert_allclose((table["e_min"] * table["e_max"])[1:-1].value, nodes[1:-1] ** 2)
    one = unfolded.model.dnde(nodes[3], unfolded.values)
    low, middle, high = np.quantile(one, [0.16, 0.5, 0.84])
    row = table[3]
    assert row["dnde"].unit == u.Unit("TeV-1 cm-2 s-1")
    found = [value.value for value in (row["dnde"] - row["dnde_errn"], row["dnde"], row["dnde"] + row["dnde_errp"])]
    np.testing.assert_allclose(found, [low, middle, high], rtol=1e-12)
    np.testing.assert_allclose(row["e2dnde"].to_value("TeV cm-2 s-1"), nodes[3] ** 2 * middle, rtol=1e-12)
    assert row["ln_dnde"] == pytest.approx(np.log(one).mean())
    assert table.meta["roughness_median"] == pytest.approx(np.median(unfolded.values["roughness"]))
    assert table.meta["SED_TYPE"] == "dnde"


def test_the_covariance_is_that_of_the_logarithms(unfolded: Posterior) -> None:
    points = unfolded_points(unfolded)
    flat = points.log_dnde.reshape(-1, len(points.table))
    np.testing.assert_allclose(points.covariance, np.cov(flat, rowvar=False))
    np.testing.assert_allclose(points.correlation, np.corrcoef(flat, rowvar=False))
    np.testing.assert_allclose(np.sqrt(np.diagonal(points.covariance)), points.table["ln_dnde_err"])


def test_signal_counts_add_up_to_those_expected(unfolded: Posterior) -> None:
    """In every draw; of a posterior without width also in the medians."""
    tree = unfolded.tree.copy()
    for name in unfolded.model.parameter_names:
        tree["posterior"][name] = tree["posterior"][name] * 0 + float(tree["posterior"][name][0, 0])
    narrow = Posterior(tree, unfolded.model, INDEPENDENT, SamplerSettings(), CONVERGED)
    data = FitData.from_spectra(narrow.spectra)
    from bayes_onoff.models import photons
    from bayes_onoff.spectra import fold

    expected = fold(photons(narrow.model, narrow.medians, data.energy_true.edges), data.response).sum()
    table = unfolded_points(narrow, np.geomspace(0.2, 200, 9) * u.TeV).table
    assert table["n_signal"].sum() == pytest.approx(expected, rel=1e-12)


def test_other_energies_and_products_are_allowed(unfolded: Posterior, spectra: Spectra) -> None:
    points = unfolded_points(unfolded, [1, 3, 10] * u.TeV)
    np.testing.assert_allclose(points.table["e_ref"].value, [1, 3, 10])
    depth = OpticalDepth((0.1, 1.0, 30.0), (0.1, 0.3), ((0.1, 0.3), (1.0, 3.0), (5.0, 15.0)), "made up")
    absorbed = unfolding_model(spectra) * SpectralModel("ebl-absorption", table=depth, fixed={"redshift": 0.1})
    seen = unfolded_points(made_up(spectra, absorbed), [1, 3, 10] * u.TeV)
    assert np.all(seen.table["dnde"] < points.table["dnde"])
    assert "roughness_median" in seen.table.meta


def test_other_programs_can_read_what_is_written(unfolded: Posterior, tmp_path: Path) -> None:
    points = unfolded_points(unfolded)
    table_path, draws_path = write_unfolded_points(points, tmp_path / "unfolded.ecsv")
    table = QTable.read(table_path)
    np.testing.assert_allclose(table["covariance"], points.covariance)
    assert table["e2dnde"].unit == u.Unit("erg cm-2 s-1")
    with xr.open_dataset(draws_path) as draws:
        np.testing.assert_allclose(draws["covariance"], points.covariance)
        np.testing.assert_allclose(draws["correlation"], points.correlation)
        assert draws["log_dnde"].shape == (CHAINS, DRAWS, len(table))
        assert draws["e_ref"].attrs["units"] == "TeV"


def test_what_is_not_unfolded_is_refused(posterior: Posterior, unfolded: Posterior) -> None:
    with pytest.raises(InputError, match="no unfolded spectrum; found 'power-law'; allowed: shape unfolded"):
        unfolded_points(posterior)
    for energies in ([1.0] * u.TeV, [2, 1] * u.TeV, [-1, 1] * u.TeV):
        with pytest.raises(InputError, match="not rising energies"):
            unfolded_points(unfolded, energies)
