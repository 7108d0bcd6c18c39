"""Real sampling: against exact grids, against each other, and the same again for the same seed."""

import arviz_stats as azs
import numpy as np
import pytest
from scipy import stats

from bayes_onoff.errors import InputError
from bayes_onoff.inference import BackgroundModel, Posterior, SamplerSettings, compile_analysis, fit, fit_bands
from bayes_onoff.inference.bands import bands_of_bins, compile_bands
from bayes_onoff.inference.fit_data import FitData
from bayes_onoff.inference.sampling import compile_model
from bayes_onoff.models import SpectralModel
from bayes_onoff.products import fit_wstat
from bayes_onoff.spectra import read_ogip_files, with_fit_range

# Two-dimensional grid integration of the exact marginal likelihood on the four Crab runs; priors index ~ N(2.5, 1),
# log10(amplitude) ~ N(-10.5, 1). (shape, rate): (mean, sd) of index and of log10(amplitude).
GRID = {
    (0.5, 1e-3): ((2.59521, 0.05926), (-10.57199, 0.01997)),
    (1.0, 1e-9): ((2.60164, 0.05994), (-10.57325, 0.02001)),
}
QUICK = SamplerSettings(draws=300, tune=300, chains=2, seed=11)


def _assert_moments(draws, mean, sd):
    """Mean and standard deviation within 3 Monte-Carlo errors (and the grid's last digit)."""
    error_of_mean = float(azs.mcse(draws, method="mean"))
    error_of_sd = float(azs.mcse(draws, method="sd"))
    assert draws.mean() == pytest.approx(mean, abs=3 * error_of_mean + 1e-5)
    assert draws.std() == pytest.approx(sd, abs=3 * error_of_sd + 1e-5)


@pytest.mark.parametrize("marginal", [False, True], ids=["latent", "marginal"])
@pytest.mark.parametrize(("shape", "rate"), GRID)
def test_independent_posterior_is_the_grid(fit_crab, shape, rate, marginal):
    posterior = fit_crab(BackgroundModel("independent", shape, rate, marginal))
    assert posterior.convergence.converged, posterior.convergence.sentence
    assert posterior.convergence.divergences == 0
    (index_mean, index_sd), (amplitude_mean, amplitude_sd) = GRID[shape, rate]
    _assert_moments(posterior.values["index"], index_mean, index_sd)
    _assert_moments(np.log10(posterior.values["amplitude"]), amplitude_mean, amplitude_sd)


def test_pooled_latent_is_pooled_marginal(fit_crab):
    latent, marginal = (fit_crab(BackgroundModel("pooled", marginal=form)) for form in (False, True))
    for posterior in (latent, marginal):
        assert posterior.convergence.converged, posterior.convergence.sentence
        assert posterior.convergence.divergences == 0
    mask = latent.tree["constant_data"]["mask"].values

    def columns(posterior, name):
        draws = posterior.tree["posterior"][name].values
        draws = draws[..., mask] if name == "npred_off" else draws
        return draws.reshape(*draws.shape[:2], -1)

    for name in ("index", "amplitude", "slope", "level", "shape_scale", "deviation_scale", "npred_off"):
        one, other = columns(latent, name), columns(marginal, name)
        for column in range(one.shape[-1]):
            for method, moment in (("mean", np.mean), ("sd", np.std)):
                errors = [float(azs.mcse(draws[..., column], method=method)) for draws in (one, other)]
                difference = moment(one[..., column]) - moment(other[..., column])
                # A spectral parameter within 3 errors; of the 120 others the largest is looked at, so 4.5.
                limit = 3 if name in ("index", "amplitude") else 4.5
                assert abs(difference) < limit * np.hypot(*errors), (name, column, method)


def test_the_pooled_crab_is_where_wstat_is_and_as_wide_as_without_pooling(crab, fit_crab):
    """OFF counts are plenty here: pooling must neither shift nor narrow the spectrum."""
    pooled, independent = (fit_crab(BackgroundModel(prior)).values for prior in ("pooled", "independent"))
    best = fit_wstat(crab, SpectralModel("power-law")).values
    for name in ("index", "amplitude"):
        assert abs(np.median(pooled[name]) - best[name]) < 0.2 * pooled[name].std()
        assert pooled[name].std() == pytest.approx(independent[name].std(), rel=0.05)


