"""`bayes-onoff init` as a user gives it: the file that it writes loads and runs."""

from collections.abc import Callable
from pathlib import Path

import pytest
from astropy.coordinates import SkyCoord
from astropy.coordinates.name_resolve import NameResolveError
from astropy.table import Table

from bayes_onoff.app.config import load_config

Command = Callable[..., tuple[int, str, str]]


def test_a_single_target_needs_no_question(
    command: Command, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    status, output, errors = command("init", store)
    assert (status, errors) == (0, ""), output
    assert "Which source" not in output
    path = tmp_path / "crab-nebula-simulated.yaml"
    assert f"wrote {path.name}; next: bayes-onoff run {path.name}" in output
    config = load_config(path)
    assert config.observations.ids == (1, 2, 3, 4)
    assert config.on_region is not None
    assert config.on_region.radius == 0.05
    assert config.reduction.containment_correction
    assert path.read_text().count("#") > 15
    assert command("reduce", path, "--out", tmp_path / "spectra")[0] == 0
    runs = Table.read(tmp_path / "spectra" / "runs.ecsv", format="ascii.ecsv")
    assert list(runs["obs_id"]) == [1, 2, 3, 4]
    assert all(runs["significance"] > 10)
    status, _, errors = command("init", store)
    assert status == 2
    assert f"{path.name}: the file exists; allowed: another --out" in errors


def test_a_store_beside_the_file_is_named_relative_to_it(
    command: Command, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "dl3").symlink_to(store)
    monkeypatch.chdir(tmp_path)
    assert command("init", "dl3", "--out", "configs/crab.yaml")[0] == 0
    assert "  store: ../dl3\n" in Path("configs/crab.yaml").read_text()
    assert Path(load_config("configs/crab.yaml").observations.store or "").resolve() == store.resolve()


def test_an_extended_source_and_runs_without_room(command: Command, store: Path, tmp_path: Path) -> None:
    """At 0.5 deg from the source an ON region of 0.6 deg has no reflection."""
    path = tmp_path / "extended.yaml"
    status, output, _ = command("init", store, "--position", "83.63", "22.01", "--radius", "0.6", "--out", path)
    assert status == 0
    assert "run 1 is left out: pointed at the source, no OFF region has its distance" in output
    config = load_config(path)
    assert config.observations.ids == (3, 4)
    assert config.reduction.exposure == config.reduction.edisp == "region-average"
    assert not config.reduction.containment_correction
    status, _, errors = command("init", store, "--radius", "2", "--out", tmp_path / "none.yaml")
    assert status == 2
    assert (
        "--radius: no run leaves room for OFF regions; found '4 runs within 2.5 deg, an ON region of 2 deg'" in errors
    )


def test_names_are_looked_for_in_the_store_before_the_network(
    command: Command, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def resolver(name: str) -> SkyCoord:
        asked.append(name)
        if name == "M1":
            return SkyCoord(83.6287, 22.0147, unit="deg")
        raise NameResolveError("no network")

    monkeypatch.setattr(SkyCoord, "from_name", resolver)
    assert command("init", store, "--source", "CRAB nebula", "--out", tmp_path / "crab.yaml")[0] == 0
    assert asked == []
    assert command("init", store, "--source", "M1", "--out", tmp_path / "m1.yaml")[0] == 0
    assert asked == ["M1"]
    assert "lon: 83.62870 deg" in (tmp_path / "m1.yaml").read_text()
    status, _, errors = command("init", store, "--source", "Vela", "--out", tmp_path / "vela.yaml")
    assert status == 2
    assert (
        "--source: the store has no such target, and no name resolver could be asked or knows it; found 'Vela'; "
        "allowed: a target of the store (Crab nebula (simulated)), or --position RA DEC"
    ) in errors
    assert not (tmp_path / "vela.yaml").exists()


@pytest.mark.parametrize(
    ("position", "message"),
    [
        (("north", "22.01"), "--position: not a position; found 'north 22.01'; allowed: right ascension and"),
        (("83.63", "-95"), "--position: not a position"),
        (("10", "-22"), "no run that can be used points to within 2.5 deg of the source; found '4 runs, 0 of them"),
    ],
)
def test_positions_are_checked(
    command: Command, store: Path, tmp_path: Path, position: tuple[str, str], message: str
) -> None:
    status, _, errors = command("init", store, "--position", *position, "--out", tmp_path / "a.yaml")
    assert status == 2
    assert message in errors


def test_the_real_crab_is_asked_for(command: Command, gammapy_data: Path, tmp_path: Path) -> None:
    path = tmp_path / "crab.yaml"
    status, output, _ = command("init", gammapy_data / "hess-dl3-dr1", "--out", path, answers="crab\n")
    assert status == 0
    assert "Targets of this data store: RXJ 1713.7-3946, " in output
    config = load_config(path)
    assert config.observations.ids == (23523, 23526, 23559, 23592)
    assert config.on_region is not None
    assert config.on_region.radius == 0.13
    assert command("reduce", path, "--out", tmp_path / "spectra")[0] == 0
    runs = Table.read(tmp_path / "spectra" / "runs.ecsv", format="ascii.ecsv")
    assert runs["excess"].sum() > 400


def test_point_like_responses_bring_their_own_cut(command: Command, gammapy_data: Path, tmp_path: Path) -> None:
    path, store = tmp_path / "magic.yaml", gammapy_data / "magic" / "rad_max"
    assert command("init", store, "--out", path)[0] == 0
    config = load_config(path)
    assert config.on_region is not None
    assert config.on_region.shape == "point"
    assert config.reduction.off_regions.method == "wobble"
    status, output, errors = command("reduce", path, "--out", tmp_path / "spectra")
    assert (status, errors) == (0, ""), output
    status, _, errors = command("init", store, "--radius", "0.1", "--out", tmp_path / "no.yaml")
    assert status == 2
    assert "--radius: the responses are point-like; found '0.1 deg'; allowed: no --radius" in errors
