"""H.E.S.S. DL3 DR1 and MAGIC, against numbers frozen from gammapy 2.1."""

from pathlib import Path

import numpy as np
import pytest
from astropy.coordinates import SkyCoord

from bayes_onoff.dl3 import Background, DataStore, Observation
from bayes_onoff.errors import FileError

CRAB = (23523, 23526, 23559, 23592)
CRAB_CENTER = SkyCoord(83.63, 22.01, unit="deg")


@pytest.fixture(scope="module")
def hess(gammapy_data: Path) -> DataStore:
    return DataStore.from_dir(gammapy_data / "hess-dl3-dr1")


@pytest.fixture(scope="module")
def crab(hess: DataStore) -> tuple[Observation, ...]:
    return hess.observations(CRAB)


def crab_offset(observation: Observation) -> float:
    return float(observation.pointing.separation(CRAB_CENTER).deg)


def test_the_store_lists_105_runs_of_which_19_are_here(hess: DataStore) -> None:
    assert len(hess.obs_ids) == 105
    assert sum(map(hess.is_present, hess.obs_ids)) == 19


def test_an_absent_run_is_refused_by_its_file(hess: DataStore) -> None:
    with pytest.raises(FileError, match=r"data/hess_dl3_dr1_obs_id_020136.fits.gz: run 20136 is absent"):
        hess.observations([23523, 20136])


def test_time_and_pointing(crab: tuple[Observation, ...]) -> None:
    assert [o.ontime for o in crab] == [1687, 1683, 1686, 1686]
    livetimes = [1581.7367646954954, 1572.6867490857837, 1578.123479828238, 1581.2646658122546]
    assert [o.livetime for o in crab] == pytest.approx(livetimes, rel=1e-12)
    assert np.cumsum([o.livetime for o in crab]) == pytest.approx(
        [1581.736765, 3154.423514, 4732.546994, 6313.811659], abs=1e-6
    )
    assert [crab_offset(o) for o in crab] == pytest.approx([0.4956, 0.5045, 1.505, 1.4988], abs=5e-5)
    np.testing.assert_allclose(crab[0].gti.mjd, [[53343.92234009, 53343.94186556]], atol=1e-8, rtol=0)
    assert {o.target for o in crab} == {"Crab Nebula"}
    assert [len(o.events) for o in crab] == [7613, 7581, 7601, 7334]


def test_effective_area_and_exposure(crab: tuple[Observation, ...]) -> None:
    area = [o.aeff.evaluate(1.01065, crab_offset(o)) * 1e-4 for o in crab]
    assert area == pytest.approx([232938.902, 234639.991, 159427.464, 161804.934], rel=1e-5)  # energy has 6 digits
    edges = np.geomspace(0.05, 100, 201)
    centers = np.sqrt(edges[1:] * edges[:-1])
    exposure = [
        np.interp(0, np.log(centers), o.aeff.evaluate(centers, crab_offset(o)) * 1e-4 * o.livetime) for o in crab
    ]
    expected = [364987611.9558105, 366175478.26036954, 250150124.28573844, 253892854.1657433]
    assert exposure == pytest.approx(expected, rel=1e-12)
    assert crab[0].aeff.low_threshold == pytest.approx(0.870963589956081)
    assert not crab[0].aeff.is_pointlike


def test_containment(crab: tuple[Observation, ...]) -> None:
    containment = [o.psf.containment(0.11, 1.01065, crab_offset(o)) for o in crab if o.psf]
    assert containment == pytest.approx([0.63043149, 0.68319431, 0.6904019, 0.63444597], rel=1e-5)


def test_energy_dispersion_rows(crab: tuple[Observation, ...]) -> None:
    """Probability to reconstruct 19.3018 TeV below 40 TeV, with the cumulative sum of gammapy's kernels."""
    expected = [0.993456, 0.994449, 0.989923, 0.989479]
    for o, row_sum in zip(crab, expected, strict=True):
        density = o.edisp.evaluate(19.3018, o.edisp.migra, crab_offset(o))
        cumulative = np.concatenate([[0], np.cumsum(density * np.diff(o.edisp.migra_edges))])
        result = np.interp(np.array([0.1, 40]) / 19.3018, o.edisp.migra_edges, cumulative / cumulative[-1])
        assert result[1] - result[0] == pytest.approx(row_sum, abs=2e-6)


