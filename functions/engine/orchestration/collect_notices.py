"""What people are told about collections. Pure. When all is well, nobody is told anything."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from functions.engine.orchestration.ports import Notice
from functions.engine.retention.settings import CollectionReport

_SHOWN = 50
_LINE = 250
"""With these, a message stays far below the 256 KiB that SNS takes (Amazon SNS API Reference, "Publish")."""


class _Trouble(NamedTuple):
    """A kind of trouble: how it is called, how often it was met, some of it, and what to do."""

    word: str
    what: str
    total: int
    names: Sequence[str]
    remedy: str


def collection_notice(stack: str, repository: str, report: CollectionReport) -> Notice | None:
    """Say what a collection would not do, and what it found wrong; None when there is nothing to say."""
    troubles = [trouble for trouble in _troubles(report) if trouble.total]
    if not troubles:
        return None
    lines = [
        f"Collection {report.collection} of the repository {repository} needs somebody to look.",
        "What it does not know it keeps. Backups and restores go on.",
    ]
    for trouble in troubles:
        lines += ["", f"{trouble.what}: {trouble.total:,}", *(_named(name) for name in trouble.names[:_SHOWN])]
        if trouble.total > len(trouble.names[:_SHOWN]):
            lines.append(f"  and {trouble.total - len(trouble.names[:_SHOWN]):,} more")
        lines.append(f"What to do: {trouble.remedy}")
    words = ", ".join(trouble.word for trouble in troubles)
    return Notice(_subject(stack, f"collection: {words}"), "\n".join(lines))


def too_long_notice(stack: str, repository: str, reason: str, *, measured: bool) -> Notice:
    """Say that the time of an invocation was too short for a collection."""
    lines = [
        f"A collection of the repository {repository} did not end: {reason}.",
        "The next one makes good whatever it left. Nothing is lost, and nothing more is let go until then.",
        "",
        "What to do:",
        "1. If it was the first time, wait for the next one: after a large first backup all locks are due on one day.",
    ]
    if measured:
        lines.append("2. It measured how much of each pack is needed. Those that do not measure take less time.")
    lines.append(
        f"{3 if measured else 2}. If it comes again, the repository has outgrown one invocation: run `strongroom "
        "collect run --here` on a machine in its region, before locks end. Their ends are a week away."
    )
    return Notice(_subject(stack, "collection DID NOT END"), "\n".join(lines))


def _troubles(report: CollectionReport) -> list[_Trouble]:
    counts = report.counts
    lost = counts["packs_lost"] + counts["backups_lost"]
    return [
        _Trouble(
            "REFUSED",
            "Reasons for which it let nothing go, or less than was due",
            len(report.refused),
            report.refused,
            "mend what else stands here. If too much would go at once and that is meant, follow the page "
            "collection-refused.",
        ),
        _Trouble(
            "packs MISSING",
            "Packs that a backup needs and that were not there",
            counts["packs_missing"],
            report.missing,
            "nothing, if the next collection finds them: they were brought back from their versions, where there was "
            "one. Find out who deleted.",
        ),
        _Trouble(
            "LOST",
            "Packs and backups of which no version is left",
            lost,
            (),
            "copy them from the replica, then run `strongroom verify --depth structure`.",
        ),
        _Trouble(
            "holds of NOTHING",
            "Holds on a backup of which nothing is left",
            counts["idle_holds"],
            report.idle_holds,
            "copy the backup from the replica, or release the hold if its backup never was.",
        ),
        _Trouble(
            "records UNREADABLE",
            "Commit records that cannot be read, and that nobody has written off",
            counts["unreadable_needed"],
            report.unreadable,
            "bring back the genuine version, or write the backup off: follow the page records-unreadable.",
        ),
        _Trouble(
            "clock WRONG",
            "Backups whose names are from the future",
            counts["skewed"],
            report.skewed,
            "set the clock of whoever made them. They are kept until their time has come.",
        ),
        _Trouble(
            "users ERASED",
            "Backups that were condemned because somebody has ordered that their users are erased",
            counts["backups_erased_anew"],
            report.erased,
            "nothing, if you know of the order. If not, withdraw it today: follow the page erase-a-user.",
        ),
    ]


def _subject(stack: str, what: str) -> str:
    return f"Strongroom {stack[:30]}: {what}"[:100].encode("ascii", "replace").decode()


def _named(name: str) -> str:
    """Give a line: a user's name may hold anything, also ends of lines."""
    text = f"  {repr(name)[1:-1]}"
    return text if len(text) <= _LINE else f"{text[: _LINE - 3]}..."
