import json
from itertools import pairwise

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bayes_onoff.errors import InputError
from bayes_onoff.models import Normal, NormNodes, SpectralModel, energy_flux, photons
from tests.models.spectra_to_try import GAMMAPY, free_model
from tests.models.test_shapes import adaptive

EDGES = np.geomspace(0.1, 50, 28)


def filled(model: SpectralModel, prefix: str = "") -> SpectralModel:
    """The model with gammapy's test values fixed."""
    values = {f"{prefix}{name}": value for name, value in GAMMAPY[model.shape_name][0].items()}
    return model.changed({}, values)


POWER_LAW = filled(free_model("power-law"))
BROKEN = filled(free_model("broken-power-law"))
LINE = filled(free_model("gaussian", name="line"), "line_").changed({}, {"line_sigma": 0.02})
CUT = filled(free_model("exp-cutoff-power-law-norm"))
PIECES = filled(free_model("piecewise-norm"))
COMPOSED = {
    "line on a power law": POWER_LAW + LINE,
    "cut break": BROKEN * CUT,
    "kinks that are fixed and that move": BROKEN * PIECES,
    "sum in a product": (POWER_LAW + LINE) * PIECES,
    "line times factor": LINE * CUT,
    "kinks of three": LINE * CUT * PIECES,
}


@pytest.mark.parametrize("model", COMPOSED.values(), ids=COMPOSED)
def test_photons_and_energy_flux_of_a_composition_are_the_integrals(model):
    for power, found in ((0, photons(model, {}, EDGES)), (1, energy_flux(model, {}, EDGES))):
        expected = np.array([adaptive(model, {}, *pair, power) for pair in pairwise(EDGES)])
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-12 * expected.max())


@given(energy=st.floats(0.1, 50))
def test_dnde_is_the_sum_and_the_product(energy):
    parts = POWER_LAW.dnde(energy, {}), LINE.dnde(energy, {}), PIECES.dnde(energy, {})
    assert ((POWER_LAW + LINE) * PIECES).dnde(energy, {}) == pytest.approx((parts[0] + parts[1]) * parts[2], rel=1e-12)


def test_numpy_and_pytensor_agree_in_value_and_gradient():
    """All parameters free, with kinks of both kinds and the pieces of a line between them."""
    model = (SpectralModel("broken-power-law") + SpectralModel("gaussian")) * SpectralModel(
        "piecewise-norm", table=NormNodes((0.3, 1, 10))
    )
    edges = np.geomspace(0.1, 50, 6)
    values = {
        "amplitude": 3.0,
        "index1": 1.8,
        "index2": 3.1,
        "ebreak": 0.9,
        "norm_0": 0.5,
        "norm_1": 2.0,
        "norm_2": 0.8,
    }
    values |= {"line_amplitude": 2.0, "line_mean": 0.8, "line_sigma": 0.3}
    values = {name: values[name] for name in model.parameter_names}
    symbols = {name: pt.dscalar(name) for name in values}
    weights = np.linspace(1, 2, 5)
    flux = photons(model, symbols, edges, xp=pt)
    outputs = [flux, *pytensor.grad((flux * weights).sum(), list(symbols.values()))]
    run = pytensor.function(
        list(symbols.values()), outputs, mode=pytensor.compile.mode.Mode(linker="py", optimizer="fast_compile")
    )
    value, *gradient = run(*values.values())
    np.testing.assert_allclose(value, photons(model, values, edges), rtol=1e-12)
    for name, derivative in zip(values, gradient, strict=True):
        step = 1e-5 * values[name]
        sides = [photons(model, values | {name: values[name] + shift}, edges) @ weights for shift in (-step, step)]
        assert derivative == pytest.approx((sides[1] - sides[0]) / (2 * step), rel=1e-6)


