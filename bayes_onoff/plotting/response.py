"""The response of a run to look at: effective area, energy dispersion, point-spread function."""

from collections.abc import Sequence
from typing import Literal, Protocol

import astropy.units as u
import numpy as np
from astropy.coordinates import SkyCoord
from matplotlib.axes import Axes
from matplotlib.figure import FigureBase
from matplotlib.lines import Line2D
from numpy.typing import ArrayLike, NDArray

from bayes_onoff.errors import InputError
from bayes_onoff.plotting.style import (
    BLUE,
    GREY,
    VERMILLION,
    draw_legend,
    energy_axis,
    fading,
    ink,
    new_axes,
    new_figure,
    run_colors,
)
from bayes_onoff.units import AREA

__all__ = [
    "AreaResponse",
    "DispersionResponse",
    "PSFResponse",
    "RadiusCut",
    "RunResponse",
    "plot_effective_area",
    "plot_energy_dispersion",
    "plot_psf",
    "plot_rad_max",
    "plot_response",
]

_MAX_LINES = 6
_N_ENERGIES = 200
_TRUE = "True energy [TeV]"
_DASHES: tuple[Literal["-", "--", ":", "-."], ...] = ("-", "--", ":", "-.")


class Axis(Protocol):
    """An axis of a response; `bayes_onoff.dl3.IrfAxis` is one."""

    @property
    def edges(self) -> NDArray[np.float64]: ...
    @property
    def centers(self) -> NDArray[np.float64]: ...


class OffsetResponse(Protocol):
    """A response against true energy (TeV) and offset from the pointing (deg)."""

    @property
    def energy_axis(self) -> Axis: ...
    @property
    def offset_axis(self) -> Axis: ...


class AreaResponse(OffsetResponse, Protocol):
    """Effective area; `bayes_onoff.dl3.EffectiveArea` is one."""

    @property
    def low_threshold(self) -> float | None: ...  # noqa: D102
    @property
    def high_threshold(self) -> float | None: ...  # noqa: D102
    @property
    def rad_max(self) -> float | None: ...  # noqa: D102
    def evaluate(self, energy: ArrayLike, offset: ArrayLike) -> NDArray[np.float64]: ...  # noqa: D102


class DispersionResponse(OffsetResponse, Protocol):
    """Energy dispersion; `bayes_onoff.dl3.EnergyDispersion` is one."""

    @property
    def migra_axis(self) -> Axis: ...  # noqa: D102
    def evaluate(  # noqa: D102
        self, energy: ArrayLike, migra: ArrayLike, offset: ArrayLike
    ) -> NDArray[np.float64]: ...


class PSFResponse(OffsetResponse, Protocol):
    """Point-spread function; every `bayes_onoff.dl3.PSF` is one."""

    def containment_radius(  # noqa: D102
        self, fraction: float, energy: ArrayLike, offset: ArrayLike
    ) -> NDArray[np.float64]: ...


class RadiusCut(OffsetResponse, Protocol):
    """Energy-dependent directional cut, against reconstructed energy; `bayes_onoff.dl3.RadMax` is one."""

    def evaluate(self, energy: ArrayLike, offset: ArrayLike) -> NDArray[np.float64]: ...  # noqa: D102


class RunResponse(Protocol):
    """What `plot_response` needs to know of a run; `bayes_onoff.dl3.Observation` has it."""

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def aeff(self) -> AreaResponse: ...  # noqa: D102
    @property
    def edisp(self) -> DispersionResponse: ...  # noqa: D102
    @property
    def psf(self) -> PSFResponse | None: ...  # noqa: D102
    @property
    def rad_max(self) -> RadiusCut | None: ...  # noqa: D102
    @property
    def pointing(self) -> SkyCoord: ...  # noqa: D102


def plot_effective_area(aeff: AreaResponse, *, offsets: Sequence[float] | None = None, ax: Axes | None = None) -> Axes:
    """Draw the effective area against true energy, a line for each offset, and the thresholds of the file.

    Parameters
    ----------
    aeff : EffectiveArea
        The response.
    offsets : sequence of float, optional
        Offsets from the pointing, deg; by default up to six of the file's.
    ax : Axes, optional
        Made here if None.

    Returns
    -------
    Axes

    Raises
    ------
    InputError
        If the area is zero at all these offsets.
    """
    ax = new_axes() if ax is None else ax
    chosen = _offsets(aeff, offsets)
    energies = _energies(aeff)
    areas = aeff.evaluate(energies[:, None], np.asarray(chosen)) * AREA.to(u.m**2)
    if not np.any(areas > 0):
        raise InputError("the effective area is zero", place="offsets", found=f"{_listed(chosen)} deg")
    seen = np.flatnonzero(areas.max(axis=1) > 0)
    energies, areas = energies[seen[0] : seen[-1] + 1], areas[seen[0] : seen[-1] + 1]
    for offset, color, area in zip(chosen, run_colors(len(chosen)), areas.T, strict=True):
        ax.plot(energies, np.where(area > 0, area, np.nan), color=color, linewidth=1.4, label=f"{offset:.3g}°")
    for key, threshold in (("LO_THRES", aeff.low_threshold), ("HI_THRES", aeff.high_threshold)):
        if threshold is not None and energies[0] < threshold < energies[-1]:
            ax.axvline(threshold, color=GREY, linestyle=":", linewidth=1.4, label=key)
    ax.set_yscale("log")
    highest = float(areas.max())
    ax.set_ylim(max(float(areas[areas > 0].min()), 1e-5 * highest), 2 * highest)
    energy_axis(ax, energies[0], energies[-1], _TRUE)
    ax.set_ylabel("Effective area [m²]")
    _titled_legend(ax, "lower right", "offset")
    return ax


