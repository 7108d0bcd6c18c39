"""What stands in the files, looked at with nothing but `astropy.io.fits`."""

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import given, settings
from hypothesis import strategies as st

from bayes_onoff.axes import EnergyAxis
from bayes_onoff.errors import FileError, InputError
from bayes_onoff.models import SpectralModel, photons
from bayes_onoff.spectra import Spectra, SpectrumOnOff, fold, read_ogip, stack, write_ogip, wstat


@pytest.fixture(scope="module")
def spectrum(make_spectrum):
    return make_spectrum(
        "23523",
        mask_safe=[False, True, True],
        mask_fit=[True, True, False],
        n_off_by_region=[[15, 6, 0], [5, 0, 2]],
        gti=[[53343.92, 53343.93], [53343.94, 53343.95]],
    )


@pytest.fixture(scope="module")
def files(spectrum, tmp_path_factory):
    return dict(zip(("pha", "bkg", "arf", "rmf"), write_ogip(spectrum, tmp_path_factory.mktemp("ogip")), strict=True))


def test_one_set_a_run_with_the_contracts_names(files):
    assert [path.name for path in files.values()] == [f"{kind}_obs23523.fits" for kind in ("pha", "bkg", "arf", "rmf")]
    assert sorted(path.name for path in files["pha"].parent.iterdir()) == sorted(p.name for p in files.values())


def test_the_headers_name_companions_without_folder(files):
    header = fits.getheader(files["pha"], "SPECTRUM")
    for key, kind in (("BACKFILE", "bkg"), ("ANCRFILE", "arf"), ("RESPFILE", "rmf")):
        assert header[key] == files[kind].name
        assert fits.getheader(files["bkg"], "SPECTRUM")[key] == "NONE"


@pytest.mark.parametrize(("kind", "counts", "acceptance"), [("pha", [9, 4, 1], 1.0), ("bkg", [20, 6, 2], 4.0)])
def test_counts_files_are_ogip(files, kind, counts, acceptance):
    with fits.open(files[kind], checksum=True) as hdus:
        table, header = hdus["SPECTRUM"].data, hdus["SPECTRUM"].header
        assert table["CHANNEL"].tolist() == [0, 1, 2]
        assert (header["TLMIN1"], header["TLMAX1"], header["DETCHANS"]) == (0, 2, 3)
        assert table["COUNTS"].tolist() == counts
        assert table["COUNTS"].dtype.kind == "i"
        assert table["QUALITY"].tolist() == [1, 0, 5]
        assert table["QUALITY"].dtype.kind == "i"
        assert table["BACKSCAL"].tolist() == [acceptance] * 3
        assert header["BACKSCAL"] == acceptance
        assert header["EXPOSURE"] == 1000.0
        assert (header["AREASCAL"], header["GROUPING"], header["POISSERR"]) == (1, 0, True)
        assert (header["HDUCLAS2"], header["HDUCLAS3"]) == ({"pha": "TOTAL", "bkg": "BKG"}[kind], "COUNT")
        assert [hdu.name for hdu in hdus if hdu.header.get("HDUCLAS2") == "BKG"] == ["SPECTRUM"] * (kind == "bkg")
        assert hdus["EBOUNDS"].columns["E_MIN"].unit == "keV"
        np.testing.assert_allclose(hdus["EBOUNDS"].data["E_MAX"], [2e9, 5e9, 10e9])


def test_no_column_is_logical(files):
    """3ML cannot read those."""
    for path in files.values():
        with fits.open(path) as hdus:
            formats = [column.format for hdu in hdus[1:] for column in hdu.columns]
        assert "L" not in formats


def test_acceptances_that_vary_are_no_keyword(make_spectrum, tmp_path):
    varying = make_spectrum("1", acceptance_off=[4.0, 3.0, 2.0])
    path = write_ogip(varying, tmp_path)[1]
    assert "BACKSCAL" not in fits.getheader(path, "SPECTRUM")
    unused = varying.replace(mask_safe=[False, True, False])
    assert fits.getheader(write_ogip(unused, tmp_path, overwrite=True)[1], "SPECTRUM")["BACKSCAL"] == 3.0


