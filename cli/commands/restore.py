"""`strongroom restore`: restore files to a bucket or to a local directory."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from cli import options
from cli.lookup import read_commits
from cli.outputs import find_place
from cli.progress import Goal, shown
from cli.render import note, rate, show_facts, show_json, show_lines, size
from cli.restore_estimate import Forecast, forecast
from cli.statuses import DONE, INTERRUPTED, PARTIAL
from functions.engine.commit import CommitRecord
from functions.engine.conflict import Conflict
from functions.engine.model import Totals
from functions.engine.ports import Destination, Progress
from functions.engine.repository import Repository
from functions.engine.restore import Restorer
from functions.engine.restore_work import RestoreReport, merge_restores
from functions.runtime.fleet import Fleet, Member, processes_for
from functions.runtime.local_run import by_patterns, choose_backups
from functions.runtime.toolbox import RestoreNames, Toolbox, clear_scratch, cores, tune_process

_FAILURES_SHOWN = 100
_AS_IT_WAS = RestoreNames("", "", "")

Patterns = Annotated[
    list[str] | None, typer.Option("--pattern", help="Only keys like this, e.g. 'alice/*.pdf'. Repeat for more.")
]
ToBucket = Annotated[str | None, typer.Option("--to-bucket", help="Bucket to restore into.")]
ToPrefix = Annotated[str | None, typer.Option("--to-prefix", help="Prefix put before each key.")]
ToDirectory = Annotated[Path | None, typer.Option("--to-directory", help="Local directory to restore into.")]
OnConflict = Annotated[Conflict, typer.Option("--conflict", help="When a file exists already.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what it would take, in files, time and money, and stop.")]
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
    names: RestoreNames = _AS_IT_WAS


def command(
    source_name: options.SourceName,
    repository: options.MaybeRepository = None,
    outputs: options.Outputs = None,
    stack: options.Stack = None,
    program: options.Program = None,
    user: options.ChosenUsers = None,
    backup_id: options.BackupId = None,
    as_of: options.AsOf = None,
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
    replica: options.Replica = False,
    all_users: options.AllUsers = False,
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: options.Json = False,
) -> None:
    """Restore files, each proven by its SHA-256 before it becomes visible."""
    source = find_place(repository, region, outputs, replica=replica, stack=stack, program=program)
    users = options.chosen_users(user, all_users=all_users)
    moment = _moment(backup_id, as_of, users)
    place = _place(to_bucket, to_prefix, to_directory)
    target = _Target(place, to_prefix or "", conflict, pattern or [], workers or cores(), not yes)
    tune_process()
    started = time.monotonic()
    connect = partial(options.open_toolbox, source.region, endpoint, profile)
    with connect() as tools:
        store = tools.store(source.bucket)
        names = choose_backups(Repository(store), source_name, users, backup_id=backup_id, as_of=moment)
        records = read_commits(store, names)
        if dry_run:
            _show_forecast(_forecast(Repository(store), records, target), target, as_json=as_json)
            return
        requests = Counter(tools.requests)
    started += _confirm(records, target)
    target = replace(target, names=_names(records, target.prefix))
    report, more = _restore(connect, source.bucket, records, target)
    requests.update(more)
    _show(report, len(names), time.monotonic() - started, requests, as_json=as_json)
    raise typer.Exit(PARTIAL if report.failed else DONE)


def _moment(backup_id: str | None, as_of: str | None, users: Sequence[str]) -> datetime | None:
    """Give the time that was asked for, if any; a backup that was asked for must be one user's, at no other time."""
    if options.parse_backup_id(backup_id) is not None:
        options.one_of(backup=backup_id, as_of=as_of)
        options.not_without("--backup", backup_id, "a single --user", given=len(users) == 1)
    return options.parse_time(as_of, "--as-of")


def _place(bucket: str | None, prefix: str | None, directory: Path | None) -> Path | str:
    """Give the directory, or the name of the bucket."""
    options.one_of(to_bucket=bucket, to_directory=directory)
    options.not_without("--to-prefix", prefix, "--to-bucket", given=bucket is not None)
    return directory or options.bucket_name(bucket or "", "--to-bucket")


def _names(records: Sequence[CommitRecord], prefix: str) -> RestoreNames:
    users = frozenset(record.user for record in records)
    return RestoreNames(records[0].prefix, prefix, records[0].backup_id, users)


