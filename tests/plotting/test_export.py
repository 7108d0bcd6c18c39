import re
from pathlib import Path

import matplotlib as mpl
import pytest
from matplotlib import image
from matplotlib.figure import Figure

from bayes_onoff.errors import FileError, InputError
from bayes_onoff.plotting import render_svg, write_figure
from bayes_onoff.plotting.export import render_formula, settle_layout
from bayes_onoff.plotting.style import INK, new_axes


def make_figure():
    ax = new_axes(width=3, height=2)
    ax.plot([1, 2], [3, 4], rasterized=True)
    ax.set_xlabel("secret -- <b>label</b>")
    return ax.figure


def test_an_inline_figure_is_one_element_without_links() -> None:
    svg = render_svg(make_figure(), "one")
    assert svg.startswith("<svg")
    assert svg.endswith("</svg>")
    assert "http" not in svg
    assert "secret" not in svg
    assert "data:image/png;base64," in svg


def test_an_inline_figure_has_no_ground_and_takes_the_pages_text_colour() -> None:
    svg = render_svg(make_figure(), "one")
    assert "#ffffff" not in svg
    assert INK not in svg
    assert "currentColor" in svg


def test_ids_differ_between_figures_of_a_page() -> None:
    both = render_svg(make_figure(), "one") + render_svg(make_figure(), "two")
    ids = re.findall(r'\bid="([^"]*)"', both)
    assert len(ids) == len(set(ids)) > 10
    references = re.findall(r'href="#([^"]*)"|url\(#([^)]*)\)', both)
    assert references
    assert {first or second for first, second in references} <= set(ids)


@pytest.mark.parametrize(("suffix", "start"), [("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")])
def test_a_figure_is_written_whole_and_twice_alike(tmp_path: Path, suffix: str, start: bytes) -> None:
    path = write_figure(make_figure(), tmp_path / "new" / f"figure.{suffix}")
    first = path.read_bytes()
    assert first.startswith(start)
    assert write_figure(make_figure(), path).read_bytes() == first
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_a_settled_layout_is_the_one_drawn_without_it(tmp_path: Path) -> None:
    settled, other = make_figure(), make_figure()
    settle_layout(settled)
    assert settled.get_layout_engine() is None
    before = settled.axes[0].get_position().bounds
    write_figure(settled, tmp_path / "settled.png")
    write_figure(other, tmp_path / "other.png")
    assert settled.axes[0].get_position().bounds == before
    assert before == pytest.approx(other.axes[0].get_position().bounds, abs=0.01)


def test_an_unknown_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"unknown figure format; found '\.gif'; allowed: png, svg, pdf"):
        write_figure(make_figure(), tmp_path / "figure.gif")


def test_a_folder_in_the_way_is_refused_and_nothing_is_left(tmp_path: Path) -> None:
    (tmp_path / "figure.png").mkdir()
    with pytest.raises(FileError, match=r"figure\.png: cannot be written"):
        write_figure(make_figure(), tmp_path / "figure.png")
    assert [file.name for file in tmp_path.iterdir()] == ["figure.png"]


def test_figures_keep_their_size_whatever_other_packages_tell_matplotlib(tmp_path: Path) -> None:
    with mpl.rc_context({"savefig.bbox": "tight"}):
        path = write_figure(Figure(figsize=(4, 3)), tmp_path / "empty.png", dpi=100)
    assert image.imread(path).shape[:2] == (300, 400)


def test_a_formula_is_as_large_as_its_text() -> None:
    short, long = (render_formula(tex, "f") for tex in (r"\phi_0", r"\phi_0 (E/E_0)^{-\Gamma} e^{-\lambda E}"))
    sizes = [re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', svg).groups() for svg in (short, long)]
    assert 5 < float(sizes[0][0]) < 30
    assert 5 < float(sizes[0][1]) < 30
    assert float(sizes[1][0]) > 4 * float(sizes[0][0])
    assert "currentColor" in long


def test_a_formula_that_cannot_be_drawn_is_refused() -> None:
    with pytest.raises(InputError, match="formula: not a formula in mathtext; found"):
        render_formula(r"\nonsense{", "f")
