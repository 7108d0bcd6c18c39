"""Limits to expect without a source, and a pooled background's evidence for one; both sampled."""

from dataclasses import replace
from functools import cache

import astropy.units as u
import numpy as np
import pytest

from bayes_onoff.axes import EnergyAxis
from bayes_onoff.errors import InputError
from bayes_onoff.inference import BackgroundModel, BandPosterior, CompiledBands, SamplerSettings, compile_bands
from bayes_onoff.models import SpectralModel, photons
from bayes_onoff.products import detection, expected_limits
from bayes_onoff.spectra import Spectra, SpectrumOnOff, fold

MODEL = SpectralModel("power-law")
VALUES = {"amplitude": 1e-12, "index": 2.5}
EDGES = np.array([1.0, 10.0])
SHORT = SamplerSettings(draws=300, tune=300, chains=2, seed=4)


def one_run(norm: float) -> Spectra:
    """Six bins, 60 expected OFF counts in all, alpha 0.1, and a source of `norm` times 10 counts."""
    axis = EnergyAxis(np.geomspace(1, 10, 7))
    true = EnergyAxis(axis.edges, "energy_true")
    exposure = np.full(6, 10 / photons(MODEL, VALUES, EDGES)[0])
    off = 60 * np.array([0.4, 0.25, 0.15, 0.1, 0.06, 0.04])
    spectrum = SpectrumOnOff(
        name="1",
        energy=axis,
        energy_true=true,
        n_on=np.zeros(6, dtype=int),
        n_off=np.random.default_rng(8).poisson(off),
        acceptance=1.0,
        acceptance_off=10.0,
        exposure=exposure,
        edisp=np.eye(6),
        livetime=3600.0,
        mask_safe=np.ones(6, dtype=bool),
    )
    signal = fold(photons(MODEL, VALUES, axis.edges), spectrum.response)
    return Spectra((spectrum.replace(n_on=np.random.default_rng(9).poisson(norm * signal + off / 10)),))


@cache
def compiled(n_bands: int) -> CompiledBands:
    return compile_bands(one_run(0.0), MODEL, VALUES, np.geomspace(*EDGES, n_bands + 1))


@cache
def sampled(norm: float, n_bands: int) -> BandPosterior:
    edges = np.geomspace(*EDGES, n_bands + 1)
    return compiled(n_bands).fit(one_run(norm), MODEL, VALUES, edges, SHORT, progress=False)


@pytest.mark.parametrize("norm", [0.0, 1.0])
def test_one_norm_from_the_draws_of_several(norm: float) -> None:
    """Draws of a fit in three bands, weighted, tell the same as a fit with one norm; pooled background."""
    several, single = detection(sampled(norm, 3)), detection(sampled(norm, 1))
    difference = several["ln_bayes_factor"][0] - single["ln_bayes_factor"][0]
    error = np.hypot(several["ln_bayes_factor_error"][0], single["ln_bayes_factor_error"][0])
    assert 0 < error < 0.3
    assert abs(difference) < 4 * error
    assert several["flux_ul"][0].value == pytest.approx(single["flux_ul"][0].value, rel=0.05, abs=0)
    assert several["n_effective"][0] > 20
    assert single["flux_ul"][0].value == pytest.approx(single["flux_ul"][1].value, rel=1e-2, abs=0)
    assert (single["probability"][0] > 0.5) == (norm > 0)


def test_limits_without_a_source() -> None:
    analysed = sampled(0.0, 1)
    found = expected_limits(analysed, n_simulations=12, seed=1, settings=SHORT)
    row = found.table[0]
    quantiles = [row[f"flux_ul_{name}"] for name in ("lower95", "lower68", "median", "upper68", "upper95")]
    assert np.all(np.diff(u.Quantity(quantiles)) >= 0)
    # Six counts of background: limits of 3 counts, which no deficit undercuts, to some 10.
    per_count = photons(MODEL, VALUES, EDGES)[0] / 10
    assert found.limits.shape == (12, 1)
    assert found.limits.min().value > 2.5 * per_count
    assert 3 * per_count < row["flux_ul_median"].value < 12 * per_count
    assert row["flux_5sigma"].value > row["flux_ul_median"].value
    assert found.table.meta["n_not_converged"] <= 2
    again = expected_limits(analysed, n_simulations=2, seed=1, settings=SHORT, compiled=compiled(1))
    np.testing.assert_array_equal(again.limits.value, found.limits.value[:2])


def test_a_longer_exposure_sees_fainter_sources() -> None:
    told: list[str] = []
    longer = expected_limits(
        sampled(0.0, 1),
        livetime=16 * u.h,
        n_simulations=10,
        seed=2,
        settings=SHORT,
        compiled=compiled(1),
        on_progress=told.append,
    )
    shorter = expected_limits(sampled(0.0, 1), n_simulations=1, seed=2, settings=SHORT, compiled=compiled(1))
    ratio = longer.table["flux_5sigma"][0] / shorter.table["flux_5sigma"][0]
    assert 1 / 16 < ratio < 1 / 2.5
    assert longer.table["flux_ul_median"][0].value < 0.6 * shorter.limits[0, 0].value
    assert longer.table.meta["livetime"] == "57600 s"
    assert told == ["10 of 10 data sets"]


def test_what_cannot_be_simulated_is_refused() -> None:
    with pytest.raises(InputError, match="n_simulations: no simulation; found 0"):
        expected_limits(sampled(0.0, 1), n_simulations=0, seed=1)
    with pytest.raises(InputError, match=r"livetime: not a livetime; found '-1\.0 h'"):
        expected_limits(sampled(0.0, 1), n_simulations=1, seed=1, livetime=-1 * u.h)
    with pytest.raises(InputError, match="livetime: the unit is of the wrong kind"):
        expected_limits(sampled(0.0, 1), n_simulations=1, seed=1, livetime=1 * u.m)
    other = replace(compiled(1), background=BackgroundModel("independent"))
    with pytest.raises(InputError, match="compiled: compiled for another background; found 'independent"):
        expected_limits(sampled(0.0, 1), n_simulations=1, seed=1, compiled=other)
    with pytest.raises(InputError, match="bands"):
        expected_limits(sampled(0.0, 1), n_simulations=1, seed=1, compiled=compiled(3))