def _restore(
    connect: Callable[[], Toolbox], home: str, records: Sequence[CommitRecord], target: _Target
) -> tuple[RestoreReport, Counter[str]]:
    """Restore in one process, or in one a core when there are backups enough for all; count the requests."""
    count = processes_for(len(records), target.workers, cores())
    if count == 1:
        with shown("restore") as progress:
            progress.goal = _goal(records, target.patterns)
            return _restore_some(connect, home, records, target, progress)
    one = replace(target, workers=1)

    def part(member: Member) -> tuple[RestoreReport, Counter[str]]:
        mine = (records[number] for number in member.turns)
        return _restore_some(connect, home, mine, one, member.progress, f"-{member.number}")

    fleet = Fleet(count, len(records), part)
    try:
        with shown("restore") as progress:
            progress.goal = _goal(records, target.patterns)
            answers = fleet.join(progress)
    finally:
        if isinstance(target.place, Path):
            clear_scratch(target.place)
    requests: Counter[str] = Counter()
    for _, more in answers:
        requests.update(more)
    return merge_restores([report for report, _ in answers]), requests


def _restore_some(
    connect: Callable[[], Toolbox],
    home: str,
    records: Iterable[CommitRecord],
    target: _Target,
    progress: Progress,
    part: str = "",
) -> tuple[RestoreReport, Counter[str]]:
    """Restore; however it ends, leave no scratch behind."""
    with connect() as tools:
        store = tools.store(home)
        destination = _destination(tools, target, part)
        try:
            with Restorer(store, destination, workers=target.workers, progress=progress) as restorer:
                report = restorer.restore(records, by_patterns(target.patterns))
        except BaseException:
            destination.finish()
            raise
        return report, Counter(tools.requests)


def _confirm(records: Sequence[CommitRecord], target: _Target) -> float:
    """Ask a person at a terminal whether this is what they want; give the seconds that the answer took."""
    if not (target.ask and sys.stdin.isatty() and sys.stderr.isatty()):
        return 0
    asked = time.monotonic()
    totals = _totals(records)
    what = f"{len(records):,} backups with {totals.files:,} files, {size(totals.source)}, to {target.place}"
    if not typer.confirm(f"Restore {what}?", err=True):
        raise typer.Exit(INTERRUPTED)
    return time.monotonic() - asked


def _destination(tools: Toolbox, target: _Target, part: str) -> Destination:
    if isinstance(target.place, str):
        return tools.to_bucket(target.place, target.names, target.conflict)
    return tools.to_directory(target.place, target.names, target.conflict, part)


def _forecast(repository: Repository, records: Sequence[CommitRecord], target: _Target) -> Forecast:
    with shown("dry run") as progress:
        progress.goal = Goal(_totals(records).files)
        return forecast(repository, records, by_patterns(target.patterns), progress)


def _show_forecast(found: Forecast, target: _Target, *, as_json: bool) -> None:
    to_bucket, counted = isinstance(target.place, str), found.counted
    seconds, usd = found.seconds(target.workers, to_bucket=to_bucket), found.usd(to_bucket=to_bucket)
    if as_json:
        requests = {"GET": counted.gets, "PUT": counted.puts if to_bucket else 0}
        sums = {"backups": found.backups, "files": counted.files, "bytes": counted.bytes}
        rest = {
            "requests": requests,
            "unreadable": found.unreadable,
            "seconds": round(seconds, 1),
            "usd": round(usd, 4),
        }
        show_json({"dry_run": True, **sums, **rest, "first": found.first})
        return
    show_facts(
        f"dry run: nothing is written to {target.place}",
        [
            ("backups", f"{found.backups:,}"),
            ("files", f"{counted.files:,}"),
            ("bytes", size(counted.bytes)),
            ("objects that the backups could not read", f"{found.unreadable:,}"),
            ("time, about", f"{seconds:,.0f} s"),
            ("S3 requests, without transfer", f"{usd:,.4f} USD"),
        ],
    )
    show_lines(found.first)
    if counted.files > len(found.first):
        note(f"... and {counted.files - len(found.first):,} more")


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
        note(f"{failure.name}: {failure.code}: {failure.reason}")
    if report.failed > _FAILURES_SHOWN:
        note(f"... and {report.failed - _FAILURES_SHOWN:,} more; --json names up to 1,000")
