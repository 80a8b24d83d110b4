"""The page as a reader of HTML sees it; `test_in_browser.py` is how a browser does."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise, product

import pytest

from cli.reporting import style
from cli.reporting.markup import Markup, element, text
from cli.reporting.model import StackStatus
from cli.reporting.page import page
from cli.reporting.summary import summarise
from tests.reporting import example
from tests.reporting.graphs import graph

VOID = {"meta", "link", "br", "hr", "col"}
STATES = {"month": example.status(graph=graph()), "empty": example.empty(), "nothing": example.nothing()}


class Tree(HTMLParser):
    """Takes a page apart: tags with their attributes, the text in each, and whether they are closed in order."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.texts: dict[str, list[str]] = {}
        self.open: list[str] = []
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep a tag."""
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Close the last one."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Keep text under its tag."""
        if self.open:
            self.texts.setdefault(self.open[-1], []).append(data)

    def of(self, tag: str) -> list[dict[str, str]]:
        """Give the attributes of all tags of a kind."""
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture(scope="module", params=STATES, ids=str)
def status(request: pytest.FixtureRequest) -> StackStatus:
    """A stack in one of the states that a page must show."""
    return STATES[request.param]


@pytest.fixture(scope="module")
def source(status: StackStatus) -> str:
    """Its page."""
    return page(summarise(status))


@pytest.fixture(scope="module")
def tree(source: str) -> Tree:
    """Its page, taken apart."""
    return Tree(source)


