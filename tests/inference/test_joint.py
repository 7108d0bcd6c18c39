"""Several instruments, one spectrum: the density is that of the parts, and what is sampled serves each instrument."""

import numpy as np
import pymc as pm
import pytest

from bayes_onoff.errors import FileError, InputError
from bayes_onoff.inference import (
    BackgroundModel,
    Instrument,
    JointPosterior,
    Population,
    Posterior,
    SamplerSettings,
    Systematics,
    compile_joint,
    compute_evidence,
    fit_joint,
)
from bayes_onoff.inference.fit_data import FitData
from bayes_onoff.inference.pymc_model import Block, build_joint_model, build_model
from bayes_onoff.models import HalfNormal, SpectralModel, photons
from bayes_onoff.products import (
    bin_table,
    fit_wstat_joint,
    instrument_agreement,
    parameter_table,
    predictive_residuals,
    prior_sensitivity,
    variance_decomposition,
)
from bayes_onoff.spectra import fold, read_ogip_files, with_fit_range

MODEL = SpectralModel("power-law")
MARGINAL = BackgroundModel("independent", marginal=True)
SCALE = Systematics(energy_scale=0.1)
BOTH = Systematics(energy_scale=0.1, effective_area=0.05, energy_scale_of="run")


def log_density(model: pm.Model, point: dict[str, np.ndarray]) -> float:
    with model:
        compiled = model.compile_logp(mode="FAST_COMPILE")
    return float(compiled({value.name: point[value.name] for value in model.value_vars}))


def test_the_joint_density_is_the_product_of_its_parts(make_spectra):
    """Of three instruments with other runs, bins, backgrounds and systematics; the shared prior counts once."""
    parts = {
        "one": (make_spectra(seed=1), BackgroundModel(), SCALE),
        "two": (make_spectra(seed=2, n_runs=3, n_bins=6), MARGINAL, BOTH),
        "three": (make_spectra(seed=3, n_runs=1), BackgroundModel(alpha_uncertainty=0.01), Systematics()),
    }
    blocks = {name: Block(FitData.from_spectra(spectra), *rest) for name, (spectra, *rest) in parts.items()}
    joint = build_joint_model(blocks, MODEL)
    rng = np.random.default_rng(1)
    point = {name: value + rng.normal(0, 0.1, np.shape(value)) for name, value in joint.initial_point().items()}
    shared = {name: value for name, value in point.items() if "::" not in name}
    with pm.Model() as prior:
        for name, stated in MODEL.priors.items():
            from bayes_onoff.inference.pymc_model import random_variable

            random_variable(name, stated)
    expected = -2 * log_density(prior, shared)
    for name, block in blocks.items():
        alone = build_model(block.data, MODEL, block.background, block.systematics)
        own = {key.removeprefix(f"{name}::"): value for key, value in point.items()}
        expected += log_density(alone, own)
    assert log_density(joint, point) == pytest.approx(expected, rel=1e-12)


@pytest.fixture(scope="module")
def instruments(make_spectra):
    return {
        "one": Instrument(make_spectra(seed=1, off_level=20.0), MARGINAL, SCALE),
        "two": Instrument(make_spectra(seed=2, n_runs=1, n_bins=6, off_level=20.0), MARGINAL, BOTH),
    }


@pytest.fixture(scope="module")
def compiled(instruments):
    return compile_joint(instruments, MODEL)


@pytest.fixture(scope="module")
def joint(compiled):
    return compiled.fit(SamplerSettings(draws=600, tune=600, chains=2, seed=3), progress=False)


def test_each_instrument_has_an_ordinary_posterior(joint, instruments):
    assert list(joint.instruments) == ["one", "two"]
    for name, posterior in joint.instruments.items():
        assert isinstance(posterior, Posterior)
        assert posterior.systematics == instruments[name].systematics
        for parameter, draws in joint.values.items():
            np.testing.assert_array_equal(posterior.values[parameter], draws)
        draws = posterior.tree["posterior"]
        mask = posterior.tree["constant_data"]["mask"].values
        assert draws["npred_signal"].shape[2:] == mask.shape == draws["npred_off"].shape[2:]
        assert len(bin_table(posterior)) == mask.sum()
        residuals = predictive_residuals(posterior)["standardised"].values
        assert np.nanmax(np.abs(residuals)) < 5
        assert posterior.convergence is joint.convergence
        np.testing.assert_array_equal(posterior.tree["prior"]["index"], joint.instruments["one"].tree["prior"]["index"])
    assert joint.instruments["one"].tree["posterior"]["energy_scale"].dims == ("chain", "draw")
    two = joint.instruments["two"].tree["posterior"]
    assert two["energy_scale"].dims == ("chain", "draw", "run")
    assert two["area_shift"].dims == ("chain", "draw", "area_node")
    names = parameter_table(joint.instruments["two"])["parameter"].tolist()
    assert "energy_scale[1]" in names
    assert any(name.startswith("area_shift[") for name in names)
    sensitivity = prior_sensitivity(joint.instruments["one"])
    assert sensitivity["prior_background"].max() < 0.05


