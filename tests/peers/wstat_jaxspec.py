"""Print WSTAT of OGIP spectra as jaxspec reads them, as JSON: ``wstat_jaxspec.py AMPLITUDE INDEX PHA...``.

Run by an interpreter that has jaxspec; see `tests/spectra/test_ogip_peers.py`.
"""

import json
import sys

import numpy as np
from jaxspec.data import ObsConfiguration
from profiled import power_law_photons, wstat

amplitude, index = map(float, sys.argv[1:3])
totals = []
for path in sys.argv[3:]:
    run = ObsConfiguration.from_pha_file(path)
    edges = np.append(run.e_min_unfolded.values, run.e_max_unfolded.values[-1]) / 1e9
    signal = run.transfer_matrix.data.todense() @ power_law_photons(edges, amplitude, index)
    on, off = run.folded_counts.values, run.folded_background.values
    totals.append(float(wstat(on, off, run.folded_backratio.values, signal).sum()))
sys.stdout.write(json.dumps(totals))
