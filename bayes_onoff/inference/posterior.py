"""A posterior that stands on its own: draws, data, response and specification in one tree, in one file.

Nothing here needs PyMC: a saved posterior is read and used without it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from bayes_onoff import __version__
from bayes_onoff.errors import FileError
from bayes_onoff.files import replaced_when_whole
from bayes_onoff.inference.convergence import Convergence
from bayes_onoff.inference.posterior_text import posterior_html, posterior_text
from bayes_onoff.inference.settings import BackgroundModel, SamplerSettings
from bayes_onoff.inference.systematics import NO_SYSTEMATICS, Systematics
from bayes_onoff.models import SpectralModel
from bayes_onoff.spectra import Spectra
from bayes_onoff.spectra.labelled import from_dataset

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["Posterior", "read_tree", "rebuilt", "write_tree"]

_SPECIFICATION = "bayes_onoff"
"""Root attribute that holds model, background, sampling and convergence as JSON."""

_COMPRESSED = {"zlib": True, "complevel": 1, "shuffle": True}


@dataclass(frozen=True, eq=False, repr=False)
class Posterior:
    """The posterior of a spectral model given ON/OFF spectra.

    Parameters
    ----------
    tree : DataTree
        ArviZ groups `posterior`, `prior`, `prior_predictive`, `posterior_predictive`, `log_likelihood`,
        `log_prior`, `observed_data`, `constant_data`, `sample_stats`, and `spectra` with all bins of all runs.
    model : SpectralModel
    background : BackgroundModel
    settings : SamplerSettings
    convergence : Convergence
        Judged once, when the posterior was sampled.
    systematics : Systematics
    together_with : tuple of str
        Other instruments whose data the draws know too.
    """

    tree: "xr.DataTree"
    model: SpectralModel
    background: BackgroundModel
    settings: SamplerSettings
    convergence: Convergence
    systematics: Systematics = NO_SYSTEMATICS
    together_with: tuple[str, ...] = ()

    def __repr__(self) -> str:
        """Say what was fitted and what was found, in a paragraph."""
        return posterior_text(self)

    def _repr_html_(self) -> str:
        """Show the same in a notebook, the parameters as a table."""
        return posterior_html(self)

    @cached_property
    def spectra(self) -> Spectra:
        """The spectra that were fitted, whole."""
        return from_dataset(self.tree["spectra"].to_dataset())

    @property
    def values(self) -> dict[str, NDArray[np.float64]]:
        """Draws of the spectral parameters, (chain, draw) each, in the parameter's unit."""
        group = self.tree["posterior"]
        return {name: np.asarray(group[name].values) for name in self.model.parameter_names}

    @property
    def medians(self) -> dict[str, float]:
        """Posterior median of each spectral parameter."""
        return {name: float(np.median(draws)) for name, draws in self.values.items()}

    @property
    def systematic_medians(self) -> dict[str, NDArray[np.float64]]:
        """Posterior medians of the systematics: `energy_scale`, of shape () or (run,), and `area_shift` (node,)."""
        group = self.tree["posterior"]
        return {
            name: np.median(np.asarray(group[name].values), axis=(0, 1)) for name in self.systematics.parameter_names
        }

    def specification(self) -> dict[str, Any]:
        """Model, background, sampling and convergence as plain data."""
        return {
            "version": __version__,
            "model": self.model.to_dict(),
            "background": self.background.to_dict(),
            "systematics": self.systematics.to_dict(),
            "together_with": list(self.together_with),
            "sampling": self.settings.to_dict(),
            "convergence": {name: getattr(self.convergence, name) for name in Convergence.__dataclass_fields__},
        }

    def save(self, path: str | Path) -> Path:
        """Write the posterior to one netCDF file, whole or not at all.

        Parameters
        ----------
        path : path-like
            An existing file is replaced.

        Returns
        -------
        Path
            The file.
        """
        return write_tree(self.tree, self.specification(), path)

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read a posterior from `save`.

        Raises
        ------
        FileError
            If the file is missing, damaged, or was not written by this package.
        """
        tree, stored = read_tree(path)
        if "instruments" in stored:
            raise FileError(
                path, "a posterior of several instruments", allowed="read it with bayes_onoff.inference.JointPosterior"
            )
        return cls(tree, **rebuilt(stored))


def write_tree(tree: "xr.DataTree", specification: Mapping[str, Any], path: str | Path) -> Path:
    """Write a tree and its specification to one netCDF file, whole or not at all."""
    tree = tree.copy()
    tree.attrs[_SPECIFICATION] = json.dumps(specification)
    encoding = {
        group.path: {variable: _COMPRESSED for variable, values in group.data_vars.items() if values.ndim > 1}
        for group in tree.subtree
        if group.data_vars
    }
    target = Path(path)
    with replaced_when_whole(target) as temporary:
        tree.to_netcdf(temporary, engine="netcdf4", encoding=encoding)
    return target


def read_tree(path: str | Path) -> tuple["xr.DataTree", dict[str, Any]]:
    """Read the tree and the specification that `write_tree` wrote.

    Raises
    ------
    FileError
        If the file is missing, damaged, or was not written by this package.
    """
    import xarray as xr

    try:
        with xr.open_datatree(path, engine="netcdf4") as opened:
            tree = opened.load()
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise FileError(path, f"not a readable netCDF posterior ({error})") from error
    if _SPECIFICATION not in tree.attrs:
        raise FileError(
            path, "not a posterior of this package", allowed=f"a file with the attribute {_SPECIFICATION!r}"
        )
    return tree, json.loads(tree.attrs[_SPECIFICATION])


def rebuilt(stored: Mapping[str, Any]) -> dict[str, Any]:
    """Rebuild all of a posterior but its tree from `Posterior.specification`."""
    convergence = dict(stored["convergence"])
    convergence["problems"] = tuple(convergence["problems"])
    return {
        "model": SpectralModel.from_dict(stored["model"]),
        "background": BackgroundModel(**stored["background"]),
        "settings": SamplerSettings(**stored["sampling"]),
        "convergence": Convergence(**convergence),
        "systematics": Systematics(**stored.get("systematics", {})),
        "together_with": tuple(stored.get("together_with", ())),
    }
