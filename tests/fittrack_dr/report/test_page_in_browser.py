"""The report in a real browser: everything is laid out, nothing runs over the edge, on a desk and on a phone."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from fittrack_dr.report.html import render
from tests.fittrack_dr.report.samples import sample

pytestmark = pytest.mark.browser

# Measured by the browser itself, in a copy of the page: the page as it is has no script.
MEASURE = """<script>
const outside = [...document.querySelectorAll('svg')].flatMap(svg => {
  const box = svg.viewBox.baseVal;
  return [...svg.querySelectorAll('text, rect')].filter(e => {
    const b = e.getBBox();
    return b.x < -1 || b.y < -1 || b.x + b.width > box.width + 1 || b.y + b.height > box.height + 1;
  }).map(e => e.textContent || e.tagName);
});
document.title = JSON.stringify({
  overflow: document.documentElement.scrollWidth - document.documentElement.clientWidth,
  bars: document.querySelectorAll('rect.bar').length,
  served: document.querySelectorAll('rect.served').length,
  failed: document.querySelectorAll('rect.failed').length,
  outside,
  scripts: document.scripts.length,
  blank: [...document.querySelectorAll('section, table, svg')].filter(e => !e.getBoundingClientRect().height).length,
});
</script>"""


def open_page(page: str, width: int, tmp_path: Path) -> dict[str, Any]:
    """What the browser measured of the page in a window so wide."""
    file = tmp_path / "report.html"
    file.write_text(page.replace("</body>", MEASURE + "</body>"), encoding="utf-8")
    browser = shutil.which("chromium") or "chromium"
    done = subprocess.run(
        [
            browser,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            f"--user-data-dir={tmp_path / 'browser'}",
            f"--window-size={width},1600",
            "--dump-dom",
            file.as_uri(),
        ],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    title = re.search(r"<title>(.*?)</title>", done.stdout, re.DOTALL)
    assert title is not None, done.stdout[:2000]
    return json.loads(unescape(title[1]))


@pytest.mark.parametrize("width", [1280, 500])
def test_the_page_is_laid_out_within_its_window(width: int, tmp_path: Path) -> None:
    seen = open_page(render(sample()), width, tmp_path)
    assert seen["overflow"] <= 0
    assert seen["outside"] == []
    assert seen["blank"] == 0
    assert seen["bars"] == 2
    assert seen["failed"] > 50
    assert seen["served"] > 0
    assert seen["scripts"] == 1  # the measuring one: what was quoted from outside did not become one