def test_the_response_is_in_kev_and_cm2_without_empty_groups(files, spectrum):
    with fits.open(files["arf"]) as hdus:
        arf = hdus["SPECRESP"]
        assert [arf.columns[name].unit for name in ("ENERG_LO", "ENERG_HI", "SPECRESP")] == ["keV", "keV", "cm2"]
        np.testing.assert_allclose(arf.data["SPECRESP"], spectrum.exposure / 1000.0, rtol=1e-15)
    with fits.open(files["rmf"]) as hdus:
        matrix, header = hdus["MATRIX"].data, hdus["MATRIX"].header
        np.testing.assert_allclose(matrix["ENERG_HI"], spectrum.energy_true.edges[1:] * 1e9, rtol=1e-15)
        assert matrix["N_GRP"].tolist() == [0, 1, 1, 1, 1]
        assert [row.tolist() for row in matrix["N_CHAN"]] == [[], [2], [3], [2], [1]]
        assert [row.tolist() for row in matrix["F_CHAN"]] == [[], [0], [0], [1], [2]]
        assert (header["TTYPE4"], header["TLMIN4"], header["NUMGRP"], header["NUMELT"]) == ("F_CHAN", 0, 4, 8)
        assert hdus["EBOUNDS"].data["CHANNEL"].tolist() == [0, 1, 2]


def test_a_gap_in_a_row_makes_a_second_group(make_spectrum, tmp_path):
    path = write_ogip(make_spectrum("1", edisp=[[0.5, 0, 0.5]] * 5), tmp_path)[3]
    with fits.open(path) as hdus:
        row = hdus["MATRIX"].data[2]
        assert (row["N_GRP"], row["F_CHAN"].tolist(), row["N_CHAN"].tolist()) == (2, [0, 2], [1, 1])
        assert row["MATRIX"].tolist() == [0.5, 0.5]


def test_good_time_and_off_regions_have_hdus_of_their_own(files):
    with fits.open(files["pha"]) as hdus:
        gti = hdus["GTI"]
        assert (gti.header["MJDREFI"], gti.header["MJDREFF"], gti.header["TIMESYS"]) == (53343, 0, "TT")
        np.testing.assert_allclose(gti.data["START"], [0.92 * 86400, 0.94 * 86400], rtol=1e-10)
    with fits.open(files["bkg"]) as hdus:
        np.testing.assert_array_equal(hdus["OFF_REGIONS"].data["COUNTS"], [[15, 5], [6, 0], [0, 2]])


def test_wstat_from_the_bare_files_is_ours(gammapy_data, tmp_path):
    """An independent fold: read with `astropy.io.fits` alone, the power law integrated in closed form."""
    run = read_ogip(gammapy_data / "joint-crab/spectra/hess/pha_obs23523.fits")
    pha, bkg, arf, rmf = (fits.open(path) for path in write_ogip(run, tmp_path))
    area, matrix = arf["SPECRESP"].data, rmf["MATRIX"].data
    low, high = area["ENERG_LO"] / 1e9, area["ENERG_HI"] / 1e9
    flux = 4.5e-11 / (1 - 2.7) * (high ** (1 - 2.7) - low ** (1 - 2.7))
    signal = np.zeros(80)
    for k, row in enumerate(matrix):
        used = 0
        for start, length in zip(row["F_CHAN"], row["N_CHAN"], strict=True):
            weight = flux[k] * area["SPECRESP"][k] * pha["SPECTRUM"].header["EXPOSURE"]
            signal[start : start + length] += weight * row["MATRIX"][used : used + length]
            used += length
    on, off = pha["SPECTRUM"].data, bkg["SPECTRUM"].data
    good = on["QUALITY"] == 0
    alpha = on["BACKSCAL"] / off["BACKSCAL"]
    total = wstat(on["COUNTS"], off["COUNTS"], alpha, signal)[good].sum()
    model = SpectralModel("power-law")
    own = fold(photons(model, {"amplitude": 4.5e-11, "index": 2.7}, run.energy_true.edges), run.response)
    assert total == pytest.approx(wstat(run.n_on, run.n_off, run.alpha, own)[run.mask].sum(), rel=1e-11)
    for hdus in (pha, bkg, arf, rmf):
        hdus.close()


