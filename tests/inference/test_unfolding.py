"""Where nodes lie, and that the coordinates of the sampler change nothing but the ease of sampling."""

from collections.abc import Callable

import numpy as np
import pymc as pm
import pytest
from pytensor.compile.mode import Mode

from bayes_onoff.errors import InputError
from bayes_onoff.inference import BackgroundModel, pymc_model, unfolding_model
from bayes_onoff.inference.fit_data import FitData
from bayes_onoff.inference.unfolded_coordinates import bend_arrays, bend_conditional, bend_names
from bayes_onoff.models import HalfNormal, Normal, SpectralModel
from bayes_onoff.spectra import Spectra

MARGINAL = BackgroundModel("independent", marginal=True)


def test_nodes_follow_the_fitted_bins_and_weights_the_response(spectra: Spectra) -> None:
    model = unfolding_model(spectra)
    edges = FitData.from_spectra(spectra).energy.edges
    table = model.table
    nodes = np.array(table.energy)  # type: ignore[union-attr]
    assert len(nodes) == 1 + round(5 * np.log10(edges[-1] / edges[0]))
    np.testing.assert_allclose(nodes[[0, -1]], edges[[0, -1]])
    np.testing.assert_allclose(np.diff(np.log(nodes), n=2), 0, atol=1e-12)
    assert nodes[0] < model.reference < nodes[-1]
    assert model.parameter_names == (
        "amplitude",
        "index",
        "roughness",
        *(f"bend_{j}" for j in range(1, len(nodes) - 1)),
    )


def test_counts_play_no_part_in_the_prior(spectra: Spectra, make_spectra: Callable[..., Spectra]) -> None:
    assert unfolding_model(spectra) == unfolding_model(make_spectra(seed=7))
    assert len(unfolding_model(spectra, nodes_per_decade=0.1).table.energy) == 3  # type: ignore[union-attr]
    rougher = unfolding_model(spectra, priors={"roughness": HalfNormal(2.0)})
    assert rougher.priors["roughness"] == HalfNormal(2.0)


def test_without_a_response_there_are_no_nodes(spectra: Spectra) -> None:
    blind = Spectra(tuple(run.replace(exposure=0 * run.exposure) for run in spectra))
    with pytest.raises(InputError, match=r"model\.weight"):
        unfolding_model(blind)


def test_only_plain_bends_of_one_unfolded_spectrum_are_rotated(spectra: Spectra) -> None:
    model = unfolding_model(spectra)
    assert bend_names(model) == tuple(f"bend_{j + 1}" for j in range(len(model.priors) - 3))
    assert bend_names(unfolding_model(spectra, priors={"bend_1": Normal(1.0, 1.0)})) == ()
    assert bend_names(model.changed({}, {"bend_1": 0.0})) == ()
    assert bend_names(SpectralModel("power-law")) == ()
    assert bend_names(model * SpectralModel("power-law-norm")) == ()


def test_the_rotated_density_is_the_plain_one(spectra: Spectra, monkeypatch: pytest.MonkeyPatch) -> None:
    """Point by point, with the Jacobian of the map: the same posterior, prior and all."""
    data, model = FitData.from_spectra(spectra), unfolding_model(spectra)
    arrays = bend_arrays(data, model)
    names = bend_names(model)
    np.testing.assert_allclose(arrays["bend_rotation"] @ arrays["bend_rotation"].T, np.eye(len(names)), atol=1e-12)
    rotated = pymc_model.build_model(data, model, MARGINAL)
    monkeypatch.setattr(pymc_model, "bend_names", lambda _: ())
    plain = pymc_model.build_model(data, model, MARGINAL)
    compiled = [each.compile_logp(mode=Mode(linker="py", optimizer="fast_compile")) for each in (rotated, plain)]
    rng = np.random.default_rng(2)
    differences = []
    for _ in range(4):
        start = rotated.initial_point()
        point = {name: value + 0.3 * rng.standard_normal(np.shape(value)) for name, value in start.items()}
        roughness = np.exp(point["roughness_log__"])
        conditional = bend_conditional(roughness, arrays)
        bends = arrays["bend_rotation"] @ conditional.parameter(point["bend_raw"])
        same = {name: value for name, value in point.items() if name != "bend_raw"}
        same |= {name: np.asarray(bend) for name, bend in zip(names, bends, strict=True)}
        differences.append(compiled[0](point) - compiled[1](same) - np.log(conditional.sd).sum())
    np.testing.assert_allclose(differences, 0, atol=1e-8)


def test_the_pooled_model_has_both_kinds_of_coordinates(spectra: Spectra) -> None:
    built = pymc_model.build_model(FitData.from_spectra(spectra), unfolding_model(spectra), BackgroundModel())
    assert {"bend_raw", "coefficient_raw"} <= {variable.name for variable in built.free_RVs}
    assert isinstance(built, pm.Model)
