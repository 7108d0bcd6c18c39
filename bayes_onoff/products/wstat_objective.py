"""The total WSTAT of a spectrum as a function to minimise."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayes_onoff.models import Parameter, SpectralModel, photons
from bayes_onoff.spectra import Spectra, fold, wstat
from bayes_onoff.spectra.statistics import profiled_background

__all__ = ["WstatObjective", "is_positive"]

DERIVATIVE_STEP = 1e-4
LARGEST_STEP = 2.0


def is_positive(parameter: Parameter) -> bool:
    """Whether a parameter cannot be negative, whatever the model's own priors: its default prior says so."""
    return parameter.prior.support[0] >= 0


class WstatObjective:
    """Total W, its gradient and second derivatives, in coordinates of the order of 1.

    A parameter that cannot be negative is represented by its logarithm, any other by itself.

    Parameters
    ----------
    spectra : Spectra
    model : SpectralModel
    known_background : ndarray, shape (bin,), optional
        Expected OFF counts of the analysed bins, run after run, where they are given instead of profiled; NaN
        elsewhere. There the statistic is Cash's, ``2 (mu - n_on ln mu)`` with ``mu = s + alpha b``.

    Attributes
    ----------
    penalty_root : ndarray, shape (parameter,)
        One over the standard deviation of a coordinate's normal prior around 0; 0 where there is none.
    """

    def __init__(
        self, spectra: Spectra, model: SpectralModel, known_background: NDArray[np.float64] | None = None
    ) -> None:
        mask = spectra.mask
        self.model = model
        self.names = model.parameter_names
        self.positive = np.array([is_positive(parameter) for parameter in model.parameters])
        self.edges = spectra.energy_true.edges
        self.response = spectra.response[mask]
        self.n_on, self.n_off, self.alpha = spectra.n_on[mask], spectra.n_off[mask], spectra.alpha[mask]
        self.penalty_root = np.zeros(len(self.names))
        self.known_background = np.full(len(self.n_on), np.nan) if known_background is None else known_background

    def to_values(self, coordinates: NDArray[np.float64]) -> NDArray[np.float64]:
        """Convert coordinates to parameter values, shape (..., parameter)."""
        return np.where(self.positive, np.exp(np.where(self.positive, coordinates, 0)), coordinates)

    def to_coordinates(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Convert parameter values to coordinates."""
        return np.where(self.positive, np.log(np.where(self.positive, values, 1)), values)

    def signal(self, coordinates: NDArray[np.float64]) -> NDArray[np.float64]:
        """Predict the signal counts in the analysed bins, shape (..., bin)."""
        values = np.moveaxis(self.to_values(coordinates), -1, 0)
        flux = photons(self.model, dict(zip(self.names, values, strict=True)), self.edges)
        return np.asarray(fold(flux, self.response))

    def background(self, signal: NDArray[np.float64]) -> NDArray[np.float64]:
        """Compute the expected OFF counts, profiled where they are not known, shape (bin,)."""
        profiled = profiled_background(self.n_on, self.n_off, self.alpha, signal)
        return np.where(np.isnan(self.known_background), profiled, self.known_background)

    def total(self, coordinates: NDArray[np.float64]) -> float:
        """Sum W over the analysed bins; infinite where a far-off step overflows."""
        with np.errstate(over="ignore", invalid="ignore"):
            signal = self.signal(coordinates)
        if not np.all(np.isfinite(signal)):
            return float(np.inf)
        profiled = np.isnan(self.known_background)
        penalty = self.penalty(coordinates)
        expected = np.maximum(signal + self.alpha * self.background(signal), np.finfo(float).tiny)
        cash = 2 * (expected - self.n_on * np.log(expected))
        return float(np.where(profiled, wstat(self.n_on, self.n_off, self.alpha, signal), cash).sum()) + penalty

    def gradient(self, coordinates: NDArray[np.float64]) -> NDArray[np.float64]:
        """Differentiate the total W by the coordinates, shape (parameter,)."""
        signal = self.signal(coordinates)
        background = self.background(signal)
        # At the profiled background only the explicit dependence on the signal is left (envelope theorem).
        slope = 2 * (1 - self.n_on / np.maximum(signal + self.alpha * background, np.finfo(float).tiny))
        steps = DERIVATIVE_STEP * np.eye(len(coordinates))
        change = (self.signal(coordinates + steps) - self.signal(coordinates - steps)) / (2 * DERIVATIVE_STEP)
        return np.asarray(change @ slope) + 2 * self.penalty_root**2 * coordinates

    def penalty(self, coordinates: NDArray[np.float64]) -> float:
        """Sum the squares of the coordinates that have a prior, each in standard deviations."""
        return float(((self.penalty_root * coordinates) ** 2).sum())

    def hessian(self, coordinates: NDArray[np.float64]) -> NDArray[np.float64]:
        """Differentiate the total W twice by the coordinates, shape (parameter, parameter)."""
        step = 10 * DERIVATIVE_STEP
        rows = [
            (self.gradient(coordinates + shift) - self.gradient(coordinates - shift)) / (2 * step)
            for shift in step * np.eye(len(coordinates))
        ]
        return (np.array(rows) + np.array(rows).T) / 2

    def natural_derivatives(self, coordinates: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Differentiate once and twice by the parameters themselves (chain rule for those held as logarithms)."""
        gradient, hessian = self.gradient(coordinates), self.hessian(coordinates)
        scale = np.where(self.positive, self.to_values(coordinates), 1)
        hessian = hessian - np.diag(np.where(self.positive, gradient, 0))
        return gradient / scale, hessian / np.outer(scale, scale)

    def minimise(self, start: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
        """Find where the total W is smallest, and that total; that it is a minimum is not checked."""
        from scipy.optimize import minimize

        result: Any = minimize(
            self.total,
            start,
            jac=self.gradient,
            hess=self.hessian,
            method="trust-exact",
            options={"max_trust_radius": LARGEST_STEP, "gtol": 1e-6, "maxiter": 200},
        )
        return np.asarray(result.x), float(result.fun)
