"""The charts of the page, each a small SVG with a name and a description. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta

from cli.render import size
from cli.reporting.cost import Cost
from cli.reporting.drawing import WIDTH, Plot, axes, bar, days_below, picture, rounded_up, shortened
from cli.reporting.figures import FRESH, NEVER, OLDER, Ages, Day, Proofs, RunRow
from cli.reporting.markup import Markup, element, fragment
from functions.contract.states import RunState
from functions.runtime.stack_reading import QueueDepth

RUNS_SHOWN = 30
BAND_CLASSES = {FRESH: "fine", "under 50 h": "amber", "under 7 days": "orange", OLDER: "red", NEVER: "grey"}
RUN_CLASSES = {
    RunState.COMPLETED: "fine",
    RunState.PARTIAL: "amber",
    RunState.FAILED: "red",
    RunState.EXPIRED: "grey",
    RunState.RUNNING: "first",
    RunState.DISPATCHING: "first",
}
COST_CLASSES = ("first", "second", "third", "fine", "amber", "orange", "red", "grey")
_HEIGHT = 170
_GAP = 1.5


def ages_chart(ages: Ages) -> Markup:
    """Show users by the age of their last good backup: one bar, cut by bands."""
    x, bars, words = 0.0, [], []
    for band in ages.bands:
        words.append(f"{band.users:,} {band.name}")
        if not band.users:
            continue
        width = band.users / ages.users * WIDTH
        # Even one user of a thousand must be seen.
        bars.append((band, width))
    shown = _at_least([width for _band, width in bars], 4.0)
    pieces = []
    for (band, _width), wide in zip(bars, shown, strict=True):
        tip = f"{band.name}: {band.users:,} users"
        pieces.append(bar(BAND_CLASSES[band.name], (round(x, 1), 0), (round(max(wide - _GAP, 1), 1), 28), tip))
        x += wide
    empty = element("rect", class_="grey", x=0, y=0, width=WIDTH, height=28) if not bars else None
    return picture("ages", "Users by age of their last good backup", ", ".join(words), (WIDTH, 28), pieces, empty)


def runs_chart(runs: Sequence[RunRow]) -> Markup:
    """Show the latest runs, oldest first: how long each took, and by colour and sign how it ended."""
    shown = list(reversed(runs[:RUNS_SHOWN]))
    minutes = [_minutes(run.duration) for run in shown]
    plot = Plot(_HEIGHT, rounded_up(max(minutes, default=0)))
    bars = []
    for number, (run, took) in enumerate(zip(shown, minutes, strict=True)):
        x, step = plot.column(number, len(shown))
        top = min(plot.y(took), plot.base - 4)
        wide = min(step - _GAP, 28)
        tip = f"{run.started:%d %b %H:%M} {run.source} {run.type}: {run.state}, {duration_text(run.duration)}"
        bars.append(bar(RUN_CLASSES[RunState(run.state)], (x, top), (wide, plot.base - top), tip))
        if run.state in {RunState.FAILED, RunState.EXPIRED}:
            bars.append(_cross(x + wide / 2, plot.base - 8))
    states = [f"{sum(1 for run in shown if run.state == state)} {state}" for state in RunState]
    words = f"{len(shown)} runs: {', '.join(item for item in states if not item.startswith('0 '))}"
    return picture(
        "runs",
        "Length of the latest runs",
        words,
        (WIDTH, _HEIGHT),
        axes(plot, lambda value: duration_text(timedelta(minutes=value))),
        bars,
        days_below(plot, [run.started.date() for run in shown]),
    )


def storage_chart(days: Sequence[Day]) -> Markup:
    """Show what the repository holds, as columns, and what the sources hold, as a line."""
    plot = Plot(_HEIGHT, rounded_up(max((max(day.held, day.protected) for day in days), default=0)))
    columns, steps = [], []
    for number, day in enumerate(days):
        x, step = plot.column(number, len(days))
        top = plot.y(day.held)
        tip = f"{day.date:%d %b}: repository {size(day.held)}, sources {size(day.protected)}"
        columns.append(bar("first", (x, top), (max(step - _GAP / 2, 1), plot.base - top), tip))
        steps.append(f"{x:.1f},{plot.y(day.protected):.1f} {x + step:.1f},{plot.y(day.protected):.1f}")
    last = days[-1] if days else None
    words = f"now {size(last.held)} in the repository for {size(last.protected)} in the sources" if last else "nothing"
    return picture(
        "storage",
        "Repository and sources over time",
        words,
        (WIDTH, _HEIGHT),
        axes(plot, size),
        columns,
        element("polyline", class_="path second-line", points=" ".join(steps)),
        days_below(plot, [day.date for day in days]),
    )


def ratio_chart(days: Sequence[Day]) -> Markup:
    """Show deduplication and compression of each day on which something new came."""
    found = [value for day in days for value in (day.dedup, day.compression) if value is not None]
    plot = Plot(_HEIGHT, rounded_up(max(found, default=1)))
    dedup = list(_dots([day.dedup for day in days], days, plot, "second", "read to new"))
    packed = list(_dots([day.compression for day in days], days, plot, "third", "new to stored"))
    words = f"{len(found) // 2} days; up to {max(found, default=0):.1f} to 1"
    return picture(
        "ratios",
        "Deduplication and compression",
        words,
        (WIDTH, _HEIGHT),
        axes(plot, lambda value: f"{value:g} : 1"),
        dedup,
        packed,
        days_below(plot, [day.date for day in days]),
    )


def queues_chart(queues: Sequence[QueueDepth]) -> Markup:
    """Show the messages of each queue as a bar, those in flight behind those that wait."""
    most = max((queue.waiting + queue.delayed + queue.in_flight for queue in queues), default=0) or 1
    rows, left, room = [], 130, WIDTH - 130 - 50
    for number, queue in enumerate(queues):
        y, waiting = number * 26, queue.waiting + queue.delayed
        name = f"{shortened(queue.name, 12)} (dead)" if queue.dead else shortened(queue.name, 19)
        wide, flying = waiting / most * room, queue.in_flight / most * room
        tip = f"{queue.name}: {waiting:,} waiting, {queue.in_flight:,} in flight"
        rows += [
            element("text", name, x=left - 8, y=y + 17, text_anchor="end"),
            element("line", class_="axis", x1=left, x2=left, y1=y + 3, y2=y + 23),
            bar("red" if queue.dead else "first", (left, y + 5), (round(wide, 1), 16), tip) if waiting else None,
            bar("third", (round(left + wide, 1), y + 5), (round(flying, 1), 16), tip) if queue.in_flight else None,
            element("text", f"{waiting + queue.in_flight:,}", class_="strong", x=left + wide + flying + 6, y=y + 17),
        ]
    words = "; ".join(f"{q.name}{' (dead)' if q.dead else ''} {q.waiting + q.delayed + q.in_flight:,}" for q in queues)
    height = max(26, len(queues) * 26)
    return picture("queues", "Messages in the queues", words or "no queue", (WIDTH, height), rows)


def drills_chart(proofs: Proofs) -> Markup:
    """Show the drills of each day: those that proved a backup, and on top those that failed."""
    plot = Plot(140, rounded_up(max((good + bad for _day, good, bad in proofs.per_day), default=0)))
    bars = []
    for number, (day, good, bad) in enumerate(proofs.per_day):
        x, step = plot.column(number, len(proofs.per_day))
        wide, tip = max(min(step - _GAP, 28), 1), f"{day:%d %b}: {good} proven, {bad} failed"
        if good:
            bars.append(bar("fine", (x, plot.y(good)), (wide, plot.base - plot.y(good)), tip))
        if bad:
            top = plot.y(good + bad)
            bars += [bar("red", (x, top), (wide, plot.y(good) - top), tip), _cross(x + wide / 2, top + 5)]
    words = f"{proofs.proven:,} proven, {proofs.failed:,} failed"
    days = [day for day, _good, _bad in proofs.per_day]
    return picture(
        "drills",
        "Restore drills",
        words,
        (WIDTH, plot.height),
        axes(plot, lambda value: f"{value:g}"),
        bars,
        days_below(plot, days),
    )


def cost_parts(cost: Cost) -> list[tuple[str, str, float]]:
    """Give the parts of the bar: class, service, US dollars. The last one holds all that are too small for one."""
    most = len(COST_CLASSES) - 1
    parts = [(class_, line.what, line.usd) for class_, line in zip(COST_CLASSES, cost.lines[:most], strict=False)]
    rest = sum(line.usd for line in cost.lines[most:])
    return [*parts, (COST_CLASSES[most], "others", rest)] if rest else parts


def cost_chart(cost: Cost) -> Markup:
    """Show a month as one bar cut by services, and the budget as a mark."""
    scale = (WIDTH - 12) / max(cost.usd, cost.budget_usd)
    x, bars = 0.0, []
    for class_, what, usd in cost_parts(cost):
        wide = usd * scale
        bars.append(bar(class_, (x, 22), (max(wide - _GAP, 0.5), 28), f"{what}: {usd:,.2f} USD"))
        x += wide
    limit = cost.budget_usd * scale
    mark = [
        element("line", class_="axis", x1=0, x2=limit, y1=50, y2=50),
        element("line", class_="red-line path", x1=limit, x2=limit, y1=16, y2=56),
        element("text", f"budget {cost.budget_usd:,.0f} USD", x=limit, y=12, text_anchor=_anchor(limit)),
        element("text", f"forecast {cost.usd:,.2f} USD", class_="strong", x=0, y=70),
    ]
    words = f"{cost.usd:,.2f} USD a month, the budget is {cost.budget_usd:,.2f} USD"
    return picture("cost", "Cost forecast against the budget", words, (WIDTH, 76), bars, mark)


def duration_text(duration: timedelta | None) -> str:
    """Give a length of time as people say it."""
    if duration is None:
        return "not ended"
    seconds = duration.total_seconds()
    if seconds < 60:  # noqa: PLR2004 - a minute
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5_400 else f"{seconds / 3_600:.1f} h"  # noqa: PLR2004 - 90 minutes


def _anchor(x: float) -> str:
    return "end" if x > WIDTH / 2 else "start"


def _dots(values: Sequence[float | None], days: Sequence[Day], plot: Plot, class_: str, what: str) -> Iterator[Markup]:
    """Give a line through the days that have a value, and a dot on each."""
    points = []
    for number, (value, day) in enumerate(zip(values, days, strict=True)):
        if value is None:
            continue
        x, step = plot.column(number, len(days))
        at = (round(x + step / 2, 1), plot.y(value))
        points.append(f"{at[0]},{at[1]}")
        tip = element("title", f"{day.date:%d %b}: {value:.2f} {what}")
        yield element("circle", tip, class_=class_, cx=at[0], cy=at[1], r=3)
    yield element("polyline", class_=f"path {class_}-line", points=" ".join(points))


def _cross(x: float, y: float) -> Markup:
    """Give a sign that does not need a colour."""
    strokes = ((x - 3, y - 3, x + 3, y + 3), (x - 3, y + 3, x + 3, y - 3))
    return fragment(element("line", class_="failed-mark", x1=a, y1=b, x2=c, y2=d) for a, b, c, d in strokes)


def _at_least(widths: Sequence[float], least: float) -> list[float]:
    """Widen what is narrower than `least`, at the cost of the others."""
    wanted = [max(width, least) for width in widths]
    spare = sum(width - least for width in wanted)
    over = sum(wanted) - sum(widths)
    return [width - over * (width - least) / spare if spare else width for width in wanted]


def _minutes(duration: timedelta | None) -> float:
    return duration / timedelta(minutes=1) if duration is not None else 0.0
