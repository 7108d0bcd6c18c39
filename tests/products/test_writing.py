"""Tables and files appear whole or not at all."""

from pathlib import Path

import astropy.units as u
import numpy as np
import pytest
from astropy.table import QTable, Table

from bayes_onoff.columns import described
from bayes_onoff.errors import FileError
from bayes_onoff.files import replaced_when_whole
from bayes_onoff.products.writing import write_table


@pytest.fixture
def table() -> QTable:
    table = QTable({"energy": [1.0, 2.5] * u.TeV, "n_on": [3, 0], "name": ["a", "β"]}, meta={"converged": False})
    table["n_on"].info.description = "ON counts"
    return table


def test_written_table_keeps_units_types_descriptions_and_meta(table: QTable, tmp_path: Path) -> None:
    path = write_table(table, tmp_path / "new" / "bins.ecsv")
    back = QTable.read(path, format="ascii.ecsv")
    assert back["energy"].unit == u.TeV
    np.testing.assert_array_equal(back["energy"].value, [1.0, 2.5])
    assert back["n_on"].dtype.kind == "i"
    assert back["n_on"].info.description == "ON counts"
    assert back["name"].tolist() == ["a", "β"]
    assert back.meta["converged"] is False


def test_written_table_is_plain_ecsv_without_serialised_classes(table: QTable, tmp_path: Path) -> None:
    text = write_table(table, tmp_path / "bins.ecsv").read_text()
    assert "- {name: energy, unit: TeV, datatype: float64}" in text
    assert "__serialized_columns__" not in text


def test_written_numbers_are_exact(tmp_path: Path) -> None:
    values = np.random.default_rng(1).lognormal(-25, 5, size=50)
    path = write_table(Table({"flux": values}), tmp_path / "flux.ecsv")
    np.testing.assert_array_equal(Table.read(path, format="ascii.ecsv")["flux"], values)


def test_an_existing_file_is_replaced(table: QTable, tmp_path: Path) -> None:
    path = tmp_path / "bins.ecsv"
    path.write_text("old")
    write_table(table, path)
    assert len(Table.read(path, format="ascii.ecsv")) == 2


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "flux_points.nc"
    path.write_text("old")

    def write_half() -> None:
        with replaced_when_whole(path) as unfinished:
            unfinished.write_text("half of it")
            raise RuntimeError("killed")

    with pytest.raises(RuntimeError, match="killed"):
        write_half()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_cannot_be_written_is_named(table: QTable, tmp_path: Path) -> None:
    blocked = tmp_path / "out"
    blocked.write_text("a file, not a folder")
    with pytest.raises(FileError, match=r"out/bins\.ecsv: cannot be written; found 'File exists'"):
        write_table(table, blocked / "bins.ecsv")


def test_a_table_shows_few_digits_and_the_file_keeps_all(tmp_path: Path) -> None:
    table = described(QTable({"flux": [1 / 3] / u.s, "time": [53000.123456789] * u.d, "n_on": [12345]}))
    assert table.pformat(show_unit=False)[2].split() == ["0.3333", "53000.123456789", "12345"]
    found = Table.read(write_table(table, tmp_path / "table.ecsv"), format="ascii.ecsv")
    assert found["flux"][0] == 1 / 3
    assert table["flux"].info.format == ".4g"
