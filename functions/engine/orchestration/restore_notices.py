"""What people are told of a restore. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from functions.contract.states import RestoreState
from functions.engine.backup import rfc3339
from functions.engine.orchestration.ports import Notice, Work
from functions.engine.orchestration.restore_estimate import Estimate
from functions.engine.orchestration.restore_requests import RestoreRequest

_SUBJECT = 100
_NAMED = 20
_GB = 1_000_000_000


def planned_notice(work: Work, request: RestoreRequest, estimate: Estimate, concurrency: int) -> Notice:
    """Say that a restore begins, and what it will take."""
    lines = [
        f"Restore {work.id} of {_what(request)} has been planned and begins now.",
        "",
        *_where(request),
        f"Files: {estimate.files:,} with {_size(estimate.bytes)}, from {estimate.backups:,} backups",
        f"Requests: {estimate.gets:,} GET, {estimate.puts:,} PUT, {estimate.lists:,} LIST",
        f"Price: {estimate.usd():,.2f} USD",
        f"Time: about {max(1, round(estimate.minutes(concurrency))):,} minutes",
        *_thawing(estimate),
        *_left_out(estimate),
        "",
        f'Ask the restore function {{"restore_id": "{work.id}"}} how it stands.',
    ]
    return _notice(f"Restore planned: {request.source}, {estimate.files:,} files", lines)


def ended_notice(
    work: Work, request: RestoreRequest, state: RestoreState, troubles: Sequence[str], now: datetime
) -> Notice:
    """Say how a restore ended. `troubles` names what went wrong, one line each."""
    counts = {name: work.counts.get(name, 0) for name in ("restored", "skipped", "failed", "bytes")}
    title = {
        RestoreState.COMPLETED: "Restore finished",
        RestoreState.PARTIAL: "Restore incomplete",
    }.get(state, "Restore FAILED")
    lines = [
        f"Restore {work.id} of {_what(request)} ended {state} after {_duration(now - work.started)}.",
        "",
        *_where(request),
        f"Restored: {counts['restored']:,} files with {_size(counts['bytes'])}",
        f"Left as they were, because they existed: {counts['skipped']:,}",
        f"Not restored: {counts['failed']:,}",
        *_troubles(troubles),
    ]
    return _notice(f"{title}: {request.source}, {counts['restored']:,} files", lines)


def refused_notice(work: Work, request: RestoreRequest, error: str) -> Notice:
    """Say that a restore could not be planned."""
    lines = [
        f"Restore {work.id} of {_what(request)} failed before anything was written.",
        "",
        *_where(request),
        f"Reason: {error}",
    ]
    return _notice(f"Restore FAILED: {request.source}", lines)


def _what(request: RestoreRequest) -> str:
    users = f"{len(request.users):,} users" if len(request.users) > 1 else "".join(map(repr, request.users))
    when = "the newest backups"
    if request.backup_id is not None:
        when = f"backup {request.backup_id}"
    elif request.as_of is not None:
        when = f"the newest backups at {rfc3339(request.as_of)}"
    return f"source {request.source!r}, {users or 'all users'}, {when}"


def _where(request: RestoreRequest) -> list[str]:
    lines = [f"To: s3://{request.bucket}/{request.prefix}", f"What exists there: {request.conflict}"]
    if request.patterns:
        more = f" and {len(request.patterns) - _NAMED} more" if len(request.patterns) > _NAMED else ""
        lines.append(f"Only: {', '.join(request.patterns[:_NAMED])}{more}")
    return lines


def _thawing(estimate: Estimate) -> list[str]:
    if not estimate.archived:
        return []
    return [f"Thawing: {estimate.archived:,} packs are archived; it takes up to {estimate.thaw_hours} hours more"]


def _left_out(estimate: Estimate) -> list[str]:
    lines: list[str] = []
    if estimate.refused:
        lines += [f"Too large for this function: {estimate.refused:,} files", *_troubles(estimate.too_large)]
    if estimate.damaged:
        lines.append(f"Damaged: {estimate.damaged:,} manifests or commit records; run verify")
    if estimate.unreadable:
        lines.append(f"Not in the backups, which could not read them: {estimate.unreadable:,} objects")
    return lines


def _troubles(troubles: Sequence[str]) -> list[str]:
    if not troubles:
        return []
    more = [f"- ... and {len(troubles) - _NAMED:,} more"] if len(troubles) > _NAMED else []
    return ["", *(f"- {trouble}" for trouble in troubles[:_NAMED]), *more]


def _size(size: int) -> str:
    return f"{size / _GB:,.1f} GB" if size >= _GB else f"{size / 1_000_000:,.1f} MB"


def _duration(elapsed: timedelta) -> str:
    minutes, seconds = divmod(max(0, int(elapsed.total_seconds())), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {seconds} s"


def _notice(subject: str, lines: Sequence[str]) -> Notice:
    plain = "".join(character if " " <= character <= "~" else "?" for character in subject)
    return Notice(plain[:_SUBJECT], "\n".join(lines) + "\n")