@st.composite
def spectra(draw):
    """Random in everything that a file must hold; special values come from `draw`, the bulk from one seed."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n, n_true = draw(st.integers(1, 6)), draw(st.integers(1, 5))
    regions = rng.poisson(1, (draw(st.integers(1, 3)), n)) if draw(st.booleans()) else None
    start = rng.uniform(50000, 70000)
    dropped = rng.uniform(size=(n_true, n)) < draw(st.sampled_from([0, 0.4, 1]))
    return SpectrumOnOff(
        name=draw(st.text("abXY019._-+", min_size=1, max_size=40)),
        energy=EnergyAxis(np.cumprod(rng.uniform(1.01, 3, n + 1))),
        energy_true=EnergyAxis(0.1 * np.cumprod(rng.uniform(1.01, 3, n_true + 1)), "energy_true"),
        n_on=rng.poisson(2, n) + draw(st.sampled_from([0, 2**31, 2**50])),
        n_off=rng.poisson(5, n) if regions is None else regions.sum(axis=0),
        acceptance=rng.uniform(0.1, 2, n),
        acceptance_off=rng.uniform(0.1, 40, n) * (rng.uniform(size=n) < draw(st.sampled_from([0, 0.5, 1]))),
        exposure=rng.lognormal(20, 5, n_true) * (rng.uniform(size=n_true) < 0.8),
        edisp=np.where(dropped, 0, rng.dirichlet(np.ones(n), n_true)),
        livetime=rng.lognormal(7, 2),
        mask_safe=rng.uniform(size=n) < 0.7,
        mask_fit=rng.uniform(size=n) < 0.7,
        n_off_by_region=regions,
        background=rng.lognormal(0, 9, n) if draw(st.booleans()) else None,
        gti=[[start, start + 0.01], [start + 0.02, start + 0.5]] if draw(st.booleans()) else np.empty((0, 2)),
    )


@given(spectrum=spectra())
@settings(deadline=None, max_examples=15)
def test_what_was_written_is_read_back(tmp_path_factory, spectrum):
    back = read_ogip(write_ogip(spectrum, tmp_path_factory.mktemp("trip"))[0])
    assert back.name == spectrum.name
    assert back.livetime == pytest.approx(spectrum.livetime, rel=1e-15)
    for key in ("n_on", "n_off", "mask_safe", "mask_fit", "mask", "acceptance", "acceptance_off", "edisp"):
        np.testing.assert_array_equal(getattr(back, key), getattr(spectrum, key), err_msg=key)
    np.testing.assert_allclose(back.exposure, spectrum.exposure, rtol=1e-15)
    np.testing.assert_allclose(back.energy.edges, spectrum.energy.edges, rtol=1e-15)
    np.testing.assert_allclose(back.energy_true.edges, spectrum.energy_true.edges, rtol=1e-15)
    np.testing.assert_allclose(back.gti, spectrum.gti, rtol=1e-15)
    assert (back.background is None) == (spectrum.background is None)
    if spectrum.background is not None:
        np.testing.assert_array_equal(back.background, spectrum.background)
    assert back.n_off_regions == spectrum.n_off_regions
    if spectrum.n_off_by_region is not None:
        np.testing.assert_array_equal(back.n_off_by_region, spectrum.n_off_by_region)


def test_a_stacked_spectrum_is_read_back(make_spectrum, tmp_path):
    first = make_spectrum("1", acceptance_off=[4.0, 3.0, 2.0], mask_safe=[False, True, True])
    stacked = stack(Spectra((first, make_spectrum("2", acceptance_off=12.0, mask_safe=[False, True, False]))))
    back = read_ogip(write_ogip(stacked, tmp_path)[0])
    assert back.name == "stacked"
    for key in ("n_on", "n_off", "alpha", "mask", "edisp"):
        np.testing.assert_array_equal(getattr(back, key), getattr(stacked, key))


def test_the_same_spectrum_gives_the_same_bytes(spectrum, tmp_path):
    first, second = write_ogip(spectrum, tmp_path / "a"), write_ogip(spectrum, tmp_path / "b")
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


def test_existing_files_are_kept_unless_told(make_spectrum, tmp_path):
    old = write_ogip(make_spectrum("1"), tmp_path)
    old[0].unlink()
    content = old[1].read_bytes()
    with pytest.raises(FileError, match=r"bkg_obs1.fits: the file exists; allowed: another folder, or overwrite=True"):
        write_ogip(make_spectrum("1", n_off=[0, 0, 0]), tmp_path)
    assert not old[0].exists()
    assert old[1].read_bytes() == content
    new = write_ogip(make_spectrum("1", n_off=[0, 0, 0]), tmp_path, overwrite=True)
    assert read_ogip(new[0]).n_off.sum() == 0


def test_nothing_unfinished_is_left(make_spectrum, tmp_path, monkeypatch):
    def fail(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(fits.HDUList, "writeto", fail)
    with pytest.raises(FileError, match=r"arf_obs1.fits: cannot be written; found 'No space left on device'"):
        write_ogip(make_spectrum("1"), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_refused(make_spectrum, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(FileError, match="cannot be written"):
        write_ogip(make_spectrum("1"), tmp_path / "file")


@pytest.mark.parametrize("name", ["../1", "a b", "é", "x" * 41])
def test_a_name_that_cannot_be_part_of_a_file_name_is_refused(make_spectrum, tmp_path, name):
    with pytest.raises(InputError, match="the run's name cannot be part of a file name"):
        write_ogip(make_spectrum(name), tmp_path)
