"""`strongroom erase`: erase one user, say honestly what that means, and look later what is gone."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer

from cli import options, retaining
from cli.commands.report import write_page
from cli.erasure_text import check_lines, report_lines
from cli.outputs import Place, find_place
from cli.progress import Counter, shown
from cli.render import note, plain, show_json, show_lines
from cli.statuses import DONE, INTERRUPTED, PARTIAL
from functions.contract.object_keys import is_backup_id, user_objects, user_prefix
from functions.engine.backup import new_backup_id
from functions.engine.errors import BackupNotFoundError, ConfigurationError, ConflictError
from functions.engine.ports import BlobStore
from functions.engine.repository import BackupName
from functions.engine.retention.decide import decide
from functions.engine.retention.erasure import (
    find_erasure,
    is_withdrawn,
    order_erasure,
    read_erasures,
    report_of,
    withdraw_erasure,
)
from functions.engine.retention.erasure_dates import Timetable
from functions.engine.retention.erasure_report import check_erasure, erasure_report
from functions.engine.retention.erasure_survey import Survey, stored_of, survey_user
from functions.engine.retention.expired import expired_backups
from functions.engine.retention.holds import Author, read_holds
from functions.engine.retention.policy import MAX_DAYS, Erasure, Hold, RetentionPolicy
from functions.engine.safety import DEFAULT_SAFETY
from functions.runtime.people import forget_user, shelf_of
from functions.runtime.toolbox import Toolbox, now, random_hex

_FOR_EVER = RetentionPolicy(MAX_DAYS)
_SEEN_GONE = "nothing of his was there when the order was given"
_SAID_GONE = "said to be gone; nobody looked"
_STILL_THERE = "may still be there: the next backup stores him anew, and is not erased"


@dataclass(frozen=True, slots=True)
class _Request:
    """Whom to erase, and how sure it is that he does not come back tonight."""

    source: str
    user: str
    author: Author
    bucket: str | None
    source_gone: bool
    chunks: bool


class _Tables(NamedTuple):
    """Tables that know the user, as far as they were named."""

    backups: str | None
    users: str | None


def command(
    repository: options.MaybeRepository = None,
    outputs: options.Outputs = None,
    source_name: options.AnySource = None,
    user: Annotated[str | None, typer.Option("--user", help="The user who is to be erased.")] = None,
    reason: Annotated[str | None, typer.Option("--reason", help="Why: the request or the law. It is kept.")] = None,
    by: retaining.By = None,
    source: Annotated[
        str | None, typer.Option("--source", help="Bucket and prefix of the source: nothing of his may be left there.")
    ] = None,
    check: Annotated[
        str | None, typer.Option("--check", help="Id of an erasure: say what is gone and what not.")
    ] = None,
    withdraw: Annotated[
        str | None, typer.Option("--withdraw", help="Id of an erasure that was a mistake: what is there yet stays.")
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option("--report", help="File for the report as JSON; the same as text goes beside it, .txt."),
    ] = None,
    backups_table: Annotated[
        str | None, typer.Option("--backups-table", help="DynamoDB table of the catalog. Default: from the outputs.")
    ] = None,
    users_table: Annotated[
        str | None, typer.Option("--users-table", help="DynamoDB table of the users. Default: from the outputs.")
    ] = None,
    region: options.Region = options.DEFAULT_REGION,
    endpoint: options.Endpoint = None,
    profile: options.Profile = None,
    *,
    source_gone: Annotated[
        bool, typer.Option("--source-gone", help="Say that nothing of his is in the source; nobody looks.")
    ] = False,
    still_in_source: Annotated[
        bool, typer.Option("--still-in-source", help="Erase the past only: he is backed up anew, and that is kept.")
    ] = False,
    packs_only: Annotated[
        bool, typer.Option("--packs-only", help="Count no chunks: reads no manifest, and says less.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Give the report, and order nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask; only a terminal is asked.")] = False,
    replica: options.Replica = False,
    as_json: options.Json = False,
) -> None:
    """Keep nothing of a user that was backed up until now, but what a hold keeps; say until when it is gone.

    Nothing is deleted by this command. Collections let go of it, the lifecycle deletes it when locks have ended.
    """
    options.one_of(user=user, check=check, withdraw=withdraw)
    options.not_without("--replica", replica or None, "--check", given=check is not None)
    options.not_without("--dry-run", dry_run or None, "--user", given=user is not None)
    request = None
    if user is not None:
        sure = {"source": source, "source_gone": source_gone or None, "still_in_source": still_in_source or None}
        options.one_of(**sure)
        request = _request(source_name, user, by, reason, source, source_gone=source_gone, chunks=not packs_only)
    place = find_place(repository, region, outputs, replica=replica)
    tables = _Tables(backups_table or place.tables.get("backups"), users_table or place.tables.get("users"))
    with options.open_toolbox(place.region, endpoint, profile) as tools:
        if request is not None:
            document, status = _erase(tools, place, tables, request, dry_run=dry_run, ask=not yes)
            lines = report_lines(document)
        elif check is not None:
            document, status = _check(tools, place, _id(check, "--check"))
            lines = check_lines(document)
        else:
            document, status = _withdraw(tools, place, tables, _id(withdraw or "", "--withdraw"), by, reason), DONE
            lines = [f"erasure {withdraw} is withdrawn: rules and holds decide again from the next collection on"]
    _show(document, lines, report, as_json=as_json)
    raise typer.Exit(status)


def _request(
    source_name: str | None,
    user: str,
    by: str | None,
    reason: str | None,
    source: str | None,
    *,
    source_gone: bool,
    chunks: bool,
) -> _Request:
    if source_name is None:
        raise ConfigurationError("--user needs --source-name", hint="`strongroom backups` shows which there are")
    [name] = options.named_users([user])
    if source is not None:
        options.split_source(source)
    return _Request(source_name, name, retaining.author(by, reason or ""), source, source_gone, chunks)


def _erase(
    tools: Toolbox, place: Place, tables: _Tables, request: _Request, *, dry_run: bool, ask: bool
) -> tuple[dict[str, Any], int]:
    store, source, user = tools.store(place.bucket), request.source, request.user
    _refuse_if_done(tools, place, tables, request, dry_run=dry_run)
    gone = _in_the_source(tools, request)
    moment = tools.vault(place.bucket).now()
    order = Erasure(new_backup_id(moment, random_hex), source, user, request.author.reason)
    timetable = Timetable(order.ordered, tools.protection(place.bucket))
    with shown("erase") as progress:
        found = _survey(tools, place, request, progress)
    holds = read_holds(store).of(source, user)
    document = {"dry_run": dry_run, **erasure_report(order, request.author, found, holds, timetable, gone)}
    if not dry_run:
        _confirm(request, found, ask=ask)
        order_erasure(store, order, request.author, document)
        _offer_no_more(tools, tables, found.backups, holds)
    for hold in holds:
        note(f"held: {hold.hold_id}: {hold.reason}. What it keeps stays until it is released")
    if timetable.protection.undelete_days is None:
        note("the lifecycle of this bucket lets nothing go: what is tagged stays for ever")
    return document, PARTIAL if holds or timetable.protection.undelete_days is None else DONE


def _offer_no_more(tools: Toolbox, tables: _Tables, names: Sequence[BackupName], holds: Sequence[Hold]) -> None:
    """Let the tables offer none of these that no hold keeps, and nobody miss or prove one."""
    cloud = tools.cloud()
    shelf = shelf_of(cloud, tables.backups)
    going = [name for name in names if not any(hold.covers(name) for hold in holds)]
    for name in going:
        shelf.let_go(name)
    for source, user in {name[:2] for name in going}:
        forget_user(cloud, tables.users, source, user)


def _in_the_source(tools: Toolbox, request: _Request) -> str:
    """Say what is known of the user in the source. ConfigurationError when something of his is left there."""
    if request.bucket is None:
        return _SAID_GONE if request.source_gone else _STILL_THERE
    bucket, prefix = options.split_source(request.bucket)
    folder, recursive = user_objects(prefix, request.user)
    left = next(iter(tools.source(bucket).list(folder, recursive=recursive)), None)
    if left is not None:
        raise ConfigurationError(
            f"user {request.user!r} still owns objects in {request.bucket}: the next backup would store them anew",
            hint="delete them first, or say --still-in-source to erase the past only",
        )
    return _SEEN_GONE


def _survey(tools: Toolbox, place: Place, request: _Request, progress: Counter) -> Survey:
    """Look at everything of the user. BackupNotFoundError when there is nothing to erase."""
    store, source, user = tools.store(place.bucket), request.source, request.user
    found = survey_user(store, source, user, lambda count: progress.advance(files=count), chunks=request.chunks)
    if not found.backups:
        left = next(tools.stored_keys(place.bucket, user_prefix(source, user)), None)
        what = "none but what was let go already" if left is not None else "none, now or lately"
        raise BackupNotFoundError(
            f"user {user!r} of source {source!r} has no backup: {what}", hint="check the names: capital letters count"
        )
    return found


def _refuse_if_done(tools: Toolbox, place: Place, tables: _Tables, request: _Request, *, dry_run: bool) -> None:
    """Raise ConflictError when an order covers all that there is; what it may not have got to is done."""
    store = tools.store(place.bucket)
    orders = read_erasures(store).of(request.source, request.user)
    standing = _standing(store, orders[-1]) if orders else None
    if standing is None or standing.since:
        return
    if not dry_run:
        _offer_no_more(tools, tables, standing.covered, read_holds(store).of(request.source, request.user))
    raise ConflictError(
        f"user {request.user!r} is erased already, by {orders[-1].erasure_id}",
        hint=f"strongroom erase --check {orders[-1].erasure_id} says what is gone",
    )


class _Standing(NamedTuple):
    """The backups of a user that are listed: those that an order covers, and those that came after it."""

    covered: list[BackupName]
    since: list[BackupName]


def _standing(store: BlobStore, order: Erasure) -> _Standing:
    """Ask retention itself which of them it lets go for the order."""
    try:
        [kept] = retaining.candidates_of(store, order.source, [order.user])
    except BackupNotFoundError:
        return _Standing([], [])
    found = decide(kept.candidates, _FOR_EVER, (), now(), DEFAULT_SAFETY.clock_skew, [order])
    names = [(decision.candidate.backup, decision.keep) for decision in found]
    return _Standing([name for name, keep in names if not keep], [name for name, keep in names if keep])


def _check(tools: Toolbox, place: Place, erasure_id: str) -> tuple[dict[str, Any], int]:
    store = tools.store(place.bucket)
    order = find_erasure(store, erasure_id)
    report = report_of(store, order)
    standing = _standing(store, order)
    with shown("check") as progress:
        left = check_erasure(report, tools.vault(place.bucket), retaining.many_at_once(progress))
    gone = left.pop("gone") and not standing.covered
    holds = read_holds(store).of(order.source, order.user)
    document = {
        **{key: value for key, value in report.items() if key != "keys"},
        "checked": now().isoformat(timespec="seconds"),
        "bucket": place.bucket,
        "withdrawn": is_withdrawn(store, order),
        "held": [{"hold": hold.hold_id, "backup": hold.backup_id, "reason": hold.reason} for hold in holds],
        **{f"left_of_{kind}": counts for kind, counts in left.items()},
        "listed_still": [name.backup_id for name in standing.covered],
        "backed_up_since": [name.backup_id for name in standing.since],
        "gone": gone,
    }
    return document, DONE if gone else PARTIAL


def _withdraw(
    tools: Toolbox, place: Place, tables: _Tables, erasure_id: str, by: str | None, reason: str | None
) -> dict[str, Any]:
    store = tools.store(place.bucket)
    who = retaining.author(by, reason or "")
    order = find_erasure(store, erasure_id)
    withdraw_erasure(store, order, who, now())
    shelf, gone = shelf_of(tools.cloud(), tables.backups), expired_backups(store)
    for backup in stored_of(store, order.source, order.user).values():
        if backup.commit is not None and backup.name not in gone:
            shelf.brought_back(backup.name)
    return {"withdrawn": erasure_id, "source": order.source, "user": order.user, "by": who.by, "reason": who.reason}


def _id(text: str, option: str) -> str:
    if not is_backup_id(text):
        raise ConfigurationError(
            f"{option} is {text!r}, must be an erasure's id, e.g. 20261120T020000Z-1f3a9c20", hint="its report names it"
        )
    return text


def _confirm(request: _Request, found: Survey, *, ask: bool) -> None:
    """Ask a person at a terminal whether this is what they want."""
    if not (ask and sys.stdin.isatty() and sys.stderr.isatty()):
        return
    what = f"all {len(found.backups):,} backups of user {plain(request.user)!r} of source {plain(request.source)!r}"
    if not typer.confirm(f"Erase {what}?", err=True):
        raise typer.Exit(INTERRUPTED)


def _show(document: dict[str, Any], lines: list[str], report: Path | None, *, as_json: bool) -> None:
    if report is not None:
        write_page(report, json.dumps(document, indent=1, ensure_ascii=False) + "\n", "--report")
        write_page(report.with_suffix(".txt"), "".join(f"{plain(line)}\n" for line in lines), "--report")
    if as_json:
        show_json(document)
    else:
        show_lines(lines)