def test_names_of_parameters_stay_unique_and_readable():
    line = SpectralModel("gaussian", priors={"mean": Normal(1.0, 0.1)})
    model = SpectralModel("power-law") + line + line + SpectralModel("power-law", name="bright")
    assert model.parameter_names == (
        *("amplitude", "index", "line_amplitude", "line_mean", "line_sigma"),
        *("line_2_amplitude", "line_2_mean", "line_2_sigma", "bright_amplitude", "bright_index"),
    )
    assert model.priors["line_2_mean"] == Normal(1.0, 0.1)
    assert model.parameters[2].label == "$A$ (line)"
    assert model.label == "power-law + gaussian + gaussian + power-law"
    assert r"\right]_\mathrm{line}" in model.formula
    named = SpectralModel("gaussian", name="line", priors={"mean": Normal(1.0, 0.1)})
    assert (SpectralModel("power-law") + named).priors["line_mean"] == Normal(1.0, 0.1)


@pytest.mark.parametrize("model", COMPOSED.values(), ids=COMPOSED)
def test_a_composition_is_plain_data(model):
    again = SpectralModel.from_dict(json.loads(json.dumps(model.to_dict())))
    assert again == model
    np.testing.assert_array_equal(photons(again, {}, EDGES), photons(model, {}, EDGES))


def test_values_are_fixed_and_freed():
    model = SpectralModel("smooth-broken-power-law")
    assert "beta" not in model.parameter_names
    assert model.fixed == {"beta": 1.0}
    freed = SpectralModel("smooth-broken-power-law", priors={"beta": Normal(1, 0.1)}, fixed={"index1": 2})
    assert freed.parameter_names == ("amplitude", "index2", "ebreak", "beta")
    assert freed.changed({"index1": Normal(2, 1)}, {"beta": 0.3}).fixed == {"beta": 0.3}
    assert freed.identity != model.identity
    assert freed.identity == freed.changed({"beta": Normal(2, 0.1)}).identity


def test_priors_and_values_of_a_composition_are_changed_in_its_components():
    model = SpectralModel("power-law") + SpectralModel("gaussian", fixed={"mean": 1.0})
    changed = model.changed({"index": Normal(2, 0.1), "line_mean": Normal(3, 0.2)}, {"line_sigma": 0.02})
    assert changed.priors["index"] == changed.components[0].priors["index"] == Normal(2, 0.1)
    assert changed.priors["line_mean"] == Normal(3, 0.2)
    assert changed.fixed == {"line_sigma": 0.02}
    assert changed.parameter_names == ("amplitude", "index", "line_amplitude", "line_mean")
    assert changed.priors["line_amplitude"] == model.priors["line_amplitude"]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: SpectralModel("power-law") * SpectralModel("gaussian"), "a product of two spectra; found 'power-law"),
        (lambda: SpectralModel("power-law") + SpectralModel("power-law-norm"), "a sum of a spectrum and a factor"),
        (lambda: SpectralModel("sum", components=(SpectralModel("gaussian"),)), "fewer than two components; found 1"),
        (lambda: SpectralModel("power-law", components=(LINE, LINE)), "only a sum or a product has components"),
        (lambda: SpectralModel("template"), "a table is missing; found 'template without one'"),
        (lambda: SpectralModel("power-law", fixed={"indx": 2}), r"model\.fixed\.indx: power-law has no such parameter"),
        (lambda: SpectralModel("power-law", fixed={"index": np.nan}), r"model\.fixed\.index: not a possible value"),
        (
            lambda: SpectralModel("gaussian", fixed={"sigma": -1}),
            r"model\.fixed\.sigma: not a possible value; found -1",
        ),
        (
            lambda: SpectralModel("power-law", priors={"index": Normal(2, 1)}, fixed={"index": 2}),
            r"model\.fixed\.index: both a prior and a value",
        ),
        (
            lambda: SpectralModel("sum", components=(LINE, POWER_LAW), fixed={"mean": 1}),
            r"model\.mean: no component has such a parameter",
        ),
        (lambda: (POWER_LAW + LINE).shape, "a composition is not one shape"),
        (lambda: NormNodes((1.0, 0.5)), r"model\.nodes: not a list of rising numbers"),
        (lambda: NormNodes((-1.0, 0.5)), r"model\.nodes: not a positive energy; found -1"),
    ],
)
def test_what_is_no_composition_is_refused(make, message):
    with pytest.raises(InputError, match=message):
        make()
