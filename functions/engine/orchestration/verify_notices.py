"""What people are told about verifications and restore drills. Pure. When all is well, nobody is told anything."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from functions.engine.orchestration.drills import unproven_since
from functions.engine.orchestration.ports import Notice, UserState
from functions.engine.repository import BackupName
from functions.engine.verify_report import Damage

_SHOWN = 10
_SHOWN_USERS = 50
_NAME_LIMIT = 200
"""With these, a message stays far below the 256 KiB that SNS takes (Amazon SNS API Reference, "Publish")."""


@dataclass(frozen=True, slots=True)
class Flaw:
    """Something that a drill found wrong: what, the error's code and message, and what to do."""

    what: str
    code: str
    reason: str
    remedy: str

    def __str__(self) -> str:
        """Give it as a drill's result keeps it."""
        return f"{self.code}: {self.what}: {self.reason}"


class FailedDrill(NamedTuple):
    """A drill that did not prove its user. `total` counts all flaws, of which some are named."""

    backup: BackupName
    folder: str
    total: int
    flaws: Sequence[Flaw]


def damage_notice(stack: str, repository: str, damages: Sequence[Damage], missing: str = "") -> Notice:
    """Say what a verification found damaged and what that touches; `missing` says what is not known of that."""
    lines = [
        f"A verification of the repository {repository} found {_count(len(damages), 'damaged object')}.",
        "Nothing was changed. Backups go on; what is named here cannot be restored as it is.",
        "",
        *_limited([line for damage in damages[:_SHOWN] for line in _damage_lines(damage)], damages),
    ]
    if missing:
        lines += ["", missing]
    lines += [
        "",
        "What to do:",
        "1. Look whether the object in the replica is whole: run `strongroom verify --depth full` on its bucket.",
        "2. If it is, a break-glass role copies it back under its key. An older version in this bucket does too.",
        "3. If no copy is whole, these files can only come from the source: save them from there before they change.",
    ]
    return Notice(_subject(stack, "DAMAGE found", _count(len(damages), "object")), "\n".join(lines))


def drills_notice(stack: str, failed: Sequence[FailedDrill], proven: int) -> Notice:
    """Say whose restore drill failed, why, and what to do."""
    lines = [
        f"{_count(len(failed), 'restore drill')} failed, {proven} succeeded.",
        "Who is named here may not get back what was backed up. The drill is repeated when it is due.",
        "",
    ]
    for drill in failed[:_SHOWN]:
        name = drill.backup
        lines.append(f"user {_named(name.user)} of source {_named(name.source)}, backup {name.backup_id}:")
        lines += [f"  {_clipped(str(flaw), 1_000)}" for flaw in drill.flaws[:_SHOWN]]
        if drill.total > _SHOWN:
            lines.append(f"  and {drill.total - _SHOWN:,} more")
        lines += [f"  what to do: {remedy}" for remedy in dict.fromkeys(flaw.remedy for flaw in drill.flaws) if remedy]
        lines.append(f"  restored to: {_clipped(drill.folder, 1_000)}")
    lines += _more(len(failed), _SHOWN, "failed drill")
    return Notice(_subject(stack, "restore drill FAILED", _count(len(failed), "user")), "\n".join(lines))


def overdue_notice(stack: str, late: Sequence[tuple[str, UserState]], now: datetime, coverage_days: int) -> Notice:
    """Say who, by source and user, has gone unproven for longer than is promised."""
    lines = [
        f"{_count(len(late), 'user')} should have been proven by a restore drill within {coverage_days} days:",
        "",
    ]
    for source, user in late[:_SHOWN_USERS]:
        age = _days(now - unproven_since(user))
        state = "last proven" if user.proven is not None else "never proven, first backed up"
        lines.append(f"user {_named(user.user)} of source {_named(source)}: {state} {age} ago")
    lines += [
        *_more(len(late), _SHOWN_USERS, "user"),
        "",
        "What to do: if their drills fail, mend what those name. If drills do not run or do not reach them, look at",
        "the verifier's log, and give it more memory (with it comes bandwidth) or a second schedule a day.",
    ]
    return Notice(_subject(stack, "restore drills OVERDUE", _count(len(late), "user")), "\n".join(lines))


def unchecked_notice(stack: str, names: Sequence[BackupName]) -> Notice:
    """Say which backups are too large to be checked by a function."""
    lines = [
        f"{_count(len(names), 'backup')} could not be checked: one invocation is too short for it.",
        "",
        *(f"user {_named(name.user)} of source {_named(name.source)}, {name.backup_id}" for name in names[:_SHOWN]),
        *_more(len(names), _SHOWN, "backup"),
        "",
        "What to do: run `strongroom verify --depth structure` for them on a machine in the repository's region.",
    ]
    return Notice(_subject(stack, "verification INCOMPLETE", _count(len(names), "backup")), "\n".join(lines))


def join_damages(damages: Iterable[Damage]) -> list[Damage]:
    """Join what several slices of a verification found: one damage a thing, with all that it touches."""
    joined: dict[tuple[str, str, str | None], Damage] = {}
    for damage in damages:
        known = joined.setdefault((damage.code, damage.name, damage.pack), damage)
        if known is damage:
            continue
        for backup in damage.backups:
            known.touch(backup)
        known.file_count += damage.file_count
        known.files += damage.files[: max(0, _SHOWN - len(known.files))]
    return list(joined.values())


def _damage_lines(damage: Damage) -> Iterator[str]:
    where = f" in pack {damage.pack}" if damage.chunk is not None else ""
    yield f"{damage.code}: {_clipped(damage.name, 1_000)}{where}: {_clipped(damage.detail, 1_000)}"
    backups = [f"{name.backup_id} of user {_named(name.user)}" for name in damage.backups[:_SHOWN]]
    yield f"  backups touched: {', '.join(backups) or 'none known'}{_and_more(len(damage.backups))}"
    if damage.files:
        files = ", ".join(_named(key) for key in damage.files[:_SHOWN])
        yield f"  files touched: {files}{_and_more(damage.file_count)}"


def _limited(lines: list[str], damages: Sequence[Damage]) -> list[str]:
    return [*lines, *_more(len(damages), _SHOWN, "damaged object")]


def _and_more(count: int) -> str:
    return f" and {count - _SHOWN:,} more" if count > _SHOWN else ""


def _more(count: int, shown: int, what: str) -> list[str]:
    return [f"... and {_count(count - shown, what)} more"] if count > shown else []


def _subject(stack: str, what: str, count: str) -> str:
    return f"Strongroom {stack[:30]}: {what}: {count}".encode("ascii", "replace").decode()


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}" + ("" if number == 1 else "s")


def _days(age: timedelta) -> str:
    return _count(age.days, "day")


def _named(name: str) -> str:
    return _clipped(repr(name), _NAME_LIMIT)


def _clipped(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[: limit - 3]}..."
