"""`strongroom backup`: back up the users of a source."""

from __future__ import annotations

import time
from typing import Annotated, Any

import typer

from cli import options
from cli.progress import shown
from cli.render import rate, ratio, show_facts, show_json, size
from functions.engine.backup import Ports
from functions.engine.model import BackupStatus, BackupType
from functions.runtime.local_run import JOBS, RunReport, RunRequest, back_up
from functions.runtime.toolbox import cores, now, random_hex, tune_garbage_collector

_PARTIAL = 9


def command(
    repository: options.Repository,
    source: Annotated[str, typer.Option("--source", help="Bucket to protect, with an optional prefix.")],
    source_name: options.SourceName = None,
    user: options.Users = None,
    backup_type: Annotated[
        BackupType, typer.Option("--type", case_sensitive=False, help="FULL reads every byte again.")
    ] = BackupType.INCREMENTAL,
    table: Annotated[
        str | None,
        typer.Option("--dedup-table", help="DynamoDB table of chunks. Default: read it from the packs."),
    ] = None,
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
    tune_garbage_collector()
    started = time.monotonic()
    with options.open_toolbox(region, endpoint, profile) as tools, shown("backup") as progress:
        store = tools.store(repository)
        ports = Ports(tools.source(bucket), store, tools.index(store, table), now, random_hex, progress)
        request = RunRequest(source_name or bucket, prefix, user or (), backup_type, jobs)
        report = back_up(ports, request, workers=workers or cores())
        requests = dict(tools.requests)
    _show(report, time.monotonic() - started, requests, as_json=as_json)
    raise typer.Exit(exit_status(report))


def exit_status(report: RunReport) -> int:
    """Give 0 when all users are backed up whole, 9 when objects are missing, an error's status when users are."""
    statuses = [outcome.error.exit_status for outcome in report.outcomes if outcome.error is not None]
    if statuses:
        return max(statuses)
    partial = any(
        outcome.result is not None and outcome.result.record.status is BackupStatus.PARTIAL
        for outcome in report.outcomes
    )
    return _PARTIAL if partial else 0


def _show(report: RunReport, seconds: float, requests: dict[str, int], *, as_json: bool) -> None:
    done = [outcome.result for outcome in report.outcomes if outcome.result is not None]
    totals = report.totals
    notes = [f"{outcome.user}: {outcome.error}" for outcome in report.outcomes if outcome.error is not None]
    for result in done:
        notes += [f"{result.record.user}: {warning}" for warning in result.warnings]
        notes += [f"{item.key}: {item.code}: {item.reason}" for item in result.record.unreadable]
    if as_json:
        document: dict[str, Any] = {"run": report.run_id, "seconds": round(seconds, 3), **totals._asdict()}
        show_json(document | {"backups": len(done), "notes": notes, "requests": requests})
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
    for note in notes[:100]:
        typer.echo(note, err=True)
