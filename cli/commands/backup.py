"""`strongroom backup`: back up the users of a source."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any

import typer

from cli import options
from cli.lookup import require_users
from cli.progress import shown
from cli.render import note, rate, ratio, show_facts, show_json, size
from cli.statuses import DONE, PARTIAL, worst
from functions.engine.backup import Ports
from functions.engine.errors import ConfigurationError
from functions.engine.model import BackupStatus, BackupType
from functions.engine.ports import DedupIndex, Progress
from functions.runtime.fleet import Fleet, Member, processes_for
from functions.runtime.local_run import (
    JOBS,
    RunPlan,
    RunReport,
    RunRequest,
    UserOutcome,
    plan_run,
    run_plan,
)
from functions.runtime.toolbox import Toolbox, cores, now, random_hex, tune_process

_NOTES_SHOWN = 100

SourceName = Annotated[
    str | None,
    typer.Option("--source-name", help="Name of the source in the repository. Default: its bucket and prefix."),
]
Table = Annotated[
    str | None, typer.Option("--dedup-table", help="DynamoDB table of chunks. Default: read it from the packs.")
]


def command(
    repository: options.Repository,
    source: Annotated[str, typer.Option("--source", help="Bucket to protect, with an optional prefix.")],
    source_name: SourceName = None,
    user: options.Users = None,
    backup_type: Annotated[
        BackupType, typer.Option("--type", case_sensitive=False, help="FULL reads every byte again.")
    ] = BackupType.INCREMENTAL,
    table: Table = None,
    jobs: Annotated[int, typer.Option("--jobs", min=1, max=64, help="Users backed up at once.")] = JOBS,
    workers: options.Workers = None,
    region: options.Region = options.DEFAULT_REGION,
    endpoint: options.Endpoint = None,
    profile: options.Profile = None,
    *,
    as_json: options.Json = False,
) -> None:
    """Back up every user of a source, or those that are named."""
    bucket, prefix = options.split_source(source)
    home = options.bucket_name(repository, "--repository")
    if home == bucket:
        raise ConfigurationError(f"bucket {home} cannot be source and repository at once", hint="name two buckets")
    name = source_name or f"{bucket}/{prefix}".rstrip("/")
    request = RunRequest(name, prefix, options.named_users(user), backup_type, jobs)
    tune_process()
    started = time.monotonic()
    connect = partial(options.open_toolbox, region, endpoint, profile)
    with connect() as tools:
        store, origin = tools.store(home), tools.source(bucket)
        require_users(origin, store, request.source, prefix, request.users)
        plan = plan_run(origin, store, now, random_hex, request)
        requests = Counter(tools.requests)
    places = _Places(connect, bucket, home, table)
    outcomes, more = _run(places, plan, workers or cores())
    report = RunReport(plan.run_id, outcomes)
    requests.update(more)
    _raise_if_nothing_was_done(report)
    _show(report, time.monotonic() - started, requests, as_json=as_json)
    raise typer.Exit(exit_status(report))


@dataclass(frozen=True, slots=True)
class _Places:
    """Where to read from and write to."""

    connect: Callable[[], Toolbox]
    source: str
    home: str
    table: str | None


def _run(places: _Places, plan: RunPlan, workers: int) -> tuple[list[UserOutcome], Counter[str]]:
    """Back up in one process, or in one a core when there are users enough for all; count the requests."""
    count = processes_for(len(plan.users), workers, cores())
    if count == 1:
        with shown("backup") as progress:
            return _back_up(places, plan, range(len(plan.users)), progress, workers=workers)
    shared = places.table is None

    def part(member: Member) -> tuple[list[UserOutcome], Counter[str]]:
        index = member.index if shared else None
        return _back_up(places, plan, member.turns, member.progress, workers=1, index=index)

    fleet = Fleet(count, len(plan.users), part)
    with places.connect() as tools, shown("backup") as progress:
        index = tools.index(tools.store(places.home), None) if shared else None
        answers = fleet.join(progress, index)
        requests = Counter(tools.requests)
    for _, more in answers:
        requests.update(more)
    order = {user: number for number, user in enumerate(plan.users)}
    outcomes = [outcome for some, _ in answers for outcome in some]
    return sorted(outcomes, key=lambda outcome: order[outcome.user]), requests


def _back_up(
    places: _Places,
    plan: RunPlan,
    turns: Iterable[int],
    progress: Progress,
    *,
    workers: int,
    index: DedupIndex | None = None,
) -> tuple[list[UserOutcome], Counter[str]]:
    with places.connect() as tools:
        store = tools.store(places.home)
        index = index or tools.index(store, places.table)
        ports = Ports(tools.source(places.source), store, index, now, random_hex, progress)
        return run_plan(ports, plan, turns, workers=workers), Counter(tools.requests)


def exit_status(report: RunReport) -> int:
    """Give 0 when all users are backed up whole, 9 when objects are missing, an error's status when users are."""
    failed = worst(outcome.error.exit_status for outcome in report.outcomes if outcome.error is not None)
    if failed:
        return failed
    partial = any(
        outcome.result is not None and outcome.result.record.status is BackupStatus.PARTIAL
        for outcome in report.outcomes
    )
    return PARTIAL if partial else DONE


def _raise_if_nothing_was_done(report: RunReport) -> None:
    """Raise the first error when no user was backed up and all failed in one way: one cause, one message."""
    errors = [outcome.error for outcome in report.outcomes if outcome.error is not None]
    if errors and len(errors) == len(report.outcomes) and len({error.code for error in errors}) == 1:
        raise errors[0]


def _show(report: RunReport, seconds: float, requests: dict[str, int], *, as_json: bool) -> None:
    done = [outcome.result for outcome in report.outcomes if outcome.result is not None]
    totals = report.totals
    notes = _notes(report)
    if as_json:
        document: dict[str, Any] = {"run": report.run_id, "seconds": round(seconds, 3), **totals._asdict()}
        show_json(document | {"backups": len(done), "notes": notes, "requests": dict(requests)})
        return
    show_facts(
        f"run {report.run_id}",
        [
            ("users backed up", f"{len(done)} of {len(report.outcomes)}"),
            ("files", f"{totals.files:,}"),
            ("unreadable", f"{totals.unreadable:,}"),
            ("source", size(totals.source)),
            ("read", size(totals.read)),
            ("new", size(totals.new)),
            ("stored", size(totals.stored)),
            ("dedup", ratio(totals.read, totals.new)),
            ("compression", ratio(totals.new, totals.stored)),
            ("requests", f"{sum(requests.values()):,}"),
            ("seconds", f"{seconds:.1f}"),
            ("rate", rate(totals.source, seconds)),
        ],
    )
    for line in notes[:_NOTES_SHOWN]:
        note(line)
    if len(notes) > _NOTES_SHOWN:
        note(f"... and {len(notes) - _NOTES_SHOWN:,} more; --json gives more of them")


def _notes(report: RunReport) -> list[str]:
    """Say what is missing: users first, then warnings, then single objects."""
    failed = [f"{_name(outcome.user)}: {outcome.error}" for outcome in report.outcomes if outcome.error is not None]
    records = [outcome.result for outcome in report.outcomes if outcome.result is not None]
    warnings = [f"{_name(result.record.user)}: {warning}" for result in records for warning in result.warnings]
    unreadable = [f"{item.key}: {item.code}: {item.reason}" for result in records for item in result.record.unreadable]
    return failed + warnings + unreadable


def _name(user: str) -> str:
    return user or "(no folder)"
