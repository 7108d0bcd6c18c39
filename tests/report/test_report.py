import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from matplotlib.figure import Figure

from bayes_onoff.errors import FileError
from bayes_onoff.report import (
    Formula,
    Listing,
    ReportContent,
    ReportFigure,
    ReportTable,
    Section,
    render_report,
    write_report,
)

HOSTILE = "<script>alert('x')</script> & \"--><b>\""
WORD = "did not converge"
SECTIONS = [
    "summary",
    "data",
    "regions",
    "model",
    "diagnostics",
    "parameters",
    "counts",
    "spectrum",
    "flux_points",
    "wstat",
    "comparison",
    "provenance",
]
WITH_FIGURE = ("regions", "counts")  # drawing takes time
VOID = {"meta", "link", "img", "br", "hr", "input"}


def make_figure(label: str = "x") -> ReportFigure:
    figure = Figure()
    ax = figure.add_subplot()
    ax.plot([1, 2], [3, 4], label=label, rasterized=True)
    ax.set_xlabel(label)
    ax.legend()
    return ReportFigure(figure, f"Caption of {label}", f"A rising line, {label}")


def make_section(label: str, *, with_figure: bool) -> Section:
    table = ReportTable(f"Table of {label}", ("name", "value"), ((f"{label}-row", "1.23"),))
    figures = (make_figure(label),) if with_figure else ()
    return Section((f"Text of {label}",), (table,), figures, (Listing(f"Listing of {label}", label),))


def make_content(*, converged: bool = True, label: str = "something") -> ReportContent:
    return ReportContent(
        title=f"Analysis of {label}",
        subtitle=f"Made of {label}",
        converged=converged,
        convergence="R-hat at most 1.234",
        problems=() if converged else ("R-hat of index is too high",),
        **{key: make_section(f"{label} {key}", with_figure=key in WITH_FIGURE) for key in SECTIONS},
    )


def kinds(key: str) -> tuple[str, ...]:
    return ("Text", "Table", "Listing") + (("Caption",) if key in WITH_FIGURE else ())


