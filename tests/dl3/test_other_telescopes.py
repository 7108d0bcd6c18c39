"""Files of telescopes that are not at hand, written with astropy alone; numbers frozen from gammapy 2.1."""

import itertools
import warnings
from pathlib import Path

import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.table import Table

from bayes_onoff.dl3 import (
    Background2D,
    DataStore,
    Observation,
    PSFKing,
    PSFTable,
    PSFTripleGauss,
    RunContent,
)
from bayes_onoff.errors import FileError, InputError, ReductionWarning
from tests.dl3_files import DEADC, MJD_REFERENCE, Run, area, rewritten, run_tables, write_run, write_tables

ENERGIES = np.array([0.06, 0.3, 2.0, 40.0, 90.0])
DRIFT = {
    **{"OBS_MODE": "DRIFT", "RA_PNT": None, "DEC_PNT": None, "ALT_PNT": 70.0, "AZ_PNT": 120.0},
    **{"GEOLON": -17.89, "GEOLAT": 28.762, "GEOALT": 2200.0},
}


def read(folder: Path, run: Run) -> Observation:
    return DataStore.from_file(write_run(folder, run)).observation(run.obs_id)


@pytest.mark.parametrize("nodes", [False, True])
def test_king_point_spread(tmp_path: Path, nodes: bool) -> None:
    psf = read(tmp_path, Run(psf="king", nodes=nodes)).psf
    assert isinstance(psf, PSFKing)
    expected = [0.56900691, 0.67367989, 0.78777426, 0.91990397, 0.94308006]
    np.testing.assert_allclose(psf.containment(0.1, ENERGIES, 0.3), expected, atol=2e-8)
    np.testing.assert_allclose(psf.containment([0.02, 0.3], 2, [1.7, 2.9]), [0.06889067094, 0.98909417481], atol=1e-8)
    assert psf.containment(0, 2, 0.3) == 0
    np.testing.assert_array_equal(psf.containment(0.1, [0.01, 200, 2], [0.3, 0.3, 4]), 0)


def test_triple_gauss_point_spread(tmp_path: Path) -> None:
    psf = read(tmp_path, Run(psf="3gauss")).psf
    assert isinstance(psf, PSFTripleGauss)
    expected = [0.59060223, 0.68622789, 0.78739615, 0.90994755, 0.93428055]
    np.testing.assert_allclose(psf.containment(0.1, ENERGIES, 0.3), expected, atol=1e-8)
    np.testing.assert_allclose(psf.containment([0.02, 0.3], 2, [1.7, 2.9]), [0.06354495379, 0.99794689678], atol=1e-8)


@pytest.mark.parametrize("kind", ["table", "king", "3gauss"])
def test_containment_radius_undoes_containment(tmp_path: Path, kind: str) -> None:
    psf = read(tmp_path, Run(psf=kind)).psf
    assert psf is not None
    radius = psf.containment_radius(0.68, ENERGIES, 0.3)
    np.testing.assert_allclose(psf.containment(radius, ENERGIES, 0.3), 0.68, atol=1e-6)
    assert np.isnan(psf.containment_radius(0.68, 1000, 0.3))


@pytest.mark.parametrize("kind", ["king", "3gauss"])
def test_where_a_file_defines_no_point_spread_nothing_is_contained(tmp_path: Path, kind: str) -> None:
    tables = run_tables(Run(psf=kind))
    for name in ("GAMMA", "SIGMA", "SCALE", "SIGMA_1", "AMPL_2", "SIGMA_2"):
        if name in tables["psf"].columns.names:
            tables["psf"] = rewritten(tables["psf"], name, factor=0)
    psf = DataStore.from_file(write_tables(tmp_path / "run.fits", tables.values())).observation(11).psf
    assert psf is not None
    np.testing.assert_array_equal(psf.containment(0.1, ENERGIES, 0.3), 0)


def test_a_king_profile_that_cannot_be_normalised_is_refused(tmp_path: Path) -> None:
    tables = run_tables(Run(psf="king"))
    tables["psf"] = rewritten(tables["psf"], "GAMMA", factor=0.3)
    run = DataStore.from_file(write_tables(tmp_path / "run.fits", tables.values())).observation(11)
    with pytest.raises(FileError, match=r"\[PSF\]: column GAMMA: .* normalised; .* allowed: more than 1 where SIGMA"):
        _ = run.psf


