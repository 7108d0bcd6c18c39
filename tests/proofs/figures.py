"""Draw the figures of the pages in docs from the records of the proofs:

python -m tests.proofs.figures --toys toys.jsonl --limits limits.jsonl --comparison comparison.jsonl \
    --light-curves light_curves.jsonl --unfolding unfolding.jsonl --out docs/figures
"""

import argparse
import itertools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter
from numpy.typing import NDArray

from bayes_onoff.plotting.style import BLUE, GREEN, GREY, INK, ORANGE, SKY, VERMILLION, new_axes, new_figure
from bayes_onoff.plotting.uniformity import GRID, departure_from_uniform, draw_uniform_band
from tests.proofs.light_curves import LEVELS
from tests.proofs.limits import FACTORS
from tests.proofs.model_comparison import PROBABILITIES, analysed_sets
from tests.proofs.records import read_records
from tests.proofs.toy_rows import GROUPS
from tests.proofs.toy_tables import coverage, shift
from tests.proofs.unfolding import BAND, TRUTHS, detected_energies
from tests.proofs.unfolding import coverage as coverage_of_bands

__all__ = ["draw_comparison", "draw_light_curves", "draw_limits", "draw_toys", "draw_unfolding"]

ANALYSES = {
    "known": ("background known", INK, "|"),
    "pooled": ("pooled", BLUE, "o"),
    "wstat": ("WSTAT", VERMILLION, "s"),
    "jeffreys": ("independent, Gamma(1/2)", GREEN, "^"),
    "flat": ("independent, Gamma(1)", ORANGE, "v"),
}
CUTOFF = "exp-cutoff-power-law"
NOMINAL_68, NOMINAL_95 = 0.68, 0.95

type Records = Sequence[dict[str, Any]]


def draw_toys(records: Records, groups: Sequence[str]) -> Figure:
    """Bias, coverage of the 68 % interval and of the 95 % limit: a line a toy, a mark an analysis."""
    good = [record for record in records if "failure" not in record]
    rows = [row for group in groups for row in GROUPS[group] if any(r["row"] == row.name for r in good)]
    by_row = [[record for record in good if record["row"] == row.name] for row in rows]
    figure = new_figure(10.5, 1.3 + 0.42 * len(rows))
    panels = [
        ("bias (posterior sd)\nagainst the known background", lambda found, name: shift(found, name), 0.0),
        ("coverage of the\n68 % interval", lambda found, name: coverage(found, name)[0], NOMINAL_68),
        ("coverage of the\n95 % upper limit", lambda found, name: coverage(found, name)[1], NOMINAL_95),
    ]
    axes = [new_axes(figure, position=131 + index) for index in range(3)]
    for ax, (title, values, nominal) in zip(axes, panels, strict=True):
        _panel(ax, by_row, values, nominal)
        ax.set_xlabel(title)
    labels = [f"{row.words} ({len(found)})" for row, found in zip(rows, by_row, strict=True)]
    axes[0].set_yticks(range(len(rows)), labels)
    for ax in axes[1:]:
        ax.set_yticks(range(len(rows)), [""] * len(rows))
    handles, names = axes[1].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside upper center", ncols=len(ANALYSES), frameon=False)
    return figure


def _panel(ax: Axes, by_row: Sequence[Records], values: Callable[[Any, str], NDArray[Any]], nominal: float) -> None:
    ax.axvline(nominal, color=GREY, linewidth=1, zorder=0)
    for index, (name, (label, color, marker)) in enumerate(ANALYSES.items()):
        found = [np.asarray(values(records, name), dtype=float) for records in by_row]
        means = [sample.mean() for sample in found]
        errors = [sample.std() / len(sample) ** 0.5 for sample in found]
        height = np.arange(len(by_row)) + 0.13 * (index - 2)
        ax.errorbar(means, height, xerr=errors, fmt=marker, color=color, label=label, markersize=5, linewidth=1.2)
    ax.set_ylim(len(by_row) - 0.5, -0.5)
    ax.margins(x=0.08)


