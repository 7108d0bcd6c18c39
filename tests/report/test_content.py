import astropy.units as u
import numpy as np
import pytest
from astropy.table import MaskedColumn, QTable, Table
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure

from bayes_onoff.errors import InputError
from bayes_onoff.notation import format_number
from bayes_onoff.report import ReportFigure, ReportTable

PLAIN = str.maketrans("−⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "--0123456789")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (2.69032e-11, "2.69 × 10⁻¹¹"),
        (-1.5, "−1.50"),
        (0.05867, "0.0587"),
        (9.9996, "10.0"),
        (4411.6, "4412"),
        (1234567.0, "1.23 × 10⁶"),
        (0.0, "0"),
        (np.nan, "–"),
        (np.inf, "∞"),
        (-np.inf, "−∞"),
    ],
)
def test_numbers_are_written_for_people(value: float, text: str) -> None:
    assert format_number(value) == text


@given(st.floats(min_value=-1e30, max_value=1e30).filter(lambda x: x == 0 or abs(x) > 1e-30), st.integers(2, 6))
def test_a_written_number_keeps_its_significant_digits(value: float, digits: int) -> None:
    text = format_number(value, digits).translate(PLAIN).replace(" × 10", "e")
    assert float(text) == pytest.approx(value, rel=0.51 * 10 ** (1 - digits))


def test_a_table_shows_units_headings_and_descriptions() -> None:
    table = QTable(
        {"obs_id": [23523], "livetime": [1581.74] * u.s, "flux": [2e-11] * u.Unit("TeV-1 cm-2 s-1"), "good": [True]}
    )
    table["livetime"].info.description = "dead-time corrected"
    shown = ReportTable.from_table(table, "Runs.")
    assert shown.header == ("run", "livetime", "flux", "good")
    assert shown.units == ("", "s", "TeV⁻¹ s⁻¹ cm⁻²", "")
    assert shown.rows == (("23523", "1582", "2.00 × 10⁻¹¹", "yes"),)
    assert shown.descriptions[1] == "dead-time corrected"
    assert shown.converged


def test_a_table_takes_columns_and_headings_of_ones_own() -> None:
    table = Table({"model": ["a", "b"], "stat": [124.412, 29.88], "rest": [1.0, 2.0]})
    chosen = ReportTable.from_table(table, "Fits.", columns=["stat", "model"])
    assert chosen.header == ("total WSTAT", "model")
    assert chosen.rows == (("124.41", "a"), ("29.88", "b"))
    renamed = ReportTable.from_table(table, "Fits.", columns={"rest": "remainder"}, digits=2)
    assert renamed.header == ("remainder",)
    assert renamed.rows == (("1.0",), ("2.0",))


def test_where_decimals_count_they_are_fixed() -> None:
    table = Table({"weight": [5.5e-17, 1.0], "elpd_diff": [-0.512, -0.04], "significance": [np.nan, 21.14]})
    assert ReportTable.from_table(table, "x").rows == (("0.00", "−0.5", "–"), ("1.00", "0.0", "21.1"))


def test_units_in_a_column_of_their_own_are_written_out() -> None:
    shown = ReportTable.from_table(Table({"parameter": ["amplitude", "index"], "unit": ["TeV-1 cm-2 s-1", ""]}), "x")
    assert [row[1] for row in shown.rows] == ["TeV⁻¹ s⁻¹ cm⁻²", ""]


def test_missing_values_are_dashes() -> None:
    table = Table({"x": MaskedColumn([1.0, 2.0], mask=[False, True]), "y": [np.nan, 1.0]})
    assert ReportTable.from_table(table, "x").rows == (("1.00", "–"), ("–", "1.00"))


def test_a_table_of_results_that_did_not_converge_knows_it() -> None:
    table = Table({"x": [1]}, meta={"converged": False})
    assert not ReportTable.from_table(table, "x").converged


def test_an_empty_table_keeps_its_header() -> None:
    shown = ReportTable.from_table(Table({"x": np.empty(0), "y": np.empty(0)}), "x")
    assert shown.header == ("x", "y")
    assert shown.rows == ()


def test_rows_of_another_length_are_refused() -> None:
    with pytest.raises(InputError, match=r"table 'Runs\.': rows of different lengths; found \[1, 2\]"):
        ReportTable("Runs.", ("a", "b"), (("1",),))


def test_a_figure_needs_a_text_alternative() -> None:
    with pytest.raises(InputError, match=r"figure 'Sky\.': a figure without a text alternative"):
        ReportFigure(Figure(), "Sky.", "  ")
