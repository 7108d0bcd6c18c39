"""Sensitivity: the upper limits to expect where there is no source, and the flux that would be detected."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import astropy.units as u
import numpy as np
from astropy.table import QTable
from numpy.typing import NDArray

from bayes_onoff.columns import described
from bayes_onoff.errors import InputError
from bayes_onoff.inference import BandPosterior, CompiledBands, Posterior, SamplerSettings, compile_bands
from bayes_onoff.inference.fit_data import FitData
from bayes_onoff.models import photons
from bayes_onoff.products.band_likelihood import band_densities
from bayes_onoff.products.detection import crab_flux
from bayes_onoff.products.flux_points import UL_CONFIDENCE
from bayes_onoff.products.table_meta import background_name
from bayes_onoff.spectra import Spectra, SpectrumOnOff, wstat
from bayes_onoff.units import ENERGY, FLUX, TIME, to_array, to_float

__all__ = ["ExpectedLimits", "expected_limits"]

SHORT = SamplerSettings(draws=500, tune=500, chains=2, seed=0)
"""The hyperparameters' draws weight a density that is known: a few hundred are enough for its 95 % quantile."""
LARGEST_R_HAT = 1.05
_DETECTED = 5.0
_QUANTILES = {
    "flux_ul_median": (0.5, "median of the limits on the photon flux"),
    "flux_ul_lower68": (0.16, "16 % of the limits are lower"),
    "flux_ul_upper68": (0.84, "16 % of the limits are higher"),
    "flux_ul_lower95": (0.025, "2.5 % of the limits are lower"),
    "flux_ul_upper95": (0.975, "2.5 % of the limits are higher"),
}
_DESCRIPTIONS = {name: description for name, (_, description) in _QUANTILES.items()} | {
    "crab_ul_median": "median limit in units of the Crab nebula's flux in these energies",
    "flux_5sigma": "photon flux seen at 5 standard deviations or more in half of the cases",
}


@dataclass(frozen=True, eq=False, slots=True)
class ExpectedLimits:
    """Upper limits of simulated data without a source.

    Parameters
    ----------
    table : QTable
        One row a band; see `expected_limits`.
    limits : Quantity, shape (simulation, band)
        The limit of each simulated data set, photon flux, cm-2 s-1.
    """

    table: QTable
    limits: u.Quantity


def _expected_off(analysed: Posterior | BandPosterior, spectra: Spectra) -> NDArray[np.float64]:
    """Posterior mean of the expected OFF counts on the whole energy axis, shape (run, energy); 0 where not fitted."""
    data = FitData.from_spectra(spectra)
    rates = np.asarray(analysed.tree["posterior"]["npred_off"].mean(("chain", "draw")))
    whole = np.zeros((len(spectra), spectra.energy.n_bins))
    first = int(np.flatnonzero(spectra.mask.any(axis=0))[0])
    whole[:, first : first + data.energy.n_bins] = np.where(data.mask, rates, 0.0)
    return whole


def _scaled(spectra: Spectra, factor: float) -> Spectra:
    return Spectra(
        tuple(
            run.replace(
                exposure=run.exposure * factor,
                livetime=run.livetime * factor,
                background=None if run.background is None else run.background * factor,
            )
            for run in spectra
        )
    )


def _without_source(run: SpectrumOnOff, off: NDArray[np.float64], rng: np.random.Generator) -> SpectrumOnOff:
    """Draw counts of a background; OFF regions known one by one get equal shares of the expected OFF counts."""
    n_on = rng.poisson(run.alpha * off)
    if run.n_off_by_region is None:
        return run.replace(n_on=n_on, n_off=rng.poisson(off))
    by_region = rng.poisson(np.broadcast_to(off / max(run.n_off_regions, 1), run.n_off_by_region.shape))
    return run.replace(n_on=n_on, n_off=by_region.sum(axis=0), n_off_by_region=by_region)


def _detectable_norm(signal: NDArray[np.float64], off: NDArray[np.float64], alpha: NDArray[np.float64]) -> float:
    """Norm whose expected counts, taken as data, have a profile likelihood ratio of 5 standard deviations."""
    from scipy.optimize import brentq

    def excess(log_norm: float) -> float:
        seen = np.exp(log_norm) * signal
        return float(wstat(seen + alpha * off, off, alpha, 0.0).sum()) - _DETECTED**2

    # Without any background W is 2 s ln(1 + 1/alpha) or more: five counts in one bin are within these bounds.
    start = float(np.log(1 / signal.sum()))
    return float(np.exp(brentq(excess, start - 10, start + 40)))


def _factor(spectra: Spectra, livetime: u.Quantity | None) -> float:
    total = sum(run.livetime for run in spectra)
    seconds = total if livetime is None else to_float(livetime, TIME, "livetime")
    if seconds <= 0:
        raise InputError("not a livetime", place="livetime", found=str(livetime), allowed="a positive time")
    return seconds / total


