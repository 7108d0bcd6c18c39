"""Print Sherpa's WSTAT of OGIP spectra for a power law, as JSON: ``wstat_sherpa.py AMPLITUDE INDEX PHA...``.

Run by an interpreter that has Sherpa; see `tests/spectra/test_ogip_peers.py`.
"""

import json
import logging
import sys

logging.disable(logging.WARNING)  # that it has no plotting and no XSPEC
from sherpa.astro import ui  # noqa: E402

amplitude, index = map(float, sys.argv[1:3])
ui.set_stat("wstat")
model = ui.powlaw1d("source")
model.ref, model.gamma, model.ampl = 1e9, index, amplitude / 1e9  # keV
totals = []
for number, path in enumerate(sys.argv[3:], start=1):
    ui.load_pha(number, path)
    ui.set_analysis(number, "energy")
    ui.ignore_bad(number)
    ui.set_source(number, model)
    totals.append(float(ui.calc_stat(number)))
sys.stdout.write(json.dumps(totals))
