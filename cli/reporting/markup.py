"""Builds HTML and SVG from data. Whatever is not markup already is escaped: names come from users. Pure."""

from __future__ import annotations

import html
from collections.abc import Iterable
from typing import TypeAlias

from cli.render import plain

_VOID = frozenset({"br", "col", "hr", "link", "meta"})


class Markup(str):
    """Text that is markup, made by `element` and `fragment` only."""

    __slots__ = ()


Child: TypeAlias = str | Iterable[str | None] | None
Value: TypeAlias = "str | float | None"


def text(value: str) -> Markup:
    """Escape text; what no reader could see, or what would turn the line around, is spelled out."""
    return Markup(html.escape(plain(value), quote=True))


def element(tag: str, /, *children: Child, **attributes: Value) -> Markup:
    """Give an element. `class_` and `aria_label` are `class` and `aria-label`; an attribute of None is left out."""
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{text(_written(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    if tag in _VOID:
        return Markup(f"<{tag}{given}>")
    return Markup(f"<{tag}{given}>{fragment(*children)}</{tag}>")


def fragment(*children: Child) -> Markup:
    """Give the children one after the other."""
    return Markup("".join(map(_child, children)))


def _child(child: Child) -> str:
    if child is None:
        return ""
    if not isinstance(child, str):
        return fragment(*child)
    return child if isinstance(child, Markup) else text(child)


def _written(value: str | float) -> str:
    """Give a number with a tenth at most: a picture needs no more."""
    return value if isinstance(value, str) else f"{value:.1f}".removesuffix(".0")
