"""Tables of results, for the terminal and for `docs/scale.md`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from rich.table import Table as RichTable

from benchmarks.measure import markdown_table
from benchmarks.simulation.checks import RESULTS, Check, figures
from benchmarks.simulation.limits import DEFAULT, MANY, Latencies, Limits
from benchmarks.simulation.relax import Result, examine, simulate
from benchmarks.simulation.shapes import SHAPES, Kind, Shape

BEST = 20_833
"""Objects a second: the best published figure of a backup of S3, Clumio's, 100 million objects in 80 minutes."""

RELIEVED = replace(
    DEFAULT,
    concurrency=10_000,
    pollers=MANY,
    batch=1,
    parts=10_000,
    partitions=64,
    table_writes=400_000,
    table_reads=400_000,
    table_top=400_000,
    table_partition=100_000,
    transaction=0.0001,
    kms=100_000,
    initiators=100,
    planners=100,
    latencies=Latencies(list=0.0),
)
"""With what takes over: Distributed Map for the queue, one job a child; Inventory for listings; a hundred shards for
the run's items and counter; prefixes split and quotas raised before. Assumed, every one of them."""

CONCURRENCIES = (10, 50, 100, 250, 1_000)

SIZES_HEADINGS = (
    *("size", "work", "time", "may take", "result", "objects/s", "USD", "workers", "throttled"),
    "first limit (faster without it)",
)


@dataclass(frozen=True, slots=True)
class Table:
    """Headings and rows."""

    headings: Sequence[str]
    rows: Sequence[Sequence[str]]

    def markdown(self) -> str:
        """Give it as Markdown."""
        return markdown_table(self.headings, self.rows)

    def rich(self) -> RichTable:
        """Give it for a terminal."""
        table = RichTable(*self.headings)
        for row in self.rows:
            table.add_row(*row)
        return table


def duration(seconds: float) -> str:
    """Give a time as people say it."""
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.0f} s"


def dollars(amount: float) -> str:
    """Give a price: cents where they matter."""
    return f"{amount:.2f}" if amount < 100 else f"{amount:,.0f}"  # noqa: PLR2004 - a matter of taste


def sizes(limits: Limits, shapes: Sequence[Shape], *, seed: int = 1) -> Table:
    """Simulate every size and kind of work, and find what binds."""
    results = [examine(shape, kind, limits, seed=seed) for shape in shapes for kind in Kind]
    return Table(SIZES_HEADINGS, [_size_row(result) for result in results])


def _size_row(result: Result) -> tuple[str, ...]:
    outcome, binding = result.outcome, result.binding
    return (
        result.shape.name,
        result.kind.value,
        duration(outcome.seconds),
        duration(result.allowed),
        "PASS" if result.passed else "FAIL",
        f"{result.objects_a_second:,.0f} ({result.objects_a_second / BEST:.1f}x)",
        dollars(outcome.usd),
        f"{outcome.concurrency:,.0f}",
        f"{outcome.throttled:.0%}",
        f"{binding[0]} ({binding[1]:.2f}x)" if binding else "none alone",
    )


def concurrencies(limits: Limits, shapes: Sequence[Shape], *, seed: int = 1) -> Table:
    """Simulate with fewer workers: time and price."""
    rows: list[list[str]] = []
    for shape in shapes:
        for kind in Kind:
            row = [shape.name, kind.value]
            for workers in CONCURRENCIES:
                outcome = simulate(shape, kind, replace(limits, concurrency=workers), seed=seed)
                row.append(f"{duration(outcome.seconds)}, {dollars(outcome.usd)}")
            rows.append(row)
    headings = ["size", "work", *(f"{workers:,} workers" for workers in CONCURRENCIES)]
    return Table(headings, rows)


def partitions(limits: Limits, *, seed: int = 1) -> Table:
    """Simulate the restores with prefixes that S3 has split before."""
    rows: list[tuple[str, ...]] = []
    for shape in SHAPES:
        times = (simulate(shape, Kind.RESTORE, replace(limits, partitions=n), seed=seed).seconds for n in (1, 16, 256))
        rows.append((shape.name, *map(duration, times)))
    return Table(("full restore", "1 prefix at first", "16", "256"), rows)


def checks(found: Sequence[Check]) -> Table:
    """Show predictions beside measurements."""
    rows = [(c.name, f"{c.predicted:.2f}", f"{c.measured:.2f}", f"{c.ratio:.2f}") for c in found]
    return Table(("measured run", "predicted s", "measured s", "ratio"), rows)


DOCUMENT: Mapping[str, Callable[[], Table]] = {
    "sizes": lambda: sizes(DEFAULT, SHAPES),
    "concurrencies": lambda: concurrencies(DEFAULT, SHAPES[:2]),
    "partitions": lambda: partitions(DEFAULT),
    "relieved": lambda: sizes(RELIEVED, SHAPES),
    "checks": lambda: checks(figures(RESULTS.read_text(encoding="utf-8"))),
}
"""The tables of `docs/scale.md`, by the names of their places there."""


def place(name: str) -> tuple[str, str]:
    """Give what stands before and after a table in a page."""
    return f"<!-- {name} -->\n", f"\n<!-- /{name} -->"


def shown(text: str, name: str) -> str:
    """Give the table that a page shows. Raises ValueError if it has no place for it."""
    begin, end = place(name)
    _, found, rest = text.partition(begin)
    table, closed, _ = rest.partition(end)
    if not found or not closed:
        raise ValueError(f"the page has no place for the table {name}")
    return table.strip("\n")


def written(text: str, tables: Mapping[str, Table]) -> str:
    """Put tables where a page has a place for them. Raises ValueError for a table without a place."""
    for name, table in tables.items():
        shown(text, name)
        begin, end = place(name)
        before, _, rest = text.partition(begin)
        text = f"{before}{begin}\n{table.markdown()}\n{end}{rest.partition(end)[2]}"
    return text
