"""What the user chooses about background and sampling, as plain data."""

from dataclasses import asdict, dataclass
from importlib.util import find_spec
from typing import Any, Literal, get_args

from bayes_onoff.errors import InputError

__all__ = ["LEARNED", "BackgroundModel", "SamplerName", "SamplerSettings", "require_sampler"]

SamplerName = Literal["nutpie", "pymc", "numpyro", "blackjax"]
BackgroundPrior = Literal["pooled", "independent"]

LEARNED: Literal["learned"] = "learned"
"""The uncertainty of the acceptance ratio is learned from the scatter between OFF regions."""


def _check_choice(value: str, allowed: tuple[str, ...], place: str) -> None:
    if value not in allowed:
        raise InputError("unknown choice", place=place, found=value, allowed=", ".join(allowed))


@dataclass(frozen=True, slots=True)
class BackgroundModel:
    """How the latent background rates are tied together.

    Parameters
    ----------
    prior : {"pooled", "independent"}
        ``pooled``: a level per run, a smooth shape common to the runs and a per-bin deviation, with learned scales.
        ``independent``: each expected OFF count has its own Gamma prior.
    shape, rate : float
        Of the Gamma prior (only ``independent``); the rate in 1/counts. Shape 1/2 is Jeffreys' prior, shape 1
        with a vanishing rate XSPEC's ``lstat``.
    marginal : bool
        Integrate the latent rates out instead of sampling them. The posterior is the same.
    alpha_uncertainty : float or "learned", optional
        Relative uncertainty (1 sigma, of the logarithm) of each run's ON/OFF acceptance ratio, the same at all
        energies of the run. ``"learned"``: from the scatter of the counts between OFF regions of one run. By default
        the ratios are certain.
    shape_from : {"irf"}, optional
        Measure the shape of the pooled background from that of each run's background response (`background` of its
        spectrum): level, slope and curve describe the departure from it. By default from counts constant in ln E.

    Raises
    ------
    InputError
        If a value is not allowed.
    """

    prior: BackgroundPrior = "pooled"
    shape: float = 0.5
    rate: float = 1e-3
    marginal: bool = False
    alpha_uncertainty: float | Literal["learned"] | None = None
    shape_from: Literal["irf"] | None = None

    def __post_init__(self) -> None:
        _check_choice(self.prior, get_args(BackgroundPrior), "background.prior")
        if self.shape_from is not None:
            _check_choice(self.shape_from, ("irf",), "background.shape_from")
            if self.prior != "pooled":
                raise InputError(
                    "only a pooled background has a shape",
                    place="background.shape_from",
                    found=f"prior {self.prior}",
                    allowed="prior pooled",
                )
        for key in ("shape", "rate"):
            if not 0 < getattr(self, key) < float("inf"):
                raise InputError(
                    "not a positive number", place=f"background.{key}", found=getattr(self, key), allowed="above 0"
                )
        known = self.alpha_uncertainty in (None, LEARNED)
        if not known and (isinstance(self.alpha_uncertainty, str) or not 0 < float(self.alpha_uncertainty or 0) < 1):
            raise InputError(
                "not a relative uncertainty",
                place="background.alpha_uncertainty",
                found=self.alpha_uncertainty,
                allowed=f"a number between 0 and 1, or {LEARNED!r}",
            )

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class SamplerSettings:
    """How to sample.

    Parameters
    ----------
    draws, tune, chains : int
        Kept and discarded draws per chain; number of chains.
    seed : int
        Of everything random in a fit.
    target_accept : float
        NUTS' target acceptance.
    sampler : {"nutpie", "pymc", "numpyro", "blackjax"}
        The last two need the ``jax`` extra.

    Raises
    ------
    InputError
        If a value is not allowed.
    """

    draws: int = 1000
    tune: int = 1000
    chains: int = 4
    seed: int = 0
    target_accept: float = 0.9
    sampler: SamplerName = "nutpie"

    def __post_init__(self) -> None:
        _check_choice(self.sampler, get_args(SamplerName), "sampling.sampler")
        for key, least in (("draws", 4), ("tune", 0), ("chains", 1), ("seed", 0)):
            if getattr(self, key) < least:
                raise InputError(
                    "too small", place=f"sampling.{key}", found=getattr(self, key), allowed=f"at least {least}"
                )
        if not 0 < self.target_accept < 1:
            raise InputError(
                "not between 0 and 1", place="sampling.target_accept", found=self.target_accept, allowed="0.6 to 0.999"
            )

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


def require_sampler(settings: SamplerSettings) -> None:
    """Refuse a sampler whose packages are not installed here.

    Raises
    ------
    InputError
        If one is missing.
    """
    needed = ("jax", settings.sampler) if settings.sampler in ("numpyro", "blackjax") else ()
    missing = [package for package in needed if find_spec(package) is None]
    if missing:
        raise InputError(
            f"the sampler needs packages that are not installed: {', '.join(missing)}",
            place="sampling.sampler",
            found=settings.sampler,
            allowed="install bayes-onoff[jax], or use nutpie or pymc",
        )
