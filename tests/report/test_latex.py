"""Tables for a paper: every cell is there, and nothing in it has a meaning of its own to LaTeX."""

import re
from pathlib import Path

import pytest

from bayes_onoff.errors import FileError
from bayes_onoff.report import ReportContent, ReportTable, Section, latex_table, write_latex_tables

TABLE = ReportTable(
    "Fit of 50 % & more",
    ("parameter", "√TS", "a_b"),
    (("amplitude", "2.69 × 10⁻¹¹", "−3.1"), ("Γ {x}", "∞", "12–14 $5 #1 ~ ^ \\")),
    ("", "TeV⁻¹ cm⁻²", ""),
)


def report(*tables: ReportTable) -> ReportContent:
    text = Section(("text",))
    return ReportContent(
        title="small", converged=True, convergence="It did.", summary=text, data=Section(tables=tables), provenance=text
    )


def test_cells_are_escaped_and_raised() -> None:
    lines = [line.strip() for line in latex_table(TABLE, "parameters").splitlines()]
    assert r"\caption{Fit of 50 \% \& more}" in lines
    assert r"\label{tab:parameters}" in lines
    assert r"parameter & $\surd$TS & a\_b \\" in lines
    assert r"& (TeV$^{-1}$ cm$^{-2}$) &  \\" in lines
    assert r"amplitude & 2.69 $\times$ 10$^{-11}$ & $-$3.1 \\" in lines
    special = r"12--14 \$5 \#1 \textasciitilde{} \textasciicircum{} \textbackslash{}"
    assert rf"$\Gamma$ \{{x\}} & $\infty$ & {special} \\" in lines


def test_braces_and_dollars_are_paired() -> None:
    text = latex_table(TABLE, "parameters")
    assert text.isascii()
    assert len(re.findall(r"(?<!\\)\$", text)) % 2 == 0
    assert len(re.findall(r"(?<!\\){", text)) == len(re.findall(r"(?<!\\)}", text))


def test_a_table_that_did_not_converge_says_so() -> None:
    table = ReportTable("Fit", ("a",), (("1",),), converged=False)
    assert r"\caption{Fit \textbf{The sampling did not converge.}}" in latex_table(table, "fit")


def test_a_file_a_section_with_tables(tmp_path: Path) -> None:
    content = report(TABLE, TABLE)
    (path,) = write_latex_tables(content, tmp_path / "latex")
    assert path.name == "data.tex"
    text = path.read_text()
    assert re.findall(r"\\label{(.*?)}", text) == ["tab:data", "tab:data-2"]
    assert text.count(r"\begin{table}") == text.count(r"\end{table}") == 2


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "latex").write_text("in the way")
    content = report(TABLE)
    with pytest.raises(FileError, match="cannot be written"):
        write_latex_tables(content, tmp_path / "latex")