def test_radial_background(tmp_path: Path) -> None:
    bkg = read(tmp_path, Run(bkg="2d")).bkg
    assert isinstance(bkg, Background2D)
    expected = [1.91801818e04, 6.06530592e01, 1.23040947e-02]
    np.testing.assert_allclose(bkg.evaluate_at_offset([0.1, 1, 30], 0.5), expected, rtol=2e-7)
    np.testing.assert_allclose(bkg.evaluate(5, [1.9, 0, 0], [0, 1.9, -1.9]), 0.2675565, rtol=1e-6)
    np.testing.assert_array_equal(bkg.evaluate([5, 5, 500], [3, 2.5, 0], [0, 2.5, 0]), 0)


@pytest.mark.parametrize("rad_max", ["offset", "energy"])
def test_directional_cuts_by_energy_and_offset(tmp_path: Path, rad_max: str) -> None:
    observation = read(tmp_path, Run(rad_max=rad_max, psf="", nodes=True))
    cut = observation.rad_max
    assert cut is not None
    assert cut.values.shape == ((33, 5) if rad_max == "offset" else (33, 1))
    energy = cut.energy_axis.centers[7]
    at = 0.05 + 0.05 / np.sqrt(1 + energy)
    expected = at * (1 + 0.2 * np.array([0.5, 2.0])) if rad_max == "offset" else [at * 1.1, at * 1.1]
    np.testing.assert_allclose(cut.evaluate(energy * 1.01, [0.6, 1.8]), expected, rtol=1e-6)  # the nearest
    assert observation.aeff.is_pointlike
    assert observation.aeff.rad_max is None
    assert observation.psf is None


def test_a_fixed_directional_cut(tmp_path: Path) -> None:
    observation = read(tmp_path, Run(rad_max="fixed", psf=""))
    assert (observation.aeff.is_pointlike, observation.aeff.rad_max, observation.rad_max) == (True, 0.1, None)


@pytest.mark.parametrize("nodes", [False, True])
def test_axes_of_nodes_and_of_bins_give_the_same_area(tmp_path: Path, nodes: bool) -> None:
    aeff = read(tmp_path, Run(nodes=nodes)).aeff
    offset = np.array([0.1, 0.7, 2.6])
    np.testing.assert_allclose(
        aeff.evaluate(ENERGIES[:, None], offset), 1e4 * area(ENERGIES[:, None], offset), rtol=1e-6
    )


def test_a_drifting_sky_is_taken_in_the_middle_of_the_run_with_a_warning(tmp_path: Path) -> None:
    observation = read(tmp_path, Run(header=DRIFT, good_time=((1000.0, 2800.0), (3000.0, 3600.0))))
    with pytest.warns(ReductionWarning, match=r"run 11: the pointing was not fixed .* moved up to 5.2 deg away"):
        pointing = observation.pointing
    assert pointing.separation(SkyCoord(181.39576778, 17.66444189, unit="deg")).arcsec < 0.1
    middle = observation.tmid_mjd
    part = observation.select_time(middle, middle + 300 / 86400, name="11-2")
    with pytest.warns(ReductionWarning, match=r"run 11-2: .* moved up to 0.6 deg away"):
        pointing = part.pointing
    assert pointing.separation(SkyCoord(182.02273117, 17.66442687, unit="deg")).arcsec < 0.1
    short = observation.select_time(middle, middle + 40 / 86400)
    assert short.pointing.separation(SkyCoord(181.39576778, 17.66444189, unit="deg")).deg < 0.1  # without a warning
    with pytest.raises(InputError, match="run 11: only a run with a fixed pointing can be written"):
        RunContent.from_observation(short)


def test_a_drift_beyond_the_tables_of_the_earth_is_no_error(tmp_path: Path) -> None:
    observation = read(tmp_path, Run(header={**DRIFT, "OBS_ID": 11, "RADESYS": "FK5"}))
    future = observation.run_files.track.at(70000.0)
    sidereal_day = 0.99726957
    assert future.separation(observation.run_files.track.at(70000.0 + sidereal_day)).deg < 0.01


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"ALT_PNT": None}, r"\[EVENTS\]: no header key ALT_PNT"),
        ({"GEOALT": None}, r"\[EVENTS\]: no header key ALTITUDE"),
        ({"GEOLON": None}, r"\[EVENTS\]: no header key GEOLON"),
        ({"GEOLAT": 128.0}, r"GEOLAT is no latitude; found '128 deg'"),
        ({"ALT_PNT": -3.0}, r"ALT_PNT is no altitude; found '-3 deg'"),
        ({"OBS_MODE": "SLEW"}, r"no table of directions; found 'OBS_MODE SLEW'; allowed: a POINTING table"),
    ],
)
def test_a_drift_without_its_keys_is_refused(tmp_path: Path, changes: dict[str, object], message: str) -> None:
    with pytest.raises(FileError, match=message):
        _ = read(tmp_path, Run(header={**DRIFT, **changes})).pointing


