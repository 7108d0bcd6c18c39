"""Bayes factors in words, and probabilities of models."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["bayes_factor_words", "model_probabilities"]

_WORDS = (
    (1.0, "not worth more than a bare mention"),
    (3.0, "positive"),
    (5.0, "strong"),
    (np.inf, "very strong"),
)
"""Kass and Raftery (1995, doi:10.1080/01621459.1995.10476572): limits of ln(Bayes factor) 1, 3 and 5."""


def bayes_factor_words(log_bayes_factor: float) -> str:
    """Name the strength of evidence for the better model on the scale of Kass and Raftery (1995).

    Parameters
    ----------
    log_bayes_factor : float
        Natural logarithm; its sign plays no part.
    """
    return next(words for limit, words in _WORDS if abs(log_bayes_factor) < limit or limit == np.inf)


def model_probabilities(log_evidences: NDArray[np.float64]) -> NDArray[np.float64]:
    """Compute posterior probabilities of models that are equally probable beforehand, shape (model,)."""
    relative = np.exp(log_evidences - log_evidences.max())
    return np.asarray(relative / relative.sum())
