from pathlib import Path

import numpy as np
import pytest
from regions import (
    CircleAnnulusSkyRegion,
    CircleSkyRegion,
    EllipseSkyRegion,
    PointSkyRegion,
    PolygonSkyRegion,
    RectangleSkyRegion,
)

from bayes_onoff.errors import FileError
from bayes_onoff.reduction import read_region_file

HEAD = "# Region file format: DS9 version 4.1\nglobal color=green dashlist=8 3 include=1 source=1\n"


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "regions.reg"
    path.write_text(text)
    return path


def test_shapes_frames_and_units(tmp_path: Path) -> None:
    text = f"""{HEAD}fk5
circle(5:34:31.9,+22:00:52,396.0") # color=red text={{one; two}}
+ellipse(83.6,22.0,0.3,0.2,30)
galactic;box(184.5,-5.8,60',30',45) # tag={{x}}
annulus(184.5,-5.8,0.1,0.2,0.4)

icrs
polygon(83,21,84,21,84,22)
point(83.6,22.0)
"""
    regions = read_region_file(written(tmp_path, text))
    assert [type(region) for region in regions] == [
        CircleSkyRegion,
        EllipseSkyRegion,
        RectangleSkyRegion,
        CircleAnnulusSkyRegion,
        CircleAnnulusSkyRegion,
        PolygonSkyRegion,
        PointSkyRegion,
    ]
    circle, ellipse, box, _, ring, polygon, _ = regions
    assert circle.radius.to_value("deg") == pytest.approx(0.11)
    assert circle.center.ra.deg == pytest.approx(83.63291667)
    assert [ellipse.width.to_value("deg"), ellipse.height.to_value("deg")] == pytest.approx([0.6, 0.4])  # half axes
    assert [box.width.to_value("deg"), box.angle.to_value("deg")] == [1.0, 45.0]
    assert box.center.frame.name == ring.center.frame.name == "galactic"
    assert [ring.inner_radius.to_value("deg"), ring.outer_radius.to_value("deg")] == [0.2, 0.4]
    assert np.array_equal(polygon.vertices.ra.deg, [83, 84, 84])


def test_the_region_of_the_crab(gammapy_data: Path) -> None:
    (region,) = read_region_file(gammapy_data / "joint-crab/exclusion/Crab_exclusion.reg")
    assert region.radius.to_value("deg") == pytest.approx(0.3)
    assert region.center.dec.deg == pytest.approx(22.013995)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            f"{HEAD}image\ncircle(10,20,5)",
            r"\[line 4\]: the region is not in celestial coordinates; found 'circle\(10,20,5\) in",
        ),
        ("circle(10,20,5)", r"\[line 1\]: the region is not in celestial.*without a frame.*frame before it: icrs, fk5"),
        ("fk5\nphysical;box(1,2,3,4,0)", r"\[line 2\]: the region is not in celestial coordinates.*in physical"),
        ("fk5\n-circle(83,22,1)", r"\[line 2\]: the region is marked as excluded.*allowed: a region without a minus"),
        ("fk5\n\n circle(83,22,1) # include=0", r"\[line 3\]: the region is marked as excluded"),
        (
            "fk5\nline(83,22,84,23)",
            r"\[line 2\]: not a shape with an inside.*found 'line\(83,22,84,23\)'; allowed: circle",
        ),
        ("fk5\ntext(83,22) # text={x}", r"\[line 2\]: not a shape with an inside"),
        ("fk5\nvector(83,22,1,30)", r"\[line 2\]: not a region \(.*not supported.*found 'vector"),
        ("fk5\nblob(83,22,1)", r"\[line 2\]: not a region \(.*blob"),
        ("fk5\ncircle(83,22)", r"\[line 2\]: not a region \("),
        ("fk5\ncircle(83,22,5p)", r"\[line 2\]: not a region \("),
        ("fk5\ncircle(83,122,5)", r"\[line 2\]: not a region \("),
        ("fk5\ncircle(83,22,0)", r"\[line 2\]: not a (radius|region)"),
        ("fk5\nannulus(83,22,2,1)", r"\[line 2\]: not a region \("),
        ("fk5\npolygon(83,22,84,23)", r"\[line 2\]: too few vertices"),
        (HEAD, r"no region in the file; allowed: a DS9 region file"),
    ],
)
def test_what_cannot_be_used_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(FileError, match=rf"regions\.reg.*{message}"):
        read_region_file(written(tmp_path, text))


def test_files_that_are_no_text_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"absent\.reg: no such file"):
        read_region_file(tmp_path / "absent.reg")
    with pytest.raises(FileError, match="not a readable text file"):
        read_region_file(tmp_path)
    (tmp_path / "b.reg").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(FileError, match=r"b\.reg: not a readable text file"):
        read_region_file(tmp_path / "b.reg")
