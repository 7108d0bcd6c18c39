"""The likelihood without a source, averaged over draws of a posterior that has one.

Such draws leave room for the source: without it the background would lie higher, by up to as many of its standard
deviations as the source has, and an average over them rests on the few at the edge. So they are moved first, to where
the background would be if the norms were 0 (importance sampling with transformed draws: Paananen et al. 2021,
doi:10.1007/s11222-020-09982-2).
"""

import numpy as np
from numpy.typing import NDArray

from bayes_onoff.inference.bands import BandPosterior
from bayes_onoff.inference.fit_data import FitData
from bayes_onoff.inference.marginal_density import MarginalDensity
from bayes_onoff.products.band_likelihood import chosen_draws

__all__ = ["moved_to_no_source"]

type Array = NDArray[np.float64]


def moved_to_no_source(bands: BandPosterior, without: Array) -> Array | None:
    """Average over moved draws in place of the draws themselves.

    Were background (in the sampler's coordinates) and norms jointly normal, the moved draws would be draws of the
    background given norms of 0, whose mean and covariance linear regression on the norms tells. They need not be
    normal: each draw's weight accounts for the rest.

    Parameters
    ----------
    bands : BandPosterior
        Its background pooled, its acceptance ratios certain.
    without : ndarray, shape (draw,)
        ln of the likelihood without a source over the posterior density of the background, up to a constant and the
        prior of the background: the ln weight of each draw of `chosen_draws` if it is not moved.

    Returns
    -------
    ndarray, shape (draw,), or None
        The same of the moved draws; None if a coordinate does not vary, or is tied to the others.
    """
    signal = np.where(bands.band_of_bin >= 0, 0.0, bands.reference_counts)
    density = MarginalDensity(FitData.from_spectra(bands.spectra), signal, bands.background)
    group = bands.tree["posterior"]
    names = ("shape_scale", "deviation_scale", "coefficient", "slope", "level")
    points = density.points({name: group[name].to_numpy() for name in names})
    points = points.reshape(-1, points.shape[-1])
    norms = bands.norm.reshape(len(points), -1)
    design = np.column_stack([np.ones(len(norms)), norms])
    fitted = np.linalg.lstsq(design, points)[0]
    try:
        root_there = np.linalg.cholesky(np.cov(points - design @ fitted, rowvar=False))
        root_here = np.linalg.cholesky(np.cov(points, rowvar=False))
    except np.linalg.LinAlgError:
        return None
    here = points[chosen_draws(len(points), len(without))]
    there = fitted[0] + np.linalg.solve(root_here, (here - points.mean(axis=0)).T).T @ root_there.T
    log_volume = float(np.log(np.diag(root_there) / np.diag(root_here)).sum())
    moved: Array = without + density.log_density(there) - density.log_density(here) + log_volume
    return moved
