"""Draws boxes and arrows. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from cli.reporting.architecture import Architecture, Arrow, Box, Way
from cli.reporting.drawing import picture, shortened
from cli.reporting.layout import BOX_WIDTH, LINE_HEIGHT, Layout, Place, lay_out, shown_lines
from cli.reporting.markup import Markup, element

WAY_CLASSES = {
    Way.STARTS: "second",
    Way.SENDS: "orange",
    Way.FEEDS: "first",
    Way.USES: "grey",
    Way.COPIES: "third",
    Way.TELLS: "red",
}
_EDGE = 8
_TEXT = 25
_TITLE = 22
_BEND = 40


def architecture_chart(drawn: Architecture) -> Markup:
    """Show a stack's components, their main resources, and which way data goes."""
    layout = lay_out(drawn)
    names = {box.key: box.name for box in drawn.boxes}
    words = f"{drawn.resources} resources in {len(drawn.boxes)} components; the tables below say the same in words"
    size = (layout.width + 2 * _EDGE, layout.height + 2 * _EDGE)
    moved = f"translate({_EDGE} {_EDGE})"
    arrows = [_arrow(arrow, names, layout) for arrow in sorted(drawn.arrows, key=lambda one: one.way is not Way.USES)]
    boxes = [_box(box, layout.places[box.key]) for box in drawn.boxes]
    return picture(
        "architecture",
        "Architecture",
        words,
        size,
        element("defs", _heads()),
        element("g", arrows, boxes, transform=moved),
    )


def _heads() -> Iterator[Markup]:
    for class_ in WAY_CLASSES.values():
        yield element(
            "marker",
            element("path", class_=class_, d="M0 0L9 4.5L0 9z"),
            id=f"head-{class_}",
            markerWidth=9,
            markerHeight=9,
            refX=8,
            refY=4.5,
            markerUnits="userSpaceOnUse",
            orient="auto-start-reverse",
        )


def _arrow(arrow: Arrow, names: dict[str, str], layout: Layout) -> Markup:
    source, target = layout.places[arrow.source], layout.places[arrow.target]
    class_ = WAY_CLASSES[arrow.way]
    back = ", and is sent to by it" if arrow.both else ""
    head = f"url(#head-{class_})"
    return element(
        "path",
        element("title", f"{names[arrow.source]} {arrow.way.value} {names[arrow.target]}{back}"),
        class_=f"path {class_}-line",
        d=_curve(source, target),
        marker_end=head,
        marker_start=head if arrow.both else None,
    )


def _curve(source: Place, target: Place) -> str:
    """Give a curve from the right of one box to the left of another, or the other way round when that is shorter."""
    leftwards = target.x < source.x
    start = source.x if leftwards else source.x + BOX_WIDTH
    end = target.x + BOX_WIDTH if leftwards else target.x
    if target.x == source.x:
        end = start
    bend = -_BEND if leftwards else _BEND
    away = bend if target.x == source.x else -bend
    y1, y2 = source.y + source.height / 2, target.y + target.height / 2
    return f"M{start:.0f} {y1:.0f}C{start + bend:.0f} {y1:.0f} {end + away:.0f} {y2:.0f} {end:.0f} {y2:.0f}"


def _box(box: Box, place: Place) -> Markup:
    where = f"{box.type} · {box.region}" if box.region else box.type
    lines = [
        element("text", shortened(line, _TEXT), x=place.x + 10, y=place.y + 50 + number * LINE_HEIGHT)
        for number, line in enumerate(shown_lines(box))
    ]
    return element(
        "g",
        element("title", f"{box.name}: {', '.join(box.lines)}"),
        element(
            "rect",
            class_="box",
            x=place.x,
            y=place.y,
            width=BOX_WIDTH,
            height=place.height,
            rx=8,
            stroke_dasharray="6 3" if box.region else None,
        ),
        element("text", shortened(box.name, _TITLE), class_="title", x=place.x + 10, y=place.y + 18),
        element("text", shortened(where, _TEXT), x=place.x + 10, y=place.y + 33),
        lines,
    )
