"""The picture of the README is the program of today, and can be read in light and in dark."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

from tests.reporting.picture import PLACE, drawn

SVG = "{http://www.w3.org/2000/svg}"


def test_the_picture_is_current() -> None:
    """`python -m tests.reporting.picture docs/architecture.svg` draws it."""
    assert PLACE.read_text(encoding="utf-8") == drawn()


def test_the_picture_stands_alone() -> None:
    """It has a name, words for who cannot see it, and every colour that it uses, in both; it loads nothing."""
    text = PLACE.read_text(encoding="utf-8")
    root = ET.fromstring(text)  # noqa: S314 - our own file
    assert root.findtext(f"{SVG}title")
    assert "resources" in (root.findtext(f"{SVG}desc") or "")
    light, _, dark = text.partition("prefers-color-scheme:dark")
    for name in set(re.findall(r"var\(--(\w+)\)", text)):
        assert f"--{name}:" in light
        assert f"--{name}:" in dark
    used = {one for item in root.iter() for one in (item.get("class") or "").split()}
    styled = set(re.findall(r"\.([a-z][a-z-]*)[{,]", text))
    assert used <= styled
    assert not re.findall(r"https?://(?!www\.w3\.org/2000/svg)|<script|<image", text)
