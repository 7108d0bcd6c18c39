"""Which runs belong together: to a night, a bin in time, an instrument."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bayes_onoff.errors import InputError
from bayes_onoff.spectra import Spectra

__all__ = ["RunGroups"]


@dataclass(frozen=True, eq=False, slots=True)
class RunGroups:
    """Groups of runs; every run belongs to one.

    Parameters
    ----------
    names : tuple of str
        Of the groups.
    group_of_run : ndarray of int, shape (run,)
        Index of each run's group.
    """

    names: tuple[str, ...]
    group_of_run: NDArray[np.int64]

    @classmethod
    def of(cls, spectra: Spectra, groups: Mapping[str, Sequence[str]] | None = None) -> "RunGroups":
        """Look up the runs of each group.

        Parameters
        ----------
        spectra : Spectra
        groups : mapping of str to sequence of str, optional
            Name of a group to the names of its runs; by default every run is a group of its own name.

        Raises
        ------
        InputError
            If a run is unknown, in no group or in two, or a group has no run.
        """
        if groups is None:
            return cls(spectra.names, np.arange(len(spectra)))
        listed = [run for runs in groups.values() for run in runs]
        empty = [name for name, runs in groups.items() if not runs]
        if sorted(listed) != sorted(spectra.names) or empty:
            found = "; ".join(f"{name}: {', '.join(runs) or 'none'}" for name, runs in groups.items())
            raise InputError(
                "every run must belong to one group, every group have a run",
                place="groups",
                found=found,
                allowed=f"each of {', '.join(spectra.names)} once",
            )
        group = {run: index for index, runs in enumerate(groups.values()) for run in runs}
        return cls(tuple(groups), np.array([group[name] for name in spectra.names]))

    def __len__(self) -> int:
        return len(self.names)

    @property
    def membership(self) -> NDArray[np.float64]:
        """1 where a run belongs to a group, else 0, shape (run, group)."""
        members: NDArray[np.float64] = (self.group_of_run[:, None] == np.arange(len(self))).astype(float)
        return members
