from collections.abc import Callable

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bayes_onoff.inference import Posterior
from bayes_onoff.plotting import plot_profiles, render_svg
from bayes_onoff.products import WstatProfile

INDEX = np.linspace(2.1, 2.9, 41)


@pytest.fixture
def profiles() -> dict[str, WstatProfile]:
    """An index with a normal likelihood, an amplitude whose likelihood never falls above its best value."""
    amplitude = np.concatenate([np.linspace(2.2e-11, 3e-11, 21), np.linspace(3.1e-11, 300e-11, 50)])
    flat = np.minimum(((amplitude - 3e-11) / 2e-12) ** 2, np.where(amplitude > 3e-11, 2.0, np.inf))
    return {
        "amplitude": WstatProfile("amplitude", amplitude, flat, 2.8e-11, 3.2e-11),
        "index": WstatProfile("index", INDEX, ((INDEX - 2.5) / 0.1) ** 2, 2.4, 2.6),
    }


def curve(ax: Axes) -> np.ndarray:
    """The longest line drawn apart from the prior, which is dotted."""
    solid = [line for line in ax.lines if line.get_linestyle() == "-"]
    return max(solid, key=lambda line: len(line.get_xdata())).get_xydata()


def test_curve_is_the_likelihood_with_its_interval(posterior: Posterior, profiles: dict[str, WstatProfile]) -> None:
    ax = plot_profiles(posterior, profiles)[1]
    x, y = curve(ax).T
    np.testing.assert_allclose(y, np.exp(-(((x - 2.5) / 0.1) ** 2) / 2), atol=0.005)
    bars = [line for line in ax.lines if line.get_marker() == "|"]
    np.testing.assert_allclose(bars[0].get_xydata(), [[2.4, np.exp(-0.5)], [2.6, np.exp(-0.5)]])
    best = [line for line in ax.lines if line.get_linestyle() == "--"]
    np.testing.assert_allclose(best[0].get_xdata(), 2.5)


def test_histogram_and_curve_have_the_same_area(posterior: Posterior, profiles: dict[str, WstatProfile]) -> None:
    ax = plot_profiles(posterior, profiles)[1]
    x, y = curve(ax).T
    values, edges, _ = ax.patches[0].get_data()
    assert np.sum(values * np.diff(edges)) == pytest.approx(np.trapezoid(y, x), rel=1e-6)
    assert ax.get_ylim()[1] > values.max()


def test_endless_profile_does_not_stretch_the_axis(posterior: Posterior, profiles: dict[str, WstatProfile]) -> None:
    ax = plot_profiles(posterior, profiles)[0]
    assert "10^{-11}" in ax.get_xlabel()
    assert 3.5 < ax.get_xlim()[1] < 5  # in units of 1e-11


def test_parameter_without_profile_is_drawn_alone(posterior: Posterior) -> None:
    axes = plot_profiles(posterior, {})
    assert [len(ax.lines) for ax in axes] == [2, 2]  # median and prior
    values, _, _ = axes[0].patches[0].get_data()
    assert values.max() == pytest.approx(1)
    assert "profile likelihood" not in [text.get_text() for text in axes[0].figure.legends[0].get_texts()]


def test_unconverged_posterior_is_marked(
    make_posterior: Callable[..., Posterior], profiles: dict[str, WstatProfile]
) -> None:
    figure = plot_profiles(make_posterior(converged=False), profiles)[0].figure
    assert figure.get_suptitle() == "did not converge"
    assert plot_profiles(make_posterior(), profiles)[0].figure.get_suptitle() == ""


def test_draws_into_a_figure_of_the_callers(posterior: Posterior, profiles: dict[str, WstatProfile]) -> None:
    figure = Figure(figsize=(7, 3))
    axes = plot_profiles(posterior, profiles, figure=figure)
    assert all(ax.figure is figure for ax in axes)
    assert render_svg(figure, "profiles").startswith("<svg")
