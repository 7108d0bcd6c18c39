"""Small spectra to test with."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from bayes_onoff.axes import EnergyAxis
from bayes_onoff.spectra import SpectrumOnOff

type SpectrumMaker = Callable[..., SpectrumOnOff]


@pytest.fixture(scope="session")
def make_spectrum() -> SpectrumMaker:
    """Three reconstructed bins, five true ones, counts in each; any field can be changed."""

    def make(name: str = "1", **changes: Any) -> SpectrumOnOff:
        energy_true = EnergyAxis(np.geomspace(0.5, 20, 6), "energy_true")
        fields: dict[str, Any] = {
            "name": name,
            "energy": EnergyAxis(np.array([1.0, 2.0, 5.0, 10.0])),
            "energy_true": energy_true,
            "n_on": [9, 4, 1],
            "n_off": [20, 6, 2],
            "acceptance": 1.0,
            "acceptance_off": 4.0,
            "exposure": 1e12 * energy_true.centers,
            "edisp": [[0, 0, 0], [0.8, 0.1, 0], [0.2, 0.7, 0.1], [0, 0.2, 0.8], [0, 0, 0.4]],
            "livetime": 1000.0,
            "mask_safe": True,
        }
        return SpectrumOnOff(**(fields | changes))

    return make
