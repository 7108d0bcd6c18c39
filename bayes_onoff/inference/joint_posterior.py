"""The posterior of one spectrum given several instruments, in one file."""

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from bayes_onoff.errors import FileError
from bayes_onoff.inference.convergence import Convergence
from bayes_onoff.inference.population import Population
from bayes_onoff.inference.posterior import Posterior, read_tree, rebuilt, write_tree
from bayes_onoff.inference.posterior_text import posterior_html, posterior_text
from bayes_onoff.inference.settings import SamplerSettings
from bayes_onoff.models import SpectralModel
from bayes_onoff.models.priors import prior_from_dict

__all__ = ["JointPosterior"]


@dataclass(frozen=True, eq=False, repr=False)
class JointPosterior:
    """The posterior of a spectral model given the spectra of several instruments.

    Parameters
    ----------
    instruments : mapping of str to Posterior
        By the instrument's name: the spectral parameters, the same draws in all of them, with the background, the
        systematics and the data of that instrument, for whatever is made of one instrument's posterior. Their verdict
        on convergence is that of the whole.
    among : Population, optional
        From which a factor on the flux of each instrument is drawn (`flux_factor`, `scatter` in their posteriors).
    """

    instruments: Mapping[str, Posterior]
    among: Population | None = None

    def __repr__(self) -> str:
        """Say what was fitted and what was found, in a paragraph."""
        parts = (f"{name}: {posterior_text(part)}" for name, part in self.instruments.items())
        return "\n".join(parts)

    def _repr_html_(self) -> str:
        """Show the same in a notebook."""
        parts = (f"<h4>{escape(name)}</h4>{posterior_html(part)}" for name, part in self.instruments.items())
        return "".join(parts)

    @property
    def _first(self) -> Posterior:
        return next(iter(self.instruments.values()))

    @property
    def model(self) -> SpectralModel:
        """The spectral model."""
        return self._first.model

    @property
    def settings(self) -> SamplerSettings:
        """How it was sampled."""
        return self._first.settings

    @property
    def convergence(self) -> Convergence:
        """The verdict over the quantities of all instruments."""
        return self._first.convergence

    @property
    def values(self) -> dict[str, NDArray[np.float64]]:
        """Draws of the spectral parameters, (chain, draw) each, in the parameter's unit."""
        return self._first.values

    @property
    def medians(self) -> dict[str, float]:
        """Posterior median of each spectral parameter."""
        return self._first.medians

    def save(self, path: str | Path) -> Path:
        """Write everything to one netCDF file, whole or not at all: a group for each instrument.

        Parameters
        ----------
        path : path-like
            An existing file is replaced.

        Returns
        -------
        Path
            The file.
        """
        import xarray as xr

        specifications: dict[str, Any] = {
            name: posterior.specification() for name, posterior in self.instruments.items()
        }
        tree = xr.DataTree.from_dict(
            {
                f"{name}/{group}": node.to_dataset()
                for name, posterior in self.instruments.items()
                for group, node in posterior.tree.children.items()
            }
        )
        among = None if self.among is None else self.among.scatter.to_dict()
        return write_tree(tree, {"instruments": specifications, "among": among}, path)

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read a posterior from `save`.

        Raises
        ------
        FileError
            If the file is missing, damaged, or no joint posterior of this package.
        """
        import xarray as xr

        tree, stored = read_tree(path)
        if "instruments" not in stored:
            raise FileError(
                path, "a posterior of one instrument", allowed="read it with bayes_onoff.inference.Posterior"
            )
        return cls(
            {
                name: Posterior(
                    xr.DataTree.from_dict({group: node.to_dataset() for group, node in tree[name].children.items()}),
                    **rebuilt(specification),
                )
                for name, specification in stored["instruments"].items()
            },
            None if stored.get("among") is None else Population(prior_from_dict(stored["among"])),
        )
