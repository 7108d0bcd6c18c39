import astropy.units as u
import numpy as np
import pytest
from astropy.table import QTable

from bayes_onoff.plotting import plot_correlation, plot_flux_points
from bayes_onoff.plotting.flux_points import flux_values
from bayes_onoff.products.norm_density import NormDensity

EDGES = np.array([0.7, 1.5, 4.0, 10.0])
ENERGY = np.sqrt(EDGES[:-1] * EDGES[1:])
REFERENCE = 2.7e-11 * ENERGY**-2.6
NORM, ERROR, LIMIT = np.array([1.0, 1.2, 0.3]), np.array([0.1, 0.2, 0.3]), np.array([1.2, 1.6, 0.9])
TEV_TO_ERG = 1.602176634


@pytest.fixture
def table() -> QTable:
    unit = u.Unit("TeV-1 cm-2 s-1")
    return QTable(
        {
            "e_ref": ENERGY * u.TeV,
            "e_min": EDGES[:-1] * u.TeV,
            "e_max": EDGES[1:] * u.TeV,
            "ref_dnde": REFERENCE * unit,
            "dnde": NORM * REFERENCE * unit,
            "dnde_errn": ERROR * REFERENCE * unit,
            "dnde_errp": 1.1 * ERROR * REFERENCE * unit,
            "dnde_ul": LIMIT * REFERENCE * unit,
            "is_ul": [False, False, True],
        }
    )


def sed(norm: np.ndarray) -> np.ndarray:
    """E^2 dN/dE in erg cm-2 s-1, independently of the code."""
    return norm * REFERENCE * ENERGY**2 * TEV_TO_ERG


def test_points_and_bars_are_those_of_the_table(table: QTable) -> None:
    ax = plot_flux_points(table)
    points, _, (x_bars, y_bars) = ax.containers[0].lines
    np.testing.assert_allclose(points.get_xydata(), np.stack([ENERGY, sed(NORM)], axis=1)[:2])
    np.testing.assert_allclose(x_bars.get_segments()[0][:, 0], [0.7, 1.5])
    np.testing.assert_allclose(y_bars.get_segments()[1][:, 1], [sed(NORM - ERROR)[1], sed(NORM + 1.1 * ERROR)[1]])
    assert ax.get_yscale() == "log"
    assert "erg" in ax.get_ylabel()


def test_a_limit_is_an_arrow_and_not_a_point(table: QTable) -> None:
    ax = plot_flux_points(table)
    arrow = ax.containers[1]
    assert arrow.lines[0] is None
    np.testing.assert_allclose([bar.get_segments()[0][0, 1] for bar in arrow.lines[2][:1]], sed(LIMIT)[2])
    top, bottom = sorted(arrow.lines[2][1].get_segments()[0][:, 1], reverse=True)
    assert top == pytest.approx(sed(LIMIT)[2])
    assert bottom < top
    assert "95 % upper limit" in [text.get_text() for text in ax.get_legend().get_texts()]


def test_units_of_the_table_do_not_matter(table: QTable) -> None:
    other = table.copy()
    for name in ("dnde", "dnde_errn", "dnde_errp", "dnde_ul", "ref_dnde"):
        other[name] = other[name].to("GeV-1 m-2 h-1")
    for name in ("e_ref", "e_min", "e_max"):
        other[name] = other[name].to("keV")
    for key in ("energy", "value", "low", "high", "limit"):
        np.testing.assert_allclose(getattr(flux_values(other), key), getattr(flux_values(table), key))


def test_the_shade_of_a_band_is_its_posterior_density(table: QTable) -> None:
    norm = np.linspace(0, 3, 301)
    peaks = (1.0, 1.2, 0.0)
    densities = [NormDensity(norm, -0.5 * ((norm - peak) / 0.2) ** 2) for peak in peaks]
    ax = plot_flux_points(table, densities=densities)
    assert len(ax.collections) == 3 + 2 + 2 + 1  # meshes, bars of points and of limits, the legend's patch
    for band, mesh in enumerate(ax.collections[:3]):
        corners = mesh.get_coordinates()
        np.testing.assert_allclose(corners[0, :, 0], EDGES[band : band + 2])
        flux = np.sqrt(corners[:-1, 0, 1] * corners[1:, 0, 1])
        expected = np.exp(-0.5 * ((flux / sed(np.ones(3))[band] - peaks[band]) / 0.2) ** 2)
        inside = flux / sed(np.ones(3))[band] < 3
        np.testing.assert_allclose(np.ravel(mesh.get_array())[inside], expected[inside], atol=0.02)
        assert np.all(np.ravel(mesh.get_array())[~inside] == 0)


def test_limits_alone_and_points_alone_are_drawn(table: QTable) -> None:
    for is_limit in (True, False):
        table["is_ul"] = is_limit
        ax = plot_flux_points(table)
        assert len(ax.containers) == 1


def test_the_axes_hold_everything(table: QTable) -> None:
    ax = plot_flux_points(table)
    low, high = ax.get_ylim()
    assert low < sed(NORM - ERROR)[:2].min()
    assert high > sed(NORM + 1.1 * ERROR)[:2].max()
    assert ax.get_xlim() == (0.7, 10.0)


def test_unconverged_points_and_correlations_say_so(table: QTable) -> None:
    assert plot_flux_points(table).get_title(loc="right") == ""
    table.meta["converged"] = False
    assert plot_flux_points(table).get_title(loc="right") == "did not converge"
    assert plot_correlation(np.eye(3), table).get_title(loc="right") == "did not converge"
    assert plot_correlation(np.eye(3), table, converged=True).get_title(loc="right") == ""


def test_correlations_are_shown_and_written(table: QTable) -> None:
    matrix = np.array([[1, -0.123, 0.5], [-0.123, 1, -0.004], [0.5, -0.004, 1]])
    ax = plot_correlation(matrix, table)
    np.testing.assert_array_equal(ax.images[0].get_array(), matrix)
    assert ax.images[0].get_clim() == (-1, 1)
    assert [text.get_text() for text in ax.texts[:6]] == ["1.00", "−0.12", "0.50", "−0.12", "1.00", "0.00"]
    assert [label.get_text() for label in ax.get_xticklabels()] == ["0.7–1.5", "1.5–4", "4–10"]


def test_many_bands_carry_no_numbers(table: QTable) -> None:
    edges = np.geomspace(0.1, 10, 21) * u.TeV
    many = QTable({"e_min": edges[:-1], "e_max": edges[1:]})
    assert len(plot_correlation(np.eye(20), many).texts) == 0
