from collections.abc import Callable
from dataclasses import replace
from typing import Any

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from regions import CircleSkyRegion, EllipseSkyRegion, LineSkyRegion, SkyRegion

from bayes_onoff.axes import EnergyAxis
from bayes_onoff.dl3 import GTI, EffectiveArea, IrfAxis, Observation, PSFKing, PSFTable, PSFTripleGauss
from bayes_onoff.errors import ConfigError, FileError, InputError, ReductionError, ReductionWarning
from bayes_onoff.reduction import ReductionSettings, SafeRange, reduce_observation, reduce_observations
from bayes_onoff.spectra import SpectrumOnOff

MakeRun = Callable[..., Observation]
Axes = dict[str, EnergyAxis]
Circles = Callable[..., CircleSkyRegion]


def settings(**safe: Any) -> ReductionSettings:
    return ReductionSettings(safe_range=SafeRange(**{"aeff_max": None} | safe))


def test_a_run_becomes_a_spectrum(make_run: MakeRun, on_region: CircleSkyRegion, axes: Axes) -> None:
    observation = make_run(7)
    run = reduce_observation(observation, on_region, **axes)
    spectrum, geometry = run.spectrum, run.geometry
    assert spectrum.name == geometry.name == "7"
    assert spectrum.livetime == pytest.approx(900)
    assert spectrum.gti == pytest.approx(observation.gti.mjd)
    assert spectrum.n_off_regions == len(geometry.off_regions) == 12
    assert np.all(spectrum.alpha == 1 / 12)
    assert spectrum.mask_fit.all()
    assert geometry.on_region is on_region
    energy = observation.events.energy
    in_axis = (energy >= 0.1) & (energy < 40)
    for center, counts in [
        (on_region.center, spectrum.n_on),
        *zip([region.center for region in geometry.off_regions], spectrum.n_off_by_region, strict=True),
    ]:
        assert counts.sum() == np.sum((observation.events.coord.separation(center).deg < 0.11) & in_axis)
    high = spectrum.energy_true.centers > 1.2
    assert spectrum.exposure[high] == pytest.approx(1e9 * 0.9 * 900, rel=1e-6)


def test_the_frame_of_the_on_region_does_not_matter(make_run: MakeRun, on_region: CircleSkyRegion, axes: Axes) -> None:
    galactic = CircleSkyRegion(on_region.center.galactic, on_region.radius)
    one, two = (reduce_observation(make_run(), region, **axes).spectrum for region in (on_region, galactic))
    assert np.array_equal(one.n_off_by_region, two.n_off_by_region)
    assert one.exposure == pytest.approx(two.exposure, rel=1e-12)


def test_events_outside_good_time_do_not_count(make_run: MakeRun, on_region: CircleSkyRegion, axes: Axes) -> None:
    whole = make_run(1)
    half = make_run(2, gti=GTI(np.array([1000.5]), np.array([1500.25]), whole.gti.reference))
    one, two = (reduce_observation(run, on_region, **axes).spectrum for run in (whole, half))
    early = whole.events.select(whole.events.time < 1500.25)
    inside = early.coord.separation(on_region.center).deg < 0.11
    assert two.n_on.sum() == np.sum(inside & (early.energy >= 0.1) & (early.energy < 40))
    assert two.n_off.sum() < one.n_off.sum()
    assert two.livetime == pytest.approx(0.9 * 499.75)


def test_exclusion_regions_take_off_regions_away(
    make_run: MakeRun, on_region: CircleSkyRegion, axes: Axes, circle: Circles
) -> None:
    hole = circle(83.63, 21.01, 0.2)
    run = reduce_observation(make_run(), on_region, **axes, exclusion=[hole])
    assert 0 < run.spectrum.n_off_regions < 12
    assert run.geometry.exclusion == (hole,)
    assert all(region.center.separation(hole.center).deg > 0.31 for region in run.geometry.off_regions)


