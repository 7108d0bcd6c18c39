"""Every kind of damage is one `FileError` that names the file and the HDU."""

import contextlib
import gzip
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bayes_onoff.dl3 import DataStore, RunContent, write_store
from bayes_onoff.errors import FileError

MakeRun = Callable[..., RunContent]
Edit = Callable[[fits.BinTableHDU], None]
Damage = Callable[[str, Edit], Path]

PIECES = ("events", "gti", "aeff", "edisp", "psf", "bkg")


def read_everything(folder: Path) -> None:
    observation = DataStore.from_dir(folder).observation(7)
    for piece in (*PIECES, "rad_max", "pointing", "livetime"):
        getattr(observation, piece)


def set_key(key: str, value: object) -> Edit:
    return lambda hdu: hdu.header.set(key, value)


def remove_key(key: str) -> Edit:
    return lambda hdu: hdu.header.remove(key)


def set_value(column: str, value: float) -> Edit:
    def edit(hdu: fits.BinTableHDU) -> None:
        hdu.data[column].reshape(-1)[1] = value

    return edit


def set_unit(column: str, unit: str) -> Edit:
    def edit(hdu: fits.BinTableHDU) -> None:
        hdu.columns[column].unit = unit

    return edit


def rename_column(old: str, new: str) -> Edit:
    return lambda hdu: hdu.columns.change_name(old, new)


def test_undamaged_it_is_read(damage: Damage) -> None:
    read_everything(damage("AEFF", set_key("ORIGIN", "nobody")))


@pytest.mark.parametrize(
    ("hdu", "edit", "message"),
    [
        ("EVENTS", rename_column("ENERGY", "ENERGIE"), r"no column ENERGY; found 'EVENT_ID, TIME, RA, DEC, ENERGIE'"),
        ("EVENTS", set_unit("ENERGY", "deg"), r"ENERGY has a unit of the wrong kind; found 'deg'; allowed: .* TeV"),
        ("EVENTS", set_unit("RA", ""), r"RA has a unit of the wrong kind; found 'none'; allowed: .* deg"),
        ("EVENTS", set_unit("RA", "furlong"), r"RA has an unreadable unit; found 'furlong'"),
        ("EVENTS", set_value("ENERGY", np.nan), r"ENERGY is not finite; found '1 such values'"),
        ("EVENTS", set_key("DEADC", 0.0), r"DEADC is no fraction; found 0.0; allowed: 0 < DEADC <= 1"),
        ("EVENTS", set_key("DEADC", "much"), r"DEADC is not a finite number; found 'much'"),
        ("EVENTS", remove_key("DEADC"), r"no header key DEADC"),
        ("EVENTS", remove_key("RA_PNT"), r"no header key RA_PNT"),
        ("EVENTS", set_key("DEC_PNT", 91.0), r"DEC_PNT is no declination; found '91 deg'"),
        (
            "EVENTS",
            set_key("OBS_MODE", "SCAN"),
            r"not fixed and there is no table of directions; found 'OBS_MODE SCAN'",
        ),
        ("EVENTS", set_key("RADESYS", "FK4"), r"unknown frame RADESYS; found 'FK4'; allowed: ICRS, FK5"),
        ("EVENTS", set_key("TIMESYS", "moon"), r"unknown time system TIMESYS; found 'moon'; allowed: TT, UTC"),
        ("GTI", remove_key("MJDREFI"), r"no header key MJDREFI"),
        ("GTI", set_value("STOP", 1899.0), r"stops before it starts, .*; found 'start 1900.000 s, stop 1899.000 s'"),
        ("GTI", set_value("STOP", 1900.0), r"or at once; found 'start 1900.000 s, stop 1900.000 s'"),
        ("GTI", set_value("START", 1700.0), r"good time intervals overlap"),
        ("GTI", set_value("STOP", np.inf), r"STOP is not finite"),
        ("AEFF", set_value("EFFAREA", -1.0), r"EFFAREA is negative; found 'minimum -10000'"),
        ("AEFF", set_value("EFFAREA", np.nan), r"EFFAREA is not finite"),
        ("AEFF", set_unit("EFFAREA", "TeV"), r"EFFAREA has a unit of the wrong kind; found 'TeV'; allowed: .* cm2"),
        ("AEFF", set_value("ENERG_LO", 5.0), r"the ENERG axis does not increase"),
        ("AEFF", set_value("ENERG_HI", 0.4), r"the bins of the ENERG axis are not contiguous"),
        ("AEFF", rename_column("THETA_LO", "THETA"), r"no column THETA_LO"),
        (
            "EDISP",
            set_value("MATRIX", -1.0),
            r"MATRIX is negative; found 'negative probability 0.35'; allowed: up to 0.01",
        ),
        ("PSF", set_value("RPSF", np.inf), r"RPSF is not finite"),
        ("PSF", lambda hdu: hdu.data["RPSF"].__imul__(-1), r"RPSF is negative; found 'negative probability"),
        ("BKG", set_value("BKG", -1e-9), r"BKG is negative"),
        ("BKG", set_key("FOVALIGN", "MOON"), r"unknown orientation FOVALIGN; found 'MOON'; allowed: RADEC, ALTAZ"),
    ],
)
def test_a_wrong_table_is_refused(damage: Damage, hdu: str, edit: Edit, message: str) -> None:
    folder = damage(hdu, edit)
    with pytest.raises(FileError, match=message) as caught:
        read_everything(folder)
    assert caught.value.file == folder / "obs_000007.fits"
    assert caught.value.hdu == hdu


