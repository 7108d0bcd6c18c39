from dataclasses import dataclass, field, replace

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from numpy.typing import NDArray

from bayes_onoff.dl3 import DataStore, EffectiveArea, EnergyDispersion, IrfAxis, PSFTable, RadMax
from bayes_onoff.errors import InputError
from bayes_onoff.plotting import (
    plot_effective_area,
    plot_energy_dispersion,
    plot_psf,
    plot_rad_max,
    plot_response,
)
from bayes_onoff.plotting.style import run_colors

ENERGY = IrfAxis.from_edges(np.geomspace(0.1, 100, 31), is_log=True)
OFFSET = IrfAxis.from_nodes([0.0, 1.0, 2.0])
POINTING = SkyCoord(83.63, 21.51, unit="deg")


def make_aeff(**changes: object) -> EffectiveArea:
    """1e5 m2 times the energy in TeV up to 1 TeV, less at larger offsets; nothing below 0.3 TeV."""
    energy = ENERGY.centers[:, None]
    values = 1e9 * np.where(energy < 0.3, 0, np.minimum(energy, 1)) * (1 - 0.3 * OFFSET.centers)
    return replace(EffectiveArea(ENERGY, OFFSET, values), **changes)


def make_edisp(bias: float = 1.1) -> EnergyDispersion:
    """Gaussian around `bias`, 0.1 wide on axis and 0.2 at 2 deg."""
    migra = IrfAxis.from_edges(np.linspace(0, 3, 301))
    sigma = 0.1 + 0.05 * OFFSET.centers
    density = np.exp(-((migra.centers[:, None] - bias) ** 2) / (2 * sigma**2)) / (np.sqrt(2 * np.pi) * sigma)
    return EnergyDispersion(ENERGY, migra, OFFSET, np.repeat(density[None], len(ENERGY), axis=0))


def make_psf(sigma: float = 0.1) -> PSFTable:
    rad = IrfAxis.from_edges(np.linspace(0, 1, 1001))
    density = np.exp(-0.5 * (rad.centers / sigma) ** 2) / (2 * np.pi * np.deg2rad(sigma) ** 2)
    return PSFTable(ENERGY, OFFSET, rad, np.broadcast_to(density, (len(ENERGY), len(OFFSET), len(rad))))


def make_rad_max() -> RadMax:
    energy = IrfAxis.from_edges([0.1, 1.0, 10.0], is_log=True)
    return RadMax(energy, IrfAxis.from_nodes([0.4]), np.array([[0.3], [0.1]]))


@dataclass(frozen=True)
class Run:
    name: str = "7"
    pointing: SkyCoord = field(default_factory=lambda: POINTING)
    aeff: EffectiveArea = field(default_factory=make_aeff)
    edisp: EnergyDispersion = field(default_factory=make_edisp)
    psf: PSFTable | None = None
    rad_max: RadMax | None = None


def curve(line) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    x, y = line.get_data()
    return np.asarray(x), np.asarray(y)


def test_areas_are_drawn_in_square_metres_for_each_offset() -> None:
    ax = plot_effective_area(make_aeff())
    assert [line.get_color() for line in ax.lines] == run_colors(3)
    for line, factor in zip(ax.lines, (1, 0.7, 0.4), strict=True):
        x, y = curve(line)
        assert y[np.argmin(np.abs(x - 10))] == pytest.approx(1e5 * factor)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["0°", "1°", "2°"]
    assert ax.get_ylabel() == "Effective area [m²]"
    assert 0.2 < ax.get_xlim()[0] < 0.3  # where there is any area


def test_thresholds_of_the_file_are_marked() -> None:
    ax = plot_effective_area(make_aeff(low_threshold=0.5, high_threshold=500.0), offsets=[0.5])
    area, mark = ax.lines
    assert curve(mark)[0][0] == 0.5
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["0.5°", "LO_THRES"]
    x, y = curve(area)
    assert y[np.argmin(np.abs(x - 10))] == pytest.approx(0.85e5)


def test_only_some_of_many_offsets_are_drawn() -> None:
    offset = IrfAxis.from_nodes(np.linspace(0, 4, 21))
    values = np.ones((len(ENERGY), 21))
    ax = plot_effective_area(EffectiveArea(ENERGY, offset, values))
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert labels == ["0°", "0.8°", "1.6°", "2.4°", "3.2°", "4°"]


