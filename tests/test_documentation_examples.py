"""Every example of the documentation runs and says what its page says: the blocks of Python, and the docstrings'."""

import doctest
import pkgutil
import re
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import bayes_onoff
from bayes_onoff.axes import EnergyAxis
from bayes_onoff.models import SpectralModel
from bayes_onoff.simulation import simulate_counts
from bayes_onoff.spectra import Spectra, SpectrumOnOff, write_ogip
from tests.spectra.test_gammapy_datasets import SpectrumDatasetOnOff

DOCS = Path(__file__).parent.parent / "docs"
PAGES = {path.stem: path.read_text(encoding="utf-8") for path in DOCS.glob("*.md")}
CRAB = {"amplitude": 4e-11, "index": 2.5}


def four_runs() -> Spectra:
    """Simulate four runs on the Crab, eight bins each."""
    energy = EnergyAxis(np.geomspace(0.7, 20, 9))
    energy_true = EnergyAxis(np.geomspace(0.4, 40, 17), "energy_true")
    dispersion = np.exp(-((np.log(energy.centers / energy_true.centers[:, None]) / 0.15) ** 2) / 2)
    empty = np.zeros(8, dtype=int)
    runs = [
        SpectrumOnOff(
            name=str(number),
            energy=energy,
            energy_true=energy_true,
            n_on=empty,
            n_off=empty,
            acceptance=1.0,
            acceptance_off=10.0,
            exposure=3e12 * energy_true.centers**0.5,
            edisp=dispersion / np.maximum(dispersion.sum(axis=1, keepdims=True), 1.0),
            livetime=1600.0,
            mask_safe=np.ones(8, dtype=bool),
        )
        for number in range(1, 5)
    ]
    background = np.tile(20 * energy.centers**-1.5, (4, 1))
    rng = np.random.default_rng(1)
    return simulate_counts(Spectra(tuple(runs)), SpectralModel("power-law"), CRAB, npred_off=background, rng=rng)


def written_by_two_telescopes(folder: Path) -> dict[str, list[Path]]:
    files: dict[str, list[Path]] = {}
    for name in ("magic", "hess"):
        (folder / name).mkdir()
        files[name] = [write_ogip(run, folder / name)[0] for run in four_runs()]
    return files


def reader_has(page: str, folder: Path) -> dict[str, Any]:
    """What the reader of a page has before its first example."""
    if page == "comparison":
        return {"spectra": four_runs()}
    if page == "light-curves":
        return {"spectra": four_runs(), "model": SpectralModel("power-law")}
    if page == "from-gammapy":
        return {"datasets": [SpectrumDatasetOnOff(name="23523"), SpectrumDatasetOnOff(name="23526")]}
    return {"files": written_by_two_telescopes(folder)} if page == "systematics" else {}


PRINTED = {
    "comparison": [r"cannot be told apart|predicts"],
    "detection": [
        r"The probability that there is a source is 0\.",
        r"signal [67]\.\d \+- [34]\.\d, below 1\d\.\d counts at 95 %",
        "flux_5sigma",
    ],
    "from-gammapy": [r"\('23523', '23526'\)"],
    "light-curves": [r"do not show variability: F_var < 0\.\d+"],
    "models": [],
    "systematics": [r"agree|differ"],
    # Its truth lies in the posterior: chi2 of 8 points is below 20 in 99 of 100 cases.
    "unfolding": ["The sampling converged", r"chi2 1?\d\.\d for 8 points", r"roughness 0\.[2-9]\d"],
}


def examples(page: str) -> list[str]:
    return re.findall(r"```python\n(.*?)```", PAGES[page], flags=re.DOTALL)


def test_every_page_with_examples_is_here() -> None:
    assert {page for page in PAGES if examples(page)} == set(PRINTED)


@pytest.mark.parametrize("page", PRINTED)
def test_examples_of_a_page_run(
    page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    names = reader_has(page, tmp_path)
    for example in examples(page):
        exec(compile(example, f"{page}.md", "exec"), names)
    output = capsys.readouterr().out
    for expected in PRINTED[page]:
        assert re.search(expected, output), output


def test_examples_of_docstrings_run() -> None:
    tried = 0
    for module in pkgutil.walk_packages(bayes_onoff.__path__, "bayes_onoff."):
        if module.name != "bayes_onoff.__main__":
            result = doctest.testmod(import_module(module.name))
            assert result.failed == 0, module.name
            tried += result.attempted
    assert tried >= 6
