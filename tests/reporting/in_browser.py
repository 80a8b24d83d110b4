"""Opens a page in headless Chromium and looks at it as a browser does.

    python -m tests.reporting.in_browser build/report.html build/screens
    python -m tests.reporting.in_browser --find

In light and dark, at the width of a phone and of a desk: nothing is fetched, nothing is reported to the console, the
page does not scroll sideways, no word is broken and no text cut off, everything that can be pointed at has a name.
Writes a picture of each; ends with 1 and the reasons when something is wrong, with 2 when there is no browser.
CHROMIUM names another one than that of the search path.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Timer
from typing import IO, Any, Final, NamedTuple

NONE: Final = "there is no Chromium: `apt-get install chromium` installs it on Debian; CHROMIUM=/path names another one"
_USAGE: Final = 2
_PATIENCE_S: Final = 120
_NAMES: Final = ("chromium", "chromium-browser", "google-chrome")
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
_LAUNCH = """import fcntl, os, sys
for number, fd in enumerate([fcntl.fcntl(int(fd), fcntl.F_DUPFD, 10) for fd in sys.argv[1:3]], 3):
    os.dup2(fd, number)
os.execvp(sys.argv[3], sys.argv[3:])
"""
"""A browser reads its orders from descriptor 3, and answers on 4."""
_WIDE = "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"
_SMALL = """[...document.querySelectorAll('svg text')].filter(t => t.getBoundingClientRect().height > 0)
    .map(t => t.getBoundingClientRect().height).reduce((a, b) => Math.min(a, b), 99)"""
_BROKEN = """[...document.querySelectorAll('.tiles dd')].flatMap(tile => {
    const text = tile.firstChild, range = document.createRange();
    return [...text.data.matchAll(/\\S+/g)].filter(word => {
        range.setStart(text, word.index);
        range.setEnd(text, word.index + word[0].length);
        return range.getClientRects().length > 1;
    }).map(word => word[0]);
})"""
_CUT = """[...document.querySelectorAll('svg text')].filter(text => {
    const inner = text.getBoundingClientRect(), outer = text.closest('svg').getBoundingClientRect();
    return inner.left < outer.left - 1 || inner.right > outer.right + 1;
}).map(text => text.textContent)"""
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
        launcher = [sys.executable, "-c", _LAUNCH, str(to_child), str(from_child)]
        command = [*launcher, program, *_FLAGS, f"--user-data-dir={profile}"]
        running = subprocess.Popen(  # noqa: S603 - the browser that was named
            command, pass_fds=(to_child, from_child), stderr=subprocess.DEVNULL
        )
        os.close(to_child)
        os.close(from_child)
        # One that hangs must not hold up whoever waits for it.
        late = Timer(_PATIENCE_S, running.kill)
        late.start()
        with os.fdopen(ours_in, "rb") as reading, os.fdopen(ours_out, "wb") as writing:
            browser = Browser(reading, writing)
            try:
                browser.attach()
                yield browser
            finally:
                late.cancel()
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
    yield from _ill_set(browser)
    nodes = browser.call("Accessibility.getFullAXTree")["nodes"]
    roles = [_role(node) for node in nodes if not node.get("ignored")]
    drawn = browser.value("document.querySelectorAll('svg').length")
    if roles.count("image") != drawn or roles.count("main") != 1:
        yield f"has {roles.count('image')} images of {drawn} pictures, and {roles.count('main')} main parts"
    for node in nodes:
        if not node.get("ignored") and _role(node) in _NAMED and not node.get("name", {}).get("value"):
            yield f"has a {_role(node)} without a name"


def _ill_set(browser: Browser) -> Iterator[str]:
    """Give what does not fit into its place."""
    wide, room = browser.value(_WIDE)
    if wide > room:
        yield f"scrolls sideways: {wide} in {room}"
    if (small := browser.value(_SMALL)) < _LEAST_TEXT:
        yield f"has text in a picture that is {small:.1f} px high"
    if broken := browser.value(_BROKEN):
        yield f"breaks words of its tiles: {', '.join(broken)}"
    if cut := browser.value(_CUT):
        yield f"has text that its picture cuts off: {', '.join(cut)}"


def _role(node: dict[str, Any]) -> str:
    role = str(node.get("role", {}).get("value", ""))
    return "image" if role in {"img", "graphics-document"} else role


def find() -> str | None:
    """Give the browser of this machine, if it has one."""
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, _NAMES)), None)


def look(program: str, pages: Iterable[Path], screens: Path) -> list[str]:
    """Look at the pages in every way, keep a picture of each, and give what is wrong."""
    screens.mkdir(parents=True, exist_ok=True)
    views = [View(width, scheme) for width in WIDTHS for scheme in SCHEMES]
    with chromium(program) as browser:
        return [problem for path in pages for view in views for problem in check(browser, path, view, screens)]


def main(arguments: Sequence[str]) -> int:
    """Look at the page that is named, or only for the browser."""
    program = find()
    if program is None:
        sys.stderr.write(f"{NONE}\n")
        return _USAGE
    if arguments == ["--find"]:
        return 0
    if len(arguments) != 2:
        sys.stderr.write("usage: python -m tests.reporting.in_browser PAGE FOLDER, or --find\n")
        return _USAGE
    page, screens = map(Path, arguments)
    found = look(program, [page], screens)
    said = f"{page} in Chromium, {len(WIDTHS)} widths, light and dark: as it must be; pictures: {screens}\n"
    sys.stdout.write("".join(f"{problem}\n" for problem in found) or said)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