def test_the_posterior_is_where_the_profile_is(joint, instruments):
    """Plenty of counts: medians within half a standard deviation of the WSTAT fit with penalties, errors alike."""
    fit = fit_wstat_joint(instruments, MODEL)
    for name, draws in joint.values.items():
        assert abs(np.median(draws) - fit.values[name]) < 0.5 * draws.std(), name
        assert draws.std() == pytest.approx(fit.errors[name], rel=0.25), name
    scale = joint.instruments["one"].tree["posterior"]["energy_scale"].values
    assert abs(np.median(scale) - fit.values["one::energy_scale"]) < 0.5 * scale.std()
    assert scale.std() == pytest.approx(fit.errors["one::energy_scale"], rel=0.2)


def test_the_variance_is_shared_out(joint):
    table = variance_decomposition(joint)
    shares = np.array([list(row)[3:] for row in table.iterrows()])
    np.testing.assert_allclose(shares.sum(axis=1), 1)
    assert np.all(shares >= 0)
    amplitude = table[table["parameter"] == "amplitude"][0]
    # z of 10 % common to both, with index 2.4: about (1.4 * 0.1)^2 / 2 of the variance of ln(amplitude).
    assert amplitude["log"]
    assert amplitude["energy_scale"] > 0.3
    assert amplitude["acceptance_ratio"] == 0
    assert table.meta["instruments"] == "one, two"


def test_a_joint_posterior_is_one_file(joint, tmp_path):
    path = joint.save(tmp_path / "joint.nc")
    loaded = JointPosterior.load(path)
    assert loaded.convergence == joint.convergence
    assert loaded.settings == joint.settings
    for name, posterior in joint.instruments.items():
        again = loaded.instruments[name]
        assert again.systematics == posterior.systematics
        assert again.background == posterior.background
        for group, node in posterior.tree.children.items():
            for variable, values in node.data_vars.items():
                np.testing.assert_array_equal(values, again.tree[group][variable], err_msg=f"{name}/{group}/{variable}")
    with pytest.raises(FileError, match="a posterior of several instruments"):
        Posterior.load(path)
    single = joint.instruments["one"].save(tmp_path / "one.nc")
    assert Posterior.load(single).systematics == SCALE
    with pytest.raises(FileError, match="a posterior of one instrument"):
        JointPosterior.load(single)


def test_other_counts_need_no_compiling_and_other_shapes_are_refused(compiled, make_spectra, monkeypatch):
    monkeypatch.setattr("bayes_onoff.inference.joint.compile_model", None)
    settings = SamplerSettings(draws=20, tune=50, chains=1, seed=1)
    other = make_spectra(seed=8, off_level=20.0)
    again = compiled.fit(settings, spectra={"one": other}, progress=False)
    np.testing.assert_array_equal(again.instruments["one"].spectra.n_on, other.n_on)
    with pytest.raises(InputError, match="spectra of two: the spectra differ in shape"):
        compiled.fit(settings, spectra={"two": other}, progress=False)
    with pytest.raises(InputError, match="no such instrument; found 'three'; allowed: one, two"):
        compiled.fit(settings, spectra={"three": other}, progress=False)


def test_an_amplitude_and_scales_that_many_counts_tie_together_are_sampled_well(compiled, make_spectra):
    """In their narrow valley, learning only the widths gave 272 effective draws, from twice the steps."""
    many = {
        "one": make_spectra(seed=1, off_level=20.0, flux=4.0),
        "two": make_spectra(seed=2, n_runs=1, n_bins=6, off_level=20.0, flux=4.0),
    }
    settings = SamplerSettings(draws=600, tune=600, chains=2, seed=3)
    posterior = compiled.fit(settings, spectra=many, progress=False).instruments["one"]
    assert posterior.spectra.n_on.sum() > 1500
    assert posterior.convergence.ess_bulk_min > 500


