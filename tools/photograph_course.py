"""Take the README's picture of a worked notebook again, in Chromium, with the network off:

python tools/photograph_course.py [docs/images/course.png]
"""

from __future__ import annotations

import importlib.util
import sys
import tempfile
from pathlib import Path
from typing import Any

from coursebook.pages import page

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOK = ROOT / "notebooks" / "solutions" / "01_the_lecture_figure.ipynb"
HEADING = "Backward:-the-chain-rule"
SIZE = (820, 805)


def driver() -> Any:
    """The browser's driver, which lives with the tests."""
    spec = importlib.util.spec_from_file_location("browser", ROOT / "tests" / "viz" / "browser.py")
    if spec is None or spec.loader is None:
        raise ImportError("tests/viz/browser.py is not in this checkout")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def main(target: str = "docs/images/course.png") -> None:
    """Write the picture."""
    tool = driver()
    program = tool.find_browser()
    if program is None:
        sys.exit(f"no Chromium on the path: {', '.join(tool.NAMES)}")
    with tempfile.TemporaryDirectory() as folder, tool.Browser(program) as browser:
        path = Path(folder, "page.html")
        path.write_text(page(NOTEBOOK), encoding="utf-8")
        opened = browser.open(path, size=SIZE, scale=1.5)
        opened.run(f"document.getElementById({HEADING!r}).scrollIntoView(); scrollBy(0, -14)")
        opened.screenshot(Path(target))
    print(target)


if __name__ == "__main__":
    main(*sys.argv[1:])
