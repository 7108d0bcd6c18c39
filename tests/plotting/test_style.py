import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from bayes_onoff.plotting.style import (
    INK,
    SERIES,
    energy_axis,
    fading,
    ink,
    mark_convergence,
    new_axes,
    run_colors,
)


def test_a_figure_made_here_belongs_to_the_caller_alone() -> None:
    before = dict(mpl.rcParams)
    ax = new_axes()
    ax.plot([1, 2])
    ax.figure.canvas.draw()
    assert plt.get_fignums() == []
    assert dict(mpl.rcParams) == before


@pytest.mark.parametrize("n_runs", [1, 4, len(SERIES), len(SERIES) + 1, 40])
def test_every_run_has_a_colour_of_its_own(n_runs: int) -> None:
    assert len(set(run_colors(n_runs))) == n_runs


def luminance(color: str) -> float:
    """Relative luminance of WCAG 2.1."""
    channels = np.array(to_rgb(color))
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


@pytest.mark.parametrize("color", SERIES)
@pytest.mark.parametrize(("page", "least"), [("#ffffff", 2.2), ("#14171b", 3.0)])
def test_lines_stand_out_on_a_light_and_on_a_dark_page(color: str, page: str, least: float) -> None:
    brighter, darker = sorted((luminance(color), luminance(page)), reverse=True)
    assert (brighter + 0.05) / (darker + 0.05) > least


def test_ink_follows_the_style_of_the_callers_axes() -> None:
    assert ink(new_axes()) == INK
    with plt.style.context("dark_background"):
        ax = Figure().add_subplot()
    assert ink(ax) == "#ffffff"


def test_a_fading_colour_map_starts_transparent() -> None:
    scale = fading("#ff0000", 0.6)
    assert scale(0.0) == (1.0, 0.0, 0.0, 0.0)
    assert scale(1.0) == pytest.approx((1.0, 0.0, 0.0, 0.6))


@pytest.mark.parametrize(("hi", "labels"), [(40.0, ["0.5", "1", "2", "5", "10", "20"]), (900.0, ["1", "10", "100"])])
def test_energies_are_plain_numbers(hi: float, labels: list[str]) -> None:
    ax = new_axes()
    energy_axis(ax, 0.45, hi)
    assert ax.get_xlim() == (0.45, hi)
    ticks = zip(ax.get_xticks(), ax.xaxis.get_majorticklabels(), strict=True)
    assert [text.get_text() for value, text in ticks if 0.45 <= value <= hi] == labels


def test_only_what_did_not_converge_is_marked() -> None:
    ax = new_axes()
    mark_convergence(ax, True)
    mark_convergence(ax.figure, True)
    assert ax.get_title(loc="right") == ""
    assert ax.figure.get_suptitle() == ""
    mark_convergence(ax, False)
    mark_convergence(ax.figure, False)
    assert ax.get_title(loc="right") == "did not converge"
    assert ax.figure.get_suptitle() == "did not converge"
