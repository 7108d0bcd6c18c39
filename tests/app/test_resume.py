"""Interrupting loses nothing that was finished; `--resume` goes on from there."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
import yaml

from bayes_onoff.app.progress import Progress
from bayes_onoff.app.unfinished import KeptFits, find_earlier
from bayes_onoff.errors import FileError
from bayes_onoff.inference import (
    BackgroundModel,
    BandPosterior,
    Convergence,
    GroupNorms,
    LightCurvePosterior,
    Population,
)
from bayes_onoff.inference.run_groups import RunGroups
from bayes_onoff.models import SpectralModel
from bayes_onoff.spectra import Spectra, read_ogip_files

Command = Callable[..., tuple[int, str, str]]
WriteConfig = Callable[..., Path]


class Interrupted:
    """A run that was stopped after sampling: its folder, its configuration, what it said."""

    def __init__(self, folder: Path, config: Path, output: str) -> None:
        self.folder, self.config, self.output = folder, config, output

    def copy(self, folder: Path) -> "Interrupted":
        shutil.copytree(self.config.parent, folder)
        return Interrupted(folder / "out", folder / "small.yaml", self.output)


def stopped(*_: Any, **__: Any) -> None:
    raise KeyboardInterrupt


@pytest.fixture(scope="module")
def interrupted(
    command: Command, small_config: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> Interrupted:
    """Stopped before the tables; its seed was drawn."""
    folder = tmp_path_factory.mktemp("interrupted")
    config = {**small_config, "sampling": {"draws": 500, "tune": 500, "chains": 4}}
    (folder / "small.yaml").write_text(yaml.safe_dump(config))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bayes_onoff.app.run.derive", stopped)
        status, output, _ = command("run", folder / "small.yaml", "--out", folder / "out")
    assert status == 1
    return Interrupted(folder / "out", folder / "small.yaml", output)


def test_what_was_sampled_is_kept(interrupted: Interrupted) -> None:
    assert "interrupted: what was sampled is kept; the same command with --resume goes on from it" in interrupted.output
    names = {path.name for path in (interrupted.folder / "unfinished").iterdir()}
    assert names == {"started.json", "power-law.nc", "flux_points.nc"}
    assert not (interrupted.folder / "posterior.nc").exists()
    assert not (interrupted.folder / "provenance.json").exists()


def test_resumed_it_samples_nothing_again(command: Command, interrupted: Interrupted, tmp_path: Path) -> None:
    again = interrupted.copy(tmp_path / "again")
    with xr.open_datatree(again.folder / "unfinished" / "power-law.nc") as tree:
        kept = tree["posterior"]["index"].values
    status, output, errors = command("run", again.config, "--out", again.folder, "--resume")
    assert (status, errors) == (0, ""), output
    assert "going on where the run stopped" in output
    assert "power-law: sampled before the interruption" in output
    assert "flux points: sampled before the interruption" in output
    assert "compiling" not in output
    assert not (again.folder / "unfinished").exists()
    with xr.open_datatree(again.folder / "posterior.nc") as tree:
        np.testing.assert_array_equal(tree["posterior"]["index"].values, kept)
    seed = json.loads((interrupted.folder / "unfinished" / "started.json").read_text())["configuration"]["sampling"]
    assert json.loads((again.folder / "provenance.json").read_text())["seeds"]["sampling"] == seed["seed"]
    assert (again.folder / "report.html").exists()
    status, output, errors = command("run", again.config, "--out", again.folder, "--resume")
    assert (status, errors) == (0, "")
    assert f"finished before, nothing to do; results in {again.folder}" in output


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"fit_range": {"min": "1 TeV"}},
            "the configuration differs; found 'fit_range: None then, {'min': '1.0 TeV'} now",
        ),
        ({"sampling": {"seed": 7}}, "the configuration differs; found 'sampling.draws: 500 then, 1000 now; "),
    ],
)
def test_another_configuration_is_refused(
    command: Command, interrupted: Interrupted, tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    again = interrupted.copy(tmp_path / "again")
    again.config.write_text(yaml.safe_dump({**yaml.safe_load(again.config.read_text()), **changes}))
    status, _, errors = command("run", again.config, "--out", again.folder, "--resume")
    assert status == 2
    assert message.replace("'", "") in errors.replace("'", "").replace('"', "")
    assert "allowed: the same configuration, data and versions; or start over, without --resume" in errors
    assert (again.folder / "unfinished" / "power-law.nc").exists()


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("versions", {"pymc": "5.0"}, "the versions of the packages differ"),
        ("inputs", [{"file": "obs_000001.fits", "bytes": 1, "sha256": "0"}], "the data differ"),
    ],
)
def test_other_data_or_versions_are_refused(
    command: Command, interrupted: Interrupted, tmp_path: Path, key: str, value: Any, message: str
) -> None:
    again = interrupted.copy(tmp_path / "again")
    started = again.folder / "unfinished" / "started.json"
    started.write_text(json.dumps({**json.loads(started.read_text()), key: value}))
    status, _, errors = command("run", again.config, "--out", again.folder, "--resume")
    assert status == 2
    assert f"this is not the run that was begun there, {message}; found " in errors


def test_without_resume_it_says_that_it_starts_over(
    command: Command, interrupted: Interrupted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    again = interrupted.copy(tmp_path / "again")
    monkeypatch.setattr("bayes_onoff.app.run.fit_everything", stopped)
    _, output, _ = command("run", again.config, "--out", again.folder)
    assert "an interrupted run is started over; with --resume it would go on" in output
    assert [path.name for path in (again.folder / "unfinished").iterdir()] == ["started.json"]


def test_nothing_to_resume(
    command: Command, write_config: WriteConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bayes_onoff.app.run.fit_everything", stopped)
    _, output, _ = command("run", write_config(), "--out", tmp_path / "out", "--resume")
    assert "nothing to resume: from the beginning" in output


def test_a_damaged_note_is_refused(tmp_path: Path) -> None:
    (tmp_path / "unfinished").mkdir()
    (tmp_path / "unfinished" / "started.json").write_text("{}")
    with pytest.raises(FileError, match="not the record of a run that can be resumed; allowed: start over"):
        find_earlier(tmp_path)


@pytest.fixture(scope="module")
def spectra(reduced: Path) -> Spectra:
    return read_ogip_files(sorted((reduced / "spectra").glob("pha_*.fits")))


def test_light_curves_are_kept_whole(tmp_path: Path, spectra: Spectra) -> None:
    """Fits as they would come from a sampler, made by hand."""
    rng = np.random.default_rng(1)
    verdict = Convergence(1.0, 500.0, 400.0, 0.9, 0, 20, ("one thing",))
    tree = xr.DataTree.from_dict(
        {"posterior": xr.Dataset({"norm": (("chain", "draw", "band"), rng.random((2, 10, 2)))})}
    )
    model, background = SpectralModel("power-law"), BackgroundModel()
    values = {"amplitude": 1e-11, "index": 2.5}
    groups = RunGroups.of(spectra)
    curve = LightCurvePosterior(tree, spectra, model, Population(), groups, background, verdict)
    edges, band_of_bin = np.array([1.0, 10.0]), np.array([[0, 0, -1], [1, 1, -1]])
    bands = BandPosterior(tree, spectra, model, values, edges, band_of_bin, background, verdict)
    norms = GroupNorms(bands, groups, np.array([[0], [1]]))
    kept, known = KeptFits(tmp_path, Progress()), {"spectra": spectra, "model": model, "background": background}

    def never() -> Any:
        raise AssertionError("sampled again")

    assert kept.light_curve("light curve", lambda: curve, population=Population(), **known) is curve
    assert kept.group_norms("fluxes alone", lambda: norms, values=values, **known) is norms
    curve_again = kept.light_curve("light curve", never, population=Population(), **known)
    norms_again = kept.group_norms("fluxes alone", never, values=values, **known)
    assert curve_again.convergence == norms_again.bands.convergence == verdict
    assert curve_again.groups.names == spectra.names
    np.testing.assert_array_equal(curve_again.draws("norm"), curve.draws("norm"))
    np.testing.assert_array_equal(norms_again.bands.norm, bands.norm)
    np.testing.assert_array_equal(norms_again.index, norms.index)
    np.testing.assert_array_equal(norms_again.bands.band_of_bin, band_of_bin)
    np.testing.assert_array_equal(norms_again.bands.edges, edges)
    kept.forget()
    assert list(tmp_path.iterdir()) == []
