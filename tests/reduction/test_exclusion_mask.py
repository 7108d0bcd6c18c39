from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.wcs import WCS
from regions import CircleSkyRegion

from bayes_onoff.errors import FileError, InputError
from bayes_onoff.reduction import ExclusionMask, read_exclusion_mask
from bayes_onoff.reduction.exclusion_mask import excluded_area
from bayes_onoff.reduction.shapes import Circle
from bayes_onoff.reduction.sphere import unit_vector


def header(**changes: Any) -> fits.Header:
    cards = {
        "CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRVAL1": 83.63, "CRVAL2": 22.0, "CRPIX1": 5.5, "CRPIX2": 4.5,
        "CDELT1": -0.1, "CDELT2": 0.1, "CUNIT1": "deg", "CUNIT2": "deg", "RADESYS": "ICRS",
    }  # fmt: skip
    return fits.Header(cards | changes)


def written(path: Path, values: np.ndarray, cards: fits.Header | None = None) -> Path:
    fits.PrimaryHDU(values, header() if cards is None else cards).writeto(path)
    return path


def one_hole() -> np.ndarray:
    values = np.ones((8, 10))
    values[6, 2] = 0
    return values


@pytest.mark.parametrize("dtype", ["u1", ">i8", "f4"])
def test_a_mask_is_read(tmp_path: Path, dtype: str) -> None:
    mask = read_exclusion_mask(written(tmp_path / "mask.fits.gz", one_hole().astype(dtype)))
    assert np.argwhere(mask.excluded).tolist() == [[6, 2]]
    inside = unit_vector(SkyCoord(mask.wcs.pixel_to_world([2, 2.45, 2.55], [6, 5.55, 6])))
    assert mask.contains(inside).tolist() == [True, True, False]
    assert not mask.contains(-inside).any()
    corner = unit_vector(mask.wcs.pixel_to_world(2.6, 6.6))
    assert not Circle(corner, np.deg2rad(0.1 * 0.14)).overlaps(mask)
    assert Circle(corner, np.deg2rad(0.1 * 0.143)).overlaps(mask)


def test_an_energy_axis_of_one_bin_is_left_out(tmp_path: Path) -> None:
    cards = header(CTYPE3="ENERGY", CUNIT3="TeV", CRVAL3=1.0, CDELT3=1.0, CRPIX3=1.0)
    mask = read_exclusion_mask(written(tmp_path / "mask.fits", one_hole()[None], cards))
    assert mask.excluded.shape == (8, 10)
    assert mask.wcs.naxis == 2


def test_the_mask_of_the_crab(gammapy_data: Path) -> None:
    """A circle of 0.3 deg around the Crab, painted on pixels of 0.02 deg."""
    mask = read_exclusion_mask(gammapy_data / "joint-crab/exclusion/exclusion_mask_crab.fits.gz")
    assert mask.excluded.sum() == 716
    crab = SkyCoord(83.633, 22.014, unit="deg")
    assert mask.contains(unit_vector(crab))
    for distance, overlaps in ((0.29, True), (0.32, False)):
        circle = Circle(unit_vector(crab.directional_offset_by(40 * u.deg, (0.2 + distance) * u.deg)), np.deg2rad(0.2))
        assert circle.overlaps(mask) is overlaps


def test_an_image_of_the_whole_sky(tmp_path: Path) -> None:
    """Plate carrée, also across its seam and at the pole; pixels beyond the edge of an Aitoff sky belong to nothing."""
    cards = header(
        CTYPE1="GLON-CAR", CTYPE2="GLAT-CAR", CRVAL1=0.0, CRVAL2=0.0, CRPIX1=180.5, CRPIX2=90.5, CDELT1=-1.0, CDELT2=1.0
    )
    values = np.ones((180, 360))
    values[85:95], values[-1] = 0, 0
    mask = read_exclusion_mask(written(tmp_path / "sky.fits", values, cards))
    for lon, lat, overlaps in (
        (180, 0, True),
        (180, 5.9, True),
        (180, 6.2, False),
        (77, 89.5, True),
        (77, 87.8, False),
    ):
        center = SkyCoord(lon, lat, unit="deg", frame="galactic")
        assert Circle(unit_vector(center), np.deg2rad(1)).overlaps(mask) is overlaps
    aitoff = header(
        CTYPE1="GLON-AIT", CTYPE2="GLAT-AIT", CRVAL1=0.0, CRVAL2=0.0, CRPIX1=180.5, CRPIX2=90.5, CDELT1=-1.0, CDELT2=1.0
    )
    corners = read_exclusion_mask(written(tmp_path / "aitoff.fits", values * 0, aitoff))
    assert corners.excluded.all()
    assert corners.contains(unit_vector(SkyCoord([0, 120], [0, -60], unit="deg", frame="galactic"))).all()


