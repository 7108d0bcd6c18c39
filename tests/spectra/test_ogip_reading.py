"""Files as other programs write them, and damaged ones."""

import gzip
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from bayes_onoff.errors import FileError, InputError
from bayes_onoff.spectra import read_ogip, read_ogip_files, write_ogip


@pytest.fixture(scope="module")
def written(make_spectrum, tmp_path_factory) -> Path:
    """A folder with one set of files."""
    changes = {"gti": [[53343.92, 53343.93]], "n_off_by_region": [[15, 6, 0], [5, 0, 2]]}
    spectrum = make_spectrum("1", mask_safe=[False, True, True], **changes)
    return write_ogip(spectrum, tmp_path_factory.mktemp("ogip"))[0].parent


@pytest.fixture
def files(written, tmp_path) -> dict[str, Path]:
    """One set of files, to be changed by the test."""
    return {kind: Path(shutil.copy(written / f"{kind}_obs1.fits", tmp_path)) for kind in ("pha", "bkg", "arf", "rmf")}


def edit(path: Path, hdu: str, change: Callable[[fits.BinTableHDU], fits.BinTableHDU | None]) -> None:
    """Change one HDU of a file; what `change` returns takes its place."""
    with fits.open(path, memmap=False) as hdus:
        for each in hdus[1:]:
            for name in each.columns.names:
                each.data[name]  # variable-length arrays are read when asked for
        index = hdus.index_of(hdu)
        hdus[index] = change(hdus[index]) or hdus[index]
        for each in hdus:
            each.header.remove("CHECKSUM", ignore_missing=True)
            each.header.remove("DATASUM", ignore_missing=True)
        hdus.writeto(path, overwrite=True)


def with_columns(hdu: fits.BinTableHDU, without: tuple[str, ...] = (), *added: fits.Column) -> fits.BinTableHDU:
    """The same table without some columns and with others."""
    kept = [column for column in hdu.columns if column.name not in (*without, *(new.name for new in added))]
    header = hdu.header.copy()
    for key in [key for key in header if key.startswith(("TTYPE", "TFORM", "TUNIT", "TLMIN", "TLMAX", "TNULL"))]:
        del header[key]
    for name in without:
        header.remove(name, ignore_missing=True)
    return fits.BinTableHDU.from_columns([*kept, *added], header=header, name=hdu.name)


def set_keys(**keys):
    def change(hdu):
        hdu.header.update(keys)

    return change


def test_real_hess_spectra_are_read(gammapy_data):
    spectra = read_ogip_files(sorted((gammapy_data / "joint-crab/spectra/hess").glob("pha_obs*.fits")))
    assert spectra.names == ("23523", "23526", "23559", "23592")
    assert spectra.energy.n_bins == spectra.energy_true.n_bins == 80
    np.testing.assert_allclose(spectra.energy.edges[[0, -1]], [0.01, 100], rtol=1e-9)
    first = spectra["23523"]
    assert (first.n_on[first.mask].sum(), first.n_off[first.mask].sum()) == (124, 92)
    assert first.livetime == pytest.approx(1581.736758)
    np.testing.assert_allclose(first.energy.edges[:-1][first.mask][0], 0.891250938, rtol=1e-9)
    np.testing.assert_allclose(first.edisp.sum(axis=1).max(), 1, rtol=1e-3)
    assert first.n_off_regions == 0
    assert len(first.gti) == 0


def test_real_magic_spectra_have_several_groups_a_row(gammapy_data):
    run = read_ogip(gammapy_data / "joint-crab/spectra/magic/pha_obs5029747.fits")
    np.testing.assert_allclose(run.edisp[0, 5:9], [0.4856713, 0, 0.5143287, 0], atol=1e-7)
    np.testing.assert_array_equal(run.alpha, 1 / 7)


