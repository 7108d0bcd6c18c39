"""Light curves from posteriors made by hand: fluxes, limits, variability in words, files."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from astropy.table import QTable, Table

from bayes_onoff.errors import InputError
from bayes_onoff.inference import BackgroundModel, BandPosterior, GroupNorms, LightCurvePosterior, Population
from bayes_onoff.inference.convergence import Convergence
from bayes_onoff.inference.run_groups import RunGroups
from bayes_onoff.models import photons
from bayes_onoff.products import LightCurve, group_fluxes, light_curve, write_light_curve
from bayes_onoff.spectra import Spectra
from tests.proofs.light_curves import LEVELS, MODEL, N_BINS, N_GROUPS, TRUTH, toy_with_counts

INDEPENDENT = BackgroundModel("independent", shape=0.5, rate=1e-3)
CONVERGED = Convergence(1.002, 3000.0, 2500.0, 0.9, 0, 2000, ())
FACTORS = np.array([0.02, 0.7, 1.0, 1.3, 1.8, 0.8])
SHAPE = (4, 500)

type Make = Callable[..., tuple[LightCurvePosterior, GroupNorms]]


@pytest.fixture(scope="module")
def spectra() -> Spectra:
    return toy_with_counts(LEVELS["some"], FACTORS, np.random.default_rng(2))


@pytest.fixture(scope="module")
def make(spectra: Spectra) -> Make:
    """A light curve whose scatter has a given distribution, and norms in some bands."""

    def made(scatter: float, width: float, n_bands: int = 1) -> tuple[LightCurvePosterior, GroupNorms]:
        rng = np.random.default_rng(4)
        spread = np.abs(rng.normal(scatter, width, SHAPE))
        factor = FACTORS * np.exp(0.1 * rng.standard_normal((*SHAPE, N_GROUPS)))
        variables = {name: (("chain", "draw"), np.full(SHAPE, value)) for name, value in TRUTH.items()}
        tree = xr.DataTree.from_dict(
            {
                "posterior": xr.Dataset(
                    {
                        **variables,
                        "scatter": (("chain", "draw"), spread),
                        "factor": (("chain", "draw", "group"), factor),
                    }
                )
            }
        )
        groups = RunGroups.of(spectra)
        curve = LightCurvePosterior(tree, spectra, MODEL, Population(), groups, INDEPENDENT, CONVERGED)
        index = np.arange(N_GROUPS * n_bands).reshape(N_GROUPS, n_bands)
        band = np.arange(N_BINS) * n_bands // N_BINS
        norm = np.abs(FACTORS.repeat(n_bands) + 0.15 * rng.standard_normal((*SHAPE, N_GROUPS * n_bands)))
        norms = xr.DataTree.from_dict({"posterior": xr.Dataset({"norm": (("chain", "draw", "band"), norm)})})
        edges = spectra.energy.edges[:: N_BINS // n_bands]
        posterior = BandPosterior(norms, spectra, MODEL, TRUTH, edges, index[:, band], INDEPENDENT, CONVERGED)
        return curve, GroupNorms(posterior, groups, index)

    return made


@pytest.fixture(scope="module")
def curve(make: Make) -> LightCurve:
    return light_curve(*make(0.5, 0.1))


def test_table(curve: LightCurve, spectra: Spectra) -> None:
    table = curve.table
    integral = photons(MODEL, TRUTH, spectra.energy.edges[[0, -1]])[0]
    assert table["flux"].shape == (N_GROUPS, 1)
    assert table["flux"].to("cm-2 s-1").value[:, 0] == pytest.approx(FACTORS * integral, rel=0.1, abs=0.15 * integral)
    assert table["flux_shrunk"].to("cm-2 s-1").value[:, 0] == pytest.approx(FACTORS * integral, rel=0.02)
    assert table["is_ul"][:, 0].tolist() == [True, False, False, False, False, False]
    assert table["time_min"][0] == pytest.approx(53343.9)
    assert table["time_mid"][1] == pytest.approx(53344.91)
    assert table["n_on"][:, 0].tolist() == spectra.n_on.sum(axis=1).tolist()
    assert table["excess"][:, 0] == pytest.approx((spectra.n_on - spectra.alpha * spectra.n_off).sum(axis=1))
    assert np.all(table["flux_ul"].value > 0)


def test_rows_stand_in_time(make: Make) -> None:
    """The order of runs is not that of their times."""
    posterior, norms = make(0.5, 0.1)
    turned = Spectra(tuple(run.replace(gti=run.gti - 2 * i) for i, run in enumerate(norms.bands.spectra)))
    norms = replace(norms, bands=replace(norms.bands, spectra=turned))
    curve = light_curve(posterior, norms)
    assert list(curve.table["name"]) == [f"night-{i}" for i in range(N_GROUPS)][::-1]
    median = np.median(curve.shrunk, axis=(0, 1))
    assert median == pytest.approx(curve.table["flux_shrunk"].value[:, 0])
    assert median[-1] < median[0] / 10


def test_covariance(curve: LightCurve) -> None:
    draws = curve.shrunk.reshape(-1, N_GROUPS)
    assert curve.covariance.shape == (N_GROUPS, N_GROUPS)
    assert np.diag(curve.covariance) == pytest.approx(draws.var(axis=0, ddof=1))


def test_variability(curve: LightCurve, make: Make) -> None:
    scatter = make(0.5, 0.1)[0].draws("scatter")
    assert curve.variability["fvar_population"] == pytest.approx(np.sqrt(np.exp(scatter**2) - 1))
    expected = FACTORS.std(ddof=1) / FACTORS.mean()
    assert curve.variability["fvar_sample"].mean() == pytest.approx(expected, rel=0.1)
    assert curve.table.meta["fvar_population_median"] == pytest.approx(np.sqrt(np.expm1(0.25)), rel=0.03)


@pytest.mark.parametrize(
    ("scatter", "width", "words"),
    [
        (0.5, 0.05, r"The data show variability \(Bayes factor above .*: F_var = 0.53 \(0.47 to 0.59, 68 %\)\."),
        (0.0, 0.1, r"The data do not show variability: F_var < 0\.\d+ \(95 %\)\."),
        (0.12, 0.035, r"The data hint at variability \(Bayes factor \d"),
    ],
)
def test_in_words(make: Make, scatter: float, width: float, words: str) -> None:
    import re

    sentence = light_curve(*make(scatter, width)).table.meta["sentence"]
    assert re.match(words, sentence), sentence


def test_bands_of_energy(make: Make) -> None:
    table = group_fluxes(make(0.5, 0.1, n_bands=2)[1])
    assert table["flux"].shape == (N_GROUPS, 2)
    assert table["e_min"][:, 1].value == pytest.approx(np.full(N_GROUPS, np.sqrt(10)))
    assert np.all(table["flux"][1:, 0] > table["flux"][1:, 1])


def test_a_band_that_expects_nothing_is_nan(make: Make) -> None:
    _, norms = make(0.5, 0.1)
    last = norms.index.max()
    without = replace(norms, index=np.where(norms.index == last, -1, norms.index))
    table = group_fluxes(without)
    assert np.isnan(table["flux"][-1, 0].value)
    assert np.isfinite(table["flux"][:-1].value).all()


def test_other_groups_are_refused(make: Make) -> None:
    posterior, _ = make(0.5, 0.1)
    with pytest.raises(InputError, match="with and without a population"):
        light_curve(posterior, make(0.5, 0.1, n_bands=2)[1])


def test_files(curve: LightCurve, tmp_path: Path) -> None:
    table_path, draws_path = write_light_curve(curve, tmp_path / "light_curve.ecsv")
    table = QTable.read(table_path)
    assert table["flux"].unit == curve.table["flux"].unit
    assert table["flux"].shape == (N_GROUPS, 1)
    # What gammapy's reader of light curves looks for.
    plain = Table.read(table_path)
    assert {"time_min", "time_max", "e_ref", "e_min", "e_max", "flux", "flux_err", "flux_ul"} <= set(plain.colnames)
    assert (plain.meta["SED_TYPE"], plain.meta["TIMESYS"], plain.meta["TIMEUNIT"]) == ("flux", "tt", "d")
    with xr.open_dataset(draws_path) as draws:
        assert draws["covariance"].shape == (N_GROUPS, N_GROUPS)
        assert draws["fvar_population"].shape == SHAPE
        assert draws.attrs["sentence"] == curve.table.meta["sentence"]
