"""From the records of the toys to the markdown tables of the proof."""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.proofs.toy_pooled import CHECKS
from tests.proofs.toy_rows import GROUPS, ROWS, TRUE_NORM

__all__ = ["all_tables", "coverage", "shift"]

type Records = list[dict[str, Any]]

OTHERS = {"shape": "shape known", "wstat": "WSTAT", "jeffreys": "Gamma(1/2)", "flat": "Gamma(1)"}
P_FLAGGED = 0.05


def _column(records: Records, analysis: str, key: str) -> NDArray[np.float64]:
    return np.array([record[analysis][key] for record in records], dtype=float)


def _proportion(hits: NDArray[np.bool_]) -> str:
    """A proportion and its Monte-Carlo error; at 0 and 1 the error of one more and one less."""
    n = len(hits)
    smoothed = (hits.sum() + 0.5) / (n + 1)
    return f"{hits.mean():.3f} ± {(smoothed * (1 - smoothed) / n) ** 0.5:.3f}"


def _mean(values: NDArray[np.float64]) -> str:
    error = values.std(ddof=1) / len(values) ** 0.5 if len(values) > 1 else float("nan")
    return f"{values.mean():+.3f} ± {error:.3f}"


def shift(records: Records, analysis: str, key: str = "value", reference: str = "known") -> NDArray[np.float64]:
    """Difference to an analysis that knows the background or its shape, in that one's posterior standard deviations."""
    difference = _column(records, analysis, key) - _column(records, reference, key)
    in_sd: NDArray[np.float64] = difference / _column(records, reference, "sd")
    return in_sd


def coverage(records: Records, analysis: str) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Whether the 68 % interval and the 95 % upper limit hold the truth, set by set."""
    lower, upper, limit = (_column(records, analysis, key) for key in ("lower", "upper", "limit"))
    return (lower <= TRUE_NORM) & (upper >= TRUE_NORM), limit >= TRUE_NORM


def _width_ratio(records: Records, analysis: str, reference: str) -> str:
    def width(name: str) -> NDArray[np.float64]:
        return _column(records, name, "upper") - _column(records, name, "lower")

    return f"{np.median(width(analysis) / width(reference)):.3f}"


def _pooled_line(records: Records) -> list[str]:
    inside, below = coverage(records, "pooled")
    divergences = _column(records, "pooled", "divergences").sum() / _column(records, "pooled", "draws").sum()
    worst = [min(v for k, v in record["pooled"]["effective"].items() if k != "norm") for record in records]
    return [
        f"{np.median(_column(records, 'known', 'value')):.3f}",
        f"{np.median(_column(records, 'pooled', 'value')):.3f}",
        _mean(shift(records, "pooled")),
        _mean(shift(records, "pooled", "mean")),
        _mean(shift(records, "pooled", reference="shape")),
        _proportion(inside),
        _proportion(below),
        _width_ratio(records, "pooled", "known"),
        _width_ratio(records, "pooled", "shape"),
        f"{1000 * divergences:.2f}",
        f"{np.median([record['pooled']['effective']['norm'] for record in records]):.0f}",
        f"{np.median(worst):.0f} ({min(worst):.0f})",
        f"{np.median([record['cpu_seconds'] for record in records]):.1f}",
    ]


def _other_line(records: Records) -> list[str]:
    cells = []
    for analysis in ("known", *OTHERS):
        inside, below = coverage(records, analysis)
        cells += [
            f"{np.median(_column(records, analysis, 'value')):.3f}",
            _mean(shift(records, analysis)) if analysis != "known" else "",
            _proportion(inside),
            _proportion(below),
        ]
    return [cell for cell in cells if cell]


def _check_line(records: Records) -> list[str]:
    flagged = [
        _proportion(np.array([record["pooled"]["checks"][name] < P_FLAGGED for record in records])) for name in CHECKS
    ]
    scales = [f"{np.median(_column(records, 'pooled', key)):.2f}" for key in ("shape_scale", "deviation_scale")]
    return [_mean(shift(records, "pooled")), _proportion(coverage(records, "pooled")[0]), *flagged, *scales]


POOLED_HEADER = [
    "median, known",
    "median, pooled",
    "pooled − known, medians, sd",
    "pooled − known, means, sd",
    "pooled − shape known, medians, sd",
    "68 % coverage",
    "95 % limit covers",
    "width / known",
    "width / shape known",
    "divergences, ‰",
    "effective draws of the norm, median",
    "of the worst hyperparameter, median (least)",
    "CPU s a set",
]
OTHER_HEADER = ["known: median", "68 %", "95 % limit"] + [
    f"{name}: {what}" for name in OTHERS.values() for what in ("median", "− known, sd", "68 %", "95 % limit")
]
CHECK_HEADER = [
    "pooled − known, sd",
    "68 % coverage",
    *(f"flagged by {name.replace('_', ' ')}" for name in CHECKS),
    "median shape_scale",
    "median deviation_scale",
]


def _table(header: list[str], groups: Iterable[str], records: Records, line: Callable[[Records], list[str]]) -> str:
    names = [row.name for group in groups for row in GROUPS[group]]
    by_row = {name: [record for record in records if record["row"] == name] for name in names}
    lines = [["toy", "sets", *header], ["---"] * (len(header) + 2)]
    lines += [[ROWS[name].words, str(len(found)), *line(found)] for name, found in by_row.items() if found]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines) if len(lines) > 2 else "no sets yet"


def all_tables(records: Records) -> str:
    """Three tables: the pooled model against the known background, the other analyses, the predictive checks."""
    failed = [f"{record['row']} {record['set']}: {record['failure']}" for record in records if "failure" in record]
    good = [record for record in records if "failure" not in record]
    parts = [
        "## Pooled against known background",
        _table(POOLED_HEADER, GROUPS, good, _pooled_line),
        "## The other analyses",
        _table(OTHER_HEADER, GROUPS, good, _other_line),
        f"## Predictive checks of the OFF counts: share of sets with p below {P_FLAGGED}",
        "\n".join(f"- {name.replace('_', ' ')}: {words}" for name, words in CHECKS.items()),
        _table(CHECK_HEADER, GROUPS, good, _check_line),
        f"Sets that could not be sampled: {'; '.join(failed) or 'none'}.",
    ]
    return "\n\n".join(parts) + "\n"
