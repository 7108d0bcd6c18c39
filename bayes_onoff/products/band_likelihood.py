"""The likelihood of each band's norm with the latent background rates integrated out."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayes_onoff.inference import pooled
from bayes_onoff.inference.bands import BandPosterior
from bayes_onoff.inference.fit_data import FitData
from bayes_onoff.inference.marginal import gamma_table, log_marginal_gamma, log_marginal_lognormal
from bayes_onoff.models import photons
from bayes_onoff.products.norm_density import NormDensity, norm_density, norm_grid
from bayes_onoff.spectra import fold

__all__ = ["N_HYPERPARAMETER_DRAWS", "band_densities"]

N_HYPERPARAMETER_DRAWS = 200

type BinLikelihood = Callable[[int, int, NDArray[np.float64]], Any]
"""From run, bin and expected signal (grid,) to ln likelihood (draw of the hyperparameters, grid)."""


def _evenly(draws: NDArray[np.float64]) -> NDArray[np.float64]:
    """At most `N_HYPERPARAMETER_DRAWS` draws spread over all chains: (chain, draw, ...) to (draw, ...)."""
    flat = draws.reshape(-1, *draws.shape[2:])
    chosen: NDArray[np.float64] = flat[
        np.linspace(0, len(flat) - 1, min(N_HYPERPARAMETER_DRAWS, len(flat))).astype(int)
    ]
    return chosen


def _pooled_likelihood(bands: BandPosterior, data: FitData) -> BinLikelihood:
    """Given level, shape and scale the rate of a bin is log-normal: integrated by quadrature."""
    from scipy.special import gammaln

    draws = bands.tree["posterior"]
    parameters = {name: _evenly(draws[name].to_numpy()) for name in ("level", "slope", "coefficient")}
    scale = _evenly(draws["deviation_scale"].to_numpy())[:, None]
    log_mean = pooled.log_mean_rate(parameters, pooled.background_design(data))

    def log_likelihood(run: int, energy: int, signal: NDArray[np.float64]) -> Any:
        n_on, n_off = float(data.n_on[run, energy]), float(data.n_off[run, energy])
        shape = (len(log_mean), len(signal))
        return log_marginal_lognormal(
            n_on,
            n_off,
            data.alpha[run, energy],
            np.broadcast_to(signal, shape),
            np.broadcast_to(log_mean[:, run, energy, None], shape),
            np.broadcast_to(scale, shape),
            gammaln(n_on + 1) + gammaln(n_off + 1),
        )

    return log_likelihood


def _independent_likelihood(bands: BandPosterior, data: FitData) -> BinLikelihood:
    """There are no hyperparameters: one exact conditional density."""
    background = bands.background
    table = gamma_table(data.n_on, data.n_off, data.alpha, background.shape, background.rate)

    def log_likelihood(run: int, energy: int, signal: NDArray[np.float64]) -> Any:
        return log_marginal_gamma(signal, table[run, energy])[None]

    return log_likelihood


def band_densities(bands: BandPosterior) -> tuple[NormDensity, ...]:
    """Marginal posterior density of the norm in every band (see `norm_density`).

    Parameters
    ----------
    bands : BandPosterior

    Returns
    -------
    tuple of NormDensity, one a band
    """
    data = FitData.from_spectra(bands.spectra)
    likelihood = (_pooled_likelihood if bands.background.prior == "pooled" else _independent_likelihood)(bands, data)
    reference = fold(photons(bands.model, bands.values, data.energy_true.edges), data.response)
    densities = []
    for band in range(bands.norm.shape[-1]):
        grid = norm_grid(np.asarray(bands.norm)[..., band])
        runs, bins = np.nonzero(data.mask & (bands.band_of_bin == band))
        total = sum(likelihood(r, e, grid * reference[r, e]) for r, e in zip(runs, bins, strict=True))
        densities.append(norm_density(grid, np.asarray(total)))
    return tuple(densities)
