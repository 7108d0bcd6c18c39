"""The small version of the toys: exact analyses against published numbers, and a few sets of one row."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import gamma

from bayes_onoff.inference.fit_data import FitData
from tests.proofs.records import read_records
from tests.proofs.toy_grids import Bins, independent_posterior, known_posterior, profile_summary, shape_posterior
from tests.proofs.toy_pooled import CHECKS, check_off_counts
from tests.proofs.toy_rows import GROUPS, ROWS, choose_rows, draw_spectra, random_streams
from tests.proofs.toy_tables import all_tables, coverage, shift
from tests.proofs.toys import analyse_set, main, missing_sets

SEED = 2026


@pytest.fixture(scope="module")
def records() -> list[dict[str, Any]]:
    return [analyse_set((SEED, "steep-0.5-1over3", index)) for index in range(3)]


def test_known_background_of_zero_gives_a_gamma_posterior() -> None:
    bins = Bins([3, 4], [0, 0], [2.0, 3.0], [0.0, 0.0], 0.5)
    summary = known_posterior(bins)
    exact = gamma(8, scale=1 / 5)
    for key, probability in (("lower", 0.16), ("value", 0.5), ("upper", 0.84), ("limit", 0.95)):
        assert summary[key] == pytest.approx(exact.ppf(probability), abs=1e-3)
    assert (summary["mean"], summary["sd"]) == pytest.approx((exact.mean(), exact.std()), abs=1e-3)


@pytest.mark.parametrize(
    ("n_on", "n_off", "alpha", "quantiles"),
    [
        (5, 1, 1.0, (1.826369, 4.025414, 6.830012, 9.024083)),
        (10, 5, 0.3, (5.876616, 8.889279, 12.522893, 15.265916)),
        (3, 7, 0.5, (0.448865, 1.584010, 3.607484, 5.390609)),
    ],
)
def test_flat_prior_is_the_posterior_of_loredo(
    n_on: int, n_off: int, alpha: float, quantiles: tuple[float, ...]
) -> None:
    """Quantiles of the closed form of Loredo (1992), whose rate is 0; here it is 0.001."""
    summary = independent_posterior(Bins([n_on], [n_off], [1.0], [0.0], alpha), 1.0)
    found = [summary[key] for key in ("lower", "value", "upper", "limit")]
    np.testing.assert_allclose(found, quantiles, atol=0.01)


@pytest.mark.parametrize(
    ("counts", "best", "lower", "upper"), [((10, 5, 0.3), 8.5, 2.9325, 3.5593), ((5, 1, 1.0), 4.0, 2.3105, 2.7188)]
)
def test_profile_interval_is_that_of_gammapy(
    counts: tuple[int, int, float], best: float, lower: float, upper: float
) -> None:
    """Errors of 1 sigma from gammapy's tests of its counts statistic."""
    n_on, n_off, alpha = counts
    summary = profile_summary(Bins([n_on], [n_off], [1.0], [0.0], alpha))
    assert summary["value"] == pytest.approx(best, abs=1e-3)
    assert summary["value"] - summary["lower"] == pytest.approx(lower, abs=1e-3)
    assert summary["upper"] - summary["value"] == pytest.approx(upper, abs=1e-3)


def test_known_shape_adds_the_error_of_the_off_counts() -> None:
    """Many counts, one bin: variance n_on + alpha² n_off, divided by the signal's square."""
    bins = Bins([1000], [1600], [500.0], [1600.0], 0.5)
    summary = shape_posterior([bins])
    assert summary["mean"] == pytest.approx((1000 - 0.5 * 1600) / 500, abs=0.005)
    assert summary["sd"] == pytest.approx((1000 + 0.25 * 1600) ** 0.5 / 500, rel=0.02)


def test_known_shape_of_two_runs_with_exact_levels_is_the_known_background() -> None:
    """OFF counts a thousand times those that matter pin the levels."""
    apart = [Bins([9], [30_000], [6.0], [30_000.0], 1e-4), Bins([4], [20_000], [3.0], [20_000.0], 1e-4)]
    together = Bins([9, 4], [30_000, 20_000], [6.0, 3.0], [30_000.0, 20_000.0], 1e-4)
    assert shape_posterior(apart) == pytest.approx(known_posterior(together), abs=2e-3)


def test_profile_of_a_deficit_ends_at_zero() -> None:
    summary = profile_summary(Bins([1], [20], [1.0], [0.0], 1.0))
    assert summary["value"] == pytest.approx(0, abs=1e-4)
    assert summary["lower"] == 0
    assert 0 < summary["upper"] < summary["limit"]


def test_bins_alike_are_counted_not_lost() -> None:
    rng = np.random.default_rng(1)
    n_on, n_off = rng.poisson(1.0, 40), rng.poisson(2.0, 40)
    together = Bins(n_on, n_off, np.full(40, 0.5), np.full(40, 2.0), 0.25)
    apart = Bins(n_on, n_off, np.full(40, 0.5) * (1 + 1e-12 * np.arange(40)), np.full(40, 2.0), 0.25)
    assert len(together.n_on) < len(apart.n_on) == 40
    for analyse in (known_posterior, profile_summary, lambda bins: independent_posterior(bins, 0.5)):
        assert analyse(together) == pytest.approx(analyse(apart), rel=1e-6)


