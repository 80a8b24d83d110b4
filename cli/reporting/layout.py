"""Places boxes in layers: what comes first stands on the left, and what belongs together stands together. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from cli.reporting.architecture import Architecture, Arrow, Box

BOX_WIDTH = 180
LINE_HEIGHT = 16
_HEAD = 40
_FOOT = 8
_ACROSS = 64
_BETWEEN = 14
_APART = 36
_SWEEPS = 4
_DEEPEST = 200
"""Boxes one after the other that are told apart: more would be no picture."""


class Place(NamedTuple):
    """Where a box stands: its upper left corner and its height."""

    x: float
    y: float
    height: float


class Layout(NamedTuple):
    """Where everything stands, and how large the picture is."""

    places: Mapping[str, Place]
    width: float
    height: float


def lay_out(drawn: Architecture) -> Layout:
    """Place every box: each group of boxes that arrows connect in layers, and below those that stand alone."""
    boxes = {box.key: box for box in drawn.boxes}
    groups = _groups(boxes, drawn.arrows)
    blocks = [_layered([boxes[key] for key in group], drawn.arrows) for group in groups if len(group) > 1]
    width = max((block.width for block in blocks), default=0.0)
    width = max(width, 5 * (BOX_WIDTH + _BETWEEN))
    blocks.append(_shelf([boxes[key] for group in groups if len(group) == 1 for key in group], width))
    places: dict[str, Place] = {}
    x = y = row = 0.0
    for block in blocks:
        if x and x + block.width > width:
            x, y, row = 0.0, y + row + _APART, 0.0
        places |= {key: Place(x + at.x, y + at.y, at.height) for key, at in block.places.items()}
        x += block.width + _APART
        row = max(row, block.height)
    return Layout(places, width, y + row)


def shown_lines(box: Box) -> tuple[str, ...]:
    """Give the lines that are drawn: what its kind says already needs none."""
    return () if box.lines == (box.type.lower(),) else box.lines


def box_height(box: Box) -> float:
    """Give the height of a box with its lines."""
    return _HEAD + len(shown_lines(box)) * LINE_HEIGHT + _FOOT


def _groups(boxes: Iterable[str], arrows: Sequence[Arrow]) -> list[list[str]]:
    """Give the boxes that arrows connect, the largest group first."""
    group = {key: [key] for key in boxes}
    for arrow in arrows:
        one, other = group[arrow.source], group[arrow.target]
        if one is not other:
            one += other
            group |= dict.fromkeys(other, one)
    distinct = {id(some): some for some in group.values()}
    return sorted(distinct.values(), key=lambda some: -len(some))


def _layered(boxes: Sequence[Box], arrows: Sequence[Arrow]) -> Layout:
    keys = {box.key for box in boxes}
    own = [arrow for arrow in arrows if arrow.source in keys and arrow.target in keys]
    layer = _layers([box.key for box in boxes], own)
    columns: list[list[Box]] = [[] for _ in range(max(layer.values()) + 1)]
    for box in boxes:
        columns[layer[box.key]].append(box)
    height = max(_column_height(column) for column in columns)
    places: dict[str, Place] = {}
    for _ in range(_SWEEPS):
        for number, column in enumerate(columns):
            column.sort(key=lambda box: _pull(box.key, own, places))
            places |= _column(column, number * (BOX_WIDTH + _ACROSS), height)
    width = len(columns) * (BOX_WIDTH + _ACROSS) - _ACROSS
    return Layout(places, width, height)


def _layers(keys: Sequence[str], arrows: Sequence[Arrow]) -> dict[str, int]:
    """Give each box the length of the longest way to it; an arrow that closes a circle is not followed."""
    before: dict[str, list[str]] = {key: [] for key in keys}
    for arrow in arrows:
        before[arrow.target].append(arrow.source)
    layer: dict[str, int] = {}

    def depth(key: str, path: tuple[str, ...]) -> int:
        if len(path) > _DEEPEST:
            return 0
        if key not in layer:
            earlier = [depth(one, (*path, key)) for one in before[key] if one != key and one not in path]
            layer[key] = max(earlier, default=-1) + 1
        return layer[key]

    for key in keys:
        depth(key, ())
    return layer


def _pull(key: str, arrows: Sequence[Arrow], places: Mapping[str, Place]) -> float:
    """Give the mean height of what a box is connected with."""
    ends = [arrow.target if arrow.source == key else arrow.source for arrow in arrows if key in arrow[:2]]
    heights = [places[end].y + places[end].height / 2 for end in ends if end in places]
    return sum(heights) / len(heights) if heights else 0.0


def _column_height(column: Sequence[Box]) -> float:
    return sum(map(box_height, column)) + _BETWEEN * (len(column) - 1)


def _column(column: Sequence[Box], x: float, height: float) -> dict[str, Place]:
    y = (height - _column_height(column)) / 2
    places = {}
    for box in column:
        places[box.key] = Place(x, y, box_height(box))
        y += box_height(box) + _BETWEEN
    return places


def _shelf(boxes: Sequence[Box], width: float) -> Layout:
    """Fill as many columns as fit, each box where there is most room."""
    count = max(1, int((width + _BETWEEN) // (BOX_WIDTH + _BETWEEN)))
    ends = [0.0] * count
    places = {}
    for box in sorted(boxes, key=lambda box: -box_height(box)):
        column = min(range(count), key=lambda number: ends[number])
        places[box.key] = Place(column * (BOX_WIDTH + _BETWEEN), ends[column], box_height(box))
        ends[column] += box_height(box) + _BETWEEN
    used = min(count, len(boxes))
    return Layout(places, max(width, used * (BOX_WIDTH + _BETWEEN) - _BETWEEN), max(0.0, max(ends) - _BETWEEN))
