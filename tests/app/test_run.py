"""Whole runs on simulated data, read back with the readers that others use."""

import json
import re
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import pytest
import xarray as xr
import yaml
from astropy.io import fits
from astropy.table import Table
from matplotlib import image
from PIL import Image

from bayes_onoff.app.config import Configuration
from bayes_onoff.app.provenance import describe_files
from tests.browser import measure, photograph
from tests.peers.other_programs import interpreter_of, run_script

Command = Callable[..., tuple[int, str, str]]

TABLES = {
    "runs.ecsv": {"obs_id", "livetime", "n_on", "n_off", "alpha", "excess", "significance", "n_off_regions"},
    "cumulative.ecsv": {"obs_id", "livetime", "n_on", "n_off", "alpha", "excess", "significance"},
    "bins.ecsv": {"obs_id", "energy_min", "energy_max", "n_on", "n_off", "alpha", "npred_signal", "npred_off"},
    "wstat.ecsv": {"model", "dataset", "parameter", "value", "error", "unit", "stat"},
    "wstat_comparison.ecsv": {"parameter", "median", "wstat_value", "profile_lower", "shift", "width_ratio", "reason"},
    "prior_sensitivity.ecsv": {"parameter", "prior_spectrum", "prior_background", "likelihood", "diagnosis"},
    "background_checks.ecsv": {"check", "meaning", "observed", "replicated", "p_value", "flagged", "where"},
    "parameters.ecsv": {"parameter", "unit", "mean", "sd", "median", "ess_bulk", "ess_tail", "r_hat", "mcse_mean"},
    "derived.ecsv": {"quantity", "unit", "median", "eti68_lower", "eti95_upper", "fraction", "note"},
    "detection.ecsv": {"energies", "li_ma", "significance", "ln_bayes_factor", "probability", "flux_ul", "crab_ul"},
    "flux_points.ecsv": {"e_ref", "e_min", "e_max", "dnde", "dnde_errn", "dnde_errp", "dnde_ul", "is_ul", "sqrt_ts"},
}
GROUPS = {
    *("posterior", "prior", "prior_predictive", "posterior_predictive", "log_likelihood"),
    *("observed_data", "constant_data", "sample_stats"),
}


class Finished:
    """A run that has ended: its folder, exit status and what it said."""

    def __init__(self, folder: Path, status: int, output: str) -> None:
        self.folder, self.status, self.output = folder, status, output
        self.provenance = json.loads((folder / "provenance.json").read_text())

    def table(self, name: str) -> Table:
        return Table.read(self.folder / name, format="ascii.ecsv")


def run(command: Command, folder: Path, config: dict[str, Any]) -> Finished:
    path = folder / "small.yaml"
    path.write_text(yaml.safe_dump(config))
    status, output, errors = command("run", path)
    assert errors == ""
    return Finished(folder / "small-results", status, output)


@pytest.fixture(scope="module")
def finished(command: Command, store: Path, small_config: dict[str, Any], tmp_path_factory: Any) -> Finished:
    """The pooled model of one shape, sampled well enough to converge."""
    return run(command, tmp_path_factory.mktemp("converged"), small_config)


@pytest.fixture(scope="module")
def unconverged(command: Command, store: Path, small_config: dict[str, Any], tmp_path_factory: Any) -> Finished:
    """Everything that can be asked for, with absurdly few draws."""
    changes = {
        "background": {"prior": "independent", "shape": 1.0, "marginal": True},
        "sampling": {"draws": 25, "tune": 25, "chains": 4},
        "compare": ["power-law", "log-parabola"],
        "stacked": True,
        "unfolding": True,
        "flux_points": None,
        "light_curve": {"index_scatter": 0.3, "bands": {"min": "0.7 TeV", "max": "20 TeV", "bins": 2}},
    }
    return run(command, tmp_path_factory.mktemp("unconverged"), {**small_config, **changes})


def test_exit_status_and_last_line(finished: Finished) -> None:
    assert finished.status == 0, finished.output
    last = finished.output.splitlines()[-1]
    assert re.search(r"total \d+\.\d s \(import \d.*compile \d.*sample \d.*report \d.*\); results in ", last)
    assert last.endswith("small-results")
    assert "did not converge" not in finished.output