def test_containment_lowers_the_exposure(
    make_run: MakeRun, on_region: CircleSkyRegion, axes: Axes, psf: PSFTable
) -> None:
    """A Gaussian of sigma s holds 1 - exp(-R^2 / 2 s^2) inside R."""
    observation = make_run(psf=psf)
    plain = reduce_observation(observation, on_region, **axes).spectrum
    corrected = reduce_observation(
        observation, on_region, **axes, settings=ReductionSettings(containment_correction=True)
    ).spectrum
    positive = plain.exposure > 0
    ratio = corrected.exposure[positive] / plain.exposure[positive]
    assert ratio == pytest.approx(1 - np.exp(-0.5 * 1.1**2), rel=2e-3)


def test_safe_range_criteria_combine(
    make_run: MakeRun, on_region: CircleSkyRegion, axes: Axes, aeff: EffectiveArea
) -> None:
    observation = make_run(aeff=replace(aeff, low_threshold=0.5, high_threshold=12.0))

    def safe(**criteria: Any) -> np.ndarray:
        return reduce_observation(observation, on_region, **axes, settings=settings(**criteria)).spectrum.mask_safe

    edges = axes["energy"].edges
    assert safe().all()
    assert np.array_equal(safe(aeff_default=True), (edges[:-1] >= 0.5) & (edges[1:] <= 12))
    assert np.array_equal(safe(aeff_max=0.5), edges[:-1] >= 0.5)
    assert np.array_equal(safe(aeff_max=0.9, aeff_default=True), safe(aeff_max=0.9) & safe(aeff_default=True))
    assert safe(offset_max=0.51).all()
    assert not safe(edisp_bias=0.1).all()


def test_the_background_peak_is_a_criterion(make_run: MakeRun, on_region: CircleSkyRegion, axes: Axes) -> None:
    spectrum = reduce_observation(make_run(), on_region, **axes, settings=settings(bkg_peak=True)).spectrum
    n_regions = spectrum.n_off_regions
    background = (spectrum.n_on + spectrum.n_off) / (1 + n_regions)
    peak = int(background.argmax())
    assert peak > 0
    assert spectrum.mask_safe.tolist() == [False] * peak + [True] * (12 - peak)


@pytest.mark.parametrize(
    ("thresholds", "message", "kept"),
    [
        ((0.5, None), "states no HI_THRES; safe_range.aeff_default does not bound the energies from above", [0.5, 40]),
        ((None, 12.0), "states no LO_THRES; safe_range.aeff_default does not bound the energies from below", [0.1, 12]),
        ((0.0, 12.0), "states no LO_THRES; ", [0.1, 12]),
        ((None, None), "no LO_THRES and no HI_THRES; .* not bound the energies from below or from above", [0.1, 40]),
    ],
)
def test_thresholds_that_are_not_stated_do_not_bound(
    make_run: MakeRun,
    on_region: CircleSkyRegion,
    axes: Axes,
    aeff: EffectiveArea,
    thresholds: tuple[float | None, float | None],
    message: str,
    kept: list[float],
) -> None:
    low, high = thresholds
    observation = make_run(aeff=replace(aeff, low_threshold=low, high_threshold=high))
    with pytest.warns(ReductionWarning, match=f"run 7: the effective area .*{message}"):
        spectrum = reduce_observation(observation, on_region, **axes, settings=settings(aeff_default=True)).spectrum
    edges = axes["energy"].edges
    assert np.array_equal(spectrum.mask_safe, (edges[:-1] >= kept[0] - 1e-9) & (edges[1:] <= kept[1] + 1e-9))


