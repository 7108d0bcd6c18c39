"""What was sampled is used again: runs resumed, spectra fitted, posteriors compared, their products made anew."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import pytest
import xarray as xr
import yaml
from astropy.table import QTable, Table

from bayes_onoff.app.fit_spectra import FitOptions, configuration_for_spectra
from bayes_onoff.app.progress import Progress
from bayes_onoff.app.unfinished import KeptFits, find_earlier
from bayes_onoff.errors import FileError, InputError
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


def table(path: Path) -> Table:
    return Table.read(path, format="ascii.ecsv")


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
        patch.setattr("secrets.randbits", lambda _: 1)
        status, output, _ = command("run", folder / "small.yaml", "--out", folder / "out")
    assert status == 1
    return Interrupted(folder / "out", folder / "small.yaml", output)


def test_what_was_sampled_is_kept(interrupted: Interrupted) -> None:
    assert "interrupted: what was sampled is kept; the same command with --resume goes on from it" in interrupted.output
    names = {path.name for path in (interrupted.folder / "unfinished").iterdir()}
    assert names == {"started.json", "power-law.nc", "flux_points.nc"}
    assert not (interrupted.folder / "posterior.nc").exists()
    assert not (interrupted.folder / "provenance.json").exists()


@pytest.fixture(scope="module")
def resumed(command: Command, interrupted: Interrupted, tmp_path_factory: pytest.TempPathFactory) -> Interrupted:
    """The same, gone on with to its end."""
    again = interrupted.copy(tmp_path_factory.mktemp("resumed") / "again")
    status, output, errors = command("run", again.config, "--out", again.folder, "--resume")
    assert (status, errors) == (0, ""), output
    return Interrupted(again.folder, again.config, output)


@pytest.fixture
def power_law(resumed: Interrupted) -> Path:
    """The folder of a finished run; not to be changed."""
    return resumed.folder


def test_resumed_it_samples_nothing_again(command: Command, interrupted: Interrupted, resumed: Interrupted) -> None:
    assert "going on where the run stopped" in resumed.output
    assert "power-law: sampled before the interruption" in resumed.output
    assert "flux points: sampled before the interruption" in resumed.output
    assert "compiling" not in resumed.output
    assert not (resumed.folder / "unfinished").exists()
    files = interrupted.folder / "unfinished" / "power-law.nc", resumed.folder / "posterior.nc"
    with xr.open_datatree(files[0]) as kept, xr.open_datatree(files[1]) as tree:
        np.testing.assert_array_equal(tree["posterior"]["index"].values, kept["posterior"]["index"].values)
    begun = json.loads((interrupted.folder / "unfinished" / "started.json").read_text())
    ended = json.loads((resumed.folder / "provenance.json").read_text())
    assert ended["seeds"]["sampling"] == begun["configuration"]["sampling"]["seed"]
    assert (resumed.folder / "report.html").exists()
    status, output, errors = command("run", resumed.config, "--out", resumed.folder, "--resume")
    assert (status, errors) == (0, "")
    assert f"finished before, nothing to do; results in {resumed.folder}" in output


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


@pytest.fixture(scope="module")
def log_parabola(command: Command, reduced: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `fit` leaves of those spectra with another model than that of the configuration; not to be changed."""
    folder = tmp_path_factory.mktemp("fitted") / "log-parabola"
    status, output, errors = command("fit", reduced, "--model", "log-parabola", "--seed", "2", "--out", folder)
    assert (status, errors) == (0, ""), output
    return folder


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
    told: list[str] = []
    configuration_for_spectra([reduced / "spectra" / "pha_obs1.fits"], nothing, on_progress=told.append)
    assert told == [f"with the configuration in {reduced / 'provenance.json'}"]
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


def test_options_keep_what_still_fits(tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    model = {"shape": "power-law", "reference": "2 TeV", "fixed": {"index": 2.0}}
    own.write_text(yaml.safe_dump({"observations": {"ogip": ["pha.fits"]}, "model": model, "sampling": {"chains": 2}}))
    same = configuration_for_spectra([own], FitOptions(model="power-law", draws=100))
    assert (same.model.reference, same.model.fixed) == (2.0, {"index": 2.0})
    assert (same.sampling.chains, same.sampling.draws) == (2, 100)
    other = configuration_for_spectra([own], FitOptions(model="log-parabola"))
    assert (other.model.reference, other.model.fixed) == (2.0, {})


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
