"""A page in a real browser, without a screen: what it measures there, and what it looks like."""

import json
import re
import shutil
import subprocess
from html import escape, unescape
from pathlib import Path
from typing import Any

import pytest

NO_BROWSER = "no Chromium on this machine"
HEIGHT = 1200

_MEASURE = """
<script>
window.addEventListener("load", () => {
  const root = document.documentElement, shown = element => element.getBoundingClientRect().width > 0;
  const colour = (element, name) => getComputedStyle(element)[name];
  const found = {
    width: window.innerWidth,
    content_width: root.scrollWidth,
    dead_links: [...document.querySelectorAll('a[href^="#"]')]
      .filter(a => !document.getElementById(a.hash.slice(1))).map(a => a.hash),
    links: document.querySelectorAll('a[href^="#"]').length,
    pictures: [...document.querySelectorAll('svg[role="img"]')].map(svg => {
      const box = svg.getBoundingClientRect();
      return {label: svg.getAttribute("aria-label"), width: box.width, height: box.height};
    }),
    hidden_tables: [...document.querySelectorAll("table")].filter(table => !shown(table)).length,
    tables: document.querySelectorAll("table").length,
    small_text: [...document.querySelectorAll("p, td, th, figcaption, li, pre")]
      .filter(e => parseFloat(colour(e, "fontSize")) < 12).length,
    clipped: [...document.querySelectorAll("p, h1, h2, figcaption, li")]
      .filter(e => e.getBoundingClientRect().right > window.innerWidth + 1).map(e => e.textContent.slice(0, 40)),
    ink: colour(document.body, "color"), paper: colour(document.body, "backgroundColor"),
    fetched: performance.getEntriesByType("resource").map(entry => entry.name),
  };
  const result = window.parent.document.getElementById("measured");
  result.textContent = JSON.stringify(found);
});
</script>
"""

# A window of Chromium is at least 500 pixels wide, a frame in it may be narrower.
_FRAME = """<!DOCTYPE html>
<html style="color-scheme: light dark"><body style="margin: 0">
<iframe srcdoc="{page}" style="display: block; border: 0; width: {width}px; height: {height}px"></iframe>
<pre id="measured"></pre>
</body></html>
"""


def _browser() -> str:
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if found := shutil.which(name):
            return found
    pytest.skip(NO_BROWSER)


def _open(page: Path, folder: Path, width: int, dark: bool, *options: str) -> str:
    source = page.read_text(encoding="utf-8").replace("</body>", f"{_MEASURE}</body>")
    frame = folder / "frame.html"
    frame.write_text(_FRAME.format(page=escape(source), width=width, height=HEIGHT), encoding="utf-8")
    command = [
        _browser(),
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--hide-scrollbars",
        f"--user-data-dir={folder / 'profile'}",
        f"--window-size={width},{HEIGHT}",
        f"--blink-settings=preferredColorScheme={0 if dark else 1}",
        *options,
        frame.as_uri(),
    ]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout


def measure(page: Path, folder: Path, *, width: int, dark: bool = False) -> dict[str, Any]:
    """Open a page at a width (pixels), and measure it there; `folder` takes what the browser needs."""
    found = re.search(r'<pre id="measured">(.+?)</pre>', _open(page, folder, width, dark, "--dump-dom"), re.DOTALL)
    assert found is not None, "the browser did not reach the end of the page"
    measured: dict[str, Any] = json.loads(unescape(found.group(1)))
    return measured


def photograph(page: Path, folder: Path, *, width: int, dark: bool = False) -> Path:
    """Take a picture of the top of a page."""
    picture = folder / "page.png"
    _open(page, folder, width, dark, f"--screenshot={picture}")
    return picture
