"""The configuration: what is read, and what is refused with which words."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import yaml
from pydantic import BaseModel

from bayes_onoff.app.config import Configuration, load_config
from bayes_onoff.errors import ConfigError, FileError
from bayes_onoff.inference import Systematics
from bayes_onoff.models import LogNormal10, Normal, SpectralModel

MINIMAL = """
observations:
  store: data
  ids: [1, 2]
on_region:
  shape: circle
  center: {frame: icrs, lon: 83.63 deg, lat: 22.01 deg}
  radius: 0.11 deg
energy: {min: 0.1 TeV, max: 40 TeV, bins: 40}
energy_true: {min: 50 GeV, max: 100 TeV, bins: 200}
"""


def load(folder: Path, text: str) -> Configuration:
    path = folder / "crab.yaml"
    path.write_text(text, encoding="utf-8")
    return load_config(path)


def changed(key: str, value: Any) -> str:
    """The minimal configuration with one dotted key set."""
    content = yaml.safe_load(MINIMAL)
    block = content
    *parents, last = key.split(".")
    for parent in parents:
        block = block.setdefault(parent, {})
    block[last] = value
    return yaml.safe_dump(content, sort_keys=False)


def test_defaults_are_those_of_the_documentation(tmp_path: Path) -> None:
    config = load(tmp_path, MINIMAL)
    assert config.name == "crab"
    assert config.observations.store == str(tmp_path / "data")
    assert config.exclusion == ()
    assert config.reduction.off_regions.placement == "exact"
    assert config.reduction.exposure is None
    assert config.reduction.edisp is None
    assert config.observations.grouping.by == "run"
    assert config.reduction.containment_correction is False
    assert config.reduction.safe_range.aeff_max == pytest.approx(0.1)
    assert config.model.shape == "power-law"
    assert config.model.reference == 1.0
    assert config.background.prior == "pooled"
    assert config.background.marginal is False
    assert (config.sampling.draws, config.sampling.tune, config.sampling.chains) == (1000, 1000, 4)
    assert config.sampling.seed is None
    assert config.sampling.target_accept == 0.9
    assert config.sampling.sampler == "nutpie"
    assert config.stacked is False
    assert config.flux_points is None
    assert list(config.to_models()) == ["power-law"]


def test_quantities_are_converted_by_kind(tmp_path: Path) -> None:
    config = load(tmp_path, MINIMAL)
    assert config.energy_true is not None
    assert config.energy_true.min == pytest.approx(0.05)
    axis = config.energy_true.to_axis("energy_true")
    assert axis.n_bins == 200
    np.testing.assert_allclose(axis.edges[[0, -1]], [0.05, 100])
    assert config.on_region is not None
    region = config.on_region.to_region()
    assert region.radius.to_value("arcmin") == pytest.approx(6.6)
    assert region.center.dec.deg == pytest.approx(22.01)


def test_what_was_read_can_be_written_and_read_again(tmp_path: Path) -> None:
    config = load(tmp_path, MINIMAL + "compare: [log-parabola]\nfit_range: {min: 700 GeV}\n")
    text = json.dumps(config.to_dict())
    assert Configuration.model_validate(json.loads(text)) == config


def test_energy_edges(tmp_path: Path) -> None:
    config = load(tmp_path, changed("flux_points", {"edges": ["700 GeV", "1.5 TeV", "10 TeV"]}))
    assert config.flux_points is not None
    np.testing.assert_allclose(config.flux_points.to_axis().edges, [0.7, 1.5, 10])


def test_priors_are_converted_to_the_parameters_unit(tmp_path: Path) -> None:
    priors = {
        "index": {"normal": {"mu": 2.5, "sigma": 1}},
        "amplitude": {"lognormal10": {"mu": "1e-7 TeV-1 m-2 s-1", "sigma": 1}},
    }
    model = load(tmp_path, changed("model.priors", priors)).model.to_model()
    assert model.priors["index"] == Normal(2.5, 1.0)
    amplitude = model.priors["amplitude"]
    assert isinstance(amplitude, LogNormal10)
    assert (amplitude.mu, amplitude.sigma) == pytest.approx((1e-11, 1.0))


def test_models_to_compare_take_what_they_leave_open_from_the_main_model(tmp_path: Path) -> None:
    text = MINIMAL + (
        "model: {shape: power-law, reference: 2 TeV, priors: {index: {normal: {mu: 2, sigma: 1}}}}\n"
        "compare: [power-law, log-parabola, {shape: power-law, priors: {index: {normal: {mu: 3, sigma: 1}}}}]\n"
    )
    models = load(tmp_path, text).to_models()
    assert list(models) == ["power-law", "log-parabola", "power-law (2)"]
    assert models["log-parabola"].reference == 2.0
    assert models["power-law"].priors["index"] == Normal(2, 1)
    assert models["power-law (2)"].priors["index"] == Normal(3, 1)


def test_environment_variables_in_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_DATA", str(tmp_path / "elsewhere"))
    config = load(tmp_path, changed("observations.store", "${SOME_DATA}/dl3"))
    assert config.observations.store == str(tmp_path / "elsewhere" / "dl3")


def test_words_stay_words_and_numbers_numbers(tmp_path: Path) -> None:
    """YAML 1.1 would make `on` a boolean, 1e-3 a text and 010 an eight."""
    config = load(
        tmp_path, MINIMAL + "name: on\nbackground: {prior: independent, rate: 1e-3}\nsampling: {draws: 010}\n"
    )
    assert config.name == "on"
    assert config.background.rate == 0.001
    assert config.sampling.draws == 10


@pytest.mark.parametrize("name", ["crab", "rxj1713"])
def test_seed_configurations_load(gammapy_data: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    path = gammapy_data.parent / "configs" / f"{name}.yaml"
    if not path.exists():
        pytest.skip("the configurations that belong to the data are not beside them")
    monkeypatch.setenv("GAMMAPY_DATA", str(gammapy_data))
    config = load_config(path)
    assert config.name == name
    assert config.observations.store == str(gammapy_data / "hess-dl3-dr1")
    assert config.reduction.off_regions.placement == "gammapy"


FRAMES = ("icrs", "galactic", "icrs")
REFUSED = [
    ("modle", {"shape": "power-law"}, r"^modle: unknown key; found 'modle'; allowed: model \(did you mean that\?\)"),
    ("true", 1, r"unknown key; found 'true'"),
    (
        "reduction.off_regions.metod",
        "reflected",
        r"^reduction\.off_regions\.metod: unknown key.*allowed: method \(did you mean that\?\)",
    ),
    ("reduction.off_regions.method", "refelcted", "found 'refelcted'; allowed: reflected"),
    ("reduction.off_regions.n_off_regions", 5, "n_off_regions: an option of method: wobble"),
    ("reduction.off_regions.method", "phase", r"^reduction\.off_regions\.on_phase: method: phase needs"),
    (
        "reduction.off_regions",
        {"method": "phase", "on_phase": [0, 1.5], "off_phase": [[0.5, 0.6]]},
        r"on_phase.*not a phase interval",
    ),
    ("reduction.off_regions", None, r"^reduction\.off_regions: not a block"),
    ("reduction.off_regions.angle_increment", "0.1 TeV", r"angle_increment: the unit is of the wrong kind"),
    ("reduction.off_regions.max_region_number", 0, "max_region_number: not allowed; found 0; allowed: greater than"),
    ("reduction.exposure", "centre", r"found 'centre'; allowed: center \(did you mean"),
    (
        "reduction.containment_correction",
        "yes",
        "containment_correction: not allowed; found 'yes'; allowed: a valid bool",
    ),
    ("reduction.safe_range.aeff_max", "10 deg", r"safe_range\.aeff_max: the unit is of the wrong kind; found '10 deg'"),
    ("reduction.safe_range.aeff_max", 10, "aeff_max: out of range; found '10'; allowed: below 1"),
    ("reduction.safe_range.bkg_peak", 1, r"safe_range\.bkg_peak: not allowed; found 1; allowed: a valid boolean"),
    ("observations.cone", {}, r"^observations\.cone\.center: missing"),
    ("observations.time", {}, r"^observations\.time: empty; allowed: start, stop or both"),
    (
        "observations.time",
        {"start": "2005-01-01", "stop": "2004-01-01"},
        r"^observations\.time: upside down; found 'start 2005",
    ),
    ("observations.time.start", "yesterday", r"^observations\.time\.start: not a date and time; found 'yesterday'"),
    ("observations.time.start", "2004-12-04T22:08:51+01:00", r"^observations\.time\.start: not a date and time"),
    ("observations.zenith", {"max": "100 deg"}, r"^observations\.zenith\.max: out of range; found '100 deg'"),
    (
        "observations.zenith",
        {"min": "40 deg", "max": "30 deg"},
        r"^observations\.zenith: upside down; found 'min 40 deg",
    ),
    ("observations.quality", {"column": "QUALITY"}, r"^observations\.quality\.allowed: missing"),
    ("observations.grouping", "nigth", r"^observations\.grouping\.by: unknown value; found 'nigth'; allowed: night"),
    ("observations.grouping", {}, r"^observations\.grouping: not one description of time bins"),
    ("observations.grouping", {"width": "2 m"}, r"^observations\.grouping\.width: the unit is of the wrong kind"),
    ("observations.ids", None, r"^observations\.ids: which runs\?; allowed: a list .* or a selection: cone"),
    ("observations.ids", [], r"^observations\.ids: which runs\?"),
    ("observations.ids", [1, 1], r"^observations\.ids: a run occurs twice; found \[1, 1\]"),
    ("observations.ids", ["1"], r"^observations\.ids\[0\]: not allowed; found '1'; allowed: a valid integer"),
    ("observations.ids", [True], r"^observations\.ids\[0\]: not allowed; found True"),
    ("observations.ogip", ["pha.fits"], "^observations: one source of data is needed; allowed: either `store`"),
    (
        "observations.store",
        "${NOT_SET_ANYWHERE}/x",
        r"^observations\.store: the environment variable NOT_SET_ANYWHERE is",
    ),
    ("observations.store", 3, r"^observations\.store: not a path; found 3"),
    (
        "on_region.radius",
        "0.11",
        r"^on_region\.radius: the unit is of the wrong kind; found '0.11'; allowed: a number with",
    ),
    ("on_region.radius", "0.11 TeV", r"^on_region\.radius: the unit is of the wrong kind; found '0.11 TeV'"),
    ("on_region.radius", "-0.1 deg", r"^on_region\.radius: out of range; found '-0.1 deg'; allowed: above 0 deg"),
    ("on_region.radius", "nan deg", r"^on_region\.radius: not a finite scalar"),
    ("on_region.radius", "wide", r"^on_region\.radius: not a number with a unit; found 'wide'; allowed: a number"),
    ("on_region.radius", True, r"^on_region\.radius: not a number with a unit; found True"),
    ("on_region.shape", "elipse", r"^on_region\.shape: unknown value; found 'elipse'; allowed: ellipse \(did you"),
    (
        "on_region.shape",
        "ellipse",
        r"^on_region\.radius: not with shape ellipse; allowed: center, width, height, angle",
    ),
    ("on_region.shape", None, r"^on_region: not one description of a region; found 'none'; allowed: `shape` with"),
    ("on_region.file", "crab.reg", r"^on_region: not one description of a region; found 'shape, file'"),
    ("on_region.mask", "mask.fits", r"^on_region\.mask: unknown key"),
    ("on_region.radius", None, r"^on_region\.radius: missing; allowed: an angle"),
    (
        "on_region",
        {"file": "a.reg", "radius": "1 deg"},
        r"^on_region\.radius: not with `file`; allowed: nothing beside",
    ),
    ("on_region", {"shape": "polygon", "vertices": []}, r"^on_region\.vertices: too few; found 0"),
    (
        "on_region",
        {"shape": "polygon", "vertices": [{"frame": frame, "lon": "1 deg", "lat": "1 deg"} for frame in FRAMES]},
        r"^on_region\.vertices: in different frames; allowed: one frame",
    ),
    (
        "on_region",
        {
            "shape": "annulus",
            "center": {"frame": "icrs", "lon": "1 deg", "lat": "1 deg"},
            "inner_radius": "2 deg",
            "outer_radius": "1 deg",
        },
        r"^on_region\.outer_radius: not larger than inner_radius; found '1 deg'",
    ),
    ("on_region.center.lat", "91 deg", r"^on_region\.center\.lat: out of range; found '91 deg'"),
    (
        "on_region.center.frame",
        "fk5",
        r"^on_region\.center\.frame: unknown value; found 'fk5'; allowed: icrs, galactic",
    ),
    ("on_region.center", {"frame": "icrs", "lon": "1 deg"}, r"^on_region\.center\.lat: missing; allowed: latitude"),
    ("on_region", None, r"^on_region: missing; allowed: a region on the sky"),
    (
        "exclusion",
        [{"mask": "mask.fits", "file": "a.reg"}],
        r"^exclusion\[0\]: not one description of a region; found 'file, mask'; allowed: .* or `file` or `mask`",
    ),
    ("exclusion", "mask.fits", r"^exclusion: not allowed; found 'mask.fits'; allowed: a valid tuple"),
    ("energy", {"min": "40 TeV", "max": "0.1 TeV", "bins": 3}, "^energy: the energy axis is upside down.*min 40 TeV"),
    ("energy", {"edges": ["3 TeV", "1 TeV"]}, "^energy: energy edges are not positive and increasing"),
    ("energy", {"min": "1 TeV", "max": "3 TeV"}, "^energy: bins is missing; allowed: either `min`, `max` and `bins`"),
    ("energy.edges", ["1 TeV", "3 TeV"], "^energy: described twice"),
    ("energy.min", "100 deg", r"^energy\.min: the unit is of the wrong kind; found '100 deg'; allowed: a number with"),
    ("energy.min", "0 TeV", r"^energy\.min: out of range; found '0 TeV'; allowed: above 0 TeV"),
    ("energy.bins", 2.5, r"^energy\.bins: not allowed; found 2.5; allowed: a valid integer"),
    ("energy_true", None, "^energy_true: missing"),
    ("fit_range", {"min": "3 TeV", "max": "1 TeV"}, "^fit_range: upside down; found 'min 3 TeV, max 1 TeV'"),
    ("name", "a/b", "^name: not usable as a file name; found 'a/b'"),
    ("model.shape", "powerlaw", r"^model\.shape: unknown value; found 'powerlaw'; allowed: power-law \(did you mean"),
    ("model.reference", "1 cm", r"^model\.reference: the unit is of the wrong kind"),
    ("model.priors.indx", {"normal": {}}, r"^model\.priors\.indx: power-law has no such parameter.*allowed: index"),
    (
        "model.priors.index",
        {"gauss": {}},
        r"^model\.priors\.index: unknown distribution; found 'gauss'; allowed: normal",
    ),
    ("model.priors.index", 2, r"^model\.priors\.index: not one distribution with its arguments; found 2"),
    (
        "model.priors.index",
        {"normal": {"mu": 2}},
        r"^model\.priors\.index\.normal: wrong arguments; found {'mu': 2}; allowed: exactly mu, sigma",
    ),
    (
        "model.priors.index",
        {"normal": {"mu": 2, "sigma": -1}},
        r"^model\.priors\.index\.normal: not positive; found -1",
    ),
    ("model.priors.index", {"normal": {"mu": [1], "sigma": 1}}, r"^model\.priors\.index\.normal\.mu: not a number"),
    (
        "model.priors.amplitude",
        {"lognormal10": {"mu": 1e-11, "sigma": 1}},
        r"^model\.priors\.amplitude\.lognormal10\.mu: the unit is of the wrong kind; found 1e-11; allowed: a unit conv",
    ),
    ("background.prior", "flat", r"^background\.prior: unknown value; found 'flat'; allowed: pooled, independent"),
    (
        "background.alpha_uncertainty",
        "often",
        r"^background\.alpha_uncertainty: not a number with a unit; found 'often'; "
        r"allowed: a percentage above 0 %, below 100 %, or 'learned'",
    ),
    ("background.alpha_uncertainty", "120 %", r"^background\.alpha_uncertainty: out of range; found '120 %'"),
    ("systematics", {"energy_scale": "60 %"}, r"^systematics\.energy_scale: not a relative uncertainty; found 0\.6"),
    ("systematics", {"area_length": 2}, r"^systematics\.area_length: only with `effective_area`; found 2"),
    (
        "systematics",
        {"energy_scale": "10 %", "energy_scale_of": "night"},
        r"^systematics\.energy_scale_of: unknown value; found 'night'; allowed: instrument, run",
    ),
    ("background.shape_from", "guess", r"^background\.shape_from: unknown value; found 'guess'; allowed: irf"),
    (
        "background",
        {"prior": "independent", "shape_from": "irf"},
        r"^background\.shape_from: only with `prior: pooled`; found 'irf'",
    ),
    ("background.shape", 0.5, r"^background\.shape: only with `prior: independent`; found 0.5"),
    ("background.marginal", 1, r"^background\.marginal: not allowed; found 1; allowed: a valid boolean"),
    ("sampling.draws", "many", r"^sampling\.draws: not allowed; found 'many'; allowed: a valid integer"),
    ("sampling.draws", 0, r"^sampling\.draws: not allowed; found 0; allowed: greater than or equal to 4"),
    ("sampling.seed", -1, r"^sampling\.seed: not allowed; found -1"),
    ("sampling.target_accept", 1.0, r"^sampling\.target_accept: not allowed; found 1.0; allowed: less than 1"),
    (
        "sampling.sampler",
        "stan",
        r"^sampling\.sampler: unknown value; found 'stan'; allowed: nutpie, pymc, numpyro, bl",
    ),
    ("compare", ["power-low"], r"^compare\[0\]\.shape: unknown value; found 'power-low'; allowed: power-law"),
    ("flux_points.bins", 3, "^flux_points: min is missing"),
]


@pytest.mark.parametrize(("key", "value", "message"), REFUSED, ids=[f"{key}={value}" for key, value, _ in REFUSED])
def test_refused(tmp_path: Path, key: str, value: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load(tmp_path, changed(key, value))


def test_ogip_files_already_hold_regions_and_axes(tmp_path: Path) -> None:
    ogip = "observations: {ogip: [spectra/pha_*.fits]}\n"
    assert load(tmp_path, ogip).observations.ogip == (str(tmp_path / "spectra" / "pha_*.fits"),)
    with pytest.raises(ConfigError, match=r"^energy: already decided in the OGIP files"):
        load(tmp_path, ogip + "energy: {min: 1 TeV, max: 2 TeV, bins: 2}\n")
    with pytest.raises(ConfigError, match=r"^observations\.ids: only with `store`"):
        load(tmp_path, "observations: {ogip: [a.fits], ids: [1]}\n")
    with pytest.raises(ConfigError, match=r"^observations\.ogip: no files"):
        load(tmp_path, "observations: {ogip: []}\n")


@pytest.mark.parametrize(
    ("text", "kind", "key", "value"),
    [
        ("ellipse, center: {center}, width: 1 deg, height: 30 arcmin", "Ellipse", "height", 0.5),
        ("rectangle, center: {center}, width: 1 deg, height: 2 deg, angle: 30 deg", "Rectangle", "angle", 30),
        ("annulus, center: {center}, inner_radius: 1 deg, outer_radius: 2 deg", "CircleAnnulus", "inner_radius", 1),
    ],
)
def test_shapes(tmp_path: Path, text: str, kind: str, key: str, value: float) -> None:
    center = "{frame: galactic, lon: 347.3 deg, lat: -0.5 deg}"
    content = yaml.safe_load(MINIMAL)
    content["on_region"] = yaml.safe_load("{shape: " + text.replace("{center}", center) + "}")
    config = load(tmp_path, yaml.safe_dump(content))
    assert config.on_region is not None
    region = config.on_region.to_region()
    assert type(region).__name__ == f"{kind}SkyRegion"
    assert region.center.l.deg == pytest.approx(347.3)
    assert getattr(region, key).to_value("deg") == pytest.approx(value)
    assert Configuration.model_validate(config.to_dict()) == config


def test_polygon_and_point(tmp_path: Path) -> None:
    corners = [{"frame": "icrs", "lon": f"{lon} deg", "lat": f"{lat} deg"} for lon, lat in ((1, 1), (2, 1), (1, 2))]
    polygon = load(tmp_path, changed("on_region", {"shape": "polygon", "vertices": corners})).on_region
    assert polygon is not None
    np.testing.assert_allclose(polygon.to_region().vertices.ra.deg, [1, 2, 1])
    point = load(tmp_path, changed("on_region", {"shape": "point", "center": corners[0]})).on_region
    assert point is not None
    assert point.to_region().center.dec.deg == pytest.approx(1)


def test_region_files_and_masks(tmp_path: Path) -> None:
    (tmp_path / "two.reg").write_text("icrs\ncircle(83.63, 22.01, 0.3)\ncircle(84, 22, 0.1)\n", encoding="utf-8")
    text = MINIMAL + "exclusion: [{file: two.reg}, {shape: point, center: {frame: icrs, lon: 1 deg, lat: 1 deg}}]\n"
    config = load(tmp_path, text)
    assert [len(block.to_exclusion()) for block in config.exclusion] == [2, 1]
    assert config.exclusion[0].files == (tmp_path / "two.reg",)
    one = load(tmp_path, changed("on_region", {"file": "two.reg"})).on_region
    assert one is not None
    with pytest.raises(FileError, match=r"two\.reg: not one region; found '2 regions'; allowed: exactly one"):
        one.to_region()


def test_selection_of_runs(tmp_path: Path) -> None:
    text = MINIMAL.replace(
        "  ids: [1, 2]\n",
        "  target: Crab\n"
        "  cone: {center: {frame: icrs, lon: 83.63 deg, lat: 22.01 deg}, radius: 2 deg}\n"
        "  time: {start: 2004-12-04, stop: 2004-12-04T22:08:51.5}\n"
        "  zenith: {max: 50 deg}\n"
        "  quality: {allowed: [0, 1]}\n",
    )
    config = load(tmp_path, text)
    selection = config.observations.to_selection()
    assert selection.ids is None
    assert selection.target == ("Crab",)
    assert selection.zenith == (0.0, 50.0)
    assert selection.quality == ("QUALITY", (0, 1))
    assert selection.cone is not None
    assert selection.cone[1] == pytest.approx(2)
    assert selection.time is not None
    # 2004-12-04 is MJD 53343; TT is 64.184 s ahead of UTC then.
    assert selection.time[0] == pytest.approx(53343 + 64.184 / 86400, abs=1e-9)
    assert selection.time[1] == pytest.approx(53343 + (22 * 3600 + 8 * 60 + 51.5 + 64.184) / 86400, abs=1e-9)
    assert Configuration.model_validate(config.to_dict()) == config


def test_the_file_of_one_run_needs_no_ids(tmp_path: Path) -> None:
    (tmp_path / "run.fits").touch()
    text = MINIMAL.replace("  store: data\n  ids: [1, 2]\n", "  store: run.fits\n")
    assert load(tmp_path, text).observations.is_one_file


@pytest.mark.parametrize("value", ["night", {"width": "30 min"}, {"edges": ["2004-12-04", "2004-12-05", "2005-01-01"]}])
def test_grouping_in_time(tmp_path: Path, value: Any) -> None:
    config = load(tmp_path, changed("observations.grouping", value))
    config.observations.grouping.to_grouping()
    assert Configuration.model_validate(config.to_dict()) == config


def test_phases(tmp_path: Path) -> None:
    off = {"method": "phase", "on_phase": [0.9, 0.1], "off_phase": [[0.3, 0.4], [0.5, 0.6]]}
    settings = load(tmp_path, changed("reduction.off_regions", off)).reduction.to_settings()
    assert settings.on_phase == ((0.9, 0.1),)
    assert settings.off_phase == ((0.3, 0.4), (0.5, 0.6))


def test_too_few_draws_to_compare_models(tmp_path: Path) -> None:
    few = MINIMAL + "sampling: {draws: 20, chains: 4}\n"
    assert load(tmp_path, few).sampling.draws == 20
    with pytest.raises(
        ConfigError, match=r"^sampling\.draws: too few draws; found '80 in all chains'; allowed: at least 100"
    ):
        load(tmp_path, few + "compare: [log-parabola]\n")


def all_keys(block: type[BaseModel]) -> Iterator[str]:
    for name, field in block.model_fields.items():
        yield name
        for part in (field.annotation, *get_args(field.annotation)):
            if isinstance(part, type) and issubclass(part, BaseModel):
                yield from all_keys(part)


def test_every_key_is_documented() -> None:
    text = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text(encoding="utf-8")
    prose = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    documented = set(re.findall(r"\w+", " ".join(re.findall(r"`([^`]+)`", prose))))
    assert set(all_keys(Configuration)) - documented == set()


def test_equal_keys_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"^min: the key occurs twice; found 'again in line 10'"):
        load(tmp_path, MINIMAL.replace("min: 0.1 TeV,", "min: 0.1 TeV,\n  min: 0.2 TeV,"))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not a block of keys and values; found 'nothing'"),
        (b"- 1\n- 2\n", "not a block of keys and values; found 'list'"),
        (b"energy: {min: 1", "not valid YAML; found 'while parsing a flow mapping"),
        (b"[1, 2]: 3", "not valid YAML; found 'a key is not a word"),
        (b"name: \xff\xfe", "cannot be read as a text file"),
    ],
)
def test_files_that_are_no_configuration(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "crab.yaml"
    path.write_bytes(content)
    with pytest.raises(FileError, match=message):
        load_config(path)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(
        FileError, match=r"crab\.yaml: cannot be read as a text file; found 'No such file or directory'"
    ):
        load_config(tmp_path / "crab.yaml")


@pytest.mark.parametrize(("text", "value"), [("1 %", 0.01), ("learned", "learned")])
def test_uncertain_acceptance_ratio_is_read_and_written_back(tmp_path: Path, text: str, value: object) -> None:
    config = load(tmp_path, changed("background.alpha_uncertainty", text))
    assert config.background.to_background().alpha_uncertainty == value
    assert config.background.model_dump(mode="json")["alpha_uncertainty"] == text


def model_of(folder: Path, text: str) -> SpectralModel:
    return load(folder, MINIMAL + f"model: {text}\n").model.to_model()


def test_a_line_on_a_power_law_is_read_and_written_back(tmp_path: Path) -> None:
    text = (
        "{shape: sum, reference: 2 TeV, components: [power-law, "
        "{shape: gaussian, name: line, fixed: {mean: 500 GeV}, "
        "priors: {sigma: {normal: {mu: 0.1 TeV, sigma: 0.01 TeV}}}}]}"
    )
    config = load(tmp_path, MINIMAL + f"model: {text}\ncompare: [power-law]\n")
    model = config.model.to_model()
    assert model.parameter_names == ("amplitude", "index", "line_amplitude", "line_sigma")
    assert model.fixed == {"line_mean": pytest.approx(0.5)}
    assert model.priors["line_sigma"] == Normal(0.1, 0.01)
    assert [part.reference for part in model.components] == [2.0, 2.0]
    assert list(config.to_models()) == ["power-law + gaussian", "power-law"]
    again = Configuration.model_validate(config.to_dict())
    assert again.model.to_model() == model
    assert [m.reference for m in again.to_models().values()] == [2.0, 2.0]


def test_a_piecewise_factor_and_a_template_from_a_file(tmp_path: Path) -> None:
    lines = ["# energy [TeV] dnde [cm-2 s-1 TeV-1]", "0.1 1e-9", "10 1e-13"]
    (tmp_path / "t.txt").write_text("\n".join(lines))
    components = "[{shape: template, file: t.txt, fixed: {norm: 1}}, {shape: piecewise-norm, nodes: [300 GeV, 3 TeV]}]"
    text = f"{{shape: product, components: {components}}}"
    config = load(tmp_path, MINIMAL + f"model: {text}\n")
    assert config.to_models()["template * piecewise-norm"].parameter_names == ("norm_0", "norm_1")
    assert config.model_files == (tmp_path / "t.txt",)
    assert Configuration.model_validate(config.to_dict()).model.to_model() == config.model.to_model()


def test_absorption_keeps_the_redshifts_it_needs(tmp_path: Path) -> None:
    pytest.importorskip("ebltable")
    template = "{{shape: product, components: [power-law, {{shape: ebl-absorption, ebl: dominguez, {}}}]}}"
    model = model_of(tmp_path, template.format("fixed: {redshift: 0.116}"))
    assert model.parameter_names == ("amplitude", "index")
    assert len(model.components[1].table.redshift) == 8
    model = model_of(tmp_path, template.format("priors: {redshift: {uniform: {lower: 0.1, upper: 0.4}}}"))
    assert model.parameter_names == ("amplitude", "index", "redshift")
    assert 20 < len(model.components[1].table.redshift) <= 30


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{shape: power-law-norm}", r"^model\.shape: a factor, no spectrum; found 'power-law-norm'"),
        ("{shape: sum}", r"^model\.components: sum needs it; allowed: components"),
        ("{shape: power-law, nodes: [1 TeV, 2 TeV]}", r"^model\.nodes: power-law has no such key"),
        ("{shape: sum, components: [power-law, {shape: gauss}]}", r"^model\.components\[1\]\.shape: unknown value"),
        (
            "{shape: sum, components: [power-law, gaussian], priors: {index: {}}}",
            r"^model\.priors: stands in the components",
        ),
        ("{shape: product, components: [power-law, gaussian]}", r"^model\.components: a product of two spectra"),
        ("{shape: gaussian, name: 1}", r"^model\.name: not allowed"),
        ("{shape: gaussian, name: a b}", r"^model\.name: not usable before the names of parameters; found 'a b'"),
        ("{shape: gaussian, fixed: {mean: 1 cm}}", r"^model\.fixed\.mean: the unit is of the wrong kind; found '1 cm'"),
        ("{shape: gaussian, fixed: {mu: 1 TeV}}", r"^model\.fixed\.mu: gaussian has no such parameter"),
        ("{shape: gaussian, fixed: {mean: yes}}", r"^model\.fixed\.mean: not a number with a unit"),
        ("{shape: gaussian, fixed: {mean: -1 TeV}}", r"^model\.fixed\.mean: not a possible value; found -1"),
        ("{shape: template, file: none.fits}", r"^model\.file: the file cannot be read \(.*none\.fits"),
        ("{shape: template, ebl: dominguez}", r"^model\.ebl: template has no such key"),
        ("{shape: piecewise-norm, nodes: [2 TeV, 1 TeV]}", r"^model\.nodes: not a list of rising numbers"),
        (
            "{shape: ebl-absorption, ebl: domingues}",
            r"^model\.ebl: unknown value; found 'domingues'; allowed: dominguez",
        ),
    ],
)
def test_models_that_are_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load(tmp_path, MINIMAL + f"model: {text}\n")


@pytest.mark.parametrize(
    ("block", "by", "scatter"),
    [("night", "night", 0.7), ({"scatter": 0.5}, "run", 0.5), ({"by": "bins", "width": "30 min"}, "bins", 0.7)],
)
def test_light_curve(write_config: Callable[..., Path], block: object, by: str, scatter: float) -> None:
    chosen = load_config(write_config({"light_curve": block})).light_curve
    assert chosen is not None
    assert chosen.by == by
    assert chosen.to_grouping().by == by
    assert chosen.to_population().scatter.to_dict() == {"halfnormal": {"sigma": scatter}}


def test_light_curve_of_bins_without_bins(write_config: Callable[..., Path]) -> None:
    with pytest.raises(ConfigError, match=r"not one description of time bins"):
        load_config(write_config({"light_curve": "bins"}))


def test_systematics_are_read_and_written_back(tmp_path: Path) -> None:
    block = {"energy_scale": "15 %", "effective_area": "5 %", "energy_scale_of": "run"}
    config = load(tmp_path, changed("systematics", block))
    assert config.systematics.to_systematics() == Systematics(0.15, 0.05, energy_scale_of="run")
    assert config.to_dict()["systematics"] == block
    assert not load(tmp_path, changed("name", "plain")).systematics.to_systematics()
