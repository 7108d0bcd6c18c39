"""Runs cut and gathered in time."""

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits
from hypothesis import given, settings
from hypothesis import strategies as st
from regions import CircleSkyRegion

from bayes_onoff.axes import EnergyAxis
from bayes_onoff.dl3 import DataStore
from bayes_onoff.errors import ConfigError, InputError, ReductionWarning
from bayes_onoff.reduction import TimeGrouping, group_in_time, reduce_in_time, reduce_observations, split_in_time
from bayes_onoff.reduction.time_groups import stack_groups
from bayes_onoff.simulation import RunPlan, simulate_store
from bayes_onoff.simulation.dl3_runs import CRAB_POSITION
from bayes_onoff.spectra import stack, write_ogip

DAY, MINUTE = 86400.0, 60 / 86400
START = 123890826.0  # s since 2001: 2004-12-04 22:07 UTC
PLANS = tuple(
    RunPlan(obs_id, 0.5, angle, START + start, 1200.0)
    for obs_id, angle, start in ((1, 0, 0.0), (2, 90, 1500.0), (3, 180, 2 * DAY), (4, 270, 2 * DAY + 6 * 3600))
)
ON_REGION = CircleSkyRegion(SkyCoord(*CRAB_POSITION, unit="deg"), 0.11 * u.deg)
AXES = {
    "energy": EnergyAxis.from_bounds(0.5 * u.TeV, 50 * u.TeV, 8),
    "energy_true": EnergyAxis.from_bounds(0.3 * u.TeV, 80 * u.TeV, 20, "energy_true"),
}


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return simulate_store(tmp_path_factory.mktemp("runs") / "data", rng=np.random.default_rng(3), plans=PLANS)


@pytest.fixture(scope="module")
def runs(store):
    return DataStore.from_dir(store).observations([1, 2, 3, 4])


@pytest.fixture(scope="module")
def whole(runs):
    return reduce_observations(runs, ON_REGION, **AXES).spectra


def good_events(observation):
    return np.sort(observation.events.time[observation.gti.contains(observation.events.time)])


# Cutting.


@given(parts=st.lists(st.floats(0.01, 0.99), max_size=4, unique=True))
@settings(deadline=None, max_examples=20)
def test_a_run_that_is_cut_keeps_its_events_and_its_time(runs, parts):
    run = runs[0]
    start, stop = run.gti.mjd[0]
    edges = [start, *sorted(start + part * (stop - start) for part in parts), stop]
    pieces = split_in_time([run], edges)
    assert len({piece.name for piece in pieces}) == len(pieces) <= len(edges) - 1
    assert sum(piece.livetime for piece in pieces) == pytest.approx(run.livetime, rel=1e-6)
    np.testing.assert_array_equal(np.concatenate([good_events(piece) for piece in pieces]), good_events(run))


def test_a_run_that_is_not_cut_is_given_back_as_it_is(runs):
    assert split_in_time(runs[:1], [0, 1e6]) == (runs[0],)


def test_pieces_are_named_after_their_run(runs):
    middle = runs[1].tmid_mjd
    assert [piece.name for piece in split_in_time(runs[:2], [0, middle, 1e6])] == ["1", "2-1", "2-2"]


def test_time_outside_the_edges_is_left_out_with_a_warning(runs):
    start = runs[0].gti.mjd[0, 0]
    with pytest.warns(
        ReductionWarning, match="run 1: 600 s of its good time lie outside the bins in time and are left"
    ):
        (piece,) = split_in_time(runs[:1], [start + 10 * MINUTE, start + 1])
    assert piece.name == "1-1"
    assert piece.ontime == pytest.approx(600, abs=1e-3)
    with pytest.warns(ReductionWarning, match="run 1: 1200 s of its good time"):
        assert split_in_time(runs[:1], [0, 1]) == ()


