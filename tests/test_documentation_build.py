"""The documentation builds without a warning, and every public name and page is in it."""

import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.test_public_api import PUBLIC

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-d", str(folder / "doctrees")]
    built = subprocess.run(
        [*command, str(ROOT / "docs"), str(folder / "html")], capture_output=True, text=True, check=False
    )
    assert built.returncode == 0, built.stderr[-3000:]
    return folder / "html"


class Identifiers(HTMLParser):
    """Collects the identifiers of a page."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.found: set[str] = set()
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del tag
        self.found |= {value for name, value in attrs if name == "id" and value}


def test_every_page_is_built_and_reachable(site: Path) -> None:
    pages = {path.stem for path in (ROOT / "docs").glob("*.md")}
    assert pages <= {path.stem for path in site.glob("*.html")}
    index = (site / "index.html").read_text(encoding="utf-8")
    assert [page for page in sorted(pages - {"index"}) if f'href="{page}.html"' not in index] == []


@pytest.mark.parametrize("room", [room for room in PUBLIC if (ROOT / "docs" / "api" / f"{room}.md").exists()])
def test_every_public_function_and_class_has_an_entry(site: Path, room: str) -> None:
    identifiers = Identifiers(site / "api" / f"{room}.html").found
    documented = {name.rsplit(".", 1)[-1] for name in identifiers}
    assert [name for name in PUBLIC[room] if name not in documented and not name.isupper()] == []
