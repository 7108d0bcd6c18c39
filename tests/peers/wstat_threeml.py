"""Print WSTAT of OGIP spectra as 3ML reads them, as JSON: ``wstat_threeml.py AMPLITUDE INDEX PHA...``.

Run by an interpreter that has threeML; see `tests/spectra/test_ogip_peers.py`.
"""

import contextlib
import io
import json
import os
import sys
import warnings
from pathlib import Path

import numpy as np
from profiled import power_law_photons, wstat

warnings.simplefilter("ignore")
with contextlib.redirect_stdout(io.StringIO()):
    from threeML.plugins.OGIPLike import OGIPLike

amplitude, index = map(float, sys.argv[1:3])
totals = []
for path in map(Path, sys.argv[3:]):
    os.chdir(path.parent)  # it looks for companions in the current folder
    with contextlib.redirect_stdout(io.StringIO()):
        run = OGIPLike("run", observation=path.name)
    photons = power_law_photons(run.response.monte_carlo_energies / 1e9, amplitude, index)
    signal = run.response.matrix @ photons * run.exposure
    values = wstat(run.observed_counts, run.background_counts, np.full(len(signal), run.scale_factor), signal)
    totals.append(float(values[run.mask].sum()))
sys.stdout.write(json.dumps(totals))