@pytest.fixture
def store(tmp_path: Path, make_run: MakeRun) -> Path:
    return write_store(tmp_path, [make_run(7)])


def rewrite(store: Path, edit: Callable[[bytes], bytes], name: str = "obs_000007.fits") -> None:
    path = store / name
    path.write_bytes(edit(path.read_bytes()))


def test_a_missing_hdu_is_refused_and_the_others_are_listed(damage: Damage) -> None:
    folder = damage("AEFF", set_key("EXTNAME", "OTHER"))
    expected = r"obs_000007.fits \[AEFF\]: no such HDU; found 'PRIMARY, EVENTS, GTI, OTHER, EDISP, PSF, BKG'"
    with pytest.raises(FileError, match=expected):
        read_everything(folder)


def test_a_response_with_two_rows_is_refused(damage: Damage) -> None:
    def double(hdu: fits.BinTableHDU) -> None:
        hdu.data = np.concatenate([hdu.data, hdu.data]).view(fits.FITS_rec)

    with pytest.raises(FileError, match=r"\[EDISP\]: a response table has one row; found '2 rows'"):
        read_everything(damage("EDISP", double))


def test_values_that_do_not_fit_their_axes_are_refused(tmp_path: Path, make_run: MakeRun) -> None:
    run = make_run(7)
    write_store(tmp_path, [replace(run, aeff=replace(run.aeff, values=run.aeff.values[:4]))])
    with pytest.raises(
        FileError, match=r"\[AEFF\]: column EFFAREA does not fit its axes; found '12 values'; allowed: 6 x 3"
    ):
        read_everything(tmp_path)


def test_no_good_time_is_refused(damage: Damage) -> None:
    def empty(hdu: fits.BinTableHDU) -> None:
        hdu.data = hdu.data[:0]

    with pytest.raises(FileError, match=r"\[GTI\]: no good time; found '0 intervals'"):
        read_everything(damage("GTI", empty))


def test_an_empty_event_list_is_a_normal_run(damage: Damage) -> None:
    def empty(hdu: fits.BinTableHDU) -> None:
        hdu.data = hdu.data[:0]

    assert len(DataStore.from_dir(damage("EVENTS", empty)).observation(7).events) == 0


@pytest.mark.parametrize("n_bytes", [0, 100, 2880, 6000, 12000, 20000])
def test_a_truncated_file_is_refused(store: Path, n_bytes: int) -> None:
    rewrite(store, lambda content: content[:n_bytes])
    with pytest.raises(FileError, match=r"obs_000007.fits \[\w+\]: .*(truncated|damaged|no such HDU)"):
        read_everything(store)


