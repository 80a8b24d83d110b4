"""Widgets of dashboards, as the JSON that CloudWatch takes. Pure, and the same at every deployment."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

from pulumi import Input, Output

from components.alarm import Series

Widget: TypeAlias = dict[str, Any]

COLUMNS = 24
"""Of a dashboard (Amazon CloudWatch User Guide, "Dashboard body structure and syntax")."""
_WIDTH = 12
_HEIGHT = 6


def graph(
    title: str, series: Sequence[tuple[str, Series]], region: str, *, period: int = 300, limit: float | None = None
) -> Widget:
    """Draw series, each with its label, in one graph; `limit` is a line across it."""
    properties: dict[str, Any] = {
        "title": title,
        "region": region,
        "view": "timeSeries",
        "stacked": False,
        "period": period,
        "metrics": [_metric(label, one) for label, one in series],
        "yAxis": {"left": {"min": 0}},
    }
    if limit is not None:
        properties["annotations"] = {"horizontal": [{"label": "limit", "value": limit}]}
    return {"type": "metric", "width": _WIDTH, "height": _HEIGHT, "properties": properties}


def text(markdown: str, height: int = 2) -> Widget:
    """Say something across the whole width."""
    return {"type": "text", "width": COLUMNS, "height": height, "properties": {"markdown": markdown}}


def alarm_states(title: str, arns: Sequence[Any]) -> Widget:
    """Show the states of alarms: a hundred at most."""
    properties = {"title": title, "alarms": list(arns)}
    return {"type": "alarm", "width": COLUMNS, "height": _HEIGHT, "properties": properties}


def latest_errors(title: str, log_groups: Sequence[Input[str]], region: str) -> Widget:
    """Show the latest errors that functions logged, across the whole width."""
    sources = [part for group in log_groups for part in ("SOURCE '", group, "' | ")]
    query = 'fields @timestamp, service, code, message | filter level = "ERROR" | sort @timestamp desc | limit 20'
    properties = {"title": title, "region": region, "view": "table", "query": Output.concat(*sources, query)}
    return {"type": "log", "width": COLUMNS, "height": _HEIGHT, "properties": properties}


def laid_out(widgets: Iterable[Widget]) -> list[Widget]:
    """Place widgets from left to right and from top to bottom."""
    placed: list[Widget] = []
    x = y = row = 0
    for widget in widgets:
        if x + widget["width"] > COLUMNS:
            x, y, row = 0, y + row, 0
        placed.append({**widget, "x": x, "y": y})
        x += widget["width"]
        row = max(row, widget["height"])
    return placed


def _metric(label: str, series: Series) -> list[Any]:
    """Give a metric as an array: namespace, name, the dimensions, and how it is drawn."""
    dimensions = [part for pair in series.dimensions.items() for part in pair]
    return [series.namespace, series.metric, *dimensions, {"stat": series.statistic, "label": label}]
