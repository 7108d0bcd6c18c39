"""Priors elicited with PreliZ, as priors of this package. PreliZ itself is not needed here."""

from collections.abc import Callable
from math import exp
from typing import Any

from bayes_onoff.errors import InputError
from bayes_onoff.models.priors import HalfNormal, LogNormal, Normal, Prior, TruncatedNormal, Uniform

__all__ = ["as_prior"]

_FROM_PRELIZ: dict[str, Callable[..., Prior]] = {
    "Normal": Normal,
    "LogNormal": lambda mu, sigma: LogNormal(exp(mu), sigma),  # PreliZ and PyMC state the mean of ln(value)
    "HalfNormal": HalfNormal,
    "Uniform": Uniform,
    "TruncatedNormal": TruncatedNormal,
}


def as_prior(prior: Any, place: str = "prior") -> Prior:
    """Take a prior of this package as it is, and a PreliZ distribution as the prior that has its density.

    Parameters
    ----------
    prior : Prior or PreliZ distribution
        The latter with all its parameters set, by hand or by one of PreliZ's ways to elicit them (`maxent`,
        `quartile`), in the parameter's unit; Normal, LogNormal, HalfNormal, Uniform or TruncatedNormal.
    place : str
        The name to blame in the error.

    Raises
    ------
    InputError
        If it is neither, or of another family, or a parameter is not set.
    """
    if isinstance(prior, Prior):
        return prior
    family = type(prior).__name__
    if not type(prior).__module__.startswith("preliz.") or family not in _FROM_PRELIZ:
        raise InputError(
            "not a prior",
            place=place,
            found=family,
            allowed=f"a prior of bayes_onoff.models, or one of PreliZ's {', '.join(_FROM_PRELIZ)}",
        )
    if not prior.is_frozen:
        raise InputError("a parameter is not set", place=place, found=f"PreliZ's {family}", allowed="all of them")
    return _FROM_PRELIZ[family](**{name: float(value) for name, value in prior.params_dict.items()})
