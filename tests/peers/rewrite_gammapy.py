"""Read an OGIP spectrum with gammapy and write it as gammapy does: ``rewrite_gammapy.py PHA NEW_PHA [OTHER_PHA]``.

With another one, what is written is the stack of both. Run by an interpreter that has gammapy; see
`tests/spectra/test_ogip_peers.py`.
"""

import sys
import warnings

warnings.simplefilter("ignore")
from gammapy.datasets import SpectrumDatasetOnOff  # noqa: E402

source, target, *others = sys.argv[1:]
dataset = SpectrumDatasetOnOff.read(source)
for other in others:
    dataset.stack(SpectrumDatasetOnOff.read(other))
dataset.write(target, format="ogip", overwrite=True)
