"""The cards of the page: one a question, each with a picture, a legend and the same figures as a table. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import TypeVar

from cli.render import size
from cli.reporting import charts
from cli.reporting.architecture import Way, architecture
from cli.reporting.architecture_chart import WAY_CLASSES, architecture_chart
from cli.reporting.cost import Cost
from cli.reporting.figures import FRESH, Ages, Day, Proofs, RunRow
from cli.reporting.graph import Graph
from cli.reporting.markup import Markup, element, fragment
from cli.reporting.model import Missing, Part
from cli.reporting.summary import Summary, age_text
from cli.reporting.tables import folded, legend, note, table
from functions.contract.object_keys import ROOT_USER
from functions.contract.states import DrillState
from functions.runtime.stack_reading import QueueDepth

T = TypeVar("T")

ROOT_NAME = "(no folder)"
_LATEST = 5


def cards(summary: Summary) -> Iterator[Markup]:
    """Give all cards, the most urgent question first."""
    status = summary.status
    yield _card("ages", "Users by age of their last good backup", "half", summary.ages, _ages)
    yield _card("runs", "Runs", "half", summary.runs, _runs)
    yield _card("storage", "Storage", "half", summary.days, _storage)
    yield _card("ratios", "Deduplication", "half", summary.days, _ratios)
    yield _card("queues", "Queues", "third", status.queues, _queues)
    yield _card("drills", "Restore drills", "third", summary.proofs, _drills)
    yield _card("cost", "Cost forecast", "third", summary.cost, _cost)
    yield _card("architecture", "Architecture", "", status.graph, _architecture)


def user_text(user: str) -> str:
    """Give a user's name as a reader knows it."""
    return ROOT_NAME if user == ROOT_USER else user


def _card(ident: str, title: str, width: str, part: Part[T], draw: Callable[[T], Markup]) -> Markup:
    content = note(f"Not read: {part.reason}") if isinstance(part, Missing) else draw(part)
    heading = f"{ident}-heading"
    return element(
        "section", element("h2", title, id=heading), content, class_=f"card {width}".strip(), aria_labelledby=heading
    )


def _ages(ages: Ages) -> Markup:
    entries = [
        (charts.BAND_CLASSES[band.name], f"{band.name}: {band.users:,}")
        for band in ages.bands
        if band.users or band.name == FRESH
    ]
    idle = f" {ages.idle:,} more own nothing any more." if ages.idle else ""
    rows = [(user_text(owner.user), owner.source, owner.reason, age_text(owner.age)) for owner in ages.late]
    columns = ("user", "source", "last trouble", "age")
    return fragment(
        charts.ages_chart(ages),
        legend(entries),
        note(f"{ages.users:,} users.{idle} Good is what was committed, also when some objects could not be read."),
        table("Not backed up under 26 h ago", columns, rows[:_LATEST], texts=3) if rows else None,
        folded(f"All {len(rows):,}", table("All of them", columns, rows, texts=3)) if len(rows) > _LATEST else None,
    )


def _runs(runs: tuple[RunRow, ...]) -> Markup:
    if not runs:
        return note("No run was started in the days that were looked at.")
    shown = runs[: charts.RUNS_SHOWN]
    entries: dict[str, list[str]] = {}
    for state, class_ in charts.RUN_CLASSES.items():
        if any(run.state == state for run in shown):
            entries.setdefault(class_, []).append(state.value)
    rows = [
        (
            _moment(run.started),
            f"{run.source}, {run.type}, {run.trigger}",
            f"{run.state}{', late' if run.late else ''}{f': {run.error}' if run.error else ''}",
            f"{run.completed:,}",
            f"{run.partial:,}",
            f"{run.failed:,}",
            charts.duration_text(run.duration),
            size(run.read),
            size(run.stored),
        )
        for run in runs
    ]
    columns = ("started", "run", "state", "good", "partial", "failed", "took", "read", "stored")
    return fragment(
        charts.runs_chart(runs),
        legend((class_, " or ".join(states)) for class_, states in entries.items()),
        note("How long each run took; the latest is on the right."),
        folded(f"All {len(rows):,} runs", table("Runs, the latest first", columns, rows, texts=3)),
    )


def _storage(days: tuple[Day, ...]) -> Markup:
    rows = [
        (f"{day.date:%Y-%m-%d}", size(day.protected), size(day.held), size(day.read), size(day.new), size(day.stored))
        for day in reversed(days)
        if day.backups or day.failed
    ]
    columns = ("day", "in the sources", "in the repository", "read", "new", "stored")
    return fragment(
        charts.storage_chart(days),
        legend((("first", "in the repository"), ("second", "in the sources"))),
        note("The repository's size is counted back from now by what each day stored."),
        folded("Figures", table("Storage by day", columns, rows)),
    )


