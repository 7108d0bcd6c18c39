"""The folder for results: writable, and never a mixture of two runs."""

from collections.abc import Iterable
from pathlib import Path

from bayes_onoff.app.provenance import PROVENANCE_FILE
from bayes_onoff.errors import FileError

__all__ = ["clear_earlier_results", "prepare_folder"]

RESULTS = (
    PROVENANCE_FILE,
    "report.html",
    "*.ecsv",
    "posterior*.nc",
    "flux_points*.nc",
    "unfolded.nc",
    "light_curve*.nc",
    "spectra/*.fits",
    "figures/*.*",
    "latex/*.tex",
)
"""What a run writes; the first is taken away first, because a folder that has it is a finished one."""


def prepare_folder(folder: Path) -> None:
    """Make the folder, and see that files can be written there.

    Raises
    ------
    FileError
        If it cannot be made or written.
    """
    probe = folder / ".writable"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
    except OSError as error:
        problem = "the folder for results cannot be written"
        raise FileError(folder, problem, found=error.strerror, allowed="another --out") from error


def clear_earlier_results(folder: Path, inputs: Iterable[Path] = ()) -> None:
    """Remove what an earlier run left, so that nothing of it can be taken for this one's.

    Parameters
    ----------
    folder : Path
    inputs : iterable of Path
        What the new results are made from.

    Raises
    ------
    FileError
        If an input would be removed; nothing is then.
    """
    earlier = [path for pattern in RESULTS for path in folder.glob(pattern)]
    wanted = {path.resolve() for path in inputs}
    for path in earlier:
        if path.resolve() in wanted:
            problem = "the results would take the place of what they are made from"
            raise FileError(path, problem, found=f"--out {folder}", allowed="another folder")
    for path in earlier:
        path.unlink()