def test_terra_electronvolts_and_square_metres_mean_the_same(files):
    expected = read_ogip(files["pha"])

    def to_tev(*names):
        def change(hdu):
            for name in names:
                hdu.data[name] /= 1e9
                hdu.columns[name].unit = "TeV"

        return change

    def to_m2(hdu):
        hdu.data["SPECRESP"] /= 1e4
        hdu.columns["SPECRESP"].unit = "m2"

    edit(files["arf"], "SPECRESP", to_tev("ENERG_LO", "ENERG_HI"))
    edit(files["arf"], "SPECRESP", to_m2)
    edit(files["rmf"], "MATRIX", to_tev("ENERG_LO", "ENERG_HI"))
    edit(files["rmf"], "EBOUNDS", to_tev("E_MIN", "E_MAX"))
    found = read_ogip(files["pha"])
    np.testing.assert_allclose(found.energy.edges, expected.energy.edges, rtol=1e-14)
    np.testing.assert_allclose(found.energy_true.edges, expected.energy_true.edges, rtol=1e-14)
    np.testing.assert_allclose(found.exposure, expected.exposure, rtol=1e-14)


def test_without_units_energies_are_kev_and_areas_cm2(files):
    expected = read_ogip(files["pha"])

    def without_units(hdu):
        for column in hdu.columns:
            column.unit = None

    edit(files["arf"], "SPECRESP", without_units)
    edit(files["rmf"], "EBOUNDS", without_units)
    found = read_ogip(files["pha"])
    np.testing.assert_array_equal(found.energy.edges, expected.energy.edges)
    np.testing.assert_array_equal(found.exposure, expected.exposure)


def test_acceptances_as_keywords_or_not_at_all(files):
    edit(files["bkg"], "SPECTRUM", lambda hdu: with_columns(hdu, ("BACKSCAL",)))
    np.testing.assert_array_equal(read_ogip(files["pha"]).acceptance_off, 1)
    edit(files["bkg"], "SPECTRUM", set_keys(BACKSCAL=7.5))
    np.testing.assert_array_equal(read_ogip(files["pha"]).acceptance_off, 7.5)


def test_the_ratio_of_exposures_is_part_of_the_acceptance(files):
    edit(files["bkg"], "SPECTRUM", set_keys(EXPOSURE=2000.0))
    np.testing.assert_array_equal(read_ogip(files["pha"]).alpha, 1 / 8)


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (fits.Column("QUALITY", "L", array=[True, False, False]), [False, True, True]),
        (fits.Column("QUALITY", "I", array=[2, 0, 1]), [False, True, False]),
        (fits.Column("QUALITY", "J", array=[0, 0, 5]), [True, True, False]),
    ],
)
def test_quality_as_any_column(files, column, expected):
    edit(files["pha"], "SPECTRUM", lambda hdu: with_columns(hdu, ("FIT_RANGE",), column))
    np.testing.assert_array_equal(read_ogip(files["pha"]).mask, expected)


def test_quality_as_a_keyword_or_not_at_all(files):
    edit(files["pha"], "SPECTRUM", lambda hdu: with_columns(hdu, ("QUALITY", "FIT_RANGE")))
    assert read_ogip(files["pha"]).mask.all()
    edit(files["pha"], "SPECTRUM", set_keys(QUALITY=1))
    assert not read_ogip(files["pha"]).mask.any()


def test_channels_set_bad_later_by_the_user_are_outside_the_fit_range(files):
    edit(files["pha"], "SPECTRUM", lambda hdu: hdu.data["QUALITY"].__setitem__(2, 5))
    spectrum = read_ogip(files["pha"])
    np.testing.assert_array_equal(spectrum.mask_safe, [False, True, True])
    np.testing.assert_array_equal(spectrum.mask_fit, [True, True, False])


@pytest.mark.parametrize("with_tlmin", [True, False])
def test_channels_may_count_from_one(files, with_tlmin):
    expected = read_ogip(files["pha"])

    def shift(hdu):
        if hdu.name == "MATRIX":
            for row in hdu.data["F_CHAN"]:
                row += 1
            hdu.header["TLMIN4"] = 1
            if not with_tlmin:
                del hdu.header["TLMIN4"]
        else:
            hdu.data["CHANNEL"] += 1

    for kind, hdu in (("pha", "SPECTRUM"), ("bkg", "SPECTRUM"), ("rmf", "EBOUNDS"), ("rmf", "MATRIX")):
        edit(files[kind], hdu, shift)
    found = read_ogip(files["pha"])
    np.testing.assert_array_equal(found.edisp, expected.edisp)
    np.testing.assert_array_equal(found.n_on, expected.n_on)