def test_several_good_time_intervals_are_cut_alike(store, tmp_path):
    with fits.open(next(store.rglob("*1.fits*"))) as hdus:
        old = hdus["GTI"].data["START"][0]
        columns = [
            fits.Column("START", "D", unit="s", array=[old, old + 500]),
            fits.Column("STOP", "D", unit="s", array=[old + 300, old + 1000]),
        ]
        keys = {key: hdus["GTI"].header[key] for key in ("MJDREFI", "MJDREFF", "TIMESYS", "HDUCLAS1")}
        hdus["GTI"] = fits.BinTableHDU.from_columns(columns, name="GTI")
        hdus["GTI"].header.update(keys)
        hdus.writeto(tmp_path / "run.fits")
    (run,) = DataStore.from_file(tmp_path / "run.fits").observations([1])
    start = run.gti.mjd[0, 0]
    groups = group_in_time([run], TimeGrouping("bins", width=400.0))
    pieces = [group.pieces[0] for group in groups]
    assert [piece.name for piece in pieces] == ["1-1", "1-2", "1-3"]
    assert [piece.ontime for piece in pieces] == pytest.approx([300, 300, 200], abs=1e-3)
    assert pieces[1].gti.mjd[0, 0] == pytest.approx(start + 500 / DAY, abs=1e-9)


# Gathering.


def test_without_grouping_every_run_is_one_spectrum(runs, whole):
    reduction = reduce_in_time(runs, ON_REGION, TimeGrouping(), **AXES)
    assert reduction.spectra.names == ("1", "2", "3", "4")
    np.testing.assert_array_equal(reduction.spectra.n_on, whole.n_on)


def test_nights_are_named_after_the_date_of_the_evening(runs):
    groups = group_in_time(runs[::-1], TimeGrouping("night"))
    assert [group.name for group in groups] == ["night-2004-12-04", "night-2004-12-06"]
    assert [[piece.name for piece in group.pieces] for group in groups] == [["1", "2"], ["3", "4"]]


@pytest.mark.parametrize(
    ("longitude", "names"),
    [
        (16.5, ["night-2004-12-04"]),  # 22:07 UTC is 23:13 there
        (-150.0, ["night-2004-12-03", "night-2004-12-04"]),  # 12:07, after a run until 11:57
        (150.0, ["night-2004-12-04"]),  # 08:07 in the morning of the 5th
        (None, ["night-2004-12-04"]),
        ("unknown", ["night-2004-12-04"]),
    ],
)
def test_a_night_begins_at_local_noon(tmp_path, longitude, names):
    plans = (RunPlan(1, 0.5, 0, START - 1800.0, 600.0), RunPlan(2, 0.5, 0, START, 600.0))
    store = simulate_store(tmp_path / "data", rng=np.random.default_rng(1), plans=plans)
    for path in store.rglob("*.fits*"):
        with fits.open(path, mode="update") as hdus:
            for hdu in hdus[1:]:
                hdu.header.remove("CHECKSUM", ignore_missing=True)
                hdu.header.remove("DATASUM", ignore_missing=True)
                if "GEOLON" in hdu.header:
                    hdu.header["GEOLON"] = longitude
    groups = group_in_time(DataStore.from_dir(store).observations([1, 2]), TimeGrouping("night"))
    assert [group.name for group in groups] == names


def test_a_run_over_noon_belongs_to_two_nights(tmp_path):
    noon = START + (12 - 22.118611 - 16.5002 / 15) * 3600
    plans = (RunPlan(1, 0.5, 0, noon - 600, 1200.0),)
    store = simulate_store(tmp_path / "data", rng=np.random.default_rng(1), plans=plans)
    (run,) = DataStore.from_dir(store).observations([1])
    groups = group_in_time([run], TimeGrouping("night"))
    assert [group.name for group in groups] == ["night-2004-12-03", "night-2004-12-04"]
    assert [piece.name for group in groups for piece in group.pieces] == ["1-1", "1-2"]
    # terrestrial time was 64 s ahead of universal time
    assert groups[0].pieces[0].ontime == pytest.approx(600, abs=70)


