r"""The tables of a report as LaTeX, to be included in a paper: ``\input{parameters.tex}`` with the package booktabs."""

import re
from dataclasses import fields
from pathlib import Path

from bayes_onoff.errors import FileError
from bayes_onoff.files import replaced_when_whole
from bayes_onoff.notation import SUPERSCRIPTS
from bayes_onoff.report.content import ReportContent, ReportTable, Section

__all__ = ["latex_table", "write_latex_tables"]

_SPECIAL = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "−": "$-$",
    "–": "--",
    "×": r"$\times$",
    "±": r"$\pm$",
    "√": r"$\surd$",
    "∞": r"$\infty$",
    "≥": r"$\ge$",
    "≤": r"$\le$",
    "Γ": r"$\Gamma$",
    "α": r"$\alpha$",
    "β": r"$\beta$",
    "γ": r"$\gamma$",
    "λ": r"$\lambda$",
    "σ": r"$\sigma$",
    "τ": r"$\tau$",
    "μ": r"$\mu$",
    "Δ": r"$\Delta$",
}
_LOWERED = str.maketrans({raised: plain for plain, raised in SUPERSCRIPTS.items()})
_RAISED = re.compile(f"[{''.join(SUPERSCRIPTS.values())}]+")


def _escaped(text: str) -> str:
    """Write plain text, with the raised digits of numbers and units, so that LaTeX prints it as it is."""
    escaped = "".join(_SPECIAL.get(character, character) for character in text)
    raised = _RAISED.sub(lambda found: "$^{" + found[0].translate(_LOWERED) + "}$", escaped)
    return raised.replace("$$", "")


def latex_table(table: ReportTable, label: str) -> str:
    """Write one table.

    Parameters
    ----------
    table : ReportTable
    label : str
        For references: ``tab:label``.

    Returns
    -------
    str
        A ``table`` environment with the caption of the report; needs the package booktabs.
    """

    def row(cells: tuple[str, ...]) -> str:
        return "    " + " & ".join(_escaped(cell) for cell in cells) + r" \\"

    caption = _escaped(table.caption) + ("" if table.converged else r" \textbf{The sampling did not converge.}")
    units = [row(tuple(f"({unit})" if unit else "" for unit in table.units))] if any(table.units) else []
    return "\n".join(
        [
            r"\begin{table}",
            rf"  \caption{{{caption}}}",
            rf"  \label{{tab:{label}}}",
            rf"  \begin{{tabular}}{{{'l' * len(table.header)}}}",
            r"    \toprule",
            row(table.header),
            *units,
            r"    \midrule",
            *(row(cells) for cells in table.rows),
            r"    \bottomrule",
            r"  \end{tabular}",
            r"\end{table}",
            "",
        ]
    )


def write_latex_tables(content: ReportContent, folder: str | Path) -> tuple[Path, ...]:
    """Write the tables of every section to a file of the section's name; each appears whole or not at all.

    Parameters
    ----------
    content : ReportContent
    folder : path-like
        Made if it is not there.

    Returns
    -------
    tuple of Path
        The files.

    Raises
    ------
    FileError
        If a file cannot be written.
    """
    written = []
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileError(folder, "the folder for LaTeX tables cannot be written", found=error.strerror) from error
    for key in (field.name for field in fields(content)):
        section = getattr(content, key)
        if not isinstance(section, Section) or not section.tables:
            continue
        labels = [key if index == 0 else f"{key}-{index + 1}" for index in range(len(section.tables))]
        text = "\n".join(latex_table(table, label) for table, label in zip(section.tables, labels, strict=True))
        path = Path(folder) / f"{key}.tex"
        with replaced_when_whole(path) as unfinished:
            unfinished.write_text(text, encoding="utf-8")
        written.append(path)
    return tuple(written)
