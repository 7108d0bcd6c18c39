"""Simulation-based calibration of a small analysis: real refits, few of them."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bayes_onoff.calibration import (
    Calibration,
    CalibrationSettings,
    calibrate,
    calibration_prior,
    calibration_sentence,
    calibration_table,
)
from bayes_onoff.calibration.refit import Refit
from bayes_onoff.calibration.rounds import _read_record
from bayes_onoff.errors import FileError, InputError
from bayes_onoff.inference import BackgroundModel, Posterior, SamplerSettings, fit
from bayes_onoff.models import LogNormal, Normal, SpectralModel
from bayes_onoff.simulation import simulate_counts
from bayes_onoff.spectra import Spectra
from tests.calibration.one_run import empty_run

QUANTITIES = ["amplitude", "index", "flux", "background", "log_likelihood"]
SETTINGS = CalibrationSettings(n_fits=20, seed=5, processes=1)


@pytest.fixture(scope="module")
def posterior() -> Posterior:
    """One run of six bins with a background of about one OFF count a bin."""
    run = empty_run(exposure=2e12)
    model = SpectralModel("power-law")
    truth = {"amplitude": 2e-11, "index": 2.3}
    off = 6.0 * (run.energy.centers / 2) ** -1.5
    spectra = simulate_counts(Spectra((run,)), model, truth, npred_off=off[None], rng=np.random.default_rng(2))
    return fit(spectra, model, settings=SamplerSettings(seed=1), progress=False)


@pytest.fixture(scope="module")
def calibration(posterior: Posterior, tmp_path_factory: pytest.TempPathFactory) -> tuple[Calibration, Path]:
    record = tmp_path_factory.mktemp("calibration") / "fits.jsonl"
    return calibrate(posterior, SETTINGS, record=record), record


def test_truths_spread_around_the_fit(posterior: Posterior) -> None:
    prior = calibration_prior(posterior, widths=2)
    index, amplitude = prior.model.priors["index"], prior.model.priors["amplitude"]
    assert isinstance(index, Normal)
    assert index.mu == pytest.approx(np.median(posterior.values["index"]))
    assert index.sigma == pytest.approx(min(2 * posterior.values["index"].std(), 1.0))
    assert isinstance(amplitude, LogNormal)
    assert amplitude.log_scale == pytest.approx(2 * np.log(posterior.values["amplitude"]).std())
    level = posterior.tree["posterior"]["level"].to_numpy()
    np.testing.assert_allclose(prior.background.level_sd, 2 * level.std(axis=(0, 1)))


def test_no_wider_than_stated(posterior: Posterior) -> None:
    prior = calibration_prior(posterior, widths=1e6)
    stated = posterior.model.priors
    assert prior.model.priors["index"].sigma == stated["index"].sigma
    assert prior.model.priors["amplitude"].log_scale == stated["amplitude"].log_scale
    assert np.all(prior.background.level_sd == 3.0)
    assert prior.background.slope_sd == 2.0


def test_a_right_posterior_is_not_rejected(calibration: tuple[Calibration, Path]) -> None:
    table = calibration_table(calibration[0])
    assert list(table["quantity"]) == QUANTITIES
    assert np.all(table["p_holm"] > 0.001)
    for column, nominal in (("coverage_68", 0.68), ("coverage_95", 0.95), ("coverage_ul95", 0.95)):
        assert np.all(np.abs(table[column] - nominal) < 4 * table[f"{column}_error"])
    assert table.meta["divergences"] < 0.001 * SETTINGS.n_fits * 800
    assert "20 simulated data sets no quantity" in table.meta["sentence"]


def test_a_record_is_resumed_and_processes_change_nothing(
    calibration: tuple[Calibration, Path], posterior: Posterior, tmp_path: Path
) -> None:
    whole, record = calibration
    lines = record.read_text().splitlines()
    assert len(lines) == 1 + SETTINGS.n_fits
    part = tmp_path / "fits.jsonl"
    part.write_text("\n".join(lines[:18]) + "\n" + lines[18][:50])  # interrupted while writing
    said: list[str] = []
    again = calibrate(posterior, replace(SETTINGS, n_fits=19, processes=2), record=part, on_progress=said.append)
    assert said[0] == "17 of 19 refits are there already"
    strip = [replace(found, seconds=0.0) for found in (*again.refits, *whole.refits[:19])]
    assert strip[:19] == strip[19:]
    assert [json.loads(line)["number"] for line in part.read_text().splitlines()[1:]] == list(range(19))


def test_a_record_of_another_calibration_is_begun_anew(tmp_path: Path) -> None:
    record = tmp_path / "fits.jsonl"
    record.write_text('{"fingerprint": "other"}\n{"number": 0}\n')
    assert _read_record(record, "mine") == {}
    assert record.read_text() == '{"fingerprint": "mine"}\n'


def made_up(pit: np.ndarray) -> Calibration:
    refits = tuple(
        Refit(i, {"x": 0.0}, {"x": float(p)}, {"x": float(p)}, 0, 1.0, 400.0, i > 0, 1, 0.1) for i, p in enumerate(pit)
    )
    return Calibration(None, CalibrationSettings(n_fits=len(pit)), refits)  # type: ignore[arg-type]


def test_too_narrow_posteriors_are_found() -> None:
    uniform = (np.arange(400) + 0.5) / 400
    right = calibration_table(made_up(uniform))
    assert right["p_uniform"][0] > 0.1
    assert right["coverage_68"][0] == pytest.approx(0.68, abs=0.005)
    assert right["coverage_ul95"][0] == pytest.approx(0.95, abs=0.005)
    assert "1 refits did not converge" in right.meta["sentence"]
    narrow = calibration_table(made_up(0.5 + np.sign(uniform - 0.5) * 0.5 * np.abs(2 * uniform - 1) ** 0.5))
    assert narrow["p_holm"][0] < 1e-4
    assert narrow["coverage_68"][0] < 0.55
    assert "the ranks of x are not uniform" in calibration_sentence(narrow)


def test_refusals(posterior: Posterior, tmp_path: Path) -> None:
    independent = replace(posterior, background=BackgroundModel("independent"))
    with pytest.raises(InputError, match=r"background\.prior: a calibration needs the pooled background"):
        calibrate(independent, SETTINGS)
    with pytest.raises(InputError, match=r"calibration\.n_fits: too few; found 0"):
        CalibrationSettings(n_fits=0)
    with pytest.raises(InputError, match="widths: not a number of posterior widths; found -1"):
        calibration_prior(posterior, widths=-1)
    with pytest.raises(FileError, match="cannot be written"):
        _read_record(tmp_path / "nowhere" / "fits.jsonl", "mine")
