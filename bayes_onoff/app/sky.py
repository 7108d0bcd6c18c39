"""What the events look like on the sky, before anything is fitted."""

from dataclasses import dataclass

import numpy as np
from astropy.table import QTable
from regions import CircleSkyRegion, PointSkyRegion, SkyRegion

from bayes_onoff.app.config import Configuration
from bayes_onoff.app.inputs import Inputs
from bayes_onoff.dl3 import Observation
from bayes_onoff.errors import InputError, ReductionError
from bayes_onoff.plotting.sky_regions import region_center
from bayes_onoff.reduction import SkyImage, counts_image, excess_image, theta_squared_table
from bayes_onoff.reduction.shapes import shape_of

__all__ = ["SkyView", "on_radius", "view_sky"]

LEAST_WIDTH = 2.0
"""deg."""
N_PIXELS = 100
LARGEST_THETA2 = 0.1
"""deg2."""


@dataclass(frozen=True, eq=False, slots=True)
class SkyView:
    """The events around the ON region.

    Parameters
    ----------
    image : SkyImage or None
        Excess, or counts where there is no room to estimate a background; None without event lists.
    theta_squared : QTable or None
        Squared distances from the centre of a small circular ON region or from a point, and from its reflections; None
        where the region is extended or lies too close to a pointing, and for phases.
    missing : tuple of str
        What could not be made, and why.
    off_phases : bool
        Whether the background is of other phases in the ON region.
    """

    image: SkyImage | None = None
    theta_squared: QTable | None = None
    missing: tuple[str, ...] = ()
    off_phases: bool = False


def view_sky(config: Configuration, inputs: Inputs) -> SkyView:
    """Make the image of the excess, and the theta-squared table of a small circle or a point."""
    off_phases = config.reduction.off_regions.method == "phase"
    if not inputs.observations or off_phases:
        return SkyView(off_phases=off_phases)
    missing: list[str] = []
    image = _image(inputs, missing)
    on_region = inputs.reduction.geometries[0].on_region
    is_round = isinstance(on_region, CircleSkyRegion | PointSkyRegion)
    is_small = is_round and on_radius(on_region) ** 2 < LARGEST_THETA2
    return SkyView(image, _theta_squared(inputs, missing) if is_small else None, tuple(missing))


def _runs(inputs: Inputs) -> list[Observation]:
    """Select the runs that were reduced, as a whole or in pieces (``23523-1``)."""
    reduced = {geometry.name.partition("-")[0] for geometry in inputs.reduction.geometries}
    return [run for run in inputs.observations if run.name in reduced]


def _energies(inputs: Inputs) -> tuple[float, float]:
    edges = inputs.reduction.spectra.energy.edges
    return float(edges[0]), float(edges[-1])


def _image(inputs: Inputs, missing: list[str]) -> SkyImage:
    first, runs = inputs.reduction.geometries[0], _runs(inputs)
    width = max(LEAST_WIDTH, 6 * on_radius(first.on_region))
    center, energies = region_center(first.on_region), _energies(inputs)
    try:
        return excess_image(
            runs,
            center,
            width,
            width / N_PIXELS,
            on_region=first.on_region,
            exclusion=first.exclusion,
            energy_range=energies,
        )
    except ReductionError as error:
        missing.append(f"No image of the excess, of the counts instead: {error}.")
        return counts_image(runs, center, width, width / N_PIXELS, energy_range=energies)


def _theta_squared(inputs: Inputs, missing: list[str]) -> QTable | None:
    first, runs = inputs.reduction.geometries[0], _runs(inputs)
    center = region_center(first.on_region)
    nearest = min(float(run.pointing.separation(center).deg) for run in runs)
    edges = np.linspace(0, min(LARGEST_THETA2, 0.8 * nearest**2), 21)
    try:
        return theta_squared_table(runs, center, edges=edges, energy_range=_energies(inputs), exclusion=first.exclusion)
    except InputError as error:
        missing.append(f"No squared distances: {error}.")
        return None


def on_radius(on_region: SkyRegion) -> float:
    """Radius of the circle around the ON region, deg; 0 for a point."""
    return float(np.rad2deg(shape_of(on_region, "on_region").outer_radius))
