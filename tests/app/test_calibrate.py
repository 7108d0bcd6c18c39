"""`bayes-onoff calibrate` as a user gives it."""

import json
from collections.abc import Callable
from pathlib import Path

from astropy.table import Table

Command = Callable[..., tuple[int, str, str]]
WriteConfig = Callable[..., Path]


def test_calibrate_and_go_on(command: Command, write_config: WriteConfig, tmp_path: Path) -> None:
    out = tmp_path / "out"
    config = write_config({"sampling.draws": 500})
    status, output, errors = command("calibrate", config, "--fits", "3", "--processes", "1", "--out", out)
    assert (status, errors) == (0, ""), output
    assert "calibrating with 3 simulated data sets" in output
    table = Table.read(out / "calibration.ecsv", format="ascii.ecsv")
    assert list(table["quantity"]) == ["amplitude", "index", "flux", "background", "log_likelihood"]
    assert table.meta["n_fits"] == 3
    assert json.loads((out / "provenance.json").read_text())["seeds"]["calibration"] == 0
    page = (out / "report.html").read_text()
    assert 'id="calibration"' in page
    assert "In 3 simulated data sets" in page
    assert (out / "figures" / "calibration.png").exists()
    assert len((out / "calibration_fits.jsonl").read_text().splitlines()) == 4


def test_an_independent_background_is_refused_before_any_work(
    command: Command, write_config: WriteConfig, tmp_path: Path
) -> None:
    config = write_config({"background": {"prior": "independent"}})
    status, output, errors = command("calibrate", config, "--out", tmp_path / "out")
    assert status == 2
    assert "background.prior: a calibration needs the pooled background" in errors
    assert "reading" not in output
