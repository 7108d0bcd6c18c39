"""The whole chain on made-up telescopes: files, selection, counts, response, OGIP files, fit.

Files and events are made with astropy alone. Every run sees a source of the same power law, drawn through its own area,
energy dispersion and point spread, so that the flux is known; and what differs in the way it is stored only, gives the
same counts and the same fit.
"""

import warnings
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.table import Table
from numpy.typing import NDArray
from regions import CircleSkyRegion, PointSkyRegion, SkyRegion

from bayes_onoff.axes import EnergyAxis
from bayes_onoff.dl3 import DataStore, Observation, Selection, select_runs
from bayes_onoff.errors import FileError, ReductionError, ReductionWarning
from bayes_onoff.models import SpectralModel
from bayes_onoff.products.wstat_fit import WstatFit, fit_wstat
from bayes_onoff.reduction import (
    Reduction,
    ReductionSettings,
    SafeRange,
    TimeGrouping,
    reduce_in_time,
    reduce_observations,
)
from bayes_onoff.spectra import Spectra, SpectrumOnOff, read_ogip_files, write_ogip
from tests.dl3_files import (
    DEADC,
    ENERGY_EDGES,
    ENERGY_RESOLUTION,
    PSF_SIGMA,
    Run,
    Tables,
    area,
    rewritten,
    run_tables,
    write_tables,
)

AMPLITUDE, INDEX = 6e-10, 2.3  # cm-2 s-1 TeV-1 at 1 TeV
OFFSET = 0.7  # deg
ENERGY = EnergyAxis.from_bounds(0.08 * u.TeV, 80 * u.TeV, 24)
ENERGY_TRUE = EnergyAxis.from_bounds(0.05 * u.TeV, 100 * u.TeV, 80, "energy_true")
SAFE = SafeRange(aeff_default=True)
SETTINGS = ReductionSettings(safe_range=SAFE)
WOBBLE = ReductionSettings(off_method="wobble", safe_range=SAFE)
RUNS = (Run(obs_id=11, wobble=(90.0, OFFSET)), Run(obs_id=12, wobble=(290.0, OFFSET), good_time=((4000.0, 5500.0),)))
CRAB = RUNS[0].source_coord
WHOLE = CircleSkyRegion(CRAB, 0.3 * u.deg)  # holds every event of a Gaussian point spread
SMALL = CircleSkyRegion(CRAB, 0.1 * u.deg)
CENTERS = np.sqrt(ENERGY_EDGES[1:] * ENERGY_EDGES[:-1])  # TeV, of the tables
GRID = np.geomspace(0.05, 100, 4001)  # TeV

Floats = NDArray[np.float64]


def events_per_energy(run: Run) -> Floats:
    """Expected events per TeV on `GRID`, at all reconstructed energies and positions."""
    livetime = DEADC * sum(stop - start for start, stop in run.good_time)
    return AMPLITUDE * livetime * 1e4 * area(GRID, np.array(run.wobble[1])) * GRID**-INDEX


def distances(run: Run, energy_true: Floats, energy: Floats, rng: np.random.Generator) -> Floats:
    """Draw distances from the source, deg: from the point spread, or within the cut of a point-like response."""
    uniform = rng.uniform(size=len(energy))
    sigma = PSF_SIGMA * (1 + 0.1 * run.wobble[1]) * energy_true**-0.1
    if run.rad_max:
        cut = 0.1 if run.rad_max == "fixed" else 0.95 * 1.1 * (0.05 + 0.05 / np.sqrt(1 + energy))
        return np.asarray(sigma * np.sqrt(-2 * np.log1p(-uniform * -np.expm1(-0.5 * (cut / sigma) ** 2))))
    if run.psf == "king":
        gamma = 2 + energy_true**0.1 + 0.1 * run.wobble[1]
        return np.asarray(0.8 * sigma * np.sqrt(2 * gamma * ((1 - uniform) ** (1 / (1 - gamma)) - 1)))
    if run.psf == "3gauss":
        wide = 0.3 * 1.5**2 / (0.8**2 + 0.3 * 1.5**2)
        sigma = sigma * np.where(rng.uniform(size=len(energy)) < wide, 1.5, 0.8)
    return np.asarray(sigma * np.sqrt(-2 * np.log(uniform)))