def plot_energy_dispersion(edisp: DispersionResponse, *, offset: float | None = None, ax: Axes | None = None) -> Axes:
    """Draw the density of reconstructed over true energy against true energy, with its median and central 68 %.

    Parameters
    ----------
    edisp : EnergyDispersion
        The response.
    offset : float, optional
        Offset from the pointing, deg; by default that of the file nearest to 0.5 deg.
    ax : Axes, optional
        Made here if None.

    Returns
    -------
    Axes

    Raises
    ------
    InputError
        If the dispersion is zero at this offset.
    """
    ax = new_axes() if ax is None else ax
    offset = _typical_offset(edisp) if offset is None else offset
    energies, edges = _energies(edisp), edisp.migra_axis.edges
    density = edisp.evaluate(energies[:, None], edisp.migra_axis.centers[None, :], offset)
    cumulative = np.cumsum(density * np.diff(edges), axis=1)
    total = cumulative[:, -1]
    if not np.any(total > 0):
        raise InputError("the energy dispersion is zero", place="offset", found=f"{offset:g} deg")
    limits = np.sqrt(energies[:-1] * energies[1:])
    limits = np.concatenate([[energies[0]], limits, [energies[-1]]])
    strongest = float(np.quantile(density[density > 0], 0.995))
    ax.pcolormesh(limits, edges, density.T, cmap=fading(BLUE, 0.9), vmin=0, vmax=strongest, rasterized=True)
    median, *sides = (_quantile(cumulative, edges, fraction) for fraction in (0.5, 0.16, 0.84))
    ax.plot(energies, median, color=VERMILLION, linewidth=1.5, label="median")
    for side, label in zip(sides, ("central 68 %", None), strict=True):
        ax.plot(energies, side, color=VERMILLION, linewidth=1.0, linestyle="--", label=label)
    ax.axhline(1.0, color=GREY, linewidth=0.8)
    highest = float(np.nanmax(_quantile(cumulative, edges, 0.995)))
    ax.set_ylim(edges[0], min(edges[-1], max(1.5, min(highest, 3.0))))
    energy_axis(ax, energies[0], energies[-1], _TRUE)
    ax.set_ylabel("Reconstructed / true energy")
    _titled_legend(ax, "upper right", f"offset {offset:.3g}°")
    return ax


def plot_psf(
    psf: PSFResponse,
    *,
    offsets: Sequence[float] | None = None,
    fractions: Sequence[float] = (0.68, 0.95),
    ax: Axes | None = None,
) -> Axes:
    """Draw the radius that contains a fraction of the events of a point source, against true energy.

    Parameters
    ----------
    psf : PSF
        The response.
    offsets : sequence of float, optional
        Offsets from the pointing, deg; by default up to six of the file's.
    fractions : sequence of float
        Between 0 and 1; a line style each, at most four.
    ax : Axes, optional
        Made here if None.

    Returns
    -------
    Axes

    Raises
    ------
    InputError
        If a fraction is none, or there are more than four.
    """
    if not 0 < len(fractions) <= len(_DASHES) or not all(0 < fraction < 1 for fraction in fractions):
        raise InputError(
            "not fractions to draw", place="fractions", found=_listed(fractions), allowed="one to four, between 0 and 1"
        )
    ax = new_axes() if ax is None else ax
    chosen = _offsets(psf, offsets)
    energies = _energies(psf)
    colors = run_colors(len(chosen))
    highest = 0.0
    for fraction, dashes in zip(fractions, _DASHES, strict=False):
        radii = psf.containment_radius(fraction, energies[:, None], np.asarray(chosen))
        # At the threshold a few simulated events scatter widely; they do not set the scale.
        highest = max(highest, float(np.nanquantile(radii, 0.97)) if np.isfinite(radii).any() else 0.0)
        for radius, color in zip(radii.T, colors, strict=True):
            ax.plot(energies, radius, color=color, linestyle=dashes, linewidth=1.4)
    key = [Line2D([], [], color=color, label=f"{offset:.3g}°") for offset, color in zip(chosen, colors, strict=True)]
    key += [
        Line2D([], [], color=ink(ax), linestyle=dashes, linewidth=1.0, label=f"{100 * fraction:g} %")
        for fraction, dashes in zip(fractions, _DASHES, strict=False)
    ]
    ax.set_ylim(0, 1.4 * highest if highest > 0 else 1.0)
    energy_axis(ax, energies[0], energies[-1], _TRUE)
    ax.set_ylabel("Containment radius [deg]")
    draw_legend(ax, handles=key, loc="upper right", ncols=4, columnspacing=1.0, handlelength=1.6)
    return ax


