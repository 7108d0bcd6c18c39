"""A small run with every piece, to be written, read back and damaged."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits

from bayes_onoff.dl3 import (
    GTI,
    Background,
    EffectiveArea,
    EnergyDispersion,
    Events,
    IrfAxis,
    PSFTable,
    RunContent,
    TimeReference,
    write_store,
)

MakeRun = Callable[..., RunContent]
EditTable = Callable[[fits.BinTableHDU], None]
Damage = Callable[[str, EditTable], Path]


def small_run(obs_id: int = 7, **changes: Any) -> RunContent:
    rng = np.random.default_rng(obs_id)
    reference = TimeReference(51910, 0.000742870370370241, "tt")
    energy = IrfAxis.from_edges(np.geomspace(0.1, 100, 7), is_log=True)
    offset = IrfAxis.from_nodes([0.0, 1.0, 2.5])
    migra = IrfAxis.from_edges(np.linspace(0.2, 3.0, 9))
    rad = IrfAxis.from_edges(np.linspace(0, 0.5, 6))
    field_of_view = IrfAxis.from_edges(np.linspace(-2, 2, 5))
    edisp = rng.uniform(size=(6, 8, 3))
    psf = rng.uniform(size=(6, 3, 5))
    run = RunContent(
        obs_id=obs_id,
        events=Events(
            ra=rng.uniform(80, 85, 20),
            dec=rng.uniform(20, 24, 20),
            energy=rng.lognormal(size=20),
            time=np.sort(rng.uniform(1000, 2600, 20)),
            reference=reference,
        ),
        gti=GTI(np.array([1000.0, 1900.0]), np.array([1800.0, 2600.0]), reference),
        pointing=SkyCoord(83.63, 22.51, unit="deg"),
        dead_time_fraction=0.0625,
        aeff=EffectiveArea(energy, offset, rng.uniform(1e9, 1e10, (6, 3)), low_threshold=0.5, high_threshold=80.0),
        edisp=EnergyDispersion(energy, migra, offset, edisp / (edisp * migra.widths[:, None]).sum(axis=1)[:, None]),
        psf=PSFTable(energy, offset, rad, psf * 1e4),
        bkg=Background(energy, field_of_view, field_of_view, rng.uniform(size=(6, 4, 4))),
        target="Crab",
    )
    return replace(run, **changes)


@pytest.fixture
def make_run() -> MakeRun:
    return small_run


@pytest.fixture
def damage(tmp_path: Path) -> Damage:
    """Write a store with run 7 and edit one of its tables; returns the folder."""

    def write(hdu_name: str, edit: EditTable) -> Path:
        write_store(tmp_path, [small_run(7)])
        path = tmp_path / "obs_000007.fits"
        with fits.open(path, memmap=False) as hdus:
            hdu = hdus[hdu_name]
            edit(hdu)
            for key in ("CHECKSUM", "DATASUM"):
                hdu.header.remove(key, ignore_missing=True)
            tables = fits.HDUList([h.copy() for h in hdus])
        tables.writeto(path, overwrite=True)
        return tmp_path

    return write
