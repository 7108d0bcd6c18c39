"""Counts, excess and significance of the runs, one by one and cumulative."""

from collections.abc import Sequence

import numpy as np
from astropy.table import QTable

from bayes_onoff.columns import described
from bayes_onoff.spectra.spectrum import Spectra, SpectrumOnOff
from bayes_onoff.spectra.stacking import mean_alpha
from bayes_onoff.spectra.statistics import li_ma_significance
from bayes_onoff.units import ENERGY, TIME

__all__ = ["cumulative_table", "run_table"]

_DESCRIPTIONS = {
    "obs_id": "observation id",
    "livetime": "dead-time corrected observation time",
    "n_on": "ON counts",
    "n_off": "OFF counts, all OFF regions together",
    "alpha": "acceptance ratio ON/OFF, sum(alpha n_off) / sum(n_off)",
    "excess": "n_on - alpha n_off",
    "significance": "of the excess, Li & Ma (1983) equation 17",
    "n_off_regions": "number of OFF regions",
    "energy_min": "lowest edge of the bins counted",
    "energy_max": "highest edge of the bins counted",
}


def _row(runs: Sequence[SpectrumOnOff]) -> tuple[float | int, ...]:
    """Everything but the observation id, for some runs together, inside the safe range of each."""
    valid = np.stack([run.mask_valid for run in runs])
    livetime = np.array([run.livetime for run in runs])
    n_on = int(np.where(valid, [run.n_on for run in runs], 0).sum())
    n_off = np.where(valid, [run.n_off for run in runs], 0)
    alpha = np.where(valid, [run.alpha for run in runs], 0.0)
    ratio = mean_alpha(alpha, n_off, np.where(valid, livetime[:, None], 0.0))
    total_off = int(n_off.sum())
    edges = runs[0].energy.edges
    used = np.flatnonzero(valid.any(axis=0))
    energy_min, energy_max = (edges[used[0]], edges[used[-1] + 1]) if len(used) else (np.nan, np.nan)
    return (
        livetime.sum(),
        n_on,
        total_off,
        ratio,
        n_on - ratio * total_off,
        float(li_ma_significance(n_on, total_off, ratio)),
        sum(run.n_off_regions for run in runs),
        energy_min,
        energy_max,
    )


def _table(names: Sequence[str], rows: Sequence[tuple[float | int, ...]]) -> QTable:
    obs_ids = [int(name) for name in names] if all(name.isdecimal() for name in names) else list(names)
    table = QTable([obs_ids, *zip(*rows, strict=True)], names=list(_DESCRIPTIONS))
    for name, unit in (("livetime", TIME), ("energy_min", ENERGY), ("energy_max", ENERGY)):
        table[name] = table[name] * unit
    return described(table, _DESCRIPTIONS)


def run_table(spectra: Spectra) -> QTable:
    """Tabulate the source statistics of each run inside its safe range.

    Parameters
    ----------
    spectra : Spectra
        The runs.

    Returns
    -------
    QTable
        One row a run: ``obs_id`` (a number where all names are numbers), ``livetime`` (s), ``n_on``, ``n_off``,
        ``alpha``, ``excess``, ``significance`` (standard deviations), ``n_off_regions``, ``energy_min`` and
        ``energy_max`` (TeV; not a number where no bin is valid). Where no OFF count was seen, ``alpha`` is the mean
        over the valid bins. Bins without an OFF measurement are not counted.
    """
    return _table(spectra.names, [_row([run]) for run in spectra])


def cumulative_table(spectra: Spectra) -> QTable:
    """Tabulate the source statistics summed over the runs so far, in the order of their first good time interval.

    Parameters
    ----------
    spectra : Spectra
        The runs; they keep their order where the good time intervals of any are not known.

    Returns
    -------
    QTable
        The columns of `run_table`: ``obs_id`` is the run added last, ``alpha`` is sum(alpha n_off) / sum(n_off) (while
        no OFF count was seen, the mean weighted with livetime), ``n_off_regions`` the sum over runs, and
        ``energy_min`` and ``energy_max`` enclose the valid bins of all.
    """
    runs = list(spectra)
    if all(len(run.gti) for run in runs):
        runs.sort(key=lambda run: float(run.gti[:, 0].min()))
    return _table([run.name for run in runs], [_row(runs[: i + 1]) for i in range(len(runs))])