def test_every_file_of_the_contract_is_there(finished: Finished) -> None:
    found = {str(path.relative_to(finished.folder)) for path in finished.folder.rglob("*") if path.is_file()}
    spectra = {f"spectra/{kind}_obs{run}.fits" for kind in ("pha", "bkg", "arf", "rmf") for run in (1, 3)}
    names = (
        "regions",
        "cumulative",
        "trace",
        "prior_predictive",
        "predictive_checks",
        "parameters",
        "background_checks",
        "counts",
        "counts_1",
        "counts_3",
        "spectrum",
    )
    on_the_sky = ("wstat_profiles", "image", "theta_squared", "response_1")
    figures = {f"figures/{name}.png" for name in (*names, *on_the_sky, "flux_points", "flux_point_correlation")}
    others = {"posterior.nc", "flux_points.nc", "report.html", "provenance.json", "theta_squared.ecsv"}
    sections = ("data", "model", "diagnostics", "parameters", "sensitivity", "counts", "flux_points", "detection")
    latex = {f"latex/{name}.tex" for name in (*sections, "wstat", "guidelines", "provenance")}
    assert found == spectra | figures | set(TABLES) | others | latex


@pytest.mark.parametrize("name", TABLES)
def test_tables_have_their_columns(finished: Finished, name: str) -> None:
    table = finished.table(name)
    assert TABLES[name] <= set(table.colnames)
    assert len(table) > 0


def test_tables_agree_with_each_other(finished: Finished) -> None:
    runs, cumulative, bins = (finished.table(name) for name in ("runs.ecsv", "cumulative.ecsv", "bins.ecsv"))
    assert list(runs["obs_id"]) == [1, 3]
    assert runs["livetime"].unit == u.s
    np.testing.assert_array_equal(np.cumsum(runs["n_on"]), cumulative["n_on"])
    for row in runs:
        own = bins[bins["obs_id"].astype(str) == str(row["obs_id"])]
        assert own["n_on"].sum() == row["n_on"]
        assert own["n_off"].sum() == row["n_off"]
        with fits.open(finished.folder / "spectra" / f"pha_obs{row['obs_id']}.fits") as hdus:
            good = hdus["SPECTRUM"].data["QUALITY"] == 0
            assert hdus["SPECTRUM"].data["COUNTS"][good].sum() == row["n_on"]


def test_the_posterior_opens_without_this_package(finished: Finished) -> None:
    with xr.open_datatree(finished.folder / "posterior.nc") as tree:
        assert set(tree.children) >= GROUPS
        assert tree["posterior"]["amplitude"].shape == (4, 500)
        assert tree["posterior"]["amplitude"].attrs["units"] == "TeV-1 cm-2 s-1"
        median = float(tree["posterior"]["index"].median())
    parameters = finished.table("parameters.ecsv")
    row = parameters[parameters["parameter"] == "index"][0]
    assert row["median"] == pytest.approx(median, rel=1e-6)
    assert row["ess_bulk"] > 400


def test_posterior_and_wstat_tell_the_same_story(finished: Finished) -> None:
    parameters, wstat = finished.table("parameters.ecsv"), finished.table("wstat.ecsv")
    assert set(wstat["dataset"]) == {"joint", "stacked"}
    for row in wstat[wstat["dataset"] == "joint"]:
        mine = parameters[parameters["parameter"] == row["parameter"]][0]
        assert abs(mine["median"] - row["value"]) < 0.5 * row["error"]


def test_flux_points_hold_their_draws(finished: Finished) -> None:
    table = finished.table("flux_points.ecsv")
    assert table.meta["SED_TYPE"] == "dnde"
    assert table["dnde"].unit == u.Unit("TeV-1 cm-2 s-1")
    with xr.open_dataset(finished.folder / "flux_points.nc") as draws:
        assert draws["norm"].shape == (4, 500, len(table))


def test_gammapy_reads_the_flux_points(finished: Finished) -> None:
    output = run_script(interpreter_of("GAMMAPY"), "read_flux_points.py", finished.folder / "flux_points.ecsv")
    theirs, table = json.loads(output), finished.table("flux_points.ecsv")
    for name in ("e_ref", "dnde", "dnde_errn", "dnde_errp", "dnde_ul"):
        np.testing.assert_allclose(theirs[name], table[name].quantity.value, rtol=1e-6, err_msg=name)
    assert theirs["is_ul"] == table["is_ul"].tolist()
    e2dnde = (table["e_ref"].quantity ** 2 * table["dnde"].quantity).to_value("TeV cm-2 s-1")
    np.testing.assert_allclose(theirs["e2dnde"], e2dnde, rtol=1e-6)


def test_figures_are_pictures(finished: Finished) -> None:
    for path in (finished.folder / "figures").glob("*.png"):
        pixels = image.imread(path)
        assert min(pixels.shape[:2]) > 200, path
        assert np.ptp(pixels[..., :3]) > 0.5, path


