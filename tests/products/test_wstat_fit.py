from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from astropy.table import Table

from bayes_onoff.axes import EnergyAxis
from bayes_onoff.errors import InputError
from bayes_onoff.models import SHAPES, SpectralModel, photons
from bayes_onoff.products.wstat_fit import WstatFit, fit_wstat, wstat_table
from bayes_onoff.reduction import Reduction, ReductionSettings
from bayes_onoff.spectra import Spectra, SpectrumOnOff, fold, read_ogip_files, stack, with_fit_range, wstat

PL, ECPL, LP = (SpectralModel(name) for name in ("power-law", "exp-cutoff-power-law", "log-parabola"))
TRUTH = {"amplitude": 3e-11, "index": 2.4}


def expected_counts(model: SpectralModel, values: dict[str, float], spectra: Spectra) -> np.ndarray:
    return fold(photons(model, values, spectra.energy_true.edges), spectra.response)


def total_wstat(spectra: Spectra, model: SpectralModel, values: dict[str, float]) -> float:
    signal = expected_counts(model, values, spectra)
    return float(wstat(spectra.n_on, spectra.n_off, spectra.alpha, signal)[spectra.mask].sum())


@pytest.fixture(scope="module")
def simulate() -> Callable[..., Spectra]:
    """Two runs of a given spectrum; the counts are the whole numbers nearest to the expected ones."""

    def make(model: SpectralModel = PL, values: dict[str, float] = TRUTH, background: float = 50.0) -> Spectra:
        energy, energy_true = (
            EnergyAxis(np.geomspace(0.5, 50, 17)),
            EnergyAxis(np.geomspace(0.3, 100, 41), "energy_true"),
        )
        spread = np.log(energy_true.centers[:, None] / energy.centers) / 0.12
        edisp = np.exp(-0.5 * spread**2)
        run = SpectrumOnOff(
            name="1",
            energy=energy,
            energy_true=energy_true,
            n_on=0,
            n_off=np.round(background * energy.centers**-1.5),
            acceptance=1.0,
            acceptance_off=12.0,
            exposure=2e13 * energy_true.centers**0.5,
            edisp=edisp / edisp.sum(axis=1, keepdims=True),
            livetime=1500.0,
            mask_safe=energy.centers > 0.6,
        )
        signal = expected_counts(model, values, Spectra((run,)))[0]
        observed = run.replace(n_on=np.round(signal + run.alpha * run.n_off))
        return Spectra((observed, observed.replace(name="2", mask_safe=energy.centers > 0.8)))

    return make


@pytest.fixture(scope="module")
def crab(reduce_crab: Callable[..., Reduction]) -> Spectra:
    """The set-up of the point-source tutorial."""
    return reduce_crab().spectra


@pytest.fixture(scope="module")
def joint_crab(gammapy_data: Path) -> Callable[[str], Spectra]:
    def read(instrument: str) -> Spectra:
        return read_ogip_files(sorted((gammapy_data / "joint-crab/spectra" / instrument).glob("pha_obs*.fits")))

    return read


def assert_published(
    fit: WstatFit, stat: float, values: dict[str, tuple[float, float]], stat_margin: float = 0.02
) -> None:
    """Total W, and each value within 0.02 of its error, the error within 2 %."""
    assert fit.success, fit.message
    assert fit.stat == pytest.approx(stat, abs=stat_margin)
    for name, (value, error) in values.items():
        assert fit.values[name] == pytest.approx(value, abs=0.02 * error)
        assert fit.errors[name] == pytest.approx(error, rel=0.02)


@pytest.mark.parametrize(
    ("model", "stat", "values"),
    [
        (PL, 124.412007, {"index": (2.587644, 0.058672), "amplitude": (2.6903207e-11, 1.234292e-12)}),
        (
            ECPL,
            116.024506,
            {
                "index": (2.2717301, 0.1360163),
                "amplitude": (3.0648451e-11, 2.234172e-12),
                "lambda_": (0.113203, 0.048722),
            },
        ),
        (
            LP,
            117.276498,
            {"amplitude": (2.823935e-11, 1.416443e-12), "alpha": (2.340321, 0.113987), "beta": (0.173977, 0.071007)},
        ),
    ],
)
def test_the_joint_fit_of_the_crab_is_gammapys(crab, model, stat, values):
    assert_published(fit_wstat(crab, model), stat, values)


def test_disjoint_off_regions_move_the_fit_little(crab, reduce_crab):
    """The default placement beside gammapy's overlapping one: these numbers are in docs/measurements.md."""
    overlapping, disjoint = fit_wstat(crab, PL), fit_wstat(reduce_crab(ReductionSettings()).spectra, PL)
    assert disjoint.stat == pytest.approx(123.145, abs=0.002)
    for name, value, shift in (("amplitude", 2.68575e-11, -0.037), ("index", 2.58706, -0.010)):
        assert disjoint.values[name] == pytest.approx(value, rel=1e-5)
        moved = (disjoint.values[name] - overlapping.values[name]) / overlapping.errors[name]
        assert moved == pytest.approx(shift, abs=0.002)