def made(run: Run) -> Tables:
    """Make the tables of a run that sees the source; its events are the first ones."""
    density = events_per_energy(run)
    cumulative = np.concatenate([[0], np.cumsum((density[1:] + density[:-1]) / 2 * np.diff(GRID))])
    n = round(cumulative[-1])
    rng = np.random.default_rng(run.obs_id + 100)
    energy_true = np.interp(rng.uniform(size=n), cumulative / cumulative[-1], GRID)
    energy = energy_true * (1 + ENERGY_RESOLUTION * rng.normal(size=n))
    place = run.source_coord.directional_offset_by(
        rng.uniform(0, 360, n) * u.deg, distances(run, energy_true, energy, rng) * u.deg
    )
    tables = run_tables(replace(run, n_source=n))
    drawn = {"ENERGY": energy, "RA": place.ra.deg, "DEC": place.dec.deg, "PHASE": rng.uniform(0.2, 0.4, n)}
    for name, values in drawn.items():
        tables["events"].data[name][:n] = values
    return tables


def within(tables: Tables, center: SkyCoord, radius: float) -> NDArray[np.int64]:
    """Count the events of a circle, with nothing but astropy."""
    events = Table(tables["events"].data)
    inside = SkyCoord(events["RA"], events["DEC"], unit="deg").separation(center).deg <= radius
    return np.histogram(events["ENERGY"][inside], ENERGY.edges)[0]


def opened(folder: Path, runs: Iterable[Tables]) -> tuple[Observation, ...]:
    """Write each run into a file of a folder without index, and select those on the source."""
    for i, tables in enumerate(runs):
        write_tables(folder / f"part{i}" / "run.fits", tables.values())
    return selected(DataStore.from_dir(folder))


def selected(store: DataStore) -> tuple[Observation, ...]:
    selection = Selection(target=("Made Up",), cone=(CRAB, 1.0), time=(56000.0, 56000.1))
    return store.observations(select_runs(store, selection))


def through_ogip(folder: Path, spectra: Spectra) -> Spectra:
    """Write the spectra and read them back."""
    back = read_ogip_files([write_ogip(run, folder / "spectra")[0] for run in spectra])
    assert np.array_equal(back.n_on, spectra.n_on)
    assert np.array_equal(back.n_off, spectra.n_off)
    assert np.array_equal(back.mask, spectra.mask)
    np.testing.assert_allclose(back.response, spectra.response, rtol=1e-12)
    np.testing.assert_allclose(back.alpha, spectra.alpha, rtol=1e-12)
    return back


def reduced(
    folder: Path, runs: Iterable[Tables], on: SkyRegion = WHOLE, settings: ReductionSettings = SETTINGS
) -> Reduction:
    """Go from files to spectra."""
    return reduce_observations(opened(folder, runs), on, energy=ENERGY, energy_true=ENERGY_TRUE, settings=settings)


def fitted(spectra: Spectra) -> WstatFit:
    return fit_wstat(spectra, SpectralModel("power-law"))


def assert_true(folder: Path, spectra: Spectra, relative_error: float = 0.025) -> WstatFit:
    """Fit what OGIP files bring back: the truth lies within 2.5 errors, and the errors are small."""
    fit = fitted(through_ogip(folder, spectra))
    assert fit.success, fit.message
    assert fit.errors["amplitude"] < relative_error * AMPLITUDE
    assert fit.errors["index"] < relative_error
    assert abs(fit.values["amplitude"] - AMPLITUDE) < 2.5 * fit.errors["amplitude"]
    assert abs(fit.values["index"] - INDEX) < 2.5 * fit.errors["index"]
    return fit