def pointing_table(seconds: list[float], ra: list[float], dec: list[float]) -> fits.BinTableHDU:
    columns = [
        fits.Column("TIME", "D", "s", array=seconds),
        fits.Column("RA_PNT", "D", "deg", array=ra),
        fits.Column("DEC_PNT", "D", "deg", array=dec),
    ]
    hdu = fits.BinTableHDU.from_columns(columns, name="POINTING")
    hdu.header.update({"HDUCLAS1": "POINTING", "MJDREFI": MJD_REFERENCE, "MJDREFF": 0.0, "TIMESYS": "TT"})
    return hdu


def with_pointings(folder: Path, table: fits.BinTableHDU, **header: object) -> Observation:
    tables = [*run_tables(Run(header=header)).values(), table]
    return DataStore.from_file(write_tables(folder / "run.fits", tables)).observation(11)


def test_a_table_of_directions_is_interpolated_to_the_middle(tmp_path: Path) -> None:
    table = pointing_table([1000, 1800, 2000, 2800], [358.0, 359.9, 0.1, 2.0], [5.0, 5.0, 5.0, 5.0])
    scan = {"OBS_MODE": "SCAN", "RA_PNT": None}
    observation = with_pointings(tmp_path, table, **scan)
    with pytest.warns(ReductionWarning, match="moved up to 2 deg away"):
        assert observation.pointing.separation(SkyCoord(0, 5, unit="deg")).deg < 1e-4
    table.columns.change_name("RA_PNT", "RIGHT_ASCENSION")
    fixed = with_pointings(tmp_path / "fixed", table)  # where the table is not looked at
    assert fixed.pointing.separation(Run().pointing).deg < 1e-9


def test_a_table_of_directions_stands_in_for_a_missing_header(tmp_path: Path) -> None:
    table = pointing_table([1000, 2800], [83.0, 83.0], [22.0, 22.0])
    assert with_pointings(tmp_path, table, RA_PNT=None).pointing.separation(SkyCoord(83, 22, unit="deg")).deg < 1e-9


@pytest.mark.parametrize(
    ("table", "error", "message"),
    [
        (([3000, 4000], [83, 83], [22, 22]), InputError, r"does not cover the good time; found 'MJD 56000.021991"),
        (([1000, 1000], [83, 83], [22, 22]), FileError, r"\[POINTING\]: the times .* do not increase; found '2 rows'"),
        (([], [], []), FileError, r"\[POINTING\]: the times .* do not increase; found '0 rows'"),
    ],
)
def test_a_useless_table_of_directions_is_refused(
    tmp_path: Path, table: tuple[list[float], ...], error: type[InputError], message: str
) -> None:
    with pytest.raises(error, match=message):
        _ = with_pointings(tmp_path, pointing_table(*table), RA_PNT=None).pointing


def test_several_good_time_intervals(tmp_path: Path) -> None:
    observation = read(tmp_path, Run(good_time=((1000.0, 1600.0), (1700.5, 2000.25), (2500.0, 2800.0))))
    assert observation.ontime == pytest.approx(1199.75)
    assert observation.livetime == pytest.approx(1199.75 * DEADC)
    assert observation.gti.contains(observation.events.time).all()
    assert observation.tmid_mjd == pytest.approx(MJD_REFERENCE + 1900 / 86400, abs=1e-10)


