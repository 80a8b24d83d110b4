"""`strongroom restore`: restore files to a bucket or to a local directory."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import typer

from cli import options
from cli.lookup import read_commits
from cli.progress import Goal, shown
from cli.render import rate, show_facts, show_json, size
from cli.statuses import DONE, INTERRUPTED, PARTIAL
from functions.engine.commit import CommitRecord
from functions.engine.conflict import Conflict
from functions.engine.model import Totals
from functions.engine.ports import Destination
from functions.engine.repository import BackupName, Repository
from functions.engine.restore import Restorer
from functions.engine.restore_work import RestoreReport
from functions.runtime.local_run import by_patterns, choose_backups
from functions.runtime.toolbox import RestoreNames, Toolbox, cores, tune_process

_FAILURES_SHOWN = 100

BackupId = Annotated[str | None, typer.Option("--backup", help="Id of the backup. Default: the newest.")]
AsOf = Annotated[str | None, typer.Option("--as-of", help="The newest backup at this time, ISO 8601.")]
Patterns = Annotated[
    list[str] | None, typer.Option("--pattern", help="Only keys like this, e.g. 'alice/*.pdf'. Repeat for more.")
]
ToBucket = Annotated[str | None, typer.Option("--to-bucket", help="Bucket to restore into.")]
ToPrefix = Annotated[str | None, typer.Option("--to-prefix", help="Prefix put before each key.")]
ToDirectory = Annotated[Path | None, typer.Option("--to-directory", help="Local directory to restore into.")]
OnConflict = Annotated[Conflict, typer.Option("--conflict", help="When a file exists already.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask; only a terminal is asked.")]


@dataclass(frozen=True, slots=True)
class _Target:
    """Where to restore to, and how."""

    place: Path | str
    prefix: str
    conflict: Conflict
    patterns: list[str]
    workers: int
    ask: bool


def command(
    repository: options.Repository,
    source_name: options.SourceName,
    user: options.ChosenUsers = None,
    backup_id: BackupId = None,
    as_of: AsOf = None,
    pattern: Patterns = None,
    to_bucket: ToBucket = None,
    to_prefix: ToPrefix = None,
    to_directory: ToDirectory = None,
    conflict: OnConflict = Conflict.SKIP,
    workers: options.Workers = None,
    region: options.Region = options.DEFAULT_REGION,
    endpoint: options.Endpoint = None,
    profile: options.Profile = None,
    *,
    all_users: options.AllUsers = False,
    yes: Yes = False,
    as_json: options.Json = False,
) -> None:
    """Restore files, each proven by its SHA-256 before it becomes visible."""
    home = options.bucket_name(repository, "--repository")
    users = options.chosen_users(user, all_users=all_users)
    moment = options.parse_time(as_of, "--as-of")
    _check_backup(backup_id, as_of, users)
    place = _place(to_bucket, to_prefix, to_directory)
    target = _Target(place, to_prefix or "", conflict, pattern or [], workers or cores(), not yes)
    tune_process()
    started = time.monotonic()
    with options.open_toolbox(region, endpoint, profile) as tools:
        snapshots = Repository(tools.store(home))
        names = choose_backups(snapshots, source_name, users, backup_id=backup_id, as_of=moment)
        report = _restore(tools, home, names, target)
        requests = dict(tools.requests)
    _show(report, len(names), time.monotonic() - started, requests, as_json=as_json)
    raise typer.Exit(PARTIAL if report.failed else DONE)


def _check_backup(backup_id: str | None, as_of: str | None, users: Sequence[str]) -> None:
    if options.parse_backup_id(backup_id) is not None:
        options.one_of(backup=backup_id, as_of=as_of)
        options.not_without("--backup", backup_id, "a single --user", given=len(users) == 1)


def _place(bucket: str | None, prefix: str | None, directory: Path | None) -> Path | str:
    """Give the directory, or the name of the bucket."""
    options.one_of(to_bucket=bucket, to_directory=directory)
    options.not_without("--to-prefix", prefix, "--to-bucket", given=bucket is not None)
    return directory or options.bucket_name(bucket or "", "--to-bucket")


def _restore(tools: Toolbox, home: str, names: Sequence[BackupName], target: _Target) -> RestoreReport:
    """Restore; however it ends, leave no scratch behind."""
    store = tools.store(home)
    records = read_commits(store, names)
    if target.ask:
        _confirm(records, target)
    destination = _destination(tools, target, RestoreNames(records[0].prefix, target.prefix, records[0].backup_id))
    with shown("restore") as progress:
        progress.goal = _goal(records, target.patterns)
        try:
            with Restorer(store, destination, workers=target.workers, progress=progress) as restorer:
                return restorer.restore(records, by_patterns(target.patterns))
        except BaseException:
            destination.finish()
            raise


def _confirm(records: Sequence[CommitRecord], target: _Target) -> None:
    """Ask a person at a terminal whether this is what they want."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return
    totals = _totals(records)
    what = f"{len(records):,} backups with {totals.files:,} files, {size(totals.source)}, to {target.place}"
    if not typer.confirm(f"Restore {what}?", err=True):
        raise typer.Exit(INTERRUPTED)


def _destination(tools: Toolbox, target: _Target, names: RestoreNames) -> Destination:
    if isinstance(target.place, str):
        return tools.to_bucket(target.place, names, target.conflict)
    return tools.to_directory(target.place, names, target.conflict)


def _goal(records: Sequence[CommitRecord], patterns: list[str]) -> Goal:
    totals = _totals(records)
    return Goal() if patterns else Goal(totals.files, totals.source)


def _totals(records: Sequence[CommitRecord]) -> Totals:
    totals = Totals()
    for record in records:
        totals = totals.plus(record.totals)
    return totals


def _show(report: RestoreReport, backups: int, seconds: float, requests: dict[str, int], *, as_json: bool) -> None:
    if as_json:
        show_json({"backups": backups, "seconds": round(seconds, 3), **asdict(report), "requests": requests})
        return
    show_facts(
        f"restored {backups} backups",
        [
            ("files restored", f"{report.restored:,}"),
            ("files that existed", f"{report.skipped:,}"),
            ("failed", f"{report.failed:,}"),
            ("bytes", size(report.bytes)),
            ("requests", f"{sum(requests.values()):,}"),
            ("seconds", f"{seconds:.1f}"),
            ("rate", rate(report.bytes, seconds)),
        ],
    )
    for failure in report.failures[:_FAILURES_SHOWN]:
        typer.echo(f"{failure.name}: {failure.code}: {failure.reason}", err=True)
    if report.failed > _FAILURES_SHOWN:
        typer.echo(f"... and {report.failed - _FAILURES_SHOWN:,} more; --json names up to 1,000", err=True)
