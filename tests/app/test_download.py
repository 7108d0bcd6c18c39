"""`bayes-onoff download` from a server of this machine: verified, interrupted, resumed."""

import hashlib
import io
import json
import re
import tarfile
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

Command = Callable[..., tuple[int, str, str]]
ACCEPTED = "--accept-terms"


def archive_of(store: Path) -> bytes:
    """The store as a tar file in a folder, as the release is packed; its index compressed."""
    import gzip

    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for path in sorted(store.rglob("*.fits")):
            content, name = path.read_bytes(), str(path.relative_to(store))
            if "index" in name:
                content, name = gzip.compress(content, mtime=0), f"{name}.gz"
            entry = tarfile.TarInfo(f"hess_dl3_dr1/{name}")
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


class Server:
    """Serves one archive and the record that lists it; breaks off where it is told to."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.checksum = "md5:" + hashlib.md5(content).hexdigest()
        self.break_after: list[int] = []
        """How many bytes to give before each of the next connections breaks."""
        self.ranges: list[str] = []
        self.knows_ranges = True
        server = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: Any) -> None: ...

            def do_GET(self) -> None:
                body = server.record() if self.path == "/record" else server.content
                asked = self.headers.get("Range", "")
                start = 0
                if self.path != "/record":
                    server.ranges.append(asked)
                    if asked and server.knows_ranges:
                        start = int(re.fullmatch(r"bytes=(\d+)-", asked)[1])  # type: ignore[index]
                self.send_response(206 if start else 200)
                self.send_header("Content-Length", str(len(body) - start))
                self.end_headers()
                if self.path != "/record" and server.break_after:
                    self.wfile.write(body[start : start + server.break_after.pop(0)])
                    self.close_connection = True
                else:
                    self.wfile.write(body[start:])

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self._http.server_address[1]}"
        self._thread = threading.Thread(target=self._http.serve_forever, daemon=True)
        self._thread.start()

    def record(self) -> bytes:
        entry = {
            "key": "hess_dl3_dr1.tar.gz",
            "size": len(self.content),
            "checksum": self.checksum,
            "links": {"self": f"{self.address}/file"},
        }
        return json.dumps({"files": [entry]}).encode()

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


@pytest.fixture(scope="module")
def content(store: Path) -> bytes:
    return archive_of(store)


@pytest.fixture
def server(content: bytes, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr("bayes_onoff.app.download.PAUSE", 0.0)
    running = Server(content)
    yield running
    running.close()


def test_the_terms_come_first(command: Command, server: Server, tmp_path: Path) -> None:
    status, output, _ = command("download", tmp_path / "hess", "--record", f"{server.address}/record", answers="n\n")
    assert status == 1
    assert "No scientific publications may be derived from the data." in output
    assert "Do you accept these terms [y/N]" in output
    assert server.ranges == []
    assert list(tmp_path.iterdir()) == []


def test_a_data_store_that_can_be_used(command: Command, server: Server, tmp_path: Path) -> None:
    folder, record = tmp_path / "hess", f"{server.address}/record"
    status, output, errors = command("download", folder, "--record", record, answers="y\n")
    assert (status, errors) == (0, ""), output
    assert "hess_dl3_dr1.tar.gz: 100 %" in output
    assert f"data store in {folder}; next: bayes-onoff inspect {folder}" in output
    assert "This work made use of data from the H.E.S.S. DL3" in (folder / "TERMS.txt").read_text()
    assert [path.name for path in tmp_path.iterdir()] == ["hess"]
    status, output, _ = command("inspect", folder)
    assert status == 0
    assert "4 runs, 4 can be used" in output
    status, output, _ = command("download", folder, "--record", record, ACCEPTED)
    assert status == 0
    assert f"there already: {folder}" in output
    assert len(server.ranges) == 1


def test_a_connection_that_breaks_is_taken_up_again(command: Command, server: Server, tmp_path: Path) -> None:
    size = len(server.content)
    server.break_after = [size // 2, size // 4]
    status, output, errors = command("download", tmp_path / "hess", "--record", f"{server.address}/record", ACCEPTED)
    assert (status, errors) == (0, ""), output
    assert server.ranges == ["", f"bytes={size // 2}-", f"bytes={size // 2 + size // 4}-"]


def test_given_again_it_goes_on(command: Command, server: Server, tmp_path: Path) -> None:
    size, folder, record = len(server.content), tmp_path / "hess", f"{server.address}/record"
    server.break_after = [size // 2, 0, 0, 0, 0]
    status, _, errors = command("download", folder, "--record", record, ACCEPTED)
    assert status == 2
    assert "the connection broke 5 times; what is here is kept" in errors
    assert "the same command goes on from there" in errors
    assert not folder.exists()
    status, output, _ = command("download", folder, "--record", record, ACCEPTED)
    assert status == 0
    assert "MB are here already" in output
    assert server.ranges[-1] == f"bytes={size // 2}-"


def test_a_server_without_ranges_gives_all_again(command: Command, server: Server, tmp_path: Path) -> None:
    server.knows_ranges, server.break_after = False, [1000]
    assert command("download", tmp_path / "hess", "--record", f"{server.address}/record", ACCEPTED)[0] == 0


def test_a_wrong_checksum_is_refused(command: Command, server: Server, tmp_path: Path) -> None:
    server.checksum = "md5:" + 32 * "0"
    status, _, errors = command("download", tmp_path / "hess", "--record", f"{server.address}/record", ACCEPTED)
    assert status == 2
    assert f"{server.address}/file: the file that came is not the one of the record (md5), it was removed" in errors
    assert not (tmp_path / "hess").exists()
    assert not list(tmp_path.rglob("*.part"))


def test_what_else_is_refused(command: Command, server: Server, tmp_path: Path) -> None:
    record = f"{server.address}/record"
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "notes.txt").touch()
    status, _, errors = command("download", tmp_path / "taken", "--record", record, ACCEPTED)
    assert (status, "something else is in this folder" in errors) == (2, True)
    server.content = b"no archive"
    server.checksum = "md5:" + hashlib.md5(server.content).hexdigest()
    status, _, errors = command("download", tmp_path / "hess", "--record", record, ACCEPTED)
    assert (status, "the archive is damaged" in errors) == (2, True)
    server.checksum = "unknown"
    status, _, errors = command("download", tmp_path / "hess2", "--record", record, ACCEPTED)
    assert (status, "not a record with files and their checksums" in errors) == (2, True)
    status, _, errors = command("download", tmp_path / "hess3", "--record", "ftp://example.org/record", ACCEPTED)
    assert (status, "not a web address" in errors) == (2, True)