def plot_rad_max(rad_max: RadiusCut, *, offsets: Sequence[float] | None = None, ax: Axes | None = None) -> Axes:
    """Draw the directional cut of a point-like response against reconstructed energy, a line for each offset.

    Parameters
    ----------
    rad_max : RadMax
        The cut.
    offsets : sequence of float, optional
        Offsets from the pointing, deg; by default up to six of the file's.
    ax : Axes, optional
        Made here if None.

    Returns
    -------
    Axes
    """
    ax = new_axes() if ax is None else ax
    chosen = _offsets(rad_max, offsets)
    edges, centers = rad_max.energy_axis.edges, rad_max.energy_axis.centers
    if not np.all(np.isfinite(edges) & (edges > 0)):  # a single node holds everywhere
        edges = np.array([0.01, 100.0])
    highest = 0.0
    for offset, color in zip(chosen, run_colors(len(chosen)), strict=True):
        radii = rad_max.evaluate(centers, offset)
        ax.stairs(radii, edges, baseline=None, color=color, linewidth=1.5, label=f"{offset:.3g}°")
        highest = max(highest, float(radii.max()))
    ax.set_ylim(0, 1.15 * highest if highest > 0 else 1.0)
    energy_axis(ax, edges[0], edges[-1], "Reconstructed energy [TeV]")
    ax.set_ylabel("Directional cut RAD_MAX [deg]")
    _titled_legend(ax, "upper right", "offset")
    return ax


def plot_response(
    observation: RunResponse, *, position: SkyCoord | None = None, figure: FigureBase | None = None
) -> tuple[Axes, Axes, Axes]:
    """Draw effective area, energy dispersion and point-spread function of a run side by side.

    A point-like response has a directional cut instead of a point-spread function; that is drawn then.

    Parameters
    ----------
    observation : Observation
        The run.
    position : SkyCoord, optional
        Take the dispersion at the offset of this position.
    figure : Figure or SubFigure, optional
        An empty figure to draw into.

    Returns
    -------
    tuple of Axes
        Area, dispersion, point-spread function (or cut).
    """
    figure = new_figure(13.0, 4.0) if figure is None else figure
    area, dispersion, spread = (new_axes(figure, position=130 + i) for i in (1, 2, 3))
    offset = None if position is None else float(observation.pointing.separation(position).deg)
    plot_effective_area(observation.aeff, ax=area)
    plot_energy_dispersion(observation.edisp, offset=offset, ax=dispersion)
    if observation.psf is not None:
        plot_psf(observation.psf, ax=spread)
    elif observation.rad_max is not None:
        plot_rad_max(observation.rad_max, ax=spread)
    else:
        cut = observation.aeff.rad_max
        text = "no point-spread function" if cut is None else f"directional cut {cut:.3g}° at all energies"
        spread.text(0.5, 0.5, text, transform=spread.transAxes, ha="center", va="center", color=ink(spread))
        spread.set_axis_off()
    for ax in (dispersion, spread) if observation.psf is not None else (dispersion,):
        energy_axis(ax, *area.get_xlim(), _TRUE)
    area.set_title(f"run {observation.name}", loc="left")
    return area, dispersion, spread


def _offsets(response: OffsetResponse, offsets: Sequence[float] | None) -> list[float]:
    """Offsets to draw: those asked for, or some of the file's, evenly chosen."""
    if offsets is not None:
        return [float(offset) for offset in offsets]
    centers = response.offset_axis.centers
    chosen = np.unique(np.linspace(0, len(centers) - 1, _MAX_LINES).round().astype(int))
    return [float(center) for center in centers[chosen]]


def _typical_offset(response: OffsetResponse) -> float:
    centers = response.offset_axis.centers
    return float(centers[np.argmin(np.abs(centers - 0.5))])


def _energies(response: OffsetResponse) -> NDArray[np.float64]:
    """Where to evaluate: between the first and last centre; around it if there is one alone."""
    centers = response.energy_axis.centers
    if len(centers) == 1:
        return np.asarray(centers[0] * np.geomspace(0.5, 2, _N_ENERGIES))
    return np.geomspace(centers[0], centers[-1], _N_ENERGIES)


def _quantile(cumulative: NDArray[np.float64], edges: NDArray[np.float64], fraction: float) -> NDArray[np.float64]:
    """Where the cumulative distribution of each row (row, bin) reaches a fraction of its total; nan without any."""
    padded = np.concatenate([np.zeros((len(cumulative), 1)), cumulative], axis=1)
    found = [np.interp(fraction * row[-1], row, edges) if row[-1] > 0 else np.nan for row in padded]
    return np.asarray(found)


def _titled_legend(ax: Axes, loc: str, title: str) -> None:
    draw_legend(ax, loc=loc, title=title, title_fontsize=9).get_title().set_color(ink(ax))


def _listed(values: Sequence[float]) -> str:
    return ", ".join(f"{value:g}" for value in values)