def test_it_is_well_formed(source: str, tree: Tree) -> None:
    """Every tag is closed in order, every id is there once, and every reference leads to one."""
    assert source.startswith('<!doctype html>\n<html lang="en">')
    assert tree.open == []
    ids = [attributes["id"] for _tag, attributes in tree.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    for _tag, attributes in tree.tags:
        for name in ("aria-labelledby", "aria-describedby"):
            assert set(attributes.get(name, "").split()) <= set(ids)
        for name in ("marker-end", "marker-start"):
            assert attributes.get(name, "url(#)")[5:-1] in {"", *ids}


def test_it_needs_nothing_else(source: str, tree: Tree) -> None:
    """No script, no address but its own anchors, and a policy that would stop both."""
    assert {tag for tag, _ in tree.tags} & {"script", "iframe", "img", "object", "embed", "form"} == set()
    for _tag, attributes in tree.tags:
        assert not any(name.startswith("on") for name in attributes)
        for name in ("href", "src", "action", "data", "xlink:href"):
            assert attributes.get(name, "#").startswith(("#", "data:,"))
    assert "://" not in source
    assert not re.search(r"url\((?!#)", source)
    assert "@import" not in source
    [policy] = [item["content"] for item in tree.of("meta") if item.get("http-equiv") == "Content-Security-Policy"]
    assert policy.startswith("default-src 'none'")


def test_everything_has_a_name(tree: Tree) -> None:
    """Pictures, sections, tables and what can be scrolled: for whoever listens to the page."""
    assert len(tree.of("main")) == len(tree.of("h1")) == 1
    assert all("aria-label" in item or "aria-labelledby" in item for item in tree.of("section"))
    for picture in tree.of("svg"):
        assert picture["role"] == "img"
        assert {"aria-labelledby", "aria-describedby"} <= picture.keys()
    assert len(tree.of("caption")) == len(tree.of("table"))
    assert all(item.get("scope") == "col" for item in tree.of("th"))
    scrolled = [item for item in tree.of("div") if "scroll" in item.get("class", "").split()]
    assert all(item["role"] == "region" and item["aria-label"] and item["tabindex"] == "0" for item in scrolled)
    levels = [int(tag[1]) for tag, _ in tree.tags if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_a_phone_is_told_that_the_page_fits(tree: Tree) -> None:
    """Its width is that of the device, and both schemes are meant."""
    metas = {item.get("name"): item.get("content") for item in tree.of("meta")}
    assert metas["viewport"] == "width=device-width, initial-scale=1"
    assert metas["color-scheme"] == "light dark"


def test_no_picture_holds_a_number_that_is_none(source: str) -> None:
    """Division by nothing would leave one."""
    assert not re.search(r'"[^"]*\b(nan|inf|None)\b[^"]*"', source)


def test_a_month_of_a_thousand_users_is_small() -> None:
    """It can be sent by mail; ten times the users make it no larger, since tables are cut."""
    small, large = (len(page(summarise(example.status(users=users)))) for users in (1_000, 10_000))
    assert small < 200_000
    assert large < 1.1 * small


def test_names_of_users_stay_text() -> None:
    """A folder may be called anything: what a page would run, and what would turn a line around, is only shown."""
    html = page(summarise(STATES["month"]))
    assert "<script" not in html
    assert "&lt;script&gt;alert(&#x27;x&#x27;)&lt;/script&gt;&amp;\\u202e&quot;\\x00" in html
    assert "\u202e" not in html
    assert "\x00" not in html


def test_what_came_from_elsewhere_is_text_too() -> None:
    """The stack's name, a queue's, an error's."""
    bad = '"><img src=x onerror=alert(1)>'
    status = STATES["month"]
    rows = tuple(replace(row, error=bad, source=bad, user=bad) for row in example.rows(status))
    drills = tuple(replace(drill, error=bad, user=bad) for drill in example.drills(status))
    queues = tuple(queue._replace(name=bad) for queue in example.queues(status))
    html = page(summarise(replace(status, stack=bad, backups=rows, drills=drills, queues=queues, remarks=(bad,))))
    assert Tree(html).of("img") == []
    assert "<img" not in html


def test_the_pictures_show_the_figures() -> None:
    """Said in words beside each: what a screen reader reads is what the tables hold."""
    tree = Tree(page(summarise(STATES["month"])))
    words = tree.texts["desc"]
    assert any("985 under 26 h, 12 under 50 h" in text for text in words)
    assert any("1 PARTIAL, 1 FAILED, 1 EXPIRED" in text for text in words)
    assert any("351 proven, 1 failed" in text for text in words)
    assert any("the budget is 500.00 USD" in text for text in words)


def test_a_part_that_is_missing_says_why() -> None:
    """In its place, and the others are there."""
    html = page(summarise(replace(STATES["month"], drills=STATES["nothing"].drills)))
    assert html.count("Not read: ACCESS_DENIED: no right (grant it)") == 1
    assert len(Tree(html).of("svg")) == 7


# ------------------------------------------------------------------------------------------ colours


def luminance(colour: str) -> float:
    """Give the relative luminance (Web Content Accessibility Guidelines 2.2)."""
    parts = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """Give the contrast of two colours."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("kind", "least"), [("TEXTS", 4.5), ("SHAPES", 3.0)])
def test_colours_can_be_told_from_what_they_stand_on(scheme: str, kind: str, least: float) -> None:
    """Text on ground and card, shapes likewise."""
    for (name, colour), surface in product(getattr(style, kind).items(), style.SURFACES.values()):
        found = contrast(getattr(colour, scheme), getattr(surface, scheme))
        assert found >= least, (name, found)


def test_the_style_uses_the_table_only() -> None:
    """Every colour of the rules is a variable that both schemes set; the sheet of paper is white."""
    sheet = style.stylesheet()
    rules = sheet[sheet.index("*{box-sizing") :]
    assert set(re.findall(r"#[0-9a-f]{3,6}\b", rules)) <= {"#fff"}
    used = set(re.findall(r"var\(--([a-z]+)\)", rules))
    light, dark = (set(re.findall(r"--([a-z]+):#", part)) for part in sheet[: sheet.index("*{box")].split("@media", 1))
    assert used <= light == dark


# ------------------------------------------------------------------------------------------- markup


def test_only_markup_is_not_escaped() -> None:
    """Attributes and children alike; numbers are written short, and what is None is left out."""
    made = element("p", "<b>", Markup("<i></i>"), None, ["&"], class_='"', x=1.25, y=2.0, z=None, aria_label="a")
    assert made == '<p class="&quot;" x="1.2" y="2" aria-label="a">&lt;b&gt;<i></i>&amp;</p>'
    assert text("a\x1b[31m") == "a\\x1b[31m"