def test_bins_of_one_width_begin_with_the_first_good_time(runs):
    groups = group_in_time(runs, TimeGrouping("bins", width=600.0))
    assert [group.name for group in groups[:5]] == ["1-1", "1-2", "2-1", "2-2", "2-3"]
    assert [group.pieces[0].ontime for group in groups[:5]] == pytest.approx([600, 600, 300, 600, 300], abs=1e-3)
    together = group_in_time(runs, TimeGrouping("bins", width=DAY))
    start = runs[0].gti.mjd[0, 0]
    names = [f"mjd-{start:.5f}", f"mjd-{start + 2:.5f}"]
    assert [group.name for group in together] == [name.rstrip("0") for name in names]


def test_bins_between_edges(runs):
    start = runs[0].gti.mjd[0, 0]
    edges = (np.floor(start), start + 30 * MINUTE, start + 10)
    groups = group_in_time(runs, TimeGrouping("bins", edges=edges))
    assert [[piece.name for piece in group.pieces] for group in groups] == [["1", "2-1"], ["2-2", "3", "4"]]
    assert groups[0].name == "mjd-53343"


def test_edges_that_only_touch_a_run_add_no_piece(runs):
    stop = runs[0].gti.mjd[0, 1]
    assert split_in_time(runs[:1], [0, stop - 1e-10, 1e6]) == (runs[0],)


# What comes out.


def test_pieces_have_their_own_counts_and_exposures(runs, whole):
    reduction = reduce_in_time(runs[:2], ON_REGION, TimeGrouping("bins", width=600.0), **AXES)
    spectra = reduction.spectra
    assert spectra.names == ("1-1", "1-2", "2-1", "2-2", "2-3")
    for name, members in (("1", ("1-1", "1-2")), ("2", ("2-1", "2-2", "2-3"))):
        pieces, run = [spectra[member] for member in members], whole[name]
        np.testing.assert_array_equal(sum(piece.n_on for piece in pieces), run.n_on)
        np.testing.assert_array_equal(sum(piece.n_off_by_region for piece in pieces), run.n_off_by_region)
        np.testing.assert_allclose(sum(piece.exposure for piece in pieces), run.exposure, rtol=1e-6)
        for piece in pieces:
            np.testing.assert_allclose(piece.exposure / piece.livetime, run.exposure / run.livetime, rtol=1e-12)
            np.testing.assert_array_equal(piece.alpha, run.alpha)
    assert [geometry.name for geometry in reduction.geometries] == ["1", "2"]


def test_a_night_is_the_stack_of_its_runs(runs, whole, tmp_path):
    reduction = reduce_in_time(runs, ON_REGION, TimeGrouping("night"), **AXES)
    first, second = reduction.spectra
    expected = stack(type(whole)((whole["1"], whole["2"])))
    assert first.name == "night-2004-12-04"
    for key in ("n_on", "n_off", "exposure", "edisp", "alpha", "gti", "n_off_by_region"):
        np.testing.assert_array_equal(getattr(first, key), getattr(expected, key), err_msg=key)
    assert first.n_off_regions == whole["1"].n_off_regions + whole["2"].n_off_regions
    assert second.livetime == pytest.approx(whole["3"].livetime + whole["4"].livetime)
    assert [geometry.name for geometry in reduction.geometries] == ["1", "2", "3", "4"]
    assert write_ogip(first, tmp_path)[0].name == "pha_obsnight-2004-12-04.fits"


