"""Simulate runs and restores at sizes that cannot be measured here: `python -m benchmarks.simulate`.

Takes seconds of CPU for all sizes: an event is a stretch of a worker's time with the requests in it, not one object.
Ends with 0; with `--check`, with 1 when the prediction is more than twice or less than half of what was measured, and
with 2 when there is nothing to compare with.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from math import inf
from pathlib import Path

from rich.console import Console

from benchmarks.simulation import checks, report
from benchmarks.simulation.limits import DEFAULT, Limits
from benchmarks.simulation.prices import DATE, REGION
from benchmarks.simulation.shapes import SHAPES, TB, Shape

FIGURES = "figures"
FACTOR = 2.0


def shape(text: str) -> Shape:
    """Read a size: users, objects, TB, e.g. `1000,10e6,1` for 1 TB in files of 100 KB."""
    try:
        users, objects, terabytes = (float(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not users,objects,TB, e.g. 1000,10e6,1") from None
    if not (1 <= users <= objects < inf and users.is_integer() and 0 < terabytes < inf):
        raise argparse.ArgumentTypeError("every user needs an object, and every object bytes")
    return Shape(f"{terabytes:,g} TB, {users:,.0f} users, {objects:,.0f} objects", int(users), objects, terabytes * TB)


def count(text: str) -> int:
    """Read a number above zero."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above zero")
    return int(text)


def share(text: str) -> float:
    """Read a share: from 0 to 1."""
    if not 0 <= (value := number(text)) <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a share from 0 to 1")
    return value


def factor(text: str) -> float:
    """Read a number above zero."""
    if not 0 < (value := number(text)) < inf:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above zero")
    return value


def number(text: str) -> float:
    """Read a number."""
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number") from None


def parse(arguments: list[str]) -> argparse.Namespace:
    """Read the options."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shape", type=shape, action="append", help="users,objects,TB; may be repeated")
    parser.add_argument("--changed", type=share, help="share of objects that a night finds changed; default 0.05")
    parser.add_argument("--concurrency", type=count, default=int(DEFAULT.concurrency), help="workers at once")
    parser.add_argument("--partitions", type=count, default=DEFAULT.partitions, help="prefixes that S3 has split")
    parser.add_argument("--table-writes", type=count, default=int(DEFAULT.table_writes), help="of a warm dedup table")
    parser.add_argument("--vcpu-factor", type=factor, default=DEFAULT.vcpu_factor, help="a core here to a Lambda vCPU")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--check", metavar="FILE", help=f"compare with a sandbox run, or `{FIGURES}` with RESULTS.md")
    parser.add_argument("--write", type=Path, metavar="PAGE", help="put all tables into docs/scale.md")
    return parser.parse_args(arguments)


def limits_of(options: argparse.Namespace) -> Limits:
    """Give the limits that were asked for."""
    writes = options.table_writes
    return replace(
        DEFAULT,
        concurrency=options.concurrency,
        partitions=options.partitions,
        table_writes=writes,
        table_top=max(DEFAULT.table_top, writes),
        vcpu_factor=options.vcpu_factor,
    )


def figures() -> list[checks.Check]:
    """Compare with the table of results."""
    text = checks.RESULTS.read_text(encoding="utf-8")
    return [*checks.explained_cpu(text), *checks.figures(text)]


def compare(what: str, console: Console) -> int:
    """Compare with what was measured; 2 when there is nothing to compare with."""
    try:
        found = figures() if what == FIGURES else [checks.sandbox(checks.load(Path(what)))]
    except (OSError, ValueError, KeyError, TypeError) as error:
        print(f"{what}: no figures to compare with: {error!r}", file=sys.stderr)
        return 2
    console.print(report.checks(found).rich())
    return 0 if all(1 / FACTOR <= check.ratio <= FACTOR for check in found) else 1


def main(arguments: list[str]) -> int:
    """Simulate, print, and say whether a check failed."""
    options = parse(arguments)
    console = Console(width=None if sys.stdout.isatty() else 200)
    if options.check:
        return compare(options.check, console)
    if options.write:
        text = report.written(
            options.write.read_text(encoding="utf-8"), {name: table() for name, table in report.DOCUMENT.items()}
        )
        options.write.write_text(text, encoding="utf-8")
        return 0
    shapes = options.shape or SHAPES
    if options.changed is not None:
        shapes = [replace(one, changed=options.changed) for one in shapes]
    console.print(report.sizes(limits_of(options), shapes, seed=options.seed).rich())
    console.print(f"Prices: {REGION}, {DATE}. objects/s in brackets: to {report.BEST:,}, the best published figure.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
