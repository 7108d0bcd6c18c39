"""The four Crab runs of H.E.S.S. DL3 DR1 against gammapy 2.1, whose numbers are frozen here."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from astropy.coordinates import SkyCoord

from bayes_onoff.errors import ReductionWarning
from bayes_onoff.reduction import Reduction, ReductionSettings, SafeRange
from bayes_onoff.reduction.counting import OnOffCounts
from bayes_onoff.reduction.safe_range import aeff_threshold, bias_threshold

ReduceCrab = Callable[..., Reduction]
NODES = [50, 100, 150, 199]
EXPOSURE_M2_S = {
    "23523": [1808360.606, 634375140.5, 1052835212.0, 999149304.1],
    "23526": [5898744.501, 618686827.8, 932709249.6, 810229867.2],
    "23559": [3400674.416, 382900758.3, 687650838.1, 755966006.9],
    "23592": [1081824.3, 403598058.7, 765313379.5, 795616958.0],
}
EXPOSURE_AT_1_TEV_M2_S = [364987611.9558105, 366175478.26036954, 250150124.28573844, 253892854.1657433]
KERNEL_ROW_SUM = {
    "23523": [1.0, 1.0, 0.9993399147, 0.0],
    "23526": [1.0, 1.0, 0.9998317341, 2.36766869e-06],
    "23559": [1.0, 1.0, 0.999231757, 0.0002758154047],
    "23592": [1.0, 0.9999999988, 0.9976492357, 0.001087591296],
}
KERNEL = {  # at (50, 10), (100, 18), (150, 29)
    "23523": [0.108788531, 0.07614172559, 0.02112388345],
    "23526": [0.3243885193, 0.0738501394, 0.01764461701],
    "23559": [0.2993512761, 0.0711807492, 0.02526059329],
    "23592": [0.09820855798, 0.07642161363, 0.02769043718],
}
ON_23559 = "0 0 0 0 0 0 0 0 0 2 14 15 18 23 16 16 8 11 8 7 9 5 3 1 3 0 0 2 0 0 1 2 2 0 0 0 0 0 0 0"
OFF_23559 = "0 0 0 0 0 0 0 0 0 18 66 125 83 46 28 27 18 18 12 17 6 6 6 4 3 5 5 2 5 4 2 5 1 1 1 2 2 1 1 0"


@pytest.fixture(scope="module")
def crab(reduce_crab: ReduceCrab) -> Reduction:
    return reduce_crab()


def summed(values: np.ndarray, mask: np.ndarray) -> list[int]:
    return np.where(mask, values, 0).sum(axis=1).tolist()


def test_counts(crab: Reduction) -> None:
    spectra = crab.spectra
    assert spectra.names == ("23523", "23526", "23559", "23592")
    assert summed(spectra.n_on, spectra.mask) == [177, 176, 150, 129]
    assert summed(spectra.n_off, spectra.mask) == [179, 196, 436, 414]
    assert spectra.n_on.sum(axis=1).tolist() == [192, 201, 166, 141]
    assert spectra.n_off.sum(axis=1).tolist() == [224, 228, 520, 502]
    assert spectra.mask.sum(axis=1).tolist() == [28, 29, 29, 28]
    assert spectra.alpha[:, 0] == pytest.approx([1 / 12, 1 / 12, 1 / 41, 1 / 36])
    assert spectra["23559"].n_on.tolist() == [int(n) for n in ON_23559.split()]
    assert spectra["23559"].n_off.tolist() == [int(n) for n in OFF_23559.split()]


def test_first_safe_edges(crab: Reduction) -> None:
    first = [run.energy.edges[:-1][run.mask_safe][0] for run in crab.spectra]
    assert first == pytest.approx([0.6034176, 0.5194772, 0.5194772, 0.6034176], rel=1e-6)


def test_livetimes(crab: Reduction) -> None:
    assert [run.livetime for run in crab.spectra] == pytest.approx(
        [1581.7367647, 1572.6867491, 1578.1234798, 1581.2646658]
    )


def test_exposure(crab: Reduction) -> None:
    for run in crab.spectra:
        assert run.exposure[NODES] == pytest.approx(np.array(EXPOSURE_M2_S[run.name]) * 1e4, rel=1e-9)
    at_1_tev = [np.interp(0, np.log(run.energy_true.centers), run.exposure) for run in crab.spectra]
    assert at_1_tev == pytest.approx(np.array(EXPOSURE_AT_1_TEV_M2_S) * 1e4, rel=1e-9)


def test_energy_dispersion(crab: Reduction) -> None:
    for run in crab.spectra:
        assert run.edisp.sum(axis=1)[NODES] == pytest.approx(KERNEL_ROW_SUM[run.name], abs=1e-9)
        assert run.edisp[[50, 100, 150], [10, 18, 29]] == pytest.approx(KERNEL[run.name], abs=1e-9)
        assert run.edisp.sum(axis=1).max() <= 1 + 1e-12


def test_off_regions(crab: Reduction) -> None:
    expected = {
        "23523": [(83.90515, 21.94085), (83.21210, 21.81831)],
        "23526": [(83.35279, 22.08189), (84.07773, 22.22189)],
        "23559": [(83.67405, 22.37049), (83.74707, 21.46000)],
        "23592": [(83.57979, 21.65102), (83.52727, 22.54734)],
    }
    for geometry in crab.geometries:
        ends = SkyCoord([geometry.off_regions[0].center, geometry.off_regions[-1].center])
        assert ends.separation(SkyCoord(expected[geometry.name], unit="deg")).deg.max() < 1e-5


def test_exact_placement_on_the_same_runs(reduce_crab: ReduceCrab) -> None:
    exact = reduce_crab(ReductionSettings())
    assert summed(exact.spectra.n_on, exact.spectra.mask) == [177, 176, 150, 129]
    assert summed(exact.spectra.n_off, exact.spectra.mask) == [180, 196, 444, 380]
    assert exact.spectra.n_off.sum(axis=1).tolist() == [228, 231, 528, 465]
    assert [run.n_off_regions for run in exact.spectra] == [12, 12, 40, 34]
    for geometry in exact.geometries:
        centers = SkyCoord([geometry.on_region.center, *(region.center for region in geometry.off_regions)])
        apart = centers[:, None].separation(centers[None, :]).deg
        assert apart[~np.eye(len(centers), dtype=bool)].min() >= 0.22
        hole = geometry.exclusion[0].center
        assert centers[1:].separation(hole).deg.min() >= 0.61


def test_tutorial_with_containment_correction(reduce_crab: ReduceCrab) -> None:
    """gammapy's current tutorial: 27 x 67 bins."""
    tutorial = reduce_crab(ReductionSettings(placement="gammapy", containment_correction=True), 27, 67)
    assert summed(tutorial.spectra.n_on, tutorial.spectra.mask) == [149, 154, 136, 111]
    assert summed(tutorial.spectra.n_off, tutorial.spectra.mask) == [117, 150, 327, 275]
    assert tutorial.spectra.mask.sum(axis=1).tolist() == [18, 19, 19, 18]
    true = tutorial.spectra.energy_true.centers
    thresholds = [aeff_threshold(true, run.exposure, 0.1) for run in tutorial.spectra]
    assert thresholds == pytest.approx([0.6124402, 0.4993802, 0.5065612, 0.6150446], rel=1e-6)
    at = int(np.abs(true - 1.01065).argmin())
    exposure = [run.exposure[at] for run in tutorial.spectra]
    assert exposure == pytest.approx([2.32281237e12, 2.52109088e12, 1.73702511e12, 1.62327078e12], rel=1e-8)


