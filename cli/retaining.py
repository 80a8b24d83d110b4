"""What the commands about retention share: which rules count, who says so and why, and looking things up."""

from __future__ import annotations

import getpass
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Annotated, TypeAlias, TypeVar

import typer

from cli import options
from cli.progress import Counter
from cli.stack_file import read_stack
from functions.contract.object_keys import SNAPSHOTS, source_prefix, user_prefix
from functions.engine.errors import BackupNotFoundError, ConfigurationError
from functions.engine.ports import BlobStore
from functions.engine.repository import BackupName, Repository
from functions.engine.retention.erasure import read_erasures
from functions.engine.retention.history import load_history
from functions.engine.retention.holds import Author, read_holds
from functions.engine.retention.policy import MAX_DAYS, Candidate, Erasure, Hold, RetentionPolicy
from functions.engine.retention.walk import Walk, candidate_of

T = TypeVar("T")

THREADS = 16
"""Requests that people wait for: enough to hide the wait for each."""
_LONGEST_REASON = 1_000

Reason: TypeAlias = Annotated[str, typer.Option("--reason", help="Why: a case, a request, a ticket. It is kept.")]
By: TypeAlias = Annotated[str | None, typer.Option("--by", help="Who says so. Default: the name of the login.")]
User: TypeAlias = Annotated[str, typer.Option("--user", help="The user: a first-level folder of the source.")]
StackFile: TypeAlias = Annotated[
    str | None,
    typer.Option("--stack", help="Stack whose file has the present rules. Default: those of the last collection."),
]
Program: TypeAlias = Annotated[
    Path | None, typer.Option("--program", help="Folder of Pulumi.<stack>.yaml. Default: the present one.")
]


def _count(name: str, what: str) -> object:
    return typer.Option(f"--{name}", min=0, max=MAX_DAYS, help=f"Another rule: {what}. 0 is off.")


Days: TypeAlias = Annotated[
    int | None, typer.Option("--days", min=1, max=MAX_DAYS, help="Another rule: days that every backup is kept.")
]
Daily: TypeAlias = Annotated[int | None, _count("daily", "keep one for each of the last so many days")]
Weekly: TypeAlias = Annotated[int | None, _count("weekly", "keep one for each of the last so many weeks")]
Monthly: TypeAlias = Annotated[int | None, _count("monthly", "keep one for each of the last so many months")]
Yearly: TypeAlias = Annotated[int | None, _count("yearly", "keep one for each of the last so many years")]


@dataclass(frozen=True, slots=True)
class OtherRules:
    """The rules that a person named beside the present ones."""

    days: int | None = None
    daily: int | None = None
    weekly: int | None = None
    monthly: int | None = None
    yearly: int | None = None

    def __bool__(self) -> bool:
        """Say whether there is one."""
        return any(getattr(self, item.name) is not None for item in fields(self))

    def on(self, present: RetentionPolicy | None) -> RetentionPolicy:
        """Give the present rules with these instead. Without present ones, `--days` must be there."""
        named = {item.name: value for item in fields(self) if (value := getattr(self, item.name)) is not None}
        if present is not None:
            return replace(present, **named)
        if self.days is None:
            raise ConfigurationError(
                "nobody knows the rules: no collection has been done yet", hint="name --stack or --days"
            )
        return RetentionPolicy(**named)


@dataclass(frozen=True, slots=True)
class Rules:
    """How backups are kept, and for how many days objects are locked at birth, where that is known."""

    policy: RetentionPolicy | None
    lock_days: int | None


def present_rules(store: BlobStore, stack: str | None, program: Path | None) -> Rules:
    """Give the rules of a stack's file, or else those of the newest collection that is done, if there is one."""
    options.not_without("--program", program, "--stack", given=stack is not None)
    if stack is not None:
        kept = read_stack(program or Path(), stack).retention
        policy = RetentionPolicy(kept.days, kept.daily, kept.weekly, kept.monthly, kept.yearly)
        return Rules(policy, kept.lock_days)
    last = load_history(store, ()).last
    if last is None:
        return Rules(None, None)
    return Rules(RetentionPolicy(**last.head["policy"]), last.head["lock_days"])


@dataclass(frozen=True, slots=True)
class Kept:
    """What is to be decided of one user."""

    candidates: list[Candidate]
    holds: list[Hold]
    erasures: list[Erasure]


def candidates_of(store: BlobStore, source: str | None, users: list[str]) -> Iterator[Kept]:
    """Give the backups of every user, with what people have ordered. BackupNotFoundError for who has none."""
    holds, erasures = read_holds(store), read_erasures(store)
    prefixes = [SNAPSHOTS if source is None else source_prefix(source)]
    if source is not None and users:
        prefixes = [user_prefix(source, user) for user in users]
    for prefix in prefixes:
        none = True
        for user, records in Walk(store, prefix):
            found = [candidate_of(backup, record) for backup, record in records]
            if found:
                none = False
                name = (user.source, user.user)
                yield Kept(found, list(holds.of(*name)), list(erasures.of(*name)))
        if none:
            raise BackupNotFoundError(f"nothing is backed up below {prefix}", hint="`strongroom backups` lists names")


def author(by: str | None, reason: str) -> Author:
    """Give who says so, and why. ConfigurationError when that is nothing, or no line of text."""
    name = by if by is not None else _login()
    for option, text in (("--by", name), ("--reason", reason)):
        if not text.strip() or not text.isprintable() or len(text) > _LONGEST_REASON:
            raise ConfigurationError(
                f"{option} is {text[:40]!r}, must be one line of up to {_LONGEST_REASON:,} characters",
                hint=f"{option} 'case 2026-117'",
            )
    return Author(name.strip(), reason.strip())


def _login() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        raise ConfigurationError("nobody is logged in by a name", hint="name --by") from None


def require_backup(store: BlobStore, source: str, user: str, backup_id: str | None) -> None:
    """Raise BackupNotFoundError for a user without a backup, and for one that is not there."""
    names = list(Repository(store).backups(source, user))
    if not names:
        raise BackupNotFoundError(
            f"user {user!r} of source {source!r} has no backup", hint="check the names: capital letters count"
        )
    if backup_id is not None and BackupName(source, user, backup_id) not in names:
        raise BackupNotFoundError(
            f"user {user!r} has no backup {backup_id}",
            hint="`strongroom backups` lists them; `strongroom undelete` brings back what was let go",
        )


def many_at_once(progress: Counter) -> Callable[[Callable[[str], T], Iterable[str]], Iterator[T]]:
    """Give a `map` that does several at once, in order, and counts."""

    def mapper(work: Callable[[str], T], items: Iterable[str]) -> Iterator[T]:
        with ThreadPoolExecutor(THREADS) as pool:
            for result in pool.map(work, items):
                progress.advance(files=1)
                yield result

    return mapper
