"""Take spectra over from gammapy's objects, and write them: ``take_from_gammapy.py FOLDER STORE OBS_ID``.

What gammapy reduces from the run is written to FOLDER by gammapy (``gammapy/``) and by this package (``ours/``). Run
by an interpreter that has gammapy, with this package on its path; see `tests/spectra/test_ogip_peers.py`.
"""

import sys
import warnings
from pathlib import Path

warnings.simplefilter("ignore")
import astropy.units as u  # noqa: E402
from astropy.coordinates import SkyCoord  # noqa: E402
from gammapy.data import DataStore  # noqa: E402
from gammapy.datasets import Datasets, SpectrumDataset  # noqa: E402
from gammapy.makers import ReflectedRegionsBackgroundMaker, SafeMaskMaker, SpectrumDatasetMaker  # noqa: E402
from gammapy.maps import MapAxis, RegionGeom  # noqa: E402
from regions import CircleSkyRegion  # noqa: E402

from bayes_onoff.spectra import from_gammapy, write_ogip  # noqa: E402

folder, store, obs_id = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
observation = DataStore.from_dir(store).obs(obs_id)
region = CircleSkyRegion(SkyCoord(83.63, 22.01, unit="deg"), 0.11 * u.deg)
energy = MapAxis.from_energy_bounds(0.1 * u.TeV, 40 * u.TeV, 20)
energy_true = MapAxis.from_energy_bounds(0.05 * u.TeV, 100 * u.TeV, 40, name="energy_true")
empty = SpectrumDataset.create(RegionGeom.create(region, axes=[energy]), energy_axis_true=energy_true, name=str(obs_id))
maker = SpectrumDatasetMaker(selection=["counts", "exposure", "edisp"], containment_correction=True)
dataset = ReflectedRegionsBackgroundMaker().run(maker.run(empty, observation), observation)
dataset = SafeMaskMaker(methods=["aeff-max"], aeff_percent=10).run(dataset, observation)

for name in ("gammapy", "ours"):
    (folder / name).mkdir()
dataset.write(folder / "gammapy" / f"pha_obs{obs_id}.fits", format="ogip")
(spectrum,) = from_gammapy(Datasets([dataset]))
write_ogip(spectrum, folder / "ours")
