"""The block of a configuration that asks for a light curve."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from bayes_onoff.app.config.observations import By, GroupingBlock
from bayes_onoff.app.config.reduction import AxisBlock, FitRangeBlock
from bayes_onoff.app.config.values import one_of

if TYPE_CHECKING:
    from bayes_onoff.inference import Population

__all__ = ["LightCurveBlock"]

Width = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class LightCurveBlock(GroupingBlock):
    """Fluxes of runs, nights or bins in time, drawn from a population; `scatter` and `index_scatter` are half-normal.

    `scatter` is the width of the prior of the standard deviation of ln(flux), `index_scatter` that of the index, which
    is shared by all groups where it is not given.
    """

    by: Annotated[By, one_of(By)] = "run"
    range: FitRangeBlock = FitRangeBlock()
    bands: AxisBlock | None = None
    scatter: Width = 0.7
    index_scatter: Width | None = None

    def to_population(self) -> Population:
        """Build the priors of the population."""
        from bayes_onoff.inference import Population
        from bayes_onoff.models import HalfNormal

        index = None if self.index_scatter is None else HalfNormal(self.index_scatter)
        return Population(HalfNormal(self.scatter), index)
