import json
from itertools import pairwise

import astropy.units as u
import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from astropy.io import fits
from astropy.table import QTable, Table

from bayes_onoff.errors import FileError, InputError
from bayes_onoff.models import (
    EBL_MODELS,
    OpticalDepth,
    SpectralModel,
    TemplateSpectrum,
    Uniform,
    optical_depth,
    photons,
    read_optical_depth,
    read_template,
)
from tests.models.test_shapes import adaptive

ENERGY = np.array([0.03, 0.1, 0.5, 1, 3, 10, 30])
REDSHIFT = np.array([0.05, 0.1, 0.2, 0.4])
TAU = 6 * REDSHIFT * ENERGY[:, None] ** 0.8
DEPTH = OpticalDepth(tuple(ENERGY), tuple(REDSHIFT), tuple(map(tuple, TAU)), "made up")
TRY = np.array([0.1, 0.7, 1.0, 3.0, 20.0])


def absorption(table: OpticalDepth = DEPTH, **fixed: float) -> SpectralModel:
    return SpectralModel("ebl-absorption", table=table, fixed=fixed)


@pytest.mark.parametrize(
    ("redshift", "expected"),
    [
        (0.1, [0.8921577521, 0.5698970867, 0.486752256, 0.1765905023, 0.0001879731069]),
        (0.2, [0.7959454547, 0.3247826894, 0.2369277587, 0.03118420548, 3.533388894e-08]),
    ],
)
def test_absorption_is_that_of_gammapy(redshift, expected):
    found = absorption(redshift=redshift, alpha_norm=1.2).dnde(TRY, {})
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_absorption_is_at_most_1_and_none_at_redshift_0():
    energies = np.geomspace(1e-4, 1e4, 50)
    assert np.all(absorption(redshift=0.3).dnde(energies, {}) <= 1)
    np.testing.assert_array_equal(absorption(redshift=0.0).dnde(energies, {}), 1)


def test_an_absorbed_spectrum_is_integrated_between_the_points_of_the_table():
    model = SpectralModel("power-law", fixed={"amplitude": 1e-11, "index": 2.2}) * absorption(redshift=0.15)
    edges = np.geomspace(0.05, 100, 41)
    expected = np.array([adaptive(model, {}, *pair) for pair in pairwise(edges)])
    seen = expected > 1e-13 * expected.max()
    np.testing.assert_allclose(photons(model, {}, edges)[seen], expected[seen], rtol=1e-6)


def curved_depth() -> OpticalDepth:
    """Tau that rises faster than redshift."""
    redshift = np.linspace(0.02, 0.6, 25)
    tau = 6 * (redshift + redshift**2) * ENERGY[:, None] ** 0.8
    return OpticalDepth(tuple(ENERGY), tuple(redshift), tuple(map(tuple, tau)), "made up")


def test_the_redshift_may_be_free():
    """Value and gradient, NumPy, PyTensor and finite differences; the gradient has no steps."""
    table = curved_depth()
    prior = {"redshift": Uniform(0.0, 0.5), "alpha_norm": Uniform(0.5, 1.5)}
    model = SpectralModel("power-law") * SpectralModel("ebl-absorption", priors=prior, table=table)
    edges = np.geomspace(0.05, 20, 12)
    values = {"amplitude": 1.0, "index": 2.2, "redshift": 0.21, "alpha_norm": 0.9}
    assert model.parameter_names == tuple(values)
    symbols = {name: pt.dscalar(name) for name in values}
    flux = photons(model, symbols, edges, xp=pt)
    run = pytensor.function(
        list(symbols.values()),
        [flux, *pytensor.grad(flux.sum(), list(symbols.values()))],
        mode=pytensor.compile.mode.Mode(linker="py"),
    )
    value, *gradient = run(*values.values())
    np.testing.assert_allclose(value, photons(model, values, edges), rtol=1e-12)
    for name, derivative in zip(values, gradient, strict=True):
        step = 1e-5
        sides = [photons(model, values | {name: values[name] + shift}, edges).sum() for shift in (-step, step)]
        assert derivative == pytest.approx((sides[1] - sides[0]) / (2 * step), rel=1e-6)
    redshift = np.linspace(0.1, 0.4, 301)
    exact = 6 * (redshift + redshift**2) * 3.0**0.8
    depth = -np.log(
        SpectralModel("ebl-absorption", priors=prior, table=table).dnde(
            np.array(3.0), {"redshift": redshift, "alpha_norm": 1.0}
        )
    )
    np.testing.assert_allclose(depth, exact, rtol=1e-4)
    slopes = np.gradient(depth, redshift)
    assert np.abs(np.diff(slopes)).max() < 1.5 * np.diff(np.gradient(exact, redshift)).max()


def test_a_table_is_thinned_around_the_redshift():
    table = curved_depth().near(0.3, 0.3)
    assert len(table.redshift) == 8
    dense, thin = (absorption(each, redshift=0.3).dnde(TRY, {}) for each in (curved_depth(), table))
    np.testing.assert_allclose(np.log(thin), np.log(dense), rtol=1e-3)


def test_a_model_with_a_table_is_plain_data():
    model = SpectralModel("power-law") * absorption(redshift=0.1)
    assert SpectralModel.from_dict(json.loads(json.dumps(model.to_dict()))) == model


@pytest.mark.parametrize("name", EBL_MODELS)
def test_models_of_ebltable(name):
    tables = pytest.importorskip("ebltable.tau_from_model")
    assert set(EBL_MODELS) == set(tables.OptDepth.get_models())
    whole = optical_depth(name)
    energies = np.array([0.1, 0.3, 1.0, 3.0, 10.0])
    for near in (0.03, 0.116, 0.5):
        redshift = min(whole.redshift, key=lambda z: abs(z - near))
        expected = tables.OptDepth.readmodel(name).opt_depth(np.array([redshift]), energies)
        depth = -np.log(absorption(whole.near(redshift, redshift), redshift=redshift).dnde(energies, {}))
        np.testing.assert_allclose(depth, expected, rtol=0.01, atol=1e-3)


