"""Print gammapy's WSTAT of OGIP spectra for a power law, as JSON: ``wstat_gammapy.py AMPLITUDE INDEX PHA...``.

Run by an interpreter that has gammapy; see `tests/spectra/test_ogip_peers.py`.
"""

import json
import sys

import astropy.units as u
from gammapy.datasets import SpectrumDatasetOnOff
from gammapy.modeling.models import PowerLawSpectralModel, SkyModel

amplitude, index = map(float, sys.argv[1:3])
spectrum = PowerLawSpectralModel(amplitude=amplitude * u.Unit("cm-2 s-1 TeV-1"), index=index, reference=1 * u.TeV)
model = SkyModel(spectrum, name="source")
totals = []
for path in sys.argv[3:]:
    dataset = SpectrumDatasetOnOff.read(path, format="ogip")
    dataset.models = [model]
    totals.append(float(dataset.stat_sum()))
sys.stdout.write(json.dumps(totals))
