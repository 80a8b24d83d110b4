"""Shows a stack's state on a terminal, or as plain columns elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from cli.render import plain, size
from cli.reporting.charts import duration_text
from cli.reporting.figures import FRESH, NEVER, OLDER, Ages
from cli.reporting.model import Missing
from cli.reporting.summary import Level, Summary, age_text

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

_LEVELS = {
    Level.GOOD: ("good", "green"),
    Level.WARNING: ("look", "yellow"),
    Level.BAD: ("act", "bold red"),
    Level.UNKNOWN: ("unknown", "dim"),
}
_BANDS = {FRESH: "green", "under 50 h": "yellow", "under 7 days": "dark_orange", OLDER: "red", NEVER: "bright_black"}
_BAR = 60
_RUNS = 8
_DAYS = 7
_LATE = 10
_PLAIN_WIDTH = 160


class Sheet(NamedTuple):
    """A table to show: `texts` columns of text, then numbers."""

    title: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    texts: int = 1


def show_status(summary: Summary, console: Console | None = None) -> None:
    """Print the findings, then a table for each part that could be read."""
    from rich.console import Console  # noqa: PLC0415 - 0.1 s that only a person needs
    from rich.text import Text  # noqa: PLC0415

    console = console or Console()
    if not console.is_terminal:
        console = Console(file=console.file, width=_PLAIN_WIDTH)
    status = summary.status
    name = f"Strongroom {status.stack}".strip()
    console.print(Text(plain(f"{name}, read at {status.read_at:%Y-%m-%d %H:%M} UTC"), style="bold"))
    for finding in summary.findings:
        word, style = _LEVELS[finding.level]
        console.print(Text.assemble((f"{word:8}", style), plain(finding.text)))
    for remark in status.remarks:
        console.print(Text(plain(remark), style="dim"))
    if not isinstance(summary.ages, Missing):
        console.print(_ages_bar(summary.ages))
    for sheet in sheets(summary):
        _show(sheet, console)


def sheets(summary: Summary) -> Iterator[Sheet]:
    """Give the tables, as text."""
    if not isinstance(summary.ages, Missing) and summary.ages.late:
        late = [(owner.user, owner.source, owner.reason, age_text(owner.age)) for owner in summary.ages.late[:_LATE]]
        yield Sheet("users without a backup under 26 h", ("user", "source", "last trouble", "age"), late, 3)
    if not isinstance(summary.runs, Missing):
        runs = [
            (
                f"{run.started:%Y-%m-%d %H:%M}",
                run.source,
                run.type,
                f"{run.state}{', late' if run.late else ''}",
                f"{run.completed:,}/{run.partial:,}/{run.failed:,}",
                duration_text(run.duration),
                size(run.read),
                size(run.stored),
            )
            for run in summary.runs[:_RUNS]
        ]
        columns = ("started", "source", "type", "state", "good/partial/failed", "took", "read", "stored")
        yield Sheet("runs", columns, runs, 4)
    if not isinstance(summary.days, Missing):
        busy = [day for day in summary.days if day.backups or day.failed][-_DAYS:]
        days = [
            (f"{day.date:%Y-%m-%d}", size(day.protected), size(day.held), size(day.new), _ratio(day.dedup))
            for day in reversed(busy)
        ]
        yield Sheet("storage", ("day", "in the sources", "in the repository", "new", "read to new"), days)
    if not isinstance(summary.status.queues, Missing):
        queues = [
            (f"{queue.name}{' (dead)' if queue.dead else ''}", f"{queue.waiting:,}", f"{queue.in_flight:,}")
            for queue in summary.status.queues
        ]
        yield Sheet("queues", ("queue", "waiting", "in flight"), queues)
    if not isinstance(summary.cost, Missing):
        lines = [(line.what, line.basis, f"{line.usd:,.2f}") for line in summary.cost.lines]
        lines.append(("together", f"of {summary.cost.budget_usd:,.0f}", f"{summary.cost.usd:,.2f}"))
        yield Sheet("cost of a month", ("service", "above all", "USD"), lines, 2)


def _ages_bar(ages: Ages) -> Text:
    from rich.text import Text  # noqa: PLC0415 - see show_status

    bar = Text("users   ")
    for band in ages.bands:
        if band.users:
            bar.append("█" * max(1, round(_BAR * band.users / ages.users)), _BANDS[band.name])
    for band in ages.bands:
        if band.users or band.name == FRESH:
            bar.append(f"  {band.name}: {band.users:,}", _BANDS[band.name])
    return bar


def _show(sheet: Sheet, console: Console) -> None:
    from rich import box  # noqa: PLC0415 - see show_status
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    lines = box.SIMPLE_HEAD if console.is_terminal else None
    table = Table(title=f"\n{sheet.title}", title_justify="left", box=lines, pad_edge=False)
    for number, column in enumerate(sheet.columns):
        table.add_column(column, justify="left" if number < sheet.texts else "right", overflow="fold")
    for row in sheet.rows:
        table.add_row(*(Text(plain(cell)) for cell in row))
    console.print(table)


def _ratio(value: float | None) -> str:
    return f"{value:.2f}" if value is not None else "-"
