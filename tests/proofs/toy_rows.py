"""The toys: one source, one background and an acceptance ratio each, and the counts that they give.

Three groups. `energy`: a source falling with energy over a flat or steep background, 30 bins over 1.5 decades.
`bins`: a flat source over a flat background, the same counts in ever more bins (the first six are those of Vianello's
note of 2018 on the bias of the profile likelihood). `outside`: backgrounds that are no draws from the pooled prior.

The truth of every row is a norm of 1.
"""

from dataclasses import dataclass
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from bayes_onoff.axes import EnergyAxis
from bayes_onoff.spectra import Spectra, SpectrumOnOff

__all__ = ["GROUPS", "ROWS", "Toy", "choose_rows", "draw_spectra", "random_streams"]

TRUE_NORM = 1.0
STEEP = 1.5
"""Index of the steep backgrounds, in counts per bin of equal width in ln E."""


@dataclass(frozen=True, eq=False, slots=True)
class Toy:
    """A row of the tables.

    Parameters
    ----------
    name, words : str
    edges : ndarray, shape (energy + 1,)
    signal, background : ndarray, shape (run, energy)
        Expected signal counts at norm 1, and expected OFF counts.
    alpha : float
        Acceptance ratio ON/OFF.
    """

    name: str
    words: str
    edges: NDArray[np.float64]
    signal: NDArray[np.float64]
    background: NDArray[np.float64]
    alpha: float

    @property
    def shape(self) -> tuple[int, int]:
        """Number of runs and of bins: rows of one shape share a compiled model."""
        return self.signal.shape[0], self.signal.shape[1]


DECADE_EDGES = np.geomspace(1.0, 10**1.5, 31)
DECADE = np.sqrt(DECADE_EDGES[:-1] * DECADE_EDGES[1:])


def _over_energy(name: str, words: str, alpha: float, background: NDArray[np.float64]) -> Toy:
    """20 signal counts in all, falling as 1/E, shared equally by the runs."""
    background = np.atleast_2d(background)
    signal = np.tile(20 / DECADE / np.sum(1 / DECADE) / len(background), (len(background), 1))
    return Toy(name, words, DECADE_EDGES, signal, background, alpha)


def _with_mean(shape: NDArray[np.float64], mean: float) -> NDArray[np.float64]:
    scaled: NDArray[np.float64] = shape * mean / shape.mean()
    return scaled


def _energy_rows() -> list[Toy]:
    rows = [
        _over_energy(f"flat-{mean:g}", f"flat, OFF {mean:g} a bin, alpha 1/3", 1 / 3, np.full(30, mean))
        for mean in (0.1, 0.3, 1.0, 5.0)
    ]
    for mean, alpha, ratio in ((0.5, 1 / 3, "1/3"), (2.0, 1 / 3, "1/3"), (0.5, 1 / 12, "1/12"), (0.5, 1.0, "1")):
        background = _with_mean(DECADE**-STEEP, mean)
        words = f"steep, OFF {mean:g} a bin, alpha {ratio}"
        rows.append(_over_energy(f"steep-{mean:g}-{ratio.replace('/', 'over')}", words, alpha, background))
    return rows


def _bins_rows() -> list[Toy]:
    rows = []
    # 30 source and 50 background counts a keV, from 1 to 10 keV
    cases = [("equal", 270.0, 450.0, 1.0, n) for n in (50, 100, 200, 400, 500, 1600)]
    cases += [("tenth", 60.0, 300.0, 0.1, n) for n in (15, 60, 120, 300, 1000, 3000)]
    for name, source, off, alpha, n in cases:
        edges = np.linspace(1.0, 10.0, n + 1) if name == "equal" else np.geomspace(1.0, 10**1.5, n + 1)
        words = f"{source:g} source and {off:g} OFF counts in {n} bins, alpha {alpha:g}"
        rows.append(
            Toy(f"{name}-{n}", words, edges, np.full((1, n), source / n), np.full((1, n), off / n), alpha),
        )
    return rows


def _outside_rows() -> list[Toy]:
    rows = []
    for mean in (2.0, 20.0):
        step = np.where(np.arange(30) < 5, 0.1, 1.0) * DECADE**-STEEP
        words = f"tenfold step at threshold, OFF {mean:g} a bin"
        rows.append(_over_energy(f"step-{mean:g}", words, 1 / 3, _with_mean(step, mean)))
        line = np.where(np.arange(30) == 6, 5.0, 1.0) * mean
        words = f"one bin of five times the continuum, OFF {mean:g} a bin"
        rows.append(_over_energy(f"line-{mean:g}", words, 1 / 3, line))
        runs = np.stack([_with_mean(DECADE**-index, mean) for index in (STEEP - 0.25, STEEP + 0.25)])
        words = f"two runs, background indices 0.5 apart, OFF {mean:g} a bin and run"
        rows.append(_over_energy(f"indices-{mean:g}", words, 1 / 3, runs))
    return sorted(rows, key=lambda row: row.words)


GROUPS: dict[str, tuple[Toy, ...]] = {
    "energy": tuple(_energy_rows()),
    "bins": tuple(_bins_rows()),
    "outside": tuple(_outside_rows()),
}
ROWS: dict[str, Toy] = {row.name: row for rows in GROUPS.values() for row in rows}


def choose_rows(names: str) -> tuple[Toy, ...]:
    """Rows by their names or their groups' names, separated by commas.

    Raises
    ------
    SystemExit
        If there is no such row or group.
    """
    chosen: dict[str, Toy] = {}
    for name in names.split(","):
        if name not in ROWS and name not in GROUPS:
            raise SystemExit(f"no row or group {name!r}; there are {', '.join((*GROUPS, *ROWS))}")
        chosen |= {row.name: row for row in GROUPS.get(name) or (ROWS[name],)}
    return tuple(chosen.values())


def random_streams(seed: int, row: Toy, index: int) -> tuple[np.random.Generator, int, np.random.Generator]:
    """Generator of the counts, seed of the sampler, generator of the predictive checks: of this set alone."""
    counts, sampler, checks = np.random.SeedSequence([seed, crc32(row.name.encode()), index]).spawn(3)
    return np.random.default_rng(counts), int(sampler.generate_state(1)[0]), np.random.default_rng(checks)


def draw_spectra(row: Toy, rng: np.random.Generator) -> Spectra:
    """Draw ON and OFF counts with Poisson noise. The response is empty: the norm scales `row.signal`."""
    energy = EnergyAxis(row.edges)
    energy_true = EnergyAxis(row.edges[[0, -1]], "energy_true")
    n_on = rng.poisson(TRUE_NORM * row.signal + row.alpha * row.background)
    n_off = rng.poisson(row.background)
    return Spectra(
        tuple(
            SpectrumOnOff(
                name=f"{run + 1}",
                energy=energy,
                energy_true=energy_true,
                n_on=n_on[run],
                n_off=n_off[run],
                acceptance=np.ones(energy.n_bins),
                acceptance_off=np.full(energy.n_bins, 1 / row.alpha),
                exposure=np.zeros(1),
                edisp=np.zeros((1, energy.n_bins)),
                livetime=1.0,
                mask_safe=np.ones(energy.n_bins, dtype=bool),
            )
            for run in range(row.shape[0])
        )
    )