def test_other_units_and_scaled_integers_give_the_same_run(tmp_path: Path) -> None:
    run = Run(psf="king", bkg="2d", rad_max="offset")
    plain = read(tmp_path / "plain", run)
    tables = run_tables(run)
    radian = np.pi / 180
    changes = {
        "events": [("ENERGY", "GeV", 1e3), ("RA", "rad", radian), ("DEC", "arcmin", 60.0), ("TIME", "min", 1 / 60)],
        "gti": [("START", "min", 1 / 60), ("STOP", "h", 1 / 3600)],
        "aeff": [
            ("EFFAREA", "cm2", 1e4),
            ("ENERG_LO", "GeV", 1e3),
            ("ENERG_HI", "MeV", 1e6),
            ("THETA_LO", "rad", radian),
        ],
        "edisp": [("THETA_HI", "arcsec", 3600.0)],
        "psf": [("SIGMA", "rad", radian), ("ENERG_HI", "GeV", 1e3)],
        "bkg": [("BKG", "1/s/TeV/sr", 1e6)],
        "rad_max": [("RAD_MAX", "arcmin", 60.0)],
    }
    for kind, columns in changes.items():
        for name, unit, factor in columns:
            tables[kind] = rewritten(tables[kind], name, unit=unit, factor=factor)
    other = DataStore.from_file(write_tables(tmp_path / "other.fits", tables.values())).observation(11)
    close = {"rtol": 3e-7, "atol": 1e-12}  # single precision in the file
    for name in ("ra", "dec", "energy", "time"):
        np.testing.assert_allclose(getattr(other.events, name), getattr(plain.events, name), **close)
    assert other.livetime == pytest.approx(plain.livetime)
    for piece in ("aeff", "edisp", "bkg", "rad_max"):
        np.testing.assert_allclose(getattr(other, piece).values, getattr(plain, piece).values, **close)
    np.testing.assert_allclose(other.aeff.energy_edges, plain.aeff.energy_edges, **close)
    np.testing.assert_allclose(other.psf.containment(0.1, 1, 0.5), plain.psf.containment(0.1, 1, 0.5), rtol=1e-6)


def test_integers_with_scale_and_zero_are_numbers(tmp_path: Path) -> None:
    plain = read(tmp_path / "plain", Run())
    tables = run_tables(Run())
    tables["events"] = rewritten(tables["events"], "RA", "DEC", integers=(1e-7, 50.0))
    tables["events"] = rewritten(tables["events"], "TIME", integers=(1e-6, 1900.0))
    tables["aeff"] = rewritten(tables["aeff"], "EFFAREA", integers=(0.01, 5e4))
    path = write_tables(tmp_path / "run.fits", tables.values())
    header = fits.getheader(path, "EVENTS")
    assert (header["TTYPE3"], header["TFORM3"], header["TSCAL3"], header["TZERO3"]) == ("RA", "J", 1e-7, 50)
    scaled = DataStore.from_file(path).observation(11)
    np.testing.assert_allclose(scaled.events.ra, plain.events.ra, atol=1e-7)
    np.testing.assert_allclose(scaled.events.time, plain.events.time, atol=1e-6)
    np.testing.assert_allclose(scaled.aeff.values, plain.aeff.values, rtol=1e-6)
    assert scaled.events.time.dtype == np.float64


@pytest.mark.parametrize("order", [(3, 1, 0, 2, 5, 4), (5, 4, 3, 2, 1, 0)])
def test_names_and_order_of_the_tables_do_not_matter(tmp_path: Path, order: tuple[int, ...]) -> None:
    tables = list(run_tables(Run(psf="3gauss", bkg="2d")).values())
    for number, table in enumerate(tables):
        table.name = f"TABLE {number}"
    del tables[2].header["EXTNAME"]
    path = write_tables(tmp_path / "run.fits", [tables[i] for i in order])
    observation = DataStore.from_file(path).observation(11)
    assert len(observation.events) == 4300
    assert observation.livetime == pytest.approx(1800 * DEADC)
    assert observation.aeff.evaluate(1, 0.5) == pytest.approx(1e4 * area(np.array(1.0), np.array(0.5)), rel=1e-6)
    assert isinstance(observation.psf, PSFTripleGauss)
    assert isinstance(observation.bkg, Background2D)


@pytest.mark.parametrize("order", ["energy, longitude, latitude", "latitude, longitude, energy"])
def test_a_background_with_either_order_of_axes(tmp_path: Path, order: str) -> None:
    """The first axis is the fastest in the file; GADF recommends the energy there, H.E.S.S. has the latitude."""
    tables = run_tables(Run(bkg="3d"))
    bkg = tables["bkg"]
    n_energy, n_lon, n_lat = (bkg.data[f"{name}_LO"].shape[1] for name in ("ENERG", "DETX", "DETY"))
    values = np.random.default_rng(1).uniform(size=(n_energy, n_lon, n_lat))
    cell = values.T if order.startswith("energy") else values
    columns = [column for column in bkg.columns if column.name != "BKG"]
    dim = f"({','.join(str(n) for n in cell.shape[::-1])})"
    columns.append(fits.Column("BKG", f"{cell.size}D", unit="s-1 TeV-1 sr-1", dim=dim, array=cell[None]))
    tables["bkg"] = fits.BinTableHDU.from_columns(columns, header=bkg.header)
    found = DataStore.from_file(write_tables(tmp_path / "run.fits", tables.values())).observation(11).bkg
    assert found is not None
    np.testing.assert_array_equal(found.values, values)