def test_rows_hold_what_their_words_say() -> None:
    assert sum(len(rows) for rows in GROUPS.values()) == len(ROWS) == 26
    for row in GROUPS["energy"]:
        assert row.signal.sum() == pytest.approx(20)
        assert f"OFF {row.background.mean():g} a bin" in row.words
    for row in GROUPS["bins"]:
        words = f"{row.signal.sum():g} source and {row.background.sum():g} OFF counts in {row.shape[1]} bins"
        assert row.words.startswith(words)
    step, line, indices = (ROWS[f"{name}-2"].background for name in ("step", "line", "indices"))
    smooth = np.sqrt(ROWS["step-2"].edges[:-1] * ROWS["step-2"].edges[1:]) ** -1.5
    assert (step / smooth)[0, 5] == pytest.approx(10 * (step / smooth)[0, 4])
    assert sorted(set((line / line.min()).ravel())) == pytest.approx([1, 5])
    slope = np.polyfit(np.log(smooth), np.log(indices[1] / indices[0]), 1)[0] * -1.5
    assert slope == pytest.approx(-0.5)


def test_a_set_depends_on_seed_row_and_number_alone() -> None:
    def counts(seed: int, name: str, index: int) -> list[int]:
        return draw_spectra(ROWS[name], random_streams(seed, ROWS[name], index)[0]).n_off.ravel().tolist()

    assert counts(1, "flat-5", 7) == counts(1, "flat-5", 7)
    others = [counts(2, "flat-5", 7), counts(1, "flat-5", 8), counts(1, "line-2", 7)]
    assert counts(1, "flat-5", 7) not in others


def test_unknown_row_is_refused() -> None:
    with pytest.raises(SystemExit, match=r"no row or group 'sharp'; there are energy, bins, outside, flat-0\.1"):
        choose_rows("energy,sharp")


def test_a_stopped_run_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "toys.jsonl"
    lines = [json.dumps({"row": "flat-1", "set": index, "seed": 1}) for index in range(3)]
    path.write_text("\n".join(lines)[:-4])
    records = read_records(path)
    assert [record["set"] for record in records] == [0, 1]
    assert missing_sets(records, [ROWS["flat-1"]], 4, 1) == [(1, "flat-1", 2), (1, "flat-1", 3)]
    with pytest.raises(SystemExit, match="the file holds sets of seed 1, not 2"):
        missing_sets(records, [ROWS["flat-1"]], 4, 2)


def test_pooled_agrees_with_the_known_background(records: list[dict[str, Any]]) -> None:
    """Three sets: the mean difference has an error of about 0.1 standard deviations."""
    assert abs(shift(records, "pooled").mean()) < 0.5
    for record in records:
        pooled, known = record["pooled"], record["known"]
        assert pooled["divergences"] <= 1
        assert min(pooled["effective"].values()) > 200
        assert 0.7 < pooled["sd"] / known["sd"] < 1.6
        assert all(0 <= p <= 1 for p in pooled["checks"].values())


def test_flat_independent_prior_is_biased_where_pooling_is_not(records: list[dict[str, Any]]) -> None:
    assert shift(records, "flat").mean() < -0.5 < shift(records, "pooled").mean()


def test_a_set_is_reproduced_to_the_last_digit(records: list[dict[str, Any]]) -> None:
    again = analyse_set((SEED, "steep-0.5-1over3", 1))
    assert {**again, "cpu_seconds": 0} == {**records[1], "cpu_seconds": 0}


def test_tables_say_what_the_records_hold(
    records: list[dict[str, Any]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "toys.jsonl"
    failed = {"row": "steep-0.5-1over3", "set": 9, "seed": SEED, "failure": "no starting point"}
    path.write_text("".join(json.dumps(record) + "\n" for record in [*records, failed]))
    main(["--out", str(path), "--table"])
    printed = capsys.readouterr().out
    assert printed == all_tables([*records, failed])
    median = np.median([record["pooled"]["value"] for record in records])
    inside = coverage(records, "pooled")[0].mean()
    assert "| steep, OFF 0.5 a bin, alpha 1/3 | 3 | " in printed
    assert f"| {median:.3f} | {shift(records, 'pooled').mean():+.3f} ± " in printed
    assert f"| {inside:.3f} ± " in printed
    assert "Sets that could not be sampled: steep-0.5-1over3 9: no starting point." in printed


def test_a_line_in_the_background_is_flagged() -> None:
    """Ten times the toy's counts: the one bin of five times the continuum stands out of the pooled mean."""
    assert analyse_set((SEED, "line-20", 0))["pooled"]["checks"]["largest"] < 0.05


def test_checks_are_uniform_where_the_rates_are_true_and_see_a_tilt_where_not() -> None:
    """One straight background for two runs, its parameters known: p-values average 1/2, unless the runs are tilted."""
    mean = np.tile(ROWS["indices-20"].background.mean(axis=0), (2, 1))
    x = FitData.from_spectra(draw_spectra(ROWS["indices-20"], np.random.default_rng(0))).log_energy
    slope, level = np.polyfit(x, np.log(mean[0]), 1)
    straight = np.exp(level + slope * x) * np.ones((2, 1))
    draws = {
        "coefficient": np.zeros((1, 400, 8)),
        "slope": np.full((1, 400), slope),
        "level": np.full((1, 400, 2), level + np.log(ROWS["indices-20"].alpha)),
        "deviation_scale": np.full((1, 400), 1e-3),
        "npred_off": np.broadcast_to(straight, (1, 400, 2, 30)),
    }
    true_toy = replace(ROWS["indices-20"], background=straight)
    rng = np.random.default_rng(1)
    for toy, expected in ((true_toy, 0.5), (ROWS["indices-20"], 0.0)):
        found = [check_off_counts(FitData.from_spectra(draw_spectra(toy, rng)), draws, rng) for _ in range(100)]
        for name in CHECKS if toy is true_toy else ("slope",):
            assert np.mean([check[name] for check in found]) == pytest.approx(expected, abs=0.12)
