"""Parameters of spectral shapes, and the default priors that several shapes share."""

from dataclasses import dataclass

from bayes_onoff.models.priors import LogNormal, LogNormal10, Normal, Prior

__all__ = [
    "ALPHA",
    "AMPLITUDE",
    "BETA",
    "CUTOFF",
    "CUTOFF_ENERGY",
    "CUTOFF_EXPONENT",
    "INDEX",
    "NORM",
    "TILT",
    "Parameter",
]


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a spectral shape.

    Parameters
    ----------
    name : str
        gammapy's name, for example ``"index"``.
    unit : str
        Unit of the plain float, in astropy's notation.
    prior : Prior
        The default prior, in that unit.
    start : float
        Where maximum-likelihood fits start; the value of a parameter that is fixed unless a prior is given.
    label : str
        For plots, in matplotlib's mathtext.
    description : str
        What it is; after a semicolon, why the default prior or value is what it is.
    free : bool
        Whether it is free unless a value is given. A parameter that is not is fixed at `start` unless a prior is given.
    stated : bool
        Whether a value or a prior must be given: there is no sensible default.
    """

    name: str
    unit: str
    prior: Prior
    start: float
    label: str
    description: str
    free: bool = True
    stated: bool = False


AMPLITUDE = Parameter(
    "amplitude",
    "TeV-1 cm-2 s-1",
    LogNormal10(mu=1e-12, sigma=2.0),
    1e-11,
    r"$\phi_0$",
    "differential flux at the reference energy; two decades either side of a few per cent of the Crab at 1 TeV",
)
INDEX = Parameter(
    "index",
    "",
    Normal(mu=2.5, sigma=1.0),
    2.5,
    r"$\Gamma$",
    "photon index, positive for falling spectra; known TeV sources lie between 1.5 and 4.5",
)
CUTOFF = Parameter(
    "lambda_",
    "TeV-1",
    LogNormal10(mu=0.1, sigma=0.7),
    0.1,
    r"$\lambda$",
    "inverse cutoff energy; cutoffs from 2 to 50 TeV within one standard deviation",
)
CUTOFF_EXPONENT = Parameter(
    "alpha",
    "",
    LogNormal(mu=1.0, sigma=0.5),
    1.0,
    r"$\alpha$",
    "exponent of the cutoff; 1 is exponential, processes known for other values lie between 1/3 and 2",
)
CUTOFF_ENERGY = Parameter(
    "ecut",
    "TeV",
    LogNormal10(mu=10.0, sigma=0.7),
    10.0,
    r"$E_\mathrm{c}$",
    "cutoff energy; from 2 to 50 TeV within one standard deviation",
)
ALPHA = Parameter(
    "alpha", "", Normal(2.5, 1.0), 2.5, r"$\alpha$", "local index at the reference energy; as a power law's"
)
BETA = Parameter(
    "beta",
    "",
    Normal(0.0, 0.5),
    0.1,
    r"$\beta$",
    "curvature in natural logarithms; 0 is a power law, known TeV sources lie below 0.5",
)
NORM = Parameter(
    "norm",
    "",
    LogNormal10(mu=1.0, sigma=0.5),
    1.0,
    r"$n$",
    "factor on what it multiplies; fixed unless given a prior, as the other spectrum has an amplitude of its own",
    free=False,
)
TILT = Parameter("tilt", "", Normal(0.0, 0.5), 0.0, r"$\Delta\Gamma$", "added to the photon index")