def draw_limits(records: Records) -> Figure:
    """Coverage of the upper limits against the strength of the injected source."""
    figure = new_figure(5.6, 3.8)
    ax = new_axes(figure)
    ax.axhline(NOMINAL_95, color=GREY, linewidth=1, zorder=0)
    for kind, color, marker, move in (("simulated", BLUE, "o", 0.97), ("off-source", VERMILLION, "s", 1.03)):
        chosen = [
            np.array([r["limit"] >= r["norm"] for r in records if (r["kind"], r["factor"]) == (kind, factor)])
            for factor in FACTORS
        ]
        if not all(len(covered) for covered in chosen):
            continue
        means = np.array([covered.mean() for covered in chosen])
        errors = [(mean * (1 - mean) / len(covered)) ** 0.5 for mean, covered in zip(means, chosen, strict=True)]
        words = {"simulated": "simulated runs", "off-source": "real runs, off the source"}[kind]
        ax.errorbar(
            np.array(FACTORS) * move,
            means,
            yerr=errors,
            fmt=marker,
            color=color,
            label=f"{words} ({len(chosen[0])} each)",
        )
    ax.set_xscale("log")
    ax.set_xticks(FACTORS, [f"{factor:g}" for factor in FACTORS])
    ax.minorticks_off()
    ax.set_xlabel("injected source, in median limits of its run")
    ax.set_ylabel("share of 95 % limits above the truth")
    ax.set_ylim(0.88, 1.0)
    ax.legend(frameon=False)
    return figure


def draw_unfolding(records: Records) -> Figure:
    """Coverage of the pointwise 68 % band of unfolded spectra against energy, with the bar in grey."""
    figure = new_figure(7.0, 4.2)
    ax = new_axes(figure)
    ax.axhspan(*BAND, color=GREY, alpha=0.3, linewidth=0, zorder=0)
    ax.axhline(NOMINAL_68, color=GREY, linewidth=1, zorder=0)
    marks = zip(TRUTHS, (BLUE, GREEN, ORANGE, VERMILLION), "os^v", (0.985, 0.995, 1.005, 1.015), strict=True)
    for truth, color, marker, move in marks:
        chosen = [record for record in records if record["truth"] == truth]
        if not chosen:
            continue
        covered = coverage_of_bands(chosen)
        errors = np.sqrt(covered * (1 - covered) / len(chosen))
        style: dict[str, Any] = {"color": color, "marker": marker, "markersize": 4, "linewidth": 1}
        label = f"{truth} ({len(chosen)})"
        ax.errorbar(detected_energies(truth) * move, covered, yerr=errors, label=label, **style)
    ax.set_xscale("log")
    ax.set_xticks([0.5, 1, 2, 5, 10], ["0.5", "1", "2", "5", "10"])
    ax.minorticks_off()
    ax.set_xlabel("true energy [TeV]")
    ax.set_ylabel("share of 68 % bands that hold the truth")
    ax.set_ylim(0, 1)
    ax.legend(frameon=False, loc="lower right")
    return figure


def draw_comparison(records: Records) -> Figure:
    """Draw how often a cutoff of some probability is there, and what the evidence says of two fixed truths."""
    records = analysed_sets(records)
    figure = new_figure(9.0, 3.8)
    ax, other = new_axes(figure, position=121), new_axes(figure, position=122)
    drawn = [record for record in records if record["kind"] == "prior"]
    probability = 1 / (1 + np.exp(-np.array([record["log_bayes_factor"] for record in drawn])))
    is_cutoff = np.array([record["truth"] == CUTOFF for record in drawn])
    ax.plot([0, 1], [0, 1], color=GREY, linewidth=1, zorder=0)
    for low, high in itertools.pairwise(PROBABILITIES):
        inside = (probability >= low) & ((probability < high) | (high == 1.0))
        if inside.any():
            p, found = probability[inside], is_cutoff[inside].mean()
            ax.errorbar(p.mean(), found, yerr=np.sqrt(p @ (1 - p)) / inside.sum(), fmt="o", color=BLUE, markersize=5)
    ax.set_xlabel("probability of a cutoff")
    ax.set_ylabel(f"share of cutoffs among the truths ({len(drawn)} sets)")
    edges = np.arange(-4.5, 6.1, 0.75)
    for truth, color, label in (("power-law", VERMILLION, "power law"), (CUTOFF, BLUE, "cutoff at 10 TeV")):
        chosen = [r["log_bayes_factor"] for r in records if (r["kind"], r["truth"]) == ("fixed", truth)]
        counted = np.clip(chosen, edges[0], edges[-1])
        other.hist(counted, edges, histtype="step", color=color, linewidth=1.5, label=f"{label} ({len(chosen)} sets)")
    other.axvline(0, color=GREY, linewidth=1, zorder=0)
    other.set_xlabel("ln Bayes factor, cutoff over power law")
    other.set_ylabel("sets")
    other.legend(frameon=False, title="truth")
    return figure