@pytest.mark.parametrize(("instrument", "alpha", "beta10"), [("magic", 2.547, 0.382), ("hess", 2.38, 0.38)])
def test_joint_crab_log_parabolas_agree_with_a_penalised_likelihood(gammapy_data, instrument, alpha, beta10):
    """Up to 30 TeV; beside them the maximum of the likelihood with a smooth log-background shared by the runs.

    WSTAT gives beta10 = 0.443 for MAGIC, a flat prior on each rate 0.539.
    """
    files = sorted((gammapy_data / "joint-crab" / "spectra" / instrument).glob("pha_*.fits"))
    spectra = with_fit_range(read_ogip_files(files), 0.0, 30.0)
    settings = SamplerSettings(draws=600, tune=600, seed=3)
    values = fit(spectra, SpectralModel("log-parabola"), settings=settings, progress=False).values
    for name, expected in (("alpha", alpha), ("beta", beta10 / np.log(10))):
        assert abs(np.median(values[name]) - expected) < 0.3 * values[name].std()


def test_off_counts_are_used_once(make_spectra):
    """Without a signal the posterior of b is Gamma(n_off + n_on + shape, 1 + alpha + rate)."""
    spectra = make_spectra(off_level=3.0)
    dark = type(spectra)(tuple(run.replace(exposure=run.exposure * 1e-30) for run in spectra))
    background = BackgroundModel("independent", 0.7, 0.2)
    posterior = fit(dark, SpectralModel("power-law"), background, SamplerSettings(seed=3), progress=False)
    data = FitData.from_spectra(dark)
    rates = posterior.tree["posterior"]["npred_off"].values.reshape(-1, *data.mask.shape)
    shape = (data.n_off + data.n_on + 0.7)[data.mask]
    scale = 1 / (1 + data.alpha + 0.2)[data.mask]
    exact = stats.gamma(shape, scale=scale)
    rates = rates[:, data.mask]
    np.testing.assert_allclose(rates.mean(axis=0), exact.mean(), atol=4 * exact.std().max() / np.sqrt(2000))
    np.testing.assert_allclose(rates.std(axis=0), exact.std(), rtol=0.12)


@pytest.fixture(scope="module")
def analysis(spectra):
    return compile_analysis(spectra, SpectralModel("power-law"))


@pytest.fixture(scope="module")
def posterior(analysis, spectra):
    return analysis.fit(spectra, QUICK, progress=False)


def test_same_seed_same_draws(analysis, posterior, spectra):
    again = analysis.fit(spectra, QUICK, progress=False)
    for group in ("posterior", "prior", "posterior_predictive", "prior_predictive", "log_likelihood"):
        for name, values in posterior.tree[group].data_vars.items():
            np.testing.assert_array_equal(values, again.tree[group][name], err_msg=f"{group}/{name}")


def test_refitting_other_counts_compiles_nothing(analysis, make_spectra, monkeypatch):
    def refuse(*_args, **_kwargs):
        raise AssertionError("compiled again")

    monkeypatch.setattr("bayes_onoff.inference.analysis.compile_model", refuse)
    monkeypatch.setattr("bayes_onoff.inference.analysis.build_model", refuse)
    other = make_spectra(seed=99, off_level=20.0)
    refitted = analysis.fit(other, QUICK, progress=False)
    np.testing.assert_array_equal(refitted.spectra.n_on, other.n_on)
    fresh = compile_model_anew(other)
    for name in ("index", "amplitude"):
        np.testing.assert_allclose(refitted.values[name], fresh.values[name], rtol=1e-9)


def compile_model_anew(spectra):
    """The same fit with a model built for these counts from the start."""
    from bayes_onoff.inference.analysis import CompiledAnalysis
    from bayes_onoff.inference.pymc_model import build_model

    model, background = SpectralModel("power-law"), BackgroundModel()
    data = FitData.from_spectra(spectra)
    compiled = compile_model(build_model(data, model, background))
    return CompiledAnalysis(model, background, compiled, data).fit(spectra, QUICK, progress=False)


