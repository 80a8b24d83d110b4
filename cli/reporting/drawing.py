"""The parts that every chart is made of: a frame with a name, axes, scales. Pure.

Charts are drawn 360 units wide, the width of a small phone, so that their text stays readable there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import NamedTuple

from cli.reporting.markup import Child, Markup, element, fragment

WIDTH = 360
_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 6, 10, 22
_LONG = 22


class Plot(NamedTuple):
    """The inside of a chart with axes; y grows upwards from `base`."""

    height: int
    top_value: float

    @property
    def left(self) -> int:
        """Where the first column begins."""
        return _LEFT

    @property
    def width(self) -> int:
        """What the columns share."""
        return WIDTH - _LEFT - _RIGHT

    @property
    def base(self) -> int:
        """Where the value 0 stands."""
        return self.height - _BOTTOM

    def y(self, value: float) -> float:
        """Give the place of a value."""
        share = value / self.top_value if self.top_value else 0.0
        return round(self.base - share * (self.base - _TOP), 1)

    def column(self, number: int, count: int) -> tuple[float, float]:
        """Give where the column begins and how wide it is."""
        step = self.width / max(count, 1)
        return round(self.left + number * step, 1), round(step, 1)


def picture(ident: str, title: str, description: str, size: tuple[float, float], *children: Child) -> Markup:
    """Give an SVG with an accessible name and description."""
    width, height = size
    return element(
        "svg",
        element("title", title, id=f"{ident}-title"),
        element("desc", description, id=f"{ident}-desc"),
        *children,
        viewBox=f"0 0 {width:.0f} {height:.0f}",
        role="img",
        aria_labelledby=f"{ident}-title",
        aria_describedby=f"{ident}-desc",
    )


def axes(plot: Plot, written: Callable[[float], str]) -> Markup:
    """Give three lines across, with their values."""
    lines = []
    for share in (0.0, 0.5, 1.0):
        y = plot.y(plot.top_value * share)
        lines.append(element("line", class_="axis", x1=plot.left, x2=WIDTH - _RIGHT, y1=y, y2=y))
        if share in {0.0, 1.0} or plot.top_value:
            label = written(plot.top_value * share)
            lines.append(element("text", label, x=plot.left - 5, y=y + 4, text_anchor="end"))
    return fragment(lines)


def days_below(plot: Plot, days: Sequence[date]) -> Markup:
    """Give the first and the last day below the columns."""
    if not days:
        return fragment()
    first = element("text", f"{days[0]:%d %b}", x=plot.left, y=plot.height - 6)
    last = element("text", f"{days[-1]:%d %b}", x=WIDTH - _RIGHT, y=plot.height - 6, text_anchor="end")
    return fragment(first if len(days) > 1 else None, last)


def bar(class_: str, place: tuple[float, float], size: tuple[float, float], tip: str) -> Markup:
    """Give a rectangle that says what it is when it is pointed at."""
    (x, y), (width, height) = place, size
    return element("rect", element("title", tip), class_=class_, x=x, y=y, width=width, height=height, rx=1)


def shortened(name: str, length: int = _LONG) -> str:
    """Cut a name that is too long for its place."""
    return name if len(name) <= length else f"{name[: length - 1]}…"


def rounded_up(value: float) -> float:
    """Give the next round value: 1, 2, 5 or 10 times a power of ten."""
    if value <= 0:
        return 1.0
    power = 1.0
    while power * 10 <= value:
        power *= 10
    while power > value:
        power /= 10
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor >= value)
