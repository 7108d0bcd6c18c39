"""One of several instruments: its spectra, with the background and the systematics that are its own."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from bayes_onoff.errors import InputError
from bayes_onoff.inference.settings import BackgroundModel
from bayes_onoff.inference.systematics import NO_SYSTEMATICS, Systematics
from bayes_onoff.spectra import Spectra

__all__ = ["SEPARATOR", "Instrument", "require_instruments"]

SEPARATOR = "::"
"""Between the name of an instrument and that of a parameter of its own."""


@dataclass(frozen=True, eq=False, slots=True)
class Instrument:
    """The data of one instrument in a joint fit.

    Parameters
    ----------
    spectra : Spectra
        Axes, runs and their number are its own.
    background : BackgroundModel
    systematics : Systematics
    """

    spectra: Spectra
    background: BackgroundModel = field(default_factory=BackgroundModel)
    systematics: Systematics = NO_SYSTEMATICS


def require_instruments(instruments: Mapping[str, Instrument]) -> None:
    """Refuse a joint fit of nothing, and names that parameters cannot be called after.

    Raises
    ------
    InputError
        If there is no instrument, or a name is no word.
    """
    if not instruments:
        raise InputError("no instrument", place="instruments", allowed="at least one")
    for name in instruments:
        if not name.replace("-", "_").isidentifier():
            raise InputError(
                "not a name for an instrument", place="instruments", found=name, allowed="letters, digits, - and _"
            )
