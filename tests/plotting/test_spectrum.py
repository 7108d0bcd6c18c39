import astropy.units as u
import numpy as np
import pytest
from astropy.table import QTable

from bayes_onoff.models import CRAB
from bayes_onoff.plotting import plot_band, plot_flux_point_residuals, plot_spectrum
from bayes_onoff.plotting.style import SERIES
from bayes_onoff.products.spectral_band import SpectralBand

UNIT = u.Unit("TeV-1 cm-2 s-1")
TEV_TO_ERG = 1.602176634
ENERGY = np.geomspace(0.5, 40, 30)
MEDIAN = 2.7e-11 * ENERGY**-2.6


def make_band(converged: bool = True, scale: float = 1.0) -> SpectralBand:
    median = scale * MEDIAN * UNIT
    return SpectralBand(
        ENERGY * u.TeV, median, 0.9 * median, 1.1 * median, 0.8 * median, 1.25 * median, meta={"converged": converged}
    )


@pytest.fixture
def table() -> QTable:
    energy = np.array([1.0, 5.0, 20.0])
    reference = 2.7e-11 * energy**-2.6 * UNIT
    return QTable(
        {
            "e_ref": energy * u.TeV,
            "e_min": energy / 2 * u.TeV,
            "e_max": energy * 2 * u.TeV,
            "dnde": reference * [1.1, 0.8, 0.1],
            "dnde_errn": reference * [0.1, 0.2, 0.1],
            "dnde_errp": reference * [0.1, 0.3, 0.2],
            "dnde_ul": reference * [1.3, 1.4, 0.6],
            "is_ul": [False, False, True],
        }
    )


def outline(collection) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper edge of a filled band at its energies."""
    vertices = collection.get_paths()[0].vertices
    at = [vertices[np.isclose(vertices[:, 0], energy), 1] for energy in ENERGY]
    return np.array([y.min() for y in at]), np.array([y.max() for y in at])


def test_the_band_is_drawn_in_energy_flux() -> None:
    ax = plot_band(make_band())
    factor = ENERGY**2 * TEV_TO_ERG
    np.testing.assert_allclose(ax.lines[0].get_xydata(), np.stack([ENERGY, MEDIAN * factor], axis=1))
    wide, narrow = (outline(collection) for collection in ax.collections)
    np.testing.assert_allclose(wide, [0.8 * MEDIAN * factor, 1.25 * MEDIAN * factor])
    np.testing.assert_allclose(narrow, [0.9 * MEDIAN * factor, 1.1 * MEDIAN * factor])
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
    assert ax.get_xlim() == (0.5, pytest.approx(40))


def test_residuals_are_relative_to_the_band_at_the_points(table: QTable) -> None:
    ax = plot_flux_point_residuals(table, make_band())
    points, _, (_, y_bars) = ax.containers[0].lines
    np.testing.assert_allclose(points.get_ydata(), [0.1, -0.2], atol=1e-6)
    np.testing.assert_allclose(y_bars.get_segments()[1][:, 1], [-0.4, 0.1], atol=1e-6)
    limit = ax.containers[1].lines[2][1].get_segments()[0][:, 1]
    assert limit.max() == pytest.approx(-0.4)
    low, high = ax.get_ylim()
    assert low < limit.min()
    assert high > 0.2
    np.testing.assert_allclose(outline(ax.collections[0]), np.array([[-0.2], [0.25]]) * np.ones(30), atol=1e-9)


def test_joint_stacked_points_and_references_together(table: QTable) -> None:
    references = {"H.E.S.S. 2006": CRAB["hess_ecpl"].dnde, "MAGIC 2015": CRAB["magic_lp"].dnde}
    axes = plot_spectrum(
        {"joint": make_band(), "stacked": make_band(scale=1.1)}, flux_points=table, references=references
    )
    spectrum, residuals = axes
    labels = [text.get_text() for text in spectrum.get_legend().get_texts()]
    assert labels == [
        "joint: median, 68 % and 95 %",
        "stacked: median, 68 % and 95 %",
        "flux points",
        "95 % upper limit",
        "H.E.S.S. 2006",
        "MAGIC 2015",
    ]
    (published,) = [line for line in spectrum.lines if line.get_label() == "H.E.S.S. 2006"]
    energy, flux = published.get_data()
    np.testing.assert_allclose(flux, 3.76e-11 * energy**-2.39 * np.exp(-energy / 14.3) * energy**2 * TEV_TO_ERG)
    medians = [line for line in spectrum.lines if "median" in str(line.get_label())]
    assert [line.get_color() for line in medians] == list(SERIES[:2])
    assert len(residuals.containers) == 2
    assert residuals.get_xlim() == spectrum.get_xlim() == (0.5, pytest.approx(40))
    spectrum.figure.canvas.draw()


def test_the_spectrum_alone_has_no_residuals() -> None:
    (ax,) = plot_spectrum({"joint": make_band()})
    assert ax.get_xlabel() == "Energy [TeV]"


def test_one_unconverged_band_marks_the_figure(table: QTable) -> None:
    (fine,) = plot_spectrum({"joint": make_band()})
    assert fine.get_title(loc="right") == ""
    (marked,) = plot_spectrum({"joint": make_band(), "stacked": make_band(converged=False)})
    assert marked.get_title(loc="right") == "did not converge"
    assert plot_band(make_band(converged=False)).get_title(loc="right") == "did not converge"
    marked, _ = plot_spectrum({"joint": make_band(converged=False)}, flux_points=table)
    assert marked.get_title(loc="right") == "did not converge"


def test_a_published_cutoff_far_below_the_data_does_not_stretch_the_axis() -> None:
    (ax,) = plot_spectrum({"joint": make_band()}, references={"cut": lambda energy: 1e-11 * np.exp(-energy)})
    low, high = ax.get_ylim()
    factor = ENERGY**2 * TEV_TO_ERG
    assert 0.2 < low / (0.8 * MEDIAN * factor).min() < 1
    assert 1 < high / (1.25 * MEDIAN * factor).max() < 5
