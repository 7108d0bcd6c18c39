"""Where a source is: by the targets of a data store, by a position, and only then over the network."""

import math
import re
from collections.abc import Callable, Collection, Sequence

import numpy as np
from astropy.coordinates import SkyCoord

from bayes_onoff.dl3 import DataStore
from bayes_onoff.errors import InputError

__all__ = ["find_position", "known_targets"]

NEAREST_TARGET = 0.5
"""deg; a position is named after the target of the store that is no farther away."""


def known_targets(store: DataStore) -> dict[str, SkyCoord]:
    """List the targets of the runs that are there, with the position that the index or the events state."""
    table, targets = store.obs_table, {}
    for row, obs_id in zip(table, store.obs_ids, strict=True):
        name = " ".join(str(row["OBJECT"]).split()) if "OBJECT" in table.colnames else ""
        if not name or name in targets or not store.is_present(obs_id):
            continue
        stated = [float(row[key]) if key in table.colnames else math.nan for key in ("RA_OBJ", "DEC_OBJ")]
        if not np.all(np.isfinite(stated)):
            events = store.observation(obs_id).run_files.events_table
            found = [events.key_float(key) for key in ("RA_OBJ", "DEC_OBJ")]
            stated = [math.nan if value is None else value for value in found]
        if np.all(np.isfinite(stated)):
            targets[name] = SkyCoord(*stated, unit="deg")
    return targets


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", "", name).casefold()


def find_position(
    store: DataStore, source: str | None, position: tuple[str, str] | None, ask: Callable[[Sequence[str]], str] | None
) -> tuple[str, SkyCoord]:
    """Find name and position of the source.

    A name is looked for among the targets of the store; only what is not there is asked of the resolvers that astropy
    knows, over the network.

    Parameters
    ----------
    store : DataStore
    source : str or None
        Its name.
    position : tuple of str, or None
        Right ascension and declination, such as ``("83.63", "22.01")`` (deg) or ``("5h34m32s", "22d00m52s")``.
    ask : callable, optional
        Given the names of the targets, asks for one; used where neither name nor position is given.

    Raises
    ------
    InputError
        If the position is none, or the name cannot be resolved.
    """
    targets = known_targets(store)
    if position is not None:
        coord = _parsed(position)
        distance = {name: float(coord.separation(target).deg) for name, target in targets.items()}
        near = min(distance, key=lambda name: distance[name], default=None)
        is_near = near is not None and distance[near] < NEAREST_TARGET
        return source or (str(near) if is_near else "source"), coord
    if source is None:
        if len(targets) == 1:
            return next(iter(targets.items()))
        if ask is None or not targets:
            allowed = "--source NAME or --position RA DEC"
            raise InputError("which source?", place="init", found=", ".join(targets) or "no targets", allowed=allowed)
        source = ask(list(targets))
    matching = [name for name in targets if _plain(name) == _plain(source)]
    matching = matching or [name for name in targets if _plain(source) and _plain(source) in _plain(name)]
    if len(matching) == 1:
        return matching[0], targets[matching[0]]
    if matching:
        allowed = ", ".join(matching)
        raise InputError("several targets have such a name", place="--source", found=source, allowed=allowed)
    return source, _resolved(source, targets)


def _parsed(position: tuple[str, str]) -> SkyCoord:
    try:
        return SkyCoord(*position, unit="deg")
    except ValueError as error:
        raise InputError(
            "not a position",
            place="--position",
            found=" ".join(position),
            allowed="right ascension and declination, such as 83.63 22.01 (deg) or 5h34m32s 22d00m52s",
        ) from error


def _resolved(source: str, targets: Collection[str]) -> SkyCoord:
    from astropy.coordinates.name_resolve import NameResolveError

    try:
        return SkyCoord.from_name(source)
    except (NameResolveError, OSError, TimeoutError) as error:
        raise InputError(
            "the store has no such target, and no name resolver could be asked or knows it",
            place="--source",
            found=source,
            allowed=f"a target of the store ({', '.join(targets) or 'none is stated'}), or --position RA DEC",
        ) from error