@pytest.mark.parametrize("which", ["finished", "unconverged"])
def test_every_column_says_what_it_means_and_the_page_of_files_the_same(
    which: str, request: pytest.FixtureRequest
) -> None:
    folder = request.getfixturevalue(which).folder
    page = (Path(__file__).parents[2] / "docs" / "files.md").read_text(encoding="utf-8")
    sections = {name: part for part in page.split("\n## ") for name in re.findall(r"`(\w+\.ecsv)`", part)}
    found = sorted(path.name for path in folder.glob("*.ecsv"))
    assert len(found) > 10
    for name in found:
        table = Table.read(folder / name, format="ascii.ecsv")
        for column in table.itercols():
            assert column.description, f"{name}: {column.name}"
            row = rf"\| `{re.escape(column.name)}` \| [^|]* \| {re.escape(column.description)} \|"
            assert re.search(row, sections[name]), f"{name}: {column.name}: {column.description}"


def test_the_report_stands_alone(finished: Finished) -> None:
    page = (finished.folder / "report.html").read_text()
    assert page.startswith("<!DOCTYPE html>")
    assert not re.search(r"(?:src|href)=[\"'](?!#|data:)", page)
    assert "<script" not in page
    assert page.count("<svg") == 18  # seventeen figures and the formula
    assert "The sampling converged" in page
    assert "did not converge" not in page
    assert str(int(finished.table("cumulative.ecsv")["n_on"][-1])) in page


def test_provenance(finished: Finished, store: Path) -> None:
    record = finished.provenance
    assert record["converged"] is True
    assert set(record["convergence"]) == {"power-law", "flux points"}
    assert record["seeds"] == {"sampling": 1}
    assert record["command"][0] == "bayes-onoff"
    assert {"read and reduce", "compile", "sample", "products", "report", "total"} <= set(record["timings_s"])
    read = {Path(entry["file"]).name for entry in record["inputs"]}
    assert read == {"hdu-index.fits", "obs-index.fits", "obs_000001.fits", "obs_000003.fits"}
    assert record["inputs"] == describe_files(entry["file"] for entry in record["inputs"])
    assert Configuration.model_validate(record["configuration"]).sampling.draws == 500


def test_provenance_is_the_last_file(finished: Finished) -> None:
    times = {path: path.stat().st_mtime_ns for path in finished.folder.rglob("*") if path.is_file()}
    assert max(times, key=lambda path: times[path]).name == "provenance.json"


def test_a_run_that_did_not_converge_says_so_everywhere(unconverged: Finished) -> None:
    assert unconverged.status == 3
    assert "The sampling did not converge: the results are marked so" in unconverged.output
    page = (unconverged.folder / "report.html").read_text()
    assert page.count("did not converge") > 5
    assert unconverged.provenance["converged"] is False
    for name in ("parameters.ecsv", "bins.ecsv", "flux_points.ecsv", "comparison.ecsv"):
        assert unconverged.table(name).meta["converged"] is False


def test_independent_rates_have_no_family_to_check(unconverged: Finished) -> None:
    table = unconverged.table("background_checks.ecsv")
    assert len(table) == 0
    assert "there is no family to check" in table.meta["sentence"]
    assert unconverged.provenance["background_checks"] == {"flagged": False, "sentence": table.meta["sentence"]}
    assert table.meta["sentence"] in (unconverged.folder / "report.html").read_text()
    assert not (unconverged.folder / "figures" / "background_checks.png").exists()


def test_a_background_of_the_family_is_not_flagged(finished: Finished) -> None:
    table = finished.table("background_checks.ecsv")
    assert not table["flagged"].any()
    assert "Background:" not in finished.output
    page = (finished.folder / "report.html").read_text()
    assert "The OFF counts are what the pooled background expects: no check stands out" in page
    assert "outside the assumed family" not in page


