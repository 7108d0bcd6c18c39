"""Other programs read our files and find our WSTAT.

Each runs in an environment of its own, named by a variable such as ``BAYES_ONOFF_GAMMAPY_PYTHON`` (its interpreter).
"""

import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

from bayes_onoff.models import SpectralModel, photons
from bayes_onoff.spectra import Spectra, fold, read_ogip_files, stack, with_fit_range, write_ogip, wstat

PEERS = Path(__file__).parent.parent / "peers"
VALUES = {"amplitude": 4.5e-11, "index": 2.6}


@pytest.fixture(scope="module", params=["GAMMAPY", "SHERPA", "JAXSPEC", "THREEML"])
def peer(request):
    """Run one of the programs on PHA files: its W of each."""
    interpreter = os.environ.get(f"BAYES_ONOFF_{request.param}_PYTHON")
    if not interpreter:
        pytest.skip(f"another program: set BAYES_ONOFF_{request.param}_PYTHON to an interpreter that has it")

    def run(paths):
        script = PEERS / f"wstat_{request.param.lower()}.py"
        command = [interpreter, str(script), *map(str, VALUES.values()), *map(str, paths)]
        result = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
        assert result.returncode == 0, result.stderr
        return np.array(json.loads(result.stdout.splitlines()[-1]))

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