def test_pieces_of_a_run(make_run: MakeRun, on_region: CircleSkyRegion, axes: Axes) -> None:
    """Each piece has its own name, counts and livetime; together they are the run."""
    whole = make_run()
    (start, stop), middle = whole.gti.mjd[0], whole.tmid_mjd
    pieces = [whole.select_time(start, middle, name="7-1"), whole.select_time(middle, stop, name="7-2")]
    one = reduce_observation(whole, on_region, **axes).spectrum
    reduction = reduce_observations(pieces, on_region, **axes)
    assert reduction.spectra.names == ("7-1", "7-2")
    assert [geometry.name for geometry in reduction.geometries] == ["7-1", "7-2"]
    assert np.array_equal(reduction.spectra.n_on.sum(axis=0), one.n_on)
    assert np.array_equal(reduction.spectra.n_off.sum(axis=0), one.n_off)
    assert sum(run.livetime for run in reduction.spectra) == pytest.approx(one.livetime)


def test_runs_that_are_all_too_far_are_refused(make_run: MakeRun, on_region: CircleSkyRegion, axes: Axes) -> None:
    message = r"offset_max: every run .*; found 'offsets of 0\.5 to 0\.5 deg'; allowed: at least one up to 0\.4 deg"
    with pytest.warns(ReductionWarning, match="run 7: left out"), pytest.raises(InputError, match=message):
        reduce_observations([make_run()], on_region, **axes, settings=settings(offset_max=0.4))


def test_the_response_of_extended_shapes_is_averaged_by_default(
    make_run: MakeRun, on_region: CircleSkyRegion, axes: Axes
) -> None:
    ellipse = EllipseSkyRegion(on_region.center, 0.8 * u.deg, 0.2 * u.deg)
    observation = make_run()

    def reduced(region: SkyRegion, **options: Any) -> SpectrumOnOff:
        return reduce_observation(observation, region, **axes, settings=ReductionSettings(**options)).spectrum

    default, center = reduced(ellipse), reduced(ellipse, exposure="center", edisp="center")
    average = reduced(ellipse, exposure="region-average", edisp="region-average")
    assert np.array_equal(default.exposure, average.exposure)
    assert np.array_equal(default.edisp, average.edisp)
    assert np.all(default.exposure < center.exposure)  # the effective area falls with the offset
    assert not np.array_equal(default.edisp, center.edisp)
    circle, at_center = reduced(on_region), reduced(on_region, exposure="center", edisp="center")
    assert np.array_equal(circle.exposure, at_center.exposure)
    assert np.array_equal(circle.edisp, at_center.edisp)


@pytest.mark.parametrize("kind", ["king", "triple"])
def test_containment_in_a_parametric_point_spread(
    make_run: MakeRun, on_region: CircleSkyRegion, axes: Axes, kind: str
) -> None:
    energy, offset = IrfAxis.from_edges(np.geomspace(0.01, 100, 5), is_log=True), IrfAxis.from_nodes([0.0, 2.5])
    ones = np.ones((4, 2))
    psf: PSFKing | PSFTripleGauss
    if kind == "king":
        psf = PSFKing(energy, offset, gamma=2.0 * ones, sigma=0.05 * ones)
        expected = 1 - 1 / (1 + 0.11**2 / (4 * 0.05**2))
    else:
        shape = {"sigma_1": 0.05, "sigma_2": 0.1, "sigma_3": 0.2, "ampl_2": 0.5, "ampl_3": 0.25, "scale": 1000.0}
        psf = PSFTripleGauss(energy, offset, **{key: value * ones for key, value in shape.items()})
        weights = np.array([0.05**2, 0.5 * 0.1**2, 0.25 * 0.2**2])
        inside = 1 - np.exp(-(0.11**2) / (2 * np.array([0.05, 0.1, 0.2]) ** 2))
        expected = weights @ inside / weights.sum()
    observation = make_run(psf=psf)
    plain, corrected = (
        reduce_observation(
            observation, on_region, **axes, settings=ReductionSettings(containment_correction=correct)
        ).spectrum.exposure
        for correct in (False, True)
    )
    positive = plain > 0
    assert corrected[positive] / plain[positive] == pytest.approx(expected, rel=1e-6)


