"""Opens a page in headless Chromium and looks at it as a browser does.

    CHROMIUM=/usr/bin/chromium python -m tests.reporting.in_browser build/report.html build/screens

Without a page, made-up ones are looked at. In light and dark, at the width of a phone and of a desk: nothing is
fetched, nothing is reported to the console, the page does not scroll sideways, everything that can be pointed at has
a name. Writes a picture of each; ends with 1 and the reasons when something is wrong.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, NamedTuple

from cli.reporting.page import page
from cli.reporting.summary import summarise
from tests.reporting import example
from tests.reporting.graphs import graph

WIDTHS = (360, 1280)
SCHEMES = ("light", "dark")
_HEIGHT = 900
_NAMED = frozenset({"button", "figure", "heading", "image", "link", "main", "region", "table"})
_FLAGS = (
    "--headless=new",
    "--remote-debugging-pipe",
    "--no-first-run",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--no-sandbox",  # it opens one file that was written here; containers and root have no sandbox
)
_WIDE = "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"
_SMALL = """[...document.querySelectorAll('svg text')].filter(t => t.getBoundingClientRect().height > 0)
    .map(t => t.getBoundingClientRect().height).reduce((a, b) => Math.min(a, b), 99)"""
_LEAST_TEXT = 11
"""Pixels of a line, so letters are a little smaller."""


class Browser:
    """A Chromium that is spoken to over a pipe (Chrome DevTools Protocol)."""

    def __init__(self, reading: IO[bytes], writing: IO[bytes]) -> None:
        """Speak through the two ends."""
        self._reading, self._writing = reading, writing
        self._number = 0
        self._session: str | None = None
        self.events: list[dict[str, Any]] = []

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
        """Ask, and give the answer; what happened meanwhile is kept."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self._session is not None:
            message["sessionId"] = self._session
        self._writing.write(json.dumps(message).encode() + b"\0")
        self._writing.flush()
        while True:
            answer = self._next()
            if answer.get("id") == self._number:
                assert "error" not in answer, (method, answer["error"])
                result: dict[str, Any] = answer["result"]
                return result
            self.events.append(answer)

    def attach(self) -> None:
        """Open a tab and speak with it from now on."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Network", "Log", "Runtime", "Accessibility"):
            self.call(f"{domain}.enable")

    def open(self, address: str) -> None:
        """Go to a page and wait until it is loaded."""
        self.events.clear()
        self.call("Page.navigate", url=address)
        while not any(event.get("method") == "Page.loadEventFired" for event in self.events):
            self.events.append(self._next())

    def value(self, expression: str) -> Any:  # noqa: ANN401 - JSON
        """Give the value of an expression."""
        return self.call("Runtime.evaluate", expression=expression, returnByValue=True)["result"]["value"]

    def _next(self) -> dict[str, Any]:
        data = bytearray()
        while (byte := self._reading.read(1)) != b"\0":
            assert byte, "Chromium has ended"
            data += byte
        found: dict[str, Any] = json.loads(data)
        return found


class View(NamedTuple):
    """How the page is looked at."""

    width: int
    scheme: str


@contextmanager
def chromium(program: str) -> Iterator[Browser]:
    """Run a browser with a profile of its own, and end it."""
    to_child, ours_out = os.pipe()
    ours_in, from_child = os.pipe()
    with tempfile.TemporaryDirectory() as profile:
        line = f'exec "$0" "$@" 3<&{to_child} 4>&{from_child}'
        command = ["sh", "-c", line, program, *_FLAGS, f"--user-data-dir={profile}"]
        running = subprocess.Popen(  # noqa: S603 - the browser that was named
            command, pass_fds=(to_child, from_child), stderr=subprocess.DEVNULL
        )
        os.close(to_child)
        os.close(from_child)
        with os.fdopen(ours_in, "rb") as reading, os.fdopen(ours_out, "wb") as writing:
            browser = Browser(reading, writing)
            try:
                browser.attach()
                yield browser
            finally:
                running.terminate()
                running.wait(10)


def check(browser: Browser, path: Path, view: View, screens: Path) -> list[str]:
    """Look at a page once, keep a picture, and give what is wrong."""
    browser.call(
        "Emulation.setDeviceMetricsOverride",
        width=view.width,
        height=_HEIGHT,
        deviceScaleFactor=2 if view.width < _HEIGHT else 1,
        mobile=view.width < _HEIGHT,
    )
    browser.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": view.scheme}])
    browser.open(path.resolve().as_uri())
    shot = browser.call("Page.captureScreenshot", captureBeyondViewport=True, format="png")
    (screens / f"{path.stem}-{view.scheme}-{view.width}.png").write_bytes(base64.b64decode(shot["data"]))
    return [f"{path.stem} {view.scheme} {view.width}: {problem}" for problem in _problems(browser, path)]


def _problems(browser: Browser, path: Path) -> Iterator[str]:
    for event in browser.events:
        parameters = event.get("params", {})
        address = parameters.get("request", {}).get("url", "")
        if address and address not in {path.resolve().as_uri(), "data:,"}:
            yield f"asks for {address}"
        if event.get("method") in {"Log.entryAdded", "Runtime.consoleAPICalled", "Runtime.exceptionThrown"}:
            yield f"says {json.dumps(parameters)[:300]}"
    wide, room = browser.value(_WIDE)
    if wide > room:
        yield f"scrolls sideways: {wide} in {room}"
    if (small := browser.value(_SMALL)) < _LEAST_TEXT:
        yield f"has text in a picture that is {small:.1f} px high"
    nodes = browser.call("Accessibility.getFullAXTree")["nodes"]
    roles = [_role(node) for node in nodes if not node.get("ignored")]
    drawn = browser.value("document.querySelectorAll('svg').length")
    if roles.count("image") != drawn or roles.count("main") != 1:
        yield f"has {roles.count('image')} images of {drawn} pictures, and {roles.count('main')} main parts"
    for node in nodes:
        if not node.get("ignored") and _role(node) in _NAMED and not node.get("name", {}).get("value"):
            yield f"has a {_role(node)} without a name"


def _role(node: dict[str, Any]) -> str:
    role = str(node.get("role", {}).get("value", ""))
    return "image" if role in {"img", "graphics-document"} else role


def main(arguments: Sequence[str]) -> int:
    """Look at the page that is named, or at made-up ones, in every way."""
    program = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        sys.stderr.write("there is no chromium: install it, or name it: CHROMIUM=/usr/bin/chromium\n")
        return 2
    with tempfile.TemporaryDirectory() as folder:
        pages = [Path(arguments[0])] if arguments else _examples(Path(folder))
        screens = Path(arguments[1]) if len(arguments) > 1 else Path("build/screens")
        screens.mkdir(parents=True, exist_ok=True)
        views = [View(width, scheme) for width in WIDTHS for scheme in SCHEMES]
        with chromium(program) as browser:
            found = [problem for path in pages for view in views for problem in check(browser, path, view, screens)]
    sys.stdout.write("".join(f"{problem}\n" for problem in found) or f"looked {len(pages) * len(views)} times\n")
    return 1 if found else 0


def _examples(folder: Path) -> list[Path]:
    made = {"month": example.status(graph=graph()), "empty": example.empty(), "nothing": example.nothing()}
    for name, status in made.items():
        (folder / f"{name}.html").write_text(page(summarise(status)), encoding="utf-8")
    return [folder / f"{name}.html" for name in made]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
