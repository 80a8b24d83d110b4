"""What people are told about runs. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from functions.contract.object_keys import ROOT_USER
from functions.contract.states import RunState
from functions.engine.orchestration.ports import Notice, Work
from functions.engine.orchestration.runs import RpoAges, RunFacts, final_state, ratios

NAMED = 50
"""Users that a notice names. With the limits below, it stays far under the 256 KB that SNS takes."""

_SUBJECT = 100
"""Characters (Amazon SNS API Reference, Publish)."""
_NAME = 200
_REASON = 400
_STACK = 24
_SOURCE = 36


class Names(NamedTuple):
    """Some users, and how many there are in all."""

    users: Sequence[str]
    total: int


class Trouble(NamedTuple):
    """A user whose backup did not complete: how it ended, and why."""

    user: str
    state: str
    reason: str


def first_names(users: Iterable[str]) -> Names:
    """Keep as many names as a notice shows, and count all."""
    kept: list[str] = []
    count = 0
    for count, user in enumerate(users, 1):  # noqa: B007 - the last number is the count
        if len(kept) < NAMED:
            kept.append(user)
    return Names(kept, count)


def first_troubles(outcomes: Iterable[tuple[str, str]]) -> list[Trouble]:
    """Keep as many of those who failed, then of those who are partial, as a notice shows."""
    kept: dict[str, list[Trouble]] = {RunState.FAILED.value: [], RunState.PARTIAL.value: []}
    for user, outcome in outcomes:
        state, _, reason = outcome.partition(": ")
        some = kept.get(state)
        if some is not None and len(some) < NAMED:
            some.append(Trouble(user, state, reason))
    return [trouble for some in kept.values() for trouble in some][:NAMED]


def summary_notice(stack: str, work: Work, troubles: Sequence[Trouble], ages: RpoAges, now: datetime) -> Notice:
    """Say how a run ended: users by outcome, bytes, time, who had trouble, and what to do."""
    facts, state = RunFacts.of(work), final_state(work)
    done = {name: work.counts.get(name, 0) for name in ("completed", "partial", "failed")}
    late = ", after its window had ended" if now > facts.window_end else ""
    lines = [
        f"Run {work.id} of source {facts.source} ended {state.value}.",
        f"{facts.type.value} run, started by {_starter(facts)} at {_time(work.started)}.",
        f"It took {_span(now - work.started)}{late}.",
        *_chosen(facts),
        "",
        f"Users:       {work.expected or 0:,}",
        f"  completed: {done['completed']:,}",
        f"  partial:   {done['partial']:,} (some objects could not be read)",
        f"  failed:    {done['failed']:,} (no new backup; the last good one stands)",
        *_amounts(work),
        f"Oldest last backup of a user: {_span(ages.oldest)}; 99 % of users: {_span(ages.p99)} or less",
        *_vanished(facts),
        *_troubled(troubles, done["failed"] + done["partial"]),
        "",
        *_next_steps(work, state),
    ]
    return _notice(stack, facts.source, _headline(work, state, done), lines)


def skipped_notice(stack: str, source: str, run_id: str, holder: Work | None) -> Notice:
    """Say that a run was not started since another one is active."""
    lines = [f"No new run of source {source} was started: run {run_id} is still active.", ""]
    if holder is not None:
        lines.append(f"That run was started at {_time(holder.started)}, is {holder.status}, {_progress(holder)}.")
    lines += [
        "",
        "What to do: nothing, if that run is going on: it backs the same users up. If it stands still, look at the age",
        "of the oldest message in the job queues and at the worker's errors. When its lease has run out, the next run",
        "takes the source over.",
    ]
    return _notice(stack, source, "Backup skipped: {source}, another run is active", lines)


def overdue_notice(stack: str, work: Work, missing: Names, now: datetime) -> Notice:
    """Say whose backup is missing although the run's window has ended."""
    facts = RunFacts.of(work)
    planned = "not all users were even planned" if work.expected is None else f"{work.expected:,} users were planned"
    lines = [
        f"Run {work.id} of source {facts.source} should have ended by {_time(facts.window_end)}.",
        f"It was started at {_time(work.started)}, {_span(now - work.started)} ago; {planned}, {work.done:,} are done.",
        *_missing(missing),
        "",
        "What to do: look at the age of the oldest message in the job queues, at the dead-letter queue, and at the",
        "worker's throttles and errors. The run goes on, and its summary follows when it ends.",
    ]
    return _notice(stack, facts.source, f"Backup of {{source}} OVERDUE: {_of(missing.total, work)} missing", lines)


def expired_notice(stack: str, work: Work, missing: Names, successor: str) -> Notice:
    """Say that an unfinished run was ended by the next one."""
    facts = RunFacts.of(work)
    reason = [f"It could not be dispatched: {_clip(facts.error, _REASON)}"] if facts.error else []
    lines = [
        f"Run {work.id} of source {facts.source} had not ended, and nobody held the source for it any more.",
        f"Run {successor} has taken the source over. It backs up everybody again.",
        f"The old run was started at {_time(work.started)}; {_progress(work)}.",
        *reason,
        *_missing(missing),
        "",
        "What to do: find out why it did not end: the dead-letter queue and the worker's errors of that time say it.",
    ]
    headline = f"Backup of {{source}}: unfinished run EXPIRED, {_of(missing.total, work)} missing"
    return _notice(stack, facts.source, headline, lines)


