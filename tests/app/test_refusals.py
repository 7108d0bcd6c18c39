"""Bad input: refused with exit status 2 and one message, before anything is sampled or written."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table

Command = Callable[..., tuple[int, str, str]]
WriteConfig = Callable[..., Path]


def assert_refused(command: Command, config: Path, message: str, *, out: Path | None = None) -> None:
    out = out or config.parent / "out"
    status, output, errors = command("run", config, "--out", out)
    assert status == 2, output
    assert len(errors.splitlines()) == 1
    assert errors.startswith("bayes-onoff: refused: ")
    assert message in errors
    assert "sampling" not in output
    assert not out.is_dir() or list(out.iterdir()) == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"energi": {}}, "energi: unknown key"),
        ({"on_region.radius": "0.11 TeV"}, "on_region.radius: the unit is of the wrong kind; found '0.11 TeV'"),
        ({"energy.min": "30 TeV"}, "energy: the energy axis is upside down or empty; found 'min 30 TeV, max 20 TeV'"),
        ({"observations.ids": [1, 99]}, "unknown run 99"),
        ({"on_region.center.lat": "32 deg"}, "run 1: the ON region lies outside the field of view"),
        ({"on_region.radius": "0.6 deg"}, "run 1: the ON region overlaps the pointing"),
        ({"energy": {"min": "0.1 TeV", "max": "0.2 TeV", "bins": 2}}, "run 1: every bin is outside the safe range"),
        ({"fit_range": {"min": "30 TeV"}}, "fit_range: the fit range leaves no bin to analyse"),
        ({"flux_points": {"min": "50 TeV", "max": "60 TeV", "bins": 1}}, "flux_points: no flux-point band covers"),
        (
            {"reduction": {"containment_correction": True, "exposure": "region-average"}},
            "reduction.containment_correction: ",
        ),
    ],
    ids=lambda value: None if isinstance(value, str) else "-".join(value),
)
def test_refused(command: Command, write_config: WriteConfig, changes: dict[str, Any], message: str) -> None:
    assert_refused(command, write_config(changes), message)


def test_no_off_region_left_after_exclusion(command: Command, write_config: WriteConfig) -> None:
    center = {"frame": "icrs", "lon": "83.633333 deg", "lat": "22.014444 deg"}
    excluded = [{"shape": "circle", "center": center, "radius": "4 deg"}]
    assert_refused(command, write_config({"exclusion": excluded}), "run 1: no reflected OFF region finds room")


def changed_store(store: Path, folder: Path, change: Callable[[fits.HDUList], None]) -> Path:
    """A copy of the store with something changed in the file of run 1."""
    shutil.copytree(store, folder)
    (path,) = folder.rglob("*000001*")
    with fits.open(path, mode="update") as hdus:
        change(hdus)
    return folder


def test_an_absent_run(command: Command, write_config: WriteConfig, store: Path, tmp_path: Path) -> None:
    shutil.copytree(store, tmp_path / "data")
    (path,) = (tmp_path / "data").rglob("*000003*")
    path.unlink()
    config = write_config({"observations.store": "data"})
    assert_refused(command, config, f"{path}: run 3 is absent: its file does not exist")


@pytest.mark.parametrize("value", [-1.0, np.nan])
def test_negative_or_non_finite_responses(
    command: Command, write_config: WriteConfig, store: Path, tmp_path: Path, value: float
) -> None:
    def spoil(hdus: fits.HDUList) -> None:
        hdus["AEFF"].data["EFFAREA"][0, 0, 10] = value

    changed_store(store, tmp_path / "data", spoil)
    assert_refused(command, write_config({"observations.store": "data"}), "obs_000001.fits [AEFF]: column EFFAREA is")


def test_good_time_that_stops_before_it_starts(
    command: Command, write_config: WriteConfig, store: Path, tmp_path: Path
) -> None:
    def turn_round(hdus: fits.HDUList) -> None:
        data = hdus["GTI"].data
        start = data["START"].copy()
        data["START"], data["STOP"] = data["STOP"].copy(), start

    changed_store(store, tmp_path / "data", turn_round)
    message = "obs_000001.fits [GTI]: a good time interval stops before it starts"
    assert_refused(command, write_config({"observations.store": "data"}), message)


def test_an_ogip_set_with_a_missing_companion(command: Command, write_config: WriteConfig, tmp_path: Path) -> None:
    assert command("reduce", write_config(), "--out", tmp_path / "reduced")[0] == 0
    (tmp_path / "reduced" / "spectra" / "arf_obs3.fits").unlink()
    config = tmp_path / "ogip.yaml"
    config.write_text("observations: {ogip: [reduced/spectra/pha_*.fits]}\n")
    assert_refused(command, config, "named by header key ANCRFILE is missing; found 'arf_obs3.fits'")
    config.write_text("observations: {ogip: [reduced/spectra/nothing_*.fits]}\n")
    assert_refused(command, config, "nothing_*.fits: no such file")


def test_spectra_from_ogip_files_are_an_input_too(command: Command, write_config: WriteConfig, tmp_path: Path) -> None:
    assert command("reduce", write_config(), "--out", tmp_path / "reduced")[0] == 0
    config = tmp_path / "ogip.yaml"
    config.write_text("observations: {ogip: [reduced/spectra/pha_*.fits]}\nfit_range: {min: 1 TeV}\n")
    status, output, _ = command("reduce", config)
    assert status == 0
    assert "read 2 OGIP spectra" in output
    again = tmp_path / "ogip-results"
    for name in ("runs.ecsv", "cumulative.ecsv"):
        first, second = (Table.read(folder / name, format="ascii.ecsv") for folder in (tmp_path / "reduced", again))
        assert list(first["n_on"]) == list(second["n_on"])
    record = json.loads((again / "provenance.json").read_text())
    assert sorted(Path(entry["file"]).name for entry in record["inputs"]) == sorted(
        f"{kind}_obs{run}.fits" for kind in ("pha", "bkg", "arf", "rmf") for run in (1, 3)
    )


def test_an_output_folder_that_cannot_be_written(command: Command, write_config: WriteConfig, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    config = write_config()
    assert_refused(command, config, "taken: the folder for results cannot be written", out=tmp_path / "taken")


def test_a_refusal_leaves_earlier_results_alone(command: Command, write_config: WriteConfig, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert command("reduce", write_config(), "--out", out)[0] == 0
    assert command("run", write_config({"observations.ids": [99]}), "--out", out)[0] == 2
    assert (out / "provenance.json").exists()
