"""Sets of files as other programs shape them, written here with `astropy.io.fits` alone."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import pytest
from astropy.io import fits

from bayes_onoff.errors import FileError, InputError, ReductionWarning
from bayes_onoff.spectra import fold, ogip_set, read_ogip, read_ogip_files

EDGES = np.array([0.5, 1, 2, 4, 8, 16])  # TeV
TRUE_EDGES = np.geomspace(0.3, 30, 7)
AREA = np.array([1e8, 5e8, 1e9, 2e9, 2.5e9, 2.6e9])  # cm2
LIVETIME = 1200.0
N_ON, N_OFF = np.array([7, 5, 3, 1, 0]), np.array([40, 22, 9, 2, 1])
EDISP = np.array(
    [
        [0, 0, 0, 0, 0],
        [0.6, 0.2, 0, 0, 0],
        [0.2, 0.6, 0, 0.1, 0],  # two groups
        [0, 0.2, 0.6, 0.2, 0],
        [0, 0, 0.1, 0.7, 0.1],
        [0, 0, 0, 0.2, 0.5],
    ]
)
COMPANIONS = {"BACKFILE": "bkg.fits", "ANCRFILE": "arf.fits", "RESPFILE": "rmf.fits"}


def table(name: str, columns: Sequence[fits.Column], **keys: Any) -> fits.BinTableHDU:
    hdu = fits.BinTableHDU.from_columns(list(columns), name=name)
    hdu.header.update({"HDUCLASS": "OGIP", **keys})
    return hdu


def counts_hdu(
    counts: np.ndarray, part: str, *columns: fits.Column, name: str = "SPECTRUM", first: int = 0, **keys: Any
) -> fits.BinTableHDU:
    """A SPECTRUM table; `columns` replace those of their name or come in addition."""
    own = [fits.Column("CHANNEL", "I", array=np.arange(5) + first), fits.Column("COUNTS", "J", array=counts)]
    kept = [column for column in own if column.name not in [new.name for new in columns]]
    stated = {"HDUCLAS1": "SPECTRUM", "HDUCLAS2": part, "EXPOSURE": LIVETIME, **keys}
    return table(name, [*kept, *columns], **stated)


def pha_hdu(*columns: fits.Column, **keys: Any) -> fits.BinTableHDU:
    return counts_hdu(N_ON, "TOTAL", *columns, **{**COMPANIONS, "OBS_ID": "7", **keys})


def bkg_hdu(*columns: fits.Column, **keys: Any) -> fits.BinTableHDU:
    return counts_hdu(N_OFF, "BKG", *columns, **{"BACKSCAL": 5.0, **keys})


def bounds(edges: np.ndarray, low: str, high: str, unit: str | None) -> list[fits.Column]:
    values = (edges * u.TeV).to_value(unit or "keV")
    return [
        fits.Column(low, "D", unit=unit, array=values[:-1]),
        fits.Column(high, "D", unit=unit, array=values[1:]),
    ]


def arf_hdu(energy_unit: str | None = "keV", unit: str | None = "cm2", scale: float = 1.0) -> fits.BinTableHDU:
    area = fits.Column("SPECRESP", "D", unit=unit, array=AREA * scale)
    columns = [*bounds(TRUE_EDGES, "ENERG_LO", "ENERG_HI", energy_unit), area]
    return table("SPECRESP", columns, HDUCLAS1="RESPONSE", HDUCLAS2="SPECRESP")


def ebounds_hdu(energy_unit: str | None = "keV", first: int = 0) -> fits.BinTableHDU:
    channel = fits.Column("CHANNEL", "I", array=np.arange(5) + first)
    columns = [channel, *bounds(EDGES, "E_MIN", "E_MAX", energy_unit)]
    return table("EBOUNDS", columns, HDUCLAS1="RESPONSE", HDUCLAS2="EBOUNDS")


def groups(row: np.ndarray) -> list[tuple[int, int]]:
    found = np.flatnonzero(row)
    parts = np.split(found, np.flatnonzero(np.diff(found) > 1) + 1)
    return [(int(part[0]), len(part)) for part in parts if len(part)]


def ragged(rows: Sequence[Sequence[float]]) -> np.ndarray:
    cells = np.empty(len(rows), dtype=object)
    cells[:] = [np.array(row) for row in rows]
    return cells


def matrix_columns(form: str, first: int = 0, edisp: np.ndarray = EDISP) -> list[fits.Column]:
    """The columns of a dispersion: variable-length, padded, one group a row as numbers, or not compressed."""
    found = [groups(row) for row in edisp]
    if form == "one group":  # from the first to the last element that is not 0; an empty row has a group of length 0
        found = [[(row[0][0], row[-1][0] + row[-1][1] - row[0][0])] if row else [(-first, 0)] for row in found]
    if form == "not compressed":
        found = [[(0, 5)] for _ in edisp]
    starts = [[start + first for start, _ in row] for row in found]
    lengths = [[length for _, length in row] for row in found]
    values = [np.concatenate([[], *(row[s : s + n] for s, n in part)]) for row, part in zip(edisp, found, strict=True)]
    n_grp = fits.Column("N_GRP", "I", array=[len(row) for row in found])
    if form in ("variable-length", "long descriptors"):
        kind = "P" if form == "variable-length" else "Q"
        return [
            n_grp,
            fits.Column("F_CHAN", f"{kind}I()", array=ragged(starts)),
            fits.Column("N_CHAN", f"{kind}I()", array=ragged(lengths)),
            fits.Column("MATRIX", f"{kind}D()", array=ragged(values)),
        ]
    if form == "padded":
        width = [np.array([[*row, 0, 0][:2] for row in part]) for part in (starts, lengths)]
        filled = np.array([[*row, 0, 0, 0, 0, 0][:5] for row in values])
        columns = [fits.Column(name, "2I", array=part) for name, part in zip(("F_CHAN", "N_CHAN"), width, strict=True)]
        return [n_grp, *columns, fits.Column("MATRIX", "5D", array=filled)]
    numbers = [fits.Column("F_CHAN", "I", array=np.ravel(starts)), fits.Column("N_CHAN", "I", array=np.ravel(lengths))]
    whole = form == "not compressed"
    return [n_grp, *numbers, fits.Column("MATRIX", "5D" if whole else "PD()", array=edisp if whole else ragged(values))]


def matrix_hdu(
    form: str = "variable-length",
    *,
    energy_unit: str | None = "keV",
    first: int = 0,
    edisp: np.ndarray = EDISP,
    **keys: Any,
) -> fits.BinTableHDU:
    columns = [*bounds(TRUE_EDGES, "ENERG_LO", "ENERG_HI", energy_unit), *matrix_columns(form, first, edisp)]
    return table("MATRIX", columns, HDUCLAS1="RESPONSE", HDUCLAS2="RSP_MATRIX", **keys)


def write_set(folder: Path, **files: Sequence[fits.BinTableHDU] | fits.BinTableHDU) -> Path:
    """Write a set of which some files differ; returns the PHA file."""
    usual: Mapping[str, Any] = {
        "pha": pha_hdu(),
        "bkg": bkg_hdu(),
        "arf": arf_hdu(),
        "rmf": [matrix_hdu(TLMIN4=0), ebounds_hdu()],
    }
    for kind, hdus in {**usual, **files}.items():
        some = hdus if isinstance(hdus, list) else [hdus]
        fits.HDUList([fits.PrimaryHDU(), *some]).writeto(folder / f"{kind}.fits")
    return folder / "pha.fits"


def check(spectrum, **differing):
    """The spectrum is the one above, but for `differing` fields."""
    expected = {
        "n_on": N_ON,
        "n_off": N_OFF,
        "alpha": np.full(5, 0.2),
        "exposure": AREA * LIVETIME,
        "edisp": EDISP,
        "mask": np.ones(5, dtype=bool),
        **differing,
    }
    np.testing.assert_allclose(spectrum.energy.edges, EDGES, rtol=1e-14)
    np.testing.assert_allclose(spectrum.energy_true.edges, TRUE_EDGES, rtol=1e-14)
    for key, value in expected.items():
        np.testing.assert_allclose(getattr(spectrum, key), value, rtol=1e-12, err_msg=key)
    assert spectrum.n_on.dtype == np.dtype(np.int64)


@pytest.mark.parametrize("energy", [None, "keV", "MeV", "GeV", "TeV", "eV"])
@pytest.mark.parametrize(
    ("area", "scale"), [(None, 1), ("cm2", 1), ("cm**2", 1), ("cm^2", 1), ("m2", 1e-4), ("m**2", 1e-4)]
)
def test_energies_and_areas_in_any_unit(tmp_path, energy, area, scale):
    rmf = [matrix_hdu(energy_unit=energy), ebounds_hdu(energy)]
    check(read_ogip(write_set(tmp_path, arf=arf_hdu(energy, area, scale), rmf=rmf)))


@pytest.mark.parametrize(("unit", "scale"), [("cm2 s", 1), ("m2 s", 1e-4), ("cm^2 s", 1), ("km2 h", 1e-10 / 3600)])
def test_an_area_may_be_an_exposure_already(tmp_path, unit, scale):
    spectrum = read_ogip(write_set(tmp_path, arf=arf_hdu(unit=unit, scale=scale * LIVETIME)))
    check(spectrum)
    assert spectrum.livetime == LIVETIME


def test_an_exposure_called_area_has_an_exposure_time_of_one_second(tmp_path):
    keys = {"EXPOSURE": 1.0}
    path = write_set(tmp_path, arf=arf_hdu(scale=LIVETIME), pha=pha_hdu(**keys), bkg=bkg_hdu(**keys))
    check(read_ogip(path))


@pytest.mark.parametrize("form", ["variable-length", "long descriptors", "padded", "one group", "not compressed"])
@pytest.mark.parametrize(("first", "tlmin"), [(0, {"TLMIN4": 0}), (1, {"TLMIN4": 1}), (1, {}), (0, {})])
def test_every_form_of_a_dispersion(tmp_path, form, first, tlmin):
    hdus = {
        "pha": pha_hdu(first=first),
        "bkg": bkg_hdu(first=first),
        "rmf": [matrix_hdu(form, first=first, **tlmin), ebounds_hdu(first=first)],
    }
    check(read_ogip(write_set(tmp_path, **hdus)))


def test_groups_count_from_their_own_tlmin(tmp_path):
    rmf = [matrix_hdu(first=1, TLMIN4=1), ebounds_hdu(first=0)]
    check(read_ogip(write_set(tmp_path, rmf=rmf)))


def test_tables_are_found_by_their_class_in_any_order(tmp_path):
    def other(hdu, name):
        hdu.name = name
        return hdu

    notes = fits.BinTableHDU.from_columns([fits.Column("NOTE", "I", array=[1])], name="NOTES")
    path = write_set(
        tmp_path,
        pha=[notes, other(pha_hdu(), "ISGR-EVTS-SPE")],
        bkg=[notes, other(bkg_hdu(), "BACKGROUND")],
        arf=[notes, other(arf_hdu(), "AREA")],
        rmf=[notes, other(ebounds_hdu(), "CHANNELS"), other(matrix_hdu(), "RSP_MATRIX")],
    )
    check(read_ogip(path))


def test_the_background_may_lie_in_the_same_file(tmp_path):
    path = write_set(tmp_path, pha=[bkg_hdu(), pha_hdu(BACKFILE="pha.fits")])
    check(read_ogip(path))
    assert [file.name for file in ogip_set(path)] == ["pha.fits", "arf.fits", "rmf.fits"]


def test_a_background_file_without_its_class_is_the_background(tmp_path):
    check(read_ogip(write_set(tmp_path, bkg=bkg_hdu(HDUCLAS2="TOTAL"))))


@pytest.mark.parametrize(
    ("columns", "keys", "expected"),
    [
        ([fits.Column("BACKSCAL", "K", array=[4] * 5)], {}, 0.25),  # as gammapy writes whole acceptances
        ([fits.Column("BACKSCAL", "E", array=[8.0] * 5)], {"BACKSCAL": 3.0}, 0.125),
        ([fits.Column("BACKSCAL", "1D", array=[1.0, 2, 4, 8, 16])], {}, [1, 0.5, 0.25, 0.125, 0.0625]),
        ([], {"BACKSCAL": 10.0}, 0.1),
        ([], {"BACKSCAL": None}, 1),
        ([], {"BACKSCAL": 5.0, "EXPOSURE": 2 * LIVETIME}, 0.1),
        ([], {"BACKSCAL": 5.0, "AREASCAL": 2.0}, 0.1),
    ],
)
def test_the_acceptance_of_the_background(tmp_path, columns, keys, expected):
    hdu = bkg_hdu(*columns, **keys)
    if keys.get("BACKSCAL", 0) is None:
        del hdu.header["BACKSCAL"]
    check(read_ogip(write_set(tmp_path, bkg=hdu)), alpha=expected)


def test_a_scaled_area_scales_signal_and_background(tmp_path):
    scale = np.array([0.5, 1, 2, 1, 0.25])
    spectrum = read_ogip(write_set(tmp_path, pha=pha_hdu(fits.Column("AREASCAL", "D", array=scale))))
    flux = np.arange(1.0, 7) * 1e-12
    np.testing.assert_allclose(fold(flux, spectrum.response), scale * (flux * AREA * LIVETIME @ EDISP), rtol=1e-12)
    np.testing.assert_allclose(spectrum.alpha, scale / 5, rtol=1e-12)


@pytest.mark.parametrize(
    ("form", "values", "expected"),
    [
        ("L", [True, False, False, False, True], [0, 1, 1, 1, 0]),
        ("I", [1, 0, 0, 2, 5], [0, 1, 1, 0, 0]),
        ("B", [0, 0, 0, 0, 1], [1, 1, 1, 1, 0]),
        ("D", [0, 0, 0, 1, 1], [1, 1, 1, 0, 0]),
    ],
)
def test_quality_of_any_kind(tmp_path, form, values, expected):
    path = write_set(tmp_path, pha=pha_hdu(fits.Column("QUALITY", form, array=values)))
    check(read_ogip(path), mask=expected)


@pytest.mark.parametrize(
    "column",
    [
        fits.Column("COUNTS", "I", bzero=32768, array=N_ON.astype(np.uint16)),
        fits.Column("COUNTS", "K", array=N_ON),
        fits.Column("COUNTS", "E", array=N_ON.astype(float)),
    ],
)
def test_counts_of_any_kind(tmp_path, column):
    check(read_ogip(write_set(tmp_path, pha=pha_hdu(column))))


def test_companions_where_the_header_says_or_beside(tmp_path):
    away = tmp_path / "away"
    away.mkdir()
    path = write_set(away)
    stated = {key: str(away / name) for key, name in COMPANIONS.items()}
    elsewhere = tmp_path / "pha.fits"
    fits.HDUList([fits.PrimaryHDU(), pha_hdu(**stated)]).writeto(elsewhere)
    check(read_ogip(elsewhere))
    assert ogip_set(elsewhere)[1:] == tuple(away / name for name in ("bkg.fits", "arf.fits", "rmf.fits"))
    moved = tmp_path / "moved"
    away.rename(moved)
    elsewhere.replace(moved / path.name)
    check(read_ogip(moved / path.name))


# Dispersions that hold the area.


@pytest.mark.parametrize(("unit", "scale"), [(None, 1.0), ("cm2", 1.0), ("m**2", 1e-4), ("photon", None)])
@pytest.mark.parametrize("keys", [{}, {"HDUCLAS3": "FULL"}])
def test_a_dispersion_may_hold_the_area(tmp_path, unit, scale, keys):
    matrix = matrix_hdu(edisp=EDISP * AREA[:, None] * (scale or 1), **keys)
    matrix.columns["MATRIX"].unit = unit
    path = write_set(tmp_path, pha=pha_hdu(ANCRFILE="NONE"), rmf=[matrix, ebounds_hdu()])
    if scale is None:
        with pytest.raises(
            FileError, match=r"column MATRIX has a unit of the wrong kind; found 'ph'; allowed: an area"
        ):
            read_ogip(path)
        return
    spectrum = read_ogip(path)
    np.testing.assert_allclose(spectrum.response.T, EDISP * AREA[:, None] * LIVETIME, rtol=1e-12)
    assert [file.name for file in ogip_set(path)] == ["pha.fits", "bkg.fits", "rmf.fits"]


def test_no_area_anywhere_is_refused(tmp_path):
    path = write_set(tmp_path, pha=pha_hdu(ANCRFILE="NONE"))
    message = "header key ANCRFILE names no effective-area file; found 'NONE'; allowed: an ARF, or a dispersion that"
    with pytest.raises(FileError, match=message):
        read_ogip(path)


def test_an_area_beside_a_dispersion_that_holds_it_is_refused(tmp_path):
    path = write_set(tmp_path, rmf=[matrix_hdu(edisp=EDISP * AREA[:, None]), ebounds_hdu()])
    with pytest.raises(FileError, match=r"more than 1: does it hold the effective area.*or no ANCRFILE"):
        read_ogip(path)


def test_calibration_matrices_may_add_up_to_a_little_more_than_one(tmp_path):
    edisp = EDISP * 1.009 / EDISP.sum(axis=1).max()
    check(read_ogip(write_set(tmp_path, rmf=[matrix_hdu(edisp=edisp), ebounds_hdu()])), edisp=edisp)


def test_a_dispersion_that_is_not_finite_is_refused(tmp_path):
    path = write_set(tmp_path, rmf=[matrix_hdu(edisp=np.where(EDISP == 0.7, np.nan, EDISP)), ebounds_hdu()])
    with pytest.raises(FileError, match=r"rmf.fits \[MATRIX\]: column MATRIX is negative or not finite"):
        read_ogip(path)


# Grouped channels.


def test_grouped_channels_are_put_together(tmp_path):
    columns = [
        fits.Column("GROUPING", "I", array=[1, -1, 0, 1, -1]),
        fits.Column("QUALITY", "I", array=[0, 0, 0, 2, 2]),
    ]
    spectrum = read_ogip(write_set(tmp_path, pha=pha_hdu(*columns)))
    np.testing.assert_allclose(spectrum.energy.edges, [0.5, 2, 4, 16], rtol=1e-14)
    assert spectrum.n_on.tolist() == [12, 3, 1]
    assert spectrum.n_off.tolist() == [62, 9, 3]
    assert spectrum.mask.tolist() == [True, True, False]
    np.testing.assert_array_equal(spectrum.alpha, 0.2)
    flux = np.arange(1.0, 7) * 1e-12
    channels = flux * AREA * LIVETIME @ EDISP
    np.testing.assert_allclose(fold(flux, spectrum.response), np.add.reduceat(channels, [0, 2, 3]), rtol=1e-12)


def test_a_grouping_of_zeros_and_ones_changes_nothing(tmp_path):
    check(read_ogip(write_set(tmp_path, pha=pha_hdu(fits.Column("GROUPING", "I", array=[1, 0, 1, 1, 0])))))


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"GROUPING": [-1, 1, 1, 1, 1]}, "spectrum 7: the first channel begins no group"),
        ({"GROUPING": [1, -1, 1, 1, 1], "QUALITY": [1, 0, 0, 0, 0]}, "mask_safe: differs between the channels of a gr"),
        ({"GROUPING": [1, -1, 1, 1, 1], "BACKSCAL": [1, 2, 2, 2, 2]}, "acceptance: differs between the channels of a"),
    ],
)
def test_a_grouping_without_meaning_is_refused(tmp_path, columns, message):
    added = [fits.Column(name, "I", array=values) for name, values in columns.items()]
    path = write_set(tmp_path, pha=pha_hdu(*added))
    with pytest.raises(FileError, match=f"pha.fits: {message}" if message.startswith("s") else message):
        read_ogip(path)


def test_off_counts_by_region_are_grouped_too(tmp_path):
    by_region = np.stack([N_OFF - 1, np.ones(5, dtype=int)], axis=1)
    regions = table("OFF_REGIONS", [fits.Column("COUNTS", "2K", array=by_region)], NREGION=2)
    grouping = fits.Column("GROUPING", "I", array=[1, -1, -1, 1, -1])
    spectrum = read_ogip(write_set(tmp_path, pha=pha_hdu(grouping), bkg=[bkg_hdu(), regions]))
    assert spectrum.n_off_by_region.tolist() == [[68, 1], [3, 2]]


# What is refused.


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"pha": pha_hdu(HDUCLAS4="TYPE:II")}, r"pha.fits \[SPECTRUM\]: several spectra in one table \(type II\)"),
        ({"pha": pha_hdu(fits.Column("SPEC_NUM", "I", array=[1] * 5))}, r"several spectra in one table \(type II\)"),
        ({"pha": pha_hdu(BACKFILE="")}, "header key BACKFILE names no background file; found 'nothing'"),
        ({"pha": pha_hdu(BACKFILE="none")}, "header key BACKFILE names no background file; found 'none'"),
        ({"pha": pha_hdu(BACKFILE="pha.fits")}, "pha.fits: BACKFILE names the PHA file itself, which holds no backgr"),
        ({"pha": pha_hdu(BACKFILE="/nowhere/b.fits")}, r"BACKFILE is missing.*/nowhere/b.fits.gz and .*b.fits and "),
        ({"pha": bkg_hdu(**COMPANIONS)}, r"pha.fits \[SPECTRUM\]: a background spectrum \(HDUCLAS2 BKG\)"),
        ({"pha": pha_hdu(HDUCLAS2="NET")}, "the background is subtracted"),
        ({"bkg": bkg_hdu(fits.Column("COUNTS", "D", array=[1.5] * 5))}, "does not hold whole numbers, 0 or more"),
        ({"bkg": bkg_hdu(fits.Column("COUNTS", "D", array=[np.nan] * 5))}, "does not hold whole numbers, 0 or more"),
        ({"bkg": bkg_hdu(AREASCAL=-1.0)}, "acceptance_off: negative or not finite"),
        ({"pha": pha_hdu(first=1)}, "the channels are not those of the energy dispersion; found '5 from 1'; allowed"),
        ({"arf": arf_hdu(unit="s")}, "column SPECRESP has a unit of the wrong kind; found 's'"),
        ({"arf": arf_hdu(unit="pixels per jiffy")}, "column SPECRESP has an unreadable unit; found 'pixels per jiffy'"),
        ({"rmf": [matrix_hdu(first=9), ebounds_hdu()]}, "row 2 has a group outside the channels"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_refused(tmp_path, files, message):
    path = write_set(tmp_path, **files)
    with pytest.raises(FileError, match=message):
        read_ogip(path)


# Good time and names.


def gti_hdu(**keys: Any) -> fits.BinTableHDU:
    columns = [fits.Column("START", "D", unit="s", array=[10.0]), fits.Column("STOP", "D", unit="s", array=[1210.0])]
    return table("STDGTI", columns, HDUCLAS1="GTI", **keys)


def test_good_time_with_any_zero(tmp_path):
    spectrum = read_ogip(write_set(tmp_path, pha=[pha_hdu(), gti_hdu(MJDREF=53000.5)]))
    np.testing.assert_allclose(spectrum.gti, [[53000.5 + 10 / 86400, 53000.5 + 1210 / 86400]], rtol=1e-15)


def test_good_time_without_zero_is_unknown(tmp_path):
    path = write_set(tmp_path, pha=[pha_hdu(), gti_hdu()])
    with pytest.warns(ReductionWarning, match=r"pha.fits \[STDGTI\]: no zero of the times \(MJDREF\): the good time"):
        spectrum = read_ogip(path)
    assert len(spectrum.gti) == 0


@pytest.mark.parametrize(
    ("stated", "file", "expected"),
    [
        ({"OBS_ID": "Crab nebula/2"}, "pha.fits", "Crab_nebula_2"),
        ({"OBS_ID": 23523}, "pha.fits", "23523"),
        ({"OBS_ID": ""}, "night-2.pha", "night-2"),
        ({"OBS_ID": ""}, "pha_obs12.fits.gz", "12"),
        ({"OBS_ID": ""}, "source_v1.2", "source_v1.2"),
    ],
)
def test_the_name_of_a_run(tmp_path, stated, file, expected):
    write_set(tmp_path)
    fits.HDUList([fits.PrimaryHDU(), pha_hdu(**stated)]).writeto(tmp_path / file, overwrite=True)
    assert read_ogip(tmp_path / file).name == expected


def test_sets_of_one_observation_are_named_after_their_files(tmp_path):
    write_set(tmp_path)
    for name, obs_id in (("first.pha", "7"), ("second.pha", "7"), ("third.pha", "8")):
        fits.HDUList([fits.PrimaryHDU(), pha_hdu(OBS_ID=obs_id)]).writeto(tmp_path / name)
    files = [tmp_path / f"{name}.pha" for name in ("first", "second", "third")]
    assert read_ogip_files(files).names == ("first", "second", "8")
    with pytest.raises(InputError, match="a run occurs twice; found 'first, first'"):
        read_ogip_files([files[0], files[0]])
