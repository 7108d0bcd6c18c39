"""What gammapy's objects hold is taken over; `test_ogip_peers.py` does it with gammapy itself.

The objects here have the attributes of gammapy 2.1's that are read.
"""

from types import SimpleNamespace

import astropy.units as u
import numpy as np
import pytest
from astropy.time import Time

from bayes_onoff.errors import InputError
from bayes_onoff.spectra import from_gammapy

EDGES = np.geomspace(500, 20000, 4) * u.GeV
TRUE_EDGES = np.geomspace(0.3, 40, 6) * u.TeV


def region_map(values, edges, name, unit=""):
    data = np.asarray(values)[:, None, None]
    axis = SimpleNamespace(edges=edges, nbin=len(edges) - 1)
    return SimpleNamespace(data=data, quantity=data * u.Unit(unit), geom=SimpleNamespace(axes={name: axis}), meta={})


class EDispKernelMap:
    def get_edisp_kernel(self, energy_axis):
        return SimpleNamespace(pdf_matrix=np.full((5, energy_axis.nbin), 0.2))


class SpectrumDatasetOnOff:
    def __init__(self, **changes):
        self.name = "17"
        self.counts = region_map([9.0, 4.0, 1.0], EDGES, "energy")
        self.counts_off = region_map([30.0, 11.0, 2.0], EDGES, "energy")
        self.acceptance = region_map([1.0, 1.0, 1.0], EDGES, "energy")
        self.acceptance_off = region_map([10.0, 10.0, 5.0], EDGES, "energy")
        self.exposure = region_map([1.0, 2.0, 3.0, 4.0, 5.0], TRUE_EDGES, "energy_true", "m2 h")
        self.exposure.meta["livetime"] = 0.5 * u.h
        self.edisp = EDispKernelMap()
        self.mask_safe = region_map([False, True, True], EDGES, "energy")
        self.mask_fit = None
        start, stop = Time([53000.0], format="mjd", scale="utc"), Time([53000.5], format="mjd", scale="utc")
        self.gti = SimpleNamespace(time_start=start, time_stop=stop)
        self.__dict__.update(changes)


class Datasets:
    def __init__(self, *found):
        self.found = found

    def __iter__(self):
        return iter(self.found)


def test_everything_is_taken_over_in_the_units_of_this_package():
    (run,) = from_gammapy(SpectrumDatasetOnOff())
    assert run.name == "17"
    np.testing.assert_allclose(run.energy.edges, EDGES.to_value("TeV"))
    np.testing.assert_allclose(run.energy_true.edges, TRUE_EDGES.value)
    assert run.n_on.tolist() == [9, 4, 1]
    assert run.n_off.tolist() == [30, 11, 2]
    assert (run.acceptance / run.acceptance_off).tolist() == [0.1, 0.1, 0.2]
    np.testing.assert_allclose(run.exposure, np.arange(1, 6) * 1e4 * 3600)
    assert run.edisp.shape == (5, 3)
    assert run.livetime == 1800
    assert run.mask_safe.tolist() == [False, True, True]
    assert run.mask_fit.tolist() == [True, True, True]
    np.testing.assert_allclose(run.gti, [[53000 + 64.184 / 86400, 53000.5 + 64.184 / 86400]], rtol=0, atol=1e-9)


def test_several_at_once_keep_their_names():
    spectra = from_gammapy(Datasets(SpectrumDatasetOnOff(name="1"), SpectrumDatasetOnOff(name="2", gti=None)))
    assert spectra.names == ("1", "2")
    assert spectra.runs[1].gti.shape == (0, 2)


@pytest.mark.parametrize(
    ("dataset", "words"),
    [
        (17, "not an ON/OFF spectrum of gammapy; found 'int'; allowed: SpectrumDatasetOnOff"),
        (SpectrumDatasetOnOff(counts_off=None, edisp=None), "dataset 17: incomplete; found 'no counts_off, edisp'"),
        (SpectrumDatasetOnOff(counts=SimpleNamespace(data=np.ones((3, 2, 2)))), "dataset 17: more than one region"),
        (
            SpectrumDatasetOnOff(exposure=region_map(np.ones(5), TRUE_EDGES, "energy_true", "m2 s")),
            "dataset 17: exposure.meta: the livetime is unknown",
        ),
        (
            SpectrumDatasetOnOff(counts=region_map([9.5, 4.0, 1.0], EDGES, "energy")),
            "spectrum 17: n_on: counts must be whole numbers",
        ),
    ],
    ids=["kind", "incomplete", "map", "livetime", "Asimov"],
)
def test_what_cannot_be_taken_over_is_refused(dataset, words):
    with pytest.raises(InputError, match=words):
        from_gammapy(dataset)
