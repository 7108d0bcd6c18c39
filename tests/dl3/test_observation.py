from collections.abc import Callable
from pathlib import Path

import astropy.units as u
import numpy as np
import pytest
from astropy.io import fits
from astropy.time import Time, TimeDelta

from bayes_onoff.dl3 import GTI, DataStore, Observation, RunContent, TimeReference, write_store
from bayes_onoff.errors import FileError
from bayes_onoff.fits_table import parse_unit

MakeRun = Callable[..., RunContent]
Damage = Callable[[str, Callable[[fits.BinTableHDU], None]], Path]


@pytest.fixture
def observation(tmp_path: Path, make_run: MakeRun) -> Observation:
    return DataStore.from_dir(write_store(tmp_path, [make_run(7)])).observation(7)


def test_livetime_is_good_time_less_dead_time(observation: Observation) -> None:
    assert observation.ontime == 1500
    assert observation.dead_time_fraction == 0.0625
    assert observation.livetime == 1500 * 0.9375


def test_nothing_is_read_before_it_is_asked_for_and_then_once(observation: Observation, tmp_path: Path) -> None:
    assert observation.files == (tmp_path / "obs_000007.fits",)
    aeff = observation.aeff
    observation.files[0].unlink()
    assert observation.aeff is aeff
    with pytest.raises(FileError, match="the file cannot be read; found 'No such file"):
        _ = observation.edisp


def test_what_was_read_cannot_be_changed(observation: Observation) -> None:
    with pytest.raises(ValueError, match="read-only"):
        observation.events.energy[0] = 1
    with pytest.raises(ValueError, match="read-only"):
        observation.aeff.values[0, 0] = 1


def test_selecting_events(observation: Observation) -> None:
    events = observation.events
    bright = events.select(events.energy > 1)
    assert 0 < len(bright) < len(events)
    assert bright.energy.min() > 1
    np.testing.assert_allclose(bright.coord.ra.deg, bright.ra)


def test_good_time_is_half_open() -> None:
    gti = GTI(np.array([0.0, 20.0]), np.array([10.0, 30.0]), TimeReference(51910, 0.0))
    np.testing.assert_array_equal(gti.contains([-1, 0, 9.9, 10, 19.9, 20, 30]), [0, 1, 1, 0, 0, 1, 0])


@pytest.mark.parametrize("scale", ["tt", "utc", "tai"])
def test_mission_time_counts_si_seconds_from_its_reference_on_any_scale(scale: str) -> None:
    seconds = 333778852.435217  # three leap seconds after the reference
    gti = GTI(np.array([seconds]), np.array([seconds + 1]), TimeReference(52706, 0.25, scale))
    expected = Time(52706, 0.25, format="mjd", scale=scale) + TimeDelta(seconds, format="sec")
    assert abs(gti.mjd[0, 0] - expected.tt.mjd) * 86400 < 1e-5


def test_events_on_another_clock_are_moved_to_that_of_the_good_time(damage: Damage, make_run: MakeRun) -> None:
    folder = damage("EVENTS", lambda hdu: hdu.header.set("MJDREFI", 51909))
    moved = DataStore.from_dir(folder).observation(7).events.time
    np.testing.assert_allclose(moved, make_run(7).events.time - 86400, atol=1e-5)


@pytest.mark.parametrize(
    ("spelling", "unit"),
    [
        ("TEV", "TeV"),
        ("tev ", "TeV"),
        ("MEV", "MeV"),
        ("degrees", "deg"),
        ("DEG", "deg"),
        ("sr^-1", "sr-1"),
        ("1/s/MeV/sr", "s-1 MeV-1 sr-1"),
        ("s^-1 MeV^-1 sr^-1", "s-1 MeV-1 sr-1"),
        ("MeV-1 s-1 sr-1", "s-1 MeV-1 sr-1"),
        ("1/(MeV s sr)", "s-1 MeV-1 sr-1"),
        ("m**2", "m2"),
        ("m^2", "m2"),
        ("M2", "m2"),
        ("seconds", "s"),
    ],
)
def test_units_in_many_spellings(spelling: str, unit: str) -> None:
    assert parse_unit(spelling) == u.Unit(unit)


@pytest.mark.parametrize(
    ("hdu", "column", "unit", "factor", "read"),
    [
        ("EVENTS", "ENERGY", "GeV", 1e-3, lambda o: o.events.energy),
        ("EVENTS", "RA", "rad", 180 / np.pi, lambda o: o.events.ra),
        ("EVENTS", "TIME", "d", 86400, lambda o: o.events.time),
        ("AEFF", "EFFAREA", "km2", 1e6, lambda o: o.aeff.values),
        ("AEFF", "THETA_LO", "arcmin", None, None),
        ("BKG", "BKG", "1/s/TeV/sr", 1e-6, lambda o: o.bkg.values),
        ("PSF", "RPSF", "deg-2", (180 / np.pi) ** 2, lambda o: o.psf.values),
    ],
)
def test_columns_are_converted_from_the_unit_they_state(
    damage: Damage,
    make_run: MakeRun,
    hdu: str,
    column: str,
    unit: str,
    factor: float | None,
    read: Callable[[Observation | RunContent], np.ndarray] | None,
) -> None:
    def change(table: fits.BinTableHDU) -> None:
        table.columns[column].unit = unit

    observation = DataStore.from_dir(damage(hdu, change)).observation(7)
    if read is None or factor is None:
        with pytest.raises(FileError, match="THETA axis"):
            _ = observation.aeff
    else:
        np.testing.assert_allclose(read(observation), read(make_run(7)) * factor)


def test_times_without_a_unit_take_that_of_the_header(damage: Damage) -> None:
    def remove(table: fits.BinTableHDU) -> None:
        table.columns["START"].unit = None

    assert DataStore.from_dir(damage("GTI", remove)).observation(7).ontime == 1500


def test_optional_keys(damage: Damage) -> None:
    def change(table: fits.BinTableHDU) -> None:
        table.header["LO_THRES"] = 0.0  # zero means: not stated
        del table.header["HI_THRES"]
        table.header["HDUCLAS3"] = "point-like"
        table.header["RAD_MAX"] = 0.1

    aeff = DataStore.from_dir(damage("AEFF", change)).observation(7).aeff
    assert (aeff.low_threshold, aeff.high_threshold, aeff.is_pointlike, aeff.rad_max) == (None, None, True, 0.1)


def test_arrays_of_variable_length_are_read_too(damage: Damage, make_run: MakeRun) -> None:
    def store_as_variable_length(table: fits.BinTableHDU) -> None:
        columns = []
        for column in table.columns:
            cell = np.asarray(table.data[column.name][0], dtype=float).reshape(-1)
            array = np.array([cell, None], dtype=object)[:1]
            columns.append(fits.Column(column.name, "PD()", column.unit, array=array))
        table.data = fits.BinTableHDU.from_columns(columns).data

    aeff = DataStore.from_dir(damage("AEFF", store_as_variable_length)).observation(7).aeff
    np.testing.assert_allclose(aeff.values, make_run(7).aeff.values)


def test_columns_in_lower_case_are_read_too(damage: Damage, make_run: MakeRun) -> None:
    folder = damage("EVENTS", lambda table: table.columns.change_name("ENERGY", "energy"))
    np.testing.assert_array_equal(DataStore.from_dir(folder).observation(7).events.energy, make_run(7).events.energy)
