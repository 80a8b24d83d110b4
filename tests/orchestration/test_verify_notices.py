"""What people are told: what is damaged, what that touches and what to do, in a message that SNS takes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from functions.engine.orchestration.ports import Notice, UserState
from functions.engine.orchestration.verify_notices import (
    FailedDrill,
    Flaw,
    damage_notice,
    drills_notice,
    join_damages,
    overdue_notice,
    unchecked_notice,
)
from functions.engine.repository import BackupName
from functions.engine.verify_report import Damage

NOW = datetime(2026, 11, 20, 4, tzinfo=UTC)
PACK = "ab" * 16
BACKUP = BackupName("reports", "bob", "20261120T020000Z-00000000")
LONG = "\x00é\n" * 341 + "x"
"""A key of nearly 1,024 bytes, none of which should stand in a message as it is."""
SUBJECT_LIMIT = 100
BODY_LIMIT = 256 * 1024


def check(notice: Notice, *parts: str) -> None:
    """A notice has a subject and a body that SNS takes, and holds what it must."""
    assert notice.subject.isascii()
    assert notice.subject.isprintable()
    assert len(notice.subject) <= SUBJECT_LIMIT
    assert len(notice.body.encode()) < BODY_LIMIT
    missing = [part for part in parts if part not in notice.body]
    assert not missing, notice.body


def damage(number: int = 0, *, files: int = 1) -> Damage:
    """Give a damaged chunk that touches some files of Bob's."""
    found = Damage("CHUNK_CORRUPT", f"chunk {number:064x}", "its SHA-256 differs", PACK, number.to_bytes(32))
    for file in range(files):
        found.touch(BACKUP, f"bob/{file}")
    return found


def test_damage_is_told_with_pack_chunk_files_backups_and_what_to_do() -> None:
    """Who reads it knows what is lost and what to do first."""
    notice = damage_notice("prod", "vault", [damage(1, files=12)])
    assert notice.subject == "Strongroom prod: DAMAGE found: 1 object"
    check(
        notice,
        "the repository vault found 1 damaged object.",
        f"CHUNK_CORRUPT: chunk {1:064x} in pack {PACK}: its SHA-256 differs",
        "backups touched: 20261120T020000Z-00000000 of user 'bob'",
        "files touched: 'bob/0', 'bob/1'",
        "and 2 more",
        "What to do:",
        "strongroom verify --depth full",
    )


def test_an_unfinished_search_is_told() -> None:
    """Nobody shall think that nothing else is touched."""
    check(damage_notice("dev", "vault", [damage(files=0)], "looked for in 5 backups"), "none known", "in 5 backups")


def test_the_largest_messages_still_fit() -> None:
    """Thousands of damages, of which those that are told have hundreds of the longest keys there are."""
    name = BackupName(LONG, LONG, BACKUP.backup_id)
    many = [damage(number) for number in range(5_000)]
    for item in many[:50]:
        for number in range(150):
            item.touch(name._replace(backup_id=str(number)), f"{LONG}{number}")
        item.detail = LONG * 5
    check(damage_notice("s" * 300, LONG[:60], many), "... and 4,990 damaged objects more")
    flaws = [Flaw(repr(LONG), "RESTORE_MISMATCH", LONG * 9, "look")] * 100
    failed = [FailedDrill(name, LONG, 20_000, flaws)] * 1_000
    check(drills_notice("s", failed, 3), "1,000 restore drills failed, 3 succeeded.", "and 19,990 more")
    late = [(LONG, UserState(LONG, "b", first=NOW - timedelta(days=100)))] * 1_000
    check(overdue_notice("s", late, NOW, 90), "... and 950 users more")
    check(unchecked_notice("s", [name] * 1_000), "... and 990 backups more")


def test_a_failed_drill_is_told_with_its_user_its_error_and_the_remedy() -> None:
    """The remedy once, however many files need it."""
    flaws = [Flaw(f"'bob/{number}'", "RESTORE_MISMATCH", "lacks the tag 'x'", "compare again") for number in range(3)]
    notice = drills_notice("prod", [FailedDrill(BACKUP, "drills/2026-11-20/reports/bob/0a/", 3, flaws)], 11)
    assert notice.subject == "Strongroom prod: restore drill FAILED: 1 user"
    check(
        notice,
        "1 restore drill failed, 11 succeeded.",
        "user 'bob' of source 'reports', backup 20261120T020000Z-00000000:",
        "RESTORE_MISMATCH: 'bob/2': lacks the tag 'x'",
        "restored to: drills/2026-11-20/reports/bob/0a/",
    )
    assert notice.body.count("what to do: compare again") == 1


def test_who_was_not_proven_in_time_is_told_with_his_age() -> None:
    """Each by source, user and how long it is."""
    late = [
        ("reports", UserState("bob", "b", proven=NOW - timedelta(days=95))),
        ("invoices", UserState("", "b", first=NOW - timedelta(days=91))),
    ]
    check(
        overdue_notice("prod", late, NOW, 90),
        "2 users should have been proven by a restore drill within 90 days:",
        "user 'bob' of source 'reports': last proven 95 days ago",
        "user '' of source 'invoices': never proven, first backed up 91 days ago",
    )


def test_damages_of_several_slices_are_joined() -> None:
    """One thing is named once, with all backups and files that need it."""
    other = Damage("CHUNK_CORRUPT", f"chunk {1:064x}", "its SHA-256 differs", PACK, (1).to_bytes(32))
    other.touch(BACKUP._replace(user="carol"), "carol/c")
    joined = join_damages([damage(1, files=12), damage(2), other])
    assert [(item.name, item.file_count) for item in joined] == [(f"chunk {1:064x}", 13), (f"chunk {2:064x}", 1)]
    assert [name.user for name in joined[0].backups] == ["bob", "carol"]
