from dataclasses import replace

import numpy as np
import pytest
import xarray as xr
from matplotlib.patches import StepPatch

from bayes_onoff.errors import InputError
from bayes_onoff.inference import BackgroundModel, Posterior
from bayes_onoff.inference.fit_data import FitData
from bayes_onoff.plotting import plot_background_checks, render_svg
from bayes_onoff.products.background_checks import replicate_off_counts
from bayes_onoff.spectra import Spectra
from bayes_onoff.spectra.labelled import to_dataset


def with_pooled_draws(posterior: Posterior, spectra: Spectra | None = None) -> Posterior:
    """The background that the counts were drawn from, nearly certain."""
    spectra = posterior.spectra if spectra is None else spectra
    data = FitData.from_spectra(spectra)
    rng = np.random.default_rng(3)
    shape = (2, 500)
    center = np.sqrt(data.energy.edges[0] * data.energy.edges[-1])
    level = np.log(5 * center**-1.7) + 0.02 * rng.standard_normal((*shape, len(data.runs)))
    draws = {
        "level": (("chain", "draw", "run"), level),
        "slope": (("chain", "draw"), -1.7 + 0.02 * rng.standard_normal(shape)),
        "coefficient": (("chain", "draw", "basis"), np.zeros((*shape, 8))),
        "deviation_scale": (("chain", "draw"), np.full(shape, 0.05)),
    }
    tree = xr.DataTree.from_dict({"posterior": xr.Dataset(draws), "spectra": to_dataset(spectra)})
    return replace(posterior, tree=tree)


def with_a_line(spectra: Spectra, run: int, energy: int) -> Spectra:
    counts = spectra.runs[run].n_off.copy()
    counts[energy] = 3 * counts[energy] + 100
    return Spectra(tuple(replace(one, n_off=counts) if i == run else one for i, one in enumerate(spectra)))


def rings(ax):
    return [line for line in ax.lines if line.get_markersize() == 10]


def test_bands_hold_the_replicated_residuals_and_points_the_observed(posterior: Posterior) -> None:
    pooled = with_pooled_draws(posterior)
    axes = plot_background_checks(pooled, seed=2)
    residuals = replicate_off_counts(pooled, seed=2)
    assert [ax.get_title(loc="left") for ax in axes] == ["run 23523", "run 23559"]
    for run, ax in enumerate(axes):
        mask = residuals.data.mask[run]
        wide, narrow = [patch for patch in ax.patches if isinstance(patch, StepPatch)]
        for patch, levels in ((wide, (0.025, 0.975)), (narrow, (0.16, 0.84))):
            lower, upper = (np.quantile(residuals.replicated[:, run], level, axis=0) for level in levels)
            np.testing.assert_allclose(patch.get_data().values, np.where(mask, upper, np.nan))
            np.testing.assert_allclose(patch.get_data().baseline, np.where(mask, lower, np.nan))
        points = next(line for line in ax.lines if line.get_marker() == "o").get_ydata()
        np.testing.assert_allclose(points, np.where(mask, np.median(residuals.observed[:, run], axis=0), np.nan))
        assert rings(ax) == []
        low, high = ax.get_ylim()
        assert np.all((points[mask] > low) & (points[mask] < high))


def test_a_flagged_bin_is_ringed(posterior: Posterior) -> None:
    pooled = with_pooled_draws(posterior, with_a_line(posterior.spectra, 1, 9))
    first, second = plot_background_checks(pooled)
    assert rings(first) == []
    (ring,) = rings(second)
    assert ring.get_xdata() == pytest.approx(posterior.spectra.energy.centers[9])
    assert [text.get_text() for text in second.figure.legends[0].get_texts()][-1] == "outside the family"
    assert render_svg(second.figure, "checks").startswith("<svg")


def test_of_many_runs_the_outstanding_are_drawn(posterior: Posterior) -> None:
    base = posterior.spectra.runs[1]
    many = Spectra(tuple(replace(base, name=f"{number}") for number in range(20)))
    axes = plot_background_checks(with_pooled_draws(posterior, with_a_line(many, 17, 9)))
    assert len(axes) == 12
    titles = [ax.get_title(loc="left") for ax in axes]
    assert "run 17" in {title.split(":")[0] for title in titles}
    assert sorted(titles, key=lambda title: int(title.split(" ")[1].rstrip(":"))) == titles


def test_a_posterior_that_did_not_converge_says_so(unconverged: Posterior) -> None:
    axes = plot_background_checks(with_pooled_draws(unconverged))
    assert axes[0].get_title(loc="right") == "did not converge"


def test_independent_rates_cannot_be_drawn(posterior: Posterior) -> None:
    with pytest.raises(InputError, match="independent background rates have no family to test"):
        plot_background_checks(replace(posterior, background=BackgroundModel("independent")))
