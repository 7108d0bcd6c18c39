"""A posterior in words: for whoever prints it or looks at it in a notebook."""

from html import escape
from typing import TYPE_CHECKING

import numpy as np

from bayes_onoff.notation import format_number, format_unit, html_table

if TYPE_CHECKING:
    from bayes_onoff.inference.posterior import Posterior

__all__ = ["posterior_html", "posterior_text"]


def _rows(posterior: "Posterior") -> list[tuple[str, str, str, str, str]]:
    """List name, median, ends of the 68 % interval and unit of every spectral parameter."""
    rows = []
    for parameter in posterior.model.parameters:
        median, low, high = np.quantile(posterior.values[parameter.name], [0.5, 0.16, 0.84])
        middle, lower, upper = (format_number(float(value)) for value in (median, low, high))
        rows.append((parameter.name, middle, lower, upper, format_unit(parameter.unit)))
    return rows


def _fitted(posterior: "Posterior") -> str:
    spectra, background = posterior.spectra, posterior.background
    names = ", ".join(spectra.names[:6]) + (", …" if len(spectra) > 6 else "")
    runs = f"{len(spectra)} run{'s' if len(spectra) > 1 else ''} ({names})"
    systematics = f", {posterior.systematics.label}" if posterior.systematics else ""
    n_bins = int(spectra.mask.sum())
    return f"Posterior of a {posterior.model.label}: {runs}, {n_bins} bins, {background.prior} background{systematics}."


def posterior_text(posterior: "Posterior") -> str:
    """Write what was fitted, median and 68 % interval of each parameter, and whether the sampling converged.

    Parameters
    ----------
    posterior : Posterior
    """
    values = "; ".join(
        f"{name} {median} ({low} to {high}) {unit}".strip() for name, median, low, high, unit in _rows(posterior)
    )
    return f"{_fitted(posterior)} {values} (median and 68 % interval). {posterior.convergence.sentence}"


def posterior_html(posterior: "Posterior") -> str:
    """Lay the same out for a notebook.

    Parameters
    ----------
    posterior : Posterior
    """
    table = html_table(("parameter", "median", "16 %", "84 %", "unit"), _rows(posterior))
    weight = "normal" if posterior.convergence.converged else "bold"
    verdict = f'<p style="font-weight:{weight}">{escape(posterior.convergence.sentence)}</p>'
    return f"<p>{escape(_fitted(posterior))}</p>{table}{verdict}"
