"""The page: one HTML file that needs nothing else, no network and no script. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from cli.render import ratio, size
from cli.reporting.cards import cards
from cli.reporting.cost import Cost
from cli.reporting.figures import Ages, Day, Proofs, RunRow
from cli.reporting.markup import Markup, element
from cli.reporting.model import Missing, Part
from cli.reporting.style import stylesheet
from cli.reporting.summary import Level, Summary, age_text
from functions.runtime.stack_reading import Held

T = TypeVar("T")

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
"""Nothing may be fetched or run, whatever got into the page."""
_WORDS = {Level.GOOD: "good", Level.WARNING: "look", Level.BAD: "act", Level.UNKNOWN: "unknown"}


def page(summary: Summary) -> str:
    """Give the whole file."""
    title = f"Strongroom {summary.status.stack}".strip()
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        element("title", f"{title}: state of the backups"),
        element("link", rel="icon", href="data:,"),
        element("style", Markup(stylesheet())),
    )
    body = element(
        "body",
        element("a", "Skip to the figures", class_="skip", href="#figures"),
        _header(summary, title),
        element(
            "main", _tiles(summary), element("div", cards(summary), class_="grid"), id="figures", aria_label="Figures"
        ),
        _footer(summary),
    )
    return f"<!doctype html>\n{element('html', head, body, lang='en')}\n"


def _header(summary: Summary, title: str) -> Markup:
    status = summary.status
    items = [
        element(
            "li", element("span", _WORDS[item.level], class_=f"mark {item.level.value}"), element("span", item.text)
        )
        for item in summary.findings
    ]
    when = f"Read at {status.read_at:%Y-%m-%d %H:%M} UTC; figures since {status.since:%Y-%m-%d}."
    return element(
        "header",
        element("h1", title),
        element("p", when, class_="soft"),
        element("ul", items, class_="findings", aria_label="Findings"),
    )


def _tiles(summary: Summary) -> Markup:
    tiles = (
        ("Backed up under 26 h ago", _tile(summary.ages, _fresh)),
        ("Last run", _tile(summary.runs, lambda runs: _last_run(runs, summary))),
        ("Repository", _tile(summary.status.held, _held)),
        ("Read to stored", _tile(summary.days, _reduction)),
        ("Restore drills", _tile(summary.proofs, _drills)),
        ("A month", _tile(summary.cost, _cost)),
    )
    rows = [
        element("div", element("dt", name), element("dd", value, element("small", more)))
        for name, (value, more) in tiles
    ]
    return element("section", element("dl", rows, class_="tiles"), aria_label="At a glance")


def _tile(part: Part[T], change: Callable[[T], tuple[str, str]]) -> tuple[str, str]:
    return ("not read", "see below") if isinstance(part, Missing) else change(part)


def _fresh(ages: Ages) -> tuple[str, str]:
    share = f"{ages.bands[0].users / ages.users:.1%}" if ages.users else "none yet"
    return f"{ages.bands[0].users:,} of {ages.users:,}", share


def _last_run(runs: tuple[RunRow, ...], summary: Summary) -> tuple[str, str]:
    if not runs:
        return "none", "in the days looked at"
    return runs[0].state, f"started {age_text(summary.status.read_at - runs[0].started)} ago"


def _held(held: Held) -> tuple[str, str]:
    return size(held.bytes), f"{held.packs:,} packs"


def _reduction(days: tuple[Day, ...]) -> tuple[str, str]:
    read, stored = sum(day.read for day in days), sum(day.stored for day in days)
    return ratio(read, stored), f"{size(read)} to {size(stored)}"


def _drills(found: Proofs) -> tuple[str, str]:
    return f"{found.proven:,} proven", f"{found.failed:,} failed"


def _cost(cost: Cost) -> tuple[str, str]:
    return f"{cost.usd:,.0f} USD", f"of {cost.budget_usd:,.0f} USD"


def _footer(summary: Summary) -> Markup:
    lines = [
        *summary.status.remarks,
        "Times are UTC, sizes in powers of 1,000. This page needs no network and no script.",
    ]
    return element("footer", [element("p", line, class_="note") for line in lines])
