"""The evidence for a source: against closed forms, against one norm sampled alone, and what is refused."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from astropy.table import Table
from scipy.integrate import quad
from scipy.special import logsumexp
from scipy.stats import halfnorm, poisson

from bayes_onoff.axes import EnergyAxis
from bayes_onoff.errors import InputError
from bayes_onoff.inference import BackgroundModel, BandPosterior, SamplerSettings, fit_bands
from bayes_onoff.inference.bands import bands_of_bins
from bayes_onoff.inference.fit_data import FitData
from bayes_onoff.inference.groups import draws_dataset
from bayes_onoff.inference.rates import prior_background_draws
from bayes_onoff.models import CRAB, HalfNormal, LogNormal10, LogUniform, Normal, SpectralModel, photons
from bayes_onoff.products import detection, flux_points, write_table
from bayes_onoff.products.detection import CRAB_UNIT, crab_flux
from bayes_onoff.spectra import OnOffPosterior, Spectra, SpectrumOnOff
from tests.products.conftest import CONVERGED

MODEL = SpectralModel("power-law")
VALUES = {"amplitude": 1e-11, "index": 2.5}
FLAT = BackgroundModel("independent", shape=1.0, rate=1e-9, marginal=True)


def one_bin(n_on: int, n_off: int, alpha: float, *, n_chains: int = 2, n_draws: int = 500) -> BandPosterior:
    """A band of one bin: its posterior under flat priors is that of the closed forms."""
    spectrum = SpectrumOnOff(
        name="1",
        energy=EnergyAxis(np.array([1.0, 10.0])),
        energy_true=EnergyAxis(np.array([1.0, 10.0]), "energy_true"),
        n_on=np.array([n_on]),
        n_off=np.array([n_off]),
        acceptance=1.0,
        acceptance_off=1 / alpha,
        exposure=np.array([1e12]),
        edisp=np.ones((1, 1)),
        livetime=1000.0,
        mask_safe=np.array([True]),
    )
    spectra = Spectra((spectrum,))
    data = FitData.from_spectra(spectra)
    edges, band_of_bin = bands_of_bins(data, np.array([1.0, 10.0]))
    exact = OnOffPosterior(n_on, n_off, alpha)
    counts = photons(MODEL, VALUES, edges)[0] * 1e12
    levels = (np.arange(n_chains * n_draws) + 0.5) / (n_chains * n_draws)
    grid = np.linspace(0, exact.quantile(0.9999), 400)
    norm = np.interp(levels, [exact.cdf(s) for s in grid], grid).reshape(n_chains, n_draws, 1) / counts
    tree = xr.DataTree.from_dict({"posterior": draws_dataset({"norm": norm}, data, {})})
    return BandPosterior(tree, spectra, MODEL, VALUES, edges, band_of_bin, FLAT, CONVERGED)


def two_bins(n_on: list[int], n_off: list[int]) -> Spectra:
    """One run, one OFF region as large as the ON region."""
    energy = EnergyAxis(np.geomspace(1.0, 10.0, 3))
    spectrum = SpectrumOnOff(
        name="1",
        energy=energy,
        energy_true=EnergyAxis(energy.edges, "energy_true"),
        n_on=np.array(n_on),
        n_off=np.array(n_off),
        acceptance=1.0,
        acceptance_off=1.0,
        exposure=np.full(2, 1e13),
        edisp=np.eye(2),
        livetime=1000.0,
        mask_safe=np.ones(2, dtype=bool),
    )
    return Spectra((spectrum,))


@pytest.mark.parametrize("counts", [(0, 5, 0.5), (5, 5, 0.2), (10, 23, 0.1), (29, 34, 0.2)])
def test_one_bin_has_the_closed_forms(counts: tuple[int, int, float]) -> None:
    """Limit and Bayes factor of a flat background, from the posterior that is tested against published tables."""
    bands = one_bin(*counts)
    exact = OnOffPosterior(*counts)
    table = detection(bands, HalfNormal(0.5))
    row = table[0]
    assert row["flux_ul"].value == pytest.approx(exact.limit() / 1e12, rel=2e-3, abs=0)
    assert row["crab_ul"] == pytest.approx(exact.limit() / 1e12 / crab_flux(np.array([1.0, 10.0])), rel=2e-3)
    scale = 0.5 * crab_flux(np.array([1.0, 10.0])) * 1e12

    def weighted(signal: float) -> float:
        prior = np.exp(-0.5 * (signal / scale) ** 2) * np.sqrt(2 / np.pi) / scale
        return float(prior * np.exp(exact.log_density(signal) - exact.log_density(0.0)))

    factor = quad(weighted, 0, exact.quantile(0.99999), epsrel=1e-6)[0]
    assert row["ln_bayes_factor"] == pytest.approx(np.log(factor), abs=1e-2)
    assert row["probability"] == pytest.approx(factor / (1 + factor), abs=2e-3)
    assert row["ln_bayes_factor_error"] == 0
    assert row["li_ma"] == pytest.approx(row["significance"])
    assert (row["n_on"], row["n_off"]) == counts[:2]
    for name in ("flux_ul", "ln_bayes_factor", "sqrt_ts"):
        assert np.asarray(table[name])[1] == pytest.approx(np.asarray(table[name])[0], rel=1e-2, abs=1e-3)


def test_prior_odds_and_prior_are_heeded() -> None:
    bands = one_bin(5, 5, 0.2)
    even, odd = detection(bands), detection(bands, prior_odds=0.01)
    assert even["ln_bayes_factor"][0] == odd["ln_bayes_factor"][0]
    factor = np.exp(even["ln_bayes_factor"][0])
    assert odd["probability"][0] == pytest.approx(0.01 * factor / (1 + 0.01 * factor))
    wide = detection(bands, HalfNormal(100.0))
    # A prior a hundred times wider costs a factor of a hundred where the data decide.
    assert even["ln_bayes_factor"][0] - wide["ln_bayes_factor"][0] == pytest.approx(np.log(100), abs=0.05)
    assert wide["flux_ul"][0] == even["flux_ul"][0]
    assert detection(bands, LogNormal10(0.1, 1.0))["ln_bayes_factor"][0] > 0
    # No prior gives more than the best norm.
    narrow = detection(bands, LogUniform(1e-3, 1e3))
    assert narrow["ln_bayes_factor"][0] < narrow["sqrt_ts"][0] ** 2 / 2


def test_all_bands_together_are_one_norm(bands: BandPosterior) -> None:
    """Beside the same bins as one band, whose norm is sampled alone."""
    data = FitData.from_spectra(bands.spectra)
    edges, band_of_bin = bands_of_bins(data, bands.edges[[0, -1]])
    norm = np.linspace(0.8, 1.4, 1000).reshape(4, 250, 1)
    tree = xr.DataTree.from_dict({"posterior": draws_dataset({"norm": norm}, data, {})})
    single = detection(replace(bands, tree=tree, edges=edges, band_of_bin=band_of_bin))
    several = detection(bands)
    for name in ("ln_bayes_factor", "sqrt_ts", "n_on", "li_ma", "significance"):
        assert float(several[name][0]) == pytest.approx(float(single[name][1]), rel=1e-3)
    assert several["flux_ul"][0].value == pytest.approx(single["flux_ul"][1].value, rel=2e-3, abs=0)
    assert list(several["energies"]) == ["all", *(["band"] * 5)]


def test_bands_are_those_of_the_flux_points(bands: BandPosterior) -> None:
    table, points = detection(bands)[1:], flux_points(bands).table
    for one, other in (("sqrt_ts", "sqrt_ts"), ("flux_ul", "flux_ul"), ("n_off", "n_off"), ("excess", "excess")):
        np.testing.assert_allclose(np.asarray(table[one]), np.asarray(points[other]), rtol=1e-6)
    assert table["flux_ul"].unit.to_string() == points["flux_ul"].unit.to_string()


def test_the_table_tells_its_priors_and_survives_a_file(bands: BandPosterior, tmp_path: Path) -> None:
    table = detection(bands)
    assert table.meta["prior_of_flux"] == "halfnormal(sigma 1) in Crab units"
    assert CRAB[CRAB_UNIT].citation in table.meta["crab_unit"]
    assert "probability that there is a source is above 0.999" in table.meta["sentence"]
    assert all(table[name].info.description for name in table.colnames)
    read = Table.read(write_table(table, tmp_path / "detection.ecsv"), format="ascii.ecsv")
    assert read.meta["prior_of_limits"] == "flat on a norm of 0 and more"
    assert read["flux_ul"].unit == table["flux_ul"].unit
    assert read["significance"].description.startswith("profile likelihood ratio of one source")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"prior": "flat"}, "no proper prior of the source's flux.*arbitrary constant; found 'flat'"),
        ({"prior": Normal(0.0, 1.0)}, "gives negative fluxes a probability"),
        ({"prior_odds": 0.0}, "prior_odds: not odds"),
    ],
)
def test_what_has_no_bayes_factor_is_refused(bands: BandPosterior, arguments: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        detection(bands, **arguments)  # type: ignore[arg-type]


def test_pooled_background_against_draws_from_its_prior() -> None:
    """ln Bayes factor of 3.5 standard deviations beside alpha 1: evidences are averages over the prior."""
    spectra = two_bins(n_on=[60, 36], n_off=[35, 16])
    settings = SamplerSettings(draws=1000, tune=500, chains=2, seed=5)
    bands = fit_bands(spectra, MODEL, VALUES, np.array([1.0, 10.0]), settings=settings, progress=False)
    row = detection(bands)[0]
    data, rng = FitData.from_spectra(spectra), np.random.default_rng(6)
    n_norms = 200
    scale = crab_flux(bands.edges) / photons(MODEL, VALUES, bands.edges)[0]
    norms = scale * halfnorm.ppf((np.arange(n_norms) + 0.5) / n_norms)
    log_with, log_without = [], []
    for _ in range(20):
        background = prior_background_draws(data, bands.background, 100_000, rng)
        rate = background["npred_off"][0, :, 0]
        off = poisson.logpmf(data.n_off[0], rate).sum(axis=1)
        likely = off > off.max() - 25
        expected = rate[likely, :, None] + norms * bands.reference_counts[0, :, None]
        on = poisson.logpmf(data.n_on[0, :, None], expected).sum(axis=1)
        log_with.append(logsumexp(off[likely, None] + on) - np.log(n_norms))
        log_without.append(logsumexp(off + poisson.logpmf(data.n_on[0], rate).sum(axis=1)))
    exact = logsumexp(log_with) - logsumexp(log_without)
    batches = np.array([np.exp(values - np.max(values)) for values in (log_with, log_without)])
    exact_error = np.sqrt(((batches.std(axis=1) / batches.mean(axis=1)) ** 2).sum() / 20)
    assert exact_error < 0.05
    assert abs(row["ln_bayes_factor"] - exact) < 3 * np.hypot(row["ln_bayes_factor_error"], exact_error)
    assert row["ln_bayes_factor_error"] < 0.15
    assert row["n_effective"] > 60
