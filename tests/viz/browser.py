"""A small driver for headless Chromium: the DevTools protocol over a pipe.

With `--remote-debugging-pipe` the browser reads commands from file descriptor 3 and answers on 4,
each message ended by a zero byte: no port, no WebSocket, no package to install.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import select
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
_FLAGS = (
    *("--headless=new", "--no-sandbox", "--remote-debugging-pipe", "--no-first-run"),
    *("--disable-gpu", "--disable-background-networking", "--disable-component-update"),
    *("--disable-sync", "--disable-extensions", "--hide-scrollbars", "--mute-audio"),
    "--disable-dev-shm-usage",
    "--host-resolver-rules=MAP * ~NOTFOUND",  # no name leads anywhere
    "--force-color-profile=srgb",
)
SECONDS = 20.0


def find_browser() -> str | None:
    """The path of a Chromium, or None."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


class BrowserError(RuntimeError):
    """The browser did not do what it was told."""


class Browser:
    """A running browser with one page at a time; use it as a context."""

    def __init__(self, program: str) -> None:
        self.profile = tempfile.TemporaryDirectory()
        to_read, self._write = os.pipe()
        self._read, to_write = os.pipe()
        shell = f'exec "$0" "$@" 3<&{to_read} 4>&{to_write}'
        arguments = [program, *_FLAGS, f"--user-data-dir={self.profile.name}", "about:blank"]
        self._process = subprocess.Popen(
            ["/bin/bash", "-c", shell, *arguments],
            pass_fds=(to_read, to_write),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(to_read)
        os.close(to_write)
        self._buffer = b""
        self._count = 0
        self._events: list[dict[str, Any]] = []

    def __enter__(self) -> Browser:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(BrowserError):
            self.send("Browser.close")
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._write)
        os.close(self._read)
        self.profile.cleanup()

    def send(self, method: str, session: str | None = None, **params: Any) -> dict[str, Any]:
        """Send a command and wait for its answer; events on the way are kept."""
        self._count += 1
        message: dict[str, Any] = {"id": self._count, "method": method, "params": params}
        if session:
            message["sessionId"] = session
        try:
            os.write(self._write, json.dumps(message).encode() + b"\0")
        except OSError as error:
            raise BrowserError(f"{method}: the browser has gone") from error
        number = self._count
        until = time.monotonic() + SECONDS
        while True:
            answer = self._next(until, method)
            if answer.get("id") == number:
                if "error" in answer:
                    raise BrowserError(f"{method}: {answer['error']['message']}")
                result: dict[str, Any] = answer["result"]
                return result
            self._events.append(answer)

    def _next(self, until: float, waiting_for: str) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            left = until - time.monotonic()
            if left <= 0 or not select.select([self._read], [], [], left)[0]:
                raise BrowserError(f"{waiting_for}: no answer in {SECONDS:.0f} s")
            data = os.read(self._read, 1 << 20)
            if not data:
                raise BrowserError(f"{waiting_for}: the browser has gone")
            self._buffer += data
        text, _, self._buffer = self._buffer.partition(b"\0")
        message: dict[str, Any] = json.loads(text)
        return message

    def open(
        self,
        path: Path,
        *,
        dark: bool = False,
        scripts: bool = True,
        scale: float = 1.0,
        size: tuple[int, int] = (1200, 700),
        still: bool = True,
    ) -> Page:
        """Open a file from disk, with the network off, in a page of its own."""
        return Page(self, path, dark=dark, scripts=scripts, scale=scale, size=size, still=still)

    def events(self, session: str) -> list[dict[str, Any]]:
        """What the page told by itself so far."""
        return [event for event in self._events if event.get("sessionId") == session]


