"""One place judges convergence; what it says is what the draws show."""

import numpy as np
import pytest
import xarray as xr

from bayes_onoff.inference.convergence import judge_convergence


def _run(offset=0.0, n_draws=1000, divergent=0):
    rng = np.random.default_rng(1)
    draws = rng.standard_normal((4, n_draws, 3))
    draws[0, :, 1] += offset
    diverging = np.zeros((4, n_draws), dtype=bool)
    diverging[0, :divergent] = True
    stats = xr.Dataset(
        {
            "diverging": (("chain", "draw"), diverging),
            "energy": (("chain", "draw"), rng.standard_normal((4, n_draws))),
        }
    )
    return xr.Dataset({"x": (("chain", "draw", "i"), draws)}), stats


def test_good_draws_converge():
    verdict = judge_convergence(*_run())
    assert verdict.converged
    assert verdict.sentence.startswith("The sampling converged")


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"offset": 0.5}, "R-hat of x"),
        ({"n_draws": 60}, "effective draws"),
        ({"divergent": 8}, "8 of 4000 draws diverged"),
    ],
)
def test_each_criterion_is_named(arguments, problem):
    verdict = judge_convergence(*_run(**arguments))
    assert not verdict.converged
    assert problem in verdict.sentence
    assert "did not converge" in verdict.sentence


def test_stuck_energy_is_named():
    quantities, stats = _run()
    stats["energy"] = (("chain", "draw"), np.cumsum(stats["energy"].values * 0.1, axis=1))
    assert "BFMI" in judge_convergence(quantities, stats).sentence


def test_not_a_number_is_never_converged():
    quantities, stats = _run()
    quantities["x"][0, 0, 0] = np.nan
    assert not judge_convergence(quantities, stats).converged


def test_chains_that_never_move_do_not_converge():
    quantities, stats = _run(n_draws=50)
    quantities["x"][:, :, 0] = np.arange(4)[:, None]
    stats["energy"][1] = 1.0
    verdict = judge_convergence(quantities, stats)
    assert not verdict.converged
    assert not np.isfinite(verdict.r_hat_max)
    assert not np.isfinite(verdict.bfmi_min)
    assert "R-hat of x is inf" in verdict.sentence