def test_a_flagged_background_is_told_wherever_its_numbers_are(
    command: Command, small_config: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Everything is odd to a threshold above 1."""
    monkeypatch.setattr(import_module("bayes_onoff.products.background_checks"), "FLAGGED_BELOW", 1.1)
    changed = {**small_config, "sampling": {"draws": 25, "tune": 25, "chains": 4, "seed": 1}}
    flagged = run(command, tmp_path, changed)
    sentence = flagged.provenance["background_checks"]["sentence"]
    assert "the background is outside the assumed family" in sentence
    assert f"Background: {sentence}" in flagged.output
    summary = (flagged.folder / "report.html").read_text().partition('id="data"')[0]
    assert f"Background: {sentence}" in summary
    for name in (
        *("parameters.ecsv", "bins.ecsv", "flux_points.ecsv"),
        *("wstat_comparison.ecsv", "prior_sensitivity.ecsv"),
    ):
        meta = flagged.table(name).meta
        assert meta["background_flagged"] is True
        assert meta["background_checks"] == sentence


def test_everything_asked_for_is_there(unconverged: Finished) -> None:
    names = {path.name for path in unconverged.folder.rglob("*") if path.is_file()}
    assert {"posterior.nc", "posterior_log-parabola.nc", "posterior_stacked.nc", "comparison.ecsv"} <= names
    assert {"comparison.png", "stacked.png", "light_curve.png"} <= names
    fits_asked_for = {"power-law", "log-parabola", "stacked", "unfolded", "flux points"}
    curves = {"light curve", "fluxes alone", "fluxes in bands"}
    assert set(unconverged.provenance["convergence"]) == fits_asked_for | curves
    assert set(unconverged.table("comparison.ecsv")["model"]) == {"power-law", "log-parabola"}
    wstat = unconverged.table("wstat.ecsv")
    fits_made = {(row["model"], row["dataset"]) for row in wstat}
    assert fits_made == {(m, d) for m in ("power-law", "log-parabola") for d in ("joint", "stacked")}


def test_an_unfolded_spectrum_is_there_with_its_covariance(unconverged: Finished) -> None:
    names = {path.name for path in unconverged.folder.rglob("*") if path.is_file()}
    assert {"posterior_unfolded.nc", "unfolded.nc", "unfolded.png", "unfolded_correlation.png"} <= names
    table = unconverged.table("unfolded.ecsv")
    assert table["covariance"].shape == (len(table), len(table))
    np.testing.assert_allclose(np.sqrt(np.diagonal(table["covariance"])), table["ln_dnde_err"], rtol=1e-9)
    assert "Unfolded spectrum" in (unconverged.folder / "report.html").read_text()


def test_light_curve(unconverged: Finished) -> None:
    curve, in_bands = (unconverged.table(f"light_curve{part}.ecsv") for part in ("", "_bands"))
    assert list(curve["name"]) == list(in_bands["name"]) == ["1", "3"]
    assert curve["flux_shrunk"].shape == (2, 1)
    assert in_bands["flux"].shape == (2, 2)
    assert np.all(curve["time_min"] < curve["time_max"])
    assert curve.meta["converged"] is False
    with xr.open_dataset(unconverged.folder / "light_curve.nc") as draws:
        assert draws["flux_shrunk"].shape == (4, 25, 2)
        assert draws["covariance"].shape == (2, 2)


def test_a_seed_that_is_not_given_is_drawn_and_recorded(unconverged: Finished) -> None:
    seed = unconverged.provenance["seeds"]["sampling"]
    assert 0 <= seed < 2**32
    assert unconverged.provenance["configuration"]["sampling"]["seed"] == seed


def test_flux_points_are_eight_a_decade_unless_told_otherwise(unconverged: Finished) -> None:
    table = unconverged.table("flux_points.ecsv")
    decades = np.log10(table["e_max"][-1] / table["e_min"][0])
    assert len(table) <= np.ceil(8 * decades)
    assert table["e_max"][-1] == pytest.approx(20.0)


def test_killed_before_the_end_a_folder_never_looks_finished(
    command: Command, write_config: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = write_config()
    assert command("reduce", config)[0] == 0
    assert (tmp_path / "small-results" / "provenance.json").exists()

    def killed(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("bayes_onoff.app.run.fit_everything", killed)
    status, output, _ = command("run", config)
    assert status == 1
    assert "reduced run 3" in output
    assert (tmp_path / "small-results" / "runs.ecsv").exists()
    assert not (tmp_path / "small-results" / "provenance.json").exists()


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (400, False), (400, True)])
@pytest.mark.parametrize("which", ["finished", "unconverged"])
def test_the_report_in_a_browser(
    which: str, width: int, dark: bool, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    page = request.getfixturevalue(which).folder / "report.html"
    seen = measure(page, tmp_path, width=width, dark=dark)
    assert seen["width"] == width
    assert seen["content_width"] <= width, "the page itself must not scroll sideways"
    assert seen["clipped"] == []
    assert seen["links"] > 10
    assert seen["dead_links"] == []
    assert seen["tables"] > 5
    assert seen["hidden_tables"] == 0
    assert seen["small_text"] == 0
    assert seen["fetched"] == []
    assert len(seen["pictures"]) > 10
    assert all(picture["label"] and min(picture["width"], picture["height"]) > 10 for picture in seen["pictures"])
    levels = [sum(map(int, re.findall(r"\d+", seen[name])[:3])) for name in ("ink", "paper")]
    assert (levels[0] > 600 > 150 > levels[1]) if dark else (levels[1] > 600 > 150 > levels[0])
    with Image.open(photograph(page, tmp_path, width=width, dark=dark)) as picture:
        colours = picture.convert("L").resize((1, 1)).getpixel((0, 0))
    assert (colours < 80) if dark else (colours > 200), "mostly paper"
