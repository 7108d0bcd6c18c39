"""A small telescope whose response is known in closed form, written and read as real FITS files."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from regions import CircleSkyRegion

from bayes_onoff.axes import EnergyAxis
from bayes_onoff.dl3 import (
    GTI,
    DataStore,
    EffectiveArea,
    EnergyDispersion,
    Events,
    IrfAxis,
    Observation,
    PSFTable,
    TimeReference,
)
from bayes_onoff.dl3.writing import RunContent, write_store

REFERENCE = TimeReference(51910, 0.00074287037037037)
POINTING = SkyCoord(83.63, 21.51, unit="deg")
MakeRun = Callable[..., Observation]


@pytest.fixture(scope="session")
def circle() -> Callable[..., CircleSkyRegion]:
    def build(lon: float, lat: float, radius: float, frame: str = "icrs") -> CircleSkyRegion:
        return CircleSkyRegion(SkyCoord(lon, lat, unit="deg", frame=frame), radius * u.deg)

    return build


@pytest.fixture(scope="session")
def on_region(circle: Callable[..., CircleSkyRegion]) -> CircleSkyRegion:
    """0.5 deg north of the small telescope's pointing."""
    return circle(83.63, 22.01, 0.11)


@pytest.fixture(scope="session")
def axes() -> dict[str, EnergyAxis]:
    return {
        "energy": EnergyAxis.from_bounds(0.1 * u.TeV, 40 * u.TeV, 12),
        "energy_true": EnergyAxis.from_bounds(0.05 * u.TeV, 100 * u.TeV, 30, "energy_true"),
    }


def small_aeff() -> EffectiveArea:
    """Grows as energy^1 up to 1 TeV, constant above; falls linearly with the offset to a half at 2.5 deg."""
    energy, offset = IrfAxis.from_edges(np.geomspace(0.01, 100, 41), is_log=True), IrfAxis.from_nodes([0.0, 1.0, 2.5])
    values = 1e9 * np.minimum(energy.centers, 1)[:, None] * (1 - 0.2 * offset.centers)
    return EffectiveArea(energy, offset, values)


def small_edisp() -> EnergyDispersion:
    """Gaussian in migra, wider at larger offsets."""
    energy, offset = IrfAxis.from_edges(np.geomspace(0.01, 100, 11), is_log=True), IrfAxis.from_nodes([0.0, 1.0, 2.5])
    migra = IrfAxis.from_edges(np.linspace(0.2, 5, 161))
    sigma = 0.15 + 0.05 * offset.centers
    density = np.exp(-((migra.centers[:, None] - 1) ** 2) / (2 * sigma**2))
    density /= density.sum(axis=0) * migra.widths[0]
    return EnergyDispersion(energy, migra, offset, np.repeat(density[None], len(energy), axis=0))


def small_psf(sigma: float = 0.1) -> PSFTable:
    """Two-dimensional Gaussian of `sigma` deg."""
    energy, offset = IrfAxis.from_edges(np.geomspace(0.01, 100, 5), is_log=True), IrfAxis.from_nodes([0.0, 2.5])
    rad = IrfAxis.from_edges(np.linspace(0, 0.8, 801))
    density = np.exp(-0.5 * (rad.centers / sigma) ** 2) / (2 * np.pi * np.deg2rad(sigma) ** 2)
    return PSFTable(energy, offset, rad, np.broadcast_to(density, (len(energy), len(offset), len(rad))))


@pytest.fixture(scope="session")
def aeff() -> EffectiveArea:
    return small_aeff()


@pytest.fixture(scope="session")
def edisp() -> EnergyDispersion:
    return small_edisp()


@pytest.fixture(scope="session")
def psf() -> PSFTable:
    return small_psf()


def some_events(n: int = 3000, seed: int = 1) -> Events:
    rng = np.random.default_rng(seed)
    ra = POINTING.ra.deg + rng.uniform(-1.5, 1.5, n) / np.cos(POINTING.dec.rad)
    dec = POINTING.dec.deg + rng.uniform(-1.5, 1.5, n)
    return Events(ra, dec, 0.2 * rng.pareto(1.5, n) + 0.2, np.sort(rng.uniform(1000.5, 2000.5, n)), REFERENCE)


@pytest.fixture
def make_run(tmp_path: Path) -> MakeRun:
    """Write one run with some pieces changed, and read it."""

    def make(obs_id: int = 7, **changes: Any) -> Observation:
        content = {
            "events": some_events(),
            "gti": GTI(np.array([1000.5]), np.array([2000.5]), REFERENCE),
            "pointing": POINTING,
            "dead_time_fraction": 0.1,
            "aeff": small_aeff(),
            "edisp": small_edisp(),
        } | changes
        folder = tmp_path / f"store-{obs_id}"
        write_store(folder, [RunContent(obs_id, **content)])
        return DataStore.from_dir(folder).observation(obs_id)

    return make
