"""The page as a reader sees it, in headless Chromium. Collected where there is one: see conftest.py."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from cli.reporting.model import Missing, StackStatus
from cli.reporting.page import page
from cli.reporting.summary import summarise
from functions.contract.states import RunState
from tests.reporting import example, in_browser
from tests.reporting.graphs import graph


def _ended(status: StackStatus) -> StackStatus:
    """Leave out the run that is under way."""
    assert not isinstance(status.runs, Missing)
    return replace(status, runs=tuple(work for work in status.runs if work.status == RunState.COMPLETED))


STATUSES = {
    "month": example.status(graph=graph()),
    "ended": _ended(example.status(graph=graph())),
    "empty": example.empty(),
    "nothing": example.nothing(),
}


@pytest.fixture
def program() -> str:
    """The browser."""
    found = in_browser.find()
    assert found is not None
    return found


def test_pages_are_as_they_must_be_on_a_phone_and_on_a_desk_in_light_and_dark(program: str, tmp_path: Path) -> None:
    """Whatever they show; and there is a picture of each."""
    pages = [tmp_path / f"{name}.html" for name in STATUSES]
    for path, status in zip(pages, STATUSES.values(), strict=True):
        path.write_text(page(summarise(status)), encoding="utf-8")
    assert in_browser.look(program, pages, tmp_path / "screens") == []
    pictures = list((tmp_path / "screens").glob("*.png"))
    assert len(pictures) == len(pages) * 4
    assert all(picture.read_bytes().startswith(b"\x89PNG") for picture in pictures)


BAD = """<!doctype html><title>bad</title><style>dd{width:30px;overflow-wrap:anywhere}</style><main>
<img src="picture.png"><button></button><p style="width:2000px">wide</p>
<dl class="tiles"><div><dd>COMPLETED</dd></div></dl>
<svg width="50" height="20" role="img"><title>small</title><text x="20" y="9" font-size="8">cut off here</text></svg>
</main>"""


def test_what_is_wrong_with_a_page_is_found(program: str, tmp_path: Path) -> None:
    """Each of the things that are looked for."""
    (tmp_path / "bad.html").write_text(BAD, encoding="utf-8")
    found = "\n".join(in_browser.look(program, [tmp_path / "bad.html"], tmp_path / "screens"))
    for said in (
        "asks for file://",
        "scrolls sideways: ",
        "has text in a picture that is ",
        "breaks words of its tiles: COMPLETED",
        "has text that its picture cuts off: cut off here",
        "has a button without a name",
    ):
        assert f"bad light 360: {said}" in found, said
