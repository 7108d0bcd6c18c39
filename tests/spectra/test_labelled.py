"""Spectra as a labelled data set, and back."""

import numpy as np

from bayes_onoff.spectra import Spectra
from bayes_onoff.spectra.grouping import group_channels
from bayes_onoff.spectra.labelled import from_dataset, to_dataset


def test_an_expected_background_is_kept_run_by_run(make_spectrum):
    spectra = Spectra((make_spectrum("1", background=[3.0, 2.0, 0.0]), make_spectrum("2")))
    first, second = from_dataset(to_dataset(spectra))
    np.testing.assert_array_equal(first.background, [3, 2, 0])
    assert second.background is None
    assert "background" not in to_dataset(Spectra((make_spectrum("2"),)))


def test_expected_backgrounds_of_grouped_channels_add_up(make_spectrum):
    grouped = group_channels(make_spectrum("1", background=[3.0, 2.0, 1.0]), [True, False, True])
    np.testing.assert_array_equal(grouped.background, [5, 1])