class Page(HTMLParser):
    """Elements and attributes of a page, and whether every element is closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.open: list[str] = []
        self.sections: dict[str, str] = {}
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "section":
            self.current = dict(attrs)["id"]
            self.sections[self.current] = ""

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "section" in self.open:
            self.sections[self.current] += data


@pytest.fixture(scope="module")
def page() -> Page:
    return Page(render_report(make_content()))


def test_the_page_is_well_formed(page: Page) -> None:
    assert page.open == []
    assert page.elements[0] == ("html", {"lang": "en"})


def test_nothing_is_fetched_and_nothing_runs(page: Page) -> None:
    tags = {tag for tag, _ in page.elements}
    assert not tags & {"script", "link", "iframe", "object", "embed"}
    for tag, attributes in page.elements:
        for name, value in attributes.items():
            assert not name.startswith("on"), (tag, name)
            if name in ("src", "href", "xlink:href"):
                assert value.startswith(("#", "data:image/png;base64,")), (tag, value)


def test_no_address_and_no_import_is_left_in_the_page() -> None:
    text = render_report(make_content())
    assert not re.search(r"https?:|@import|url\((?!#)", text)


def test_links_and_references_lead_to_elements_of_the_page(page: Page) -> None:
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    for _, attributes in page.elements:
        for name in ("href", "xlink:href"):
            if attributes.get(name, "").startswith("#"):
                assert attributes[name][1:] in ids


def test_all_sections_stand_in_order(page: Page) -> None:
    assert list(page.sections) == SECTIONS
    for key, text in page.sections.items():
        for kind in kinds(key):
            assert f"{kind} of something {key}" in text


def test_a_section_that_is_missing_is_left_out() -> None:
    text = render_report(replace(make_content(), comparison=None))
    assert "comparison" not in Page(text).sections
    assert "Model comparison" not in text


def test_every_figure_says_what_it_shows(page: Page) -> None:
    figures = [attributes for tag, attributes in page.elements if tag == "svg"]
    assert len(figures) == 2
    for attributes in figures:
        assert attributes["role"] == "img"
        assert attributes["aria-label"].startswith("A rising line, something")


def test_figures_take_the_colour_of_the_page() -> None:
    from bayes_onoff.plotting.style import INK, new_axes

    ax = new_axes()
    ax.set_xlabel("Energy")
    content = replace(make_content(), summary=Section(figures=(ReportFigure(ax.figure, "c", "a"),)))
    text = render_report(content)
    figure = text[text.index("<svg") : text.index("</svg>")]
    assert "currentColor" in figure
    assert INK not in figure


def test_a_formula_is_drawn_and_told() -> None:
    section = Section(formulas=(Formula(r"\phi_0 (E/E_0)^{-\Gamma}", "φ₀ (E/E₀) to the power −Γ"),))
    page = Page(render_report(replace(make_content(), model=section)))
    (label,) = [
        attributes["aria-label"]
        for tag, attributes in page.elements
        if tag == "svg" and not attributes["aria-label"].startswith("A rising line")
    ]
    assert label == "φ₀ (E/E₀) to the power −Γ"


def test_text_from_outside_is_escaped_everywhere() -> None:
    text = render_report(make_content(label=HOSTILE))
    assert "<script" not in text
    assert "<b>" not in text
    assert "&lt;script&gt;alert" in text
    page = Page(text)
    assert HOSTILE in page.sections["data"]
    labels = [attributes["aria-label"] for tag, attributes in page.elements if tag == "svg"]
    assert all(HOSTILE in label for label in labels)


def test_a_converged_report_carries_no_mark() -> None:
    text = render_report(make_content())
    assert WORD not in text.lower()
    assert "R-hat at most 1.234" in text


@pytest.fixture(scope="module")
def unconverged() -> str:
    return render_report(make_content(converged=False))


def test_an_unconverged_report_says_so_in_a_banner_and_in_its_title(unconverged: str) -> None:
    assert re.search(rf"<title>.*\({WORD}\)</title>", unconverged)
    banner = re.search(r'<div class="banner" role="alert">(.*?)</div>', unconverged, flags=re.DOTALL).group(1)
    assert "Did not converge" in banner
    assert "R-hat at most 1.234" in banner
    assert "<li>R-hat of index is too high</li>" in banner


@pytest.mark.parametrize(
    "key", ["summary", "diagnostics", "parameters", "counts", "spectrum", "flux_points", "wstat", "comparison"]
)
def test_numbers_of_an_unconverged_posterior_stand_beside_the_word(unconverged: str, key: str) -> None:
    text = " ".join(Page(unconverged).sections[key].split())
    for kind in kinds(key):
        assert f"{WORD} {kind} of something {key}" in text


@pytest.mark.parametrize("key", ["data", "regions", "model", "provenance"])
def test_what_does_not_rest_on_the_posterior_is_not_marked(unconverged: str, key: str) -> None:
    assert WORD not in Page(unconverged).sections[key]


def test_one_table_or_figure_can_be_marked_alone() -> None:
    table = ReportTable("Stacked", ("a",), (("1",),), converged=False)
    figure = replace(make_figure(), caption="Of the stacked posterior", converged=False)
    text = render_report(replace(make_content(), spectrum=Section(tables=(table,), figures=(figure,))))
    sections = Page(text).sections
    assert f"{WORD} Stacked" in sections["spectrum"]
    assert f"{WORD} Of the stacked posterior" in sections["spectrum"]
    assert WORD not in sections["parameters"]


def test_the_page_is_written_whole_and_alike(tmp_path: Path) -> None:
    content = make_content()
    path = write_report(content, tmp_path / "report.html")
    first = path.read_bytes()
    assert path == tmp_path / "report.html"
    assert first.decode() == render_report(content)
    write_report(content, path)
    assert path.read_bytes() == first
    assert [file.name for file in tmp_path.iterdir()] == ["report.html"]


def test_a_folder_in_the_way_is_refused_and_nothing_is_left(tmp_path: Path) -> None:
    (tmp_path / "report.html").mkdir()
    with pytest.raises(FileError, match=r"report\.html: cannot be written"):
        write_report(make_content(), tmp_path / "report.html")
    assert [file.name for file in tmp_path.iterdir()] == ["report.html"]
