"""A spectral model as a table: its parameters, what they mean, their priors and fixed values."""

from html import escape
from typing import TYPE_CHECKING

from bayes_onoff.notation import format_unit, html_table

if TYPE_CHECKING:
    from bayes_onoff.models.parameters import Parameter
    from bayes_onoff.models.spectral_model import SpectralModel

__all__ = ["model_html", "parameter_rows"]


def parameter_rows(model: "SpectralModel") -> list[tuple[str, str, str, str]]:
    """List name, unit, prior or fixed value, and meaning of every parameter: the free ones first.

    Parameters
    ----------
    model : SpectralModel
    """
    rows = [
        (
            parameter.name,
            format_unit(parameter.unit) or "–",
            str(prior := model.priors[parameter.name]),
            _meaning(parameter, as_by_default=prior == parameter.prior),
        )
        for parameter in model.parameters
    ]
    rows += [
        (
            parameter.name,
            format_unit(parameter.unit) or "–",
            f"fixed at {value:g}",
            _meaning(parameter, as_by_default=not parameter.free and value == parameter.start),
        )
        for parameter in model.all_parameters
        if (value := model.fixed.get(parameter.name)) is not None
    ]
    return rows


def _meaning(parameter: "Parameter", *, as_by_default: bool) -> str:
    """Say what a parameter is; why its default is what it is, only where the default stands."""
    return parameter.description if as_by_default else parameter.description.partition(";")[0]


def model_html(model: "SpectralModel") -> str:
    """Lay a model out for a notebook: label, formula as TeX, parameters.

    Parameters
    ----------
    model : SpectralModel
    """
    formula = rf"$\mathrm{{d}}N/\mathrm{{d}}E = {model.formula}$"
    table = html_table(("parameter", "unit", "prior", "meaning"), parameter_rows(model))
    return f"<p>{escape(model.label)}, reference energy {model.reference:g} TeV: {escape(formula)}</p>{table}"
