"""The figure of a light curve: what is drawn, and where long gaps are cut out."""

import numpy as np
import pytest
from astropy.table import QTable

from bayes_onoff.plotting import plot_light_curve, plot_variability
from bayes_onoff.products import LightCurve
from bayes_onoff.units import ENERGY, FLUX

DAYS = np.array([0, 1, 2, 30, 31, 33])
FLUXES = np.array([1.0, 1.4, 0.2, 0.9, 2.0, 1.1]) * 1e-11


def curve(days: np.ndarray, *, converged: bool = True) -> LightCurve:
    rng = np.random.default_rng(1)
    n = len(days)
    draws = FLUXES[:n] * (1 + 0.1 * rng.standard_normal((2, 400, n)))
    column = {name: np.full((n, 1), 2e-12) * FLUX for name in ("_errn", "_errp")}
    columns = {
        "name": [f"night-{i}" for i in range(n)],
        "time_min": 53343.9 + days,
        "time_max": 53343.95 + days,
        "e_min": np.full((n, 1), 0.5) * ENERGY,
        "e_max": np.full((n, 1), 20.0) * ENERGY,
        "is_ul": (FLUXES[:n] < 5e-12)[:, None],
        "flux_ul": (FLUXES[:n, None] + 4e-12) * FLUX,
    }
    for kind in ("flux", "flux_shrunk"):
        columns |= {kind: FLUXES[:n, None] * FLUX, **{f"{kind}{suffix}": value for suffix, value in column.items()}}
    scatter = np.abs(rng.normal(0.4, 0.1, (2, 400)))
    meta = {"fvar_population_ul95": float(np.quantile(scatter, 0.95)), "converged": converged}
    return LightCurve(QTable(columns, meta=meta), draws, draws, {"fvar_population": scatter, "fvar_sample": scatter})


def test_long_gaps_are_cut_out() -> None:
    ax, _ = plot_light_curve(curve(DAYS))
    assert len([patch for patch in ax.patches if patch.get_hatch()]) == 1
    assert ax.get_xlabel() == "MJD − 53343 (TT)"
    labels = [float(label.get_text()) for label in ax.get_xticklabels()]
    assert labels == sorted(labels)
    assert all(0.9 <= label <= 2.95 or 30.9 <= label <= 33.95 for label in labels)


def test_no_gap_no_cut() -> None:
    ax, _ = plot_light_curve(curve(np.arange(6)))
    assert not [patch for patch in ax.patches if patch.get_hatch()]


def test_groups_without_times_stand_side_by_side() -> None:
    ax, _ = plot_light_curve(curve(np.full(6, np.nan)))
    assert [label.get_text() for label in ax.get_xticklabels()] == [f"night-{i}" for i in range(6)]


@pytest.mark.parametrize("n", [2, 6])
def test_flux_axis_names_range_and_unit(n: int) -> None:
    ax, other = plot_light_curve(curve(DAYS[:n]))
    assert "0.5–20 TeV" in ax.get_ylabel()
    assert ax.get_ylim()[0] == 0
    assert other.get_xlabel() == r"$F_\mathrm{var}$"


def test_says_when_it_did_not_converge() -> None:
    ax, _ = plot_light_curve(curve(DAYS, converged=False))
    assert ax.figure.get_suptitle() == "did not converge"


def test_density_of_the_variability() -> None:
    ax = plot_variability(curve(DAYS))
    assert ax.get_xlim()[0] == 0
