"""Other programs read our files and find our WSTAT, and we read theirs."""

import json

import numpy as np
import pytest

from bayes_onoff.models import SpectralModel, photons
from bayes_onoff.spectra import Spectra, fold, read_ogip_files, stack, with_fit_range, write_ogip, wstat
from tests.peers.other_programs import interpreter_of, run_script

VALUES = {"amplitude": 4.5e-11, "index": 2.6}


@pytest.fixture(scope="module", params=["GAMMAPY", "SHERPA", "JAXSPEC", "THREEML"])
def peer(request):
    """Run one of the programs on PHA files: its W of each."""
    interpreter = interpreter_of(request.param)

    def run(paths):
        output = run_script(interpreter, f"wstat_{request.param.lower()}.py", *VALUES.values(), *paths)
        return np.array(json.loads(output.splitlines()[-1]))

    run.name = request.param
    return run


def total_wstat(spectra):
    signal = fold(photons(SpectralModel("power-law"), VALUES, spectra.energy_true.edges), spectra.response)
    return np.where(spectra.mask, wstat(spectra.n_on, spectra.n_off, spectra.alpha, signal), 0).sum(axis=1)


@pytest.fixture(scope="module")
def hess(gammapy_data):
    return read_ogip_files(sorted((gammapy_data / "joint-crab/spectra/hess").glob("pha_obs*.fits")))


def test_the_runs_give_the_same_wstat(peer, hess, tmp_path):
    spectra = Spectra(tuple(run.replace(n_off_by_region=run.n_off[None], gti=[[53343.92, 53343.94]]) for run in hess))
    paths = [write_ogip(run, tmp_path)[0] for run in spectra]
    np.testing.assert_allclose(peer(paths), total_wstat(spectra), rtol=1e-9)


def test_the_fit_range_is_theirs_too(peer, hess, tmp_path):
    spectra = with_fit_range(hess, 1.0, 10.0)
    assert spectra.mask.sum() < hess.mask.sum()
    paths = [write_ogip(run, tmp_path)[0] for run in spectra]
    np.testing.assert_allclose(peer(paths), total_wstat(spectra), rtol=1e-9)


def test_the_stacked_spectrum_gives_the_same_wstat(peer, hess, tmp_path):
    if peer.name == "THREEML":
        pytest.skip("3ML refuses acceptances that vary with energy")
    spectra = Spectra((stack(hess),))
    # gammapy keeps acceptances in single precision
    np.testing.assert_allclose(peer([write_ogip(spectra.runs[0], tmp_path)[0]]), total_wstat(spectra), rtol=1e-7)


@pytest.mark.parametrize(("program", "single_precision"), [("GAMMAPY", False), ("SHERPA", True)])
@pytest.mark.parametrize(("instrument", "obs_id"), [("hess", 23523), ("magic", 5029747)])
def test_what_others_wrote_is_the_same_spectrum(gammapy_data, tmp_path, program, single_precision, instrument, obs_id):
    source = gammapy_data / f"joint-crab/spectra/{instrument}/pha_obs{obs_id}.fits"
    run_script(interpreter_of(program), f"rewrite_{program.lower()}.py", source, tmp_path / "new.fits")
    found, expected = read_ogip_files([tmp_path / "new.fits"]), read_ogip_files([source])
    for key in ("n_on", "n_off", "mask"):
        np.testing.assert_array_equal(getattr(found, key), getattr(expected, key), err_msg=key)
    tolerance = 1e-6 if single_precision else 1e-12
    np.testing.assert_allclose(found.alpha, expected.alpha, rtol=tolerance)
    np.testing.assert_allclose(found.response, expected.response, rtol=tolerance)
    assert found.names == expected.names
    np.testing.assert_allclose(total_wstat(found), total_wstat(expected), rtol=1e-5 if single_precision else 1e-9)


def test_a_stack_that_gammapy_wrote_has_its_wstat(gammapy_data, tmp_path):
    first, second = (gammapy_data / f"joint-crab/spectra/hess/pha_obs{run}.fits" for run in (23523, 23559))
    interpreter = interpreter_of("GAMMAPY")
    run_script(interpreter, "rewrite_gammapy.py", first, tmp_path / "new.fits", second)
    theirs = json.loads(run_script(interpreter, "wstat_gammapy.py", *VALUES.values(), tmp_path / "new.fits"))
    np.testing.assert_allclose(total_wstat(read_ogip_files([tmp_path / "new.fits"])), theirs, rtol=1e-7)


def test_objects_of_gammapy_are_taken_over(gammapy_data, tmp_path):
    """gammapy reduces a run; its object, and the file that it writes itself, are the same spectrum."""
    interpreter, store = interpreter_of("GAMMAPY"), gammapy_data / "hess-dl3-dr1"
    run_script(interpreter, "take_from_gammapy.py", tmp_path, store, 23523)
    theirs, ours = (read_ogip_files([tmp_path / name / "pha_obs23523.fits"]) for name in ("gammapy", "ours"))
    assert ours.n_on.sum() > 100
    for key in ("n_on", "n_off", "mask", "names"):
        np.testing.assert_array_equal(getattr(ours, key), getattr(theirs, key), err_msg=key)
    np.testing.assert_allclose(ours.alpha, theirs.alpha, rtol=1e-12)
    np.testing.assert_allclose(ours.response, theirs.response, rtol=1e-6)
    (ours_run,), (theirs_run,) = ours.runs, theirs.runs
    np.testing.assert_allclose(ours_run.gti, theirs_run.gti, atol=1e-8)
    assert ours_run.livetime == pytest.approx(theirs_run.livetime)
    np.testing.assert_allclose(total_wstat(ours), total_wstat(theirs), rtol=1e-6)
