import numpy as np
import pytest
from matplotlib.patches import StepPatch

from bayes_onoff.errors import InputError
from bayes_onoff.inference.fit_data import FitData
from bayes_onoff.inference.posterior import Posterior
from bayes_onoff.plotting import plot_counts, plot_counts_and_residuals, plot_residuals
from bayes_onoff.products.residuals import predictive_residuals

MARK = "did not converge"


def steps(ax) -> list[StepPatch]:
    return [patch for patch in ax.patches if isinstance(patch, StepPatch)]


def masked(posterior: Posterior, run: int, values: np.ndarray) -> np.ndarray:
    return np.where(FitData.from_spectra(posterior.spectra).mask[run], values, np.nan)


@pytest.mark.parametrize("region", ["on", "off"])
def test_the_band_of_a_run_holds_the_quantiles_of_its_replicates(posterior: Posterior, region: str) -> None:
    ax = plot_counts(posterior, run="23523", region=region)
    draws = posterior.tree["posterior_predictive"][f"n_{region}"].sel(run="23523").to_numpy().reshape(2000, -1)
    wide, narrow, median = steps(ax)[:3]
    for patch, levels in ((wide, (0.025, 0.975)), (narrow, (0.16, 0.84))):
        lower, upper = (masked(posterior, 0, np.quantile(draws, level, axis=0)) for level in levels)
        np.testing.assert_allclose(patch.get_data().values, upper)
        np.testing.assert_allclose(patch.get_data().baseline, lower)
    np.testing.assert_allclose(median.get_data().values, masked(posterior, 0, np.median(draws, axis=0)))
    np.testing.assert_allclose(wide.get_data().edges, FitData.from_spectra(posterior.spectra).energy.edges)


def test_bins_that_were_not_analysed_stay_empty(posterior: Posterior) -> None:
    ax = plot_counts(posterior, run="23523")
    points = ax.containers[0].lines[0].get_ydata()
    counts = FitData.from_spectra(posterior.spectra).n_on[0]
    assert np.isnan(points[0])  # safe in the other run only
    np.testing.assert_array_equal(points[1:], counts[1:])


def test_all_runs_together_are_their_sum(posterior: Posterior) -> None:
    data = FitData.from_spectra(posterior.spectra)
    ax = plot_counts(posterior)
    np.testing.assert_array_equal(ax.containers[0].lines[0].get_ydata(), data.n_on.sum(axis=0))
    draws = posterior.tree["posterior_predictive"]["n_on"].to_numpy().sum(axis=2).reshape(2000, -1)
    np.testing.assert_allclose(steps(ax)[2].get_data().values, np.median(draws, axis=0))
    off = posterior.tree["posterior"]["npred_off"].to_numpy()
    background = (np.where(data.mask, off, 0) * data.alpha).sum(axis=2).reshape(2000, -1)
    np.testing.assert_allclose(steps(ax)[4].get_data().values, np.median(background, axis=0))


def test_empty_bins_are_on_the_axis(posterior: Posterior) -> None:
    ax = plot_counts(posterior)
    assert ax.get_yscale() == "symlog"
    assert ax.get_ylim()[0] < 0
    assert ax.get_ylim()[1] > FitData.from_spectra(posterior.spectra).n_on.sum(axis=0).max()


@pytest.mark.parametrize("kind", ["standardised", "quantile"])
@pytest.mark.parametrize("run", [None, "23559"])
def test_residuals_are_those_of_the_products(posterior: Posterior, kind: str, run: str | None) -> None:
    ax = plot_residuals(posterior, run=run, kind=kind, region="off", seed=5)
    residuals = predictive_residuals(posterior, summed_over="run" if run is None else None, seed=5)[kind]
    expected = residuals.sel(region="off") if run is None else residuals.sel(region="off", run=run)
    np.testing.assert_allclose(ax.lines[-1].get_ydata(), expected)
    low, high = ax.get_ylim()
    assert low < np.nanmin(expected)
    assert high > np.nanmax(expected)


def test_counts_and_residuals_share_their_energies(posterior: Posterior) -> None:
    on, on_residuals, off, off_residuals = plot_counts_and_residuals(posterior, run="23523")
    assert on.get_title(loc="left") == "ON, run 23523"
    assert off.get_title(loc="left") == "OFF, run 23523"
    edges = FitData.from_spectra(posterior.spectra).energy.edges
    for ax in (on, on_residuals, off, off_residuals):
        assert ax.get_xlim() == (edges[0], edges[-1])
        assert ax.get_xscale() == "log"
    assert on_residuals.get_xlabel() == "Reconstructed energy [TeV]"
    on.figure.canvas.draw()


@pytest.mark.parametrize("run", ["23559", None])
def test_residuals_below_the_counts_are_the_standardised_ones(posterior: Posterior, run: str | None) -> None:
    _, on, _, off = plot_counts_and_residuals(posterior, run=run)
    computed = predictive_residuals(posterior, summed_over="run" if run is None else None)["standardised"]
    computed = computed if run is None else computed.sel(run=run)
    for ax, region in ((on, "on"), (off, "off")):
        shown = next(line for line in ax.lines if line.get_linestyle() == "None").get_ydata()
        np.testing.assert_allclose(shown, computed.sel(region=region), rtol=1e-10)


def test_unconverged_predictions_say_so(posterior: Posterior, unconverged: Posterior) -> None:
    assert plot_counts(posterior).get_title(loc="right") == ""
    assert plot_counts(unconverged).get_title(loc="right") == MARK
    assert plot_residuals(unconverged).get_title(loc="right") == MARK
    on, _, off, _ = plot_counts_and_residuals(unconverged)
    assert (on.get_title(loc="right"), off.get_title(loc="right")) == (MARK, MARK)


def test_an_unknown_run_is_refused(posterior: Posterior) -> None:
    with pytest.raises(InputError, match="run: unknown run; found '1'; allowed: 23523, 23559"):
        plot_counts(posterior, run="1")


def test_an_unknown_region_is_refused(posterior: Posterior) -> None:
    with pytest.raises(InputError, match="region: unknown region; found 'north'; allowed: on, off"):
        plot_residuals(posterior, region="north")