def draw_light_curves(records: Records) -> Figure:
    """Draw where true F_var lie in their posteriors, and the limits on F_var of a constant source."""
    figure = new_figure(9.0, 3.8)
    ax, other = new_axes(figure, position=121), new_axes(figure, position=122)
    colors = dict(zip(LEVELS, (SKY, BLUE, GREEN, VERMILLION), strict=True))
    ranks = {
        level: np.array([r["rank"]["fvar_population"] for r in records if (r["kind"], r["level"]) == ("sbc", level)])
        for level in LEVELS
    }
    n_sets = max(map(len, ranks.values()))
    for level, found in ranks.items():
        if len(found):
            ax.plot(GRID, departure_from_uniform(found), color=colors[level], label=f"{level} counts")
    draw_uniform_band(ax, n_sets)
    ax.axhline(0, color=GREY, linewidth=1, zorder=0)
    ax.set_ylim(-0.14, 0.18)
    ax.set_xlabel("share of the draws below the true F$_\\mathrm{var}$")
    ax.set_ylabel(f"cumulative share of {n_sets} sets, less that share")
    ax.legend(frameon=False, fontsize="small", ncols=2, loc="upper left")
    for level, color in colors.items():
        constant = [r for r in records if (r["kind"], r["level"], r["scatter"]) == ("fixed", level, 0.0)]
        if constant:
            error = np.median([r["relative_error"] for r in constant])
            low, middle, high = np.quantile([r["limit"]["fvar_population"] for r in constant], [0.16, 0.5, 0.84])
            span = [[middle - low], [high - middle]]
            other.errorbar(
                error, middle, yerr=span, fmt="o", color=color, label=f"{level} counts ({len(constant)} sets)"
            )
    other.set_xscale("log")
    other.set_yscale("log")
    other.xaxis.set_minor_formatter(NullFormatter())
    other.yaxis.set_minor_formatter(NullFormatter())
    other.set_xlabel("relative error of one flux")
    other.set_ylabel("95 % limit on F$_\\mathrm{var}$, constant source")
    return figure


def main(arguments: list[str] | None = None) -> None:
    """Write the figures as PNG."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--toys", type=Path)
    parser.add_argument("--limits", type=Path)
    parser.add_argument("--unfolding", type=Path)
    parser.add_argument("--comparison", type=Path)
    parser.add_argument("--light-curves", type=Path)
    parser.add_argument("--out", type=Path, required=True, help="folder")
    chosen = parser.parse_args(arguments)
    chosen.out.mkdir(parents=True, exist_ok=True)
    if chosen.toys:
        records = read_records(chosen.toys)
        for name, groups in (("toys", ("energy",)), ("toys-bins", ("bins",)), ("toys-outside", ("outside",))):
            if any(record["row"] == row.name for group in groups for row in GROUPS[group] for record in records):
                draw_toys(records, groups).savefig(chosen.out / f"{name}.png", dpi=110)
    if chosen.limits:
        draw_limits(read_records(chosen.limits)).savefig(chosen.out / "limits.png", dpi=110)
    if chosen.unfolding:
        draw_unfolding(read_records(chosen.unfolding)).savefig(chosen.out / "unfolding.png", dpi=110)
    if chosen.comparison:
        draw_comparison(read_records(chosen.comparison)).savefig(chosen.out / "comparison.png", dpi=110)
    if chosen.light_curves:
        draw_light_curves(read_records(chosen.light_curves)).savefig(chosen.out / "light-curves.png", dpi=110)


if __name__ == "__main__":
    main()
