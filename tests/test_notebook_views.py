"""What notebooks and `print` show of the package's objects: whole, escaped, readable."""

from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from bayes_onoff.inference import BackgroundModel, JointPosterior, Posterior, SamplerSettings, fit
from bayes_onoff.models import LogNormal, Normal, SpectralModel
from bayes_onoff.notation import html_table
from bayes_onoff.spectra import Spectra
from tests.inference.conftest import toy_spectra


class Page(HTMLParser):
    """Collects cells, and sees that every element is closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.cells: list[str] = []
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del attrs
        self.open.append(tag)
        if tag in ("td", "th"):
            self.cells.append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] in ("td", "th"):
            self.cells[-1] += data


@pytest.fixture(scope="module")
def spectra() -> Spectra:
    return toy_spectra()


@pytest.fixture(scope="module")
def posterior(spectra: Spectra) -> Posterior:
    background = BackgroundModel("independent", marginal=True)
    settings = SamplerSettings(draws=60, tune=200, chains=2, seed=1)
    return fit(spectra, SpectralModel("power-law"), background, settings, progress=False)


def test_cells_are_escaped() -> None:
    assert Page(html_table(["a & b"], [["<script>"], ["2 > 1"]], "c < d")).cells == ["a & b", "<script>", "2 > 1"]


def test_spectra_show_a_row_a_run(spectra: Spectra) -> None:
    cells = Page(spectra._repr_html_()).cells
    assert cells[:4] == ["run", "livetime [h]", "ON", "OFF"]
    assert cells[8:12] == ["1", "0.444", str(spectra["1"].n_on.sum()), str(spectra["1"].n_off.sum())]
    assert len(cells) == 3 * 8


def test_a_model_shows_priors_and_fixed_values() -> None:
    model = SpectralModel("power-law", 2.0, {"amplitude": LogNormal(1e-12, 1.0)}, {"index": 2.3})
    html = model._repr_html_()
    cells = Page(html).cells
    assert "reference energy 2 TeV" in html
    assert r"\phi_0 (E/E_0)^{-\Gamma}" in html
    assert "lognormal(mu 1e-12, sigma 1)" in cells
    assert "fixed at 2.3" in cells


def test_a_model_gives_the_reason_of_a_default_prior_only_where_it_stands() -> None:
    why = "photon index, positive for falling spectra; known TeV sources lie between 1.5 and 4.5"
    assert why in Page(SpectralModel("power-law")._repr_html_()).cells
    for model in (
        SpectralModel("power-law", priors={"index": Normal(2.0, 0.1)}),
        SpectralModel("power-law", fixed={"index": 2.5}),
    ):
        cells = Page(model._repr_html_()).cells
        assert "photon index, positive for falling spectra" in cells
        assert why not in cells


def test_a_prior_is_a_line() -> None:
    assert str(LogNormal(1e-12, 1.0)) == "lognormal(mu 1e-12, sigma 1)"
    assert LogNormal(1e-12, 1.0)._repr_html_() == "<code>lognormal(mu 1e-12, sigma 1)</code>"


def test_a_fit_prints_as_a_paragraph(posterior: Posterior) -> None:
    text = str(posterior)
    assert text == repr(posterior)
    assert "\n" not in text
    assert text.startswith("Posterior of a power-law: 2 runs (1, 2), 15 bins, independent background. amplitude ")
    assert "index 2." in text
    assert text.endswith(posterior.convergence.sentence)
    cells = Page(posterior._repr_html_()).cells
    low, median, high = np.quantile(posterior.values["index"], [0.16, 0.5, 0.84])
    assert cells[-5:] == ["index", f"{median:.2f}", f"{low:.2f}", f"{high:.2f}", ""]


def test_several_instruments_print_one_after_the_other(posterior: Posterior, tmp_path: Path) -> None:
    joint = JointPosterior({"one": posterior, "<two>": posterior})
    assert [line.split(":")[0] for line in str(joint).splitlines()] == ["one", "<two>"]
    assert "&lt;two&gt;" in joint._repr_html_()
    assert Page(joint._repr_html_()).cells.count("index") == 2