def assert_same(found: Reduction, expected: Reduction, tolerance: float = 1e-5) -> None:
    """The same counts, bin by bin, and the same fit, to a fraction of the errors."""
    assert_same_counts(found.spectra, expected.spectra)
    fit, other = fitted(found.spectra), fitted(expected.spectra)
    assert fit.stat == pytest.approx(other.stat, abs=100 * tolerance)
    for name, value in other.values.items():
        assert fit.values[name] == pytest.approx(value, abs=tolerance * other.errors[name])


def assert_same_counts(found: Spectra, expected: Spectra) -> None:
    for name in ("n_on", "n_off", "alpha", "mask"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Reduction:
    """Two runs as any telescope would write them."""
    return reduced(tmp_path_factory.mktemp("plain"), map(made, RUNS))


def test_the_plain_runs(tmp_path: Path, plain: Reduction) -> None:
    assert_true(tmp_path, plain.spectra)
    for run, spectrum, geometry in zip(RUNS, plain.spectra, plain.geometries, strict=True):
        tables = made(run)
        np.testing.assert_array_equal(spectrum.n_on, within(tables, CRAB, 0.3))
        assert spectrum.n_on.sum() > 2700
        off = [within(tables, region.center, 0.3) for region in geometry.off_regions]
        np.testing.assert_array_equal(spectrum.n_off_by_region, off)
        assert len(off) == 5
        n_expected = 4000 * len(off) * (0.3 / 2.5) ** 2 * 0.99  # some are above 80 TeV, none below 0.1
        assert spectrum.n_off.sum() == pytest.approx(n_expected, abs=4 * n_expected**0.5)
        assert np.flatnonzero(~spectrum.mask_safe).tolist() == [0]  # LO_THRES of 0.1 TeV


# Stored in another way


def other_units(tables: Tables) -> Tables:
    radian = np.pi / 180
    changes = {
        "events": [
            ("ENERGY", "GeV", 1e3),
            ("RA", "rad", np.pi / 180),
            ("DEC", "arcmin", 60.0),
            ("TIME", "min", 1 / 60),
        ],
        "gti": [("START", "min", 1 / 60), ("STOP", "h", 1 / 3600)],
        "aeff": [("EFFAREA", "cm2", 1e4), ("ENERG_LO", "GeV", 1e3), ("THETA_HI", "rad", radian)],
        "edisp": [("ENERG_HI", "MeV", 1e6), ("THETA_LO", "arcsec", 3600.0)],
        "psf": [("RAD_LO", "arcmin", 60.0), ("RAD_HI", "arcmin", 60.0), ("RPSF", "deg-2", radian**2)],
    }
    for kind, columns in changes.items():
        for name, unit, factor in columns:
            tables[kind] = rewritten(tables[kind], name, unit=unit, factor=factor)
    return tables


def scaled_integers(tables: Tables) -> Tables:
    tables["events"] = rewritten(tables["events"], "RA", "DEC", integers=(1e-7, 50.0))
    tables["events"] = rewritten(tables["events"], "TIME", integers=(1e-5, 3000.0))
    tables["aeff"] = rewritten(tables["aeff"], "EFFAREA", integers=(0.01, 5e4))
    return tables


def other_names_and_order(tables: Tables) -> Tables:
    for number, table in enumerate(tables.values()):
        table.name = f"TABLE {number}"
    return dict(reversed(tables.items()))


def with_events_at(tables: Tables, times: Floats) -> Tables:
    """Add all events once more, at other times, repeated in turn."""
    old = tables["events"]
    n = len(old.data)
    new = fits.BinTableHDU.from_columns(old.columns, old.header, nrows=2 * n, name="EVENTS")
    for name in old.columns.names:
        new.data[name] = np.tile(old.data[name], 2)
    new.data["TIME"][n:] = np.resize(times, n)
    return {**tables, "events": new}


def events_outside_good_time(tables: Tables) -> Tables:
    good = Table(tables["gti"].data)
    return with_events_at(tables, np.array([good["START"].min() - 100, good["STOP"].max() + 2]))


@pytest.mark.parametrize(
    "change",
    [other_units, scaled_integers, other_names_and_order, events_outside_good_time],
    ids=lambda f: f.__name__,
)
def test_the_way_it_is_stored_does_not_matter(
    tmp_path: Path, plain: Reduction, change: Callable[[Tables], Tables]
) -> None:
    assert_same(reduced(tmp_path, [change(made(run)) for run in RUNS]), plain)


def test_a_small_circle_in_other_units_too(tmp_path: Path) -> None:
    """The point spread is used."""
    corrected = replace(SETTINGS, containment_correction=True)
    expected = reduced(tmp_path / "plain", map(made, RUNS), SMALL, corrected)
    assert_same(reduced(tmp_path / "other", [other_units(made(run)) for run in RUNS], SMALL, corrected), expected, 1e-4)


def test_axes_of_nodes(tmp_path: Path, plain: Reduction) -> None:
    """The area is linear between nodes and between centres of bins, so that both give the same."""
    assert_same(reduced(tmp_path, [made(replace(run, nodes=True)) for run in RUNS]), plain, 1e-3)


def test_one_file_an_index_and_a_folder_without_one_hold_the_same_runs(tmp_path: Path, plain: Reduction) -> None:
    axes = {"energy": ENERGY, "energy_true": ENERGY_TRUE}
    rows = []
    for run in RUNS:
        tables = made(run)
        alone = DataStore.from_file(write_tables(tmp_path / f"only_{run.obs_id}.fits", tables.values()))
        reduction = reduce_observations(selected(alone), WHOLE, **axes, settings=SETTINGS)
        number = RUNS.index(run)
        np.testing.assert_array_equal(reduction.spectra.n_on[0], plain.spectra.n_on[number])
        np.testing.assert_array_equal(reduction.spectra.response[0], plain.spectra.response[number])
        for kind, table in tables.items():
            write_tables(tmp_path / "store" / kind / f"{run.obs_id}.fits.gz", [table])
            hdu_class = {"events": "events", "gti": "gti", "psf": "psf_table"}.get(kind, f"{kind}_2d")
            rows.append((run.obs_id, kind, hdu_class, kind, f"{run.obs_id}.fits", kind.upper()))
    names = ("OBS_ID", "HDU_TYPE", "HDU_CLASS", "FILE_DIR", "FILE_NAME", "HDU_NAME")
    Table(rows=rows, names=names).write(tmp_path / "store" / "hdu-index.fits.gz")
    index = Table(
        {"OBS_ID": [11, 12], "OBJECT": ["made up"] * 2, "TSTART": [1000.0, 4000.0], "TSTOP": [2800.0, 5500.0]}
    )
    index["RA_PNT"], index["DEC_PNT"] = ([getattr(run.pointing, name).deg for run in RUNS] for name in ("ra", "dec"))
    index.meta = {"MJDREFI": 56000, "MJDREFF": 0.0, "TIMESYS": "TT"}
    index.write(tmp_path / "store" / "obs-index.fits")
    observations = selected(DataStore.from_dir(tmp_path / "store"))
    spectra = reduce_observations(observations, WHOLE, **axes, settings=SETTINGS).spectra
    assert_same_counts(spectra, plain.spectra)
    np.testing.assert_array_equal(spectra.response, plain.spectra.response)


def test_runs_elsewhere_are_not_selected(tmp_path: Path, plain: Reduction) -> None:
    far = Run(obs_id=13, source=(200.0, -30.0), header={"OBJECT": "made up"})
    other = Run(obs_id=14, header={"OBJECT": "another"})
    late = Run(obs_id=15, good_time=((90000.0, 91000.0),))
    found = opened(tmp_path, [made(RUNS[0]), *map(run_tables, (far, other, late)), made(RUNS[1])])
    assert [observation.obs_id for observation in found] == [11, 12]
    reduction = reduce_observations(found, WHOLE, energy=ENERGY, energy_true=ENERGY_TRUE, settings=SETTINGS)
    assert_same_counts(reduction.spectra, plain.spectra)


# Point spread


@pytest.mark.parametrize(("psf", "nodes"), [("table", False), ("king", False), ("king", True), ("3gauss", True)])
def test_what_a_small_circle_loses_is_corrected(tmp_path: Path, psf: str, nodes: bool) -> None:
    runs = [made(replace(run, psf=psf, nodes=nodes)) for run in RUNS]
    settings = replace(SETTINGS, containment_correction=True)
    reduction = reduced(tmp_path, runs, SMALL, settings)
    fit = assert_true(tmp_path, reduction.spectra)
    uncorrected = reduce_observations(
        opened(tmp_path, []), SMALL, energy=ENERGY, energy_true=ENERGY_TRUE, settings=SETTINGS
    ).spectra
    assert_same_counts(uncorrected, reduction.spectra)
    lost = AMPLITUDE - fitted(uncorrected).values["amplitude"]
    assert lost > 4 * fit.errors["amplitude"]  # the correction is seen


def test_without_a_point_spread_there_is_no_correction(tmp_path: Path) -> None:
    observations = opened(tmp_path, [made(replace(run, psf="")) for run in RUNS])
    axes = {"energy": ENERGY, "energy_true": ENERGY_TRUE}
    settings = replace(SETTINGS, containment_correction=True)
    with pytest.raises(ReductionError, match="run 11: the containment correction needs a point-spread function"):
        reduce_observations(observations, SMALL, **axes, settings=settings)


# Point-like responses


def _radii(kind: str, nodes: bool) -> Floats:
    """Radius of the cut at each node of the table for an offset of 0.7 deg."""
    offset = 0.5 if nodes or kind == "energy" else 0.75
    return np.asarray((0.05 + 0.05 / np.sqrt(1 + CENTERS)) * (1 + 0.2 * offset))


def within_cut(tables: Tables, center: SkyCoord, radii: Floats) -> NDArray[np.int64]:
    """Count the events within the radius of the nearest energy of the table."""
    events = Table(tables["events"].data)
    energy = np.asarray(events["ENERGY"], dtype=float)
    nearest = np.abs(np.log(energy[:, None] / CENTERS)).argmin(axis=1)
    distance = SkyCoord(events["RA"], events["DEC"], unit="deg").separation(center).deg
    return np.histogram(energy[distance <= radii[nearest]], ENERGY.edges)[0]


@pytest.mark.parametrize("settings", [SETTINGS, WOBBLE], ids=["reflected", "wobble"])
def test_a_fixed_cut(tmp_path: Path, settings: ReductionSettings) -> None:
    runs = [made(replace(run, rad_max="fixed", psf="")) for run in RUNS]
    point = reduced(tmp_path / "point", runs, PointSkyRegion(CRAB), settings)
    assert_true(tmp_path, point.spectra)
    assert_same(reduced(tmp_path / "circle", runs, SMALL, settings), point)
    for tables, spectrum, geometry in zip(runs, point.spectra, point.geometries, strict=True):
        np.testing.assert_array_equal(spectrum.n_on, within(tables, CRAB, 0.1))
        off = [within(tables, region.center, 0.1) for region in geometry.off_regions]
        np.testing.assert_array_equal(spectrum.n_off_by_region, off)
        assert len(off) == (3 if settings is WOBBLE else 20)


@pytest.mark.parametrize(("kind", "nodes"), [("offset", False), ("offset", True), ("energy", False)])
def test_a_cut_by_energy(tmp_path: Path, kind: str, nodes: bool) -> None:
    runs = [made(replace(run, rad_max=kind, psf="", nodes=nodes)) for run in RUNS]
    reduction = reduced(tmp_path, runs, PointSkyRegion(CRAB), WOBBLE)
    assert_true(tmp_path, reduction.spectra)
    radii = _radii(kind, nodes)
    for run, tables, spectrum in zip(RUNS, runs, reduction.spectra, strict=True):
        np.testing.assert_array_equal(spectrum.n_on, within_cut(tables, CRAB, radii))
        angle = run.pointing.position_angle(CRAB)
        centers = [run.pointing.directional_offset_by(angle + i * 90 * u.deg, OFFSET * u.deg) for i in (1, 2, 3)]
        off = [within_cut(tables, center, radii).tolist() for center in centers]
        assert sorted(spectrum.n_off_by_region.tolist()) == sorted(off)
        assert np.all(spectrum.alpha == 1 / 3)


def test_a_cut_by_energy_that_is_too_wide_for_the_positions_loses_those_energies(tmp_path: Path) -> None:
    """21 positions on a circle of 0.7 deg are 0.209 deg apart: too near for the radii below about 0.5 TeV."""
    runs = [made(replace(run, rad_max="offset", psf="")) for run in RUNS]
    with pytest.warns(ReductionWarning, match=r"run 1[12]: ON and OFF circles of RAD_MAX overlap; left out: 0\.08 to"):
        reduction = reduced(tmp_path, runs, PointSkyRegion(CRAB), replace(WOBBLE, n_off_regions=20))
    assert_true(tmp_path, reduction.spectra, 0.035)
    lost = 2 * _radii("offset", False) > 2 * 0.7 * np.sin(np.pi / 21)
    highest = ENERGY_EDGES[1:][lost].max()
    for spectrum in reduction.spectra:
        np.testing.assert_array_equal(spectrum.acceptance_off > 0, ENERGY.edges[:-1] >= highest * (1 - 1e-6))


# Pointing, time, phase


def test_a_drift(tmp_path: Path) -> None:
    """The same sky in the middle of the run: altitude 70 deg, azimuth 120 deg on La Palma at MJD 56000.026620 (TT)."""
    pointing = SkyCoord(181.39576778, 17.66444189, unit="deg")
    source = pointing.directional_offset_by(130 * u.deg, OFFSET * u.deg)
    back = (source.position_angle(pointing).deg, OFFSET)
    fixed = Run(source=(source.ra.deg, source.dec.deg), wobble=back, good_time=((1000.0, 2800.0), (3000.0, 3600.0)))
    drift = {"OBS_MODE": "DRIFT", "RA_PNT": None, "DEC_PNT": None, "ALT_PNT": 70.0, "AZ_PNT": 120.0}
    place = {"GEOLON": -17.89, "GEOLAT": 28.762, "GEOALT": 2200.0}
    results = []
    for name, header in (("fixed", {}), ("drift", {**drift, **place})):
        path = write_tables(tmp_path / f"{name}.fits", made(replace(fixed, header=header)).values())
        observations = DataStore.from_file(path).observations([11])
        on = CircleSkyRegion(source, 0.3 * u.deg)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", ReductionWarning)
            reduction = reduce_observations(observations, on, energy=ENERGY, energy_true=ENERGY_TRUE, settings=SETTINGS)
        assert ["moved up to 5.2 deg away" in str(warning.message) for warning in caught] == [True] * bool(header)
        results.append(reduction)
    fixed_sky, drifting_sky = results
    assert_true(tmp_path, fixed_sky.spectra, 0.03)
    assert_same(drifting_sky, fixed_sky, 1e-3)


def test_several_good_time_intervals(tmp_path: Path) -> None:
    run = replace(RUNS[0], good_time=((1000.25, 1600.5), (1700.5, 2600.25), (2700.0, 3500.75)))
    expected = reduced(tmp_path / "plain", [made(run)])
    assert_true(tmp_path, expected.spectra, 0.03)
    (spectrum,) = expected.spectra
    assert spectrum.livetime == pytest.approx(DEADC * (600.25 + 899.75 + 800.75))
    assert spectrum.gti.shape == (3, 2)
    outside = np.array([900.0, 1600.6, 1650.0, 2600.25, 2690.0, 3500.75])
    tables = with_events_at(made(run), outside)
    assert_same(reduced(tmp_path / "more", [tables]), expected)


@pytest.mark.parametrize("column", ["PHASE", "PULSE_PHASE"])
def test_phases(tmp_path: Path, column: str) -> None:
    """The source shines at phases 0.2 to 0.4; its flux is averaged over all of them."""
    settings = ReductionSettings(
        off_method="phase", on_phase=((0.2, 0.4),), off_phase=((0.5, 0.1),), safe_range=SAFE, phase_column_name=column
    )
    runs = [made(run) for run in RUNS]
    for tables in runs:
        tables["events"].columns.change_name("PHASE", column)
    reduction = reduced(tmp_path, runs, WHOLE, settings)
    assert_true(tmp_path, reduction.spectra)
    for tables, spectrum in zip(runs, reduction.spectra, strict=True):
        phase = tables["events"].data[column]
        for found, mask in (
            (spectrum.n_on, (phase >= 0.2) & (phase < 0.4)),
            (spectrum.n_off, (phase >= 0.5) | (phase < 0.1)),
        ):
            some = {"events": fits.BinTableHDU(tables["events"].data[mask])}
            np.testing.assert_array_equal(found, within(some, CRAB, 0.3))
        assert spectrum.alpha == pytest.approx(0.2 / 0.6)


def test_phases_that_are_not_there(tmp_path: Path) -> None:
    settings = ReductionSettings(off_method="phase", on_phase=((0.2, 0.4),), off_phase=((0.5, 0.1),))
    tables = made(RUNS[0])
    tables["events"].columns.change_name("PHASE", "TURN")
    with pytest.raises(FileError, match=r"run.fits \[EVENTS\].*PHASE"):
        reduced(tmp_path, [tables], WHOLE, settings)


@pytest.fixture(scope="module")
def in_time(tmp_path_factory: pytest.TempPathFactory) -> Callable[[TimeGrouping], Reduction]:
    observations = opened(tmp_path_factory.mktemp("in-time"), map(made, RUNS))
    axes = {"energy": ENERGY, "energy_true": ENERGY_TRUE}
    return lambda grouping: reduce_in_time(observations, WHOLE, grouping, **axes, settings=SETTINGS)


def test_a_night(tmp_path: Path, plain: Reduction, in_time: Callable[[TimeGrouping], Reduction]) -> None:
    runs = plain.spectra
    spectra = in_time(TimeGrouping("night")).spectra
    assert_true(tmp_path, spectra)
    (night,) = spectra
    assert night.name == "night-2012-03-13"
    np.testing.assert_array_equal(night.n_on, np.where(runs.mask, runs.n_on, 0).sum(axis=0))
    np.testing.assert_array_equal(night.n_off, np.where(runs.mask, runs.n_off, 0).sum(axis=0))
    assert night.livetime == pytest.approx(DEADC * 3300)


def test_bins_in_time(tmp_path: Path, plain: Reduction, in_time: Callable[[TimeGrouping], Reduction]) -> None:
    reduction = in_time(TimeGrouping("bins", width=700.0))
    spectra = reduction.spectra
    livetimes = {"11-1": 700, "11-2": 700, "11-3": 400, "12-1": 500, "12-2": 700, "12-3": 300}
    assert {run.name: run.livetime / DEADC for run in spectra} == pytest.approx(livetimes)
    for i, name in enumerate(("11", "12")):
        pieces: list[SpectrumOnOff] = [run for run in spectra if run.name.startswith(name)]
        np.testing.assert_array_equal(sum(run.n_on for run in pieces), plain.spectra.n_on[i])
        np.testing.assert_array_equal(sum(run.n_off for run in pieces), plain.spectra.n_off[i])
    fit = assert_true(tmp_path, spectra)
    assert fit.values["index"] == pytest.approx(fitted(plain.spectra).values["index"], abs=0.5 * fit.errors["index"])
