"""`bayes-onoff inspect` as a user gives it: what is there, and what is broken."""

import shutil
from collections.abc import Callable
from pathlib import Path

import astropy.units as u
import numpy as np
import pytest
from astropy.io import fits
from astropy.table import QTable
from matplotlib import image

Command = Callable[..., tuple[int, str, str]]


def test_a_whole_store(command: Command, store: Path, tmp_path: Path) -> None:
    status, output, errors = command("inspect", store, "--out", tmp_path / "look")
    assert (status, errors) == (0, "")
    assert "4 runs, 4 can be used, 1.76 h of livetime" in output
    table = QTable.read(tmp_path / "look" / "store.ecsv", format="ascii.ecsv")
    assert list(table["obs_id"]) == [1, 2, 3, 4]
    assert set(table["target"]) == {"Crab nebula (simulated)"}
    assert set(table["kind"]) == {"full-enclosure"}
    assert set(table["responses"]) == {"aeff_2d, edisp_2d, psf_table, bkg_3d"}
    np.testing.assert_allclose(table["livetime"].to(u.s).value, 1579.782)
    assert table["usable"].all()
    assert all(table[name].info.description for name in table.colnames)
    pixels = image.imread(tmp_path / "look" / "response_1.png")
    assert np.ptp(pixels[..., :3]) > 0.5


def test_what_is_absent_and_what_is_damaged(command: Command, store: Path, tmp_path: Path) -> None:
    folder = tmp_path / "store"
    shutil.copytree(store, folder)
    files = {obs_id: next(folder.rglob(f"obs_00000{obs_id}.fits")) for obs_id in (1, 2, 3)}
    files[1].unlink()
    files[2].write_bytes(files[2].read_bytes()[:20_000])
    with fits.open(files[3], mode="update") as hdus:
        hdus["PSF"].columns["RPSF"].unit = "kg"
    status, output, errors = command("inspect", folder, "--out", tmp_path / "look")
    assert (status, errors) == (0, "")
    assert "4 runs, 2 can be used" in output
    assert "listed, but files are absent: 1 of the runs: 1\n" in output
    assert f"run 2: {files[2]}" in output
    assert f"run 3: psf: {files[3]} [PSF]" in output
    table = QTable.read(tmp_path / "look" / "store.ecsv", format="ascii.ecsv")
    assert list(table["usable"]) == [False, False, True, True]
    assert list(table["responses"])[2] == "aeff_2d, edisp_2d, bkg_3d"
    assert np.isnan(table["livetime"][0])


def test_nothing_usable_is_refused(command: Command, store: Path, tmp_path: Path) -> None:
    folder = tmp_path / "store"
    shutil.copytree(store, folder)
    for path in folder.rglob("obs_*.fits"):
        path.unlink()
    status, output, errors = command("inspect", folder)
    assert status == 2
    assert "4 runs, 0 can be used" in output
    assert f"{folder}: no run of this data store can be used; found " in errors
    assert "run 1 is absent: its file does not exist" in errors
    status, _, errors = command("inspect", tmp_path / "nowhere")
    assert status == 2
    assert "no data store: no such folder" in errors


@pytest.mark.parametrize(
    ("name", "runs", "usable", "kind"),
    [("hess-dl3-dr1", 105, 19, "full-enclosure"), ("magic/rad_max", 2, 2, "point-like")],
)
def test_real_stores(command: Command, gammapy_data: Path, name: str, runs: int, usable: int, kind: str) -> None:
    status, output, errors = command("inspect", gammapy_data / name)
    assert (status, errors) == (0, "")
    assert f"{runs} runs, {usable} can be used" in output
    assert output.count(f" {kind} ") == usable
