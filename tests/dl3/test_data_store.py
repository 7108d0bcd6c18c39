import gzip
from collections.abc import Callable
from pathlib import Path

import pytest
from astropy.io import fits

from bayes_onoff.dl3 import DataStore, RunContent, write_store
from bayes_onoff.errors import FileError

MakeRun = Callable[..., RunContent]


@pytest.fixture
def folder(tmp_path: Path, make_run: MakeRun) -> Path:
    return write_store(tmp_path, [make_run(7), make_run(8)])


def compress(path: Path) -> None:
    path.with_name(path.name + ".gz").write_bytes(gzip.compress(path.read_bytes()))
    path.unlink()


@pytest.mark.parametrize("names", [["obs-index.fits", "hdu-index.fits"], ["obs_000007.fits"], ["hdu-index.fits"]])
def test_index_and_runs_may_be_compressed_whatever_the_index_says(folder: Path, names: list[str]) -> None:
    for name in names:
        compress(folder / name)
    observation = DataStore.from_dir(str(folder)).observation(7)
    assert len(observation.events) == 20
    assert all(file.is_file() for file in observation.files)


def test_an_index_that_says_gz_finds_the_plain_file(folder: Path) -> None:
    edit_index(folder, lambda hdu: hdu.data["FILE_NAME"].__setitem__(slice(None), "obs_000007.gz"))
    (folder / "obs_000007.fits").rename(folder / "obs_000007")
    assert DataStore.from_dir(folder).observation(7).files == (folder / "obs_000007",)


def edit_index(folder: Path, edit: Callable[[fits.BinTableHDU], None]) -> None:
    with fits.open(folder / "hdu-index.fits", memmap=False) as hdus:
        edit(hdus[1])
        for key in ("CHECKSUM", "DATASUM"):
            hdus[1].header.remove(key)
        tables = fits.HDUList([hdu.copy() for hdu in hdus])
    tables.writeto(folder / "hdu-index.fits", overwrite=True)


def test_an_absent_run_is_a_normal_day_until_it_is_asked_for(folder: Path) -> None:
    (folder / "obs_000008.fits").unlink()
    store = DataStore.from_dir(folder)
    assert store.obs_ids == (7, 8)
    assert [store.is_present(obs_id) for obs_id in (7, 8, 9)] == [True, False, False]
    with pytest.raises(FileError, match=r"obs_000008.fits: run 8 is absent: its file does not exist"):
        store.observations([7, 8])


def test_an_unknown_run_is_refused(folder: Path) -> None:
    with pytest.raises(FileError, match=r"unknown run 9: .* does not list it; allowed: 2 runs from 7 to 8"):
        DataStore.from_dir(folder).observation(9)


def test_a_run_without_a_required_hdu_in_the_index_is_refused(folder: Path) -> None:
    def drop_aeff(hdu: fits.BinTableHDU) -> None:
        hdu.data = hdu.data[hdu.data["HDU_TYPE"] != "aeff"]

    edit_index(folder, drop_aeff)
    store = DataStore.from_dir(folder)
    assert not store.is_present(7)
    with pytest.raises(FileError, match=r"hdu-index.fits: run 7: the HDU index lists no aeff"):
        store.observation(7)


def test_a_response_of_another_class_is_refused_when_it_is_asked_for(folder: Path) -> None:
    def rename_psf(hdu: fits.BinTableHDU) -> None:
        hdu.data["HDU_CLASS"][hdu.data["HDU_CLASS"] == "psf_table"] = "psf_odd"

    edit_index(folder, rename_psf)
    observation = DataStore.from_dir(folder).observation(7)
    assert len(observation.events) == 20
    with pytest.raises(
        FileError, match=r"\[PSF\]: run 7: psf of a class that is not read; found 'psf_odd'; allowed: psf_table, psf_3"
    ):
        _ = observation.psf


def test_a_missing_index_or_folder_is_refused(folder: Path) -> None:
    (folder / "hdu-index.fits").unlink()
    with pytest.raises(FileError, match=r"the index is missing; found 'no hdu-index.fits or hdu-index.fits.gz'"):
        DataStore.from_dir(folder)
    with pytest.raises(FileError, match="no data store: no such folder"):
        DataStore.from_dir(folder / "nowhere")


def test_an_index_without_its_columns_is_refused(folder: Path) -> None:
    edit_index(folder, lambda hdu: hdu.columns.change_name("HDU_CLASS", "CLASS"))
    with pytest.raises(FileError, match=r"hdu-index.fits \[HDU_INDEX\]: no column HDU_CLASS"):
        DataStore.from_dir(folder)


def test_an_index_with_numbers_for_names_is_refused(folder: Path) -> None:
    def swap(hdu: fits.BinTableHDU) -> None:
        hdu.columns.change_name("OBS_ID", "X")
        hdu.columns.change_name("HDU_NAME", "OBS_ID")

    edit_index(folder, swap)
    with pytest.raises(FileError, match=r"hdu-index.fits \[HDU_INDEX\]: column OBS_ID is of the wrong kind"):
        DataStore.from_dir(folder)
