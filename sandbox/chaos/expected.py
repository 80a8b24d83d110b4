"""Which signal each trouble must give, and whether it did. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from functions.contract.metric_names import Metric
from functions.contract.states import BackupState
from functions.engine.orchestration.ports import Work
from functions.runtime.stack_reading import BackupRow
from sandbox.chaos.alarms import Alarm, Signals
from sandbox.chaos.storm import KILLS, Storm


@dataclass(frozen=True)
class Aftermath:
    """What there was to see when the storm was over."""

    storm: Storm
    source: str
    queue: str
    """The job queue of the user who was cut off."""
    alarms: Sequence[Alarm]
    signals: Signals
    rows: Sequence[BackupRow]
    """The catalog's backups of the run."""

    @property
    def ended(self) -> Work:
        """The run as it ended."""
        return self.storm.ended

    @property
    def ringing(self) -> Mapping[str, float]:
        """The alarms that ring, with what they have heard."""
        return self.signals.ringing(self.alarms)

    def row_of(self, user: str | None) -> BackupRow | None:
        """Give the backup of a user."""
        return next((row for row in self.rows if row.user == user), None)


@dataclass(frozen=True)
class Line:
    """A trouble: what was done, the alarms and other signals that it must give, what was found, and what is wrong."""

    trouble: str
    done: str
    expected: str
    found: str
    faults: tuple[str, ...]
    alarms: tuple[str, ...] = ()


def lines_of(after: Aftermath) -> list[Line]:
    """Give a line for each trouble, and one for what must not ring."""
    lines = [_killed(after), _erased(after), _replayed(after), _refused(after), _unreadable(after), _second(after)]
    lines += [_cut_off(after)] if after.storm.victims.cut_off else []
    awaited = {name for line in lines for name in line.alarms}
    return [*lines, _others(after, awaited)]


def _line(after: Aftermath, words: tuple[str, str, str], alarms: tuple[str, ...], checks: Mapping[str, bool]) -> Line:
    """Give a line: `words` are the trouble, what was done and what it must give; `checks` what is wrong if not true."""
    ringing = after.ringing
    silent = [f"the alarm {name} does not ring" for name in alarms if name not in ringing]
    wrong = [what for what, holds in checks.items() if not holds]
    heard = ", ".join(f"{name} hears {ringing[name]:,.0f}" for name in alarms if name in ringing)
    return Line(*words, heard or ("as expected" if not wrong else ""), (*silent, *wrong), alarms)


def _killed(after: Aftermath) -> Line:
    work = after.ended
    return _line(
        after,
        (
            "workers killed",
            f"{after.storm.killed} by SIGKILL, at work",
            "alarm on errors of the function; every job is done",
        ),
        ("function-errors-worker",),
        {
            f"only {after.storm.killed} were killed": after.storm.killed == KILLS,
            f"{work.done} of {work.expected} users are done": work.done == work.expected,
        },
    )


def _erased(after: Aftermath) -> Line:
    stored = after.signals.of("Strongroom", Metric.BYTES_STORED, _whose(after))
    return _line(
        after,
        (
            "dedup table emptied",
            f"{after.storm.erased:,} items deleted",
            "no alarm: chunks are stored again, and BytesStored says how much",
        ),
        (),
        {"the table was empty before": after.storm.erased > 0, "BytesStored was not counted": any(stored)},
    )


def _replayed(after: Aftermath) -> Line:
    work, users = after.ended, Counter(row.user for row in after.rows)
    counted = sum(work.counts.get(name, 0) for name in ("completed", "partial", "failed"))
    return _line(
        after,
        (
            "every message sent again",
            f"{after.storm.replayed:,} messages, during the run and after it",
            "no alarm: each user is backed up and counted once",
        ),
        (),
        {
            "not every message was sent again": after.storm.replayed >= 2 * (work.expected or 0) > 0,
            f"{counted} users are counted instead of {work.expected}": counted == work.expected,
            f"users with more than one backup: {_often(users)}": not _often(users),
            f"{len(users)} users have a backup in the catalog": len(users) == work.expected,
        },
    )


def _refused(after: Aftermath) -> Line:
    return _line(
        after,
        (
            "503 from S3",
            f"{after.storm.refused:,} requests refused",
            "no alarm: asked again within the invocation",
        ),
        (),
        {"none was refused": after.storm.refused > 0},
    )


def _unreadable(after: Aftermath) -> Line:
    victims = after.storm.victims
    row = after.row_of(victims.unreadable)
    return _line(
        after,
        (
            "a user's objects unreadable",
            f"{len(victims.keys):,} objects of {victims.unreadable} archived",
            "alarm on partial backups; the summary names the user",
        ),
        (f"backups-partial-{after.source}",),
        {
            f"the backup of {victims.unreadable} is not PARTIAL": row is not None
            and row.state == BackupState.PARTIAL
            and row.unreadable == len(victims.keys),
            "the summary does not name the user": _told(after, victims.unreadable),
        },
    )


def _second(after: Aftermath) -> Line:
    storm = after.storm
    answer = storm.second.get(after.source, {})
    return _line(
        after,
        (
            "a second run started",
            "by hand, while the first was on",
            "no alarm: it is skipped, counted, and people are told",
        ),
        (),
        {
            f"the answer was {answer}": answer == {"state": "SKIPPED", "active": after.ended.id},
            "RunSkipped was not counted": any(after.signals.of("Strongroom", Metric.RUN_SKIPPED, _whose(after))),
            "nobody was told": any("skipped" in notice.subject for notice in storm.notices),
        },
    )


def _cut_off(after: Aftermath) -> Line:
    user = after.storm.victims.cut_off or ""
    row = after.row_of(user)
    return _line(
        after,
        (
            "S3 down for a user, beyond all attempts",
            f"every listing of {user} refused, to the end",
            "alarms on failed backups and on dead letters; the summary names the user",
        ),
        (f"backups-failed-{after.source}", f"dead-letters-{after.queue}"),
        {
            f"the backup of {user} is not FAILED": row is not None and row.state == BackupState.FAILED,
            "the summary does not name the user": _told(after, user),
        },
    )


def _others(after: Aftermath, awaited: set[str]) -> Line:
    others = sorted(after.ringing.keys() - awaited)
    counted = sum(after.signals.read(alarm) is not None for alarm in after.alarms)
    return Line(
        "all of it",
        f"run {after.ended.status}",
        "no other alarm",
        f"{counted} of {len(after.alarms)} series counted, {len(after.ringing)} alarms ring",
        tuple(f"the alarm {name} rings" for name in others),
    )


def _whose(after: Aftermath) -> dict[str, str]:
    """Give the dimensions of the source's metrics, as its alarms have them."""
    alarm = next(alarm for alarm in after.alarms if alarm.name == f"backups-failed-{after.source}")
    return dict(alarm.dimensions)


def _told(after: Aftermath, user: str) -> bool:
    summaries = (notice for notice in after.storm.notices if after.ended.id in notice.body)
    named = re.compile(rf"(?<!\w){re.escape(user)}(?!\w)")
    return any(named.search(notice.body) for notice in summaries if "skipped" not in notice.subject)


def _often(users: Counter[str]) -> list[str]:
    return sorted(user for user, count in users.items() if count > 1)


def unexplained(errors: Sequence[str], killed: int) -> Iterator[str]:
    """Give the errors in the functions' logs that no trouble explains: refused requests, and killed processes."""
    deaths = 0
    for line in errors:
        deaths += "process died" in line
        if "process died" not in line and "UNAVAILABLE" not in line:
            yield line
    if deaths > killed:
        yield f"{deaths} processes died, {killed} were killed"
