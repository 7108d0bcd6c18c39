import astropy.units as u
import numpy as np
import pytest
from astropy.table import QTable

from bayes_onoff.axes import EnergyAxis
from bayes_onoff.spectra import Spectra, cumulative_table, li_ma_significance, read_ogip_files, run_table

COLUMNS = [
    "obs_id",
    "livetime",
    "n_on",
    "n_off",
    "alpha",
    "excess",
    "significance",
    "n_off_regions",
    "energy_min",
    "energy_max",
]


@pytest.fixture(scope="module")
def crab(make_spectrum):
    """The counts of the four H.E.S.S. Crab runs in one bin, listed out of order."""

    def run(name, n_on, n_off, n_regions, livetime, start):
        shares = np.full(n_regions, n_off // n_regions)
        shares[: n_off % n_regions] += 1
        return make_spectrum(
            name,
            energy=EnergyAxis(np.array([0.6, 40.0])),
            n_on=[n_on],
            n_off=[n_off],
            acceptance_off=n_regions,
            edisp=np.ones((5, 1)),
            livetime=livetime,
            n_off_by_region=shares[:, None],
            gti=[[start, start + 0.02]],
        )

    return Spectra(
        (
            run("23559", 150, 436, 41, 1578.12348, 53345.9),
            run("23523", 177, 179, 12, 1581.736765, 53343.9),
            run("23592", 129, 414, 36, 1581.264665, 53347.9),
            run("23526", 176, 196, 12, 1572.686749, 53343.95),
        )
    )


def test_the_columns_are_those_of_the_contract(crab):
    for table in (run_table(crab), cumulative_table(crab)):
        assert isinstance(table, QTable)
        assert table.colnames == COLUMNS
        assert table["livetime"].unit == u.s
        assert table["energy_min"].unit == table["energy_max"].unit == u.TeV
        assert all(table[name].info.description for name in COLUMNS)


def test_each_run_by_itself(crab):
    table = run_table(crab)
    assert table["obs_id"].tolist() == [23559, 23523, 23592, 23526]
    np.testing.assert_allclose(table["alpha"], [1 / 41, 1 / 12, 1 / 36, 1 / 12])
    np.testing.assert_allclose(table["excess"], [150 - 436 / 41, 177 - 179 / 12, 129 - 414 / 36, 176 - 196 / 12])
    np.testing.assert_allclose(table["significance"], li_ma_significance(table["n_on"], table["n_off"], table["alpha"]))
    assert table["n_off_regions"].tolist() == [41, 12, 36, 12]


def test_cumulative_in_the_order_of_time_is_gammapys(crab):
    table = cumulative_table(crab)
    assert table["obs_id"].tolist() == [23523, 23526, 23559, 23592]
    assert table["n_on"].tolist() == [177, 353, 503, 632]
    assert table["n_off"].tolist() == [179, 375, 811, 1225]
    # gammapy keeps counts in single precision
    np.testing.assert_allclose(table["alpha"], [0.0833333333, 0.0833333333, 0.05164507031, 0.0435789041], rtol=1e-6)
    np.testing.assert_allclose(
        table["livetime"].to_value(u.s), [1581.736765, 3154.423514, 4732.546994, 6313.811659], atol=2e-6
    )
    assert table["n_off_regions"].tolist() == [12, 24, 65, 101]


def test_only_the_safe_range_counts(make_spectrum):
    safe = make_spectrum("1", mask_safe=[False, True, True], mask_fit=[True, True, False])
    no_off = make_spectrum("2", acceptance_off=[4.0, 4.0, 0.0])
    table = cumulative_table(Spectra((safe, no_off)))
    assert table["n_on"].tolist() == [5, 18]
    assert table["n_off"].tolist() == [8, 34]
    np.testing.assert_array_equal(table["energy_min"].to_value(u.TeV), [2, 1])
    np.testing.assert_array_equal(table["energy_max"].to_value(u.TeV), [10, 10])


def test_without_off_counts_alpha_is_the_mean(make_spectrum):
    first = make_spectrum("1", n_off=[0, 0, 0], acceptance_off=4.0, livetime=3000.0)
    second = make_spectrum("2", n_off=[0, 0, 0], acceptance_off=2.0, livetime=1000.0)
    table = cumulative_table(Spectra((first, second)))
    np.testing.assert_allclose(table["alpha"], [0.25, (3 * 0.25 + 0.5) / 4])
    np.testing.assert_array_equal(table["excess"], [14, 28])
    assert np.all(table["significance"] > 0)


def test_a_run_without_valid_bins_has_no_range(make_spectrum):
    row = run_table(Spectra((make_spectrum("1", mask_safe=False),)))[0]
    assert (row["n_on"], row["n_off"], row["alpha"], row["significance"]) == (0, 0, 0, 0)
    assert np.isnan(row["energy_min"])


def test_names_that_are_no_numbers_stay_text_and_keep_their_order(make_spectrum):
    spectra = Spectra((make_spectrum("late", gti=[[2.0, 3.0]]), make_spectrum("unknown"), make_spectrum("7")))
    assert cumulative_table(spectra)["obs_id"].tolist() == ["late", "unknown", "7"]


def test_joint_crab_counts_are_the_published_ones(gammapy_data):
    folder = gammapy_data / "joint-crab/spectra/hess"
    table = run_table(read_ogip_files(sorted(folder.glob("pha_obs*.fits"))))
    assert table["n_on"].tolist() == [124, 126, 119, 90]
    assert table["n_off"].tolist() == [92, 103, 216, 234]
    np.testing.assert_allclose(1 / table["alpha"], [12, 12, 40, 40])
