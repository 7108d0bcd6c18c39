"""`bayes-onoff simulate`: runs from a model and an exposure."""

from collections.abc import Callable
from pathlib import Path

import pytest

from bayes_onoff.dl3 import DataStore

Command = Callable[..., tuple[int, str, str]]


def test_runs_of_a_model_and_an_exposure(command: Command, tmp_path: Path) -> None:
    arguments = ("simulate", "--runs", "2", "--livetime", "10 min", "--offset", "0.7 deg", "--model", "power-law")
    status, output, errors = command(*arguments, "--value", "index=2.2", "--out", tmp_path / "weak")
    assert (status, errors) == (0, "")
    assert "simulating 2 runs of a power-law: amplitude 3.45e-11 TeV-1 cm-2 s-1, index 2.2" in output
    assert f"next: bayes-onoff init {tmp_path / 'weak'}" in output
    store = DataStore.from_dir(tmp_path / "weak")
    assert store.obs_ids == (1, 2)
    runs = store.observations(store.obs_ids)
    assert [run.livetime for run in runs] == pytest.approx([600, 600])
    assert runs[0].pointing.separation(runs[1].pointing).deg == pytest.approx(1.4, abs=1e-3)
    assert runs[1].gti.start[0] > runs[0].gti.stop[0]
    first = runs[0].events.energy
    for seed, same in ((1, True), (2, False)):
        command(*arguments, "--value", "index=2.2", "--seed", str(seed), "--out", tmp_path / f"seed{seed}")
        again = DataStore.from_dir(tmp_path / f"seed{seed}").observation(1).events.energy
        assert (len(again) == len(first) and bool((again == first).all())) is same


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--value", "indx=2"), "--value: not a value of a parameter; found 'indx=2'; allowed: amplitude=NUMBER TeV-1"),
        (("--value", "amplitude=1 m"), "--value amplitude: the unit is of the wrong kind; found '1.0 m'"),
        (("--livetime", "10"), "--livetime: the unit is of the wrong kind"),
        (("--offset", "3 deg"), "simulate: out of range; found '--livetime 28 min, --offset 3 deg'"),
        (("--model", "broken-power-law"), "--value: a parameter has no value; found 'amplitude, "),
        (("--model", "powerlaw"), "powerlaw"),
        (("--value", "amplitude=-1e-11 TeV-1 cm-2 s-1"), "the flux is negative"),
    ],
)
def test_refused(command: Command, tmp_path: Path, options: tuple[str, ...], message: str) -> None:
    status, _, errors = command("simulate", "--runs", "1", "--out", tmp_path / "out", *options)
    assert status == 2
    assert message in errors
