"""WSTAT and a power law, written down once more, for programs that read OGIP files but have no WSTAT of their own."""

import numpy as np


def power_law_photons(edges, amplitude, index):
    """Photons per cm2 and s in each bin between `edges` (TeV), reference energy 1 TeV."""
    return amplitude / (1 - index) * np.diff(np.asarray(edges, dtype=float) ** (1 - index))


def wstat(on, off, alpha, signal):
    """W as the textbooks write it, case by case; all arguments arrays of one shape."""
    on, off = np.asarray(on, dtype=float), np.asarray(off, dtype=float)
    total = alpha * (on + off) - (1 + alpha) * signal
    root = np.sqrt(total**2 + 4 * alpha * (1 + alpha) * off * signal)
    background = np.where(total >= 0, total + root, 0) / (2 * alpha * (1 + alpha))
    np.divide(2 * off * signal, root - total, out=background, where=total < 0)
    terms = signal + (1 + alpha) * background - on - off
    for counts, expected in ((on, signal + alpha * background), (off, background)):
        seen = counts > 0
        terms[seen] += counts[seen] * np.log(counts[seen] / expected[seen])
    return 2 * terms