def test_a_dispersion_may_be_uncompressed_and_called_otherwise(files):
    expected = read_ogip(files["pha"])

    def uncompressed(hdu):
        table = with_columns(
            hdu,
            (),
            fits.Column("N_GRP", "I", array=np.ones(5)),
            fits.Column("F_CHAN", "I", array=np.zeros(5)),
            fits.Column("N_CHAN", "I", array=np.full(5, 3)),
            fits.Column("MATRIX", "3E", array=expected.edisp),
        )
        table.name = "SPECRESP MATRIX"
        return table

    edit(files["rmf"], "MATRIX", uncompressed)
    np.testing.assert_allclose(read_ogip(files["pha"]).edisp, expected.edisp, rtol=1e-7)


def test_files_may_be_compressed(files):
    expected = read_ogip(files["pha"])
    for path in files.values():
        path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()
    found = read_ogip(files["pha"].with_name("pha_obs1.fits.gz"))
    np.testing.assert_array_equal(found.edisp, expected.edisp)


def test_without_obs_id_the_file_names_the_run(files):
    edit(files["pha"], "SPECTRUM", lambda hdu: hdu.header.remove("OBS_ID"))
    assert read_ogip(files["pha"]).name == "1"


def test_good_time_in_utc_becomes_tt(files):
    edit(files["pha"], "GTI", set_keys(TIMESYS="UTC"))
    np.testing.assert_allclose(read_ogip(files["pha"]).gti[0, 0], 53343.92 + 64.184 / 86400, atol=1e-9)


@pytest.mark.parametrize(
    ("key", "kind"), [("BACKFILE", "background"), ("ANCRFILE", "effective-area"), ("RESPFILE", "energy-dispersion")]
)
def test_a_missing_companion_is_named_with_its_key(files, key, kind):
    named = files["pha"].parent / fits.getheader(files["pha"], "SPECTRUM")[key]
    named.unlink()
    message = rf"pha_obs1.fits \[SPECTRUM\]: the {kind} file named by header key {key} is missing; found '{named.name}'"
    with pytest.raises(FileError, match=rf"{message}.*looked for .*{named.name} and .*{named.name}.gz"):
        read_ogip(files["pha"])
    edit(files["pha"], "SPECTRUM", set_keys(**{key: "none"}))
    with pytest.raises(FileError, match=rf"header key {key} names no {kind} file; found 'none'"):
        read_ogip(files["pha"])


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(FileError, match=r"pha_obs7.fits \[SPECTRUM\]: the file cannot be read; found 'No such file"):
        read_ogip(tmp_path / "pha_obs7.fits")


@pytest.mark.parametrize("kind", ["pha", "bkg", "arf", "rmf"])
def test_a_file_truncated_anywhere_is_refused(files, kind):
    content = files[kind].read_bytes()
    for keep in (0, 100, *range(2880, len(content), 1440)):
        files[kind].write_bytes(content[:keep])
        with pytest.raises(FileError, match=rf"{kind}_obs1.fits"):
            read_ogip(files["pha"])


@pytest.mark.parametrize(
    ("kind", "hdu"), [("pha", "SPECTRUM"), ("bkg", "SPECTRUM"), ("arf", "SPECRESP"), ("rmf", "MATRIX")]
)
def test_a_flipped_bit_is_found(files, kind, hdu):
    content = bytearray(files[kind].read_bytes())
    with fits.open(files[kind]) as hdus:
        content[hdus[hdu].fileinfo()["datLoc"] + 9] ^= 1
    files[kind].write_bytes(content)
    with pytest.raises(FileError, match=rf"{kind}_obs1.fits \[{hdu}\]: the table is damaged: its checksum differs"):
        read_ogip(files["pha"])


def column(name, form, values):
    return lambda hdu: with_columns(hdu, (), fits.Column(name, form, array=np.array(values)))