def _ratios(days: tuple[Day, ...]) -> Markup:
    rows = [
        (f"{day.date:%Y-%m-%d}", f"{day.backups:,}", f"{day.failed:,}", _ratio(day.dedup), _ratio(day.compression))
        for day in reversed(days)
        if day.backups or day.failed
    ]
    columns = ("day", "backups", "failed", "read to new", "new to stored")
    return fragment(
        charts.ratio_chart(days),
        legend((("second", "deduplication: read to new"), ("third", "compression: new to stored"))),
        note("A day on which nothing new was read has no ratio."),
        folded("Figures", table("Backups and ratios by day", columns, rows)),
    )


def _queues(queues: tuple[QueueDepth, ...]) -> Markup:
    rows = [
        (f"{q.name}{' (dead letters)' if q.dead else ''}", f"{q.waiting:,}", f"{q.in_flight:,}", f"{q.delayed:,}")
        for q in queues
    ]
    columns = ("queue", "waiting", "in flight", "delayed")
    return fragment(
        charts.queues_chart(queues),
        legend((("first", "waiting"), ("third", "in flight"), ("red", "given up"))),
        folded("Figures", table("Messages by queue", columns, rows)),
    )


def _drills(found: Proofs) -> Markup:
    rows = [
        (
            user_text(drill.user),
            drill.source,
            drill.error or "",
            _moment(drill.when),
            drill.state.value,
            f"{drill.files:,}",
            size(drill.size),
        )
        for drill in found.results
    ]
    failed = [(row[0], row[2], row[3]) for row in rows if row[4] == DrillState.FAILED]
    columns = ("user", "source", "trouble", "when", "state", "files", "bytes")
    oldest = f"; longest unproven: {age_text(found.oldest)}" if found.oldest is not None else ""
    return fragment(
        charts.drills_chart(found),
        legend((("fine", f"{found.proven:,} proven"), ("red", f"{found.failed:,} failed"))),
        note(f"{found.users - found.never:,} of {found.users:,} users were ever proven{oldest}."),
        table("Drills that failed", ("user", "trouble", "when"), failed, texts=3) if failed else None,
        folded(f"All {len(rows):,} drills", table("Restore drills", columns, rows, texts=5)) if rows else None,
    )


def _cost(cost: Cost) -> Markup:
    entries = [(class_, f"{what} {usd:,.0f}") for class_, what, usd in charts.cost_parts(cost)]
    rows = [(line.what, line.basis, f"{line.usd:,.2f}") for line in cost.lines]
    columns = ("service", "above all", "USD a month")
    total = [("together", "", f"{cost.usd:,.2f}")]
    return fragment(
        charts.cost_chart(cost),
        legend(entries),
        note(f"For {cost.volume}, kept for {cost.retention_days} days, at {cost.prices}; see `strongroom cost`."),
        folded("Figures", table("Cost of a month by service", columns, rows + total, texts=2)),
    )


def _architecture(graph: Graph) -> Markup:
    drawn = architecture(graph)
    names = {box.key: f"{box.name}, {box.region}" if box.region else box.name for box in drawn.boxes}
    boxes = [
        (box.name, box.type, box.region or "own region", ", ".join(box.lines), f"{box.resources:,}")
        for box in drawn.boxes
    ]
    ways = [
        (names[arrow.source], arrow.way.value, names[arrow.target], "both ways" if arrow.both else "")
        for arrow in drawn.arrows
    ]
    used = {arrow.way for arrow in drawn.arrows}
    chart = element(
        "div", architecture_chart(drawn), class_="scroll picture", tabindex="0", role="region", aria_label="Picture"
    )
    columns = ("component", "kind", "region", "main resources", "resources")
    return fragment(
        note(f"{drawn.resources:,} resources in {len(drawn.boxes):,} boxes, as recorded. Dashed: another region."),
        chart,
        legend((WAY_CLASSES[way], way.value) for way in Way if way in used),
        folded("Components", table("Components of the stack", columns, boxes, texts=4, shown=len(boxes))),
        folded("Arrows", table("What goes where", ("from", "way", "to", ""), ways, texts=4, shown=len(ways))),
    )


def _moment(when: datetime) -> str:
    return f"{when:%Y-%m-%d %H:%M}"


def _ratio(value: float | None) -> str:
    return f"{value:.2f}" if value is not None else ""
