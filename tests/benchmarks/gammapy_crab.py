"""gammapy's side of the race: reduction, power-law fit and 10 flux points. Run it in gammapy's own environment."""

import os
import time

START = time.perf_counter()

import astropy.units as u
import numpy as np
from astropy.coordinates import SkyCoord
from gammapy.data import DataStore
from gammapy.datasets import Datasets, SpectrumDataset
from gammapy.estimators import FluxPointsEstimator
from gammapy.makers import ReflectedRegionsBackgroundMaker, SafeMaskMaker, SpectrumDatasetMaker
from gammapy.maps import Map, MapAxis, RegionGeom
from gammapy.modeling import Fit
from gammapy.modeling.models import PowerLawSpectralModel, SkyModel
from regions import CircleSkyRegion

IMPORTED = time.perf_counter()


def reduce() -> Datasets:
    target = SkyCoord(83.63, 22.01, unit="deg")
    exclusion = CircleSkyRegion(SkyCoord(183.604, -8.708, unit="deg", frame="galactic"), 0.5 * u.deg)
    geometry = Map.create(npix=(150, 150), binsz=0.05, skydir=target.galactic, proj="TAN", frame="icrs").geom
    mask = geometry.region_mask([exclusion], inside=False)
    energy = MapAxis.from_energy_bounds(0.1, 40, 40, unit="TeV", name="energy")
    energy_true = MapAxis.from_energy_bounds(0.05, 100, 200, unit="TeV", name="energy_true")
    geom = RegionGeom(CircleSkyRegion(target, 0.11 * u.deg), axes=[energy])
    empty = SpectrumDataset.create(geom=geom, energy_axis_true=energy_true)
    maker = SpectrumDatasetMaker(containment_correction=False, selection=["counts", "exposure", "edisp"])
    background = ReflectedRegionsBackgroundMaker(exclusion_mask=mask)
    safe = SafeMaskMaker(methods=["aeff-max"], aeff_percent=10)
    datasets = Datasets()
    store = DataStore.from_dir(os.environ["GAMMAPY_DATA"] + "/hess-dl3-dr1")
    for observation in store.get_observations([23523, 23526, 23559, 23592]):
        dataset = maker.run(empty.copy(name=str(observation.obs_id)), observation)
        datasets.append(safe.run(background.run(dataset, observation), observation))
    return datasets


datasets = reduce()
REDUCED = time.perf_counter()
spectrum = PowerLawSpectralModel(index=2, amplitude=2e-11 * u.Unit("cm-2 s-1 TeV-1"), reference=1 * u.TeV)
datasets.models = [SkyModel(spectral_model=spectrum, name="crab")]
result = Fit().run(datasets)
FITTED = time.perf_counter()
edges = np.geomspace(0.7, 30, 11) * u.TeV
FluxPointsEstimator(energy_edges=edges, source="crab", selection_optional=["errn-errp", "ul"]).run(datasets)
END = time.perf_counter()
assert abs(result.total_stat - 124.41) < 0.02
print(
    f"import {IMPORTED - START:.2f} reduce {REDUCED - IMPORTED:.2f} fit {FITTED - REDUCED:.2f} "
    f"flux points with limits {END - FITTED:.2f}"
)
