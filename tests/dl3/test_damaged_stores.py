"""Folders without an index: whatever is wrong with a file is one `FileError`."""

import contextlib
import warnings
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bayes_onoff.dl3 import DataStore
from bayes_onoff.errors import InputError, ReductionWarning
from tests.dl3_files import Run, write_run


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = Run(psf="king", bkg="2d", rad_max="offset", n_source=5, n_background=5)
    return write_run(tmp_path_factory.mktemp("store"), run)


@settings(max_examples=60, deadline=None)
@given(
    where=st.floats(0, 1, exclude_max=True),
    damage_kind=st.sampled_from(["cut", "remove", "overwrite"]),
    content=st.binary(min_size=1, max_size=8),
)
def test_no_damage_raises_anything_but_a_refusal(file: Path, where: float, damage_kind: str, content: bytes) -> None:
    whole = file.read_bytes()
    i = int(where * len(whole))
    damaged = {"cut": b"", "remove": whole[i + 100 :], "overwrite": content + whole[i + len(content) :]}[damage_kind]
    file.write_bytes(whole[:i] + damaged)
    try:
        with warnings.catch_warnings(), contextlib.suppress(InputError):
            warnings.simplefilter("ignore")  # astropy's remarks on odd headers
            for observation in (store := DataStore.from_dir(file.parent)).observations(store.obs_ids):
                for piece in ("events", "gti", "aeff", "edisp", "psf", "bkg", "rad_max", "pointing", "livetime"):
                    getattr(observation, piece)
    finally:
        file.write_bytes(whole)


def test_undamaged_it_is_read(file: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error", ReductionWarning)
        observation = DataStore.from_dir(file.parent).observation(11)
        assert len(observation.events) == 10
