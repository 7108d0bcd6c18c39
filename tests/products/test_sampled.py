"""All products of a sampled posterior, and once more from its file alone."""

from pathlib import Path

import numpy as np
import pytest

from bayes_onoff.inference import CompiledAnalysis, Posterior, SamplerSettings
from bayes_onoff.products import (
    bin_table,
    compare,
    compare_with_wstat,
    fit_wstat,
    parameter_table,
    predictive_residuals,
    prior_sensitivity,
    spectral_band,
)
from bayes_onoff.spectra import Spectra

SHORT = SamplerSettings(draws=400, tune=400, chains=2, seed=3)


@pytest.fixture(scope="module")
def sampled(spectra: Spectra, compiled: CompiledAnalysis) -> Posterior:
    return compiled.fit(spectra, SHORT, progress=False)


def test_file_alone_gives_the_same_products(sampled: Posterior, tmp_path: Path) -> None:
    loaded = Posterior.load(sampled.save(tmp_path / "posterior.nc"))
    for product in (
        parameter_table,
        bin_table,
        lambda posterior: spectral_band(posterior).to_table(),
    ):
        one, other = product(sampled), product(loaded)
        assert one.colnames == other.colnames
        assert one.meta == other.meta
        for column in one.colnames:
            np.testing.assert_array_equal(np.asarray(one[column]), np.asarray(other[column]))
    assert predictive_residuals(sampled).equals(predictive_residuals(loaded))
    one, other = prior_sensitivity(sampled), prior_sensitivity(loaded)
    np.testing.assert_allclose(one["prior_background"], other["prior_background"], rtol=1e-6)


def test_pooled_background_is_tabulated(sampled: Posterior) -> None:
    table = parameter_table(sampled)
    names = ["slope", "shape_scale", "deviation_scale", "level[23523]", "level[23524]", "level[23525]"]
    assert sorted(table["parameter"][4:].tolist()) == sorted(names)
    slope = table[table["parameter"] == "slope"][0]
    assert abs(slope["median"] + 1.5) < 3 * slope["sd"]


def test_pooled_off_residuals_have_nearly_unit_width(sampled: Posterior) -> None:
    """Unlike independent rates, pooled ones are not fitted to each count alone."""
    off = predictive_residuals(sampled)["quantile"].sel(region="off")
    assert 0.65 < float(off.std()) < 1.2
    assert abs(float(off.mean())) < 0.4


def test_same_model_twice_is_not_told_apart(sampled: Posterior) -> None:
    table = compare({"once": sampled, "again": sampled})
    assert table["elpd_diff"].tolist() == [0, 0]
    assert np.all(table["k_hat_max"] < 0.7)
    assert table["weight"].sum() == pytest.approx(1)


def test_well_measured_source_owes_nothing_to_its_priors_and_agrees_with_wstat(sampled: Posterior) -> None:
    sensitivity = prior_sensitivity(sampled)
    assert np.all(sensitivity["prior_spectrum"] < 0.05)
    assert np.all(sensitivity["prior_background"] < 0.05)
    assert set(sensitivity["diagnosis"]) == {"the data decide"}
    table = compare_with_wstat(sampled, fit_wstat(sampled.spectra, sampled.model), sensitivity=sensitivity)
    assert np.all(np.abs(table["shift"]) < 0.3)
    np.testing.assert_allclose(table["width_ratio"], 1, atol=0.15)
    assert set(table["reason"]) == {"they agree"}
