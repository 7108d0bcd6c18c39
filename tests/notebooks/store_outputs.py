"""Execute notebooks and store their outputs, lightly. Run as

    python -m tests.notebooks.store_outputs [NAME ...]

Every notebook (or those named, by their file's stem) runs from top to bottom in an empty folder, and is written back
with its outputs, pictures reduced to a few hundred colours. Those on real data need GAMMAPY_DATA.
"""

import base64
import io
import sys
import tempfile
import warnings
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from PIL import Image

__all__ = ["FOLDER", "NOTEBOOKS", "execute"]

FOLDER = Path(__file__).parents[2] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
COLOURS = 128
MINUTES = 15


def execute(notebook: nbformat.NotebookNode, folder: Path) -> None:
    """Run all cells, outputs into the notebook, files that it writes into `folder`."""
    NotebookClient(
        notebook, timeout=60 * MINUTES, record_timing=False, resources={"metadata": {"path": str(folder)}}
    ).execute()


def _light(picture: str) -> str:
    """Re-encode a PNG, base64 in and out, with a palette: a third of the size, the look unchanged."""
    reduced = io.BytesIO()
    image = Image.open(io.BytesIO(base64.b64decode(picture))).convert("RGB")
    image.quantize(COLOURS, dither=Image.Dither.NONE).save(reduced, "PNG", optimize=True)
    return base64.b64encode(reduced.getvalue()).decode()


def _store(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    with tempfile.TemporaryDirectory() as folder:
        execute(notebook, Path(folder))
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if "image/png" in data:
                data["image/png"] = _light(data["image/png"])
                data.pop("text/plain", None)
    notebook.metadata = nbformat.from_dict(
        {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        }
    )
    nbformat.write(notebook, path)


def main(names: list[str]) -> None:
    """Store the outputs of the notebooks named, or of all."""
    warnings.simplefilter("error")
    unknown = set(names) - {path.stem for path in NOTEBOOKS}
    if unknown:
        raise SystemExit(f"no notebook {', '.join(sorted(unknown))}; there are {', '.join(p.stem for p in NOTEBOOKS)}")
    for path in NOTEBOOKS:
        if not names or path.stem in names:
            _store(path)
            sys.stdout.write(f"{path.name}: {path.stat().st_size / 1e3:.0f} kB\n")


if __name__ == "__main__":
    main(sys.argv[1:])