def test_older_names_of_columns_are_read_too(tmp_path: Path) -> None:
    tables = run_tables(Run(bkg="3d"))
    for old, new in (("ENERG_LO", "ETRUE_LO"), ("ENERG_HI", "ETRUE_HI")):
        tables["edisp"].columns.change_name(old, new)
    tables["bkg"].columns.change_name("BKG", "BGD")
    observation = DataStore.from_file(write_tables(tmp_path / "run.fits", tables.values())).observation(11)
    plain = read(tmp_path / "plain", Run(bkg="3d"))
    np.testing.assert_array_equal(
        observation.edisp.evaluate(2, [0.9, 1.2], 0.5), plain.edisp.evaluate(2, [0.9, 1.2], 0.5)
    )
    assert observation.bkg is not None
    assert plain.bkg is not None
    np.testing.assert_array_equal(observation.bkg.values, plain.bkg.values)


def test_without_classes_the_names_and_columns_tell(tmp_path: Path) -> None:
    tables = run_tables(Run(psf="king", bkg="3d"))
    long_names = {"aeff": "EFFECTIVE AREA", "edisp": "Energy Dispersion", "psf": "POINT SPREAD FUNCTION"}
    for kind, table in tables.items():
        table.name = long_names.get(kind, table.name)
        for key in ("HDUCLAS1", "HDUCLAS2", "HDUCLAS3", "HDUCLAS4"):
            table.header.remove(key, ignore_missing=True)
    store = DataStore.from_file(write_tables(tmp_path / "run.fits", tables.values()))
    assert list(store.hdu_table["HDU_CLASS"]) == ["events", "gti", "aeff_2d", "edisp_2d", "psf_king", "bkg_3d"]
    assert isinstance(store.observation(11).psf, PSFKing)


def test_a_folder_without_index_with_responses_in_files_of_their_own(tmp_path: Path) -> None:
    for run in (Run(obs_id=11), Run(obs_id=12, psf="king")):
        tables = run_tables(run)
        write_tables(tmp_path / "events" / f"events_{run.obs_id}.fits.gz", [tables.pop("events"), tables.pop("gti")])
        tables["aeff"].header["OBS_ID"] = run.obs_id
        tables["edisp"].header["OBS_ID"] = str(run.obs_id)
        write_tables(tmp_path / "irf" / f"area_{run.obs_id}.fits", [tables.pop("aeff"), tables.pop("edisp")])
        primary = fits.PrimaryHDU()
        primary.header["OBS_ID"] = run.obs_id
        fits.HDUList([primary, tables["psf"]]).writeto(tmp_path / "irf" / f"psf_{run.obs_id}.fits")
    fits.PrimaryHDU(np.zeros((3, 3))).writeto(tmp_path / "image.fits")
    (tmp_path / "notes.txt").write_text("nothing")
    store = DataStore.from_dir(tmp_path)
    assert (store.obs_ids, store.index_files) == ((11, 12), ())
    assert store.is_present(12)
    first, second = store.observations([11, 12])
    assert isinstance(first.psf, PSFTable)
    assert isinstance(second.psf, PSFKing)
    assert [path.name for path in second.files] == ["events_12.fits.gz", "area_12.fits", "psf_12.fits"]
    assert store.obs_table["OBJECT"][0] == "made up"
    assert store.obs_table["TSTOP"][1] == 2800


