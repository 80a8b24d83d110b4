"""Writes `docs/cost.md` from the forecast, so that it cannot differ from it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from cli.commands.cost import amount, other_row, tier_row
from cli.stack_file import read_stack
from components.settings.retention import EXTENSION_DAYS
from costs import Forecast, Volume, aws_backup, compare, forecast, inventory, tiers
from costs.assumptions import ASSUMED
from functions.contract.prices import AS_OF, PRICES, REGION

_ROOT = Path(__file__).resolve().parents[1]

_PAGE = """\
# What it costs

    python -m cli cost                                   # production, 1 TB, 5 % changed a day
    python -m cli cost --stack dev --terabytes 0.1
    python -m cli cost --repository my-backups           # with what the repository says is there and changes
    python -m cli cost --days 365 --dedup 1.5 --json

`cost` reads the stack's file, `Pulumi.<stack>.yaml`, and counts a **steady month**: the retention has filled up, so
that as much is let go each day as is added, and nobody restores anything. Until then a month costs less. It asks
nobody but the repository that it is told to measure, and needs no credentials without one.

Production, as `Pulumi.prod.yaml` has it, for {volume},
kept {days} days, in USD at the prices of {region} on {date}:

**{usd} USD a month**, of a budget of {budget}. The first backup of everything costs {once} once.

"""

_COUNTS = """
Nothing is taken to repeat or to compress (`--dedup`, `--dedup-changes`, `--compression`), free tiers are not counted,
and custom metrics are counted as if they came every hour: it is an upper limit for this volume, not a guess at the
middle. With the reduction that [the benchmarks](../benchmarks/RESULTS.md) measured for office documents
(`--dedup 1.6 --dedup-changes 1.6 --compression 1.19`), it is {reduced} USD.

## Storage classes

Packs move to `tier.storageClass` as soon as S3 allows. *Least days* are charged in any case; the shortest-lived pack of
this stack lives {life} days. *Read all* is what S3 charges for reading every pack once, for a restore of everything.
Samples read {sample:g} % of all packs a day and drills every user in {drill} days. Reading costs money in every class
but STANDARD: it eats most of what GLACIER_IR saves. From GLACIER and DEEP_ARCHIVE they cannot read at all.

"""

_OTHERWISE = """
## The same data otherwise

"""

_AWS = """
AWS Backup keeps every changed object whole, in a warm vault, with a copy in the other region when the stack has one:

"""

_KNOW = """
## What is counted, and how

- **Alarms, functions, endpoints, keys, tables** are those of the program: [inventory.py](../costs/inventory.py) counts
  them from the settings and the contract, and a test holds each count against what the program registers. CloudWatch
  charges an alarm for each metric that it looks at: {alarms} here.
- **Runs** come as often as the stack's schedules say. Each lists every file, reads what changed, and writes a manifest
  of everything. A full run reads every byte again and stores nothing new.
- **Let go** is what nobody needs any more and what can still be brought back, for `retention.undeleteDays`: noncurrent
  versions cost as much as current ones.
- **Locks** of all packs are extended every {lock} days, which is a PUT for each, copied to the replica.
- **Assumed**, since it could not be measured without an account: {log:,.0f} bytes of logs for each backup of a user,
  a request to KMS for every hundred to S3, {flow:,.0f} bytes of flow logs an invocation, and that each
  collection reads every commit record. The seconds of functions are those of
  [the simulation](scale.md#how-far-to-trust-it). All of it stands in [assumptions.py](../costs/assumptions.py).
- **Not counted**: restores (a plan says what one costs before it starts), a second trail of the account, transfer out
  of AWS, taxes, discounts, and the sources themselves.

`cost` warns when a month is more than `budget.monthlyUsd`. What to do then: [monthly-cost](runbooks/monthly-cost.md).

## Prices

From the price pages of AWS for {region}, read in copies on {date}. They stand in one place,
[prices.py](../functions/contract/prices.py); estimates of restores and the advice on storage classes use the same.

"""


def cost_page() -> str:
    """Give the page: the forecast of production, what else could be chosen, and every price."""
    settings, volume = read_stack(_ROOT, "prod"), Volume()
    found = forecast(settings, volume)
    reduced = forecast(settings, Volume(dedup=1.6, dedup_changes=1.6, compression=1.19))
    facts = {
        "volume": volume.says(),
        "days": settings.retention.days,
        "region": REGION,
        "date": AS_OF,
        "usd": f"{found.usd:,.2f}",
        "budget": f"{found.budget_usd:,.2f} USD",
        "once": f"{found.once.usd:,.2f} USD",
        "reduced": f"{reduced.usd:,.2f}",
        "life": found.stock.life_days,
        "alarms": inventory(settings).alarm_metrics,
        "lock": EXTENSION_DAYS,
        "sample": settings.verification.sample_percent,
        "drill": settings.verification.drill_coverage_days,
        "log": ASSUMED.job_log_bytes,
        "flow": ASSUMED.flow_bytes,
    }
    return "".join(
        [
            _PAGE.format(**facts),
            _table(("", "quantity", "unit", "USD a month"), list(_lines(found))),
            _COUNTS.format(**facts),
            _table(
                ("class", "USD a GB and month", "least days", "packs live", "first byte", "read all", "USD a month"),
                [tier_row(tier) for tier in tiers(settings, volume)],
            ),
            _OTHERWISE,
            _table(
                ("", "USD a month", "difference", "to know"),
                [other_row(one, found.usd) for one in compare(settings, volume)],
            ),
            _AWS,
            _table(
                ("", "quantity", "unit", "USD a month"),
                [
                    (line.what, amount(line.quantity), line.unit, f"{line.usd:,.2f}")
                    for line in aws_backup(settings, volume).lines
                ],
            ),
            _KNOW.format(**facts),
            _table(("price", "USD", "for a", "page"), list(_prices())),
        ]
    )


def _lines(found: Forecast) -> Iterator[tuple[str, ...]]:
    for service, usd in found.bill.by_service().items():
        yield f"**{service}**", "", "", f"**{usd:,.2f}**"
        for line in found.bill.of(service):
            yield line.what, amount(line.quantity), line.unit, f"{line.usd:,.2f}"
    yield "**all**", "", "", f"**{found.usd:,.2f}**"


def _prices() -> Iterator[tuple[str, ...]]:
    for name, price in PRICES.items():
        yield f"`{name}`", f"{price.usd:.10f}".rstrip("0").rstrip("."), price.unit, price.page


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [columns, ["---"] + ["---:"] * (len(columns) - 1), *rows]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)
