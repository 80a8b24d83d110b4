"""`strongroom cost`: what a month costs, and what it would cost otherwise."""

from __future__ import annotations

from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Annotated, Any

import typer

from cli import options
from cli.lookup import find_backups, read_commits
from cli.render import note, show_json, show_table
from cli.stack_file import read_stack
from components.settings import Settings
from costs import Alternative, Forecast, TierFacts, Volume, aws_backup, compare, forecast, measured, tiers
from functions.contract.prices import AS_OF, REGION
from functions.engine.ports import BlobStore
from functions.engine.repository import BackupName

_LATEST = 8
"""Backups of a user that are measured beside the first: a week, and what came before it."""


def command(
    stack: Annotated[str, typer.Option("--stack", help="Stack whose settings count.")] = "prod",
    program: Annotated[
        Path, typer.Option("--program", help="Folder of the stack's file, Pulumi.<stack>.yaml.")
    ] = Path(),
    terabytes: Annotated[
        float | None, typer.Option("--terabytes", help="What the sources hold. Default: 1, or as measured.")
    ] = None,
    changed_percent: Annotated[
        float | None, typer.Option("--changed-percent", help="Changed a day. Default: 5, or as measured.")
    ] = None,
    users: Annotated[int | None, typer.Option("--users", help="Users. Default: 1,000, or as measured.")] = None,
    files: Annotated[int | None, typer.Option("--files", help="Files. Default: of 1 MB each, or as measured.")] = None,
    days: Annotated[
        int | None, typer.Option("--days", min=1, max=36_500, help="Days that a backup is kept. Default: the stack's.")
    ] = None,
    dedup: Annotated[
        float | None, typer.Option("--dedup", help="Bytes for each that occurs once. Default: 1, or as measured.")
    ] = None,
    dedup_changes: Annotated[
        float | None, typer.Option("--dedup-changes", help="The same, of changed files. Default: as --dedup.")
    ] = None,
    compression: Annotated[
        float | None, typer.Option("--compression", help="Bytes for each that is stored. Default: 1, or as measured.")
    ] = None,
    repository: Annotated[
        str | None, typer.Option("--repository", help="Bucket to measure: what it holds and what changes.")
    ] = None,
    region: options.Region = options.DEFAULT_REGION,
    endpoint: options.Endpoint = None,
    profile: options.Profile = None,
    *,
    as_json: options.Json = False,
) -> None:
    """Forecast a month from a stack's settings and a volume, line by line, and compare it with other choices."""
    settings = _kept_for(read_stack(program, stack), days)
    stated = {
        "terabytes": terabytes,
        "changed_percent": changed_percent,
        "users": users,
        "files": files,
        "dedup": dedup,
        "dedup_changes": dedup_changes,
        "compression": compression,
    }
    given: dict[str, Any] = {name: value for name, value in stated.items() if value is not None}
    if repository is None:
        volume = Volume(**given)
    else:
        with options.open_toolbox(region, endpoint, profile) as tools:
            volume = replace(_measure(tools.store(options.bucket_name(repository, "--repository"))), **given)
    found = forecast(settings, volume)
    if as_json:
        show_json(document(stack, settings, volume, found))
    else:
        _show(stack, settings, volume, found)
        for warning in found.warnings:
            note(f"warning: {warning}")


def document(stack: str, settings: Settings, volume: Volume, found: Forecast) -> dict[str, Any]:
    """Give the forecast as one JSON document. Amounts are US dollars."""
    other = aws_backup(settings, volume)
    return {
        "stack": stack,
        "region": settings.region,
        "prices": {"as_of": AS_OF, "region": REGION},
        "volume": volume.facts(),
        "retention_days": settings.retention.days,
        "usd": round(found.usd, 2),
        "budget_usd": found.budget_usd,
        "over_budget": found.over,
        "services": {service: round(usd, 2) for service, usd in found.bill.by_service().items()},
        "lines": [line.facts() for line in found.bill.lines],
        "once": {"usd": round(found.once.usd, 2), "lines": [line.facts() for line in found.once.lines]},
        "tiers": [tier.facts() for tier in tiers(settings, volume)],
        "alternatives": [one.facts() for one in compare(settings, volume)],
        "aws_backup": {"usd": round(other.usd, 2), "lines": [line.facts() for line in other.lines]},
        "warnings": list(found.warnings),
    }


def _kept_for(settings: Settings, days: int | None) -> Settings:
    """Give the settings with another retention. What must not be longer than it is shortened with it."""
    if days is None:
        return settings
    kept = settings.retention
    shorter = {"undelete_days": min(kept.undelete_days, days), "lock_days": min(kept.lock_days, days)}
    return settings.model_copy(update={"retention": kept.model_copy(update={"days": days, **shorter})})


def _measure(store: BlobStore) -> Volume:
    """Read the first and the latest commit records of every user."""
    chosen: list[BackupName] = []
    names = sorted(find_backups(store, None, []))
    for _, of_user in groupby(names, key=lambda name: (name.source, name.user)):
        first, *later = of_user
        chosen += [first, *later[-_LATEST:]]
    return measured(read_commits(store, chosen))


def _show(stack: str, settings: Settings, volume: Volume, found: Forecast) -> None:
    title = f"{stack}: {volume.says()}, kept {settings.retention.days} days; prices of {REGION}, {AS_OF}"
    show_table(title, ("", "quantity", "unit", "USD a month"), _lines(found))
    show_table("", ("", "USD"), _totals(found))
    show_table("Storage classes of packs", _TIERS, [tier_row(tier) for tier in tiers(settings, volume)])
    show_table("The same data otherwise", _OTHERS, [other_row(one, found.usd) for one in compare(settings, volume)])


_TIERS = ("class", "USD a GB", "least days", "packs live", "first byte", "read all", "USD a month")
_OTHERS = ("", "USD a month", "difference", "to know")


def _lines(found: Forecast) -> list[tuple[str, str, str, str]]:
    return [
        (f"{line.service}: {line.what}", amount(line.quantity), line.unit, f"{line.usd:,.2f}")
        for line in found.bill.lines
    ]


def _totals(found: Forecast) -> list[tuple[str, str]]:
    return [
        ("a month", f"{found.usd:,.2f}"),
        ("budget", f"{found.budget_usd:,.2f}"),
        ("the first backup, once", f"{found.once.usd:,.2f}"),
    ]


def tier_row(tier: TierFacts) -> tuple[str, ...]:
    """Give a storage class as a row."""
    return (
        tier.name,
        f"{tier.gb_month:g}",
        f"{tier.least_days}" if tier.least_days else "",
        f"{tier.life_days}",
        f"{tier.thaw_hours} h" if tier.thaw_hours else "at once",
        f"{tier.restore_usd:,.2f}",
        f"{tier.month_usd:,.2f}",
    )


def other_row(one: Alternative, now: float) -> tuple[str, ...]:
    """Give a choice as a row."""
    return (one.name, f"{one.usd:,.2f}", f"{one.usd - now:+,.2f}" if one.note or one.usd != now else "", one.note)


def amount(quantity: float) -> str:
    """Give a quantity as people read it."""
    return f"{quantity:,.0f}" if quantity >= 100 else f"{quantity:,.2f}"  # noqa: PLR2004 - cents of a large number
