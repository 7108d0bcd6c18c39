"""What a configuration can ask of the data, driven through the command line on simulated and on real runs."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from astropy.io import fits
from astropy.table import Table
from astropy.wcs import WCS

Command = Callable[..., tuple[int, str, str]]
WriteConfig = Callable[..., Path]

CRAB = {"frame": "icrs", "lon": "83.633333 deg", "lat": "22.014444 deg"}


class Reduced:
    """A folder in which `bayes-onoff reduce` has left its tables."""

    def __init__(self, command: Command, config: Path) -> None:
        folder = config.parent / "out"
        status, self.output, errors = command("reduce", config, "--out", folder)
        assert (status, errors) == (0, ""), (self.output, errors)
        self.runs = Table.read(folder / "runs.ecsv", format="ascii.ecsv")
        self.provenance = json.loads((folder / "provenance.json").read_text())


@pytest.fixture
def reduce(command: Command, write_config: WriteConfig) -> Callable[..., Reduced]:
    return lambda changes: Reduced(command, write_config(changes))


@pytest.mark.parametrize(
    "region",
    [
        {"shape": "ellipse", "center": CRAB, "width": "0.3 deg", "height": "0.2 deg", "angle": "30 deg"},
        {"shape": "rectangle", "center": CRAB, "width": "0.25 deg", "height": "0.25 deg"},
        {"shape": "annulus", "center": CRAB, "inner_radius": "0.02 deg", "outer_radius": "0.15 deg"},
        {"shape": "polygon", "vertices": [{**CRAB, "lon": "83.5 deg"}, {**CRAB, "lat": "22.2 deg"}, CRAB]},
    ],
    ids=lambda region: region["shape"],
)
def test_on_regions_of_every_shape(reduce: Callable[..., Reduced], region: dict[str, Any]) -> None:
    runs = reduce({"on_region": region}).runs
    assert np.all(runs["n_off_regions"] >= 3)
    assert np.all(runs["significance"] > 5)


def test_region_files_and_masks(reduce: Callable[..., Reduced], tmp_path: Path) -> None:
    (tmp_path / "on.reg").write_text("icrs\ncircle(83.633333, 22.014444, 0.11)\n")
    (tmp_path / "off.reg").write_text("galactic\nellipse(184.0, -5.5, 0.2, 0.1, 20)\n")
    wcs = WCS(naxis=2)
    wcs.wcs.ctype, wcs.wcs.crval, wcs.wcs.crpix = ["RA---CAR", "DEC--CAR"], [83.63, 0], [50.5, -1099.5]
    wcs.wcs.cdelt = [-0.02, 0.02]
    allowed = np.ones((100, 100), dtype=np.uint8)
    allowed[60:] = 0
    fits.PrimaryHDU(allowed, wcs.to_header()).writeto(tmp_path / "mask.fits")
    plain = reduce({"on_region": {"file": "on.reg"}})
    excluded = reduce({"on_region": {"file": "on.reg"}, "exclusion": [{"file": "off.reg"}, {"mask": "mask.fits"}]})
    assert np.all(plain.runs["n_on"] == excluded.runs["n_on"])
    assert np.any(plain.runs["n_off_regions"] > excluded.runs["n_off_regions"])
    names = {Path(entry["file"]).name for entry in excluded.provenance["inputs"]}
    assert {"on.reg", "off.reg", "mask.fits", "obs-index.fits", "hdu-index.fits"} <= names


def test_wobble(reduce: Callable[..., Reduced]) -> None:
    runs = reduce({"reduction": {"off_regions": {"method": "wobble", "n_off_regions": 5}}}).runs
    assert list(runs["n_off_regions"]) == [5, 5]


def test_runs_are_selected(reduce: Callable[..., Reduced], store: Path) -> None:
    index = Table.read(store / "obs-index.fits")
    name = str(index["OBJECT"][0]).strip()
    everything = reduce({"observations": {"store": str(store), "target": name.upper()}})
    assert list(everything.runs["obs_id"]) == list(index["OBS_ID"])
    near = {"center": {"frame": "icrs", "lon": f"{index['RA_PNT'][1]} deg", "lat": f"{index['DEC_PNT'][1]} deg"}}
    one = reduce({"observations": {"store": str(store), "cone": {**near, "radius": "0.01 deg"}}})
    assert list(one.runs["obs_id"]) == [index["OBS_ID"][1]]
    assert f"1 runs: {index['OBS_ID'][1]}" in one.output


def test_a_selection_that_leaves_nothing_is_refused(command: Command, write_config: WriteConfig, store: Path) -> None:
    config = write_config({"observations": {"store": str(store), "target": "Vela"}})
    status, _, errors = command("reduce", config)
    assert status == 2
    assert "no run is left: `target` suits none of the 4 runs" in errors


def test_a_store_without_index_and_the_file_of_one_run(
    reduce: Callable[..., Reduced], store: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "unsorted"
    folder.mkdir()
    for file in store.glob("obs_*.fits"):
        (folder / file.name).symlink_to(file)
    with_index, without = (reduce({"observations": {"store": str(path), "ids": [1, 3]}}) for path in (store, folder))
    assert with_index.runs.pformat() == without.runs.pformat()
    alone = reduce({"observations": {"store": str(folder / "obs_000003.fits")}})
    assert list(alone.runs[0]) == list(with_index.runs[1])


def test_spectra_of_time_bins_keep_all_counts_and_time(reduce: Callable[..., Reduced]) -> None:
    whole = reduce({}).runs
    pieces = reduce({"observations.grouping": {"width": "10 min"}}).runs
    assert len(pieces) > len(whole)
    assert pieces["livetime"].sum() == pytest.approx(whole["livetime"].sum())
    assert pieces["n_on"].sum() == whole["n_on"].sum()
    assert pieces["n_off"].sum() == whole["n_off"].sum()


def test_a_run_left_out_is_told(reduce: Callable[..., Reduced], store: Path) -> None:
    observations = {"store": str(store), "ids": [1, 2, 3, 4]}  # at 0.5, 0.5, 1.5 and 1.5 deg
    found = reduce({"observations": observations, "reduction": {"safe_range": {"offset_max": "1 deg"}}})
    assert list(found.runs["obs_id"]) == [1, 2]
    for text in (*found.provenance["warnings"], found.output):
        assert all(part in text for part in ("run 3", "run 4")) or ("runs 3, 4: " in text)


def test_magic_with_energy_dependent_cuts(command: Command, gammapy_data: Path, tmp_path: Path) -> None:
    config = {
        "observations": {"store": str(gammapy_data / "magic" / "rad_max" / "data"), "ids": [5029747, 5029748]},
        "on_region": {"shape": "point", "center": {"frame": "icrs", "lon": "83.63 deg", "lat": "22.01 deg"}},
        "energy": {"min": "0.05 TeV", "max": "100 TeV", "bins": 17},
        "energy_true": {"min": "0.01 TeV", "max": "100 TeV", "bins": 40},
        "reduction": {
            "off_regions": {"method": "wobble", "n_off_regions": 3},
            "safe_range": {"aeff_default": True},
        },
        "fit_range": {"min": "80 GeV", "max": "20 TeV"},
    }
    path = tmp_path / "magic.yaml"
    path.write_text(yaml.safe_dump(config))
    found = Reduced(command, path)
    assert list(found.runs["n_on"]) == [337, 293]
    assert list(found.runs["n_off"]) == [139, 93]
    assert any("HI_THRES" in text for text in found.provenance["warnings"])


def test_ogip_spectra_of_another_tool_start_a_run(command: Command, gammapy_data: Path, tmp_path: Path) -> None:
    folder = gammapy_data / "joint-crab" / "spectra" / "hess"
    config = {
        "observations": {"ogip": [f"{folder}/pha_obs2352*.fits"]},
        "fit_range": {"max": "30 TeV"},
        "model": {"shape": "log-parabola"},
        "sampling": {"draws": 1000, "tune": 500, "chains": 4, "seed": 3},
        "flux_points": {"min": "1 TeV", "max": "10 TeV", "bins": 2},
    }
    path = tmp_path / "ogip.yaml"
    path.write_text(yaml.safe_dump(config))
    status, output, errors = command("run", path, "--out", tmp_path / "out")
    assert (status, errors) == (0, ""), output
    runs = Table.read(tmp_path / "out" / "runs.ecsv", format="ascii.ecsv")
    assert list(runs["n_on"]) == [124, 126]
    assert list(runs["n_off"]) == [92, 103]
    assert not (tmp_path / "out" / "figures" / "image.png").exists()


def test_the_shape_of_the_background_from_the_responses(
    command: Command, write_config: WriteConfig, tmp_path: Path, reduce: Callable[..., Reduced]
) -> None:
    """The expected counts travel with the spectra; spectra without them are refused before anything is sampled."""
    reduced = reduce({"background": {"shape_from": "irf"}})
    assert reduced.provenance["configuration"]["background"]["shape_from"] == "irf"
    expected = [fits.getdata(path, "SPECTRUM")["BKG_IRF"].sum() for path in sorted(tmp_path.rglob("bkg_obs*.fits"))]
    assert np.sum(expected) == pytest.approx(reduced.runs["n_off"].sum(), rel=0.3)
    assert command("reduce", write_config({}), "--out", tmp_path / "plain")[0] == 0
    config = {
        "observations": {"ogip": [str(tmp_path / "plain" / "spectra" / "pha_*.fits")]},
        "background": {"shape_from": "irf"},
    }
    path = tmp_path / "ogip.yaml"
    path.write_text(yaml.safe_dump(config))
    status, _, errors = command("run", path, "--out", tmp_path / "from-ogip")
    assert status == 2
    assert "background.shape_from: the shape of the background response is asked for, but not known" in errors