@pytest.mark.parametrize(
    "edit",
    [lambda c: c[: len(c) // 2], lambda c: c[:-4], lambda c: c[:500] + b"\0\0\0" + c[503:], lambda c: c[:3]],
    ids=["half", "no checksum", "wrong bytes", "magic only"],
)
def test_a_damaged_gzip_file_is_refused(store: Path, edit: Callable[[bytes], bytes]) -> None:
    rewrite(store, lambda content: edit(gzip.compress(content)))
    with pytest.raises(FileError, match=r"obs_000007.fits \[EVENTS\]: the gzip file is damaged or truncated"):
        read_everything(store)


def test_a_changed_byte_is_found_by_the_checksum(store: Path) -> None:
    path = store / "obs_000007.fits"
    with fits.open(path) as hdus:
        position = hdus["AEFF"].fileinfo()["datLoc"] + 200
    rewrite(store, lambda c: c[:position] + bytes([c[position] ^ 1]) + c[position + 1 :])
    with pytest.raises(FileError, match=r"obs_000007.fits \[AEFF\]: the table is damaged: its checksum differs"):
        read_everything(store)
    assert len(DataStore.from_dir(store).observation(7).events) == 20  # what comes before it is sound


def test_an_image_is_no_table(store: Path) -> None:
    fits.HDUList([fits.PrimaryHDU(), fits.ImageHDU(np.zeros(3), name="EVENTS")]).writeto(
        store / "obs_000007.fits", overwrite=True
    )
    with pytest.raises(FileError, match=r"\[EVENTS\]: not a binary table; found 'ImageHDU'"):
        read_everything(store)


def test_a_harmless_oddity_stays_a_warning_that_names_the_file(store: Path) -> None:
    rewrite(store, lambda content: content.replace(b"OBJECT  = 'Crab", b"OBJECT  = 'Cr\xe4b"))
    rewrite(store, lambda content: content.replace(b"CHECKSUM", b"XHECKSUM"))
    with pytest.warns(UserWarning, match=r"obs_000007.fits \[EVENTS\]: non-ASCII characters"):
        _ = DataStore.from_dir(store).observation(7).target


def test_a_header_card_that_cannot_be_read_names_the_file_and_the_key(store: Path) -> None:
    index = store / "obs-index.fits"
    content = index.read_bytes().replace(b"CHECKSUM", b"XHECKSUM")
    value = content.index(b"MJDREFI =") + 10
    index.write_bytes(content[:value] + b"5 19 10".rjust(20) + content[value + 20 :])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # astropy's remark on the card
        with pytest.raises(FileError, match=r"obs-index\.fits .*header key MJDREFI cannot be decoded"):
            DataStore.from_dir(store)


FILES = ("obs_000007.fits", "obs-index.fits", "hdu-index.fits")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=st.sampled_from(FILES),
    where=st.floats(0, 1, exclude_max=True),
    damage_kind=st.sampled_from(["cut", "remove", "overwrite"]),
    content=st.binary(min_size=1, max_size=8),
)
def test_no_damage_raises_anything_but_a_file_error(
    store: Path, name: str, where: float, damage_kind: str, content: bytes
) -> None:
    path = store / name
    whole = path.read_bytes()
    i = int(where * len(whole))
    damaged = {"cut": b"", "remove": whole[i + 100 :], "overwrite": content + whole[i + len(content) :]}[damage_kind]
    # without its checksums, so that the damage reaches the decoding
    path.write_bytes((whole[:i] + damaged).replace(b"CHECKSUM", b"XHECKSUM").replace(b"DATASUM", b"XATASUM"))
    with warnings.catch_warnings(), contextlib.suppress(FileError):
        warnings.simplefilter("ignore")  # astropy's remarks on odd headers
        read_everything(store)
    path.write_bytes(whole)