def test_a_run_cut_and_stacked_again_is_the_run(runs, whole):
    start = runs[0].gti.mjd[0, 0]
    pieces = split_in_time(runs[:1], [0, start + 5 * MINUTE, start + 9 * MINUTE, 1e6])
    reduction = reduce_observations(pieces, ON_REGION, **AXES)
    again = stack_groups(reduction, {"again": [piece.name for piece in pieces]}).spectra["again"]
    run, mask = whole["1"], whole["1"].mask
    np.testing.assert_array_equal(again.mask, mask)
    for key in ("n_on", "n_off", "alpha", "response"):
        np.testing.assert_allclose(getattr(again, key)[mask], getattr(run, key)[mask], rtol=1e-6, err_msg=key)
    assert again.livetime == pytest.approx(run.livetime, rel=1e-6)
    np.testing.assert_allclose(again.gti, run.gti, rtol=0, atol=1e-10)


def test_members_that_were_left_out_do_not_count(whole):
    reduction = stack_groups(_reduction(whole), {"a": ["1", "absent"], "b": ["absent"], "c": ["2", "3"]})
    assert reduction.spectra.names == ("a", "c")
    np.testing.assert_array_equal(reduction.spectra["a"].n_on, whole["1"].n_on)


def _reduction(spectra):
    from bayes_onoff.reduction import Reduction

    return Reduction(spectra, ())


def test_the_fit_range_is_that_of_the_groups(runs):
    reduction = reduce_in_time(runs, ON_REGION, TimeGrouping("night"), **AXES, fit_range=(1.0, 10.0))
    edges = reduction.spectra.energy.edges
    used = reduction.spectra.mask.any(axis=0)
    assert edges[:-1][used].min() >= 1
    assert edges[1:][used].max() <= 10


# Real nights.


def test_the_crab_runs_are_of_two_nights(reduce_crab, gammapy_data):
    runs = DataStore.from_dir(gammapy_data / "hess-dl3-dr1").observations([23523, 23526, 23559, 23592])
    groups = group_in_time(runs, TimeGrouping("night"))
    found = {group.name: [piece.name for piece in group.pieces] for group in groups}
    assert found == {
        "night-2004-12-04": ["23523", "23526"],
        "night-2004-12-06": ["23559"],
        "night-2004-12-08": ["23592"],
    }


# What is refused.


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"by": "week"}, "^observations.grouping: no such grouping; found 'week'; allowed: run, night or bins"),
        ({"by": "bins"}, "^observations.grouping: bins in time need one description, anything else none; found 'bins"),
        ({"by": "bins", "width": 5.0, "edges": (1.0, 2.0)}, "found 'bins with 2'"),
        ({"by": "night", "width": 5.0}, "found 'night with 1'; allowed: bins with either `width` or `edges`"),
        (
            {"by": "bins", "width": 0.5},
            "^observations.grouping.width: no width of a bin; found '0.5 s'; allowed: at le",
        ),
        ({"by": "bins", "width": np.inf}, "no width of a bin; found 'inf s'"),
        ({"by": "bins", "width": np.nan}, "no width of a bin; found 'nan s'"),
        (
            {"by": "bins", "edges": (2.0,)},
            "^observations.grouping.edges: the edges are not increasing, or are too near",
        ),
        ({"by": "bins", "edges": (2.0, 1.0)}, "found '2.000000, 1.000000'; allowed: two or more, at least 1 s apart"),
        ({"by": "bins", "edges": (1.0, 1.000001)}, "the edges are not increasing, or are too near"),
        ({"by": "bins", "edges": (1.0, np.nan)}, "the edges are not increasing, or are too near"),
    ],
)
def test_a_grouping_without_meaning_is_refused(values, message):
    with pytest.raises(ConfigError, match=message):
        TimeGrouping(**values)


def test_no_run_at_all_is_refused():
    with pytest.raises(InputError, match="observations: no run; allowed: at least one run"):
        group_in_time([], TimeGrouping("night"))


def test_bins_without_good_time_are_refused(runs):
    with (
        pytest.warns(ReductionWarning, match="run 1: 1200 s of its good time"),
        pytest.raises(InputError, match=r"edges: no good time in any bin; allowed: bins that touch MJD 53343.9\d+ to"),
    ):
        group_in_time(runs[:1], TimeGrouping("bins", edges=(1.0, 2.0)))
