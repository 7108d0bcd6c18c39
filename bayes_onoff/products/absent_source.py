"""The likelihood without a source, averaged over draws of a posterior that has one.

Such draws leave room for the source: without it the background would lie higher, by up to as many of its standard
deviations as the source has, and an average over them rests on the few at the edge. So they are moved first, to where
the background would be if the norm were 0 (importance sampling with transformed draws: Paananen et al. 2021,
doi:10.1007/s11222-020-09982-2).
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from bayes_onoff.inference.bands import BandPosterior
from bayes_onoff.inference.fit_data import FitData
from bayes_onoff.inference.marginal_density import MarginalDensity
from bayes_onoff.products.band_likelihood import BandLikelihoods, chosen_draws
from bayes_onoff.products.norm_density import NormDensity

__all__ = ["effective_draws", "log_without_source", "with_absent_source"]

ENOUGH = 100
"""Effective draws; with as many or more the draws stay where they are."""
_BACKGROUND = ("shape_scale", "deviation_scale", "coefficient", "slope", "level")

type Array = NDArray[np.float64]


def effective_draws(log_weights: Array) -> float:
    """Count the effective draws behind an average of weights (draw,), given as logarithms."""
    from scipy.special import softmax

    return float(1 / (softmax(log_weights) ** 2).sum())


def log_without_source(bands: BandPosterior, found: BandLikelihoods, band: int | None = None) -> Array:
    """Weigh the draws of the background with the likelihood of no source.

    Parameters
    ----------
    bands : BandPosterior
    found : BandLikelihoods
        Its likelihoods.
    band : int, optional
        The band whose norm is 0, the others' integrated out. Without it there is no source in any band.

    Returns
    -------
    ndarray, shape (draw,)
        ln weights, whose mean is the evidence of no source over that of the posterior (norms with flat priors). Draws
        of a pooled background are moved where too few of them matter, unless the acceptance ratios are uncertain: then
        they have been moved along a common shift already.
    """
    from scipy.special import logsumexp

    absent = range(len(found.totals)) if band is None else (band,)
    at_zero = found.weight + sum(found.totals[k][..., 0] - found.evidences[k] for k in absent)
    weights: Array = logsumexp(at_zero, axis=1) - logsumexp(found.weight, axis=1)
    certain = bands.background.alpha_uncertainty is None
    if effective_draws(weights) >= ENOUGH or bands.background.prior != "pooled" or not certain or len(weights) == 1:
        return weights
    moved = _moved(bands, weights, np.array(absent))
    if moved is not None and effective_draws(moved) > effective_draws(weights):
        return moved
    return weights


def with_absent_source(
    bands: BandPosterior, found: BandLikelihoods, densities: tuple[NormDensity, ...]
) -> tuple[NormDensity, ...]:
    """Replace the density of each band's norm at 0 by that which `log_without_source` finds."""
    from scipy.special import logsumexp

    replaced = []
    for band, density in enumerate(densities):
        weights = log_without_source(bands, found, band)
        log_density = density.log_density.copy()
        log_density[0] = logsumexp(weights) - np.log(len(weights))
        replaced.append(replace(density, log_density=log_density))
    return tuple(replaced)


def _moved(bands: BandPosterior, weights: Array, absent: NDArray[np.int64]) -> Array | None:
    """Compute the weights of moved draws (draw,); None if a coordinate does not vary, or is tied to the others.

    Coordinates are those in which the background is sampled, and the logarithms of the norms that stay. Were they
    jointly normal with the absent norms, the moved draws would be draws given norms of 0. They need not be: the
    density at the new place over that at the old one, and the change of volume, account for the rest.
    """
    group = bands.tree["posterior"]
    data = FitData.from_spectra(bands.spectra)
    norms = bands.norm.reshape(-1, bands.norm.shape[-1])
    staying = np.setdiff1d(np.arange(norms.shape[1]), absent)
    in_band = bands.band_of_bin[..., None] == np.arange(norms.shape[1])
    reference = bands.reference_counts

    def log_density(points: Array) -> Array:
        """Joint density of the counts and these coordinates, the absent norms 0 (the likelihood without them)."""
        log_norms = points[:, : len(staying)]
        present = np.zeros((len(points), norms.shape[1]))
        present[:, staying] = np.exp(log_norms)
        scale = np.where(bands.band_of_bin < 0, 1.0, (in_band * present[:, None, None]).sum(axis=-1))
        density = MarginalDensity(data, scale * reference, bands.background)
        found: Array = density.log_density(points[:, len(staying) :]) + log_norms.sum(axis=1)
        return found

    background = MarginalDensity(data, reference, bands.background).points(
        {name: group[name].to_numpy() for name in _BACKGROUND}
    )
    log_staying = np.log(np.maximum(norms[:, staying], np.finfo(float).tiny))
    points = np.column_stack([log_staying, background.reshape(len(norms), -1)])
    here = points[chosen_draws(len(points), len(weights))]
    design = np.column_stack([np.ones(len(norms)), norms[:, absent]])
    fitted = np.linalg.lstsq(design, points)[0]
    try:
        root = np.linalg.cholesky(np.cov(points, rowvar=False))
    except np.linalg.LinAlgError:
        return None
    # In standardised coordinates regression leaves a covariance that differs from 1 in as many directions as norms
    # are absent: along its symmetric root all others stay as they are.
    left = np.linalg.solve(root, np.cov(points - design @ fitted, rowvar=False))
    variances, directions = np.linalg.eigh(np.linalg.solve(root, left.T))
    if variances.min() <= 0:
        return None
    standard = np.linalg.solve(root, (here - points.mean(axis=0)).T)
    there = fitted[0] + (root @ directions @ (np.sqrt(variances)[:, None] * (directions.T @ standard))).T
    moved: Array = weights + log_density(there) - log_density(here) + 0.5 * np.log(variances).sum()
    return moved
