"""The background response of a run, as it is drawn."""

import numpy as np
import pytest

from bayes_onoff.dl3 import Background, Background2D, DataStore, IrfAxis
from bayes_onoff.errors import InputError
from bayes_onoff.plotting import plot_background

ENERGY = IrfAxis.from_edges(np.geomspace(0.1, 100, 31), is_log=True)
LON = IrfAxis.from_edges(np.linspace(-2.1, 2.1, 43))


def test_a_line_for_each_offset() -> None:
    offset = IrfAxis.from_edges(np.linspace(0, 3, 31))
    rates = ENERGY.centers[:, None] ** -2.5 * np.exp(-0.5 * offset.centers**2)
    ax = plot_background(Background2D(ENERGY, offset, rates), offsets=[0.55, 1.25])
    assert [line.get_label() for line in ax.lines] == ["0.55°", "1.25°"]
    energy, rate = ax.lines[1].get_data()
    np.testing.assert_allclose(rate, np.asarray(energy) ** -2.5 * np.exp(-0.5 * 1.25**2), rtol=1e-3)
    assert ax.get_ylabel() == "Background rate [s⁻¹ TeV⁻¹ sr⁻¹]"


def test_directions_are_averaged_and_offsets_chosen_where_there_is_a_rate() -> None:
    """A gradient along the longitude leaves no trace in the mean around the pointing."""
    gradient = np.broadcast_to(1 + 0.2 * LON.centers[:, None], (42, 42))
    values = ENERGY.centers[:, None, None] ** -2.0 * gradient
    ax = plot_background(Background(ENERGY, LON, LON, values))
    assert [line.get_label() for line in ax.lines] == ["0°", "0.5°", "1°", "1.5°", "2°", "2.5°"]
    energy, rate = ax.lines[2].get_data()
    np.testing.assert_allclose(rate, np.asarray(energy) ** -2.0, rtol=0.02)


def test_nothing_to_draw_is_refused() -> None:
    background = Background(ENERGY, LON, LON, np.zeros((30, 42, 42)))
    with pytest.raises(InputError, match="offsets: the background rate is zero"):
        plot_background(background)


def test_a_real_background_falls_with_energy_and_offset(gammapy_data) -> None:
    background = DataStore.from_dir(gammapy_data / "hess-dl3-dr1").observation(23523).bkg
    ax = plot_background(background)
    rates = np.array([line.get_ydata() for line in ax.lines])
    assert np.nansum(rates[0]) > np.nansum(rates[-1]) > 0
    assert np.nanmax(rates[0]) == np.nanmax(rates[0][:30])
    ax.figure.canvas.draw()