@pytest.mark.parametrize(("offset", "sigma"), [(None, 0.1), (2.0, 0.2)])
def test_median_and_central_interval_of_the_dispersion(offset: float | None, sigma: float) -> None:
    ax = plot_energy_dispersion(make_edisp(), offset=offset)
    expected = [1.1, 1.1 - 0.9945 * sigma, 1.1 + 0.9945 * sigma]  # 16 % and 84 % of a normal distribution
    for line, value in zip(ax.lines, expected, strict=False):
        np.testing.assert_allclose(curve(line)[1], value, atol=2e-3)
    (mesh,) = ax.collections
    peak = mesh.get_array().max()
    assert peak == pytest.approx(1 / (np.sqrt(2 * np.pi) * sigma), rel=0.02)
    lowest, highest = ax.get_ylim()
    assert lowest == 0
    assert 1.5 <= highest < 3


def test_the_containment_radius_of_a_gaussian() -> None:
    ax = plot_psf(make_psf(0.1), offsets=[0.5], fractions=(0.5, 0.95))
    for line, fraction, dashes in zip(ax.lines, (0.5, 0.95), ("-", "--"), strict=True):
        np.testing.assert_allclose(curve(line)[1], 0.1 * np.sqrt(-2 * np.log(1 - fraction)), rtol=5e-3)
        assert line.get_linestyle() == dashes
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["0.5°", "50 %", "95 %"]
    assert ax.get_ylim()[1] > 0.1 * np.sqrt(-2 * np.log(0.05))


def test_a_fraction_that_is_never_reached_leaves_a_gap() -> None:
    psf = make_psf()
    ax = plot_psf(replace(psf, values=0.8 * psf.values), fractions=(0.9,))
    assert np.isnan([curve(line)[1] for line in ax.lines]).all()
    ax.figure.canvas.draw()


@pytest.mark.parametrize("fractions", [(), (0.0,), (0.5, 1.0), (0.1, 0.2, 0.3, 0.4, 0.5)])
def test_fractions_that_are_none_are_refused(fractions: tuple[float, ...]) -> None:
    with pytest.raises(InputError, match=r"fractions: not fractions to draw; found .* allowed: one to four, between 0"):
        plot_psf(make_psf(), fractions=fractions)


def test_nothing_to_draw_is_refused() -> None:
    with pytest.raises(InputError, match="offsets: the effective area is zero; found '7, 8 deg'"):
        plot_effective_area(make_aeff(), offsets=[7, 8])
    with pytest.raises(InputError, match="offset: the energy dispersion is zero; found '7 deg'"):
        plot_energy_dispersion(make_edisp(), offset=7)


def test_the_directional_cut_is_drawn_bin_by_bin() -> None:
    ax = plot_rad_max(make_rad_max())
    (steps,) = ax.patches
    np.testing.assert_array_equal(steps.get_data().values, [0.3, 0.1])
    np.testing.assert_array_equal(steps.get_data().edges, [0.1, 1, 10])


def test_a_cut_that_is_one_number_is_drawn_at_all_energies() -> None:
    node = IrfAxis.from_nodes([1.0], is_log=True)
    ax = plot_rad_max(RadMax(node, IrfAxis.from_nodes([0.4]), np.array([[0.2]])))
    np.testing.assert_array_equal(ax.patches[0].get_data().edges, [0.01, 100])


def test_the_response_of_a_run_has_common_energies() -> None:
    area, dispersion, spread = plot_response(
        Run(psf=make_psf()), position=POINTING.spherical_offsets_by(0 * u.deg, 2 * u.deg)
    )
    assert area.figure is dispersion.figure is spread.figure
    assert area.get_xlim() == dispersion.get_xlim() == spread.get_xlim()
    assert dispersion.get_legend().get_title().get_text() == "offset 2°"
    assert area.get_title(loc="left") == "run 7"
    assert spread.get_ylabel() == "Containment radius [deg]"


@pytest.mark.parametrize(
    ("run", "label", "texts"),
    [
        (Run(rad_max=make_rad_max()), "Directional cut RAD_MAX [deg]", []),
        (Run(aeff=make_aeff(is_pointlike=True, rad_max=0.11)), "", ["directional cut 0.11° at all energies"]),
        (Run(), "", ["no point-spread function"]),
    ],
)
def test_without_a_point_spread_function_the_cut_is_shown(run: Run, label: str, texts: list[str]) -> None:
    spread = plot_response(run)[2]
    assert spread.get_ylabel() == label
    assert [text.get_text() for text in spread.texts] == texts


@pytest.mark.parametrize(
    ("store", "obs_id", "label"),
    [
        ("hess-dl3-dr1", 23523, "Containment radius [deg]"),
        ("magic/rad_max/data", 5029747, "Directional cut RAD_MAX [deg]"),
    ],
)
def test_real_responses_are_drawn(gammapy_data, store: str, obs_id: int, label: str) -> None:
    observation = DataStore.from_dir(gammapy_data / store).observation(obs_id)
    axes = plot_response(observation)
    assert axes[2].get_ylabel() == label
    assert axes[0].get_title(loc="left") == f"run {obs_id}"
    axes[0].figure.canvas.draw()
