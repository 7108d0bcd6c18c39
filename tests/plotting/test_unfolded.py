import astropy.units as u
import numpy as np
from astropy.table import QTable
from matplotlib.colors import to_rgba

from bayes_onoff.plotting import plot_unfolded
from bayes_onoff.products import SpectralBand, UnfoldedPoints


def make_points(converged: bool = True) -> UnfoldedPoints:
    energy = np.array([1.0, 3.0, 9.0]) * u.TeV
    sed = np.array([4e-11, 2e-11, 1e-11]) * u.Unit("erg cm-2 s-1")
    columns = {
        "e_ref": energy,
        "e_min": energy / 1.7,
        "e_max": energy * 1.7,
        "e2dnde": sed,
        "e2dnde_errn": 0.2 * sed,
        "e2dnde_errp": 0.3 * sed,
        "n_signal": [100.0, 10.0, 0.3],
    }
    return UnfoldedPoints(QTable(columns, meta={"converged": converged}), np.zeros((1, 2, 3)))


def make_band() -> SpectralBand:
    energy = np.geomspace(0.6, 15, 20) * u.TeV
    median = (3e-11 * u.Unit("TeV-1 cm-2 s-1")) * energy.value**-2.5
    return SpectralBand(energy, median, 0.9 * median, 1.1 * median, 0.8 * median, 1.2 * median)


def test_points_with_few_counts_behind_them_are_open() -> None:
    ax = plot_unfolded(make_points(), make_band(), others={"power-law": make_band()})
    many, few = (container for container in ax.containers if container.get_label().startswith(("unfolded", "fewer")))
    assert to_rgba(few.lines[0].get_markerfacecolor())[3] == 0
    np.testing.assert_allclose(many.lines[0].get_xdata(), [1, 3])
    np.testing.assert_allclose(few.lines[0].get_ydata(), [1e-11])
    vertical = many.lines[2][1].get_segments()[0][:, 1]
    np.testing.assert_allclose(vertical, [3.2e-11, 5.2e-11])
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert labels[0] == "unfolded points"
    assert labels[-1] == "fewer than 1 count expected"
    assert any(label.startswith("power-law") for label in labels)
    assert ax.get_title(loc="right") == ""


def test_an_unfolding_that_did_not_converge_says_so() -> None:
    assert plot_unfolded(make_points(converged=False), make_band()).get_title(loc="right") == "did not converge"
