"""Integral fluxes and the spectral band against closed forms."""

from collections.abc import Callable

import astropy.units as u
import numpy as np
import pytest
from astropy.units import Quantity
from hypothesis import given
from hypothesis import strategies as st

from bayes_onoff.errors import InputError
from bayes_onoff.inference import Posterior
from bayes_onoff.products import energy_flux, integral_flux, spectral_band

FLUX = 1 / (u.cm**2 * u.s)


def with_index(posterior: Posterior, index: float) -> Posterior:
    """The same posterior with all draws of the index at one value."""
    from dataclasses import replace

    tree = posterior.tree.copy()
    tree["posterior"]["index"] = tree["posterior"]["index"] * 0 + index
    return replace(posterior, tree=tree)


@pytest.mark.parametrize("index", [0.5, 1.0, 2.0, 2.6, 4.0])
def test_fluxes_of_a_power_law_have_their_closed_form(posterior: Posterior, index: float) -> None:
    lower, upper = 0.8, 20.0
    fixed = with_index(posterior, index)
    amplitude = fixed.values["amplitude"]

    def integral(power: float) -> float:
        return float(
            np.log(upper / lower) if power == -1 else (upper ** (power + 1) - lower ** (power + 1)) / (power + 1)
        )

    photons = integral_flux(fixed, lower * u.TeV, upper * u.TeV)
    assert photons.unit == FLUX
    np.testing.assert_allclose(photons.value, amplitude * integral(-index), rtol=1e-6)
    energy = energy_flux(fixed, lower * u.TeV, upper * u.TeV)
    assert energy.unit == u.erg * FLUX
    np.testing.assert_allclose(energy.value, amplitude * integral(1 - index) * u.TeV.to(u.erg), rtol=1e-6)


@given(edge=st.floats(0.3, 40))
def test_fluxes_add_up(posterior: Posterior, edge: float) -> None:
    lower, upper = 0.2 * u.TeV, 50 * u.TeV
    for flux in (integral_flux, energy_flux):
        parts = flux(posterior, lower, edge * u.TeV) + flux(posterior, edge * u.TeV, upper)
        np.testing.assert_allclose(parts.value, flux(posterior, lower, upper).value, rtol=1e-5)


def test_interval_takes_any_energy_unit(posterior: Posterior) -> None:
    flux = integral_flux(posterior, 800 * u.GeV, 2e7 * u.MeV)
    np.testing.assert_allclose(flux.value, integral_flux(posterior, 0.8 * u.TeV, 20 * u.TeV).value)


@pytest.mark.parametrize(
    ("lower", "upper", "message"),
    [
        (2 * u.TeV, 1 * u.TeV, r"flux: the energy interval is upside down or empty; found '2 to 1 TeV'"),
        (0 * u.TeV, 1 * u.TeV, "upside down or empty"),
        (1 * u.m, 1 * u.TeV, r"energy_min: the unit is of the wrong kind; found '1\.0 m'"),
        (1 * u.TeV, [1, 2] * u.TeV, "energy_max: not a finite scalar"),
    ],
)
def test_bad_intervals_are_refused(posterior: Posterior, lower: Quantity, upper: Quantity, message: str) -> None:
    for flux in (integral_flux, energy_flux):
        with pytest.raises(InputError, match=message):
            flux(posterior, lower, upper)


def test_band_holds_the_quantiles_of_the_spectrum(posterior: Posterior) -> None:
    band = spectral_band(posterior, [1.0, 3.0] * u.TeV, keep_draws=True)
    values = posterior.values
    dnde = values["amplitude"] * 3.0 ** -values["index"]
    assert band.draws is not None
    np.testing.assert_allclose(band.draws[..., 1].value, dnde)
    expected = np.quantile(dnde, [0.025, 0.16, 0.5, 0.84, 0.975])
    names = ("eti95_lower", "eti68_lower", "median", "eti68_upper", "eti95_upper")
    np.testing.assert_allclose([getattr(band, name)[1].value for name in names], expected)
    assert band.median.unit == 1 / (u.TeV * u.cm**2 * u.s)


def test_band_covers_the_fitted_range_by_default(posterior: Posterior) -> None:
    band = spectral_band(posterior, n_energies=7)
    edges = posterior.spectra.energy.quantity
    assert len(band.energy) == 7
    np.testing.assert_allclose(band.energy[[0, -1]].to_value(u.TeV), edges[[1, 13]].to_value(u.TeV))
    assert band.draws is None


def test_band_table_has_units_and_verdict(posterior: Posterior, unconverged: Callable[[Posterior], Posterior]) -> None:
    table = spectral_band(unconverged(posterior)).to_table()
    assert table["energy"].unit == u.TeV
    assert np.all(np.diff(table["energy"].value) > 0)
    assert np.all(table["eti95_lower"] < table["eti68_lower"])
    assert np.all(table["eti68_upper"] < table["eti95_upper"])
    assert table.meta["converged"] is False


@pytest.mark.parametrize("energy", [[1, 0] * u.TeV, [1, np.nan] * u.TeV, np.ones((2, 2)) * u.TeV])
def test_band_refuses_energies_that_are_none(posterior: Posterior, energy: Quantity) -> None:
    with pytest.raises(InputError, match="energy: energies are not positive"):
        spectral_band(posterior, energy)


def test_band_refuses_another_unit(posterior: Posterior) -> None:
    with pytest.raises(InputError, match="energy: the unit is of the wrong kind"):
        spectral_band(posterior, [1, 2] * u.s)
