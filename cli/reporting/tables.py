"""Tables and lists of the page, with captions. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from cli.reporting.markup import Markup, element

SHOWN = 50
"""Rows of a table: more would make the page slow, and `strongroom status --json` has them all."""


def table(
    caption: str, columns: Sequence[str], rows: Sequence[Sequence[str]], *, texts: int = 1, shown: int = SHOWN
) -> Markup:
    """Give a table. The first `texts` columns are text, the first of them names; the others are numbers."""
    classes = ["name" if number == 0 else None if number < texts else "number" for number in range(len(columns))]
    head = [
        element("th", name, scope="col", class_=_plain(class_)) for name, class_ in zip(columns, classes, strict=True)
    ]
    body = [
        element("tr", [element("td", cell, class_=class_) for cell, class_ in zip(row, classes, strict=True)])
        for row in rows[:shown]
    ]
    more = f" (the first {shown:,} of {len(rows):,})" if len(rows) > shown else ""
    found = element(
        "table",
        element("caption", f"{caption}{more}"),
        element("thead", element("tr", head)),
        element("tbody", body),
    )
    return element("div", found, class_="scroll", tabindex="0", role="region", aria_label=caption)


def folded(title: str, *content: Markup) -> Markup:
    """Give what opens on request."""
    return element("details", element("summary", title), content)


def legend(entries: Iterable[tuple[str, str]]) -> Markup:
    """Give what colours mean: classes and words."""
    items = [element("li", element("i", class_=class_, aria_hidden="true"), words) for class_, words in entries]
    return element("ul", items, class_="legend")


def note(text: str) -> Markup:
    """Give a remark in small print."""
    return element("p", text, class_="note")


def _plain(class_: str | None) -> str | None:
    return "number" if class_ == "number" else None
