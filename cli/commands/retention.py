"""`strongroom retention`: what the rules keep and let go, and what other rules or another day would change."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Annotated, Any

import typer

from cli import options, retaining
from cli.outputs import find_place
from cli.render import note, show_json, show_lines
from functions.engine.ports import BlobStore
from functions.engine.retention.decide import decide
from functions.engine.retention.diff import Change, Difference, diff, render
from functions.engine.retention.policy import Decision, RetentionPolicy
from functions.engine.safety import DEFAULT_SAFETY
from functions.runtime.toolbox import now

group = typer.Typer(help="Show what the rules of retention keep and let go. Nothing is written.")

_QUIET = frozenset({Change.STAYS, Change.GOES_AS_BEFORE})

Everything = Annotated[bool, typer.Option("--all", help="Show what does not change, too.")]
At = Annotated[str | None, typer.Option("--at", help="Another day: ISO 8601. As if nothing were backed up until then.")]


@group.command("plan")
def plan(
    repository: options.MaybeRepository = None,
    outputs: options.Outputs = None,
    source_name: options.AnySource = None,
    user: options.Users = None,
    stack: retaining.StackFile = None,
    program: retaining.Program = None,
    days: retaining.Days = None,
    daily: retaining.Daily = None,
    weekly: retaining.Weekly = None,
    monthly: retaining.Monthly = None,
    yearly: retaining.Yearly = None,
    region: options.Region = options.DEFAULT_REGION,
    endpoint: options.Endpoint = None,
    profile: options.Profile = None,
    *,
    everything: Everything = False,
    replica: options.Replica = False,
    as_json: options.Json = False,
) -> None:
    """Decide on every backup by the rules, now, with each reason. What goes is shown, and with --all what stays."""
    users = _named(source_name, user)
    place = find_place(repository, region, outputs, replica=replica)
    other = retaining.OtherRules(days, daily, weekly, monthly, yearly)
    with options.open_toolbox(place.region, endpoint, profile) as tools:
        store = tools.store(place.bucket)
        policy = other.on(retaining.present_rules(store, stack, program).policy)
        found = list(diff([], _decided(store, source_name, users, policy, now())))
    _show(found, {"rules": policy.document()}, everything=everything or as_json, as_json=as_json)


@group.command("diff")
def compare(
    repository: options.MaybeRepository = None,
    outputs: options.Outputs = None,
    source_name: options.AnySource = None,
    user: options.Users = None,
    stack: retaining.StackFile = None,
    program: retaining.Program = None,
    days: retaining.Days = None,
    daily: retaining.Daily = None,
    weekly: retaining.Weekly = None,
    monthly: retaining.Monthly = None,
    yearly: retaining.Yearly = None,
    at: At = None,
    region: options.Region = options.DEFAULT_REGION,
    endpoint: options.Endpoint = None,
    profile: options.Profile = None,
    *,
    everything: Everything = False,
    replica: options.Replica = False,
    as_json: options.Json = False,
) -> None:
    """Compare the present rules, now, with other rules or another day: what goes then, and what stays after all."""
    users, moment = _named(source_name, user), options.parse_time(at, "--at")
    other = retaining.OtherRules(days, daily, weekly, monthly, yearly)
    options.not_without("diff", "diff", "--at or another rule, such as --days", given=bool(other) or moment is not None)
    place = find_place(repository, region, outputs, replica=replica)
    with options.open_toolbox(place.region, endpoint, profile) as tools:
        store = tools.store(place.bucket)
        present = retaining.OtherRules().on(retaining.present_rules(store, stack, program).policy)
        policy, today = other.on(present), now()
        before, after = [], []
        for kept in retaining.candidates_of(store, source_name, users):
            before += _decide(kept, present, today)
            after += _decide(kept, policy, moment or today)
    head = {"rules": present.document(), "other_rules": policy.document(), "at": (moment or today).isoformat()}
    _show(diff(before, after), head, everything=everything, as_json=as_json)


def _named(source_name: str | None, user: list[str] | None) -> list[str]:
    users = options.named_users(user)
    options.not_without("--user", users or None, "--source-name", given=source_name is not None)
    return users


def _decided(
    store: BlobStore, source: str | None, users: list[str], policy: RetentionPolicy, moment: datetime
) -> Iterator[Decision]:
    for kept in retaining.candidates_of(store, source, users):
        yield from _decide(kept, policy, moment)


def _decide(kept: retaining.Kept, policy: RetentionPolicy, moment: datetime) -> list[Decision]:
    return decide(kept.candidates, policy, kept.holds, moment, DEFAULT_SAFETY.clock_skew, kept.erasures)


def _show(found: Sequence[Difference], head: dict[str, Any], *, everything: bool, as_json: bool) -> None:
    counts = Counter(item.change for item in found)
    shown = [item for item in found if everything or item.change not in _QUIET]
    if as_json:
        totals = {change.value: counts[change] for change in Change}
        show_json({**head, "counts": totals, "backups": [item.document() for item in shown]})
        return
    *lines, _last = render(shown)
    show_lines(lines)
    show_lines([", ".join(f"{counts[change]:,} {change.value}" for change in Change if counts[change])])
    if len(shown) < len(found):
        note(f"{len(found) - len(shown):,} more are as they were; --all shows them")