@pytest.fixture(scope="module")
def disagreeing(make_spectra):
    """Two instruments, of which one takes the flux for three times as much; many counts each."""
    found = {
        name: Instrument(make_spectra(seed=5, n_runs=1, off_level=20.0, flux=factor), MARGINAL)
        for name, factor in (("one", 1.0), ("two", 3.0))
    }
    settings = SamplerSettings(draws=600, tune=600, chains=2, seed=4)
    return fit_joint(found, MODEL, settings, among=Population(), progress=False)


def test_instruments_that_disagree_are_told_apart(disagreeing, tmp_path):
    table = instrument_agreement(disagreeing)
    factor = {row["instrument"]: row for row in table}
    assert 2 < factor["two"]["flux_factor"] / factor["one"]["flux_factor"] < 4
    assert table.meta["bayes_factor"] > 3
    assert table.meta["scatter_median"] > 0.2
    assert table.meta["sentence"].startswith("The fluxes of the instruments")
    for posterior in disagreeing.instruments.values():
        group = posterior.tree["posterior"]
        assert group["flux_factor"].dims == ("chain", "draw")
        assert {"scatter", "flux_factor"} <= set(parameter_table(posterior)["parameter"].tolist())
        # The expected counts are those of the spectrum times the factor.
        data = FitData.from_spectra(posterior.spectra)
        expected = fold(photons(MODEL, posterior.values, data.energy_true.edges), data.response)
        expected = expected * group["flux_factor"].values[..., None, None]
        np.testing.assert_allclose(group["npred_signal"].values, expected, rtol=1e-10)
        prior = posterior.tree["prior"]
        log_factor = np.log(prior["flux_factor"].values) + prior["scatter"].values ** 2 / 2
        assert np.std(log_factor / prior["scatter"].values) == pytest.approx(1, rel=0.1)
    loaded = JointPosterior.load(disagreeing.save(tmp_path / "among.nc"))
    assert loaded.among == disagreeing.among
    assert instrument_agreement(loaded).meta["sentence"] == table.meta["sentence"]


def test_one_instrument_of_several_has_no_evidence(disagreeing, joint):
    with pytest.raises(InputError, match="fitted together with two"):
        compute_evidence(disagreeing.instruments["one"])
    with pytest.raises(InputError, match="made to see the same flux"):
        instrument_agreement(joint)


def test_populations_that_are_refused(instruments):
    with pytest.raises(InputError, match="one instrument has none to differ from"):
        compile_joint({"one": instruments["one"]}, MODEL, Population())
    with pytest.raises(InputError, match="instruments differ in their flux alone"):
        compile_joint(instruments, MODEL, Population(index_scatter=HalfNormal(0.2)))


@pytest.mark.slow
def test_the_posterior_of_joint_crab(gammapy_data):
    """MAGIC and H.E.S.S. with energy scales of 15 %, pooled backgrounds, beside WSTAT with penalties."""
    instruments = {}
    for name, low in {"magic": 0.08, "hess": 0.0}.items():
        files = sorted((gammapy_data / "joint-crab/spectra" / name).glob("pha_obs*.fits"))
        spectra = with_fit_range(read_ogip_files(files), low, 30.0)
        instruments[name] = Instrument(spectra, systematics=Systematics(energy_scale=0.15))
    model = SpectralModel("log-parabola")
    joint = fit_joint(instruments, model, SamplerSettings(seed=1), progress=False)
    assert joint.convergence.converged, joint.convergence.sentence
    assert joint.convergence.divergences == 0
    profile = fit_wstat_joint(instruments, model)
    for name, draws in joint.values.items():
        # The pooled background moves the curvature of MAGIC's spectrum by half an error.
        assert abs(np.median(draws) - profile.values[name]) < draws.std(), name
        assert draws.std() == pytest.approx(profile.errors[name], rel=0.25), name
    for name, posterior in joint.instruments.items():
        scale = posterior.tree["posterior"]["energy_scale"].values
        assert abs(np.median(scale) - profile.values[f"{name}::energy_scale"]) < 0.5 * scale.std()
        assert scale.std() == pytest.approx(profile.errors[f"{name}::energy_scale"], rel=0.15)
    exact = fit_wstat_joint({name: Instrument(i.spectra) for name, i in instruments.items()}, model)
    for row in variance_decomposition(joint):
        name = row["parameter"]
        assert row["energy_scale"] == pytest.approx(1 - (exact.errors[name] / profile.errors[name]) ** 2, abs=0.08)