def test_a_compressed_image_in_an_extension_with_an_old_date(tmp_path: Path) -> None:
    cards = header()
    cards["DATE-OBS"] = "31/12/99"
    image = fits.CompImageHDU(one_hole().astype("i2"), cards, name="MASK")
    fits.HDUList([fits.PrimaryHDU(), image]).writeto(tmp_path / "mask.fits.fz")
    assert np.argwhere(read_exclusion_mask(tmp_path / "mask.fits.fz").excluded).tolist() == [[6, 2]]


def table(path: Path) -> None:
    fits.HDUList([fits.PrimaryHDU(), fits.BinTableHDU.from_columns([fits.Column("A", "E", array=[1.0])])]).writeto(path)


def two_images(path: Path) -> None:
    images = [fits.ImageHDU(one_hole(), header(), name=name) for name in ("A", "B")]
    fits.HDUList([fits.PrimaryHDU(), *images]).writeto(path)


@pytest.mark.parametrize(
    ("values", "changes", "message"),
    [
        (one_hole() * 2, {}, r"\[PRIMARY\]: not a mask; found '2'; allowed: 0 where excluded and 1 where allowed"),
        (np.where(one_hole() == 0, np.nan, 1), {}, r"not a mask; found 'nan'"),
        (np.arange(80.0).reshape(8, 10), {}, r"not a mask; found '2, 3, 4, \.\.\.'"),
        (np.ones((3, 8, 10)), {}, r"not a two-dimensional image; found 'axes \(3, 8, 10\)'; allowed: 2 axes"),
        (
            one_hole(),
            {"CTYPE1": "X", "CTYPE2": "Y"},
            r"not an image of the sky; found 'X Y'; allowed: two celestial axes",
        ),
        (one_hole(), {"CTYPE1": "SLON-TAN", "CTYPE2": "SLAT-TAN"}, r"an unknown celestial frame; found 'SLON"),
    ],
)
def test_what_is_no_mask_is_refused(tmp_path: Path, values: np.ndarray, changes: dict[str, Any], message: str) -> None:
    path = written(tmp_path / "mask.fits", values, header(**changes))
    with pytest.raises(FileError, match=rf"mask\.fits.*{message}"):
        read_exclusion_mask(path)


def test_files_without_one_image_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"absent\.fits: the file cannot be read"):
        read_exclusion_mask(tmp_path / "absent.fits")
    table(tmp_path / "table.fits")
    with pytest.raises(FileError, match=r"table\.fits: not one image; found 'none'; allowed: one image HDU"):
        read_exclusion_mask(tmp_path / "table.fits")
    two_images(tmp_path / "two.fits")
    with pytest.raises(FileError, match=r"two\.fits: not one image; found 'A, B'"):
        read_exclusion_mask(tmp_path / "two.fits")
    (tmp_path / "text.fits").write_text("no FITS file")
    with pytest.raises(FileError, match=r"text\.fits: no FITS file, or a damaged one"):
        read_exclusion_mask(tmp_path / "text.fits")
    path = written(tmp_path / "cut.fits", np.ones((80, 100)))
    path.write_bytes(path.read_bytes()[:9000])
    with pytest.raises(FileError, match=r"cut\.fits: .*(damaged|truncated)"):
        read_exclusion_mask(path)


def test_an_image_beyond_the_seam_of_its_projection_is_refused() -> None:
    wcs = WCS(
        header(
            CTYPE1="RA---CAR", CTYPE2="DEC--CAR", CRVAL1=0.0, CRVAL2=0.0, CRPIX1=1.0, CRPIX2=90.5, CDELT1=1, CDELT2=1
        )
    )
    with pytest.raises(
        InputError, match=r"wcs: excluded pixels lie more than 180 deg from.*found 'CRVAL \[0.0, 0.0\] at CRPIX \[1"
    ):
        ExclusionMask(wcs, np.ones((180, 360), dtype=bool))


def test_an_image_that_is_not_of_true_and_false_is_refused() -> None:
    with pytest.raises(InputError, match="excluded: not an image of true and false; found '2 axes of float64'"):
        ExclusionMask(WCS(header()), one_hole())


def test_a_distorted_image_is_refused() -> None:
    cards = header(CTYPE1="RA---TAN-SIP", CTYPE2="DEC--TAN-SIP", A_ORDER=2, B_ORDER=2, A_2_0=1e-4, B_2_0=1e-4)
    with pytest.raises(InputError, match="wcs: a distorted image; allowed: a projection without"):
        ExclusionMask(WCS(cards), one_hole() == 0)


def test_regions_and_masks_are_areas() -> None:
    region = CircleSkyRegion(SkyCoord(1, 2, unit="deg"), 1 * u.deg)
    mask = ExclusionMask(WCS(header()), one_hole() == 0)
    assert isinstance(excluded_area(region, "exclusion[0]"), Circle)
    assert excluded_area(mask, "exclusion[1]") is mask
