"""Spectral shapes: one formula each, for NumPy and PyTensor alike.

A shape is written once with the functions of an array namespace `xp` (``numpy`` or ``pytensor.tensor``), so the
sampler, the predictive checks and the plots evaluate the same formula. `log` is the natural logarithm. Names of
parameters, and formulas, are those of gammapy 2.1 and the Fermi-LAT tools.
"""

from bayes_onoff.errors import InputError
from bayes_onoff.models.curved import CURVED
from bayes_onoff.models.cutoffs import CUTOFFS
from bayes_onoff.models.parameters import Parameter
from bayes_onoff.models.power_laws import POWER_LAWS
from bayes_onoff.models.shape import Shape

__all__ = ["SHAPES", "Parameter", "Shape", "get_shape"]

SHAPES: dict[str, Shape] = {shape.name: shape for shape in (*POWER_LAWS, *CUTOFFS, *CURVED)}
"""The shapes that are a formula and nothing else."""


def get_shape(name: str) -> Shape:
    """Look up a shape by its hyphenated name.

    Raises
    ------
    InputError
        If there is no shape of that name.
    """
    try:
        return SHAPES[name]
    except KeyError:
        raise InputError("unknown spectral shape", place="model.shape", found=name, allowed=", ".join(SHAPES)) from None