def test_an_index_may_point_to_responses_in_other_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tables = run_tables(Run())
    places = {"events": ("data", "events.fits"), "gti": ("data", "events.fits"), "edisp": ("$IRFS", "edisp.fits")}
    rows = []
    for kind, table in tables.items():
        folder, name = places.get(kind, ("irf", f"{kind}.fits"))
        rows.append((11, kind, {"psf": "psf_table"}.get(kind, table.header.get("HDUCLAS4", kind)), folder, name, kind))
    monkeypatch.setenv("IRFS", str(tmp_path / "elsewhere"))
    write_tables(tmp_path / "data" / "events.fits", [tables["events"], tables["gti"]])
    for kind, folder in (("aeff", "irf"), ("psf", "irf"), ("edisp", "elsewhere")):
        write_tables(tmp_path / folder / f"{kind}.fits", [tables[kind]])
    names = ("OBS_ID", "HDU_TYPE", "HDU_CLASS", "FILE_DIR", "FILE_NAME", "HDU_NAME")
    index = tmp_path / "index"
    index.mkdir()
    Table({"OBS_ID": [11]}).write(index / "obs-index.fits")
    Table(rows=rows, names=names, meta={"BASE_DIR": ".."}).write(index / "hdu-index.fits")
    observation = DataStore.from_dir(index).observation(11)
    assert len({file.name for file in observation.files}) == 4
    assert observation.edisp.values.shape == (33, 140, 4)
    assert len(observation.events) == 4300


def test_what_belongs_to_no_run_or_to_two_is_told(tmp_path: Path) -> None:
    tables = run_tables(Run())
    write_tables(tmp_path / "a" / "one.fits", tables.values())
    write_tables(tmp_path / "a" / "two.fits", tables.values())
    with pytest.raises(
        FileError, match=r"two.fits \[EVENTS\]: run 11 has two HDUs of class events; found 'the other in"
    ):
        DataStore.from_dir(tmp_path / "a")
    write_tables(tmp_path / "b" / "twins.fits", [*tables.values(), tables["aeff"].copy()])
    with pytest.raises(FileError, match=r"twins.fits \[AEFF\]: HDUs of one class cannot be told apart"):
        DataStore.from_dir(tmp_path / "b")
    write_tables(tmp_path / "c" / "events.fits", [tables["events"], tables["gti"]])
    store = DataStore.from_dir(tmp_path / "c")
    assert not store.is_present(11)
    with pytest.raises(FileError, match=r"events.fits: run 11 has no aeff, neither here nor in another file"):
        store.observation(11)
    with pytest.raises(FileError, match=r"unknown run 5: the files do not list it; allowed: 1 runs from 11 to 11"):
        store.observation(5)
    del tables["events"].header["OBS_ID"]
    write_tables(tmp_path / "d" / "nameless.fits", [tables["events"]])
    with pytest.raises(FileError, match=r"nameless.fits \[EVENTS\]: no run number OBS_ID in the header of the events"):
        DataStore.from_dir(tmp_path / "d")


def test_a_folder_or_file_without_runs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"no data store: neither an index nor events; found '0 FITS files'"):
        DataStore.from_dir(tmp_path)
    fits.PrimaryHDU().writeto(tmp_path / "empty.fits")
    with pytest.raises(
        FileError, match=r"empty.fits: no data store: neither an index nor events; found '1 FITS files'"
    ):
        DataStore.from_file(tmp_path / "empty.fits")
    (tmp_path / "broken.fits").write_bytes(b"SIMPLE  = nonsense")
    with pytest.raises(FileError, match=r"broken.fits: no FITS file, or a damaged one"):
        DataStore.from_dir(tmp_path)
    with pytest.raises(FileError, match=r"nowhere.fits: the file cannot be read"):
        DataStore.from_file(tmp_path / "nowhere.fits")


@pytest.mark.parametrize(
    ("psf", "bkg", "rad_max", "nodes"),
    list(itertools.product(["king", "3gauss"], ["2d"], ["", "offset"], [True, False])),
)
def test_a_run_of_any_telescope_is_written_and_read_back(
    tmp_path: Path, psf: str, bkg: str, rad_max: str, nodes: bool
) -> None:
    from bayes_onoff.dl3 import write_store

    observation = read(tmp_path, Run(psf=psf, bkg=bkg, rad_max=rad_max, nodes=nodes))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        again = DataStore.from_dir(write_store(tmp_path / "store", [RunContent.from_observation(observation)]))
    back = again.observation(11)
    assert observation.psf is not None
    assert back.psf is not None
    np.testing.assert_allclose(
        back.psf.containment(0.1, ENERGIES, 0.3), observation.psf.containment(0.1, ENERGIES, 0.3)
    )
    np.testing.assert_allclose(back.bkg.evaluate(ENERGIES, 0.3, 0.4), observation.bkg.evaluate(ENERGIES, 0.3, 0.4))
    np.testing.assert_allclose(back.aeff.evaluate(ENERGIES, 0.3), observation.aeff.evaluate(ENERGIES, 0.3))
