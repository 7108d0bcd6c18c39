"""The folder for results, the record of where they come from, and the lines on the way."""

import hashlib
import io
import json
from importlib import metadata
from pathlib import Path

import pytest
from rich.console import Console

from bayes_onoff.app.output_folder import clear_earlier_results, prepare_folder
from bayes_onoff.app.progress import Progress
from bayes_onoff.app.provenance import describe_files, installed_versions, write_provenance
from bayes_onoff.errors import FileError


def test_a_folder_is_made(tmp_path: Path) -> None:
    prepare_folder(tmp_path / "a" / "b")
    assert list((tmp_path / "a" / "b").iterdir()) == []


def test_a_folder_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(
        FileError, match=r"file: the folder for results cannot be written; found 'File exists'; allowed"
    ):
        prepare_folder(tmp_path / "file")
    with pytest.raises(FileError, match="the folder for results cannot be written; found 'Not a directory'"):
        prepare_folder(tmp_path / "file" / "below")


def test_results_of_an_earlier_run_go_and_nothing_else(tmp_path: Path) -> None:
    theirs = ["runs.ecsv", "posterior_log-parabola.nc", "spectra/pha_obs1.fits", "figures/sky.png", "provenance.json"]
    mine = ["notes.txt", "quickstart.yaml", "data/obs-index.fits", "spectra/readme.md"]
    for name in theirs + mine:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    clear_earlier_results(tmp_path)
    left = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert left == set(mine)


def test_files_are_described_once_each(tmp_path: Path) -> None:
    path = tmp_path / "events.fits"
    path.write_bytes(b"counts")
    (record,) = describe_files([path, str(path)])
    assert record == {"file": str(path), "bytes": 6, "sha256": hashlib.sha256(b"counts").hexdigest()}


def test_versions_of_all_that_is_required_to_run() -> None:
    versions = installed_versions()
    assert versions["pymc"] == metadata.version("pymc")
    assert {"python", "bayes-onoff", "nutpie", "numpy", "astropy"} <= set(versions)
    assert "numpyro" not in versions  # an extra


def test_provenance_is_whole_or_not_there(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="not JSON serializable"):
        write_provenance(tmp_path, {"a": object()})
    assert list(tmp_path.iterdir()) == []
    write_provenance(tmp_path, {"converged": True})
    assert json.loads((tmp_path / "provenance.json").read_text()) == {"converged": True}


def test_progress_prints_plain_lines_and_adds_up_times() -> None:
    stream = io.StringIO()
    progress = Progress(Console(file=stream))
    with progress.stage("reduce", "reading [a] run"):
        pass
    with progress.stage("reduce"):
        pass
    assert not progress.in_terminal
    assert stream.getvalue() == "[   0.0 s] reading [a] run\n"
    assert list(progress.timings) == ["reduce"]
    assert progress.summary().startswith("total 0.0 s (reduce 0.0)")


def test_progress_turns_a_wheel_in_a_terminal() -> None:
    stream = io.StringIO()
    progress = Progress(Console(file=stream, force_terminal=True))
    with progress.stage("reduce", "reading"):
        assert progress.in_terminal
    assert "reading" in stream.getvalue()
    assert "\x1b[" in stream.getvalue()


def test_progress_without_a_console_is_silent(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress().stage("reduce", "reading"):
        pass
    assert capsys.readouterr().out == ""