def test_energy_bias_criterion(reduce_crab: ReduceCrab) -> None:
    safe = SafeRange(aeff_max=None, edisp_bias=0.1)
    biased = reduce_crab(ReductionSettings(placement="gammapy", safe_range=safe))
    axes = biased.spectra.energy_true.centers, biased.spectra.energy.centers
    thresholds = [bias_threshold(*axes, run.edisp, 0.1) for run in biased.spectra]
    assert thresholds == pytest.approx([0.915360607596, 0.750946693222, 0.696629560767, 0.871799855213], rel=1e-9)


@pytest.mark.parametrize(
    ("criteria", "bins"),
    [
        ({"aeff_default": True}, [25, 26, 27, 25]),
        ({"aeff_max": 0.1}, [28, 29, 29, 28]),
        ({"aeff_max": 0.5}, [20, 22, 19, 18]),
        ({"edisp_bias": 0.1}, [25, 26, 27, 25]),
        ({"edisp_bias": 0.02}, [20, 20, 24, 23]),
        ({"bkg_peak": True}, [28, 29, 29, 28]),
        ({"aeff_default": True, "aeff_max": 0.1, "edisp_bias": 0.1, "bkg_peak": True}, [25, 26, 27, 25]),
        ({"aeff_max": 0.5, "edisp_bias": 0.02}, [20, 20, 19, 18]),
    ],
)
def test_each_criterion_keeps_the_bins_that_gammapy_keeps(
    reduce_crab: ReduceCrab, criteria: dict[str, Any], bins: list[int]
) -> None:
    safe = SafeRange(**{"aeff_max": None} | criteria)
    masks = reduce_crab(ReductionSettings(placement="gammapy", safe_range=safe)).spectra.mask
    assert masks.sum(axis=1).tolist() == bins
    assert all(mask.tolist() == sorted(mask) for mask in masks)  # all above the threshold


def test_runs_beyond_the_largest_offset_are_left_out(reduce_crab: ReduceCrab) -> None:
    settings = ReductionSettings(safe_range=SafeRange(offset_max=1.0))
    message = "run 235(59|92): left out, its ON region is 1.[45].* deg from the pointing, beyond .*offset_max of 1 deg"
    with pytest.warns(ReductionWarning, match=message) as caught:
        near = reduce_crab(settings)
    assert len(caught) == 2
    assert near.spectra.names == ("23523", "23526")
    assert [geometry.name for geometry in near.geometries] == ["23523", "23526"]


def test_what_the_background_peak_is_taken_from(crab: Reduction) -> None:
    """gammapy's background of a data set without model: profiled from ON and OFF counts."""
    run = crab.spectra["23523"]
    counts = OnOffCounts(run.n_on, run.n_off, 1.0, run.acceptance_off)
    assert counts.background[9:16] == pytest.approx([0, 0.6923, 3.9231, 5.2308, 4.3077, 2.5385, 2.0769], abs=5e-5)
    assert run.energy.edges[counts.background.argmax()] == pytest.approx(0.6034176)
