"""Predictive checks over all bins: what is drawn is what was counted and what was predicted."""

from dataclasses import replace

import numpy as np
import pytest
import xarray as xr
from matplotlib.patches import StepPatch

from bayes_onoff.errors import InputError
from bayes_onoff.inference import Posterior
from bayes_onoff.inference.fit_data import FitData
from bayes_onoff.plotting import plot_pit, plot_predictive_checks, plot_prior_predictive, plot_rootogram, render_svg
from bayes_onoff.spectra import Spectra
from bayes_onoff.spectra.labelled import to_dataset


def with_counts(posterior: Posterior, n_on: np.ndarray) -> Posterior:
    """The same predictions, other ON counts (run, energy of the fitted bins)."""
    first = posterior.spectra.energy.n_bins - n_on.shape[1]
    runs = []
    for run, counts in zip(posterior.spectra, n_on, strict=True):
        whole = run.n_on.copy()
        whole[first:] = counts
        runs.append(run.replace(n_on=whole))
    groups = {key: node.to_dataset() for key, node in posterior.tree.children.items()}
    return replace(posterior, tree=xr.DataTree.from_dict({**groups, "spectra": to_dataset(Spectra(tuple(runs)))}))


def bars_and_band(ax):
    (band,) = (patch for patch in ax.patches if isinstance(patch, StepPatch))
    return [bar for bar in ax.patches if bar is not band], band.get_data()


@pytest.mark.parametrize("region", ["on", "off"])
def test_bars_hang_from_the_predicted_mean_and_hold_every_bin(posterior: Posterior, region: str) -> None:
    ax = plot_rootogram(posterior, region=region)
    data = FitData.from_spectra(posterior.spectra)
    bars, band = bars_and_band(ax)
    heights = np.array([bar.get_height() for bar in bars])
    np.testing.assert_allclose(np.sum(heights**2), data.mask.sum())
    line = next(line for line in ax.lines if len(line.get_xdata()) == len(bars))
    np.testing.assert_allclose([bar.get_y() + bar.get_height() for bar in bars], line.get_ydata())
    assert np.all(band.baseline <= 1e-9)
    assert np.all(band.values >= band.baseline)


def test_bars_leave_the_band_where_counts_are_not_those_predicted(posterior: Posterior) -> None:
    """All ON counts at one number that is hardly ever predicted so often."""
    data = FitData.from_spectra(posterior.spectra)
    bars, band = bars_and_band(plot_rootogram(with_counts(posterior, np.where(data.mask, 4, 0))))
    assert min(bar.get_y() - low for bar, low in zip(bars, band.baseline, strict=True)) < -1


def test_pit_of_a_right_prediction_stays_in_the_band_and_of_a_wrong_one_does_not(posterior: Posterior) -> None:
    from scipy.stats import kstwo

    data = FitData.from_spectra(posterior.spectra)
    limit = kstwo.ppf(0.95, data.mask.sum())
    on, off = (line.get_ydata() for line in plot_pit(posterior).lines[:2])
    assert on[-1] == off[-1] == 0
    assert np.abs(on).max() < limit
    # Each OFF rate of this posterior was fitted to its own count: the values crowd around 1/2.
    assert off[100] < -0.1
    assert off[300] > 0.1
    wrong = plot_pit(with_counts(posterior, np.where(data.mask, 3 * data.n_on + 5, 0))).lines[0].get_ydata()
    assert np.abs(wrong).max() > limit


def test_one_figure_holds_them_all_and_says_if_the_sampling_failed(
    posterior: Posterior, unconverged: Posterior
) -> None:
    axes = plot_predictive_checks(posterior)
    assert [ax.get_xlabel().split()[0] for ax in axes] == ["ON", "OFF", "PIT"]
    assert all(ax.get_title(loc="right") == "" for ax in axes)
    assert "<svg" in render_svg(axes[0].figure, "good")
    assert all(ax.get_title(loc="right") == "did not converge" for ax in plot_predictive_checks(unconverged))


def test_prior_prediction_and_counts_of_all_runs(posterior: Posterior) -> None:
    data = FitData.from_spectra(posterior.spectra)
    rng = np.random.default_rng(1)
    dims = ("chain", "draw", "run", "energy")
    drawn = {name: (dims, rng.poisson(7.0, (1, 400, *data.mask.shape))) for name in ("n_on", "n_off")}
    groups = {key: node.to_dataset() for key, node in posterior.tree.children.items()}
    tree = xr.DataTree.from_dict({**groups, "prior_predictive": xr.Dataset(drawn)})
    on, off = plot_prior_predictive(replace(posterior, tree=tree))
    for ax, counts in ((on, data.n_on), (off, data.n_off)):
        np.testing.assert_array_equal(ax.lines[0].get_ydata(), counts.sum(axis=0))
        wide, narrow = (patch.get_data() for patch in ax.patches if isinstance(patch, StepPatch))
        # The sum of two runs is Poisson with mean 14.
        assert 4 <= np.median(wide.baseline) <= 9
        assert 19 <= np.median(wide.values) <= 24
        assert np.all(wide.baseline <= narrow.baseline)


def test_unknown_region_is_refused(posterior: Posterior) -> None:
    with pytest.raises(InputError, match="unknown region; found 'sky'"):
        plot_rootogram(posterior, region="sky")  # type: ignore[arg-type]