def test_what_ebltable_is_asked_for():
    with pytest.raises(InputError, match="ebl: unknown model; found 'domingues'; allowed: franceschini"):
        optical_depth("domingues")
    with pytest.raises(InputError, match=r"model\.redshift: neither a prior nor a value"):
        SpectralModel("ebl-absorption", table=DEPTH)


def write_xspec(path, tau=TAU, unit=None):
    """A table model as gammapy's, with a redshift listed twice."""
    ratio = 1.02
    energies = Table({"ENERG_LO": ENERGY * 1e9 / ratio, "ENERG_HI": ENERGY * 1e9 * ratio})
    if unit:
        energies = Table(
            {name: energies[name] * (1 * u.keV).to_value(unit) * u.Unit(unit) for name in energies.colnames}
        )
    order = [0, 1, 1, 2, 3]
    spectra = Table({"PARAMVAL": REDSHIFT[order], "INTPSPEC": np.exp(-tau.T[order])})
    parameters = Table({"NAME": ["REDSHIFT"], "VALUE": [REDSHIFT]})
    tables = (("PARAMETERS", parameters), ("ENERGIES", energies), ("SPECTRA", spectra))
    hdus = [fits.table_to_hdu(table) for _, table in tables]
    for (name, _), hdu in zip(tables, hdus, strict=True):
        hdu.name = name
    fits.HDUList([fits.PrimaryHDU(), *hdus]).writeto(path)
    return path


@pytest.mark.parametrize("unit", [None, "GeV"])
def test_xspec_tables_are_read(tmp_path, unit):
    table = read_optical_depth(write_xspec(tmp_path / "ebl.fits.gz", unit=unit))
    np.testing.assert_allclose(table.energy, ENERGY, rtol=1e-12)
    np.testing.assert_allclose(table.redshift, REDSHIFT, rtol=1e-12)
    np.testing.assert_allclose(np.array(table.tau), np.minimum(TAU, 87.33654), rtol=1e-7)


def test_tables_of_ebltable_are_read(tmp_path):
    grid = Table({"REDSHIFT": [0.0, *REDSHIFT], "OPT_DEPTH": np.vstack([np.zeros(len(ENERGY)), TAU.T])})
    energies = QTable({"ENERGY": ENERGY * 1000 * u.GeV})
    hdus = [fits.table_to_hdu(Table(table)) for table in (grid, energies)]
    hdus[0].name, hdus[1].name = "TAU_VS_Z", "ENERGIES"
    fits.HDUList([fits.PrimaryHDU(), *hdus]).writeto(tmp_path / "tau.fits")
    table = read_optical_depth(tmp_path / "tau.fits")
    np.testing.assert_allclose(np.array(table.tau), TAU)
    np.testing.assert_allclose(table.energy, ENERGY)


def test_damaged_tables_are_refused(tmp_path):
    with pytest.raises(FileError, match=r"ebl\.fits \[SPECTRA\]: not a transmission; found '.* to 7\.38"):
        read_optical_depth(write_xspec(tmp_path / "ebl.fits", tau=np.where(TAU < 1, -2, TAU) * 1.0))
    with pytest.raises(FileError, match="the file cannot be read"):
        read_optical_depth(tmp_path / "none.fits")


TEMPLATE = QTable({"energy": [0.1, 1, 10] * u.TeV, "dnde": [1e-9, 2e-11, 1e-13] * u.Unit("cm-2 s-1 TeV-1")})
EXPECTED = TemplateSpectrum((0.1, 1, 10), (1e-9, 2e-11, 1e-13), "t")


@pytest.mark.parametrize("form", ["t.ecsv", "t.fits", "t.txt", "swapped.ecsv"])
def test_templates_are_read(tmp_path, form):
    path = tmp_path / form
    if form == "t.txt":
        lines = ["# energy [GeV] dnde [m-2 s-1 GeV-1]", "100 1e-8", "1000 2e-10", "10000 1e-12"]
        path.write_text("\n".join(lines))
    elif form == "swapped.ecsv":
        table = TEMPLATE[::-1]
        table["error"] = table["dnde"] / 10
        table[["error", "dnde", "energy"]].write(path)
    else:
        TEMPLATE.write(path)
    found = read_template(path)
    np.testing.assert_allclose(found.energy, EXPECTED.energy)
    np.testing.assert_allclose(found.dnde, EXPECTED.dnde)
    assert found.name == form


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.txt", "1 2\n3 4", "no units; allowed: a line such as"),
        ("t.txt", "# energy [TeV] dnde [m]\n1 2\n3 4", "not a tabulated spectrum; found .t.txt: dnde: the unit is of"),
        ("t.txt", "# energy [TeV] dnde [cm-2 s-1 TeV-1]\n1 2\n3 -4", "not a positive flux at every energy"),
        ("t.ecsv", "no table", "not a tabulated spectrum"),
    ],
)
def test_what_is_no_template_is_refused(tmp_path, name, content, message):
    (tmp_path / name).write_text(content)
    with pytest.raises(FileError, match=message):
        read_template(tmp_path / name)


def test_a_template_can_be_tilted():
    model = SpectralModel("template", 2.0, {}, {"norm": 3.0, "tilt": 0.2}, table=EXPECTED)
    assert model.dnde(1.0, {}) == pytest.approx(3 * 2e-11 * 0.5**-0.2)
