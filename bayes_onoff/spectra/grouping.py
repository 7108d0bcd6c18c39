"""Channels of a spectrum put together."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bayes_onoff.axes import EnergyAxis
from bayes_onoff.errors import InputError
from bayes_onoff.spectra.spectrum import SpectrumOnOff

__all__ = ["group_channels"]

_SAME = 1e-6
"""Relative difference up to which acceptances of one group are the same (single-precision files)."""


def _common(values: NDArray[np.generic], starts: NDArray[np.intp], place: str) -> NDArray[np.float64]:
    """Take the one value that all channels of a group have, shape (group,)."""
    numbers = values.astype(float)
    low, high = np.minimum.reduceat(numbers, starts), np.maximum.reduceat(numbers, starts)
    if np.any(high - low > _SAME * high):
        raise InputError("differs between the channels of a group", place=place, allowed="one value a group")
    return low


def group_channels(spectrum: SpectrumOnOff, is_start: ArrayLike) -> SpectrumOnOff:
    """Put neighbouring channels together.

    Counts, expected background and dispersion add up; every spectrum predicts the same signal in a group as in its
    channels together.

    Parameters
    ----------
    spectrum : SpectrumOnOff
        The spectrum in its channels.
    is_start : array-like of bool, shape (energy,)
        Whether a group begins with this channel.

    Returns
    -------
    SpectrumOnOff
        One bin a group.

    Raises
    ------
    InputError
        If the first channel begins no group, or acceptances or masks differ inside a group.
    """
    starting = np.asarray(is_start, dtype=bool)
    place = f"spectrum {spectrum.name}"
    if starting.shape != spectrum.n_on.shape or not starting[0]:
        raise InputError("the first channel begins no group", place=place)
    starts = np.flatnonzero(starting)
    regions = spectrum.n_off_by_region
    common = {
        key: _common(getattr(spectrum, key), starts, f"{place}: {key}")
        for key in ("acceptance", "acceptance_off", "mask_safe", "mask_fit")
    }
    return spectrum.replace(
        energy=EnergyAxis(np.append(spectrum.energy.edges[starts], spectrum.energy.edges[-1]), spectrum.energy.name),
        n_on=np.add.reduceat(spectrum.n_on, starts),
        n_off=np.add.reduceat(spectrum.n_off, starts),
        edisp=np.add.reduceat(spectrum.edisp, starts, axis=1),
        background=None if spectrum.background is None else np.add.reduceat(spectrum.background, starts),
        n_off_by_region=None if regions is None else np.add.reduceat(regions, starts, axis=1),
        acceptance=common["acceptance"],
        acceptance_off=common["acceptance_off"],
        mask_safe=common["mask_safe"] > 0,
        mask_fit=common["mask_fit"] > 0,
    )
