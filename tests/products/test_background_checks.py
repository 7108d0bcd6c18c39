"""Predictive checks of the pooled background: silent on its own family, outspoken about others."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from astropy.table import QTable
from numpy.typing import NDArray

from bayes_onoff.errors import InputError
from bayes_onoff.inference import BackgroundModel, CompiledAnalysis, Posterior, SamplerSettings
from bayes_onoff.inference.fit_data import FitData
from bayes_onoff.products import background_checks, write_table
from bayes_onoff.products.background_checks import CHECKS, OffResiduals, off_residuals, replicate_off_counts
from bayes_onoff.spectra import Spectra

SHORT = SamplerSettings(draws=400, tune=400, chains=2, seed=3)
REGIONS = (10, 12, 30)
LINE_BIN = 5
type Change = Callable[[int, NDArray[np.float64]], NDArray[np.float64]]


def with_background(spectra: Spectra, level: float, change: Change) -> Spectra:
    """The same runs with new OFF counts: a power law of index 1.5 times `change` of run and energy."""
    rng = np.random.default_rng(5)
    runs = []
    for number, (run, n_regions) in enumerate(zip(spectra, REGIONS, strict=True)):
        energy = run.energy.centers
        runs.append(replace(run, n_off=rng.poisson(level * n_regions * energy**-1.5 * change(number, energy))))
    return Spectra(tuple(runs))


def no_change(number: int, energy: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.ones_like(energy)


def a_line_in_run_1(number: int, energy: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where((number == 1) & (np.arange(len(energy)) == LINE_BIN), 5.0, 1.0)


def another_index_in_run_1(number: int, energy: NDArray[np.float64]) -> NDArray[np.float64]:
    return energy ** (0.5 * (number == 1))


@pytest.fixture(scope="module")
def in_family(spectra: Spectra, compiled: CompiledAnalysis) -> Posterior:
    return compiled.fit(with_background(spectra, 1.5, no_change), SHORT, progress=False)


@pytest.fixture(scope="module")
def with_a_line(spectra: Spectra, compiled: CompiledAnalysis) -> Posterior:
    return compiled.fit(with_background(spectra, 45.0, a_line_in_run_1), SHORT, progress=False)


def rows(table: QTable) -> dict[str, dict[str, object]]:
    return {str(row["check"]): dict(zip(table.colnames, row.as_void(), strict=True)) for row in table}


def test_nothing_stands_out_of_a_background_from_the_family(in_family: Posterior) -> None:
    table = background_checks(in_family)
    assert list(table["check"]) == list(CHECKS)
    assert np.all((table["p_value"] > 0.05) & (table["p_value"] <= 1))
    assert not table["flagged"].any()
    assert table.meta["background_flagged"] is False
    assert table.meta["sentence"].startswith(
        "The OFF counts are what the pooled background expects: no check stands out"
    )
    assert 0.6 < float(table["observed"][0] / table["replicated"][0]) < 1.4


def test_a_line_in_one_bin_of_one_run_is_flagged_where_it_is(with_a_line: Posterior) -> None:
    table = background_checks(with_a_line)
    energy = with_a_line.spectra.energy.centers[LINE_BIN]
    line = rows(table)["largest"]
    assert line["flagged"]
    assert line["where"] == f"run 23524 at {energy:.3g} TeV"
    assert line["observed"] > 2 * line["replicated"]  # type: ignore[operator]
    assert table.meta["background_flagged"] is True
    sentence = table.meta["sentence"]
    told = f"The OFF counts of run 23524 at {energy:.3g} TeV are not what the pooled background expects (p = 0.00"
    assert sentence.startswith(told)
    assert "the background is outside the assumed family" in sentence
    assert sentence.endswith("results may be biased; compare with background.prior: independent.")


def test_another_background_index_of_a_run_is_flagged(spectra: Spectra, compiled: CompiledAnalysis) -> None:
    tilted = with_background(spectra, 45.0, another_index_in_run_1)
    table = background_checks(compiled.fit(tilted, SHORT, progress=False))
    slope = rows(table)["slope"]
    assert slope["flagged"]
    assert slope["where"] == "run 23524"
    assert "he OFF counts of run 23524 change with energy otherwise than the shape common" in table.meta["sentence"]


def test_same_seed_same_table_also_from_the_file(with_a_line: Posterior, tmp_path: Path) -> None:
    table = background_checks(with_a_line, seed=4)
    loaded = background_checks(Posterior.load(with_a_line.save(tmp_path / "posterior.nc")), seed=4)
    assert loaded.meta == table.meta
    for name in table.colnames:
        np.testing.assert_array_equal(loaded[name], table[name])
    other = background_checks(with_a_line, seed=5)
    np.testing.assert_array_equal(other["observed"], table["observed"])
    assert not np.array_equal(other["p_value"], table["p_value"])
    np.testing.assert_allclose(other["p_value"], table["p_value"], atol=0.04)


def test_latent_rates_play_no_part(with_a_line: Posterior) -> None:
    """A marginal posterior has them only drawn back: the checks are the same without any."""
    tree = with_a_line.tree.copy()
    tree["posterior"] = tree["posterior"].to_dataset().drop_vars("npred_off")
    marginal = replace(with_a_line, tree=tree, background=BackgroundModel(marginal=True))
    table = background_checks(marginal)
    np.testing.assert_array_equal(table["p_value"], background_checks(with_a_line)["p_value"])
    assert table.meta["background"] == "pooled, latent rates integrated out"


def test_an_independent_background_has_no_family(posterior: Posterior, tmp_path: Path) -> None:
    table = background_checks(posterior)
    assert len(table) == 0
    assert table.meta["background_flagged"] is False
    assert table.meta["sentence"].endswith("there is no family to check.")
    back = QTable.read(write_table(table, tmp_path / "background_checks.ecsv"), format="ascii.ecsv")
    assert back.colnames == ["check", "meaning", "observed", "replicated", "p_value", "flagged", "where"]
    with pytest.raises(
        InputError, match=r"background\.prior: .* no family to test; found 'independent'; allowed: pooled"
    ):
        replicate_off_counts(posterior)


def known_draws(posterior: Posterior, n_draws: int, scale: float) -> dict[str, NDArray[np.float64]]:
    """One set of background parameters, known for certain."""
    runs = len(FitData.from_spectra(posterior.spectra).runs)
    return {
        "level": np.full((n_draws, runs), 2.0),
        "slope": np.full(n_draws, -1.0),
        "coefficient": np.zeros((n_draws, 8)),
        "deviation_scale": np.full(n_draws, scale),
    }


def test_replicated_residuals_have_unit_variance(posterior: Posterior) -> None:
    data = FitData.from_spectra(posterior.spectra)
    found = off_residuals(data, BackgroundModel(), known_draws(posterior, 20_000, 0.3), np.random.default_rng(1))
    assert np.all(found.replicated[:, ~data.mask] == 0)
    np.testing.assert_allclose(found.replicated.mean(axis=0)[data.mask], 0, atol=0.03)
    np.testing.assert_allclose(found.replicated.std(axis=0)[data.mask], 1, atol=0.05)
    slopes = (found.replicated * found.tilt).sum(axis=2)
    np.testing.assert_allclose(slopes.std(axis=0), 1, atol=0.05)


def test_bins_that_were_not_analysed_play_no_part(posterior: Posterior) -> None:
    data = FitData.from_spectra(posterior.spectra)
    assert not data.mask.all()
    draws = known_draws(posterior, 10, 0.1)
    changed = replace(data, n_off=np.where(data.mask, data.n_off, 10_000))
    one, other = (
        off_residuals(counts, BackgroundModel(), draws, np.random.default_rng(1)) for counts in (data, changed)
    )
    np.testing.assert_array_equal(one.observed, other.observed)
    for name, (observed, _) in one.discrepancies().items():
        np.testing.assert_array_equal(observed, other.discrepancies()[name][0])


def test_a_run_of_one_bin_has_no_slope(posterior: Posterior) -> None:
    data = FitData.from_spectra(posterior.spectra)
    mask = data.mask & (np.arange(data.mask.shape[1]) == 4)
    found = off_residuals(
        replace(data, mask=mask), BackgroundModel(), known_draws(posterior, 50, 0.1), np.random.default_rng(1)
    )
    assert np.all(found.tilt == 0)
    p_values = found.p_values()
    assert p_values["slope"] == p_values["neighbours"] == 1
    assert 0 < p_values["scatter"] <= 1


def test_too_little_scatter_is_as_odd_as_too_much() -> None:
    rng = np.random.default_rng(2)
    replicated = rng.standard_normal((1000, 2, 20))
    for width in (0.2, 3.0):
        still = OffResiduals(None, width * rng.standard_normal((1000, 2, 20)), replicated, np.zeros((1000, 2, 20)))  # type: ignore[arg-type]
        assert still.p_values()["scatter"] == pytest.approx(2 / 1001)
    assert OffResiduals(None, 0.2 * replicated, replicated, np.zeros((1000, 2, 20))).p_values()["largest"] == 1  # type: ignore[arg-type]