def expected_limits(
    analysed: Posterior | BandPosterior,
    edges: u.Quantity | None = None,
    *,
    livetime: u.Quantity | None = None,
    n_simulations: int = 100,
    seed: int,
    settings: SamplerSettings | None = None,
    compiled: CompiledBands | None = None,
    on_progress: Callable[[str], None] | None = None,
) -> ExpectedLimits:
    """Simulate the upper limits that an exposure like the analysed one gives where there is no source.

    ON and OFF counts are drawn from the posterior mean of the background, the runs' livetimes, exposures and
    backgrounds all multiplied by ``livetime`` over theirs; each data set is analysed with the background model of the
    analysis, compiled once. The limit is that of flux points: one-sided, 95 %, flat prior on the norm of the reference
    spectrum in the band.

    Parameters
    ----------
    analysed : Posterior or BandPosterior
        Gives runs, background and reference spectrum (of a `Posterior` at the medians of its parameters).
    edges : Quantity, shape (band + 1,), optional
        Bands of reconstructed energy, snapped to the axis; one band over the fitted range by default.
    livetime : Quantity, optional
        Of all runs together; as observed by default.
    n_simulations : int
        Data sets; the median of 100 is known to about an eighth of the width of their 68 % range.
    seed : int
        The result is the same for the same seed.
    settings : SamplerSettings, optional
        Of each fit; its seed is not used. 2 chains of 500 + 500 draws by default.
    compiled : CompiledBands, optional
        From `compile_bands`, for such runs, this background and as many bands; compiled here if not given.
    on_progress : callable, optional
        Told now and then how many data sets are done.

    Returns
    -------
    ExpectedLimits
        Columns ``energy_min``, ``energy_max``; ``flux_ul_median``, ``flux_ul_lower68``, ``flux_ul_upper68``,
        ``flux_ul_lower95``, ``flux_ul_upper95``; ``crab_ul_median`` (units of the Crab nebula's flux in these
        energies); ``flux_5sigma``, the flux that half of such observations see at 5 standard deviations or more, from
        the profile likelihood of the expected counts (Asimov data set: Cowan et al. 2011, EPJ C 71, 1554) with an
        independent background in every bin.

    Raises
    ------
    InputError
        If a time, a number or a band is not allowed, or what is `compiled` does not fit.
    """
    if n_simulations < 1:
        raise InputError("no simulation", place="n_simulations", found=n_simulations, allowed="1 or more")
    factor = _factor(analysed.spectra, livetime)
    values: Mapping[str, Any] = (
        analysed.values if isinstance(analysed, BandPosterior) else {**analysed.medians, **analysed.systematic_medians}
    )
    expected_off = _expected_off(analysed, analysed.spectra) * factor
    spectra = _scaled(analysed.spectra, factor)
    data = FitData.from_spectra(spectra)
    wanted = data.energy.edges[[0, -1]] if edges is None else to_array(edges, ENERGY, "edges")
    if compiled is None:
        compiled = compile_bands(spectra, analysed.model, values, wanted, analysed.background, analysed.systematics)
    elif compiled.background != analysed.background:
        raise InputError(
            "compiled for another background",
            place="compiled",
            found=background_name(compiled.background),
            allowed=background_name(analysed.background),
        )
    norms, failed = [], 0
    for number, own in enumerate(np.random.SeedSequence(seed).spawn(n_simulations)):
        counts_seed, sampler_seed = own.spawn(2)
        rng = np.random.default_rng(counts_seed)
        runs = zip(spectra, expected_off, strict=True)
        simulated = Spectra(tuple(_without_source(run, off, rng) for run, off in runs))
        short = replace(settings or SHORT, seed=int(sampler_seed.generate_state(1)[0]))
        bands = compiled.fit(
            simulated, analysed.model, values, wanted, short, systematics=analysed.systematics, progress=False
        )
        norms.append([density.quantile(UL_CONFIDENCE) for density in band_densities(bands)])
        failed += bool(bands.convergence.r_hat_max > LARGEST_R_HAT)
        if on_progress is not None and (number + 1) % 10 == 0:
            on_progress(f"{number + 1} of {n_simulations} data sets")
    flux = photons(analysed.model, values, bands.edges)
    limits = np.array(norms) * flux
    table = _table(bands, limits, flux, expected_off[spectra.mask], data)
    table.meta |= {
        "livetime": f"{sum(run.livetime for run in spectra):.6g} s",
        "n_simulations": n_simulations,
        "n_not_converged": failed,
        "seed": seed,
        "UL_CONF": UL_CONFIDENCE,
        "prior_of_limits": "flat on a norm of 0 and more",
        "reference_model": analysed.model.shape_name,
        "background": background_name(analysed.background),
        "runs": ", ".join(spectra.names),
    }
    return ExpectedLimits(table, limits * FLUX)


def _table(
    bands: BandPosterior,
    limits: NDArray[np.float64],
    flux: NDArray[np.float64],
    off: NDArray[np.float64],
    data: FitData,
) -> QTable:
    """Summarise limits (simulation, band); `off` are the expected OFF counts of the fitted bins, in their order."""
    rates = np.zeros(data.mask.shape)
    rates[data.mask] = off
    reference = bands.reference_counts
    used = [data.mask & (bands.band_of_bin == band) & (reference > 0) for band in range(len(flux))]
    detectable = np.array([_detectable_norm(reference[own], rates[own], data.alpha[own]) for own in used]) * flux
    edges = bands.edges
    crab = np.array([crab_flux(edges[band : band + 2]) for band in range(len(flux))])
    table = QTable({"energy_min": edges[:-1] * ENERGY, "energy_max": edges[1:] * ENERGY})
    for name, (probability, _) in _QUANTILES.items():
        table[name] = np.quantile(limits, probability, axis=0) * FLUX
    table["crab_ul_median"] = np.median(limits, axis=0) / crab
    table["flux_5sigma"] = detectable * FLUX
    return described(table, _DESCRIPTIONS)