def test_the_stacked_fit_of_the_crab_is_gammapys(crab):
    fit = fit_wstat(Spectra((stack(crab),)), PL)
    assert_published(fit, 29.88, {"index": (2.5912, 0.05881), "amplitude": (2.6933e-11, 1.234e-12)})
    assert fit.n_bins == 29


@pytest.mark.parametrize(
    ("model", "stat", "values"),
    [
        (PL, 156.992759, {"index": 2.7003, "amplitude": 4.5806e-11}),
        (ECPL, 150.573452, {"index": 2.3329, "amplitude": 4.9325e-11, "lambda_": 0.11219}),
        (LP, 152.041429, {"amplitude": 4.4748e-11, "alpha": 2.3528, "beta": 0.19198}),
    ],
)
def test_joint_crab_over_all_bins_is_gammapys(joint_crab, model, stat, values):
    fit = fit_wstat(joint_crab("hess"), model)
    assert fit.success
    assert fit.stat == pytest.approx(stat, abs=2e-4)
    for name, value in values.items():
        assert fit.values[name] == pytest.approx(value, abs=0.01 * fit.errors[name])


@pytest.mark.parametrize(
    ("instrument", "energies", "n_bins", "stat", "values"),
    [
        ("hess", (0.0, 30.0), 124, 143.222, ((4.4744e-11, 0.2870e-11), (2.3929, 0.1828), (0.3719, 0.2240))),
        ("magic", (0.08, 30.0), 100, 89.171, ((4.1455e-11, 0.2971e-11), (2.6004, 0.0950), (0.4425, 0.1116))),
    ],
)
def test_joint_crab_up_to_30_tev_is_the_published_fit(joint_crab, instrument, energies, n_bins, stat, values):
    """Nigro et al. (2019), A&A 625, A10: log-parabolas, curvature in log10."""
    fit = fit_wstat(with_fit_range(joint_crab(instrument), *energies), LP)
    assert fit.n_bins == n_bins
    assert fit.stat == pytest.approx(stat, abs=1e-3)
    found = {**fit.values, "beta": fit.values["beta"] * np.log(10)}
    errors = {**fit.errors, "beta": fit.errors["beta"] * np.log(10)}
    for name, (value, error) in zip(("amplitude", "alpha", "beta"), values, strict=True):
        assert found[name] == pytest.approx(value, abs=0.01 * error)
        assert errors[name] == pytest.approx(error, rel=0.03)


# Not a line, which these data do not show, nor a sharp break, in whose energy W is not smooth.
SMOOTH = [
    name for name, shape in SHAPES.items() if not shape.is_factor and name not in ("gaussian", "broken-power-law")
]


def test_a_factor_is_no_spectrum(simulate):
    with pytest.raises(InputError, match=r"model\.shape: a factor, no spectrum; found 'power-law-norm'"):
        fit_wstat(simulate(), SpectralModel("power-law-norm"))


@pytest.mark.parametrize("shape", SMOOTH)
def test_the_minimum_is_one_and_the_covariance_its_curvature(simulate, shape):
    spectra, model = simulate(ECPL, {**TRUTH, "lambda_": 0.1}), SpectralModel(shape)
    fit = fit_wstat(spectra, model)
    assert fit.success
    names = list(fit.values)
    assert fit.stat == pytest.approx(total_wstat(spectra, model, fit.values), rel=1e-12)
    np.testing.assert_allclose(np.sqrt(np.diag(fit.covariance)), list(fit.errors.values()))

    def shifted(**steps):
        return total_wstat(spectra, model, {n: v + steps.get(n, 0) * fit.errors[n] for n, v in fit.values.items()})

    step = 0.02
    second = np.empty((len(names), len(names)))
    for i, a in enumerate(names):
        assert shifted(**{a: step}) > fit.stat
        assert shifted(**{a: -step}) > fit.stat
        second[i, i] = (shifted(**{a: step}) - 2 * fit.stat + shifted(**{a: -step})) / step**2
        for j, b in enumerate(names[:i]):
            corners = [sa * sb * shifted(**{a: sa * step, b: sb * step}) for sa in (-1, 1) for sb in (-1, 1)]
            second[i, j] = second[j, i] = sum(corners) / (4 * step**2)
    errors = np.array(list(fit.errors.values()))
    np.testing.assert_allclose(
        2 * np.linalg.inv(second), fit.covariance / np.outer(errors, errors), rtol=2e-3, atol=2e-3
    )


def test_the_start_does_not_matter(simulate):
    spectra = simulate()
    best = fit_wstat(spectra, PL)
    for start in ({"index": 7.0}, {"index": -3.0}, {"amplitude": 1e-4}, {"amplitude": 1e-15, "index": 4.0}):
        fit = fit_wstat(spectra, PL, start)
        assert fit.success, (start, fit.message)
        for name, value in best.values.items():
            assert fit.values[name] == pytest.approx(value, abs=1e-4 * best.errors[name])


