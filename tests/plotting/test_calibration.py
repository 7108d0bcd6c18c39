"""Ranks and coverage, drawn."""

from dataclasses import dataclass

import numpy as np
import pytest

from bayes_onoff.errors import InputError
from bayes_onoff.plotting import plot_calibration, plot_coverage


@dataclass
class Round:
    pit: dict[str, float]
    below: dict[str, float]


def rounds(n_rounds: int) -> list[Round]:
    ranks = (np.arange(n_rounds) + 0.5) / n_rounds
    return [Round({"index": rank, "flux": rank}, {"index": rank, "flux": 0.5}) for rank in ranks]


def test_ranks_and_coverage() -> None:
    ranks, coverage = plot_calibration(rounds(50))
    zero, index, flux = ranks.get_lines()[-1], *ranks.get_lines()[:2]
    assert index.get_label() == "index"
    assert np.max(np.abs(index.get_ydata())) < 0.03  # uniform
    assert list(zero.get_ydata()) == [0, 0]
    assert np.array_equal(flux.get_ydata(), index.get_ydata())
    always = coverage.get_lines()[1]
    np.testing.assert_allclose(always.get_ydata(), 1 - always.get_xdata())  # an interval that always holds the truth


def test_nothing_to_draw() -> None:
    with pytest.raises(InputError, match="refits: nothing to draw"):
        plot_coverage([])
