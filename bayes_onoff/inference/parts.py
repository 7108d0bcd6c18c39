"""Many draws handled a part at a time: bounds the memory of quadratures, changes nothing."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

__all__ = ["of_draws", "parts"]

_SIZE = 200


def parts(n_draws: int) -> Iterator[slice]:
    """Cut `n_draws` draws into parts that are handled together."""
    return (slice(start, start + _SIZE) for start in range(0, n_draws, _SIZE))


def of_draws(values: NDArray[np.float64], part: slice) -> NDArray[np.float64]:
    """Cut some draws out of values (draw, ...), where they are not the same (1, ...) for all."""
    return values if len(values) == 1 else values[part]