def test_only_analysed_bins_count(simulate):
    spectra = simulate()
    n_on = spectra.n_on.copy()
    n_on[~spectra.mask] += 1000
    changed = Spectra(tuple(run.replace(n_on=on) for run, on in zip(spectra, n_on, strict=True)))
    fit = fit_wstat(changed, PL)
    assert fit.values == fit_wstat(spectra, PL).values
    assert fit.n_bins == spectra.mask.sum()


def test_without_a_signal_the_fit_says_so(simulate):
    spectra = simulate()
    empty = Spectra(tuple(run.replace(n_on=np.floor(0.8 * run.alpha * run.n_off)) for run in spectra))
    fit = fit_wstat(empty, PL)
    assert not fit.success
    assert "no minimum" in fit.message or "towards its limit 0" in fit.message
    assert np.isnan(list(fit.errors.values())).all()
    assert np.isnan(fit.covariance).all()


def test_a_cutoff_that_is_not_there_is_not_measured(simulate):
    hardening = simulate(LP, {"amplitude": 3e-11, "alpha": 2.6, "beta": -0.2})
    fit = fit_wstat(hardening, ECPL)
    assert not fit.success
    assert fit.message == "lambda_ runs towards its limit 0: the data do not determine it"
    fit = fit_wstat(hardening, SpectralModel("exp-cutoff-power-law-3fgl"))
    assert not fit.success
    assert fit.message == "ecut grows without limit: the data do not determine it"


def test_every_amplitude_of_a_sum_starts_at_the_excess(simulate):
    model = SpectralModel("power-law", fixed={"index": 2.0}) + SpectralModel(
        "power-law", name="soft", fixed={"index": 4.0}
    )
    truth = {"amplitude": 3e-8, "soft_amplitude": 2e-8}
    fit = fit_wstat(simulate(model, truth), model)
    assert fit.success, fit.message
    assert fit.values == pytest.approx(truth, rel=0.01)


@pytest.mark.parametrize(
    ("start", "message"),
    [
        ({"gamma": 2}, "start: no such parameter; found 'gamma'; allowed: amplitude, index"),
        ({"amplitude": -1e-11}, r"start.amplitude: no possible start; found -1e-11"),
        ({"index": np.nan}, r"start.index: no possible start; found nan"),
    ],
)
def test_a_senseless_start_is_refused(simulate, start, message):
    with pytest.raises(InputError, match=message):
        fit_wstat(simulate(), PL, start)


def test_nothing_to_fit_is_refused(simulate):
    spectra = Spectra(tuple(run.replace(mask_safe=False) for run in simulate()))
    with pytest.raises(InputError, match="wstat fit: no bin to fit; found '1, 2'; allowed: a bin inside the mask"):
        fit_wstat(spectra, PL)


def test_the_table_has_the_columns_of_the_contract(simulate, tmp_path):
    spectra = simulate()
    stacked = Spectra((stack(spectra),))
    fits = {"joint": [fit_wstat(spectra, model) for model in (PL, LP)], "stacked": [fit_wstat(stacked, PL)]}
    table = wstat_table(fits)
    identity = ["model", "reference", "fixed", "dataset"]
    assert table.colnames == [*identity, "parameter", "value", "error", "unit", "stat", "success"]
    assert table["model"].tolist() == ["power-law"] * 2 + ["log-parabola"] * 3 + ["power-law"] * 2
    assert table["dataset"].tolist() == ["joint"] * 5 + ["stacked"] * 2
    assert table["parameter"].tolist() == ["amplitude", "index", "amplitude", "alpha", "beta", "amplitude", "index"]
    assert table["unit"].tolist()[:2] == ["TeV-1 cm-2 s-1", ""]
    assert table["value"][1] == fits["joint"][0].values["index"]
    assert table["stat"][-1] == fits["stacked"][0].stat
    assert table["success"].all()
    table.write(tmp_path / "wstat.ecsv")
    again = Table.read(tmp_path / "wstat.ecsv")
    np.testing.assert_array_equal(again["value"], table["value"])
    assert again["parameter"].tolist() == table["parameter"].tolist()
    assert len(wstat_table({})) == 0


def test_rows_of_one_shape_are_told_apart(simulate, tmp_path):
    models = [PL, SpectralModel("power-law", reference=2.0), SpectralModel("power-law", fixed={"index": 2.5})]
    table = wstat_table({"joint": [fit_wstat(simulate(), model) for model in models]})
    assert table["reference"].unit == "TeV"
    assert table["reference"].tolist() == [1, 1, 2, 2, 1]
    assert table["fixed"].tolist() == [""] * 4 + ["index = 2.5"]
    table.write(tmp_path / "wstat.ecsv")
    assert Table.read(tmp_path / "wstat.ecsv")["fixed"].tolist()[-1] == "index = 2.5"
    table = table[:4]
    first, second = table[table["parameter"] == "amplitude"]
    assert second["value"] == pytest.approx(first["value"] * 2.0 ** -table["value"][1], rel=1e-3)
