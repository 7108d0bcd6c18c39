"""Draw the figures of the pages in docs that show an analysis, not a proof:

GAMMAPY_DATA=... python -m tests.proofs.page_figures --out docs/figures

`detection.png`: one ON/OFF pair. `light-curve-example.png`: six simulated nights. `systematics.png`: MAGIC and H.E.S.S.
spectra of the Crab nebula (joint-crab) with exact and with uncertain energy scales.
"""

import argparse
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.ndimage import gaussian_filter

from bayes_onoff.inference import (
    Instrument,
    JointPosterior,
    SamplerSettings,
    Systematics,
    fit_group_norms,
    fit_joint,
    fit_light_curve,
)
from bayes_onoff.models import SpectralModel
from bayes_onoff.plotting import plot_light_curve
from bayes_onoff.plotting.style import BLUE, GREY, VERMILLION, new_axes, new_figure
from bayes_onoff.products import WstatFit, fit_wstat_joint, light_curve
from bayes_onoff.spectra import OnOffPosterior, read_ogip_files, with_fit_range
from tests.proofs.light_curves import LEVELS, MODEL, toy_with_counts

__all__ = ["draw_detection", "draw_light_curve", "draw_systematics"]


def draw_detection() -> Figure:
    """Draw the posterior of the signal of 14 ON and 80 OFF counts, alpha 0.1, under both priors."""
    figure = new_figure(6.0, 3.6)
    ax = new_axes(figure)
    signal = np.linspace(0, 20, 801)
    for prior, color in (("flat", BLUE), ("jeffreys", VERMILLION)):
        found = OnOffPosterior(n_on=14, n_off=80, alpha=0.1, prior=prior)  # type: ignore[arg-type]
        ax.plot(signal, np.exp(found.log_density(signal)), color=color, label=prior)
        low, high = found.hpd()
        inside = (signal >= low) & (signal <= high)
        ax.fill_between(signal[inside], np.exp(found.log_density(signal[inside])), color=color, alpha=0.15, linewidth=0)
        ax.axvline(found.limit(0.95), color=color, linestyle="--", linewidth=1)
    ax.axvline(14 - 8, color=GREY, linewidth=1)
    ax.set_xlim(0, 20)
    ax.set_ylim(bottom=0)
    ax.set_xlabel("signal, counts")
    ax.set_ylabel("posterior density")
    ax.legend(frameon=False, title="prior")
    return figure


def draw_light_curve() -> Figure:
    """Draw six simulated nights with 60 excess counts each, whose fluxes scatter by 0.5 in ln(flux)."""
    rng = np.random.default_rng(2026)
    factors = np.exp(0.5 * rng.standard_normal(6) - 0.125)
    spectra = toy_with_counts(LEVELS["some"], factors, rng)
    settings = SamplerSettings(seed=1)
    posterior = fit_light_curve(spectra, MODEL, settings=settings, progress=False)
    alone = fit_group_norms(spectra, MODEL, posterior.medians, settings=settings, progress=False)
    figure = new_figure(9.0, 4.0)
    plot_light_curve(light_curve(posterior, alone), figure=figure)
    return figure


def draw_systematics(data: Path) -> Figure:
    """Draw amplitude, index and curvature with energy scales exact and uncertain by 15 %."""
    figure = new_figure(9.0, 3.8)
    axes = [new_axes(figure, position=121), new_axes(figure, position=122)]
    model = SpectralModel("log-parabola")
    for systematics, color, label in (
        (Systematics(), BLUE, "energy scales exact"),
        (Systematics(energy_scale=0.15), VERMILLION, "uncertain by 15 %"),
    ):
        instruments = _joint_crab(data, systematics)
        joint = fit_joint(instruments, model, SamplerSettings(seed=1), progress=False)
        fit = fit_wstat_joint(instruments, model)
        for ax, names in zip(axes, (("amplitude", "alpha"), ("alpha", "beta")), strict=True):
            _draw_pair(ax, joint, fit, names, color, label)
    words = {
        "amplitude": "amplitude at 1 TeV, 10$^{-11}$ cm$^{-2}$ s$^{-1}$ TeV$^{-1}$",
        "alpha": "α",
        "beta": "β",
    }
    for ax, (x, y) in zip(axes, (("amplitude", "alpha"), ("alpha", "beta")), strict=True):
        ax.set_xlabel(words[x])
        ax.set_ylabel(words[y])
    axes[0].legend(frameon=False)
    return figure


def _joint_crab(data: Path, systematics: Systematics) -> dict[str, Instrument]:
    """Read MAGIC and H.E.S.S. up to 30 TeV."""
    found = {}
    for name, low in (("magic", 0.08), ("hess", 0.0)):
        files = sorted((data / "joint-crab/spectra" / name).glob("pha_obs*.fits"))
        found[name] = Instrument(with_fit_range(read_ogip_files(files), low, 30.0), systematics=systematics)
    return found


def _draw_pair(ax: Axes, joint: JointPosterior, fit: WstatFit, names: tuple[str, str], color: str, label: str) -> None:
    """Draw the 68 % and 95 % regions of two parameters, and the WSTAT fit with its errors."""
    unit = {"amplitude": 1e-11}
    values: Mapping[str, Any] = joint.values
    x, y = (np.ravel(values[name]) / unit.get(name, 1.0) for name in names)
    density, x_edges, y_edges = np.histogram2d(x, y, bins=40)
    density = gaussian_filter(density, 1.5)
    ordered = np.sort(density.ravel())[::-1]
    levels = sorted(ordered[np.searchsorted(np.cumsum(ordered) / ordered.sum(), share)] for share in (0.68, 0.95))
    centers = [(edges[1:] + edges[:-1]) / 2 for edges in (x_edges, y_edges)]
    ax.contour(*centers, density.T, levels=levels, colors=color, linewidths=(0.9, 1.6))
    best, errors = ([found[name] / unit.get(name, 1.0) for name in names] for found in (fit.values, fit.errors))
    ax.errorbar(best[0], best[1], xerr=errors[0], yerr=errors[1], color=color, fmt="s", markersize=4, label=label)


def main(arguments: list[str] | None = None) -> None:
    """Write the figures as PNG."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder")
    chosen = parser.parse_args(arguments)
    chosen.out.mkdir(parents=True, exist_ok=True)
    draw_detection().savefig(chosen.out / "detection.png", dpi=110)
    draw_light_curve().savefig(chosen.out / "light-curve-example.png", dpi=110)
    draw_systematics(Path(os.environ["GAMMAPY_DATA"])).savefig(chosen.out / "systematics.png", dpi=110)


if __name__ == "__main__":
    main()