def test_containment_in_other_shapes_is_refused(make_run: MakeRun, on_region: CircleSkyRegion, axes: Axes) -> None:
    ellipse = EllipseSkyRegion(on_region.center, 0.4 * u.deg, 0.2 * u.deg)
    with pytest.raises(ConfigError, match="containment_correction: the containment correction needs a circular ON reg"):
        reduce_observation(make_run(), ellipse, **axes, settings=ReductionSettings(containment_correction=True))


def test_several_runs(make_run: MakeRun, on_region: CircleSkyRegion, axes: Axes) -> None:
    messages: list[str] = []
    edges = axes["energy"].edges
    reduction = reduce_observations(
        [make_run(1), make_run(2)],
        on_region,
        **axes,
        settings=settings(),
        fit_range=(float(f"{edges[3]:.7g}"), float(f"{edges[9]:.7g}")),
        on_progress=messages.append,
    )
    assert reduction.spectra.names == ("1", "2")
    assert [geometry.name for geometry in reduction.geometries] == ["1", "2"]
    assert np.flatnonzero(reduction.spectra.mask[0]).tolist() == [3, 4, 5, 6, 7, 8]
    assert messages == ["reduced run 1 (1 of 2)", "reduced run 2 (2 of 2)"]


@pytest.mark.parametrize(
    ("fit_range", "message"),
    [
        (
            (5.0, 1.0),
            "fit_range: the fit range is upside down or empty; found 'min 5 TeV, max 1 TeV'; allowed: min < max",
        ),
        ((0.11, 0.2), "fit_range: the fit range leaves no bin to analyse in any run; found '0.11 to 0.2 TeV'"),
        ((0.1, 0.3), "found '0.1 to 0.3 TeV'; allowed: a range .* without it, 0.2714 to 40 TeV"),
    ],
)
def test_fit_ranges_are_refused(
    make_run: MakeRun, on_region: CircleSkyRegion, axes: Axes, fit_range: tuple[float, float], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        reduce_observations([make_run()], on_region, **axes, settings=settings(aeff_max=0.2), fit_range=fit_range)


def test_no_run_is_refused(on_region: CircleSkyRegion, axes: Axes) -> None:
    with pytest.raises(InputError, match="at least one run"):
        reduce_observations([], on_region, **axes)


@pytest.mark.parametrize("placement", ["exact", "gammapy"])
@pytest.mark.parametrize(
    ("lat", "radius", "message"),
    [
        (
            25.0,
            0.11,
            "run 7: the ON region lies outside the field of view; found 'centre 3.49 deg from the pointing, outermost "
            "point 3.6 deg'; allowed: offsets of 0 to 3.25 deg",
        ),
        (24.7, 0.1, "run 7: the ON region lies outside the field of view; found 'centre 3.19 .*point 3.29 deg'"),
        (21.6, 0.11, "run 7: the ON region overlaps the pointing"),
    ],
)
def test_regions_are_refused(
    make_run: MakeRun, axes: Axes, circle: Circles, placement: Any, lat: float, radius: float, message: str
) -> None:
    with pytest.raises(ReductionError, match=message):
        reduce_observation(
            make_run(), circle(83.63, lat, radius), **axes, settings=ReductionSettings(placement=placement)
        )


def test_no_off_region_is_refused(make_run: MakeRun, on_region: CircleSkyRegion, axes: Axes, circle: Circles) -> None:
    with pytest.raises(ReductionError, match="run 7: no reflected OFF region finds room outside the exclusion regions"):
        reduce_observation(make_run(), on_region, **axes, exclusion=[circle(83.63, 21.51, 1.0)])


def test_an_unknown_exclusion_shape_is_refused(make_run: MakeRun, on_region: CircleSkyRegion, axes: Axes) -> None:
    line = LineSkyRegion(SkyCoord(0, 0, unit="deg"), SkyCoord(1, 0, unit="deg"))
    with pytest.raises(ConfigError, match=r"exclusion\[0\]\.shape: .*found 'line'"):
        reduce_observation(make_run(), on_region, **axes, exclusion=[line])


def test_empty_safe_ranges_are_refused(
    make_run: MakeRun, on_region: CircleSkyRegion, axes: Axes, aeff: EffectiveArea
) -> None:
    observation = make_run(aeff=replace(aeff, low_threshold=30.0, high_threshold=35.0))
    message = (
        "run 7: every bin is outside the safe range; found 'bins from 0.1 to 40 TeV, safe above 30 TeV .aeff_default., "
        "below 35 TeV .aeff_default.'; allowed: an energy axis with"
    )
    with pytest.raises(ReductionError, match=message):
        reduce_observation(observation, on_region, **axes, settings=settings(aeff_default=True))
    with pytest.raises(
        ReductionError, match=r"run 7: the ON region is farther .*offset_max; found '0.5 deg'; .*0.4 deg"
    ):
        reduce_observation(make_run(), on_region, **axes, settings=settings(offset_max=0.4))


def test_a_blind_telescope_is_refused(
    make_run: MakeRun, on_region: CircleSkyRegion, axes: Axes, aeff: EffectiveArea
) -> None:
    observation = make_run(aeff=replace(aeff, values=np.zeros_like(aeff.values)))
    with pytest.raises(ReductionError, match="run 7: the effective area is zero at every energy; found 'true energies"):
        reduce_observation(observation, on_region, **axes)


@pytest.mark.parametrize("value", [-1.0, np.nan, np.inf])
def test_damaged_responses_are_refused(
    make_run: MakeRun, on_region: CircleSkyRegion, axes: Axes, aeff: EffectiveArea, value: float
) -> None:
    values = aeff.values.copy()
    values[20, 1] = value
    with pytest.raises(FileError, match=r"obs_000007\.fits \[AEFF\]"):
        reduce_observation(make_run(aeff=replace(aeff, values=values)), on_region, **axes)


def test_containment_needs_a_point_spread_function(make_run: MakeRun, on_region: CircleSkyRegion, axes: Axes) -> None:
    with pytest.raises(
        ReductionError, match="run 7: the containment correction needs a point-spread function; found 'no"
    ):
        reduce_observation(make_run(), on_region, **axes, settings=ReductionSettings(containment_correction=True))


@pytest.mark.parametrize(
    ("rad_max", "options", "message"),
    [
        (
            0.11,
            {"containment_correction": True},
            "it contains the containment already; found 'containment_correction: t",
        ),
        (
            0.11,
            {"exposure": "region-average"},
            "cannot be averaged over a region; found 'exposure: region-average, edisp",
        ),
        (0.11, {"edisp": "region-average"}, "cannot be averaged over a region.*; allowed: center for both"),
        (None, {}, "but states no directional cut; found 'neither RAD_MAX in its header nor RAD_MAX_2D'; allowed: a r"),
        (0.14, {}, "made for another ON region; found 'a circle of 0.11 deg'; allowed: a circle of 0.14 deg, or a"),
    ],
)
def test_point_like_responses_are_not_taken_for_full_enclosure(
    make_run: MakeRun,
    on_region: CircleSkyRegion,
    axes: Axes,
    aeff: EffectiveArea,
    rad_max: float | None,
    options: dict[str, Any],
    message: str,
) -> None:
    observation = make_run(aeff=replace(aeff, is_pointlike=True, rad_max=rad_max))
    with pytest.raises(ReductionError, match=f"run 7: .*point-like.*{message}"):
        reduce_observation(observation, on_region, **axes, settings=ReductionSettings(**options))


def test_a_point_like_response_of_the_same_radius(
    make_run: MakeRun, on_region: CircleSkyRegion, axes: Axes, aeff: EffectiveArea
) -> None:
    observation = make_run(aeff=replace(aeff, is_pointlike=True, rad_max=0.11))
    assert reduce_observation(observation, on_region, **axes).spectrum.n_on.sum() > 0