def test_other_shapes_are_refused(analysis, make_spectra):
    with pytest.raises(InputError, match=r"differ in shape .* found .\(run, energy\) = \(3, 8\)"):
        analysis.fit(make_spectra(n_runs=3), QUICK, progress=False)


def test_predictive_draws_carry_poisson_noise_in_on_and_off(posterior):
    predictive = posterior.tree["posterior_predictive"]
    draws = posterior.tree["posterior"]
    mask = posterior.tree["constant_data"]["mask"].values
    alpha = posterior.tree["constant_data"]["acceptance_ratio"].values
    expected = {
        "n_off": draws["npred_off"].values,
        "n_on": draws["npred_signal"].values + alpha * draws["npred_off"].values,
    }
    for name, mean in expected.items():
        counts = predictive[name].values
        assert counts.dtype.kind == "i"
        residual = (counts - mean)[..., mask]
        variance = mean[..., mask].mean(axis=(0, 1))
        np.testing.assert_allclose((residual**2).mean(axis=(0, 1)), variance, rtol=0.35)
        assert np.all(counts[..., ~mask] == 0)


def test_a_posterior_stands_on_its_own(posterior, tmp_path):
    path = posterior.save(tmp_path / "posterior.nc")
    loaded = Posterior.load(path)
    assert loaded.model == posterior.model
    assert loaded.background == posterior.background
    assert loaded.settings == posterior.settings
    assert loaded.convergence == posterior.convergence
    assert list(tmp_path.iterdir()) == [path]
    for group, node in posterior.tree.children.items():
        for name, values in node.data_vars.items():
            np.testing.assert_array_equal(values, loaded.tree[group][name], err_msg=f"{group}/{name}")
            assert values.attrs == loaded.tree[group][name].attrs
    for one, other in zip(posterior.spectra, loaded.spectra, strict=True):
        np.testing.assert_array_equal(one.edisp, other.edisp)
        np.testing.assert_array_equal(one.mask, other.mask)
        assert one.name == other.name


def test_the_file_opens_with_an_independent_reader(posterior, tmp_path):
    import netCDF4
    import xarray as xr

    path = posterior.save(tmp_path / "posterior.nc")
    with netCDF4.Dataset(path) as file:
        amplitude = file["posterior"]["amplitude"]
        assert amplitude.units == "TeV-1 cm-2 s-1"
        np.testing.assert_array_equal(amplitude[:], posterior.values["amplitude"])
        assert file["posterior"]["npred_off"].dimensions == ("chain", "draw", "run", "energy")
    tree = xr.open_datatree(path).load()
    assert float(azs.ess(tree["posterior"].to_dataset())["index"]) > 100


@pytest.mark.parametrize("content", [b"", b"not a file", None])
def test_damaged_files_are_refused(tmp_path, content):
    path = tmp_path / "posterior.nc"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=r"posterior\.nc: not a readable netCDF posterior"):
        Posterior.load(path)


def test_other_netcdf_files_are_refused(tmp_path):
    import xarray as xr

    path = tmp_path / "other.nc"
    xr.Dataset({"x": ("y", [1.0])}).to_netcdf(path, engine="netcdf4")
    with pytest.raises(InputError, match="not a posterior of this package"):
        Posterior.load(path)


def test_few_draws_do_not_converge(analysis, spectra):
    rushed = analysis.fit(spectra, SamplerSettings(draws=20, tune=10, chains=2, seed=1), progress=False)
    assert not rushed.convergence.converged
    assert "did not converge" in rushed.convergence.sentence


def test_pymc_sampler_gives_the_same_posterior(analysis, posterior, spectra):
    settings = SamplerSettings(draws=300, tune=300, chains=2, seed=4, sampler="pymc")
    other = analysis.fit(spectra, settings, progress=False)
    for name, draws in posterior.values.items():
        spread = draws.std()
        assert abs(draws.mean() - other.values[name].mean()) < 0.4 * spread


TRUTH = {"amplitude": 3e-11, "index": 2.4}
BAND_EDGES = np.array([0.8, 2.0, 6.0])


@pytest.fixture(scope="module")
def compiled_bands(spectra):
    background = BackgroundModel("independent", marginal=True)
    return compile_bands(spectra, SpectralModel("power-law"), TRUTH, BAND_EDGES, background)


