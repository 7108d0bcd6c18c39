import numpy as np
import pytest

from bayes_onoff.inference.posterior import Posterior
from bayes_onoff.plotting import plot_pair, plot_trace
from bayes_onoff.plotting.style import GREEN, GREY, VERMILLION

MARK = "did not converge"


def test_marginals_show_median_interval_and_prior(posterior: Posterior) -> None:
    axes = plot_pair(posterior)
    ax = axes[1, 1]
    draws = posterior.values["index"]
    low, median, high = np.quantile(draws, [0.16, 0.5, 0.84])
    assert ax.lines[0].get_xdata()[0] == pytest.approx(median)
    interval = ax.patches[-1]
    assert (interval.get_x(), interval.get_x() + interval.get_width()) == pytest.approx((low, high))
    x, density = next(line for line in ax.lines if line.get_color() == GREY).get_data()
    np.testing.assert_allclose(density, np.exp(-0.5 * (x - 2.5) ** 2) / np.sqrt(2 * np.pi))
    histogram = ax.patches[0].get_data()
    assert np.sum(histogram.values * np.diff(histogram.edges)) == pytest.approx(1)
    assert ax.get_title().startswith(r"$\Gamma$ = $2.60^{+0.06}")


def test_small_numbers_are_scaled_and_the_label_says_by_what(posterior: Posterior) -> None:
    axes = plot_pair(posterior)
    label = axes[1, 0].get_xlabel()
    assert r"10^{-11}" in label
    assert "TeV" in label
    assert axes[0, 0].lines[0].get_xdata()[0] == pytest.approx(np.median(posterior.values["amplitude"]) / 1e-11)


def test_contours_hold_the_draws_they_claim(posterior: Posterior) -> None:
    ax = plot_pair(posterior)[1, 0]
    points = np.stack([posterior.values["amplitude"].ravel() / 1e-11, posterior.values["index"].ravel()], axis=1)
    outlines = ax.collections[-1].get_paths()
    assert len(outlines) == 2
    for outline, content in zip(outlines, (0.95, 0.68), strict=True):
        assert outline.contains_points(points).mean() == pytest.approx(content, abs=0.04)


def test_axes_reach_marks_that_are_near(posterior: Posterior) -> None:
    amplitude, index = (np.ptp(posterior.values[name]) for name in ("amplitude", "index"))
    near = posterior.values["index"].max() + 0.5 * index
    far = posterior.values["amplitude"].max() + 5 * amplitude
    plain = plot_pair(posterior)
    axes = plot_pair(posterior, marks={"simulated": {"amplitude": far, "index": near}})
    assert axes[1, 1].get_xlim()[1] > near
    assert axes[1, 0].get_ylim() == axes[1, 1].get_xlim()
    assert axes[0, 0].get_xlim() == axes[1, 0].get_xlim() == plain[0, 0].get_xlim()


def test_marks_stand_at_their_values(posterior: Posterior) -> None:
    axes = plot_pair(posterior, marks={"WSTAT": {"amplitude": 2.69e-11, "index": 2.5876}}, show_priors=False)
    mark = next(line for line in axes[1, 0].lines if line.get_color() == VERMILLION)
    np.testing.assert_allclose(mark.get_xydata(), [[2.69, 2.5876]])
    line = next(line for line in axes[1, 1].lines if line.get_color() == VERMILLION)
    assert line.get_xdata()[0] == 2.5876
    (legend,) = axes[0, 0].figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["68 %", "95 %", "WSTAT"]


def test_axes_reach_out_to_a_mark_far_from_the_draws(posterior: Posterior) -> None:
    far = {"amplitude": 3.45e-11, "index": 2.6}
    plain = plot_pair(posterior)
    axes = plot_pair(posterior, marks={"WSTAT": {"amplitude": 2.69e-11, "index": 2.5876}, "published": far})
    draws = posterior.values["amplitude"] / 1e-11
    assert plain[1, 0].get_xlim() == pytest.approx((draws.min(), draws.max()))
    for ax in (axes[0, 0], axes[1, 0]):
        low, high = ax.get_xlim()
        assert low == pytest.approx(draws.min())
        assert 3.45 < high < 3.6
    assert axes[1, 0].get_ylim() == plain[1, 0].get_ylim() == axes[1, 1].get_xlim()
    (mark,) = (line for line in axes[1, 0].lines if line.get_color() == GREEN)
    np.testing.assert_allclose(mark.get_xydata(), [[3.45, 2.6]])


def test_a_mark_of_another_model_is_drawn_where_it_can_be(posterior: Posterior) -> None:
    axes = plot_pair(posterior, marks={"log-parabola": {"amplitude": 2.8e-11, "alpha": 2.3}})
    assert any(line.get_color() == VERMILLION for line in axes[0, 0].lines)
    assert not any(line.get_color() == VERMILLION for line in (*axes[1, 0].lines, *axes[1, 1].lines))


def test_nothing_is_drawn_above_the_diagonal(posterior: Posterior) -> None:
    axes = plot_pair(posterior)
    assert axes[0, 1] is None
    assert len(axes[0, 0].figure.axes) == 3


def test_traces_are_the_chains(posterior: Posterior) -> None:
    axes = plot_trace(posterior)
    for line, chain in zip(axes[1, 0].lines, posterior.values["index"], strict=True):
        np.testing.assert_array_equal(line.get_ydata(), chain)
    assert axes[0, 0].get_title(loc="left") == "4 chains"


def test_rank_histograms_share_the_ranks_out(posterior: Posterior) -> None:
    ax = plot_trace(posterior)[1, 1]
    frequencies = np.array([patch.get_data().values for patch in ax.patches[1:]])
    assert frequencies.shape == (4, 20)
    np.testing.assert_allclose(frequencies.mean(axis=0), 1)
    np.testing.assert_allclose(frequencies.mean(axis=1), 1)
    band = ax.patches[0]
    inside = np.abs(frequencies - 1) <= band.get_height() / 2
    assert inside.mean() == pytest.approx(0.95, abs=0.06)


def test_unconverged_draws_say_so(posterior: Posterior, unconverged: Posterior) -> None:
    assert plot_pair(posterior)[0, 0].figure.get_suptitle() == ""
    assert plot_pair(unconverged)[0, 0].figure.get_suptitle() == MARK
    assert plot_trace(unconverged)[0, 0].get_title(loc="right") == MARK
