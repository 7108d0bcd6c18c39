"""Read an OGIP spectrum with Sherpa and write it as Sherpa does: ``rewrite_sherpa.py PHA NEW_PHA``.

Run by an interpreter that has Sherpa; see `tests/spectra/test_ogip_peers.py`.
"""

import logging
import os
import sys
import warnings
from pathlib import Path

logging.disable(logging.WARNING)
warnings.simplefilter("ignore")
from sherpa.astro import ui  # noqa: E402

source, target = map(Path, sys.argv[1:3])
ui.load_pha(1, str(source))
os.chdir(target.parent)
ui.save_arf(1, source.name.replace("pha", "arf"), ascii=False)
ui.save_rmf(1, source.name.replace("pha", "rmf"))
ui.save_pha(1, source.name.replace("pha", "bkg"), bkg_id=1, ascii=False)
ui.save_pha(1, target.name, ascii=False)