def test_bands_recover_a_scaled_truth(compiled_bands, spectra):
    """The norms relative to the truth scatter around 1, and the outer bins keep the reference."""
    bands = compiled_bands.fit(spectra, SpectralModel("power-law"), TRUTH, BAND_EDGES, QUICK, progress=False)
    assert bands.norm.shape == (2, 300, 2)
    assert np.all(bands.norm >= 0)
    pull = (bands.norm.mean(axis=(0, 1)) - 1) / bands.norm.std(axis=(0, 1))
    assert np.all(np.abs(pull) < 3)
    assert set(bands.band_of_bin) == {-1, 0, 1}


def test_bands_of_another_reference_and_other_counts_need_no_compiling(compiled_bands, spectra):
    """Half the reference, twice the norm; and a run without counts has lower norms."""
    model, half = SpectralModel("power-law"), {**TRUTH, "amplitude": TRUTH["amplitude"] / 2}
    one = compiled_bands.fit(spectra, model, TRUTH, np.array([0.8, 2.0, 20.0]), QUICK, progress=False)
    two = compiled_bands.fit(spectra, model, half, np.array([0.8, 2.0, 20.0]), QUICK, progress=False)
    np.testing.assert_allclose(two.norm.mean((0, 1)), 2 * one.norm.mean((0, 1)), rtol=0.05)
    none = type(spectra)(tuple(run.replace(n_on=0 * run.n_on) for run in spectra))
    empty = compiled_bands.fit(none, model, TRUTH, BAND_EDGES, QUICK, progress=False)
    assert np.all(empty.norm.mean((0, 1)) < 0.2 * one.norm.mean((0, 1)))


def test_bands_of_another_shape_are_refused(compiled_bands, spectra):
    model = SpectralModel("power-law")
    with pytest.raises(InputError, match=r"differ in shape .* 1 bands'; allowed: .* 2 bands"):
        compiled_bands.fit(spectra, model, TRUTH, np.array([0.8, 2.0]), progress=False)


def test_bands_off_the_axis_are_refused(spectra):
    with pytest.raises(InputError, match="no flux-point band covers a fitted bin"):
        bands_of_bins(FitData.from_spectra(spectra), np.array([100.0, 200.0]))


def test_bands_without_signal_are_refused(make_spectra):
    hole = np.ones(8, dtype=bool)
    hole[3:5] = False
    spectra = make_spectra(n_runs=1)
    holed = type(spectra)(tuple(run.replace(mask_fit=hole) for run in spectra))
    edges = spectra.energy.edges[[1, 3, 5, 8]]
    with pytest.raises(InputError, match=r"flux_points: no analysed bin of this flux-point band .* found '1.99"):
        fit_bands(holed, SpectralModel("power-law"), {"amplitude": 3e-11, "index": 2.4}, edges, progress=False)


@pytest.mark.parametrize(
    ("n_runs", "n_bins", "off_level"),
    [(2, 8, 0.0), (1, 1, 4.0), (1, 1, 0.0)],
    ids=["OFF sets empty", "one bin", "one bin and no OFF count"],
)
def test_the_pooled_background_samples_where_off_says_little(make_spectra, n_runs, n_bins, off_level):
    spectra = make_spectra(n_runs=n_runs, n_bins=n_bins, off_level=off_level)
    posterior = fit(spectra, SpectralModel("power-law"), settings=SamplerSettings(seed=2), progress=False)
    assert posterior.convergence.divergences <= 4
    assert posterior.convergence.r_hat_max < 1.02
    names = ["level", "slope", "coefficient", "shape_scale", "deviation_scale"]
    effective = azs.ess(posterior.tree["posterior"].to_dataset()[names], method="bulk")
    assert min(float(values.min()) for values in effective.data_vars.values()) > 400


def test_nothing_to_fit_is_refused(spectra):
    empty = type(spectra)(tuple(run.replace(mask_fit=np.zeros(8, dtype=bool)) for run in spectra))
    with pytest.raises(InputError, match="no bin is left to fit"):
        fit(empty, SpectralModel("power-law"), progress=False)
