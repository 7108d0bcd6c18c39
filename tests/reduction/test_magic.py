"""Two MAGIC runs on the Crab nebula with energy-dependent directional cuts, against gammapy 2.1.

Set-up of gammapy's tutorial on such cuts; the numbers are frozen from gammapy 2.1.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from regions import CircleSkyRegion, PointSkyRegion

from bayes_onoff.axes import EnergyAxis
from bayes_onoff.dl3 import DataStore
from bayes_onoff.errors import ReductionWarning
from bayes_onoff.models import SpectralModel
from bayes_onoff.products.wstat_fit import fit_wstat
from bayes_onoff.reduction import Reduction, ReductionSettings, SafeRange, reduce_observations

CRAB = SkyCoord(83.63, 22.01, unit="deg")
WOBBLE = ReductionSettings(off_method="wobble", safe_range=SafeRange(aeff_max=None, aeff_default=True))
NO_UPPER_THRESHOLD = "the effective area states no HI_THRES; safe_range.aeff_default does not bound .* from above"
ON = {
    "5029747": [265, 189, 109, 73, 75, 30, 30, 7, 10, 2, 1, 0, 0, 0, 0, 0, 0],
    "5029748": [358, 186, 93, 72, 54, 25, 25, 14, 5, 1, 3, 0, 1, 0, 0, 0, 0],
}
OFF = {
    "5029747": [682, 357, 87, 29, 17, 2, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    "5029748": [890, 272, 68, 15, 7, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0],
}
EXPOSURE_M2_S = {  # at the true-energy bins 5, 10, ... 35
    "5029747": [879370.916, 29719394.453, 72582246.793, 114669826.154, 154295200.788, 150667886.155, 0],
    "5029748": [1150518.140, 30310244.379, 69009477.315, 103750721.037, 132092380.395, 131760918.969, 0],
}


@pytest.fixture(scope="module")
def reduce_magic(gammapy_data: Path) -> Callable[..., Reduction]:
    def reduce(settings: ReductionSettings = WOBBLE, **options: object) -> Reduction:
        defaults = {"on_region": PointSkyRegion(CRAB), "energy": EnergyAxis.from_bounds(0.05 * u.TeV, 100 * u.TeV, 17)}
        return reduce_observations(
            DataStore.from_dir(gammapy_data / "magic" / "rad_max" / "data").observations([5029747, 5029748]),
            energy_true=EnergyAxis.from_bounds(0.01 * u.TeV, 100 * u.TeV, 40, "energy_true"),
            settings=settings,
            fit_range=(0.08, 20.0),
            **(defaults | options),
        )

    return reduce


@pytest.fixture(scope="module")
def magic(reduce_magic: Callable[..., Reduction]) -> Reduction:
    with pytest.warns(ReductionWarning, match=f"run 502974[78]: {NO_UPPER_THRESHOLD}") as caught:
        reduction = reduce_magic()
    assert len(caught) == 2  # no bin is left out, and nothing else is wrong
    return reduction


def test_counts(magic: Reduction) -> None:
    for run in magic.spectra:
        assert run.n_on.tolist() == ON[run.name]
        assert run.n_off.tolist() == OFF[run.name]
    assert magic.spectra.n_on.sum(axis=1).tolist() == [791, 837]
    assert magic.spectra.n_off.sum(axis=1).tolist() == [1178, 1255]
    mask = magic.spectra.mask
    assert np.where(mask, magic.spectra.n_on, 0).sum(axis=1).tolist() == [337, 293]
    assert np.where(mask, magic.spectra.n_off, 0).sum(axis=1).tolist() == [139, 93]
    assert np.flatnonzero(mask[0]).tolist() == list(range(2, 13))
    assert np.all(magic.spectra.alpha == 1 / 3)


def test_exposure(magic: Reduction) -> None:
    assert [run.livetime for run in magic.spectra] == pytest.approx([1178.06627692, 1174.85374694])
    for run in magic.spectra:
        assert run.exposure[5:40:5] == pytest.approx(np.array(EXPOSURE_M2_S[run.name]) * 1e4, rel=1e-8)


def test_regions(magic: Reduction) -> None:
    for geometry in magic.geometries:
        assert geometry.rad_max == pytest.approx((0.1, 0.07**0.5))
        centers = SkyCoord([region.center for region in geometry.off_regions])
        assert centers.separation(geometry.pointing).deg == pytest.approx(CRAB.separation(geometry.pointing).deg)


def test_log_parabola(magic: Reduction) -> None:
    fit = fit_wstat(magic.spectra, SpectralModel("log-parabola"))
    assert fit.stat == pytest.approx(23.9819, abs=2e-3)
    values = fit.values
    assert values["amplitude"] == pytest.approx(4.2903e-11, rel=1e-3)
    assert values["alpha"] == pytest.approx(2.5819, abs=1e-3)
    assert values["beta"] == pytest.approx(0.1958, abs=1e-3)


def test_lower_energies_lose_their_off_circles(reduce_magic: Callable[..., Reduction]) -> None:
    """Positions 0.57 deg apart, radii of 0.3 deg below 40 GeV: gammapy drops every OFF region, not just those bins."""
    energy = EnergyAxis.from_bounds(0.01 * u.TeV, 100 * u.TeV, 20)
    no_criterion = replace(WOBBLE, safe_range=SafeRange(aeff_max=None))
    with pytest.warns(
        ReductionWarning, match=r"ON and OFF circles of RAD_MAX overlap; left out: 0\.01 to 0\.03981 TeV"
    ):
        reduction = reduce_magic(no_criterion, energy=energy)
    for run in reduction.spectra:
        assert run.acceptance_off.tolist() == [0.0] * 3 + [3.0] * 17
        assert run.n_off[3:].sum() > 1000


def test_an_exclusion_region_takes_one_position_away(reduce_magic: Callable[..., Reduction], magic: Reduction) -> None:
    first = magic.geometries[0].off_regions[0].center
    with pytest.warns(ReductionWarning, match=NO_UPPER_THRESHOLD):
        reduction = reduce_magic(exclusion=[CircleSkyRegion(first, 0.05 * u.deg)])
    run = reduction.spectra["5029747"]
    assert np.all(run.acceptance_off == 2)
    assert run.n_off.tolist() == magic.spectra["5029747"].n_off_by_region[1:].sum(axis=0).tolist()