class Page:
    """One page; `problems` and `requests` tell what it should not have done."""

    def __init__(
        self,
        browser: Browser,
        path: Path,
        *,
        dark: bool,
        scripts: bool,
        scale: float,
        size: tuple[int, int],
        still: bool,
    ) -> None:
        self.browser = browser
        target = browser.send("Target.createTarget", url="about:blank")["targetId"]
        attached = browser.send("Target.attachToTarget", targetId=target, flatten=True)
        self.target, self.session = target, attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.send(f"{domain}.enable")
        self.send("Network.emulateNetworkConditions", offline=True, latency=0,
                  downloadThroughput=-1, uploadThroughput=-1)  # fmt: skip
        self.still = still
        self.prefer(dark=dark)
        self.send("Emulation.setDeviceMetricsOverride", width=size[0], height=size[1],
                  deviceScaleFactor=scale, mobile=False)  # fmt: skip
        if not scripts:
            self.send("Emulation.setScriptExecutionDisabled", value=True)
        self.url = path.resolve().as_uri()
        self.send("Page.navigate", url=self.url)
        self._wait("Page.loadEventFired")

    def prefer(self, *, dark: bool) -> None:
        """What the reader of the page prefers."""
        features = [
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"},
            {
                "name": "prefers-reduced-motion",
                "value": "reduce" if self.still else "no-preference",
            },
        ]
        self.send("Emulation.setEmulatedMedia", features=features)

    def send(self, method: str, **params: Any) -> dict[str, Any]:
        """Send a command to this page."""
        return self.browser.send(method, self.session, **params)

    def _wait(self, event: str) -> None:
        until = time.monotonic() + SECONDS
        while not any(e["method"] == event for e in self.browser.events(self.session)):
            self.browser._events.append(self.browser._next(until, event))

    def run(self, script: str) -> Any:
        """The value of a JavaScript expression in the page."""
        answer = self.send("Runtime.evaluate", expression=script, returnByValue=True,
                           awaitPromise=True)  # fmt: skip
        if "exceptionDetails" in answer:
            details = answer["exceptionDetails"]
            raise BrowserError(details.get("exception", {}).get("description", details["text"]))
        return answer["result"].get("value")

    def text(self, selector: str) -> str:
        """The text of the first element that a selector finds."""
        found: str = self.run(f"document.querySelector({json.dumps(selector)}).textContent")
        return found

    def number(self, key: int, role: str) -> str:
        """What a live figure shows at a node: its "value", "grad" or "count"."""
        return self.text(f'[data-node="{key}"] .of-{role}')

    def press(self, *keys: str) -> None:
        """Press keys, one after the other: "ArrowRight", " ", "b"."""
        for key in keys:
            code = {" ": "Space"}.get(key, f"Key{key.upper()}" if len(key) == 1 else key)
            number = {" ": 32, "Enter": 13, "Tab": 9, "End": 35, "Home": 36, "ArrowLeft": 37,
                      "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40}.get(key, 0)  # fmt: skip
            number = number or ord(key[0].upper())
            extra = {"text": key} if len(key) == 1 else {"text": "\r"} if key == "Enter" else {}
            both = {"key": key, "code": code, "windowsVirtualKeyCode": number}
            self.send("Input.dispatchKeyEvent", type="keyDown", **both, **extra)
            self.send("Input.dispatchKeyEvent", type="keyUp", **both)

    def type(self, text: str) -> None:
        """Type a text into what has the focus."""
        self.send("Input.insertText", text=text)

    def click(self, selector: str) -> None:
        """Click the middle of an element with the mouse."""
        box = self.run(
            f"(() => {{ const e = document.querySelector({json.dumps(selector)});"
            "e.scrollIntoView({block: 'nearest'}); const r = e.getBoundingClientRect();"
            "return [r.x + r.width / 2, r.y + r.height / 2]; })()"
        )
        for kind in ("mousePressed", "mouseReleased"):
            self.send("Input.dispatchMouseEvent", type=kind, x=box[0], y=box[1], button="left",
                      clickCount=1)  # fmt: skip

    def problems(self) -> list[str]:
        """Errors and warnings that the page wrote to the console."""
        self.run("0")
        found = []
        for event in self.browser.events(self.session):
            params = event["params"]
            if event["method"] == "Runtime.exceptionThrown":
                details = params["exceptionDetails"]
                found.append(details.get("exception", {}).get("description", details["text"]))
            elif event["method"] == "Runtime.consoleAPICalled":
                found.append(f"{params['type']}: {params['args']}")
            elif event["method"] == "Log.entryAdded":
                found.append(params["entry"]["text"])
        return found

    def requests(self) -> list[str]:
        """What the page asked for, besides itself and the images that it holds."""
        sent = [event["params"]["request"]["url"] for event in self.browser.events(self.session)
                if event["method"] == "Network.requestWillBeSent"]  # fmt: skip
        return [url for url in sent if url != self.url and not url.startswith("data:image/png")]

    def clean(self) -> None:
        """Close the page. Raises BrowserError if it wrote to the console or asked for anything."""
        problems, requests = self.problems(), self.requests()
        self.close()
        if problems or requests:
            raise BrowserError(f"{self.url}: problems {problems}, requests {requests}")

    def screenshot(self, path: Path) -> Path:
        """Write what is seen as a PNG."""
        data = self.send("Page.captureScreenshot", format="png")["data"]
        path.write_bytes(base64.b64decode(data))
        return path

    def close(self) -> None:
        """Close the page."""
        self.browser.send("Target.closeTarget", targetId=self.target)
