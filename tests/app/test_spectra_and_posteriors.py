"""`fit`, `products`, `compare` and `simulate --like` as a user gives them, on one small analysis."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import pytest
import yaml
from astropy.table import QTable, Table

from bayes_onoff.app.fit_spectra import FitOptions, configuration_for_spectra
from bayes_onoff.errors import InputError
from tests.app.finished_run import Finished

Command = Callable[..., tuple[int, str, str]]


def table(path: Path) -> Table:
    return Table.read(path, format="ascii.ecsv")


@pytest.fixture
def power_law(finished: Finished) -> Path:
    """The folder of a run with the same data; not to be changed."""
    return finished.folder


def test_a_reduction_brings_its_configuration(log_parabola: Path, reduced: Path) -> None:
    record = json.loads((log_parabola / "provenance.json").read_text())
    config = record["configuration"]
    assert config["name"] == "small"
    assert config["model"]["shape"] == "log-parabola"
    assert (config["sampling"]["draws"], config["sampling"]["seed"]) == (500, 2)
    assert "on_region" not in config
    assert {Path(entry["file"]).parent for entry in record["inputs"]} == {reduced / "spectra"}
    assert list(table(log_parabola / "runs.ecsv")["n_on"]) == list(table(reduced / "runs.ecsv")["n_on"])
    assert len(table(log_parabola / "flux_points.ecsv")) == 3


def test_options_make_a_configuration(reduced: Path, tmp_path: Path) -> None:
    """PHA files that know nothing of a configuration."""
    for path in (reduced / "spectra").iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    options = FitOptions(model="log-parabola", fit_range="0.7TeV,", background="independent", draws=50, seed=1)
    config = configuration_for_spectra([tmp_path / "pha_obs*.fits"], options)
    assert (config.name, config.model.shape, config.background.prior) == ("spectra", "log-parabola", "independent")
    assert (config.sampling.draws, config.sampling.tune, config.sampling.seed) == (50, 50, 1)
    assert config.fit_range is not None
    assert config.fit_range.to_limits() == (0.7, np.inf)


def test_every_way_to_name_spectra_gives_the_same_files(
    reduced: Path, tmp_path: Path, small_config: dict[str, Any]
) -> None:
    pattern = str(reduced / "spectra" / "pha*.fits")
    own = tmp_path / "own.yaml"
    own.write_text(yaml.safe_dump({"observations": {"ogip": [pattern]}, "model": {"shape": "log-parabola"}}))
    config = tmp_path / "small.yaml"
    config.write_text(yaml.safe_dump(small_config))
    nothing = FitOptions()
    for given in ([reduced], [reduced / "spectra"], [own], [config, reduced], [own, pattern]):
        made = configuration_for_spectra(given, nothing)
        assert made.observations.ogip == (pattern,), given
        assert made.on_region is None
    assert configuration_for_spectra([config, reduced], nothing).sampling.seed == 1
    assert configuration_for_spectra([own, pattern], nothing).model.shape == "log-parabola"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (FitOptions(fit_range="1TeV"), "--fit-range: not a range of energies; found '1TeV'; allowed: two energies"),
        (FitOptions(fit_range="1kg,2TeV"), "fit_range.min: the unit is of the wrong kind; found '1kg'"),
        (FitOptions(model="powerlaw"), "model.shape: unknown value; found 'powerlaw'; allowed: power-law"),
    ],
)
def test_options_are_checked(reduced: Path, options: FitOptions, message: str) -> None:
    with pytest.raises(InputError, match=message):
        configuration_for_spectra([reduced], options)


def test_what_is_no_spectra_is_refused(
    command: Command, reduced: Path, tmp_path: Path, write_config: Callable[..., Path]
) -> None:
    status, _, errors = command("fit", write_config(), "--out", tmp_path / "out")
    assert status == 2
    assert "small.yaml: observations.store: it names runs of a data store, no spectra; found" in errors
    status, _, errors = command("fit", tmp_path, "--out", tmp_path / "out")
    assert (status, "no spectra there; allowed: a folder with pha*.fits" in errors) == (2, True)
    status, _, errors = command("fit", tmp_path / "pha_*.fits", "--out", tmp_path / "out")
    assert (status, "no such file" in errors) == (2, True)


def test_results_never_take_the_place_of_their_inputs(command: Command, reduced: Path, power_law: Path) -> None:
    for arguments, folder in ((("fit", reduced), reduced), (("products", power_law / "posterior.nc"), power_law)):
        before = sorted(folder.rglob("*"))
        status, _, errors = command(*arguments, "--out", folder)
        assert status == 2
        assert "the results would take the place of what they are made from; found '--out" in errors
        assert sorted(folder.rglob("*")) == before


def test_products_in_other_bands(command: Command, power_law: Path, tmp_path: Path) -> None:
    out = tmp_path / "products"
    status, output, errors = command(
        "products", power_law / "posterior.nc", "--bands", "1250GeV,13TeV,3", "--seed", "5", "--out", out
    )
    assert (status, errors) == (0, ""), output
    assert "sampling power-law" not in output
    first, second = (QTable.read(folder / "flux_points.ecsv", format="ascii.ecsv") for folder in (power_law, out))
    assert len(second) == 3
    assert u.isclose(second["e_min"][0], 1.257 * u.TeV, rtol=0.01)
    assert first["e_min"][0] < second["e_min"][0]
    for name in ("parameters.ecsv", "bins.ecsv", "wstat.ecsv", "derived.ecsv", "runs.ecsv"):
        for column in table(out / name).columns.values():
            np.testing.assert_array_equal(column, table(power_law / name)[column.name])
    names = {path.name for path in out.iterdir()}
    assert {"report.html", "provenance.json", "figures", "posterior.nc", "detection.ecsv"} <= names
    record = json.loads((out / "provenance.json").read_text())
    assert record["seeds"] == {"sampling": 5}
    assert record["configuration"]["posterior"] == str(power_law / "posterior.nc")


@pytest.mark.parametrize(
    ("bands", "message"),
    [
        ("1TeV,10TeV", "--bands: not bands of energy; found '1TeV,10TeV'; allowed: from, to and how many"),
        ("1,10,3", "--bands: not bands of energy; found '1,10,3'"),
        ("50TeV,60TeV,2", "flux_points: no flux-point band covers a fitted bin"),
    ],
)
def test_bands_are_checked(command: Command, power_law: Path, tmp_path: Path, bands: str, message: str) -> None:
    status, output, errors = command(
        "products", power_law / "posterior.nc", "--bands", bands, "--out", tmp_path / "out"
    )
    assert status == 2
    assert message in errors
    assert "compiling" not in output
    assert not (tmp_path / "out").exists()


def test_compare(command: Command, power_law: Path, log_parabola: Path, tmp_path: Path) -> None:
    posteriors = power_law / "posterior.nc", log_parabola / "posterior.nc"
    status, output, errors = command("compare", *posteriors, "--out", tmp_path / "comparison")
    assert (status, errors) == (0, ""), output
    result = table(tmp_path / "comparison" / "comparison.ecsv")
    assert set(result["model"]) == {"power-law", "log-parabola"}
    assert np.all(np.isfinite(result["log_evidence"]))
    assert result["probability"].sum() == pytest.approx(1)
    assert result.meta["sentence"] in output
    assert result.meta["posteriors"]["power-law"] == str(posteriors[0])
    assert (tmp_path / "comparison" / "comparison.png").stat().st_size > 5000
    assert "log_bayes_factor" in output


def test_what_cannot_be_compared_is_refused(command: Command, power_law: Path, tmp_path: Path) -> None:
    posterior = power_law / "posterior.nc"
    status, _, errors = command("compare", posterior, "--out", tmp_path / "out")
    assert (status, "compare: nothing to compare" in errors) == (2, True)
    status, _, errors = command("compare", posterior, posterior, "--out", tmp_path / "out")
    assert (status, "compare: a posterior is given twice" in errors) == (2, True)
    status, _, errors = command("compare", posterior, tmp_path / "no.nc", "--out", tmp_path / "out")
    assert (status, "not a readable netCDF posterior" in errors) == (2, True)


def test_new_counts_for_a_posterior(command: Command, power_law: Path, tmp_path: Path) -> None:
    out = tmp_path / "again"
    arguments = ("simulate", "--like", power_law / "posterior.nc", "--seed", "3", "--out", out)
    status, output, errors = command(*arguments)
    assert (status, errors) == (0, ""), output
    assert f"next: bayes-onoff fit {out}" in output
    old, new = table(power_law / "runs.ecsv"), table(out / "runs.ecsv")
    assert list(new["n_on"]) != list(old["n_on"])
    assert abs(new["n_on"].sum() - old["n_on"].sum()) < 6 * np.sqrt(old["n_on"].sum())
    assert abs(new["n_off"].sum() - old["n_off"].sum()) < 6 * np.sqrt(old["n_off"].sum())
    assert configuration_for_spectra([out], FitOptions()).observations.ogip is not None
    command(*arguments[:-1], tmp_path / "same")
    np.testing.assert_array_equal(table(tmp_path / "same" / "runs.ecsv")["n_on"], new["n_on"])
    assert command(*arguments[:-1], tmp_path / "none", "--value", "amplitude=0 TeV-1 cm-2 s-1")[0] == 0
    assert np.all(np.abs(table(tmp_path / "none" / "runs.ecsv")["significance"]) < 4)