def missed_notice(stack: str, source: str, limit: timedelta, now: datetime) -> Notice:
    """Say that no run of a source was started for longer than the RPO allows."""
    lines = [
        f"No run of all users of source {source} was started in the {_span(limit)} before {_time(now)}.",
        "",
        "What to do: look whether the schedule is enabled and whether the initiator failed. Start a run by hand:",
        _run_command(source),
    ]
    return _notice(stack, source, f"Backup of {{source}} MISSED: no run for {_span(limit)}", lines)


def failed_start_notice(stack: str, source: str, code: str, reason: str, remedy: str) -> Notice:
    """Say that a run could not be started, or not go on."""
    lines = [
        f"A run of source {source} could not be started, or could not go on.",
        "",
        f"Reason: {code}: {_clip(reason, 2_000)}",
        *([f"What to do: {_clip(remedy, _REASON)}."] if remedy else []),
        "",
        "Lambda tries it again, twice at most; when the reason is mended, a run started by hand takes over at once.",
    ]
    return _notice(stack, source, f"Backup of {{source}} could not start: {code}", lines)


def _headline(work: Work, state: RunState, done: dict[str, int]) -> str:
    if not work.expected:
        return "Backup of {source}: no users found"
    counts = [f"{done[name]:,} {name}" for name in ("partial", "failed") if done[name]]
    backed_up = f"{done['completed'] + done['partial']:,} of {_count(work.expected, 'user')}"
    mark = " FAILED" if state is RunState.FAILED else ""
    return f"Backup of {{source}}{mark}: {', '.join([backed_up, *counts])}"


def _chosen(facts: RunFacts) -> list[str]:
    if facts.users:
        return [f"Only {_count(len(facts.users), 'user')} that a person named was chosen."]
    return [f"Only users below {facts.prefix}{facts.selected} were chosen."] if facts.selected else []


def _amounts(work: Work) -> list[str]:
    counts = {name: work.counts.get(name, 0) for name in ("files", "unreadable", "source", "read", "new", "stored")}
    dedup, compression = ratios(work.counts)
    parts = [
        f"{name} {ratio:,.1f}" for name, ratio in (("deduplication", dedup), ("compression", compression)) if ratio
    ]
    return [
        f"Files:       {counts['files']:,} with {_size(counts['source'])}; {counts['unreadable']:,} could not be read",
        f"Bytes:       read {_size(counts['read'])}, new {_size(counts['new'])}, stored {_size(counts['stored'])}",
        *([f"Ratios:      {', '.join(parts)}"] if parts else []),
    ]


def _vanished(facts: RunFacts) -> list[str]:
    if not facts.vanished:
        return []
    return [f"Gone:        {_count(facts.vanished, 'user')} with files at the last backup, and no folder any more"]


def _troubled(troubles: Sequence[Trouble], count: int) -> list[str]:
    if not troubles:
        return []
    lines = [f"  {item.state.lower():7} {_named(item.user)}: {_clip(item.reason, _REASON)}" for item in troubles]
    return ["", "Users with trouble:", *lines, *_more(count - len(troubles))]


def _missing(missing: Names) -> list[str]:
    if not missing.total:
        return []
    lines = [f"  {_named(user)}" for user in missing.users]
    return ["", "Users without a backup of this run:", *lines, *_more(missing.total - len(missing.users))]


def _more(count: int) -> list[str]:
    return [f"  ... and {count:,} more"] if count > 0 else []


def _next_steps(work: Work, state: RunState) -> list[str]:
    if not work.expected:
        return ["What to do: if there should be users, check the source's bucket and prefix, and the run's selection."]
    if state is RunState.COMPLETED:
        return ["What to do: nothing."]
    return [
        "What to do: mend what the reasons name. The next run tries everybody again; to try one user now:",
        f"{_run_command(RunFacts.of(work).source)} --user USER",
    ]


def _run_command(source: str) -> str:
    return f"    strongroom run --outputs outputs.json --source-name {source} --wait"


def _starter(facts: RunFacts) -> str:
    return "its schedule" if facts.trigger == "schedule" else "hand"


def _progress(work: Work) -> str:
    return f"{work.done:,} of {'?' if work.expected is None else f'{work.expected:,}'} users are done"


def _of(count: int, work: Work) -> str:
    return _count(count, "user") if work.expected is None else f"{count:,} of {_count(work.expected, 'user')}"


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}" + ("" if number == 1 else "s")


def _named(user: str) -> str:
    if user == ROOT_USER:
        return "(files in no folder)"
    return _clip(user if user.isprintable() and user.strip() == user else repr(user), _NAME)


def _clip(text: str | None, limit: int) -> str:
    line = " ".join((text or "").split())
    return line if len(line) <= limit else f"{line[: limit - 3]}..."


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def _span(span: timedelta) -> str:
    minutes, seconds = divmod(max(0, round(span.total_seconds())), 60)
    if not minutes:
        return f"{seconds} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours:,} h {minutes} min" if hours else f"{minutes} min"


def _size(size: float) -> str:
    for unit in ("bytes", "kB", "MB", "GB", "TB"):
        if size < 1_000:  # noqa: PLR2004 - decimal units
            return f"{size:,.0f} {unit}" if unit == "bytes" else f"{size:,.1f} {unit}"
        size /= 1_000
    return f"{size:,.1f} PB"


def _notice(stack: str, source: str, headline: str, lines: Sequence[str]) -> Notice:
    """Give a notice whose subject says where it comes from. `{source}` in it is cut first: what happened must stay."""
    subject = f"[{_clip(stack, _STACK)}] {headline.replace('{source}', _clip(source, _SOURCE))}"
    plain = "".join(letter if " " <= letter <= "~" else "?" for letter in subject)
    return Notice(_clip(plain, _SUBJECT), "\n".join(lines) + "\n")