@pytest.mark.parametrize(
    ("kind", "hdu", "change", "message"),
    [
        ("pha", "SPECTRUM", lambda hdu: with_columns(hdu, ("COUNTS",)), "no column COUNTS; .*: counts, not rates"),
        ("pha", "SPECTRUM", column("COUNTS", "3J", np.ones((3, 3))), r"several spectra in one table \(type II\)"),
        ("bkg", "SPECTRUM", column("COUNTS", "D", [1.5, 0, 0]), "column COUNTS does not hold whole numbers, 0 or more"),
        ("bkg", "SPECTRUM", column("COUNTS", "J", [-1, 0, 0]), "column COUNTS does not hold whole numbers, 0 or more"),
        ("pha", "SPECTRUM", set_keys(AREASCAL=0.0), "AREASCAL is negative, 0 or not finite; found '0 to 0'"),
        ("pha", "SPECTRUM", column("CHANNEL", "J", [1, 2, 3]), "not those of the energy dispersion; found '3 from 1'"),
        ("pha", "SPECTRUM", column("QUALITY", "3A", ["bad"] * 3), "column QUALITY does not hold one number a row"),
        ("bkg", "SPECTRUM", set_keys(EXPOSURE=0.0), "header key EXPOSURE is not positive; found 0.0"),
        ("pha", "SPECTRUM", lambda hdu: hdu.header.remove("EXPOSURE"), "no header key EXPOSURE"),
        ("bkg", "SPECTRUM", column("BACKSCAL", "D", [-1.0, 1, 1]), "acceptance_off: negative or not finite"),
        ("pha", "GTI", set_keys(TIMESYS="LOCAL"), "unknown time system TIMESYS; found 'local'; allowed: TT, UTC"),
        ("pha", "GTI", column("STOP", "D", [0.0]), "gti: an interval that does not stop after its start"),
        ("arf", "SPECRESP", lambda hdu: with_columns(hdu, ("SPECRESP",)), "no column SPECRESP"),
        ("arf", "SPECRESP", column("SPECRESP", "D", [np.nan] * 5), "column SPECRESP is not finite"),
        ("arf", "SPECRESP", column("SPECRESP", "D", [-1.0] * 5), "exposure: negative or not finite"),
        ("arf", "SPECRESP", set_keys(EXTNAME="AREA", HDUCLAS2="AREA"), "no such HDU; found 'PRIMARY, AREA'"),
        ("rmf", "EBOUNDS", column("E_MIN", "D", [1e9, 3e9, 5e9]), "E_MIN and E_MAX are not contiguous bins"),
        ("rmf", "EBOUNDS", column("E_MIN", "D", [0.0, 2e9, 5e9]), "energy edges are not positive and increasing"),
        ("rmf", "MATRIX", column("N_CHAN", "I", [9] * 5), "row 2 has a group outside the channels or without"),
        ("rmf", "MATRIX", column("N_GRP", "I", [3] * 5), "row 1 has a group outside the channels or without"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_refused(files, kind, hdu, change, message):
    edit(files[kind], hdu, change)
    with pytest.raises(FileError, match=rf"(?s)_obs1.fits.*{message}"):
        read_ogip(files["pha"])


def test_a_unit_of_the_wrong_kind_is_refused(files):
    def change(hdu):
        hdu.columns["SPECRESP"].unit = "s"

    edit(files["arf"], "SPECRESP", change)
    with pytest.raises(FileError, match=r"arf_obs1.fits \[SPECRESP\]: column SPECRESP has a unit of the wrong kind"):
        read_ogip(files["pha"])


def test_area_and_dispersion_on_different_energies_are_refused(files):
    def change(hdu):
        for name in ("ENERG_LO", "ENERG_HI"):
            hdu.data[name] *= 1.01

    edit(files["arf"], "SPECRESP", change)
    with pytest.raises(FileError, match=r"the true energies are not those of the energy dispersion; found .*rmf_obs1"):
        read_ogip(files["pha"])


def test_an_area_inside_the_dispersion_is_refused(files):
    def change(hdu):
        for row in hdu.data["MATRIX"]:
            row *= 1e9

    edit(files["rmf"], "MATRIX", change)
    with pytest.raises(FileError, match="the probabilities of one true energy add up to more than 1"):
        read_ogip(files["pha"])


def test_off_regions_that_do_not_add_up_are_refused(files):
    edit(files["bkg"], "SPECTRUM", lambda hdu: hdu.data["COUNTS"].__setitem__(0, 3))
    with pytest.raises(FileError, match="n_off_by_region: the OFF regions do not add up to n_off"):
        read_ogip(files["pha"])


def test_sets_on_different_axes_are_refused(files, gammapy_data):
    with pytest.raises(InputError, match="the energy axis differs between runs"):
        read_ogip_files([files["pha"], gammapy_data / "joint-crab/spectra/hess/pha_obs23523.fits"])
