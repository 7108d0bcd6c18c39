"""The public H.E.S.S. test data, fetched from where they were published: verified, and resumed where it stopped."""

import hashlib
import json
import shutil
import tarfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from pathlib import Path

from bayes_onoff.app.output_folder import prepare_folder
from bayes_onoff.app.progress import Progress
from bayes_onoff.errors import FileError, InputError

__all__ = ["RECORD", "TERMS", "download_hess_dr1"]

RECORD = "https://zenodo.org/api/records/1421099"
"""H.E.S.S. DL3 DR1, doi:10.5281/zenodo.1421098 (all versions); this is version 1.0."""
TERMS = """\
H.E.S.S. DL3 public test data release 1 (HESS DL3 DR1), H.E.S.S. collaboration, 2018, doi:10.5281/zenodo.1421098

Terms of use, from the release:
  No scientific publications may be derived from the data. Using the data for new claims about the astrophysical
  sources is not permitted.
  When using this data, please include the following attribution:
    This work made use of data from the H.E.S.S. DL3 public test data release 1 (HESS DL3 DR1, H.E.S.S.
    collaboration, 2018).
  These terms of use must be included in all copies in full or part of the data.
"""
ATTEMPTS = 5
PAUSE = 2.0
"""s before another attempt after a connection broke."""
CHUNK = 1 << 20
TIMEOUT = 60.0
TERMS_FILE = "TERMS.txt"


@dataclass(frozen=True, slots=True)
class _RemoteFile:
    """A file of a record: its name, address, size in bytes and checksum (algorithm, digest)."""

    name: str
    url: str
    size: int
    algorithm: str
    digest: str


def download_hess_dr1(folder: str | Path, *, record: str = RECORD, progress: Progress | None = None) -> Path:
    """Download the release and unpack it as a data store; the terms must have been accepted.

    What was interrupted is resumed when it is called again. The data store appears when it is whole.

    Parameters
    ----------
    folder : path-like
        Of the data store; must not exist, or be the finished one.
    record : str
        Address of the record that lists the files.
    progress : Progress, optional

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    InputError
        If the server cannot be reached, or a file is not what the record says.
    FileError
        If the folder is taken or cannot be written, or the archive is damaged.
    """
    progress, folder = progress or Progress(), Path(folder)
    if (folder / "obs-index.fits.gz").is_file():
        progress.say(f"there already: {folder}")
        return folder
    if folder.exists() and any(folder.iterdir()):
        raise FileError(folder, "something else is in this folder", allowed="an empty or a new folder")
    parts = folder.with_name(f"{folder.name}.download")
    prepare_folder(parts)
    with progress.stage("download"):
        archives = [_fetched(file, parts, progress) for file in _listed(record)]
    with progress.stage("unpack", "unpacking"):
        _unpack([path for path in archives if path.name.endswith((".tar.gz", ".tgz"))], parts / "unpacked", folder)
    shutil.rmtree(parts)
    progress.say(f"{progress.summary()}; data store in {folder}; next: bayes-onoff inspect {folder}")
    return folder


@contextmanager
def _opened(url: str, start: int = 0) -> Iterator[HTTPResponse]:
    """Open an address, from a byte on if the server can."""
    if not url.startswith(("https://", "http://")):
        raise InputError("not a web address", place="download", found=url, allowed="https://...")
    request = urllib.request.Request(url, headers={"Range": f"bytes={start}-"} if start else {})
    with urllib.request.urlopen(request, timeout=TIMEOUT) as response:
        yield response


def _listed(record: str) -> list[_RemoteFile]:
    try:
        with _opened(record) as response:
            entries = json.loads(response.read())["files"]
        files = []
        for entry in entries:
            algorithm, _, digest = entry["checksum"].partition(":")
            name = Path(entry["key"]).name
            files.append(_RemoteFile(name, entry["links"]["self"], int(entry["size"]), algorithm, digest))
            hashlib.new(algorithm)
    except (OSError, HTTPException) as error:
        raise InputError("the record cannot be read", place=record, found=str(error), allowed="a network") from error
    except (ValueError, KeyError, TypeError) as error:
        raise InputError("not a record with files and their checksums", place=record) from error
    return files


def _fetched(file: _RemoteFile, folder: Path, progress: Progress) -> Path:
    """Fetch a file, from where it stopped before; keep it only if it is what the record says."""
    path, part = folder / file.name, folder / f"{file.name}.part"
    if path.is_file():
        return path
    have = part.stat().st_size if part.is_file() else 0
    told = f", {have / 1e6:.1f} MB are here already" if have else ""
    progress.say(f"{file.name}: {file.size / 1e6:.1f} MB{told}")
    for attempt in range(1, ATTEMPTS + 1):
        problem = _append(file, part, progress)
        if problem is None:
            break
        if attempt == ATTEMPTS:
            raise InputError(
                f"the connection broke {ATTEMPTS} times; what is here is kept",
                place=file.url,
                found=problem,
                allowed="the same command goes on from there",
            )
        time.sleep(PAUSE)
    _verify(file, part)
    return part.replace(path)


def _append(file: _RemoteFile, part: Path, progress: Progress) -> str | None:
    """Fetch what is missing; why it is not all of it, else None."""
    have = part.stat().st_size if part.is_file() else 0
    if have >= file.size:
        return None
    try:
        with _opened(file.url, have) as response:
            resumes = response.status == 206
            have = have if resumes else 0
            with part.open("ab" if resumes else "wb") as target:
                tenth = 10 * have // file.size
                while chunk := response.read(CHUNK):
                    target.write(chunk)
                    have += len(chunk)
                    if 10 * have // file.size > tenth:
                        tenth = 10 * have // file.size
                        progress.say(f"{file.name}: {10 * tenth} %")
    except (OSError, HTTPException) as error:
        return str(error)
    return None if have >= file.size else f"{have} of {file.size} bytes"


def _verify(file: _RemoteFile, part: Path) -> None:
    with part.open("rb") as content:
        digest = hashlib.file_digest(content, file.algorithm).hexdigest()
    size = part.stat().st_size
    if digest != file.digest or size != file.size:
        part.unlink()
        raise InputError(
            f"the file that came is not the one of the record ({file.algorithm}), it was removed",
            place=file.url,
            found=f"{digest}, {size} bytes",
            allowed=f"{file.digest}, {file.size} bytes",
        )


def _unpack(archives: list[Path], unpacked: Path, folder: Path) -> None:
    """Unpack, find the folder with the index, and put it in its place as a whole."""
    shutil.rmtree(unpacked, ignore_errors=True)
    for archive in archives:
        try:
            with tarfile.open(archive) as content:
                content.extractall(unpacked, filter="data")
        except (tarfile.TarError, OSError, EOFError) as error:
            raise FileError(archive, "the archive is damaged", found=str(error)) from error
    index = next(iter(sorted(unpacked.rglob("obs-index.fits.gz"))), None)
    if index is None:
        raise FileError(unpacked, "no data store in what was downloaded", found="no obs-index.fits.gz")
    (index.parent / TERMS_FILE).write_text(TERMS, encoding="utf-8")
    if folder.exists():
        folder.rmdir()
    index.parent.replace(folder)
