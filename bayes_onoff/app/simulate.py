"""Made-up data from a model and an exposure: runs as DL3 files, or spectra like those of a posterior."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import astropy.units as u
import numpy as np
from numpy.typing import NDArray

from bayes_onoff.app.output_folder import clear_earlier_results, prepare_folder
from bayes_onoff.app.progress import Progress
from bayes_onoff.app.results import write_spectra
from bayes_onoff.errors import InputError
from bayes_onoff.inference import Posterior
from bayes_onoff.inference.fit_data import FitData
from bayes_onoff.models import CRAB, SpectralModel
from bayes_onoff.simulation import RunPlan, simulate_counts, simulate_store
from bayes_onoff.units import TIME, parse_quantity

__all__ = ["model_values", "simulate_like", "simulate_runs"]

FIRST_ID = 1
START = 123890826.0
"""s since 2001-01-01 UTC."""
GAP = 120.0
"""s between two runs."""
POSITION_ANGLES = (180.0, 0.0, 90.0, 270.0)
DEAD_TIME_FRACTION = RunPlan(0, 0, 0, 0).dead_time_fraction


def model_values(model: SpectralModel, given: Sequence[str]) -> dict[str, float]:
    """Read values such as ``amplitude=3e-11 TeV-1 cm-2 s-1``; what is not given is that of the Crab nebula.

    Raises
    ------
    InputError
        If a value is none or of no parameter, or one is missing and nobody published this shape of the Crab nebula.
    """
    published = (spectrum.values for spectrum in CRAB.values() if getattr(spectrum.model, "label", "") == model.label)
    values = dict(next(published, {}))
    parameters = {parameter.name: parameter for parameter in model.parameters}
    for text in given:
        name, _, value = (part.strip() for part in text.partition("="))
        if name not in parameters or not value:
            raise InputError(
                "not a value of a parameter",
                place="--value",
                found=text,
                allowed=", ".join(
                    f"{parameter.name}=NUMBER {parameter.unit}".strip() for parameter in parameters.values()
                ),
            )
        values[name] = parse_quantity(value, u.Unit(parameters[name].unit), f"--value {name}")
    if missing := [name for name in parameters if name not in values]:
        raise InputError("a parameter has no value", place="--value", found=", ".join(missing))
    return values


def simulate_runs(
    folder: str | Path,
    *,
    shape: str = "exp-cutoff-power-law",
    values: Sequence[str] = (),
    n_runs: int = 4,
    livetime: str = "28 min",
    offset: str = "0.5 deg",
    seed: int = 1,
    progress: Progress | None = None,
) -> Path:
    """Simulate runs on a point source at the Crab nebula's position and write them as a data store.

    Parameters
    ----------
    folder : path-like
        Of the data store.
    shape : str
        The spectrum.
    values : sequence of str
        As for `model_values`.
    n_runs : int
    livetime : str
        Of each run.
    offset : str
        Distance of the pointings from the source.
    seed : int
    progress : Progress, optional

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    InputError
        If an argument is refused or the folder cannot be written.
    """
    progress, folder = progress or Progress(), Path(folder)
    model = SpectralModel(shape)
    chosen = model_values(model, values)
    seconds = parse_quantity(livetime, TIME, "--livetime")
    distance = parse_quantity(offset, u.deg, "--offset")
    if not seconds > 0 or not 0 <= distance <= 2.5:
        found = f"--livetime {livetime}, --offset {offset}"
        raise InputError("out of range", place="simulate", found=found, allowed="a time above 0, 0 to 2.5 deg")
    ontime = seconds / (1 - DEAD_TIME_FRACTION)
    plans = [
        RunPlan(FIRST_ID + i, distance, POSITION_ANGLES[i % 4], START + i * (ontime + GAP), ontime)
        for i in range(n_runs)
    ]
    prepare_folder(folder)
    with progress.stage("simulate", f"simulating {n_runs} runs of a {model.label}: {_told(model, chosen)}"):
        simulate_store(folder, rng=np.random.default_rng(seed), model=model, values=chosen, plans=plans)
    progress.say(f"{n_runs} runs in {folder}; next: bayes-onoff init {folder}")
    return folder


def _told(model: SpectralModel, values: Mapping[str, float]) -> str:
    return ", ".join(f"{p.name} {values[p.name]:.3g} {p.unit}".strip() for p in model.parameters)


def simulate_like(
    path: str | Path,
    folder: str | Path,
    *,
    values: Sequence[str] = (),
    seed: int = 1,
    progress: Progress | None = None,
) -> Path:
    """Draw new counts for the runs of a saved posterior: same responses, exposures and background rates.

    Parameters
    ----------
    path : path-like
        The posterior; its medians are the truth, background rates their posterior means. Bins that were not fitted
        expect the OFF counts that they have.
    folder : path-like
        For ``spectra/``, ``runs.ecsv`` and ``cumulative.ecsv``.
    values : sequence of str
        Other truths, as for `model_values`.
    seed : int
    progress : Progress, optional

    Returns
    -------
    Path
        The folder; `bayes_onoff.app.fit_spectra.fit_spectra` takes it.

    Raises
    ------
    InputError
        If an input is refused or the folder cannot be written.
    """
    progress, folder = progress or Progress(), Path(folder)
    posterior = Posterior.load(path)
    truth = posterior.medians
    if values:
        own = {text.partition("=")[0].strip() for text in values}
        kept = [f"{p.name}={truth[p.name]!r} {p.unit}" for p in posterior.model.parameters if p.name not in own]
        truth = model_values(posterior.model, [*kept, *values])
    prepare_folder(folder)
    clear_earlier_results(folder, [Path(path)])
    with progress.stage("simulate", f"new counts for {len(posterior.spectra)} runs: {_told(posterior.model, truth)}"):
        rng = np.random.default_rng(seed)
        expected = _expected_off(posterior)
        spectra = simulate_counts(posterior.spectra, posterior.model, truth, npred_off=expected, rng=rng)
        write_spectra(spectra, folder)
    progress.say(f"spectra in {folder}; next: bayes-onoff fit {folder}")
    return folder


def _expected_off(posterior: Posterior) -> NDArray[np.float64]:
    spectra = posterior.spectra
    data = FitData.from_spectra(spectra)
    expected = np.array([run.n_off for run in spectra], dtype=float)
    mean = np.asarray(posterior.tree["posterior"]["npred_off"].values).mean(axis=(0, 1))
    first = int(np.argmin(np.abs(spectra.energy.edges - data.energy.edges[0])))
    fitted = expected[:, first : first + data.energy.n_bins]
    fitted[data.mask] = mean[data.mask]
    return expected