def test_background(crab: tuple[Observation, ...]) -> None:
    bkg = crab[0].bkg
    assert bkg is not None
    assert isinstance(bkg, Background)
    assert bkg.alignment == "REVERSE_LON_RADEC"
    assert bkg.values.shape == (20, 50, 50)
    assert bkg.values[5, 25, 25] == pytest.approx(1.07880274e-3 * 1e6, rel=1e-6)
    assert crab[2].bkg is not None
    assert crab[2].bkg.values[8, 20, 25] == pytest.approx(89.20308, rel=1e-6)  # as gammapy reads longitude and latitude
    assert crab[2].bkg.values[8, 25, 20] == pytest.approx(85.47416, rel=1e-6)


def test_the_events_lie_where_the_background_says(crab: tuple[Observation, ...]) -> None:
    """Of all ways to read its two directions, the events prefer the one in use: longitudes to the east."""
    energies = np.geomspace(0.7, 20, 16)
    grid = [axis.ravel() for axis in np.meshgrid(*[np.linspace(-1.5, 1.5, 41)] * 2)]
    found = np.zeros((2, 2, 2))
    for run in crab:
        east, north = (angle.deg for angle in run.pointing.spherical_offsets_to(run.events.coord))
        source = [angle.deg for angle in run.pointing.spherical_offsets_to(CRAB_CENTER)]

        def used(x: np.ndarray, y: np.ndarray, source: list[float] = source) -> np.ndarray:
            return (np.hypot(x, y) < 1.5) & (np.hypot(x - source[0], y - source[1]) > 0.3)

        chosen = used(east, north) & (run.events.energy > 0.7) & (run.events.energy < 20)
        energy, events = run.events.energy[chosen], np.stack([east, north])[:, chosen]
        points = np.stack(grid)[:, used(*grid)]
        for swapped, east_sign, north_sign in np.ndindex(2, 2, 2):
            signs = np.array([[(-1) ** east_sign], [(-1) ** north_sign]])
            at_events, at_points = ((signs * where)[:: 1 - 2 * swapped] for where in (events, points))
            mean = run.bkg.evaluate(energies[:, None], *at_points).mean(axis=1)
            norm = np.exp(np.interp(np.log(energy), np.log(energies), np.log(mean)))
            found[swapped, east_sign, north_sign] += np.log(run.bkg.evaluate(energy, *at_events) / norm).sum()
    best = found[0, 0, 0]
    assert np.all(found.ravel()[1:] < best - 5)


def test_every_run_here_is_read_whole(hess: DataStore) -> None:
    """Some response tables of RX J1713 ring below zero, by less than a per cent."""
    minima = []
    for obs_id in filter(hess.is_present, hess.obs_ids):
        o = hess.observation(obs_id)
        assert o.events.energy.size > 1000
        assert o.psf is not None
        assert o.bkg is not None
        minima.append(o.edisp.values.min())
    assert min(minima) == pytest.approx(-0.19003822)


def test_magic_point_like_runs_with_rad_max(gammapy_data: Path) -> None:
    store = DataStore.from_dir(gammapy_data / "magic" / "rad_max" / "data")
    first, second = store.observations([5029747, 5029748])
    assert [first.livetime, second.livetime] == pytest.approx([1178.066, 1174.854], abs=1e-3)
    np.testing.assert_allclose(first.gti.mjd, [[56569.18190532, 56569.19565661]], atol=1e-8, rtol=0)  # UTC in the file
    assert first.aeff.is_pointlike
    assert first.aeff.low_threshold == pytest.approx(0.08576008)
    assert first.psf is None
    assert first.bkg is None
    assert first.rad_max is not None
    np.testing.assert_allclose(first.rad_max.evaluate([0.1, 1], 0.4), [0.2236068, 0.1], rtol=1e-6)
    assert first.aeff.evaluate(1, 0.4) == pytest.approx(9.32969712e8, rel=1e-6)
    assert first.edisp.values.shape == (28, 20, 1)
