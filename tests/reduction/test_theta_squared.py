from collections.abc import Callable

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from regions import CircleSkyRegion

from bayes_onoff.dl3 import DataStore, Events, Observation, TimeReference
from bayes_onoff.errors import InputError, ReductionError
from bayes_onoff.reduction import theta_squared_table
from bayes_onoff.spectra import li_ma_significance

POINTING = SkyCoord(83.63, 21.51, unit="deg")
SOURCE = SkyCoord(83.63, 22.01, unit="deg")
REFERENCE = TimeReference(51910, 0.00074287037037037)


def make_events(ra: np.ndarray, dec: np.ndarray, energy: float = 1.0) -> Events:
    return Events(ra, dec, np.full(len(ra), energy), np.full(len(ra), 1500.5), REFERENCE)


def events_at(distances: list[float], where: SkyCoord = SOURCE) -> Events:
    coord = where.directional_offset_by(np.arange(len(distances)) * 77 * u.deg, distances * u.deg)
    return make_events(coord.ra.deg, coord.dec.deg)


def test_events_fall_into_half_open_bins_of_squared_distance(make_run: Callable[..., Observation]) -> None:
    run = make_run(events=events_at([0.01, 0.05, 0.12, 0.19, 0.21]))
    table = theta_squared_table([run], SOURCE, edges=[0.0, 0.01, 0.02, 0.04])
    assert list(table["n_on"]) == [2, 1, 1]
    assert list(table["n_off"]) == [0, 0, 0]
    np.testing.assert_allclose(table["theta2_max"].to_value("deg2"), [0.01, 0.02, 0.04])
    assert table["theta2_min"].unit == u.deg**2


def test_reflections_hold_the_background_and_share_no_event(make_run: Callable[..., Observation]) -> None:
    rng = np.random.default_rng(1)
    radius, angle = 1.5 * np.sqrt(rng.uniform(0, 1, 40000)), rng.uniform(0, 360, 40000)
    coord = POINTING.directional_offset_by(angle * u.deg, radius * u.deg)
    run = make_run(events=make_events(coord.ra.deg, coord.dec.deg))
    table = theta_squared_table([run], SOURCE)
    (n_reflections,) = table.meta["n_off_regions"]
    assert n_reflections == 3
    np.testing.assert_allclose(table["alpha"], 1 / 3)
    pulls = table["excess"] / table["excess_error"]
    assert abs(pulls.mean()) < 4 / np.sqrt(len(table))
    assert pulls.std() < 2
    separations = [
        SOURCE.separation(POINTING.directional_offset_by(a * u.deg, 0.5 * u.deg)).deg for a in (80, 160, 240)
    ]
    assert min(separations) > 2 * np.sqrt(0.1)
    density = 40000 / (np.pi * 1.5**2)
    assert table["n_off"].sum() == pytest.approx(3 * density * np.pi * 0.1, rel=0.06)


def test_runs_add_up_and_keep_their_own_ratio(make_run: Callable[..., Observation]) -> None:
    far = SkyCoord(83.63, 20.51, unit="deg")
    rng = np.random.default_rng(2)
    near_run, far_run = (
        make_run(i, events=make_events(rng.uniform(82.5, 84.7, 9000), rng.uniform(19.5, 23, 9000)), pointing=pointing)
        for i, pointing in ((1, POINTING), (2, far))
    )
    edges = np.linspace(0, 0.09, 4)
    near_table, far_table, both = (
        theta_squared_table(runs, SOURCE, edges=edges) for runs in ([near_run], [far_run], [near_run, far_run])
    )
    assert both.meta["n_off_regions"] == [3, 14]
    assert both.meta["runs"] == ["1", "2"]
    assert both.meta["position"] == "83.630000 22.010000"
    for name in ("n_on", "n_off", "excess"):
        np.testing.assert_allclose(both[name], near_table[name] + far_table[name])
    np.testing.assert_allclose(
        both["excess_error"] ** 2, near_table["excess_error"] ** 2 + far_table["excess_error"] ** 2
    )
    np.testing.assert_allclose(both["alpha"] * both["n_off"], both["n_on"] - both["excess"])
    np.testing.assert_allclose(both["significance"], li_ma_significance(both["n_on"], both["n_off"], both["alpha"]))


def test_energies_and_exclusion_are_kept(make_run: Callable[..., Observation]) -> None:
    events = events_at([0.01, 0.02, 0.03])
    events.energy[:] = [0.5, 1.0, 2.0]
    run = make_run(events=events)
    assert theta_squared_table([run], SOURCE, energy_range=(1.0, 2.0))["n_on"].sum() == 1
    opposite = CircleSkyRegion(POINTING.directional_offset_by(180 * u.deg, 0.5 * u.deg), 0.1 * u.deg)
    table = theta_squared_table([run], SOURCE, edges=[0, 0.01], exclusion=[opposite])
    free = theta_squared_table([run], SOURCE, edges=[0, 0.01])
    assert table.meta["n_off_regions"][0] < free.meta["n_off_regions"][0]


@pytest.mark.parametrize(
    ("edges", "message"),
    [
        ([0.1], r"edges: these squared distances are no bins; found \[0.1\]; allowed: at least two, 0 or more"),
        ([0.1, 0.1], "edges: these squared distances are no bins"),
        ([-0.1, 0.1], "edges: these squared distances are no bins"),
        ([0.0, np.nan], "edges: these squared distances are no bins"),
    ],
)
def test_edges_that_are_no_bins_are_refused(
    make_run: Callable[..., Observation], edges: list[float], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        theta_squared_table([make_run()], SOURCE, edges=edges)


def test_what_cannot_be_reflected_is_refused(make_run: Callable[..., Observation]) -> None:
    run = make_run()
    with pytest.raises(
        ReductionError,
        match=r"run 7: the position is too close to the pointing to be reflected; "
        r"found 'squared distances up to 0\.3 deg2'; allowed: below 0\.25 deg2",
    ):
        theta_squared_table([run], SOURCE, edges=[0.0, 0.3])
    with pytest.raises(InputError, match="observations: no run to count"):
        theta_squared_table([], SOURCE)


def test_events_around_the_crab_are_those_of_gammapy(gammapy_data) -> None:
    """gammapy 2.1, `make_theta_squared_table`, runs 23523 and 23526; its OFF position is the opposite one alone."""
    runs = DataStore.from_dir(gammapy_data / "hess-dl3-dr1").observations([23523, 23526])
    table = theta_squared_table(runs, SOURCE, edges=np.linspace(0, 0.1, 6))
    assert list(table["n_on"]) == [497, 166, 93, 93, 79]
    expected = np.array([53, 60, 64, 61, 64])
    assert table.meta["n_off_regions"] == [3, 3]
    difference = table["n_off"] / 3 - expected
    assert np.all(np.abs(difference) < 3 * np.sqrt(expected * 4 / 3))
